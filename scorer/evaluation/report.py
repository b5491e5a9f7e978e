"""The report of a training: one HTML page with all figures, for people, without any other file.

A bundle holds one without version, date and verdict, so that the same training gives the same
bundle; the store keeps another with them. Knows what training found out, nothing of how.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from scorer.bundles.bundle import Facts
from scorer.corpus.label_leakage import LabelLeakage
from scorer.corpus.near_duplicates import Leaks
from scorer.evaluation.baseline import Baseline
from scorer.evaluation.evaluation import Evaluation
from scorer.evaluation.figures import class_sections, figures_section
from scorer.evaluation.row_findings import RowFindings
from scorer.pages.page import Cell, Heading, Row, Section, count, cut, number, render, share
from scorer.pages.plots import Series, plot
from scorer.wording import counted

REFIT = (
    "Once they had chosen epoch and calibration, the validation rows were trained on too: their "
    "figures here are those of rows the model knows. Those of the test rows are not."
)


@dataclass(frozen=True)
class Findings:
    """What a training found out; `valid` and `test` are figures of the path that scores."""

    facts: Facts
    history: Sequence[Mapping[str, float]]  # a row an epoch
    valid: Evaluation
    test: Evaluation
    counts: Mapping[str, Mapping[str, int]]  # part -> class -> rows
    baseline: Baseline
    warnings: Sequence[str]
    notes: Sequence[str]
    rows: RowFindings  # of the test rows
    words: Sequence[LabelLeakage]  # that tell a class, class by class
    leakage: LabelLeakage  # the most telling word of all
    leaks: Leaks | None  # texts on both sides of the split; None: not looked for


@dataclass(frozen=True)
class Release:
    """A bundle as a store has it: its version, the gate's verdict, the command, warnings."""

    version: str
    verdict: str
    command: str
    warnings: Sequence[str] = ()  # before those about figures

    @property
    def date(self) -> str:
        """When it was written: the time in the version's name."""
        created = datetime.strptime(self.version.partition("-")[0], "%Y%m%dT%H%M%SZ")
        return f"{created:%Y-%m-%d %H:%M:%S} (UTC)"


def report_html(findings: Findings, release: Release | None = None) -> str:
    """Return the page; the one inside a bundle has no release."""
    test = findings.test
    sections = (
        _comparison(findings),
        figures_section({"validation": findings.valid, "test": test}, _remark(findings.facts)),
        *class_sections(test, ", test rows"),
        *_curves(findings.rows),
        _learning(findings.history),
        *_lengths(findings.rows),
        *_mistakes(findings.rows),
        *_words(findings),
        _leakage(findings),
        _rows(findings),
        _label_values(findings.facts),
        _settings(findings.facts),
        *_repeat(findings, release),
    )
    return render(_heading(findings, release), sections)


def _heading(findings: Findings, release: Release | None) -> Heading:
    test, training = findings.test, findings.facts.training
    headline = (
        f"{test.accuracy:.2%} of {counted(test.rows, 'test row')} right; 95% interval "
        f"{test.accuracy_low:.2%} to {test.accuracy_high:.2%}."
    )
    facts = {"version": release.version, "written": release.date} if release else {}
    files = ", ".join(file["path"] for file in training["files"])
    facts |= {"labelled files": files, "preset": training["preset"]}
    facts |= {"verdict": release.verdict} if release else {}
    warnings = [*(release.warnings if release else ()), *findings.warnings]
    return Heading("Training report", headline, facts, warnings)


def _comparison(findings: Findings) -> Section:
    test, baseline = findings.test, findings.baseline
    rows: list[Row] = [
        (Cell("this model"), share(test.accuracy)),
        (Cell("TF-IDF with logistic regression"), share(baseline.linear)),
        (Cell("always the most frequent class"), share(baseline.majority)),
    ]
    remark = (
        f"TF-IDF of words and pairs of words, learned from {baseline.training_rows:,} training "
        f"rows and tested on {counted(baseline.test_rows, 'test row')}."
    )
    return Section("Beside simpler models, on the test rows", ["", "accuracy"], rows, remark)


def _remark(facts: Facts) -> str:
    return REFIT if facts.training.get("validation_rows_trained_on") else ""


def _curves(rows: RowFindings) -> Iterator[Section]:
    if rows.curves:
        series = [Series(cut(curve.name, 20), curve.points, dots=False) for curve in rows.curves]
        axes = ("false positive rate", "true positive rate", (-0.02, 1.02), (-0.02, 1.02))
        yield Section("ROC curve, test rows", plots=[plot(series, *axes, diagonal=True)])


def _learning(history: Sequence[Mapping[str, float]]) -> Section:
    def curve(name: str, key: str) -> Series:
        return Series(name, [(float(row["epoch"]), float(row[key])) for row in history])

    accuracy = [curve("training", "train_accuracy"), curve("validation", "valid_accuracy")]
    loss = [curve("training", "loss"), curve("validation", "valid_loss")]
    pictures = [
        plot(accuracy, "epoch", "accuracy", whole=True),
        plot(loss, "epoch", "loss", whole=True),
    ]
    return Section("Learning", plots=pictures)


def _lengths(rows: RowFindings) -> Iterator[Section]:
    """Yield how accuracy goes with the length of a text."""
    if not rows.lengths:
        return
    cells = [
        (Cell(f"from {one.start:,} tokens"), count(one.rows), share(one.accuracy))
        for one in rows.lengths
    ]
    yield Section("Lengths, test rows", ["length", "rows", "accuracy"], cells)


def _mistakes(rows: RowFindings) -> Iterator[Section]:
    if not rows.mistakes:
        return
    cells = [
        (Cell(one.label), Cell(one.predicted), number(one.probability), Cell(one.text, prose=True))
        for one in rows.mistakes
    ]
    remark = "Wrong with conviction: often a wrong label, or a kind of text that is rare."
    header = ["label", "predicted", "probability", "text"]
    yield Section("Most confident mistakes, test rows", header, cells, remark)


def _words(findings: Findings) -> Iterator[Section]:
    if not findings.words:
        return
    classes = findings.facts.classes
    cells = [
        (
            Cell(classes[one.target]),
            Cell(cut(one.token, 60)),
            share(one.in_class),
            share(one.elsewhere),
        )
        for one in findings.words
    ]
    remark = "Single words of the training rows; the model reads them in their sentences."
    header = ["class", "word", "rows of the class that have it", "other rows"]
    yield Section("Words that tell most", header, cells, remark)


def _leakage(findings: Findings) -> Section:
    """Return what may make the figures better than the model: texts on both sides, told labels."""
    leaks, lines = findings.leaks, []
    if leaks is None:
        lines.append("Whether test rows are among the training rows was not looked for.")
    else:
        lines.append(
            f"Test rows whose text is among the training rows: {leaks.same:,} the same, "
            f"{leaks.near:,} nearly."
        )
    word = findings.leakage
    lines.append(
        f"The most telling word is {word.token!r}: in {word.in_class:.1%} of the rows of "
        f"{findings.facts.classes[word.target]!r} and in {word.elsewhere:.1%} of the others."
    )
    return Section("Leakage", lines=[cut(line, 400) for line in lines])


def _rows(findings: Findings) -> Section:
    rows: list[Row] = [
        (Cell(part), *map(count, counts.values()), count(sum(counts.values())))
        for part, counts in findings.counts.items()
    ]
    return Section("Rows", ["part", *findings.facts.classes, "all"], rows, lines=findings.notes)


def _label_values(facts: Facts) -> Section:
    columns = f"Texts from column {facts.text_column!r}, labels from {facts.label_column!r}."
    rows = [(Cell(value), Cell(name)) for value, name in facts.label_values.items()]
    return Section("Labels", ["label", "class"], rows, columns)


def _settings(facts: Facts) -> Section:
    settings = {**_flat(vars(facts.model)), **_flat(facts.training)}
    settings["temperature"] = f"{facts.temperature:.4f}"
    rows = [(Cell(name), Cell(value)) for name, value in settings.items()]
    return Section("How it was trained", ["setting", "value"], rows)


def _flat(values: Mapping[str, Any], prefix: str = "") -> dict[str, str]:
    flat: dict[str, str] = {}
    for name, value in values.items():
        words = prefix + name.replace("_", " ")
        flat |= _flat(value, f"{words}: ") if isinstance(value, Mapping) else {words: str(value)}
    return flat


def _repeat(findings: Findings, release: Release | None) -> Iterator[Section]:
    if release is None:
        return
    remark = (
        f"Data: sha256 {findings.facts.training['data_sha256']}. The same rows, seed, threads and "
        "machine give the same bundle digest."
    )
    yield Section("How to repeat it", remark=remark, code=release.command)
