"""What a person reads of a run on the console. Knows summaries, nothing of how they come about."""

from collections.abc import Iterator

from scorer.console import duration
from scorer.scoring.columns import SCORED, UNKNOWN
from scorer.scoring.summary import BundleFacts, RunSummary


def bundle_line(bundle: BundleFacts) -> str:
    """Say which bundle scores, and what each label value means to it."""
    meaning = ", ".join(f"{value!r} is {name}" for value, name in bundle.label_values.items())
    return f"bundle {bundle.version}: {meaning}"


def closing_line(summary: RunSummary) -> str:
    """Say in one line what a run that succeeded did."""
    facts = summary.provenance
    rows, without = facts.rows.written, _without_score(summary)
    rate = rows / max(summary.seconds, 1e-9)
    parts = [f"{rows:,} rows in {duration(summary.seconds)} ({rate:,.0f} rows/s)"]
    parts += [f"{summary.resumed_rows:,} of them resumed"] * (summary.resumed_rows > 0)
    parts += [f"{without:,} without a score (null, blank or markup only)"]
    parts += [f"{facts.rows.rejected:,} rejected"]
    return f"{summary.output}: {', '.join(parts)}; bundle {facts.bundle.version}"


def _without_score(summary: RunSummary) -> int:
    texts = summary.provenance.texts
    return sum(count for status, count in texts.items() if status not in (SCORED, UNKNOWN))


def profile_lines(summary: RunSummary) -> Iterator[str]:
    """Say where the time went, a line a stage, and what there was to save."""
    for stage, clock in summary.stages.items():
        yield (
            f"{stage + ':':8} {clock.busy:8.2f} s at work, {clock.starved:8.2f} s waiting for rows,"
            f" {clock.blocked:8.2f} s waiting to hand them on"
        )
    model = summary.stages["model"]
    waiting = model.starved / max(model.busy + model.starved + model.blocked, 1e-9)
    rows = max(summary.provenance.rows.written, 1)
    yield (
        f"model:   {waiting:.1%} of its time without rows; {summary.engine}; no padding (packed)"
    )
    yield (
        f"texts:   {summary.duplicates / rows:.1%} duplicates within their chunk,"
        f" {summary.unknown_token_share:.1%} of {summary.tokens:,} tokens unknown"
    )
    yield f"memory:  {summary.peak_memory_mb:,.0f} MB at most"
