r"""Detect the dialect of a CSV from its first lines.

Conservative: comma and `"` unless another choice is clear and that one is not, and no escape
unless `\"` inside quotes leaves no other reading. Where rows do not fit the header then, other
readings (`csv_readings`) are tried. Knows text, nothing of files.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import pairwise

from scorer.errors import InputError, UsageError
from scorer.tables.csv_options import CsvOptions, shown
from scorer.tables.csv_readings import ESCAPE, ONE_FIELD, find_reading, is_one_column
from scorer.tables.csv_sample import (
    DELIMITERS,
    SURE,
    CsvSample,
    consistency,
    is_prose,
    is_spaced,
    share_as_wide,
)
from scorer.tables.table_streams import CsvDialect

CLEAR = 0.5  # share of the records as wide as the header, above which a delimiter is the one
PROSE = (
    "-'.!?/&()"  # such a character is a delimiter only if many records say so, without exception
)
PROSE_RECORDS = 20
NAMELESS = (",", ";", "\t")  # between two of them may be a column without name or cells


def detect_dialect(
    sample: CsvSample, options: CsvOptions, expected: str | None = None
) -> CsvDialect:
    """Return the dialect of a table's first lines; what is given is not detected.

    `expected` is the delimiter that the file's name stands for. Raises `UsageError` for options
    that do not fit each other, and `InputError` where something else clearly separates fields.
    """
    quote = options.quote_character
    quote = _detected_quote(sample) if quote is None else quote
    given = options.escape_character
    escapes = _possible_escapes(sample, quote) if given is None else [given]
    delimiter = options.delimiter_character
    if delimiter is None:
        plain = [CsvDialect(quote=quote, escape=escape) for escape in escapes]
        found = [_detected_delimiter(sample, dialect, expected) for dialect in plain]
        delimiter = max(found, key=lambda pair: pair[1])[0]
    _check_characters(delimiter, quote, escapes)
    detected = _with_escape(sample, [CsvDialect(delimiter, quote, escape) for escape in escapes])
    if options.delimiter is None and is_one_column(sample, detected):
        return ONE_FIELD
    if options.quote is not None or options.escape is not None:
        return detected
    return find_reading(sample, detected) or detected


def _check_characters(delimiter: str, quote: str, escapes: Sequence[str]) -> None:
    if delimiter == quote:
        raise UsageError(f"--delimiter {delimiter!r} is the quote too", "--quote names another")
    for escape in escapes:
        if escape and escape in (delimiter, quote):
            problem = f"--escape {escape!r} is the delimiter or the quote too"
            raise UsageError(problem, "`--escape none` is none")


def _detected_quote(sample: CsvSample) -> str:
    """Return `"`, or what stands at both ends of the header and is a quote.

    That is `'` where no line has a `"`, any other mark where it stands beside delimiters as well,
    in most lines, and only as quotes do.
    """
    header = sample.first_line
    mark = header[:1]
    if len(header) < 2 or mark != header[-1]:
        return '"'
    if mark == "'":
        return '"' if '"' in sample else mark
    if _is_word(mark) or mark in DELIMITERS or not mark.isprintable():
        return '"'
    return mark if any(_quotes(mark, delimiter, sample) for delimiter in DELIMITERS) else '"'


def _quotes(mark: str, delimiter: str, sample: CsvSample) -> bool:
    """Return whether a mark is the quote of a table with a delimiter."""
    beside = [mark + delimiter in line or delimiter + mark in line for line in sample.lines]
    if mark + delimiter + mark not in sample.first_line or 2 * sum(beside) <= len(beside):
        return False
    return sample.is_well_formed(CsvDialect(delimiter, mark))


def _possible_escapes(sample: CsvSample, quote: str) -> list[str]:
    return ["", ESCAPE] if quote and ESCAPE + quote in sample else [""]


def _detected_delimiter(
    sample: CsvSample, dialect: CsvDialect, expected: str | None
) -> tuple[str, float]:
    """Return a delimiter and the share of the records that it makes as wide as the header."""
    free = [candidate for candidate in DELIMITERS if candidate != dialect.quote]
    if not sample.rows(dialect):
        return expected or free[0], 0.0
    rows = {candidate: sample.rows(replace(dialect, delimiter=candidate)) for candidate in free}
    shares = {candidate: consistency(rows[candidate]) for candidate in free}
    if expected is not None and shares[expected] > 0:
        return expected, shares[expected]
    equals = [candidate for candidate in free if shares[candidate] == max(shares.values())]
    best = max(equals, key=lambda one: (not is_spaced(rows[one]), len(rows[one][0])))
    if expected is not None and shares[best] > SURE:
        raise _other_than_expected(expected, best)
    _check_single(best, rows[best])
    if expected is None and shares[best] > CLEAR:
        return best, shares[best]
    _check_spaced(sample, dialect)
    ragged = expected or _ragged_delimiter(rows)
    return _unusual_delimiter(sample, dialect) or ragged, shares[best]


def _ragged_delimiter(rows: Mapping[str, Sequence[Sequence[str]]]) -> str:
    """Return what stands in the header and most rows, of whatever widths; a comma if nothing does.

    Rows of another width are rejected then; as one field each they would be scored as a whole.
    """
    likely = {
        candidate: len(header)
        for candidate, (header, *others) in rows.items()
        if len(header) > 1
        and not is_prose([header, *others])
        and 2 * sum(len(row) > 1 for row in others) > len(others)
    }
    return max(likely, key=lambda one: likely[one], default=next(iter(rows)))


def _check_spaced(sample: CsvSample, dialect: CsvDialect) -> None:
    """Refuse names in quotes with spaces between them, as R's `write.table` writes them."""
    names, quote = sample.first_line, dialect.quote
    are_spaced = quote != "" and names.startswith(quote) and f"{quote} {quote}" in names
    if are_spaced and not sample.is_well_formed(dialect):
        header, *rows = sample.rows(replace(dialect, delimiter=" "))
        unnamed = 2 * sum(len(row) == len(header) + 1 for row in rows) > len(rows)
        reading = "--delimiter space reads them so"
        if unnamed:  # of the names of rows
            reading = "--delimiter space --skip-rows 1 --no-header reads the rows below them"
        raise InputError(
            "spaces stand between the names of its columns",
            f"{reading}; `write.csv` in R writes commas",
        )


def _other_than_expected(expected: str, found: str) -> InputError:
    return InputError(
        f"the name of the file stands for {shown(expected)} between fields, but its lines have "
        f"{shown(found)}",
        f"--delimiter {shown(found)} reads them so; --delimiter {shown(expected)} as one field",
    )


def _unusual_delimiter(sample: CsvSample, dialect: CsvDialect) -> str | None:
    """Return a control character that separates all lines; refuse to guess any other character."""
    for candidate in dict.fromkeys(sample.first_line):
        if candidate.isalnum() or candidate in (*DELIMITERS, " ", "_", "\0", dialect.quote):
            continue
        rows = sample.rows(replace(dialect, delimiter=candidate))
        _check_single(candidate, rows)
        if not _separates(candidate, rows):
            continue
        if not candidate.isprintable():
            return candidate
        raise InputError(
            f"{shown(candidate)} stands in the lines as often as in the header",
            f"--delimiter {shown(candidate)} reads it as the delimiter; --delimiter , reads each "
            "line below the first as one text, --input-format lines the first one too",
        )
    return None


def _check_single(candidate: str, rows: Sequence[Sequence[str]]) -> None:
    """Refuse `::`, `~|~` and the like: delimiters of which the candidate is only a part."""
    if len(rows) < 2 or len(rows[0]) < 2:
        return
    middle, flank = rows[0][1], rows[0][0][-1:]
    doubled = not _is_word(middle) and (middle or candidate not in NAMELESS)
    for whole, repeated in (
        (candidate + middle + candidate, doubled and _have_between(rows, middle)),
        (flank + candidate + flank, not _is_word(flank) and flank and _are_flanked(rows, flank)),
    ):
        if repeated:
            raise InputError(
                f"{whole!r} stands between fields, and a delimiter is a single character",
                "Replace it in the file, by a tab for instance",
            )


def _is_word(text: str) -> bool:
    """Return whether a text may be of a field, rather than of a delimiter."""
    return any(character.isalnum() or character in " _\"'" for character in text)


def _have_between(rows: Sequence[Sequence[str]], middle: str) -> bool:
    """Return whether every other field is the same, in the header and nearly all rows."""
    found = [len(row) > 2 and len(row) % 2 == 1 and {*row[1::2]} == {middle} for row in rows]
    return found[0] and sum(found) > SURE * len(rows)


def _are_flanked(rows: Sequence[Sequence[str]], flank: str) -> bool:
    """Return whether a character stands on either side of nearly all delimiters."""
    found = [
        len(row) > 1 and all(a.endswith(flank) and b.startswith(flank) for a, b in pairwise(row))
        for row in rows
    ]
    return found[0] and sum(found) > SURE * len(rows)


def _separates(candidate: str, rows: Sequence[Sequence[str]]) -> bool:
    if is_prose(rows):
        return False
    if candidate in PROSE:
        return len(rows) >= PROSE_RECORDS and consistency(rows) == 1
    return len(rows) > 1 and consistency(rows) > SURE


def _with_escape(sample: CsvSample, choices: Sequence[CsvDialect]) -> CsvDialect:
    """Return the dialect with an escape only if the one without cannot read what that reads."""
    without, *others = choices
    for dialect in others:
        if (
            sample.is_well_formed(dialect)
            and not sample.is_well_formed(without)
            and share_as_wide(sample.rows(dialect)) >= share_as_wide(sample.rows(without))
        ):
            return dialect
    return without
