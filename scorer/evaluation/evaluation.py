"""How good class probabilities are against the labels: the figures that a bundle and a report show.

Takes probabilities as `Predictor.predict` gives them, so every figure is of the very path that
scores a file. Knows nothing of texts, models or where rows are from.
"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from scorer.corpus.label_values import SMALL_SHARE
from scorer.errors import InputError

BINS = 15  # of confidence, as in Guo et al. 2017
SMALLEST = float(np.finfo(np.float32).eps)  # a probability of 0 counts as this in the log loss


@dataclass(frozen=True)
class ClassFigures:
    """Figures of one class; `support` is how many rows are truly of it."""

    name: str
    precision: float
    recall: float
    f1: float
    support: int


@dataclass(frozen=True)
class ConfidenceBin:
    """Rows whose predicted class has a probability in one of `BINS` equal ranges."""

    confidence: float  # the mean probability of the predicted class
    accuracy: float  # how often it was right
    rows: int


@dataclass(frozen=True)
class Evaluation:
    """Figures over the scored rows; shares between 0 and 1, log loss in nats."""

    rows: int  # scored rows; every figure is over these
    unscored: int  # rows without a probability: their text has no token
    accuracy: float
    accuracy_low: float  # Wilson's 95% interval
    accuracy_high: float
    log_loss: float
    auc: float | None  # area under the ROC curve, macro one-vs-rest for more than two classes
    per_class: tuple[ClassFigures, ...]
    confusion: tuple[tuple[int, ...], ...]  # [true class][predicted class], in rows
    calibration_error: float  # see `calibration_error`
    reliability: tuple[ConfidenceBin, ...]
    majority: float  # accuracy of always guessing the most frequent class

    @property
    def macro_f1(self) -> float:
        """Mean F1 of the classes, each counting as much as another."""
        return sum(one.f1 for one in self.per_class) / len(self.per_class)

    @property
    def is_balanced(self) -> bool:
        """Whether accuracy speaks for every class: none has far fewer rows than the others."""
        rarest = min(one.support for one in self.per_class)
        return rarest * len(self.per_class) >= SMALL_SHARE * self.rows

    def to_json(self) -> dict[str, Any]:
        """Return plain lists, dicts and numbers, ready for `json.dumps`."""
        return asdict(self)


def evaluate(probabilities: np.ndarray, targets: np.ndarray, classes: Sequence[str]) -> Evaluation:
    """Evaluate float32 (rows, classes) probabilities against int64 (rows,) class indices.

    Rows of NaN (a text without a token) are counted as unscored and left out of every figure.
    Raises `InputError` if no row is left.
    """
    scored = is_scored(probabilities)
    if not scored.any():
        raise InputError("there is no row to evaluate: no text has a token")
    unscored = len(targets) - int(scored.sum())
    probabilities, targets = probabilities[scored].astype(np.float64), targets[scored]
    predicted = probabilities.argmax(axis=1)
    accuracy = float((predicted == targets).mean())
    low, high = accuracy_interval(int((predicted == targets).sum()), len(targets))
    return Evaluation(
        rows=len(targets),
        unscored=unscored,
        accuracy=accuracy,
        accuracy_low=low,
        accuracy_high=high,
        log_loss=log_loss(probabilities, targets),
        auc=auc(probabilities, targets),
        per_class=_per_class(predicted, targets, classes),
        confusion=_confusion(predicted, targets, len(classes)),
        calibration_error=calibration_error(probabilities, targets),
        reliability=reliability(probabilities, targets),
        majority=float(np.bincount(targets).max() / len(targets)),
    )


def is_scored(values: np.ndarray) -> np.ndarray:
    """Return bool (rows,): whether a row of logits or probabilities (rows, classes) has any.

    A text without a token has NaN.
    """
    return np.asarray(~np.isnan(values).any(axis=1))


def accuracy_interval(right: int, rows: int) -> tuple[float, float]:
    """Return Wilson's 95% interval for an accuracy of right / rows."""
    from scipy.stats import binomtest

    interval = binomtest(right, rows).proportion_ci(0.95, method="wilson")
    return float(interval.low), float(interval.high)


def log_loss(probabilities: np.ndarray, targets: np.ndarray) -> float:
    """Return the mean negative log probability of the true class, in nats.

    targets: int64 (rows,), or soft labels (rows, classes), of which it is the cross entropy.
    """
    logs = np.log(np.maximum(probabilities, SMALLEST))
    if targets.ndim == 2:
        return float(-(targets * logs).sum(axis=1).mean())
    return float(-logs[np.arange(len(targets)), targets].mean())


def auc(probabilities: np.ndarray, targets: np.ndarray) -> float | None:
    """Return the area under the ROC curve; None where the rows do not hold two classes.

    Of the last class for two classes; for more, the mean over each class against the rest,
    of those classes that have rows.
    """
    from sklearn.metrics import roc_auc_score

    if len(np.unique(targets)) < 2:
        return None
    last = probabilities.shape[1] - 1
    one_vs_rest = [last] if last == 1 else np.unique(targets)
    return float(np.mean([roc_auc_score(targets == c, probabilities[:, c]) for c in one_vs_rest]))


def calibration_error(probabilities: np.ndarray, targets: np.ndarray) -> float:
    """Return the expected calibration error of the predicted class (Guo et al. 2017, eq. 3)."""
    bins = reliability(probabilities, targets)
    gaps = (one.rows * abs(one.accuracy - one.confidence) for one in bins)
    return sum(gaps) / len(targets)


def reliability(probabilities: np.ndarray, targets: np.ndarray) -> tuple[ConfidenceBin, ...]:
    """Return the rows in `BINS` ranges of equal width, each closed above; only those with a row.

    probabilities: (rows, classes), none of them NaN; targets: int64 (rows,).
    """
    confidence = probabilities.max(axis=1).astype(np.float64)
    right = probabilities.argmax(axis=1) == targets
    edges = np.linspace(0, 1, BINS + 1)[1:-1]
    bin_of_row = np.digitize(confidence, edges, right=True)
    rows = np.bincount(bin_of_row, minlength=BINS)
    confidences, rights = (np.bincount(bin_of_row, sums, BINS) for sums in (confidence, right))
    return tuple(
        ConfidenceBin(float(confidences[i] / rows[i]), float(rights[i] / rows[i]), int(rows[i]))
        for i in np.flatnonzero(rows)
    )


def _per_class(
    predicted: np.ndarray, targets: np.ndarray, classes: Sequence[str]
) -> tuple[ClassFigures, ...]:
    from sklearn.metrics import precision_recall_fscore_support

    columns = precision_recall_fscore_support(
        targets, predicted, labels=range(len(classes)), zero_division=0.0
    )
    return tuple(
        ClassFigures(name, float(precision), float(recall), float(f1), int(support))
        for name, precision, recall, f1, support in zip(classes, *columns, strict=True)
    )


def _confusion(
    predicted: np.ndarray, targets: np.ndarray, classes: int
) -> tuple[tuple[int, ...], ...]:
    counts = np.bincount(targets * classes + predicted, minlength=classes * classes)
    return tuple(tuple(row) for row in counts.reshape(classes, classes).tolist())
