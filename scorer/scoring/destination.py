"""Where a run's output goes, with what stands beside it.

    <output>                the scored table
    <output>.rejects.csv    the rows that could not be read, if there are any
    <output>.run.json       the summary of the run that wrote the output
    <output>.journal        the scores so far, while the run is not finished
    <output>.lock           while a run is under way

Standard output has none of these. Knows files, nothing of what is in them.
"""

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import numpy as np

from scorer.errors import ScorerError, UsageError
from scorer.files.byte_streams import STANDARD_STREAM
from scorer.files.publish import (
    PendingFile,
    beside,
    check_output,
    locked,
    real_path,
    temporary_of,
    writing,
)
from scorer.scoring.journal import Binding, Journal, open_journal
from scorer.scoring.summary import as_json

ENDINGS = ("rejects.csv", "run.json", "journal", "journal.old", "lock")  # beside the output


class StreamDestination:
    """Standard output: rows leave as they are written, nothing is cached_pieces."""

    name = "standard output"
    table: Path | None = None
    rejects: Path | None = None
    rejects_told = "an output that is a file has them beside it"

    def journal(self, _b: Binding, _row: np.dtype, _note: Callable[[str], None]) -> Journal | None:
        """Return None: rows that have left cannot be taken back."""
        return None

    def publish(self, summary: dict[str, Any], rejects: bool) -> None:
        """Do nothing: the rows have left."""

    def failed(self, summary: dict[str, Any], rejects: bool) -> None:
        """Do nothing: the exit code says it."""


class FileDestination:
    """A locked output: all is written under temporary names, and published when it is proved."""

    def __init__(self, output: Path, overwrite: bool) -> None:
        self.output = output
        self._overwrite = overwrite
        self.name = str(output)
        self._table = PendingFile(output)
        self._rejects = PendingFile(beside(output, "rejects.csv"))
        self._summary = PendingFile(beside(output, "run.json"))
        self._journal: Journal | None = None
        self._earlier = _published(self._summary.final)

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

    def journal(self, binding: Binding, row: np.dtype, note: Callable[[str], None]) -> Journal:
        """Open the output's journal, see `open_journal`."""
        self._journal = open_journal(self.output, binding, row, note)
        return self._journal

    def publish(self, summary: dict[str, Any], rejects: bool) -> None:
        """Put all at its final name; everything is on the disk before the first name changes."""
        self._write_summary(summary)
        self._table.flush()
        self._publish_rejects(rejects)
        self._summary.publish()
        self._table.publish(
            replace=self._overwrite
        )  # the last: where it is, all that goes with it is
        if self._journal is not None:
            self._journal.remove()

    def failed(self, summary: dict[str, Any], rejects: bool) -> None:
        """Write the summary of a run that published nothing, and the rows it rejected.

        The summary of the run that wrote the output which is still there is kept inside. A full
        disk, or a folder that is gone, is what the run's own error is about.
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
            with writing(self._rejects.final):
                self._rejects.final.unlink(missing_ok=True)

    def close(self) -> None:
        """Remove what was not published; the journal stays for the next run."""
        for pending in (self._table, self._rejects, self._summary):
            pending.discard()
        if self._journal is not None:
            self._journal.close()


Destination = StreamDestination | FileDestination


def _published(path: Path) -> dict[str, Any] | None:
    """Return the summary of the run that wrote the output, from the last run's summary."""
    try:
        last = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None  # there is none, or it was written by another
    if not isinstance(last, dict):
        return None
    return last if last.get("published") else last.get("published_run")


def _check(output: Path, source: Path | None, overwrite: bool) -> None:
    """Refuse an output that cannot be written, and an input that a run would write or remove."""
    with writing(output):
        check_output(output, source, overwrite)
        for ending in ("rejects.csv", "run.json"):
            check_output(beside(output, ending), source, overwrite=True)
    own = [beside(output, ending) for ending in ENDINGS]
    own += [temporary_of(path) for path in (output, *own)]
    if source in own:
        raise UsageError(f"{source} is a file that goes with {output}", "Choose another output")


@contextmanager
def open_output(target: str, source: Path | None, overwrite: bool) -> Iterator[Destination]:
    """Check and lock where the output goes, before any work.

    Raises what `publish.check_output` and `publish.locked` raise.
    """
    if target == STANDARD_STREAM:
        yield StreamDestination()
        return
    output = real_path(target)
    _check(output, source, overwrite)
    with locked(output):
        _check(output, source, overwrite)  # again: the last holder may just have published
        destination = FileDestination(output, overwrite)
        try:
            yield destination
        finally:
            destination.close()
