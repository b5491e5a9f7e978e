r"""Detect the dialect of a CSV from its first lines.

Conservative: comma and `"` unless another choice is clear and that one is not, and no escape
unless `\"` inside quotes leaves no other reading. Knows text, nothing of files.
"""

from collections.abc import Sequence
from dataclasses import replace

from scorer.errors import InputError, UsageError
from scorer.tables.csv_options import CsvOptions, shown
from scorer.tables.csv_sample import SURE, CsvSample, consistency, is_prose, share_as_wide
from scorer.tables.table_streams import CsvDialect

DELIMITERS = (",", ";", "\t", "|")
ESCAPE = "\\"
CLEAR = 0.5  # share of the records as wide as the header, above which a delimiter is the one
PROSE = (
    "-'.!?/&()"  # such a character is a delimiter only if many records say so, without exception
)
PROSE_RECORDS = 20


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
    return _with_escape(sample, [CsvDialect(delimiter, quote, escape) for escape in escapes])


def _check_characters(delimiter: str, quote: str, escapes: Sequence[str]) -> None:
    if delimiter == quote:
        raise UsageError(f"--delimiter {delimiter!r} is the quote too", "--quote names another")
    for escape in escapes:
        if escape and escape in (delimiter, quote):
            problem = f"--escape {escape!r} is the delimiter or the quote too"
            raise UsageError(problem, "`--escape none` is none")


def _detected_quote(sample: CsvSample) -> str:
    """Return `"`, or `'` if the header has it at both ends and no line has a `"`."""
    header = sample.first_line
    wrapped = len(header) > 1 and header[0] == header[-1] == "'"
    return "'" if wrapped and '"' not in sample else '"'


def _possible_escapes(sample: CsvSample, quote: str) -> list[str]:
    return ["", ESCAPE] if quote and ESCAPE + quote in sample else [""]


def _detected_delimiter(
    sample: CsvSample, dialect: CsvDialect, expected: str | None
) -> tuple[str, float]:
    """Return a delimiter and the share of the records that it makes as wide as the header."""
    free = [candidate for candidate in DELIMITERS if candidate != dialect.quote]
    shares = {
        candidate: consistency(sample.rows(replace(dialect, delimiter=candidate)))
        for candidate in free
    }
    if expected is not None and shares[expected] > 0:
        return expected, shares[expected]
    best = max(shares, key=lambda candidate: shares[candidate])  # the first of equals: the comma
    if expected is not None and shares[best] > SURE:
        raise _other_than_expected(expected, best)
    if best == "|":  # other columns without a name may be there, and blank
        _check_not_doubled(best, sample.rows(replace(dialect, delimiter=best)))
    if expected is None and shares[best] > CLEAR:
        return best, shares[best]
    return _unusual_delimiter(sample, dialect) or expected or free[0], shares[best]


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
        _check_not_doubled(candidate, rows)
        if not _separates(candidate, rows):
            continue
        if not candidate.isprintable():
            return candidate
        raise InputError(
            f"{shown(candidate)} stands in the lines as often as in the header",
            f"--delimiter {shown(candidate)} reads it as the delimiter; "
            "--delimiter , reads each line as one text",
        )
    return None


def _check_not_doubled(candidate: str, rows: Sequence[Sequence[str]]) -> None:
    """Refuse `::` and the like: then every other field is blank, in the header too."""
    doubled = [row for row in rows if len(row) > 2 and len(row) % 2 and not any(row[1::2])]
    if len(rows) > 1 and len(doubled) > SURE * len(rows) and rows[0] in doubled:
        raise InputError(
            f"{candidate * 2!r} stands between fields, and a delimiter is a single character",
            "Replace it in the file, by a tab for instance",
        )


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
