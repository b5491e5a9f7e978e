"""The report of a bundle: one HTML page with all figures, for people, without any other file.

Has no time or date, so that the same training gives the same bundle. Knows what training found
out, nothing of how.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from scorer.evaluation.baseline import Baseline
from scorer.evaluation.evaluation import Evaluation
from scorer.evaluation.page import Cell, Row, Section, render
from scorer.evaluation.plots import Series, plot

if TYPE_CHECKING:
    from scorer.bundles.bundle import Facts

CALIBRATION = (
    "Rows gathered by the probability of their predicted class. On the dashed line, 0.9 means nine "
    "in ten. A larger dot has more rows."
)
SHADE = 0.6  # of a cell with all rows: text on it is still read


@dataclass(frozen=True)
class Findings:
    """What a training found out; `valid` and `test` are figures of the path that scores."""

    facts: "Facts"
    history: Sequence[Mapping[str, float]]  # a row an epoch
    valid: Evaluation
    test: Evaluation
    counts: Mapping[str, Mapping[str, int]]  # part -> class -> rows
    baseline: Baseline | None = None
    warnings: Sequence[str] = ()
    notes: Sequence[str] = ()


def report_html(findings: Findings) -> str:
    """Return the page."""
    test = findings.test
    headline = (
        f"{test.accuracy:.2%} of {test.rows:,} test rows right; 95% interval "
        f"{test.accuracy_low:.2%} to {test.accuracy_high:.2%}."
    )
    sections = (
        _comparison(findings),
        _figures({"validation": findings.valid, "test": test}),
        _classes(test),
        _confusion(test),
        _reliability(test),
        _learning(findings.history),
        _rows(findings),
        _label_values(findings.facts),
        _settings(findings.facts),
    )
    return render("Model report", headline, sections, findings.warnings)


def _comparison(findings: Findings) -> Section:
    test, baseline = findings.test, findings.baseline
    rows: list[Row] = [(Cell("this model"), _share(test.accuracy))]
    why = ""
    if baseline is not None:
        rows.append((Cell("TF-IDF with logistic regression"), _share(baseline.linear)))
        why = (
            f"TF-IDF of words and pairs of words, learned from {baseline.training_rows:,} training "
            f"rows and tested on {baseline.test_rows:,} test rows."
        )
    majority = test.majority if baseline is None else baseline.majority
    rows.append((Cell("always the most frequent class"), _share(majority)))
    return Section("Beside simpler models, on the test rows", ["", "accuracy"], rows, why)


def _figures(parts: Mapping[str, Evaluation]) -> Section:
    figures = parts.values()
    rows: list[Row] = [
        (Cell("rows"), *(_count(part.rows) for part in figures)),
        (Cell("rows without a score"), *(_count(part.unscored) for part in figures)),
        (Cell("accuracy"), *(_share(part.accuracy) for part in figures)),
        (Cell("its 95% interval"), *(_interval(part) for part in figures)),
        (Cell("macro-F1"), *(_share(part.macro_f1) for part in figures)),
        (Cell("log loss, nats"), *(_number(part.log_loss) for part in figures)),
        (Cell("area under the ROC curve"), *(_number(part.auc) for part in figures)),
        (Cell("expected calibration error"), *(_number(of.calibration_error) for of in figures)),
    ]
    return Section("Figures", ["", *parts], rows)


def _classes(test: Evaluation) -> Section:
    rows = [
        (
            Cell(one.name),
            _share(one.precision),
            _share(one.recall),
            _share(one.f1),
            _count(one.support),
        )
        for one in test.per_class
    ]
    header = ["class", "precision", "recall", "F1", "rows"]
    return Section("Each class, on the test rows", header, rows)


def _confusion(test: Evaluation) -> Section:
    names = [one.name for one in test.per_class]
    rows: list[Row] = [
        (Cell(name), *(Cell(f"{n:,}", True, SHADE * n / max(1, sum(counts))) for n in counts))
        for name, counts in zip(names, test.confusion, strict=True)
    ]
    return Section("Confusion matrix, test rows", ["true class \\ predicted", *names], rows)


def _reliability(test: Evaluation) -> Section:
    points = [(part.confidence, part.accuracy) for part in test.reliability]
    labels = [
        f"{part.rows:,} rows: mean probability {part.confidence:.3f}, {part.accuracy:.1%} right"
        for part in test.reliability
    ]
    series = Series("test rows", points, [part.rows for part in test.reliability], labels)
    spread = (min(map(min, points)) - 0.05, 1.02)
    axes = ("mean probability", "share right", spread, spread)
    picture = plot([series], *axes, diagonal=True)
    return Section("Reliability, test rows", remark=CALIBRATION, plots=[picture])


def _learning(history: Sequence[Mapping[str, float]]) -> Section:
    def curve(name: str, key: str) -> Series:
        return Series(name, [(float(row["epoch"]), float(row[key])) for row in history])

    accuracy = [curve("training", "train_accuracy"), curve("validation", "valid_accuracy")]
    loss = [curve("training", "loss")]
    pictures = [plot(accuracy, "epoch", "accuracy"), plot(loss, "epoch", "loss")]
    return Section("Learning", plots=pictures)


def _rows(findings: Findings) -> Section:
    rows: list[Row] = [
        (Cell(part), *map(_count, counts.values()), _count(sum(counts.values())))
        for part, counts in findings.counts.items()
    ]
    return Section("Rows", ["part", *findings.facts.classes, "all"], rows, lines=findings.notes)


def _label_values(facts: "Facts") -> Section:
    columns = f"Texts from column {facts.text_column!r}, labels from {facts.label_column!r}."
    rows = [(Cell(value), Cell(name)) for value, name in facts.label_values.items()]
    return Section("Labels", ["label", "class"], rows, columns)


def _settings(facts: "Facts") -> Section:
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


def _share(value: float) -> Cell:
    return Cell(f"{value:.2%}", number=True)


def _count(value: int) -> Cell:
    return Cell(f"{value:,}", number=True)


def _number(value: float | None) -> Cell:
    return Cell("none" if value is None else f"{value:.4f}", number=True)


def _interval(figures: Evaluation) -> Cell:
    return Cell(f"{figures.accuracy_low:.2%} to {figures.accuracy_high:.2%}", number=True)
