"""What every table is read and written through: a stream of chunks, in the order of its rows.

Knows Arrow tables, nothing of formats, files, models or publishing.
"""

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from types import TracebackType
from typing import Self

import pyarrow as pa

MAX_CHUNK_BYTES = 64 << 20


@dataclass(frozen=True)
class CsvDialect:
    """How fields are set apart and quoted; a `quote` of `""` is no quoting at all."""

    delimiter: str = ","
    quote: str = '"'


@dataclass(frozen=True)
class Chunk:
    """Accepted rows of a table, in a row."""

    first_row: int  # ordinal of its first row among the accepted rows, from 0
    table: pa.Table  # CSV: large_string, never null, unless inferred; Parquet: the file's types


@dataclass(frozen=True)
class Reject:
    """A row that cannot be read as the header says; bytes that are no text are lone surrogates."""

    line: int  # from 1
    byte_offset: int  # from 0, in the decompressed file
    reason: str
    raw: str  # without its line ending


class TableReader(ABC):
    """A table opened for reading, once, from its first row to its last.

    Its schema may hold names that repeat or are blank.
    """

    name: str  # for messages
    schema: pa.Schema
    rows_read: int = 0  # accepted and rejected, so far
    rows_rejected: int = 0
    dialect: CsvDialect | None = None  # None: not a CSV

    @abstractmethod
    def chunks(self, max_rows: int, max_bytes: int = MAX_CHUNK_BYTES) -> Iterator[Chunk]:
        """Yield the accepted rows; a chunk is cut where it has `max_rows` or `max_bytes`.

        It has at least a row, and the cuts are the same for the same file and arguments.
        Raises `InputError` where the file cannot be read on.
        """

    @abstractmethod
    def count_rows(self) -> int:
        """Return how many accepted rows there are, instead of reading them with `chunks`."""

    @abstractmethod
    def close(self) -> None:
        """Let go of the file."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


class TableWriter(ABC):
    """A table being written; it is complete once `close` has returned."""

    rows_written: int = 0

    @abstractmethod
    def write(self, table: pa.Table) -> None:
        """Append rows of the schema that the writer was made with."""

    @abstractmethod
    def add_metadata(self, metadata: Mapping[str, str]) -> None:
        """Record facts in the file, where its format has room for them (Parquet)."""

    @abstractmethod
    def close(self) -> None:
        """Finish the file. Raises `InputError` if it cannot be written."""

    @abstractmethod
    def abandon(self) -> None:
        """Let go of the unfinished file as it is."""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, _e: BaseException | None, _t: TracebackType | None
    ) -> None:
        if kind is None:
            self.close()
        else:
            self.abandon()
