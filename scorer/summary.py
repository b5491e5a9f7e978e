"""What a run did: counts, `<output>.run.json`, and the provenance in a Parquet footer.

Provenance holds only what the output depends on, so the same run writes the same bytes again;
times are in the summary. Knows numbers and JSON, nothing of how rows are read or scored.
"""

import json
import resource
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from scorer.columns import STATUSES
from scorer.pipeline import StageClock

if TYPE_CHECKING:
    from scorer.inference import Prediction

FORMAT = 1
BINS = 10  # of the histogram: probabilities of the last class from 0 to 1
SHOWN = ("bundle_version", "bundle_digest", "classes")


@dataclass
class Tally:
    """Counts of the texts scored so far."""

    statuses: np.ndarray = field(default_factory=lambda: np.zeros(len(STATUSES), np.int64))
    histogram: np.ndarray = field(default_factory=lambda: np.zeros(BINS, np.int64))
    duplicates: int = 0  # rows whose text an earlier row of their chunk has
    tokens: int = 0
    unknown: int = 0

    def add(self, statuses: np.ndarray, distinct: int, prediction: "Prediction") -> None:
        """Count a chunk: `statuses` (rows,) as in `columns`, how many texts differ, scores."""
        self.statuses += np.bincount(statuses, minlength=len(STATUSES))
        self.duplicates += len(statuses) - distinct
        self.tokens += int(prediction.tokens.sum(dtype=np.int64))
        self.unknown += int(prediction.unknown.sum(dtype=np.int64))
        last = prediction.probabilities[:, -1]
        self.histogram += np.histogram(last[~np.isnan(last)], bins=BINS, range=(0, 1))[0]

    @property
    def by_status(self) -> dict[str, int]:
        """How many texts are of each status."""
        return dict(zip(STATUSES, self.statuses.tolist(), strict=True))

    @property
    def unknown_share(self) -> float:
        """Share of the tokens that the vocabulary does not have."""
        return self.unknown / max(self.tokens, 1)


@dataclass(frozen=True)
class BundleFacts:
    """Which bundle scored."""

    version: str
    digest: str
    classes: Sequence[str]
    label_values: Mapping[str, str]


@dataclass(frozen=True)
class InputFacts:
    """What was read; `size` in bytes and `sha256` are None for standard input."""

    path: str
    format: str
    size: int | None
    sha256: str | None


@dataclass(frozen=True)
class RowCounts:
    """Rows of a run. read = written + rejected; resumed ones came from an earlier run's journal."""

    read: int
    written: int
    rejected: int
    resumed: int


@dataclass(frozen=True)
class RunSummary:
    """All that is said about a run, as it stands in `<output>.run.json`."""

    exit_status: int
    published: bool
    error: str | None
    started: str  # UTC, ISO 8601
    seconds: float
    input: InputFacts
    output: str
    text_column: str
    rows: RowCounts
    texts: Mapping[str, int]
    duplicates: int
    tokens: int
    unknown_tokens: int
    unknown_token_share: float
    histogram: Sequence[int]
    bundle: BundleFacts
    engine: str
    score_settings: Mapping[str, str]
    options: Mapping[str, Any]
    stages: Mapping[str, StageClock]
    peak_memory_mb: float

    def to_json(self, indent: int | None = None) -> str:
        """Return the summary as JSON; one line without `indent`."""
        return json.dumps({"format": FORMAT, **asdict(self)}, indent=indent, ensure_ascii=False)
