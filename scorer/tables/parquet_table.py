"""Parquet tables, in bounded memory: read a few rows at a time, written in bounded row groups.

Schema, field and key-value metadata stay as they are. Knows Parquet, nothing of what the columns
mean.
"""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import IO

import pyarrow as pa
import pyarrow.parquet as pq

from scorer.errors import InputError
from scorer.files.byte_sink import ByteSink
from scorer.files.byte_streams import open_seekable, reading, source_name
from scorer.files.file_kinds import HEAD_BYTES, check_parquet
from scorer.tables.int96 import int96_unit
from scorer.tables.pandas_metadata import amend_pandas_metadata
from scorer.tables.parquet_annotations import (
    INT96,
    lost_annotations,
    read_leaves,
    time_in_utc,
    written_leaves,
)
from scorer.tables.table_streams import (
    MAX_CHUNK_BYTES,
    Chunk,
    ParquetDialect,
    TableReader,
    TableWriter,
)

READ_ROWS = 1024  # at a time, at most
READ_BYTES = 1 << 20  # at a time, of each column
ROW_GROUP_ROWS = 1 << 16
ROW_GROUP_BYTES = 128 << 20


class ParquetReader(TableReader):
    """A Parquet file being read."""

    kind = "parquet"

    def __init__(self, path: str) -> None:
        self.name = source_name(path)
        self._file = open_seekable(path)
        try:
            self._check_kind()
            self._parquet = self._open()
        except BaseException:
            self._file.close()
            raise
        self.schema = self._parquet.schema_arrow

    def _check_kind(self) -> None:
        with reading(self.name, None):
            check_parquet(self.name, self._file.read(HEAD_BYTES))
            self._file.seek(0)

    def _open(self) -> pq.ParquetFile:
        try:
            with reading(self.name, None):
                parquet = self._parquet_file()
                _decode_names(parquet.schema_arrow)
                self.dialect = ParquetDialect(read_leaves(parquet.schema))
                int96 = [leaf.path for leaf in self.dialect.leaves if leaf.physical == INT96]
                if int96:
                    parquet = self._parquet_file(int96_unit(self._file, int96, self.name))
        except UnicodeDecodeError as error:
            raise InputError(f"cannot read {self.name}: a column's name is not UTF-8") from error
        return parquet

    def _parquet_file(self, int96_unit: str = "ns") -> pq.ParquetFile:
        return pq.ParquetFile(
            self._file,
            buffer_size=READ_BYTES,
            pre_buffer=False,
            page_checksum_verification=True,
            coerce_int96_timestamp_unit=int96_unit,
            arrow_extensions_enabled=True,  # JSON and UUID stay what they are
        )

    def chunks(self, max_rows: int, max_bytes: int = MAX_CHUNK_BYTES) -> Iterator[Chunk]:
        """Yield the rows, see `TableReader`; `max_bytes` are those of the table in memory."""
        for table in self._tables(max_rows, max_bytes, self._batch_rows(max_rows, max_bytes)):
            first_row = self.rows_read
            self.rows_read += table.num_rows
            yield Chunk(first_row, table)

    def share_read(self, size: int | None) -> float | None:
        """Return the share of the rows that is read."""
        return self.rows_read / max(1, self.count_rows())

    def _batch_rows(self, max_rows: int, max_bytes: int) -> int:
        """Return how many rows to read at once, fewer where they are large."""
        metadata = self._parquet.metadata
        groups = [metadata.row_group(i) for i in range(metadata.num_row_groups)]
        sizes = (group.total_byte_size / group.num_rows for group in groups if group.num_rows > 0)
        fitting = int(max_bytes / max([1.0, *sizes]))
        return max(1, min(READ_ROWS, max_rows, fitting))

    def _tables(self, max_rows: int, max_bytes: int, batch_rows: int) -> Iterator[pa.Table]:
        """Yield batches joined up to the limits."""
        pending: list[pa.RecordBatch] = []
        rows = size = 0
        for batch in self._batches(batch_rows):
            pending.append(batch)
            rows, size = rows + batch.num_rows, size + batch.nbytes
            if rows + batch_rows > max_rows or size >= max_bytes:
                yield pa.Table.from_batches(pending, self.schema)
                pending, rows, size = [], 0, 0
        if pending:
            yield pa.Table.from_batches(pending, self.schema)

    def _batches(self, batch_rows: int) -> Iterator[pa.RecordBatch]:
        with reading(self.name, None):
            batches = self._parquet.iter_batches(batch_rows, use_threads=False)
            yield from (batch for batch in batches if batch.num_rows)

    def count_rows(self) -> int:
        """Return the number of rows in the footer."""
        return int(self._parquet.metadata.num_rows)

    def close(self) -> None:
        """Close the file."""
        self._parquet.close()
        self._file.close()


def _decode_names(schema: pa.Schema) -> None:
    """Raise `UnicodeDecodeError` here, for nested fields too, rather than on first use."""
    schema.to_string(show_field_metadata=False, show_schema_metadata=False)


class ParquetWriter(TableWriter):
    """A Parquet file being written."""

    def __init__(
        self,
        target: str | Path | IO[bytes],
        schema: pa.Schema,
        dialect: ParquetDialect | None = None,
    ) -> None:
        """Begin a file; `dialect` is that of the Parquet file that the columns come from."""
        self._sink = ByteSink(target)
        self._pending: list[pa.Table] = []
        in_utc = time_in_utc(dialect)
        with self._sink.writing():
            self._parquet = pq.ParquetWriter(
                self._sink,
                amend_pandas_metadata(schema),
                compression="zstd",
                write_page_checksum=True,
                write_time_adjusted_to_utc=in_utc,
            )
        if dialect is not None:
            self.notes = tuple(lost_annotations(dialect.leaves, written_leaves(schema, in_utc)))

    def write(self, table: pa.Table) -> None:
        """Append rows. Raises `InputError` if they cannot be written."""
        self._pending.append(table)
        self.rows_written += table.num_rows
        rows = sum(part.num_rows for part in self._pending)
        if rows >= ROW_GROUP_ROWS or sum(part.nbytes for part in self._pending) >= ROW_GROUP_BYTES:
            self._write_row_group()

    def _write_row_group(self) -> None:
        with self._sink.writing():
            self._parquet.write_table(pa.concat_tables(self._pending), 2 * ROW_GROUP_ROWS)
        self._pending = []

    def add_metadata(self, metadata: Mapping[str, str]) -> None:
        """Store key-value metadata in the footer."""
        self._parquet.add_key_value_metadata(dict(metadata))

    def close(self) -> None:
        """Finish the file. Raises `InputError` if it cannot be written."""
        if self._pending:
            self._write_row_group()
        with self._sink.writing():
            self._parquet.close()
        self._sink.finish()

    def abandon(self) -> None:
        """Close the incomplete file without finishing it."""
        self._sink.abandon()
        self._parquet.close()
