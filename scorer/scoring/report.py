"""The report of a run: one HTML page for people, without any other file.

What a summary says, in words, with the rows it is most and least certain of, the rejected ones,
and its texts beside those that the bundle was evaluated on (`profile_sections`). Knows the record
of a run, nothing of how it came about. Texts are cut and lists have an end, so that a page stays
below 2 MB.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from scorer.errors import GateError, InputError
from scorer.files.byte_streams import STANDARD_STREAM
from scorer.files.urls import companion
from scorer.pages.page import (
    Cell,
    Heading,
    Section,
    check_page,
    count,
    cut,
    number,
    publish_page,
    render,
    share,
)
from scorer.scoring.certainty import KeptRow
from scorer.scoring.columns import BLANK, MARKUP, NULL, SCORED, UNKNOWN
from scorer.scoring.profile_sections import profile_sections
from scorer.scoring.record import RunRecord
from scorer.scoring.reject_limit import DEFAULT_LIMIT
from scorer.scoring.request import Source, Target
from scorer.scoring.summary import RunSummary
from scorer.tables.doubts import Doubt, without_file
from scorer.tables.formats import format_option
from scorer.wording import command_line, counted, were

INTERRUPTED = (130, 143)  # exit codes
SHOWN_NOTES = 50
OPTION, TITLE = "--report", "Scoring report"
TEXTS = {  # statuses in words
    SCORED: "scored, with words that the bundle knows",
    UNKNOWN: "scored, without a word that the bundle knows",
    NULL: "no score: null",
    BLANK: "no score: blank",
    MARKUP: "no score: markup only",
}
RESUMES = "The same command, run again, goes on from the scores that were computed."


def check_report(source: Source, target: Target) -> list[Doubt]:
    """Refuse a report that must not be written, before any work; return a doubt of one that cannot.

    Raises the `UsageError` of `check_page`.
    """
    if target.report is None:
        return []
    page, others = target.report, (source.file, target.path)
    return _doubts(lambda: check_page(page, OPTION, others))


def write_report(record: RunRecord, summary: RunSummary) -> list[Doubt]:
    """Publish the report of a run, where one was asked for; return a doubt where it cannot be."""
    page = record.target.report
    return [] if page is None else _doubts(lambda: publish_page(page, report_html(record, summary)))


def write_failure_report(target: Target, facts: Mapping[str, Any], began: bool) -> list[Doubt]:
    """Publish the report of a run that ended before its bundle was loaded, or did not begin.

    Returns a doubt where it cannot be.
    """
    page = target.report
    return [] if page is None else _doubts(lambda: publish_page(page, _failure_html(facts, began)))


def _doubts(write: Callable[[], None]) -> list[Doubt]:
    """Return a doubt where a report cannot be written: no run fails by it."""
    try:
        write()
    except InputError as error:
        return [without_file(OPTION, error.args[0])]
    return []


def _failure_html(facts: Mapping[str, Any], began: bool) -> str:
    about = {"output": str(facts["output"]), "started": _shown_time(facts["started"])}
    headline, doubt = "Nothing was scored.", "It failed"
    if not began:
        headline, doubt = "The run did not begin: nothing was scored.", "It could not begin"
    heading = Heading(TITLE, headline, about, [str(facts["error"])], doubt)
    return render(heading, [])


def _shown_time(started: str) -> str:
    return f"{started[:19].replace('T', ' ')} (UTC)"


def report_html(record: RunRecord, summary: RunSummary) -> str:
    """Return the page."""
    sections = (
        _rows(record, summary),
        _classes(record),
        *profile_sections(record.tally.profile, record.model.profile, summary),
        *_rejects(record, summary),
        *_certainty(record),
        _stages(summary),
        _provenance(summary),
        *_repeat(record),
    )
    return render(_heading(record, summary), sections)


def _heading(record: RunRecord, summary: RunSummary) -> Heading:
    rows, bundle = summary.provenance.rows, summary.provenance.bundle
    facts = {
        "output": summary.output,
        "input": summary.provenance.input.path,
        "bundle": bundle.version,
        "started": _shown_time(summary.started),
        "took": f"{summary.seconds:,.1f} s",
    }
    headline = f"{counted(rows.written, 'row')} scored, complete and in their order."
    doubt = "Look at this"
    if not summary.published:
        headline, doubt = (
            f"Nothing was published; {counted(rows.written, 'row')} {were(rows.written)} scored.",
            "It failed",
        )
    return Heading(TITLE, headline, facts, list(_warnings(record, summary)), doubt)


def _warnings(record: RunRecord, summary: RunSummary) -> Iterator[str]:
    if summary.error:
        yield summary.error
        if not summary.published and record.target.path != STANDARD_STREAM:
            yield f"What stood at {summary.output} before still stands there."
        if record.input is not None and summary.exit_code in INTERRUPTED:
            yield RESUMES
    if record.rejected:
        yield f"{counted(record.rejected, 'row')} {were(record.rejected)} rejected, see below"
    if summary.exit_code != GateError.exit_code:  # else the error says so
        yield from summary.drift_warnings


def _rows(record: RunRecord, summary: RunSummary) -> Section:
    rows, texts = summary.provenance.rows, summary.provenance.texts
    kinds = {
        "read": rows.read,
        "written": rows.written,
        "rejected": rows.rejected,
        **{TEXTS[kind]: found for kind, found in texts.items()},
        "duplicates of a row near them": summary.duplicates,
        "resumed from an earlier run": summary.resumed_rows,
        "texts from the cache": summary.cached_texts,
    }
    cells = [(Cell(name), count(found)) for name, found in kinds.items()]
    unknown = (
        f"{summary.unknown_token_share:.1%} of {counted(summary.tokens, 'token')} (words and "
        "punctuation) are unknown: the bundle's vocabulary does not have them."
    )
    return Section("Rows", ["", "rows"], cells, unknown, [*map(cut, record.notes[:SHOWN_NOTES])])


def _classes(record: RunRecord) -> Section:
    found = record.certainty.labels if record.certainty else np.zeros(0, np.int64)
    total = max(int(found.sum()), 1)
    rows = [
        (Cell(name), count(rows), share(rows / total))
        for name, rows in zip(record.tally.classes, found.tolist(), strict=True)
    ]
    return Section("Most likely classes", ["class", "rows", "of the scored"], rows)


def _rejects(record: RunRecord, summary: RunSummary) -> Iterator[Section]:
    """Yield the rejected rows by reason, and the first ones."""
    if not record.rejected:
        return
    sink = record.rejects
    if sink is None:
        remark = f"{counted(record.rejected, 'row')}; those of standard output are not kept."
        yield Section("Rejected rows", remark=remark)
        return
    reasons = [(Cell(cut(reason)), count(rows)) for reason, rows in sink.reasons.most_common()]
    yield Section("Rejected rows, by reason", ["reason", "rows"], reasons)
    first = [
        (Cell(f"{one.line:,}", True), Cell(cut(one.reason)), Cell(cut(one.raw), prose=True))
        for one in sink.first
    ]
    kept = companion(summary.output, "rejects.csv")
    where = f"All of them are in {kept}." if summary.published else ""
    yield Section("The first rejected rows", ["line", "reason", "row"], first, where)


def _certainty(record: RunRecord) -> Iterator[Section]:
    """Yield the rows of the lowest and of the highest certainty."""
    if record.certainty is None or not record.certainty.least:
        return
    near = (
        "Rows of the output whose two most likely classes are nearest each other: labels for "
        "these teach most."
    )
    yield _kept("Least certain rows", near, record.certainty.least)
    sure = "Of each class the highest probabilities; what is wrong here is wrong with conviction."
    yield _kept("Most certain rows", sure, record.certainty.most)


def _kept(title: str, remark: str, rows: Sequence[KeptRow]) -> Section:
    cells = [
        (count(row.number), Cell(row.label), number(row.probability), Cell(row.text, prose=True))
        for row in rows
    ]
    return Section(title, ["row", "class", "probability", "text"], cells, remark)


def _stages(summary: RunSummary) -> Section:
    rows = [
        (Cell(name), number(clock.busy, 2), number(clock.starved, 2), number(clock.blocked, 2))
        for name, clock in summary.stages.items()
    ]
    rate = summary.provenance.rows.written / max(summary.seconds, 1e-9)
    remark = (
        f"Seconds; the stages work at the same time. {rate:,.0f} rows/s in all, "
        f"{summary.peak_memory_mb:,.0f} MB of memory at most. Computed by: {summary.engine}."
    )
    header = ["stage", "busy", "waiting for rows", "waiting to pass on"]
    return Section("Where the time went", header, rows, remark)


def _provenance(summary: RunSummary) -> Section:
    made_from, bundle = summary.provenance, summary.provenance.bundle
    size = "" if made_from.input.size is None else counted(made_from.input.size, "byte")
    facts = {
        "input": made_from.input.path,
        "its size": size or "not known: it was read once",
        "its sha256": made_from.input.sha256 or "not known: it was read once",
        "text column": made_from.text_column,
        "bundle": bundle.version,
        "its digest": bundle.digest,
        "its labels": ", ".join(
            f"{value!r} is {name}" for value, name in bundle.label_values.items()
        ),
        "output's sha256": summary.output_sha256 or "none",
        **made_from.score_settings,
    }
    rows = [(Cell(name), Cell(cut(str(value), 1000))) for name, value in facts.items()]
    return Section("Made from", ["", "value"], rows)


def _repeat(record: RunRecord) -> Iterator[Section]:
    """Yield the command, where the bundle's folder is known: a program may have its own bundle."""
    if record.model.folder is not None:
        remark = "The same input, bundle and precision give the same output."
        yield Section("How to repeat it", remark=remark, code=repeat_command(record))


def repeat_command(record: RunRecord) -> str:
    """Return the command that makes the output again."""
    source, target = record.source, record.target
    options: dict[str, Any] = {
        "bundle": record.model.folder or None,
        "text_column": record.text_column or None,
        "input_format": format_option(source.path, source.format),
        "output_format": format_option(target.path, target.format, writing=True),
        **source.csv.given(),
        "prefix": target.added.prefix or None,
        "with_label": target.added.label,
        "threshold": target.added.threshold,
        "abstain": target.added.abstain,
        "with_status": target.added.status,
        "explain": target.added.explain or None,
        "max_rejects": None if source.limit == DEFAULT_LIMIT else str(source.limit),
        "precision": record.model.predictor.score_settings.get("precision"),
        "overwrite": True,
    }
    return command_line(["scorer", "score", source.path, target.path], options)
