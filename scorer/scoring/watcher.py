"""Who watches a run: the job's prints, and raises when a signal came. Knows nothing of tables."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from scorer.scoring.summary import BundleFacts, RunSummary


class Watcher:
    """Does nothing; to be derived from."""

    def check(self) -> None:
        """Be asked before each chunk, in any thread; what it raises ends the run."""

    def note(self, line: str) -> None:
        """Be told what a person should know."""

    def started(self, bundle: "BundleFacts") -> None:
        """Be told which bundle scores."""

    def advance(self, rows: int) -> None:
        """Be told how many rows are written."""

    def ended(self, summary: "RunSummary") -> None:
        """Be told what the run did, whether it published or failed."""
