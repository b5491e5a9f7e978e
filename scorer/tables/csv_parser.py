"""The parser of CSV records: the standard library's, or one like it for escapes or whole lines.

Knows text, nothing of files.
"""

import csv
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from scorer.tables.escaped_csv import EscapedReader
from scorer.tables.table_streams import CsvDialect

if TYPE_CHECKING:
    from _csv import Reader as CsvParser

MAX_CELL = 1 << 27  # characters; csv takes 4 bytes for each while it parses a cell


def parse(
    lines: Iterable[str], dialect: CsvDialect, strict: bool = False
) -> "CsvParser | EscapedReader | LineReader":
    """Return the standard library's reader, or one like it, over lines that keep their endings.

    `strict` raises `csv.Error` where a quoted field goes on after its closing quote.
    """
    _allow_large_cells()
    if dialect.is_lines:
        return LineReader(lines)
    if dialect.escape:
        return EscapedReader(lines, dialect, strict)
    return csv.reader(
        lines,
        delimiter=dialect.delimiter,
        quotechar=dialect.quote or None,
        quoting=csv.QUOTE_MINIMAL if dialect.quote else csv.QUOTE_NONE,
        skipinitialspace=dialect.skip_space,
        strict=strict,
    )


class LineReader:
    """Iterates over lines, each a record of one field; `line_num` as `csv.reader` has it."""

    def __init__(self, lines: Iterable[str]) -> None:
        self.line_num = 0
        self._lines = iter(lines)

    def __iter__(self) -> Iterator[list[str]]:
        return self

    def __next__(self) -> list[str]:
        line = next(self._lines)
        self.line_num += 1
        return [line.removesuffix("\n").removesuffix("\r")]


def _allow_large_cells() -> None:
    """Raise the limit that all of the process shares; lowering it again could fail another."""
    if csv.field_size_limit() < MAX_CELL:
        csv.field_size_limit(MAX_CELL)
