"""The report of a bundle: one HTML page with all figures, for people, without any other file.

Has no time or date, so that the same training gives the same bundle. Knows what training found
out, nothing of how.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from scorer.evaluation.baseline import Baseline
from scorer.evaluation.evaluation import Evaluation
from scorer.evaluation.page import Number, Row, bullets, page, remark, section, table
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
    return page("Model report", "\n".join(_parts(findings)))


def _parts(findings: Findings) -> Iterator[str]:
    test = findings.test
    yield _suspicions(findings.warnings)
    yield (
        f"<p><strong>{test.accuracy:.2%}</strong> of {test.rows:,} test rows right; 95% interval "
        f"{test.accuracy_low:.2%} to {test.accuracy_high:.2%}.</p>"
    )
    yield section("Beside simpler models, on the test rows", _comparison(findings))
    yield section("Figures", _figures({"validation": findings.valid, "test": test}))
    yield section("Each class, on the test rows", _classes(test))
    yield section("Which class was taken for which, test rows", _confusion(test))
    yield section("What a probability means, test rows", _reliability(test))
    yield section("Learning", _learning(findings.history))
    yield section("Rows", _rows(findings))
    yield section("Labels", _label_values(findings.facts))
    yield section("How it was trained", _settings(findings.facts))


def _suspicions(warnings: Sequence[str]) -> str:
    if not warnings:
        return ""
    return f'<div class="doubt"><strong>Doubt these figures</strong>{bullets(warnings)}</div>'


def _comparison(findings: Findings) -> str:
    test, baseline = findings.test, findings.baseline
    rows: list[Row] = [("this model", _share(test.accuracy))]
    if baseline is None:
        rows.append(("always the most frequent class", _share(test.majority)))
        return table(["", "accuracy"], rows)
    rows.append(("TF-IDF with logistic regression", _share(baseline.linear)))
    rows.append(("always the most frequent class", _share(baseline.majority)))
    why = (
        f"TF-IDF of words and pairs of words, learned from {baseline.training_rows:,} training "
        f"rows and tested on {baseline.test_rows:,} test rows."
    )
    return table(["", "accuracy"], rows) + remark(why)


def _figures(parts: Mapping[str, Evaluation]) -> str:
    figures = parts.values()
    rows: list[Row] = [
        ("rows", *(_count(part.rows) for part in figures)),
        ("rows without a score", *(_count(part.unscored) for part in figures)),
        ("accuracy", *(_share(part.accuracy) for part in figures)),
        ("its 95% interval", *(_interval(part) for part in figures)),
        ("log loss, nats", *(_number(part.log_loss) for part in figures)),
        ("area under the ROC curve", *(_number(part.auc) for part in figures)),
        ("expected calibration error", *(_number(part.calibration_error) for part in figures)),
    ]
    return table(["", *parts], rows)


def _classes(test: Evaluation) -> str:
    rows = [
        (one.name, _share(one.precision), _share(one.recall), _share(one.f1), _count(one.support))
        for one in test.per_class
    ]
    return table(["class", "precision", "recall", "F1", "rows"], rows)


def _confusion(test: Evaluation) -> str:
    names = [one.name for one in test.per_class]
    rows: list[Row] = [
        (name, *(Number(f"{count:,}", SHADE * count / max(1, sum(counts))) for count in counts))
        for name, counts in zip(names, test.confusion, strict=True)
    ]
    return table(["truly \\ taken for", *names], rows)


def _reliability(test: Evaluation) -> str:
    points = [(part.confidence, part.accuracy) for part in test.reliability]
    labels = [
        f"{part.rows:,} rows: mean probability {part.confidence:.3f}, {part.accuracy:.1%} right"
        for part in test.reliability
    ]
    series = Series("test rows", points, [part.rows for part in test.reliability], labels)
    spread = (min(map(min, points)) - 0.05, 1.02)
    return remark(CALIBRATION) + plot(
        [series], "mean probability", "share right", spread, spread, diagonal=True
    )


def _learning(history: Sequence[Mapping[str, float]]) -> str:
    def curve(name: str, key: str) -> Series:
        return Series(name, [(float(row["epoch"]), float(row[key])) for row in history])

    accuracy = [curve("training", "train_accuracy"), curve("validation", "valid_accuracy")]
    loss = [curve("training", "loss")]
    plots = plot(accuracy, "epoch", "accuracy") + plot(loss, "epoch", "loss")
    return f'<div class="plots">{plots}</div>'


def _rows(findings: Findings) -> str:
    rows: list[Row] = [
        (part, *(_count(count) for count in counts.values()), _count(sum(counts.values())))
        for part, counts in findings.counts.items()
    ]
    return table(["part", *findings.facts.classes, "all"], rows) + bullets(findings.notes)


def _label_values(facts: "Facts") -> str:
    columns = f"Texts from column {facts.text_column!r}, labels from {facts.label_column!r}."
    return remark(columns) + table(["label", "class"], list(facts.label_values.items()))


def _settings(facts: "Facts") -> str:
    settings = {**_flat(vars(facts.model)), **_flat(facts.training)}
    settings["temperature"] = f"{facts.temperature:.4f}"
    return table(["", ""], list(settings.items()))


def _flat(values: Mapping[str, Any], prefix: str = "") -> dict[str, str]:
    flat: dict[str, str] = {}
    for name, value in values.items():
        words = prefix + name.replace("_", " ")
        flat |= _flat(value, f"{words}: ") if isinstance(value, Mapping) else {words: str(value)}
    return flat


def _share(value: float) -> Number:
    return Number(f"{value:.2%}")


def _count(value: int) -> Number:
    return Number(f"{value:,}")


def _number(value: float | None) -> Number:
    return Number("none" if value is None else f"{value:.4f}")


def _interval(figures: Evaluation) -> Number:
    return Number(f"{figures.accuracy_low:.2%} to {figures.accuracy_high:.2%}")
