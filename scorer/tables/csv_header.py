"""Where the table of a CSV begins: lines that are not its header, or no header at all.

    sep=;                  Excel's line, which says what the delimiter is
    Customer reviews       a title above the header: refused, `--skip-rows` leaves it out
    1,the soup was warm    data in the place of the header: a note, `--no-header` reads it as a row

Knows the first lines of a file and its dialect, nothing of files.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from scorer.errors import InputError
from scorer.tables.csv_dialect import (
    CLEAR,
    DELIMITERS,
    SURE,
    consistency,
    is_prose,
    parse,
    records_of,
)
from scorer.tables.csv_options import shown
from scorer.tables.table_streams import CsvDialect

SEPARATOR_LINE = re.compile(r"sep=(.)(?:\r\n|\r|\n)", re.IGNORECASE)
NUMBER_OR_DATE = re.compile(r"[-+]?\d[\d.,:/ -]*%?|\d{4}-\d\d-\d\dT[\d:.]+Z?")
SENTENCE_WORDS = 4
MAX_NAME = 60  # characters of a column name shown in a message


@dataclass(frozen=True)
class Record:
    """A record of the first lines."""

    fields: Sequence[str]
    lines_before: int


def separator_of(line: str) -> str | None:
    """Return the delimiter of a `sep=` line; None for any other line."""
    found = SEPARATOR_LINE.fullmatch(line)
    return found[1] if found else None


def first_records(lines: Sequence[str], complete: bool, dialect: CsvDialect) -> list[Record]:
    """Return the records of a table's first lines, without one that may go on."""
    records = list(_records(lines, dialect))
    return records if complete or len(records) < 2 else records[:-1]


def _records(lines: Sequence[str], dialect: CsvDialect) -> Iterator[Record]:
    reader, before = parse(lines, dialect), 0
    for fields in reader:
        if fields:
            yield Record(fields, before)
        before = reader.line_num


def check_header(
    lines: Sequence[str], complete: bool, dialect: CsvDialect, delimiter_given: bool
) -> None:
    """Raise `InputError` where the header is clearly further down, or the delimiter another."""
    if consistency(records_of(lines, complete, dialect)) > CLEAR:
        return
    choices = [dialect]
    if not delimiter_given:
        others = [d for d in DELIMITERS if d not in (dialect.delimiter, dialect.quote)]
        choices += [replace(dialect, delimiter=other) for other in others]
    for choice in choices:
        records = first_records(lines, complete, choice)
        found = _header_further_down(records)
        if found is not None:
            raise InputError(*_refusal(records[0], found, dialect, choice, lines))


def _header_further_down(records: Sequence[Record]) -> Record | None:
    """Return the record from which on records have one width, wider than the first record's."""
    widths = [len(record.fields) for record in records]
    if len(widths) < 3:
        return None
    width = max(set(widths[1:]), key=widths[1:].count)
    if width < 2 or width <= widths[0]:
        return None
    at = widths.index(width)
    table = widths[at:]
    as_wide = [record.fields for record in records[at:] if len(record.fields) == width]
    if len(table) < 2 or len(as_wide) < SURE * len(table) or is_prose(as_wide):
        return None
    return records[at]


def _refusal(
    first: Record, found: Record, dialect: CsvDialect, choice: CsvDialect, lines: Sequence[str]
) -> tuple[str, str]:
    width, skipped = len(found.fields), found.lines_before
    fields = "1 field" if len(first.fields) == 1 else f"{len(first.fields)} fields"
    name = dialect.delimiter.join(first.fields)[:MAX_NAME]
    problem = (
        f"the header {name!r} has {fields}, but the lines from line {skipped + 1} on have {width}"
        f" ({shown(choice.delimiter)} between them)"
    )
    hint = f"If a title stands above the header, --skip-rows {skipped} leaves it out"
    unused = next((d for d in ("\t", "|", "\x01") if not any(d in line for line in lines)), None)
    if len(first.fields) == 1 and unused is not None:
        hint += f"; if each line is one text, --delimiter {shown(unused)} reads it so"
    return problem, hint


def looks_like_data(records: Sequence[Sequence[str]]) -> bool:
    """Return whether the first record is one like the others, rather than their names."""
    if not records:
        return False
    first, others = records[0], records[1:]
    if any(map(_is_sentence, first)):
        return True
    if all(name.isdecimal() and int(name) == i for i, name in enumerate(first)):
        return False  # pandas names columns so
    columns = [[other[i] for other in others if i < len(other)] for i in range(len(first))]
    numbers = (
        _is_number(name) and column and all(map(_is_number, column))
        for name, column in zip(first, columns, strict=True)
    )
    return any(numbers)


def _is_sentence(name: str) -> bool:
    words = name.split()
    return len(words) >= SENTENCE_WORDS and name[-1] not in "?:" and not name.istitle()


def _is_number(cell: str) -> bool:
    return NUMBER_OR_DATE.fullmatch(cell.strip()) is not None
