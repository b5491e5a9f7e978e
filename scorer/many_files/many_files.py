"""Many files in one run: one output for one input, one model for all, one file's failure its own.

A manifest in the output folder remembers of each output its input, bundle and options: what is
unchanged is not scored again. Inputs and outputs may be behind URLs. Knows names and summaries,
nothing of rows or models.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from scorer.errors import InterruptedRunError, ScorerError
from scorer.files.listing import state_of
from scorer.files.publish import locked, writing
from scorer.files.remote_files import check_store, kept_here, publish_small
from scorer.files.urls import Location, below
from scorer.many_files.file_pairs import FilePair
from scorer.many_files.manifest import Manifest
from scorer.scoring.destination import name_of_output
from scorer.scoring.summary import PublishedDriftError, RunSummary, as_json, run_facts
from scorer.wording import are, counted

LOCK, SUMMARY = ".scorer", "scorer-run.json"
SHOWN = 10  # names of files in the last error
SCORED, UNCHANGED, EMPTY, FAILED = STATUSES = "scored", "unchanged", "empty", "failed"


@dataclass(frozen=True)
class Outcome:
    """What became of an input; `error` and `exit_code` are those of one that failed, or drifted.

    twin: another input of the same bytes, whose output is in the folder too.
    """

    source: str
    target: str
    status: str
    rows: int = 0
    error: str | None = None
    exit_code: int = 0
    twin: str | None = None


@dataclass(frozen=True)
class FilesSummary:
    """What became of all inputs, in their order."""

    outcomes: tuple[Outcome, ...]

    def of(self, status: str) -> list[Outcome]:
        """Return the outcomes of one status."""
        return [outcome for outcome in self.outcomes if outcome.status == status]

    @property
    def drifted(self) -> list[Outcome]:
        """The outcomes of files that were scored, and are further from the bundle than allowed."""
        return [outcome for outcome in self.of(SCORED) if outcome.exit_code]

    def as_dict(self) -> dict[str, Any]:
        """Return plain values, ready for JSON."""
        counts = {status: len(self.of(status)) for status in STATUSES}
        rows = sum(outcome.rows for outcome in self.outcomes)
        return {**counts, "rows": rows, "files": [asdict(outcome) for outcome in self.outcomes]}


def files_facts(
    outcomes: Sequence[Outcome], target: str, began: datetime, error: Exception | None = None
) -> dict[str, Any]:
    """Return what is said of a run of many files, which ended with `error` if it is not None.

    target: the folder as it may be shown. began: in UTC.
    """
    seconds = (datetime.now(UTC) - began).total_seconds()
    facts = {**run_facts(error, name_of_output(target), began), "seconds": seconds}
    return {**facts, **FilesSummary(tuple(outcomes)).as_dict()}


class FilesError(ScorerError):
    """Some of many files failed, or drifted; the exit code is that of the first that failed."""

    def __init__(self, summary: FilesSummary) -> None:
        failed, drifted = summary.of(FAILED), summary.drifted
        count = counted(len(summary.outcomes), "file")
        parts, hint = [], ""
        if drifted:
            beyond = f"{len(drifted)} of {count} {are(len(drifted))} beyond --max-drift"
            parts.append(f"{beyond}, and published all the same: {_names(drifted)}")
        if failed:
            parts.append(f"{len(failed)} of {count} failed: {_names(failed)}")
            hint = "The same command does those again, and only those"
        super().__init__("; ".join(parts), hint)
        self.exit_code = [*failed, *drifted][0].exit_code
        self.summary = summary


def _names(outcomes: Sequence[Outcome]) -> str:
    """Return the first inputs for a message: each has a line of its own."""
    names = ", ".join(outcome.source for outcome in outcomes[:SHOWN])
    return f"{names} and {len(outcomes) - SHOWN:,} more" if len(outcomes) > SHOWN else names


def score_files(
    pairs: Sequence[FilePair],
    target: Location,
    binding: str,
    score: Callable[[FilePair, bool], RunSummary],
    on_outcome: Callable[[Outcome], None] = lambda outcome: None,
) -> FilesSummary:
    """Score each input that is new or changed since its output was made; return what became of all.

    A file without a byte, as programs write for a part without rows, has no columns to write: it
    gets no output, and fails only where it had one.

    binding: a digest of bundle and options, which another one of makes outputs anew. score: scores
    a pair (replacing an output of an earlier run if the flag says so); a `ScorerError` of it is
    that file's failure, an interruption ends the run. Raises `OutputBusyError` where another run
    holds the folder, `FilesError` where files failed.
    """
    began, outcomes = datetime.now(UTC), list[Outcome]()
    with _open_manifest(target, binding) as manifest:
        try:
            manifest.claim(pair for pair in pairs if pair.error is None)
            for pair in pairs:
                outcomes.append(_score_one(pair, manifest, score))
                on_outcome(outcomes[-1])
            summary = FilesSummary(tuple(outcomes))
            if any(outcome.exit_code for outcome in outcomes):
                raise FilesError(summary)
        except Exception as error:  # of any kind: the summary has to say so
            with suppress(ScorerError):  # the run's own error is the one to tell
                _publish_summary(target, files_facts(outcomes, str(target), began, error))
            raise
        _publish_summary(target, files_facts(outcomes, str(target), began))
    return summary


def leave_failure(target: Location, error: Exception) -> None:
    """Replace the last run's summary by that of a run which ended before its first file.

    Where there is none, or another run holds the folder, nothing is written.
    """
    with suppress(ScorerError):
        if state_of(below(target, SUMMARY)) is not None:
            with locked(kept_here(below(target, LOCK))):
                _publish_summary(target, files_facts([], str(target), datetime.now(UTC), error))


def _publish_summary(target: Location, facts: dict[str, Any]) -> None:
    publish_small(below(target, SUMMARY), as_json(facts, indent=1) + "\n")


def check_folder(target: Location) -> None:
    """Refuse, before any work, a folder behind a URL where nothing can be written."""
    if isinstance(target, str):
        check_store(target)


@contextmanager
def _open_manifest(target: Location, binding: str) -> Iterator[Manifest]:
    """Lock the folder, and open its manifest; it is written in the end, however that comes."""
    if isinstance(target, Path):
        with writing(target):
            target.mkdir(parents=True, exist_ok=True)
    with locked(kept_here(below(target, LOCK))):
        manifest = Manifest(target, binding)
        try:
            yield manifest
        except BaseException:
            with suppress(ScorerError):  # the run's own error is the one to raise
                manifest.end()
            raise
        manifest.end()


def _score_one(
    pair: FilePair, manifest: Manifest, score: Callable[[FilePair, bool], RunSummary]
) -> Outcome:
    target = "" if pair.error is not None else str(pair.target)
    outcome = Outcome(str(pair.source), target, SCORED)
    try:
        if pair.error is not None:
            raise pair.error
        known = manifest.rows_of(pair)
        if known is not None:
            return replace(outcome, status=UNCHANGED, rows=known)
        before = pair.state or state_of(pair.source)
        if before is not None and before.size == 0 and not manifest.has(pair):
            return replace(outcome, status=EMPTY)
        _make_folder(pair.target)
        outcome, summary = _scored(outcome, lambda: score(pair, manifest.has(pair)))
        twin = manifest.twin_of(pair, summary)
        manifest.record(pair, before, summary)
    except InterruptedRunError:
        raise
    except ScorerError as error:
        if error.published:
            manifest.keep_claim(pair)
        return replace(outcome, status=FAILED, error=str(error), exit_code=error.exit_code)
    except BaseException:  # at any moment, as where a run is killed
        manifest.keep_claim(pair)
        raise
    return replace(outcome, rows=summary.provenance.rows.written, twin=twin)


def _scored(outcome: Outcome, score: Callable[[], RunSummary]) -> tuple[Outcome, RunSummary]:
    """Score a file; return what became of it, with the error where it drifted, and its summary."""
    try:
        return outcome, score()
    except PublishedDriftError as error:
        return replace(outcome, error=str(error), exit_code=error.exit_code), error.summary


def _make_folder(target: Location) -> None:
    """Make the folder of an output; stores need none."""
    if isinstance(target, Path):
        with writing(target):
            target.parent.mkdir(parents=True, exist_ok=True)
