"""Records of runs for other programs: a history, and figures for Prometheus' textfile collector.

One that cannot be written is a doubt, no failure of the run. Knows summaries, nothing of how they
come about.
"""

import errno
import os
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from scorer.errors import InputError, UsageError
from scorer.files.publish import publish_text, real_path, writing
from scorer.files.urls import is_url
from scorer.scoring.destination import ENDINGS
from scorer.scoring.summary import as_json, as_text
from scorer.tables.doubts import Doubt, without_file

PREFIX = "scorer_last_run"


class RunRecords:
    """Where a run's summary is recorded beside its own file; None: nowhere."""

    def __init__(self, history: str | None = None, metrics: str | None = None) -> None:
        self._history = Path(history) if history else None
        self._metrics = Path(metrics) if metrics else None
        if self._metrics:
            check_metrics_file(self._metrics)

    def add(self, facts: dict[str, Any]) -> Iterator[Doubt]:
        """Record a run's summary; yield a doubt for each file that cannot be written."""
        yield from self.add_file(facts)
        yield from _written("--metrics-file", self._metrics, write_metrics, facts)

    def add_file(self, facts: dict[str, Any]) -> Iterator[Doubt]:
        """Record the summary of one of many files: the metrics are of the run."""
        yield from _written("--history", self._history, append_history, facts)


def _written(
    option: str,
    path: Path | None,
    write: Callable[[Path, dict[str, Any]], None],
    facts: dict[str, Any],
) -> Iterator[Doubt]:
    """Write a summary, where that is asked for; yield a doubt where it cannot be."""
    try:
        if path:
            write(path, facts)
    except InputError as error:
        yield without_file(option, error.args[0])


def check_apart(beside: Mapping[str, str | None], files: Iterable[str]) -> None:
    """Refuse a file beside the output, by its option, that is another file of the run.

    files: the inputs, the output and the report. Raises `UsageError`.
    """
    local = [name for name in files if not is_url(name)]
    own = [f"{name}.{ending}" for name in local for ending in ENDINGS]
    taken = set(map(real_path, (*local, *own)))
    for option, name in beside.items():
        if name:
            path = real_path(name)
            if path in taken:
                raise UsageError(f"{option} {name} is another file of this run")
            taken.add(path)


def append_history(path: Path, facts: dict[str, Any]) -> None:
    """Append a run's summary to a file as one line of JSON, in one write."""
    line = (as_json(facts) + "\n").encode()
    with writing(path):
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o666)
        try:
            written = os.write(descriptor, line)
            if written < len(line):  # half a line would spoil the next one
                end = os.lseek(descriptor, 0, os.SEEK_CUR)
                if os.fstat(descriptor).st_size == end:  # else another run has written since
                    os.ftruncate(descriptor, end - written)
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        finally:
            os.close(descriptor)


def check_metrics_file(path: Path) -> None:
    """Raise `UsageError` where the client library or the right ending is missing."""
    if path.suffix != ".prom":
        raise UsageError(f"--metrics-file {path}: its name has to end in .prom")
    try:
        import prometheus_client  # noqa: F401
    except ImportError:
        hint = "pip install 'batch-text-scorer[metrics]'"
        raise UsageError("--metrics-file needs prometheus_client", hint) from None


def write_metrics(path: Path, facts: dict[str, Any]) -> None:
    """Replace the file by the figures of the last run, atomically."""
    from prometheus_client import CollectorRegistry, Gauge, generate_latest

    registry = CollectorRegistry()
    for name, (text, value) in _figures(facts).items():
        gauge = Gauge(f"{PREFIX}_{name}", text, ["output"], registry=registry)
        gauge.labels(as_text(str(facts.get("output", "")))).set(value)
    publish_text(path, generate_latest(registry).decode())


def _figures(facts: dict[str, Any]) -> dict[str, tuple[str, float]]:
    rows, texts = facts.get("rows", {}), facts.get("texts", {})
    written = rows.get("written") if facts.get("published", True) else 0
    unknown = facts.get("unknown_token_share") if facts.get("tokens") else None  # else a share of 0
    figures: dict[str, tuple[str, Any]] = {
        "exit_code": ("Exit code, 0: done", facts["exit_code"]),
        "end_time_seconds": ("When it ended, Unix time", time.time()),
        "duration_seconds": ("How long it took", facts.get("seconds")),
        "rows_written": ("Rows of what was published", written),
        "rows_rejected": ("Rows that could not be read", rows.get("rejected")),
        "texts_without_known_word": ("Texts without a known word", texts.get("no known word")),
        "unknown_token_ratio": ("Share of unknown tokens", unknown),
        "drift_level": ("Drift, 1 and above: a warning", facts.get("drift_level")),
    }
    known = {name: pair for name, pair in figures.items() if pair[1] is not None}
    return {name: (text, float(value)) for name, (text, value) in known.items()}
