r"""Where the table of a CSV begins: lines that are not its header, or no header at all.

    sep=;                  Excel's line, which says what the delimiter is
    Customer reviews       a title above the header: refused, `--skip-rows` leaves it out
    1,the soup was warm    data in the place of the header: a note, `--no-header` reads it as a row
    {"ImportId":"QID1"}    more headers below it, as survey tools and sqlcmd write them: a note
    id\x1ftext\x1e1\x1f…     all of a file whose rows do not end in line breaks: refused

Knows the first lines of a file and its dialect, nothing of files.
"""

import re
from collections.abc import Sequence
from dataclasses import replace

from scorer.errors import InputError
from scorer.tables.csv_dialect import CLEAR
from scorer.tables.csv_options import CsvOptions, shown
from scorer.tables.csv_readings import MISSING_NAME
from scorer.tables.csv_sample import DELIMITERS, SURE, CsvSample, Record, consistency, is_prose
from scorer.tables.table_streams import CsvDialect
from scorer.tables.text_column import MAX_NAME, MOMENT, USUAL_NAMES
from scorer.wording import counted

SEPARATOR_LINE = re.compile(r'("?)sep=(.)\1\2* *(?:\r\n|\r|\n)', re.IGNORECASE)
NUMBER = re.compile(r"\d+")
NUMBER_OR_DATE = re.compile(rf"[-+]?\d[\d.,:/ -]*%?|\d{{4}}-\d\d-\d\dT[\d:.]+Z?|{MOMENT}")
SENTENCE_WORDS, SHORT_SENTENCE_WORDS = 4, 3
MAX_SMALL_WORD = 3  # letters of a word that titles do not capitalise
NO_VALUES = frozenset({"na", "n/a", "nan", "null", "none", "nil", "missing"})
MIN_NUMBERS = 3  # below a name
MIN_TABLE, MAX_TITLE = 4, 10  # lines above a header that may be a table; that may be a title
WIDTHS = "A row has as many fields as the header has names: mend the file, or split it there"
DASHES = re.compile("--+")
IMPORT_ID = re.compile(r'\s*\{\s*"ImportId"\s*:')  # of Qualtrics
TYPE = re.compile(  # of ClickHouse
    r"(?:\w+\()*(?:U?Int\d+|B?Float\d+|(?:Fixed)?String|Date(?:Time)?\d*|Decimal\d*|Enum\d+|UUID|Bool|JSON)"
    r"(?:\(.*\))?\)*"
)
UNBROKEN = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f]|(?s:.){10000}")  # in no name
ANSWER_KINDS = frozenset({"response", "open-ended response"})  # of SurveyMonkey


def separator_of(line: str) -> str | None:
    """Return the delimiter of a `sep=` line; None for any other line."""
    found = SEPARATOR_LINE.fullmatch(line)
    return found[2] if found else None


def check_header(sample: CsvSample, dialect: CsvDialect, options: CsvOptions) -> None:
    """Raise `InputError` where the header is clearly further down, or the delimiter another.

    Or where all of the file would be the header.
    """
    records = sample.records(dialect)
    is_told = options.header or options.no_header
    if len(records) == 1 and not is_told and not sample.lines[-1].endswith(("\n", "\r")):
        _check_breaks(records[0])
    if consistency([record.fields for record in records]) > CLEAR:
        if not options.header:
            _check_padded_title(records)
        return
    choices = [dialect]
    if options.delimiter is None:
        others = [d for d in DELIMITERS if d not in (dialect.delimiter, dialect.quote)]
        choices += [replace(dialect, delimiter=other) for other in others]
    for choice in choices:
        found = _header_further_down(sample.records(choice))
        if found is not None:
            raise InputError(*_refusal(sample, dialect, choice, found))


def _check_breaks(header: Record) -> None:
    """Refuse names that are none, where there are no rows: something else ends them."""
    if any(map(UNBROKEN.search, header.fields)):
        raise InputError(
            f"all of it would be the header, {header.fields[0][:MAX_NAME]!r} and so on",
            "Each row has to end in a line break; --header says that it is the header",
        )


def _check_padded_title(records: Sequence[Record]) -> None:
    """Refuse a title that a spreadsheet wrote as wide as the table: `Our reviews,,`."""
    filled = [sum(map(bool, map(str.strip, record.fields))) for record in records]
    width = len(records[0].fields)
    at = next((i for i, count in enumerate(filled) if count > 1), 0)
    if not filled[0] or at == 0 or filled[at] < width or at + 1 == len(records):
        return
    is_usual = not USUAL_NAMES.isdisjoint(name.strip().casefold() for name in records[0].fields)
    if width < 3 and (is_usual or not _stands_above_numbers(records[at:])):  # one has no name
        return
    if not _is_data(records[at].fields):
        raise InputError(
            f"the header has {counted(filled[0], 'name')} for {width} columns, line "
            f"{records[at].lines_before + 1} has one for each",
            f"If a title stands above the header, --skip-rows {records[at].lines_before} leaves "
            "it out; --header says that it is the header",
        )


def _stands_above_numbers(records: Sequence[Record]) -> bool:
    """Return whether a field of the first of some records names numbers."""
    name, *rows = [record.fields for record in records]
    columns = [[row[i] for row in rows if i < len(row)] for i in range(len(name))]
    return any(map(_names_numbers, name, columns))


def _header_further_down(records: Sequence[Record]) -> Record | None:
    """Return the record from which on records have one width, another than the first record's.

    Narrower records that hold data are no title's table: they lack fields.
    """
    widths = [len(record.fields) for record in records]
    if len(widths) < 3:
        return None
    width = max(set(widths[1:]), key=widths[1:].count)
    if width in (1, widths[0]):
        return None
    at = widths.index(width)
    table = widths[at:]
    as_wide = [record.fields for record in records[at:] if len(record.fields) == width]
    if len(table) < 2 or len(as_wide) < SURE * len(table) or is_prose(as_wide):
        return None
    return None if width < widths[0] and _is_data(records[at].fields) else records[at]


def _refusal(
    sample: CsvSample, dialect: CsvDialect, choice: CsvDialect, found: Record
) -> tuple[str, str]:
    """Return what is wrong and the options that help."""
    fields, skipped = sample.rows(choice)[0], found.lines_before
    name = dialect.delimiter.join(fields)[:MAX_NAME]
    problem = (
        f"the header {name!r} has {counted(len(fields), 'field')}, but the lines from "
        f"line {skipped + 1} on have {len(found.fields)} ({shown(choice.delimiter)} between them)"
    )
    if len(fields) > 1 and _is_data(found.fields):
        return problem, MISSING_NAME if len(found.fields) == len(fields) + 1 else WIDTHS
    above = CsvSample(sample.lines[:skipped], complete=True)
    title = f"If a title stands above the header, --skip-rows {skipped} leaves it out"
    if _is_data(found.fields):
        title = f"If a title stands above rows without a header, --skip-rows {skipped} --no-header"
        title += " reads them"
    if any(_is_table(above.rows(replace(choice, delimiter=other))) for other in DELIMITERS):
        joined = f"If two files are joined, split them before line {skipped + 1}"
        return problem, joined if skipped > MAX_TITLE else f"{joined}. {title}"
    hint = title
    unused = next((d for d in ("\t", "|", "\x01") if d not in sample), None)
    if len(fields) == 1 and unused is not None:
        hint += f"; if each line is one text, --delimiter {shown(unused)} reads it so"
    return problem, hint


def _is_data(fields: Sequence[str]) -> bool:
    """Return whether these are values, rather than names of columns."""
    return any(_is_number(field) or (field != "" and is_sentence(field)) for field in fields)


def _is_table(rows: Sequence[Sequence[str]]) -> bool:
    """Return whether there are names with values below them, rather than a title."""
    if len(rows) < MIN_TABLE or consistency(rows) < 1 or _is_data(rows[0]):
        return False
    return len(rows) > MAX_TITLE or any(map(_is_data, rows[1:]))


def looks_like_data(rows: Sequence[Sequence[str]]) -> bool:
    """Return whether the first row is one like the others, rather than their names.

    It is not where a word stands above numbers or dates, whatever else there is.
    """
    if not rows:
        return False
    first, others = rows[0], rows[1:]
    columns = [[other[i] for other in others if i < len(other)] for i in range(len(first))]
    return _has_data(first, columns) and not any(map(_names_numbers, first, columns))


def _names_numbers(name: str, cells: Sequence[str]) -> bool:
    filled = [cell for cell in cells if cell.strip()]
    word = name[:1].isalpha() and name.strip().casefold() not in NO_VALUES
    return word and len(filled) >= MIN_NUMBERS and all(map(_is_number, filled))


def _has_data(first: Sequence[str], columns: Sequence[Sequence[str]]) -> bool:
    """Return whether a cell of the first row is a text, a number, or as one below it."""
    if any(is_sentence(name) and not _is_title(name) for name in first):
        return True
    numbered = first[1:] if first[0] == "" else first  # its index has no name
    if all(name.isdecimal() and int(name) == i for i, name in enumerate(numbered)):
        return False  # pandas names columns so
    if any(map(is_sentence, first)) and any(map(_is_like, first, columns)):
        return True
    numbers = (
        _is_number(name) and column and all(map(_is_number, column))
        for name, column in zip(first, columns, strict=True)
    )
    return any(numbers)


def headers_below(rows: Sequence[Sequence[str]]) -> tuple[int, str]:
    """Return how many rows below the names are headers too, and what writes them; (0, "") if none.

    rows: those of the table, the names first.
    """
    for count, row in enumerate(rows[1:3], 1):
        if any(row) and all(IMPORT_ID.match(cell) for cell in row if cell):
            return count, 'Qualtrics writes there (`{"ImportId":…}`)'
    if len(rows) > 1 and all(map(_underlines, rows[0], rows[1])):
        return 1, "sqlcmd writes there (dashes)"
    if len(rows) > 1 and len(rows[1]) > 1 and all(map(TYPE.fullmatch, rows[1])):
        return 1, "ClickHouse writes there (types)"
    kinds = {cell.strip().casefold() for cell in rows[1]} if len(rows) > 2 else set()
    if kinds & ANSWER_KINDS and not rows[1][0].strip() and all(row[0].strip() for row in rows[2:]):
        return 1, "SurveyMonkey writes there (kinds of answers)"
    return 0, ""


def _underlines(name: str, cell: str) -> bool:
    return DASHES.fullmatch(cell) is not None and len(cell) >= len(name)


def warn_of_headers(count: int, what: str) -> str:
    """Return the warning of headers below the names, and what writes them there."""
    holds, them = ("holds", "it") if count == 1 else ("hold", "them")
    return (
        f"{counted(count, 'row')} below the header {holds} no data but what {what}: a training "
        f"leaves {them} out, scoring does not, so delete {them} in the file"
    )


def is_sentence(name: str) -> bool:
    """Return whether the name of a column, which is not blank, is rather a text."""
    words = len(name.split())
    ended = words >= SHORT_SENTENCE_WORDS and name.rstrip()[-1] in ".!"
    return ended or (words >= SENTENCE_WORDS and name[-1] not in "?:" and not name.istitle())


def _is_title(name: str) -> bool:
    """Return whether most words are capitalised, and only short ones are not: `Date and Time`."""
    if name.rstrip()[-1] in ".!":
        return False
    words = name.split()
    small = [word for word in words if not word[0].isupper()]
    return 2 * len(small) < len(words) and all(len(word) <= MAX_SMALL_WORD for word in small)


def _is_like(name: str, cells: Sequence[str]) -> bool:
    """Return whether a name that is not blank is as a cell below it, but for numbers in it."""
    shape = NUMBER.sub("0", name)
    return name != "" and any(NUMBER.sub("0", cell) == shape for cell in cells)


def _is_number(cell: str) -> bool:
    return NUMBER_OR_DATE.fullmatch(cell.strip()) is not None
