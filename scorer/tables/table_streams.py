"""The interface of table readers and writers: a stream of chunks in the order of the rows.

Knows Arrow tables, nothing of formats, files, models or publishing.
"""

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from types import TracebackType
from typing import Self

import pyarrow as pa

MAX_CHUNK_BYTES = 64 << 20
TEXT = pa.large_string()  # of a CSV's columns


@dataclass(frozen=True)
class CsvDialect:
    """How fields are separated, quoted and escaped; `""` means no quoting, or no escape.

    A delimiter `""` separates nothing: each line is a field, also a blank one.
    """

    delimiter: str = ","
    quote: str = '"'
    escape: str = ""
    skip_space: bool = False  # spaces before a field are left out; only without an escape

    @property
    def is_lines(self) -> bool:
        """Whether each line is one field."""
        return not self.delimiter


@dataclass(frozen=True)
class ParquetLeaf:
    """A leaf column of a Parquet file."""

    path: str  # with dots: `tags.list.element`
    physical: str  # INT32, BYTE_ARRAY, …
    annotation: str  # its logical type in words


@dataclass(frozen=True)
class ParquetDialect:
    """What a Parquet file says beyond its Arrow schema."""

    leaves: tuple[ParquetLeaf, ...]


@dataclass(frozen=True)
class Chunk:
    """Consecutive accepted rows of a table."""

    first_row: int  # ordinal of its first row among the accepted rows, from 0
    table: pa.Table  # CSV: large_string, never null, unless inferred; Parquet: the file's types


@dataclass(frozen=True)
class Reject:
    """A row that does not fit the header; undecodable bytes are lone surrogates."""

    line: int  # from 1
    byte_offset: int  # from 0, in the decompressed file
    reason: str
    raw: str  # without its line ending


class TableReader(ABC):
    """A table opened for reading, once, from its first row to its last.

    Its schema may hold names that repeat or are blank.
    """

    name: str  # for messages
    kind: str  # of the table: csv, lines, jsonl or parquet
    schema: pa.Schema
    rows_read: int = 0  # accepted and rejected, so far
    rows_rejected: int = 0
    dialect: CsvDialect | ParquetDialect

    @property
    def notes(self) -> Sequence[str]:
        """What a user should know of the file, as far as it is read."""
        return ()

    @property
    def reject_hint(self) -> str:
        """What helps where too many rows are rejected; "" if nothing is known."""
        return ""

    def share_read(self, size: int | None) -> float | None:
        """Return the share of the table that is read, between 0 and 1; None where it is not known.

        size: of the file in bytes, None for one that is compressed or read once.
        """
        return None

    @abstractmethod
    def chunks(self, max_rows: int, max_bytes: int = MAX_CHUNK_BYTES) -> Iterator[Chunk]:
        """Yield the accepted rows in chunks that end at `max_rows` or `max_bytes`.

        No chunk is empty; the same file and arguments give the same chunks.
        Raises `InputError` where the file cannot be read.
        """

    @abstractmethod
    def count_rows(self) -> int:
        """Return how many accepted rows there are, instead of reading them with `chunks`."""

    @abstractmethod
    def close(self) -> None:
        """Close the file."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


class TableWriter(ABC):
    """A table being written; it is complete once `close` has returned."""

    rows_written: int = 0
    notes: Sequence[str] = ()  # what a user should know of the file

    @abstractmethod
    def write(self, table: pa.Table) -> None:
        """Append rows of the schema that the writer was made with."""

    @abstractmethod
    def add_metadata(self, metadata: Mapping[str, str]) -> None:
        """Store key-value metadata, if the format has any (Parquet)."""

    @abstractmethod
    def close(self) -> None:
        """Finish the file. Raises `InputError` if it cannot be written."""

    @abstractmethod
    def abandon(self) -> None:
        """Close the incomplete file without finishing it."""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, _e: BaseException | None, _t: TracebackType | None
    ) -> None:
        if kind is None:
            self.close()
        else:
            self.abandon()
