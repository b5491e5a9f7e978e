"""The figures of evaluations as sections of a page, and the page of bundles side by side.

Knows evaluations, nothing of how a bundle was trained.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

import numpy as np

from scorer.evaluation.evaluation import Evaluation
from scorer.pages.page import Cell, Heading, Row, Section, count, number, render, share
from scorer.pages.plots import Series, plot
from scorer.wording import counted

CALIBRATION = (
    "Rows gathered by the probability of their predicted class. On the dashed line, 0.9 means nine "
    "in ten. A larger dot has more rows."
)
SHADE = 0.6  # of a cell with all rows: text on it is still read
MATRIX_CLASSES, CONFUSED_PAIRS = 20, 30


def evaluation_html(evaluated: Mapping[str, Evaluation], files: Sequence[str]) -> str:
    """Return a page of bundles side by side, by version, on the rows of labelled files."""
    best = max(evaluated, key=lambda version: evaluated[version].accuracy)
    headline = f"{best} is right most often: {evaluated[best].accuracy:.2%} of the rows."
    heading = Heading("Evaluation", headline, {"labelled files": ", ".join(files)})
    sections = [figures_section(evaluated)]
    for version, figures in evaluated.items():
        sections += class_sections(figures, f": {version}")
    return render(heading, sections)


def figures_section(parts: Mapping[str, Evaluation], remark: str = "") -> Section:
    """Return the figures of each part, by its name, side by side."""
    figures = parts.values()
    rows: list[Row] = [
        (Cell("rows"), *(count(part.rows) for part in figures)),
        (Cell("rows without a score"), *(count(part.unscored) for part in figures)),
        (Cell("accuracy"), *(share(part.accuracy) for part in figures)),
        (Cell("its 95% interval"), *(_interval(part) for part in figures)),
        (Cell("macro-F1"), *(share(part.macro_f1) for part in figures)),
        (Cell("log loss, nats"), *(number(part.log_loss) for part in figures)),
        (Cell("area under the ROC curve"), *(number(part.auc) for part in figures)),
        (Cell("expected calibration error"), *(number(of.calibration_error) for of in figures)),
    ]
    return Section("Figures", ["", *parts], rows, remark)


def _interval(figures: Evaluation) -> Cell:
    return Cell(f"{figures.accuracy_low:.2%} to {figures.accuracy_high:.2%}", number=True)


def class_sections(evaluation: Evaluation, where: str) -> Iterator[Section]:
    """Yield what there is class by class, and how reliable probabilities are.

    where: which rows these are, at the end of each title.
    """
    for section in (_classes(evaluation), _confusion(evaluation), _reliability(evaluation)):
        yield replace(section, title=f"{section.title}{where}")


def _classes(evaluation: Evaluation) -> Section:
    rows = [
        (
            Cell(one.name),
            share(one.precision),
            share(one.recall),
            share(one.f1),
            count(one.support),
        )
        for one in evaluation.per_class
    ]
    header = ["class", "precision", "recall", "F1", "rows"]
    return Section("Each class", header, rows)


def _confusion(evaluation: Evaluation) -> Section:
    names = [one.name for one in evaluation.per_class]
    if len(names) > MATRIX_CLASSES:
        return _confused_pairs(evaluation, names)
    rows: list[Row] = [
        (Cell(name), *(Cell(f"{n:,}", True, SHADE * n / max(1, sum(counts))) for n in counts))
        for name, counts in zip(names, evaluation.confusion, strict=True)
    ]
    return Section("Confusion matrix", ["true class \\ predicted", *names], rows)


def _confused_pairs(evaluation: Evaluation, names: Sequence[str]) -> Section:
    """Return the pairs of classes most often confused: a matrix of many classes fits no page."""
    confusion = np.array(evaluation.confusion)
    np.fill_diagonal(confusion, 0)
    order = np.argsort(-confusion, axis=None, kind="stable")[:CONFUSED_PAIRS]
    pairs = zip(*np.unravel_index(order, confusion.shape), strict=True)
    rows = [
        (Cell(names[true]), Cell(names[guess]), count(int(confusion[true, guess])))
        for true, guess in pairs
        if confusion[true, guess]
    ]
    return Section("Most confused classes", ["true class", "predicted", "rows"], rows)


def _reliability(evaluation: Evaluation) -> Section:
    points = [(part.confidence, part.accuracy) for part in evaluation.reliability]
    labels = [
        f"{counted(part.rows, 'row')}: mean probability {part.confidence:.3f}, "
        f"{part.accuracy:.1%} right"
        for part in evaluation.reliability
    ]
    series = Series("rows", points, [part.rows for part in evaluation.reliability], labels)
    spread = (min(map(min, points)) - 0.05, 1.02)
    axes = ("mean probability", "share right", spread, spread)
    picture = plot([series], *axes, diagonal=True)
    return Section("Reliability", remark=CALIBRATION, plots=[picture])
