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
