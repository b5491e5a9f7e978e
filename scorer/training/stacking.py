"""A linear term for a network to stand on: the network learns what the term does not know.

The network's logits are added to the term's. A term is surer of the rows it was fitted on than of
any other, and would leave the network nothing to learn. So each row meets one that was fitted on
other rows (out-of-fold predictions, Wolpert 1992: "Stacked generalization"). They also tell by
which factor the term's logits are to be scaled. Knows no network and no vocabulary.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from scorer.evaluation.calibration import fit_share
from scorer.network.linear import LinearTerm
from scorer.training.fitting import Examples

FOLDS, FOLDS_OF_MANY = 5, 2
MANY_ROWS = 4_000  # half of which are enough to fit a term much like that of all

FitLinear = Callable[[Examples], LinearTerm]


@dataclass(frozen=True)
class Base:
    """A linear term, and what it is to the examples it was fitted on.

    term: of all examples; share: the factor that is in its logits.
    offsets: float32 (rows, classes), logits of each example by a term that has not seen it.
    """

    term: LinearTerm
    share: float
    offsets: np.ndarray

    def refitted(self, examples: Examples, fit: FitLinear) -> LinearTerm:
        """Return the term of more examples, by the same factor."""
        return fit(examples).scaled(self.share)


def fit_base(examples: Examples, fit: FitLinear) -> Base:
    """Return the linear term of examples, scaled so that its probabilities mean what they say."""
    logits = _out_of_fold(examples, fit)
    share = fit_share(logits, examples.targets)
    return Base(fit(examples).scaled(share), share, np.float32(share) * logits)


def _out_of_fold(examples: Examples, fit: FitLinear) -> np.ndarray:
    """Return the logits of each example by a term fitted on the other folds."""
    folds = _folds(examples.targets)
    parts = [np.flatnonzero(folds == fold) for fold in np.unique(folds)]
    logits = [
        fit(_taken(examples, np.flatnonzero(folds != fold))).logits(examples.encoded.take(rows))
        for fold, rows in enumerate(parts)
    ]
    return np.concatenate(logits)[np.argsort(np.concatenate(parts))]


def _folds(targets: np.ndarray) -> np.ndarray:
    """Return int64 (rows,), the fold of each row; each class is dealt out over all folds."""
    labels = targets if targets.ndim == 1 else targets.argmax(axis=1)
    shuffled = np.random.default_rng(0).permutation(len(labels))
    dealt = shuffled[np.argsort(labels[shuffled], kind="stable")]
    folds = np.empty(len(labels), np.int64)
    folds[dealt] = np.arange(len(labels)) % (FOLDS if len(labels) <= MANY_ROWS else FOLDS_OF_MANY)
    return folds


def _taken(examples: Examples, rows: np.ndarray) -> Examples:
    return replace(examples, encoded=examples.encoded.take(rows), targets=examples.targets[rows])
