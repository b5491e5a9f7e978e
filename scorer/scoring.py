"""The job: a table's chunks in, the same chunks with probability columns out, and what was done.

    read ─ encode ─ predict ─ write        each in a thread of its own, see `pipeline`

Knows which room reads, counts, remembers and publishes. Knows no bundle folder: it is handed a
predictor and the facts of its bundle. How a chunk is scored is in `chunks`, which columns are
added in `columns`, how a file is published in `publish`.
"""

import time
from collections.abc import Generator, Iterator
from contextlib import ExitStack, closing, contextmanager
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from itertools import chain
from pathlib import Path
from typing import Any

import pyarrow as pa

from scorer.chunks import ChunkScorer, ScoredChunk, journal_row
from scorer.columns import AddedColumns, find_text_column
from scorer.errors import ScorerError
from scorer.fingerprint import Fingerprint, check_unchanged, fingerprint
from scorer.inference import Predictor
from scorer.journal import Journal, open_journal
from scorer.ledger import RejectLimit, RowLedger
from scorer.pipeline import StageClock, each, overlapped, timed
from scorer.publish import PendingFile, beside, check_output, locked, real_path, writing
from scorer.summary import BundleFacts, InputFacts, RowCounts, RunSummary, Tally, peak_memory_mb
from scorer.tables import (
    Chunk,
    CsvOptions,
    RejectSink,
    TableFormat,
    TableReader,
    TableWriter,
    check_table,
    create_table,
    format_of,
    open_table,
)

STANDARD_STREAM = "-"
CHUNK_ROWS = 8192
CHUNK_BYTES = 32 << 20
STAGES = ("read", "encode", "model", "write")


@dataclass(frozen=True)
class Source:
    """What is read: a path or `-`, how it is read, and which column is the text."""

    path: str
    format: str | None = None
    csv: CsvOptions = CsvOptions()
    text_column: str | None = None
    chunk_rows: int = CHUNK_ROWS

    @property
    def file(self) -> Path | None:
        """The absolute path; None for standard input."""
        return None if self.path == STANDARD_STREAM else real_path(self.path)


@dataclass(frozen=True)
class Target:
    """What is written: a path or `-`, as what, and with which columns."""

    path: str
    format: str | None = None
    added: AddedColumns = AddedColumns()
    overwrite: bool = False

    @property
    def file(self) -> Path | None:
        """The absolute path; None for standard output."""
        return None if self.path == STANDARD_STREAM else real_path(self.path)


class Watcher:
    """Who watches a run: does nothing here; the job's prints, and raises when a signal came."""

    def check(self) -> None:
        """Called before each chunk is predicted, from any thread; what it raises ends the run."""

    def note(self, line: str) -> None:
        """Told of something that a person should know."""

    def advance(self, rows: int, total: int | None) -> None:
        """Told how many rows are written, of how many if that is known."""

    def ended(self, summary: RunSummary) -> None:
        """Told what a run did, whether it succeeded or failed."""
