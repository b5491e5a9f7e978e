"""What a run did: counts, `<output>.run.json`, and the provenance in a Parquet footer.

Provenance holds only what the output depends on, so the same run writes the same bytes again,
resumed or not; times are in the summary. Knows numbers and JSON, nothing of how rows are read or
scored.
"""

import json
import resource
import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from scorer.scoring.columns import STATUSES
from scorer.scoring.pipeline import StageClock

if TYPE_CHECKING:
    from scorer.bundles.bundle import Bundle
    from scorer.network.inference import Prediction

FORMAT = 1
FOOTER_KEY = "scorer.provenance"
BINS = 10  # of the histogram: probabilities of the last class from 0 to 1
PROC_STATUS = Path("/proc/self/status")


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

    @classmethod
    def of(cls, bundle: "Bundle") -> "BundleFacts":
        """Return the facts of a loaded bundle."""
        return cls(bundle.version, bundle.digest, bundle.classes, dict(bundle.label_values))


@dataclass(frozen=True)
class InputFacts:
    """What was read; `size` in bytes and `sha256` are None for what can be read only once."""

    path: str
    format: str
    size: int | None
    sha256: str | None


@dataclass(frozen=True)
class RowCounts:
    """Rows of a run: read = written + rejected."""

    read: int
    written: int
    rejected: int


@dataclass(frozen=True)
class Provenance:
    """What a scored table was made from, and how: all that its content depends on."""

    bundle: BundleFacts
    input: InputFacts
    text_column: str
    rows: RowCounts
    texts: Mapping[str, int]  # by status
    score_settings: Mapping[str, str]
    options: Mapping[str, Any]

    def metadata(self) -> dict[str, str]:
        """Return the entry of a Parquet footer."""
        facts = {"format": FORMAT, **asdict(self)}
        return {FOOTER_KEY: as_json(facts)}


@dataclass(frozen=True)
class RunSummary:
    """All that is said about a run, as it stands in `<output>.run.json`."""

    published: bool
    exit_code: int
    error: str | None
    output: str
    started: str  # UTC, ISO 8601
    seconds: float
    provenance: Provenance
    resumed_rows: int  # whose scores came from an earlier run's journal
    computed_rows: int
    duplicates: int
    tokens: int
    unknown_tokens: int
    unknown_token_share: float
    histogram: Sequence[int]
    engine: str
    stages: Mapping[str, StageClock]
    peak_memory_mb: float
    notes: Sequence[str] = ()  # about the input and output files

    def as_dict(self) -> dict[str, Any]:
        """Return the summary as JSON has it; the provenance's entries are among its own."""
        own = {entry.name: getattr(self, entry.name) for entry in fields(self)}
        provenance = asdict(own.pop("provenance"))
        own["stages"] = {name: asdict(clock) for name, clock in self.stages.items()}
        return {"format": FORMAT, **own, **provenance}

    def to_json(self) -> str:
        """Return the summary as one line of JSON."""
        return as_json(self.as_dict())


def unstarted(error: Exception, output: str) -> dict[str, Any]:
    """Return what is said of a run that ended before its bundle was loaded."""
    return {
        "format": FORMAT,
        "published": False,
        "exit_code": getattr(error, "exit_code", 1),
        "error": f"{error}",
        "output": output,
        "started": datetime.now(UTC).isoformat(timespec="seconds"),
    }


def as_json(facts: Mapping[str, Any], indent: int | None = None) -> str:
    """Return JSON; a byte of a file's name that is no text becomes an escape."""
    text = json.dumps(facts, ensure_ascii=False, indent=indent)
    return text.encode("utf-8", "backslashreplace").decode()


def peak_memory_mb() -> float:
    """Return the most memory that this process has had, in MB.

    Linux says it in /proc; its `getrusage` also counts what the parent had when it forked.
    """
    if PROC_STATUS.exists():
        lines = PROC_STATUS.read_text().splitlines()
        kilobytes = next(line.split()[1] for line in lines if line.startswith("VmHWM:"))
        return int(kilobytes) * 1024 / 1e6
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / (1e6 if sys.platform == "darwin" else 1e6 / 1024)
