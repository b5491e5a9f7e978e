"""Callbacks of a scoring run, for whoever prints or records its stages. Knows nothing of tables."""

from scorer.scoring.summary import BundleFacts, RunSummary


class Callbacks:
    """Called at each stage of a run; every method does nothing here."""

    def on_start(self, bundle: BundleFacts) -> None:
        """Called with the bundle that scores, before the first row is read."""

    def on_note(self, line: str) -> None:
        """Called with a line that a person should read."""

    def on_share(self, share: float | None) -> None:
        """Called before `on_chunk` with the share of the input that is done; None: not known."""

    def on_chunk(self, rows: int) -> None:
        """Called after each chunk with the number of rows written so far."""

    def on_end(self, summary: RunSummary) -> None:
        """Called with the summary of a run that published, or that failed while it scored."""

    def on_failure(self, facts: dict[str, object]) -> None:
        """Called with the summary of a run that ended before its bundle was loaded."""
