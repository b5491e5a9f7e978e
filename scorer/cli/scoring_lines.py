"""The console lines of a scoring run. Knows its callbacks, nothing of how rows are scored."""

import sys
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import click

from scorer.cli.console import LIVE_LINE, Progress, Standing
from scorer.cli.job import discard_output
from scorer.cli.run_records import RunRecords
from scorer.errors import GateError, InputError, ScorerError
from scorer.files.byte_streams import STANDARD_STREAM
from scorer.files.urls import companion, hide_secrets, without_secrets
from scorer.many_files.many_files import EMPTY, FAILED, Outcome, files_facts
from scorer.many_files.many_files import SCORED as SCORED_FILE
from scorer.scoring.callbacks import Callbacks
from scorer.scoring.columns import SCORED, UNKNOWN
from scorer.scoring.destination import name_of_output
from scorer.scoring.summary import BundleFacts, RunSummary, as_json, run_facts
from scorer.tables.doubts import Doubt
from scorer.wording import counted, duration, were


class ScoringPrinter(Callbacks):
    """Shows where a run stands and prints what it did."""

    def __init__(
        self,
        progress: Progress,
        output: str,
        profile: bool,
        json: bool,
        records: RunRecords | None = None,
    ) -> None:
        self._records = records or RunRecords()
        self._progress, self._profile, self._json = progress, profile, json
        self._output = output
        self._share: float | None = None
        self._lines = sys.stderr if output == STANDARD_STREAM else sys.stdout  # where JSON goes
        self._started = time.monotonic()
        self._began = datetime.now(UTC)
        self._is_recorded = False

    def on_start(self, bundle: BundleFacts) -> None:
        """Print which bundle scores."""
        self._started = time.monotonic()
        self._progress.say(bundle_line(bundle))

    def on_note(self, line: str) -> None:
        """Print a note; in a quiet run only a doubt, as a warning."""
        self._progress.note(line)

    def on_share(self, share: float | None) -> None:
        """Keep how much of the input is done, for the next line."""
        self._share = share

    def on_chunk(self, rows: int) -> None:
        """Show how many rows are written, how fast, and how long it will take."""
        elapsed = max(time.monotonic() - self._started, 1e-9)
        share, rate = self._share, rows / elapsed
        left = elapsed * (1 - share) / share if share else None
        parts = []
        if share is not None:
            parts.append(f"{share:.0%} of the input")
        parts.append(f"{rate:,.0f} rows/s")
        if left is not None:
            parts.append(f"{duration(left)} left")
        facts = {"rows": rows, "share": share, "rows_per_second": rate, "seconds_left": left}
        self._progress.update(Standing(counted(rows, "row"), share, ", ".join(parts), facts))

    def on_end(self, summary: RunSummary) -> None:
        """Print the closing lines; those of a run that failed are its error's."""
        LIVE_LINE.clear()
        if self._profile:
            for line in profile_lines(summary):
                self._progress.show(line)
        if summary.published:
            self._progress.say(closing_line(summary))
            for line in warning_lines(summary):
                self.warn(line)
        self._record(summary.as_dict())

    def on_failure(self, facts: dict[str, object]) -> None:
        """Print the summary of a run that had no bundle yet."""
        self._record(facts)

    def end_early(self, error: Exception) -> None:
        """Record a run that ended before anything was told of it, as by an option that is wrong."""
        if not self._is_recorded:
            self._record(self._facts(error))

    def warn(self, line: str) -> None:
        """Print a warning, quiet or not."""
        self._progress.warn(line)

    def _facts(self, error: Exception | None) -> dict[str, Any]:
        """Return what is said of a run that has no summary of its own."""
        try:
            output = name_of_output(hide_secrets(self._output))
        except ScorerError:  # it may be what is wrong
            output = without_secrets(self._output)
        return {**run_facts(error, output, self._began), "published": False}

    def _record(self, facts: dict[str, Any], printed: dict[str, Any] | None = None) -> None:
        """Print a summary, if asked for, and record it: with the error where that fails.

        printed: what is printed instead of it.
        """
        self._is_recorded = True
        try:
            self._print_json(printed or facts)
        except OSError as error:
            if facts["exit_code"]:  # the run's own error is the one to raise
                discard_output()
            else:
                unprinted = InputError(f"cannot write the summary: {error.strerror}")
                facts = {**facts, "exit_code": unprinted.exit_code, "error": f"{unprinted}"}
                raise error if isinstance(error, BrokenPipeError) else unprinted from error
        finally:
            self._warn_of(self._records.add(facts))

    def _warn_of(self, doubts: Iterable[Doubt]) -> None:
        for doubt in doubts:
            self.warn(doubt)

    def _print_json(self, facts: dict[str, Any]) -> None:
        """Print a summary as a line of JSON, if that was asked for."""
        if self._json:
            click.echo(as_json(facts), file=self._lines)


class FilesPrinter(ScoringPrinter):
    """Prints the bundle once, a line for each of many files, and the warnings of each.

    The history has a line for each file that was scored or failed, and one for the run.
    """

    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        self._bundle: BundleFacts | None = None  # that was printed
        self._outcomes: list[Outcome] = []
        self._totals = _Totals()

    def on_start(self, bundle: BundleFacts) -> None:
        """Print which bundle scores, before the first file."""
        self._started = time.monotonic()
        if self._bundle is None:
            self._progress.say(bundle_line(bundle))
        self._bundle = bundle

    def on_end(self, summary: RunSummary) -> None:
        """Print the warnings of a file that was published, and record its summary."""
        self._warn_of(self._records.add_file(summary.as_dict()))
        self._totals.add(summary)
        if summary.published:
            for line in warning_lines(summary):
                self.warn(line)

    def on_failure(self, facts: dict[str, object]) -> None:
        """Record a file that failed at once."""
        self._warn_of(self._records.add_file(facts))

    def on_outcome(self, outcome: Outcome) -> None:
        """Print what became of a file."""
        self._outcomes.append(outcome)
        if outcome.status == FAILED:
            self.warn(f"{outcome.source} failed: {outcome.error}")
        elif outcome.status == EMPTY:
            self.warn(f"{outcome.source} is empty: it has no output")
        elif outcome.error:
            self.warn(f"{outcome.source}: {outcome.error}")
        if outcome.status == SCORED_FILE:
            self._progress.say(f"{outcome.target}: {counted(outcome.rows, 'row')}")
        if outcome.twin is not None:
            self.warn(
                f"{outcome.source} is byte for byte {outcome.twin}, whose output is there too: "
                "was it sent twice, or renamed?"
            )

    def end(self, error: Exception | None = None) -> None:
        """Print the counts of all files, and record the run, which ended with `error` if any."""
        facts = files_facts(self._outcomes, hide_secrets(self._output), self._began, error)
        if self._outcomes:
            empty = f"{facts[EMPTY]:,} empty, " if facts[EMPTY] else ""
            self._progress.say(
                f"{counted(len(self._outcomes), 'file')}: {facts['scored']:,} scored, "
                f"{facts['unchanged']:,} unchanged, {empty}{counted(facts['rows'], 'row')} in all"
            )
        recorded = {**facts, **self._totals.as_dict()}
        del recorded["files"]  # each has a line of its own
        self._record(recorded, facts)


@dataclass
class _Totals:
    """What the files that a run has scored, or has failed at, come to."""

    written: int = 0  # rows that were published
    rejected: int = 0
    without_known_word: int = 0
    tokens: int = 0
    unknown: int = 0
    drift_level: float | None = None  # the highest

    def add(self, summary: RunSummary) -> None:
        """Count a file."""
        facts = summary.provenance
        self.written += facts.rows.written if summary.published else 0
        self.rejected += facts.rows.rejected
        self.without_known_word += facts.texts.get(UNKNOWN, 0)
        self.tokens += summary.tokens
        self.unknown += summary.unknown_tokens
        if summary.drift_level is not None:
            self.drift_level = max(summary.drift_level, self.drift_level or 0.0)

    def as_dict(self) -> dict[str, Any]:
        """Return them by the names that they have in the summary of a file."""
        return {
            "rows": {"written": self.written, "rejected": self.rejected},
            "texts": {UNKNOWN: self.without_known_word},
            "tokens": self.tokens,
            "unknown_tokens": self.unknown,
            "unknown_token_share": self.unknown / self.tokens if self.tokens else None,
            "drift_level": self.drift_level,
        }


def bundle_line(bundle: BundleFacts) -> str:
    """Return which bundle scores, and what each label value means to it."""
    meaning = ", ".join(f"{value!r} is {name}" for value, name in bundle.label_values.items())
    return f"bundle {bundle.version}: {meaning}"


def closing_line(summary: RunSummary) -> str:
    """Return in one line what a run that succeeded did."""
    facts = summary.provenance
    rows, unknown = facts.rows.written, facts.texts[UNKNOWN]
    rate = rows / max(summary.seconds, 1e-9)
    parts = [f"{counted(rows, 'row')} in {duration(summary.seconds)} ({rate:,.0f} rows/s)"]
    if summary.resumed_rows:
        parts.append(f"{summary.resumed_rows:,} of them resumed")
    parts.append(f"{_without_score(summary):,} without a score (null, blank or markup only)")
    if unknown:
        parts.append(f"{unknown:,} without a known word")
    parts.append(f"{facts.rows.rejected:,} rejected")
    why = summary.drift_unmeasured
    drift = f"; drift not measured ({why})" if why else ""
    texts = f"; texts of column {facts.text_column!r}"
    return f"{summary.output}: {', '.join(parts)}{texts}{drift}; bundle {facts.bundle.version}"


def warning_lines(summary: RunSummary) -> Iterator[str]:
    """Yield what a person should look at even after a quiet run."""
    rejected = summary.provenance.rows.rejected
    if rejected:
        beside = companion(summary.output, "rejects.csv")
        where = f"see {beside}" if summary.output_sha256 else "not kept"
        rows = f"{counted(rejected, 'row')} {were(rejected)} rejected"
        yield f"{summary.provenance.input.path}: {rows}, {where}"
    if summary.exit_code != GateError.exit_code:  # else the error says so
        for line in summary.drift_warnings:
            yield f"{summary.provenance.input.path}: {line}"


def _without_score(summary: RunSummary) -> int:
    texts = summary.provenance.texts
    return sum(count for status, count in texts.items() if status not in (SCORED, UNKNOWN))


def profile_lines(summary: RunSummary) -> Iterator[str]:
    """Yield where the time went, a line a stage, and what there was to save."""
    for stage, clock in summary.stages.items():
        yield (
            f"{stage + ':':8} {clock.busy:8.2f} s busy, {clock.starved:8.2f} s waiting for rows,"
            f" {clock.blocked:8.2f} s waiting to pass them on"
        )
    model = summary.stages["model"]
    waiting = model.starved / max(model.busy + model.starved + model.blocked, 1e-9)
    rows = max(summary.provenance.rows.written, 1)
    yield (
        f"model:   {waiting:.1%} of its time without rows; {summary.engine}; no padding (packed)"
    )
    yield (
        f"texts:   {summary.duplicates / rows:.1%} duplicates within their chunk,"
        f" {summary.unknown_token_share:.1%} of {counted(summary.tokens, 'token')} unknown"
    )
    yield f"memory:  {summary.peak_memory_mb:,.0f} MB at most"
