"""Many files in one run: one output for one input, one model for all, one file's failure its own.

A manifest in the output folder remembers of each output its input, bundle and options: what is
unchanged is not scored again. Inputs and outputs may be behind URLs. Knows names and summaries,
nothing of rows or models.
"""

import json
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from scorer.errors import InterruptedRunError, ScorerError
from scorer.files.listing import state_of
from scorer.files.publish import locked, writing
from scorer.files.remote_files import check_store, kept_here, publish_small
from scorer.files.urls import Location, below
from scorer.many_files.file_pairs import FilePair
from scorer.many_files.manifest import Manifest
from scorer.scoring.summary import RunSummary
from scorer.wording import counted

LOCK, SUMMARY = ".scorer", "scorer-run.json"
SCORED, UNCHANGED, FAILED = "scored", "unchanged", "failed"


@dataclass(frozen=True)
class Outcome:
    """What became of an input; `error` and `exit_code` are those of one that failed."""

    source: str
    target: str
    status: str
    rows: int = 0
    error: str | None = None
    exit_code: int = 0


@dataclass(frozen=True)
class FilesSummary:
    """What became of all inputs, in their order."""

    outcomes: tuple[Outcome, ...]

    def of(self, status: str) -> list[Outcome]:
        """Return the outcomes of one status."""
        return [outcome for outcome in self.outcomes if outcome.status == status]

    def as_dict(self) -> dict[str, Any]:
        """Return plain values, ready for JSON."""
        counts = {status: len(self.of(status)) for status in (SCORED, UNCHANGED, FAILED)}
        rows = sum(outcome.rows for outcome in self.outcomes)
        return {**counts, "rows": rows, "files": [asdict(outcome) for outcome in self.outcomes]}


class FilesError(ScorerError):
    """Some of many files failed; the exit code is that of the first of them."""

    def __init__(self, summary: FilesSummary) -> None:
        failed = summary.of(FAILED)
        names = ", ".join(outcome.source for outcome in failed)
        super().__init__(
            f"{len(failed)} of {counted(len(summary.outcomes), 'file')} failed: {names}",
            "The same command does those again, and only those",
        )
        self.exit_code = failed[0].exit_code
        self.summary = summary


def score_files(
    pairs: Sequence[FilePair],
    target: Location,
    binding: str,
    score: Callable[[FilePair, bool], RunSummary],
    on_outcome: Callable[[Outcome], None] = lambda outcome: None,
) -> FilesSummary:
    """Score each input that is new or changed since its output was made; return what became of all.

    binding: a digest of bundle and options, which another one of makes outputs anew. score: scores
    a pair (replacing an output of an earlier run if the flag says so); a `ScorerError` of it is
    that file's failure, an interruption ends the run. Raises `OutputBusyError` where another run
    holds the folder, `FilesError` where files failed.
    """
    outcomes = []
    with _open_manifest(target, binding) as manifest:
        manifest.claim(pair for pair in pairs if pair.error is None)
        for pair in pairs:
            outcomes.append(_score_one(pair, manifest, score))
            on_outcome(outcomes[-1])
        summary = FilesSummary(tuple(outcomes))
        text = json.dumps(summary.as_dict(), indent=1) + "\n"
        if summary.of(FAILED):
            with suppress(ScorerError):  # the files that failed are what to tell
                publish_small(below(target, SUMMARY), text)
            raise FilesError(summary)
        publish_small(below(target, SUMMARY), text)
    return summary


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
        _make_folder(pair.target)
        before = pair.state or state_of(pair.source)
        summary = score(pair, manifest.has(pair))
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
    return replace(outcome, rows=summary.provenance.rows.written)


def _make_folder(target: Location) -> None:
    """Make the folder of an output; stores need none."""
    if isinstance(target, Path):
        with writing(target):
            target.parent.mkdir(parents=True, exist_ok=True)
