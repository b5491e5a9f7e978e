"""Where a run's output goes, with what stands beside it.

    <output>                the scored table
    <output>.rejects.csv    the rows that could not be read, if there are any
    <output>.run.json       the summary of the run that wrote the output
    <output>.journal        the scores so far, while the run is not finished
    <output>.lock           while a run is under way

Standard output has none of these. Of an output behind a URL, the first three are objects beside one
another; journal, lock and what is not published yet are files on this machine (`urls.state_path`).
Knows files, nothing of what is in them.
"""

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import numpy as np

from scorer.errors import ScorerError, UsageError
from scorer.files.byte_streams import STANDARD_OUTPUT, STANDARD_STREAM
from scorer.files.publish import (
    PendingFile,
    beside,
    check_output,
    locked,
    real_path,
    temporary_of,
    writing,
)
from scorer.files.remote_files import PendingObject, check_object, kept_here
from scorer.files.urls import Location, companion, is_url
from scorer.scoring.journal import Binding, Journal, open_journal
from scorer.scoring.summary import as_json, published_run

ENDINGS = ("rejects.csv", "run.json", "journal", "journal.old", "lock")  # beside the output


def name_of_output(target: str) -> str:
    """Return the name of an output in summaries: the real path, the URL, or standard output's."""
    if target == STANDARD_STREAM:
        return STANDARD_OUTPUT
    return target if is_url(target) else str(real_path(target))


class StreamDestination:
    """Standard output: rows leave as they are written, nothing is kept."""

    name = STANDARD_OUTPUT
    table: Path | None = None
    rejects: Path | None = None
    rejects_told = "an output that is a file has them beside it"

    def journal(
        self, _b: Binding, _dtype: np.dtype, _note: Callable[[str], None]
    ) -> Journal | None:
        """Return None: rows that have left cannot be taken back."""
        return None

    def publish(self, summary: dict[str, Any], rejects: bool) -> None:
        """Do nothing: the rows have left."""

    def publish_failure(self, summary: dict[str, Any], rejects: bool) -> None:
        """Do nothing: the exit code says it."""


class FileDestination:
    """A locked output: all is written under temporary names, and published when it is proved."""

    def __init__(self, output: Path, overwrite: bool, url: str | None = None) -> None:
        """Publish at `output`; or at `url`, with `output` for what stays on this machine."""
        self.output = output
        self._overwrite = overwrite
        self.name = url or str(output)
        self._table = _pending(output, url)
        self._rejects = _pending(output, url, "rejects.csv")
        self._summary = _pending(output, url, "run.json")
        self._journal: Journal | None = None
        self._earlier = earlier_run(self._summary.read())

    @property
    def table(self) -> Path | None:
        """Where the scored table is written before it is published."""
        return self._table.temporary

    @property
    def rejects(self) -> Path | None:
        """Where rejected rows are written before they are published."""
        return self._rejects.temporary

    @property
    def rejects_told(self) -> str:
        """Where a person finds the rejected rows."""
        return f"see {self._rejects.final}"

    def journal(self, binding: Binding, dtype: np.dtype, note: Callable[[str], None]) -> Journal:
        """Open the output's journal, see `open_journal`."""
        self._journal = open_journal(self.output, binding, dtype, note)
        return self._journal

    def publish(self, summary: dict[str, Any], rejects: bool) -> None:
        """Put all at its final name; everything is on the disk before the first name changes."""
        self._write_summary(summary)
        self._table.flush()
        self._publish_rejects(rejects)
        self._summary.publish()
        try:  # the last: where it is, all that goes with it is
            self._table.publish(replace=self._overwrite)
            if self._journal is not None:
                self._journal.remove()
        except ScorerError as error:  # a store may have done what it did not confirm
            error.published = not isinstance(error, UsageError)
            raise

    def publish_failure(self, summary: dict[str, Any], rejects: bool) -> None:
        """Publish the summary of a run that has no output, and if asked the rows it rejected.

        An older output stays, so the summary of the run that wrote it stays too, as an entry
        `published_run`. Does nothing where it cannot write: the run's own error is the one to tell.
        """
        with suppress(OSError, ScorerError):
            self._table.discard()  # which may be what has filled the disk
            self._write_summary(
                summary | ({"published_run": self._earlier} if self._earlier else {})
            )
            self._summary.publish()
            if rejects:
                self._publish_rejects(rejects)

    def _write_summary(self, summary: dict[str, Any]) -> None:
        text = as_json(summary, indent=2) + "\n"
        with writing(self._summary.final):
            self._summary.temporary.write_text(text, encoding="utf-8")
        self._summary.flush()

    def _publish_rejects(self, rejects: bool) -> None:
        """Publish the rejected rows, or remove those of the last run if there are none."""
        if rejects:
            self._rejects.flush()
            self._rejects.publish()
        else:
            self._rejects.remove()

    def close(self) -> None:
        """Remove what was not published; the journal stays for the next run."""
        for pending in (self._table, self._rejects, self._summary):
            pending.discard()
        if self._journal is not None:
            self._journal.close()


Destination = StreamDestination | FileDestination


def _pending(output: Path, url: str | None, ending: str = "") -> PendingFile | PendingObject:
    """Return what is to be published as the output, or beside it."""
    local = beside(output, ending) if ending else output
    if url is None:
        return PendingFile(local)
    return PendingObject(companion(url, ending) if ending else url, temporary_of(local))


def earlier_run(summary: bytes | None) -> dict[str, Any] | None:
    """Return the summary of the run that wrote the output, from that of the last run."""
    if summary is None:
        return None
    try:
        last = json.loads(summary)
    except ValueError:
        return None  # it was written by another
    return published_run(last) if isinstance(last, dict) else None


def _check(target: str, output: Path, source: Location | None, overwrite: bool) -> None:
    """Refuse an output that cannot be written, and an input that a run would write or remove."""
    own: list[Location] = [companion(target, ending) for ending in ENDINGS]
    if is_url(target):
        check_object(target, source, overwrite)
    else:
        file = source if isinstance(source, Path) else None
        with writing(output):
            check_output(output, file, overwrite)
            for ending in ("rejects.csv", "run.json"):
                check_output(beside(output, ending), file, overwrite=True)
        files = [beside(output, ending) for ending in ENDINGS]
        own = [*files, *(temporary_of(path) for path in (output, *files))]
    if source in own:
        name = target if is_url(target) else output
        raise UsageError(f"{source} is a file that goes with {name}", "Choose another output")


@contextmanager
def open_output(target: str, source: Location | None, overwrite: bool) -> Iterator[Destination]:
    """Check and lock where the output goes, before any work.

    Raises what `publish.check_output`, `remote_files.check_object` and `publish.locked` raise.
    """
    if target == STANDARD_STREAM:
        yield StreamDestination()
        return
    url = target if is_url(target) else None
    output = kept_here(url) if url else real_path(target)
    _check(target, output, source, overwrite)
    with locked(output):
        _check(target, output, source, overwrite)  # again: the last holder may have published
        destination = FileDestination(output, overwrite, url)
        try:
            yield destination
        finally:
            destination.close()
