"""CSV being written: UTF-8, a row a line, every cell reads back as the string it is.

A cell is quoted only if it has to be. Knows CSV and Arrow, nothing of how files are published.
"""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import IO

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from scorer.errors import InputError
from scorer.files.byte_sink import ByteSink
from scorer.tables.csv_cells import as_cells
from scorer.tables.table_streams import TEXT, CsvDialect, TableWriter

MARK = "\ufeff"
HINT = "Leave --quote none out, or write Parquet"
WRITE_ROWS = 512  # at a time: on the way a cell is copied several times


class CsvWriter(TableWriter):
    """A CSV being written: UTF-8, a row a line, a cell quoted only if it has to be."""

    def __init__(
        self,
        target: str | Path | IO[bytes],
        compression: str | None,
        schema: pa.Schema,
        dialect: CsvDialect,
    ) -> None:
        self._dialect = dialect
        self._sink = ByteSink(target, compression)
        self._write([pa.chunked_array([[name]], TEXT) for name in schema.names])

    def write(self, table: pa.Table) -> None:
        """Append rows. Raises `InputError` for a cell that CSV cannot hold, or a full disk."""
        for start in range(0, table.num_rows, WRITE_ROWS):
            part = table.slice(start, WRITE_ROWS)
            named = zip(part.columns, part.schema.names, strict=True)
            self._write([as_cells(column, name) for column, name in named])
        self.rows_written += table.num_rows

    def _write(self, columns: list[pa.ChunkedArray]) -> None:
        cells = [_quoted(column.combine_chunks(), self._dialect) for column in columns]
        if len(cells) == 1:  # a blank line would be no row
            cells[0] = _with_blanks_quoted(cells[0], self._dialect)
        cells[-1] = _joined(cells[-1], "\n")
        lines = pc.binary_join_element_wise(*cells, pa.scalar(self._dialect.delimiter, TEXT))
        self._sink.write(_bytes(lines))

    def add_metadata(self, metadata: Mapping[str, str]) -> None:
        """Do nothing: CSV has no metadata."""

    def close(self) -> None:
        """Finish the file. Raises `InputError` if it cannot be written."""
        self._sink.finish()

    def abandon(self) -> None:
        """Close the incomplete file without finishing it."""
        self._sink.abandon()


def _quoted(cells: pa.LargeStringArray, dialect: CsvDialect) -> pa.LargeStringArray:
    """Return the cells as they are written.

    Line endings of both kinds are quoted, and a byte order mark that might begin the file.
    """
    quote = dialect.quote
    special = pc.or_(_has(cells, "\r\n" + dialect.delimiter + quote), pc.starts_with(cells, MARK))
    if dialect.escape:
        escaped = _escaped(cells, dialect)
        if not quote:
            return _check_ends(escaped)
        special = pc.or_(special, pc.not_equal(escaped, cells))  # some read escapes in quotes only
        cells = escaped
    if not pc.any(special).as_py():
        return cells
    if not quote:
        raise InputError("a cell has the delimiter or a line ending, and there is no quote", HINT)
    inner = pc.replace_substring(cells, quote, (dialect.escape or quote) + quote)
    return pc.if_else(special, _joined(quote, inner, quote), cells)


def _escaped(cells: pa.LargeStringArray, dialect: CsvDialect) -> pa.LargeStringArray:
    """Return the cells with escapes before those escapes that would act on what follows them.

    Without a quote, also before what else has to be escaped.
    """
    escape, special = dialect.escape, f"{dialect.delimiter}{dialect.quote}\r\n"
    mask = _has(cells, escape + ("" if dialect.quote else special))
    if not pc.any(mask).as_py():
        return cells
    acting = f"{re.escape(escape)}(?=[{re.escape(escape + special)}]|\\Z)"
    pattern = re.compile(acting if dialect.quote else f"{acting}|[{re.escape(special)}]")
    escaped = [
        pattern.sub(lambda found: escape + found[0], cell)
        for cell in cells.filter(mask).to_pylist()
    ]
    return pc.replace_with_mask(cells, mask, pa.array(escaped, TEXT))


def _check_ends(cells: pa.LargeStringArray) -> pa.LargeStringArray:
    r"""Refuse a cell that would make one line ending of its `\r` and the row's `\n`."""
    if pc.any(pc.ends_with(cells, "\r")).as_py():
        raise InputError("a cell ends in a carriage return, and there is no quote", HINT)
    return cells


def _has(cells: pa.LargeStringArray, characters: str) -> pa.BooleanArray:
    escaped = "".join(f"\\x{{{ord(character):X}}}" for character in characters)
    return pc.match_substring_regex(cells, f"[{escaped}]")


def _joined(*parts: pa.LargeStringArray | str) -> pa.LargeStringArray:
    scalars = [pa.scalar(part, TEXT) if isinstance(part, str) else part for part in parts]
    return pc.binary_join_element_wise(*scalars, pa.scalar("", TEXT))


def _with_blanks_quoted(cells: pa.LargeStringArray, dialect: CsvDialect) -> pa.LargeStringArray:
    blank = pc.equal(cells, "")
    if dialect.quote:
        return pc.if_else(blank, pa.scalar(dialect.quote * 2, TEXT), cells)
    if pc.any(blank).as_py():
        raise InputError("a blank cell in a table of one column, and there is no quote", HINT)
    return cells


def _bytes(cells: pa.LargeStringArray) -> pa.Buffer:
    """Return the bytes of all cells, one after the other."""
    _, offsets, data = cells.buffers()
    starts = np.frombuffer(offsets, np.int64)[cells.offset : cells.offset + len(cells) + 1]
    return data.slice(starts[0], starts[-1] - starts[0])
