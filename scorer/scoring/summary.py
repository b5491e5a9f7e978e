"""What a run did, as `<output>.run.json` has it, and the provenance in a Parquet footer.

Provenance holds only what the output depends on, so the same run writes the same bytes again,
resumed or not; times are in the summary. Knows numbers and JSON, nothing of how rows are read or
scored.
"""

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from datetime import UTC, datetime
from typing import Any

from scorer import __version__
from scorer.errors import GateError
from scorer.scoring.pipeline import StageClock

FORMAT = 2  # since 2: `program`, the output's digest, drift, a histogram for each class
FOOTER_KEY = "scorer.provenance"


@dataclass(frozen=True)
class BundleFacts:
    """Which bundle scored."""

    version: str
    digest: str
    classes: Sequence[str]
    label_values: Mapping[str, str]


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
    output_bytes: int | None  # None: nothing was published, or standard output
    output_sha256: str | None
    started: str  # UTC, ISO 8601
    seconds: float
    provenance: Provenance
    resumed_rows: int  # whose scores came from an earlier run's journal
    computed_rows: int
    cached_texts: int  # whose scores came from the cache, distinct in their chunk
    duplicates: int
    tokens: int
    unknown_tokens: int
    unknown_token_share: float
    histogram: Mapping[str, Sequence[int]]  # class -> texts by tenths of its probability
    drift: Mapping[str, float]  # see `evaluation.drift`; empty where it was not measured
    drift_level: float | None
    drift_warnings: Sequence[str]
    drift_unmeasured: str | None  # why it was not measured
    engine: str
    stages: Mapping[str, StageClock]
    peak_memory_mb: float
    notes: Sequence[str] = ()  # about the input and output files

    def as_dict(self) -> dict[str, Any]:
        """Return the summary as JSON has it; the provenance's entries are among its own."""
        own = {entry.name: getattr(self, entry.name) for entry in fields(self)}
        provenance = asdict(own.pop("provenance"))
        own["stages"] = {name: asdict(clock) for name, clock in self.stages.items()}
        return {"format": FORMAT, "program": __version__, **own, **provenance}


class PublishedDriftError(GateError):
    """Drift beyond what is allowed, of an output that is complete and published."""

    published = True

    def __init__(self, drifted: GateError, summary: RunSummary) -> None:
        super().__init__(drifted.args[0], drifted.hint)
        self.summary = summary


def failure_facts(error: Exception, output: str) -> dict[str, Any]:
    """Return the summary of a run that ended before its bundle was loaded."""
    return {**run_facts(error, output, datetime.now(UTC)), "published": False}


def run_facts(error: Exception | None, output: str, started: datetime) -> dict[str, Any]:
    """Return what is said of any run, which ended with `error` if it is not None."""
    return {
        "format": FORMAT,
        "program": __version__,
        "exit_code": getattr(error, "exit_code", 1) if error else 0,
        "error": f"{error}" if error else None,
        "output": output,
        "started": started.isoformat(timespec="seconds"),
    }


def published_run(summary: dict[str, Any]) -> dict[str, Any] | None:
    """Return the summary of the run that wrote the output: this one, or the one it keeps inside."""
    return summary if summary.get("published") else summary.get("published_run")


def as_json(facts: Mapping[str, Any], indent: int | None = None) -> str:
    """Return valid JSON: NaN is null, a byte of a file's name that is no text an escape."""
    return as_text(
        json.dumps(_without_nan(facts), ensure_ascii=False, indent=indent, allow_nan=False)
    )


def as_text(name: str) -> str:
    """Return a text that can be written as UTF-8: a file's name may be any bytes."""
    return name.encode("utf-8", "backslashreplace").decode()


def _without_nan(value: Any) -> Any:
    if isinstance(value, float) and not math.isfinite(value):
        return None
    if isinstance(value, Mapping):
        return {name: _without_nan(entry) for name, entry in value.items()}
    if isinstance(value, list | tuple):
        return [_without_nan(entry) for entry in value]
    return value
