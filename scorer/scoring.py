"""The job: a table's chunks in, the same chunks with probability columns out, and what was done.

    read ─ encode ─ predict ─ write        overlapping, see `pipeline`

Knows which room reads, counts, remembers and publishes. Knows no bundle folder: it is handed a
predictor and the facts of its bundle. How a chunk is scored is in `chunks`, which columns are
added in `columns`, where things are put in `destination`.
"""

import json
import time
from collections.abc import Generator
from contextlib import closing
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, datetime
from itertools import chain
from pathlib import Path
from typing import Any

import pyarrow as pa

from scorer.chunks import ChunkScorer, ScoredChunk, count_distinct, journal_row
from scorer.columns import AddedColumns, find_text_column, statuses
from scorer.destination import STANDARD_STREAM, Destination, reserved
from scorer.errors import ScorerError
from scorer.fingerprint import Fingerprint, check_unchanged, fingerprint
from scorer.inference import Predictor
from scorer.journal import Binding, Journal
from scorer.ledger import RejectLimit, RowLedger
from scorer.pipeline import StageClock, each, overlapped, timed
from scorer.publish import FULL_HINT, real_path, writing
from scorer.summary import BundleFacts, InputFacts, RowCounts, RunSummary, Tally, peak_memory_mb
from scorer.tables import (
    Chunk,
    CsvOptions,
    RejectSink,
    TableReader,
    TableWriter,
    check_table,
    create_table,
    format_of,
    open_table,
)

CHUNK_ROWS = 8192
CHUNK_BYTES = 32 << 20


@dataclass(frozen=True)
class Source:
    """What is read: a path or `-`, how it is read, and which column is the text."""

    path: str
    format: str | None = None  # by its name where it is None
    csv: CsvOptions = field(default_factory=CsvOptions)
    text_column: str | None = None  # the bundle's, or the only one, where it is None
    chunk_rows: int = CHUNK_ROWS

    @property
    def file(self) -> Path | None:
        """The absolute path; None for standard input."""
        return None if self.path == STANDARD_STREAM else real_path(self.path)


@dataclass(frozen=True)
class Target:
    """What is written: a path or `-`, as what, and with which columns."""

    path: str
    format: str | None = None  # by its name where it is None
    added: AddedColumns = field(default_factory=AddedColumns)
    overwrite: bool = False


class Watcher:
    """Who watches a run: does nothing here; the job's prints, and raises when a signal came."""

    def check(self) -> None:
        """Be asked before each chunk is predicted, in any thread; what it raises ends the run."""

    def note(self, line: str) -> None:
        """Be told what a person should know."""

    def advance(self, rows: int, total: int | None) -> None:
        """Be told how many rows are written, and of how many if that is known."""

    def ended(self, summary: RunSummary) -> None:
        """Be told what the run did, whether it published or failed."""


def score_file(
    source: Source,
    target: Target,
    predictor: Predictor,
    bundle: BundleFacts,
    limit: RejectLimit = DEFAULT_LIMIT,
    watcher: Watcher | None = None,
) -> RunSummary:
    """Score a file into another one and return what was done.

    The output appears complete or not at all; run again after an interruption, it goes on from
    the scores that were computed. Raises a `ScorerError` for whatever DESIGN calls expected.
    """
    with reserved(target.path, source.file, target.overwrite) as destination:
        run = Run(source, target, destination, predictor, bundle)
        return run.score(limit, watcher or Watcher())


def score_table(
    table: pa.Table, predictor: Predictor, column: int, added: AddedColumns | None = None
) -> pa.Table:
    """Return a table with the job's columns added; `column` is the position of the text."""
    added = added or AddedColumns()
    schema = added.added_to(table.schema, predictor.classes)
    scorer = ChunkScorer(predictor, column)
    parts = [schema.empty_table()]
    for first_row in range(0, table.num_rows, CHUNK_ROWS):
        chunk = Chunk(first_row, table.slice(first_row, CHUNK_ROWS))
        scored = scorer.predict(scorer.encode(chunk))
        parts.append(added.appended(scored, schema))
    return pa.concat_tables(parts)


class Run:
    """One run of the job; counts what it does."""

    def __init__(
        self,
        source: Source,
        target: Target,
        destination: Destination,
        predictor: Predictor,
        bundle: BundleFacts,
    ) -> None:
        self._source, self._target, self._destination = source, target, destination
        self._predictor, self._bundle = predictor, bundle
        self._ledger, self._tally = RowLedger(), Tally()
        self._clocks = {stage: StageClock() for stage in ("read", "encode", "model", "write")}
        self._started = datetime.now(UTC)
