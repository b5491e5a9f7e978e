"""CSV tables: every cell read is the string that `csv` reads, every cell written reads back so.

Rows that are not as wide as the header, or not in the encoding, are rejected. Knows CSV and
Arrow, nothing of how the files are published or what the columns mean.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import IO

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from scorer.errors import InputError
from scorer.files.byte_streams import Sink, open_source, source_name
from scorer.tables.csv_cells import as_cells
from scorer.tables.csv_dialect import detect_dialect
from scorer.tables.csv_encoding import open_text
from scorer.tables.csv_records import Lines, Records, read_header
from scorer.tables.csv_types import infer_schema, typed
from scorer.tables.rejects import RejectSink, raw_row_streams, rejects_dialect
from scorer.tables.table_streams import (
    MAX_CHUNK_BYTES,
    TEXT,
    Chunk,
    CsvDialect,
    Reject,
    TableReader,
    TableWriter,
)

MARK = "\ufeff"
SAMPLE_CHARACTERS = 1 << 18  # to detect the dialect from
HINT = "Leave `--quote none` out, or write Parquet"
WRITE_ROWS = 512  # at a time: on the way a cell is copied several times
OTHER_FORMATS = {b"PAR1\x15": "parquet", b"\x1f\x8b": "csv.gz", b"\x28\xb5\x2f\xfd": "csv.zst"}


@dataclass(frozen=True)
class CsvOptions:
    """How a CSV is read; None is detected from its first lines."""

    delimiter: str | None = None
    quote: str | None = None
    encoding: str | None = None  # UTF-8, or what a byte order mark says
    infer_types: bool = False


class CsvReader(TableReader):
    """A CSV being read; with inferred types, its schema is final when the first chunk is there."""

    def __init__(
        self,
        path: str,
        compression: str | None = None,
        options: CsvOptions | None = None,
        rejects: RejectSink | None = None,
    ) -> None:
        options = options or CsvOptions()
        self.name = source_name(path)
        self._source = open_source(path, compression)
        self._rejects = rejects
        self._infer_types = options.infer_types
        try:
            self._open(options)
        except BaseException:
            self._source.close()
            raise

    def _open(self, options: CsvOptions) -> None:
        """Read the header."""
        head = self._source.peek()
        _check_kind(self.name, head)
        rejected = rejects_dialect(head)
        text, encoding, start = open_text(self._source, None if rejected else options.encoding)
        lines = Lines(text, encoding, self.name, offset=start)
        parts = raw_row_streams(lines, rejected) if rejected else iter([lines])
        first = next(parts, lines)
        self.dialect = rejected or _dialect(first, options)
        names, header = read_header(first, self.dialect)
        self.schema = pa.schema([pa.field(name, TEXT) for name in names])
        self._records = Records(chain([first], parts), self.dialect, len(names), self._reject)
        if self._rejects is not None:
            self._rejects.describe_input(header, self.dialect)

    def _reject(self, reject: Reject) -> None:
        self.rows_read += 1
        self.rows_rejected += 1
        if self._rejects is not None:
            self._rejects.add(reject)

    def chunks(self, max_rows: int, max_bytes: int = MAX_CHUNK_BYTES) -> Iterator[Chunk]:
        """Yield the accepted rows, see `TableReader`; `max_bytes` are bytes of the file.

        Raises `InputError` for a file without rows, and for a cell that is not of the type that
        was inferred from the first chunk.
        """
        first_row = 0
        for rows in self._batches(max_rows, max_bytes):
            columns = [pa.array(cells, TEXT) for cells in zip(*rows, strict=True)]
            table = pa.table(columns, pa.schema([pa.field(n, TEXT) for n in self.schema.names]))
            if self._infer_types:
                if first_row == 0:
                    self.schema = infer_schema(table)
                table = typed(table, self.schema, first_row)
            self.rows_read += len(rows)
            yield Chunk(first_row, table)
            first_row += len(rows)
        if not self.rows_read:
            raise InputError(f"{self.name} has a header and no rows")

    def _batches(self, max_rows: int, max_bytes: int) -> Iterator[list[list[str]]]:
        rows: list[list[str]] = []
        start = 0
        for cells in self._records:
            rows.append(cells)
            if len(rows) >= max_rows or self._records.bytes - start >= max_bytes:
                yield rows
                rows, start = [], self._records.bytes
        if rows:
            yield rows

    def count_rows(self) -> int:
        """Return how many accepted rows there are, instead of reading them with `chunks`."""
        return sum(1 for _ in self._records)

    def close(self) -> None:
        """Close the file, and finish the file of rejected rows."""
        self._source.close()
        if self._rejects is not None:
            self._rejects.close()


def _check_kind(name: str, head: bytes) -> None:
    for start, kind in OTHER_FORMATS.items():
        if head.startswith(start):
            raise InputError(f"{name} is not CSV: it is {kind}", f"--input-format {kind} reads it")


def _dialect(lines: Lines, options: CsvOptions) -> CsvDialect:
    sample = lines.peek(SAMPLE_CHARACTERS)
    complete = sum(map(len, sample)) < SAMPLE_CHARACTERS
    return detect_dialect(sample, complete, options.delimiter, options.quote)


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
        self._sink = Sink(target, compression)
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
    if not pc.any(special).as_py():
        return cells
    if not quote:
        raise InputError("a cell has the delimiter or a line ending, and there is no quote", HINT)
    doubled = pc.replace_substring(cells, quote, quote * 2)
    return pc.if_else(special, _joined(quote, doubled, quote), cells)


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
