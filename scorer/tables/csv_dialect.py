"""Detect the delimiter and the quote of a CSV from its first lines.

Conservative: comma and `"` unless another choice is clear and that one is not.
Knows text, nothing of files.
"""

import csv
from collections.abc import Iterable, Iterator, Sequence

from scorer.errors import UsageError
from scorer.tables.table_streams import CsvDialect

DELIMITERS = (",", ";", "\t", "|")
NAMED = {"tab": "\t", "\\t": "\t", "comma": ",", "semicolon": ";", "pipe": "|", "space": " "}
NO_QUOTE = "none"
MAX_CELL = 1 << 27  # characters; csv takes 4 bytes for each while it parses a cell


def parse(lines: Iterable[str], dialect: CsvDialect) -> Iterator[list[str]]:
    """Return the standard library's reader over lines that keep their endings."""
    _allow_large_cells()
    if not dialect.quote:
        return csv.reader(lines, delimiter=dialect.delimiter, quoting=csv.QUOTE_NONE)
    return csv.reader(lines, delimiter=dialect.delimiter, quotechar=dialect.quote)


def _allow_large_cells() -> None:
    """Raise the limit that all of the process shares; lowering it again could fail another."""
    if csv.field_size_limit() < MAX_CELL:
        csv.field_size_limit(MAX_CELL)


def detect_dialect(
    lines: Sequence[str], complete: bool, delimiter: str | None, quote: str | None
) -> CsvDialect:
    """Return the dialect of a table's first lines; what is given is not detected.

    `complete` says whether the lines are the whole table. Raises `UsageError`.
    """
    quotechar = _detected_quote(lines) if quote is None else _quote(quote)
    if delimiter is not None:
        return CsvDialect(_delimiter(delimiter, quotechar), quotechar)
    free = [candidate for candidate in DELIMITERS if candidate != quotechar]
    choices = [CsvDialect(candidate, quotechar) for candidate in free]
    shares = [_consistency(lines, complete, dialect) for dialect in choices]
    best = shares.index(max(shares))  # the first of equals: the comma
    return choices[best] if shares[best] > 0.5 else choices[0]


def _delimiter(named: str, quote: str) -> str:
    delimiter = NAMED.get(named, named)
    if len(delimiter) != 1 or delimiter in ("\0", "\r", "\n", quote):
        names = ", ".join(name for name in NAMED if name.isalpha())
        raise UsageError(f"--delimiter {named!r}: give one character, or one of: {names}")
    return delimiter


def _quote(named: str) -> str:
    if named in ("", NO_QUOTE):
        return ""
    if len(named) != 1 or named in "\0\r\n":
        raise UsageError(f"--quote {named!r}: give one character, or {NO_QUOTE}")
    return named


def _detected_quote(lines: Sequence[str]) -> str:
    """Return `"`, or `'` if the header has it at both ends and no line has a `"`."""
    header = next((line.rstrip("\r\n") for line in lines if line.strip("\r\n")), "")
    wrapped = len(header) > 1 and header[0] == header[-1] == "'"
    return "'" if wrapped and not any('"' in line for line in lines) else '"'


def _consistency(lines: Sequence[str], complete: bool, dialect: CsvDialect) -> float:
    """Return the share of records as wide as the header, 0 where that is a single field."""
    widths = [len(record) for record in parse(lines, dialect) if record]
    if not complete and len(widths) > 1:
        widths.pop()  # the last one may go on
    if not widths or widths[0] < 2:
        return 0.0
    return widths.count(widths[0]) / len(widths)
