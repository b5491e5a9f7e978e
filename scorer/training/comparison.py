"""The bundle in use and a new one on the same rows, which neither was trained on.

Knows probabilities and labels, nothing of stores or of what follows from the comparison.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from scorer.evaluation.evaluation import is_scored
from scorer.wording import counted

SWAP_MARGIN = 0.2  # share of rows by which other names for the classes agree better than their own
MIN_AGREEMENT_ROWS = 20


@dataclass(frozen=True)
class Comparison:
    """Two models on the same rows.

    ours, theirs: bool (rows,), whether each is right; p_worse, p_better: one-sided sign tests
    (McNemar's, exact) of ours against theirs; swapped: classes that come out as one another.
    """

    ours: np.ndarray
    theirs: np.ndarray
    our_macro_f1: float
    their_macro_f1: float
    p_worse: float
    p_better: float
    swapped: tuple[str, ...] = ()

    @property
    def loss(self) -> float:
        """Accuracy lost against theirs, in points; negative for a gain."""
        return 100 * float(self.theirs.mean() - self.ours.mean())

    def __str__(self) -> str:
        return (
            f"accuracy {self.ours.mean():.2%} against {self.theirs.mean():.2%}, macro-F1 "
            f"{self.our_macro_f1:.2%} against {self.their_macro_f1:.2%}, on "
            f"{counted(len(self.ours), 'row')}"
        )


def compare(
    ours: np.ndarray, theirs: np.ndarray, targets: np.ndarray, classes: Sequence[str]
) -> Comparison:
    """Compare float32 (rows, classes) probabilities, NaN where a text has no token."""
    our_classes, their_classes = guesses(ours), guesses(theirs)
    right, their_right = our_classes == targets, their_classes == targets
    return Comparison(
        right,
        their_right,
        macro_f1(our_classes, targets),
        macro_f1(their_classes, targets),
        sign_test(their_right, right),
        sign_test(right, their_right),
        _swapped(our_classes, their_classes, classes),
    )


def guesses(probabilities: np.ndarray) -> np.ndarray:
    """Return int64 (rows,): the most likely class of each row, -1 for a row of NaN."""
    best = np.nan_to_num(probabilities).argmax(axis=1)
    return np.where(is_scored(probabilities), best, -1)


def sign_test(winner: np.ndarray, loser: np.ndarray) -> float:
    """Return the probability that chance alone makes `winner` right so much more often."""
    from scipy.stats import binomtest

    won, lost = int((winner & ~loser).sum()), int((loser & ~winner).sum())
    if won <= lost:
        return 1.0
    return float(binomtest(won, won + lost, alternative="greater").pvalue)


def macro_f1(guessed: np.ndarray, targets: np.ndarray) -> float:
    """Return the mean F1 of the classes that occur, between 0 and 1."""
    from sklearn.metrics import f1_score

    return float(f1_score(targets, guessed, labels=np.unique(targets), average="macro"))


def _swapped(ours: np.ndarray, theirs: np.ndarray, classes: Sequence[str]) -> tuple[str, ...]:
    """Return the classes for which another's name agrees far better with the other model."""
    from scipy.optimize import linear_sum_assignment

    both = (ours >= 0) & (theirs >= 0)
    if both.sum() < MIN_AGREEMENT_ROWS:
        return ()
    agreement = np.zeros((len(classes), len(classes)))
    np.add.at(agreement, (theirs[both], ours[both]), 1 / both.sum())
    rows, columns = linear_sum_assignment(-agreement)
    if agreement[rows, columns].sum() < agreement.trace() + SWAP_MARGIN:
        return ()
    return tuple(classes[row] for row, column in zip(rows, columns, strict=True) if row != column)
