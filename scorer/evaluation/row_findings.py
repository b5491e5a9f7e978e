"""What test rows show beyond figures: confident mistakes, accuracy by length, ROC curves.

Knows texts, probabilities and targets, nothing of the model.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from scorer.evaluation.profile import LENGTHS
from scorer.network.inference import Prediction
from scorer.pages.page import cut

MISTAKES = 20
CURVES = 4  # of the classes with the most rows
POINTS = 60  # of a curve


@dataclass(frozen=True)
class Mistake:
    """A row whose most likely class is another than its label; `text` is cut."""

    text: str
    label: str
    predicted: str
    probability: float  # of the predicted class


@dataclass(frozen=True)
class LengthRange:
    """Rows of `start` tokens and more, up to the next range."""

    start: int
    rows: int
    accuracy: float


@dataclass(frozen=True)
class RocCurve:
    """A class against the rest: (false positive rate, true positive rate)."""

    name: str
    points: tuple[tuple[float, float], ...]


@dataclass(frozen=True)
class RowFindings:
    """All of it; empty where no row has a score."""

    mistakes: tuple[Mistake, ...]
    lengths: tuple[LengthRange, ...]
    curves: tuple[RocCurve, ...]


def find_in_rows(
    texts: pa.LargeStringArray,
    prediction: Prediction,
    targets: np.ndarray,
    classes: Sequence[str],
) -> RowFindings:
    """Look at test rows: texts (rows,), their prediction, and int64 (rows,) class indices."""
    scored = np.flatnonzero(prediction.tokens > 0)
    probabilities, truth = prediction.probabilities[scored], targets[scored]
    return RowFindings(
        _mistakes(texts.take(pa.array(scored)), probabilities, truth, classes),
        _by_length(prediction.tokens[scored], probabilities.argmax(axis=1) == truth),
        _curves(probabilities, truth, classes),
    )


def _mistakes(
    texts: pa.LargeStringArray, probabilities: np.ndarray, targets: np.ndarray, names: Sequence[str]
) -> tuple[Mistake, ...]:
    best, highest = probabilities.argmax(axis=1), probabilities.max(axis=1)
    wrong = np.flatnonzero(best != targets)
    order = wrong[np.argsort(-highest[wrong], kind="stable")][:MISTAKES].tolist()
    return tuple(
        Mistake(cut(texts[at].as_py()), names[targets[at]], names[best[at]], float(highest[at]))
        for at in order
    )


def _by_length(lengths: np.ndarray, right: np.ndarray) -> tuple[LengthRange, ...]:
    ranges = np.searchsorted(LENGTHS, lengths, side="right") - 1
    rows = np.bincount(ranges, minlength=len(LENGTHS))
    rights = np.bincount(ranges, right, minlength=len(LENGTHS))
    return tuple(
        LengthRange(LENGTHS[at], int(rows[at]), float(rights[at] / rows[at]))
        for at in np.flatnonzero(rows).tolist()
    )


def _curves(
    probabilities: np.ndarray, targets: np.ndarray, names: Sequence[str]
) -> tuple[RocCurve, ...]:
    """Return the curve of the last of two classes, or those of the largest of several."""
    from sklearn.metrics import roc_curve

    sizes = np.bincount(targets, minlength=len(names))
    largest = sorted(np.argsort(-sizes, kind="stable")[:CURVES].tolist())
    curves = []
    for at in [1] if len(names) == 2 else largest:
        if 0 < sizes[at] < len(targets):
            false, true, _ = roc_curve(targets == at, probabilities[:, at])
            kept = np.unique(np.linspace(0, len(false) - 1, POINTS).round().astype(int))
            points = zip(false[kept].tolist(), true[kept].tolist(), strict=True)
            curves.append(RocCurve(names[at], tuple(points)))
    return tuple(curves)
