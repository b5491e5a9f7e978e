r"""The dialect of a CSV: how `csv` parses it, and how it is detected from the first lines.

Detection is conservative: comma and `"` unless another choice is clear and that one is not, and no
escape unless `\"` inside quotes leaves no other reading. Knows text, nothing of files.
"""

import csv
from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from scorer.errors import InputError, UsageError
from scorer.tables.csv_options import CsvOptions, shown
from scorer.tables.escaped_csv import EscapedReader
from scorer.tables.table_streams import CsvDialect

if TYPE_CHECKING:
    from _csv import Reader as CsvParser

DELIMITERS = (",", ";", "\t", "|")
ESCAPE = "\\"
MAX_CELL = 1 << 27  # characters; csv takes 4 bytes for each while it parses a cell
CLEAR = 0.5  # share of the records as wide as the header, above which a delimiter is the one
PROSE = "-'.!?/&()"  # is a delimiter only if many records say so
PROSE_RECORDS = 20
SURE = 0.9  # the same for a delimiter that is not a usual one, or a header further down


def parse(
    lines: Iterable[str], dialect: CsvDialect, strict: bool = False
) -> "CsvParser | EscapedReader":
    """Return the standard library's reader, or one like it, over lines that keep their endings.

    `strict` raises `csv.Error` where a quoted field goes on after its closing quote.
    """
    _allow_large_cells()
    if dialect.escape:
        return EscapedReader(lines, dialect, strict)
    return csv.reader(
        lines,
        delimiter=dialect.delimiter,
        quotechar=dialect.quote or None,
        quoting=csv.QUOTE_MINIMAL if dialect.quote else csv.QUOTE_NONE,
        strict=strict,
    )


def _allow_large_cells() -> None:
    """Raise the limit that all of the process shares; lowering it again could fail another."""
    if csv.field_size_limit() < MAX_CELL:
        csv.field_size_limit(MAX_CELL)


def detect_dialect(
    lines: Sequence[str], complete: bool, options: CsvOptions, expected: str | None = None
) -> CsvDialect:
    """Return the dialect of a table's first lines; what is given is not detected.

    `complete` says whether the lines are the whole table, `expected` which delimiter the file's
    name stands for. Raises `UsageError` for options that do not fit each other, and `InputError`
    where the lines are clearly apart by something else.
    """
    quote = options.quote_character
    quote = _detected_quote(lines) if quote is None else quote
    given = options.escape_character
    escapes = _possible_escapes(lines, quote) if given is None else [given]
    delimiter = options.delimiter_character
    if delimiter is None:
        found = [
            _detected_delimiter(lines, complete, CsvDialect(",", quote, escape), expected)
            for escape in escapes
        ]
        delimiter = max(found, key=lambda pair: pair[1])[0]
    _check_characters(delimiter, quote, escapes)
    return _with_escape(lines, complete, [CsvDialect(delimiter, quote, e) for e in escapes])


def _check_characters(delimiter: str, quote: str, escapes: Sequence[str]) -> None:
    if delimiter == quote:
        raise UsageError(f"--delimiter {delimiter!r} is the quote too", "--quote names another")
    for escape in escapes:
        if escape and escape in (delimiter, quote):
            raise UsageError(
                f"--escape {escape!r} is the delimiter or the quote too", "`--escape none` is none"
            )


def _detected_quote(lines: Sequence[str]) -> str:
    """Return `"`, or `'` if the header has it at both ends and no line has a `"`."""
    header = next((line.rstrip("\r\n") for line in lines if line.strip("\r\n")), "")
    wrapped = len(header) > 1 and header[0] == header[-1] == "'"
    return "'" if wrapped and not any('"' in line for line in lines) else '"'


def _possible_escapes(lines: Sequence[str], quote: str) -> list[str]:
    escaped = quote and any(ESCAPE + quote in line for line in lines)
    return ["", ESCAPE] if escaped else [""]


def _detected_delimiter(
    lines: Sequence[str], complete: bool, dialect: CsvDialect, expected: str | None
) -> tuple[str, float]:
    """Return a delimiter and the share of the records that it makes as wide as the header."""
    free = [candidate for candidate in DELIMITERS if candidate != dialect.quote]
    usual = [replace(dialect, delimiter=candidate) for candidate in free]
    shares = [consistency(records_of(lines, complete, choice)) for choice in usual]
    if expected is not None:
        return _expected_delimiter(dict(zip(free, shares, strict=True)), expected)
    best = shares.index(max(shares))  # the first of equals: the comma
    if shares[best] > CLEAR:
        return free[best], shares[best]
    return _unusual_delimiter(lines, complete, dialect) or free[0], shares[best]


def _expected_delimiter(shares: dict[str, float], expected: str) -> tuple[str, float]:
    """Return the delimiter of the file's name; refuse it where another is the clear one."""
    other = max(shares, key=lambda candidate: shares[candidate])
    if shares[expected] == 0 and shares[other] > SURE:
        raise InputError(
            f"the name of the file stands for {shown(expected)} between fields, "
            f"but its lines have {shown(other)}",
            f"--delimiter {shown(other)} reads them so; --delimiter {shown(expected)} as one field",
        )
    return expected, shares[expected]


def _unusual_delimiter(lines: Sequence[str], complete: bool, dialect: CsvDialect) -> str | None:
    """Return a control character that separates all lines; refuse to guess any other character."""
    header = next((line.strip("\r\n") for line in lines if line.strip("\r\n")), "")
    for candidate in dict.fromkeys(header):
        if candidate.isalnum() or candidate in (*DELIMITERS, " ", "_", "\0", dialect.quote):
            continue
        records = records_of(lines, complete, replace(dialect, delimiter=candidate))
        enough = PROSE_RECORDS if candidate in PROSE else 2
        if len(records) < enough or consistency(records) < 1 or is_prose(records):
            continue
        if not candidate.isprintable():
            return candidate
        raise InputError(
            f"{shown(candidate)} stands in every line as often as in the header",
            f"--delimiter {shown(candidate)} reads it as the delimiter; --delimiter , does not",
        )
    return None


def records_of(lines: Sequence[str], complete: bool, dialect: CsvDialect) -> list[list[str]]:
    """Return the records of a table's first lines, without one that may go on."""
    records = [record for record in parse(lines, dialect) if record]
    return records if complete or len(records) < 2 else records[:-1]


def consistency(records: Sequence[Sequence[str]]) -> float:
    """Return the share of records as wide as the first, 0 where that is a single field."""
    return _as_wide(records) if records and len(records[0]) > 1 else 0.0


def _as_wide(records: Sequence[Sequence[str]]) -> float:
    """Return the share of records as wide as the first."""
    return sum(len(record) == len(records[0]) for record in records) / max(len(records), 1)


def is_prose(records: Sequence[Sequence[str]]) -> bool:
    """Return whether what seems to separate fields is punctuation: a space follows, or nothing."""
    later = [field for record in records for field in record[1:]]
    return not all(records[0]) or sum(field[:1].isspace() for field in later) > len(later) / 2


def _with_escape(lines: Sequence[str], complete: bool, choices: Sequence[CsvDialect]) -> CsvDialect:
    """Return the dialect with an escape only if the one without cannot read what that reads."""
    without, *others = choices
    for dialect in others:
        share = _as_wide(records_of(lines, complete, dialect))
        if (
            _is_well_formed(lines, complete, dialect)
            and not _is_well_formed(lines, complete, without)
            and share >= _as_wide(records_of(lines, complete, without))
        ):
            return dialect
    return without


def _is_well_formed(lines: Sequence[str], complete: bool, dialect: CsvDialect) -> bool:
    """Return whether no quoted field goes on after its closing quote."""
    try:
        for _ in parse(lines, dialect, strict=True):
            pass
    except csv.Error as error:
        return not complete and "end of data" in str(error)
    return True
