"""Predictions of rows by models that have not seen them: out-of-fold predictions.

Knows targets, nothing of the models.
"""

from collections.abc import Callable

import numpy as np

FOLDS, FOLDS_OF_MANY = 5, 2
MANY_ROWS = 4_000  # half of which are enough to fit a model much like that of all


def out_of_fold(
    targets: np.ndarray, fit_and_predict: Callable[[np.ndarray, np.ndarray], np.ndarray]
) -> np.ndarray:
    """Return the logits of all rows, each by a model that was fitted on the other folds.

    targets: int64 (rows,) or soft labels (rows, classes). fit_and_predict: called with the indices
    of the rows to fit a model on, and of those whose logits it returns.
    """
    folds = assign_folds(targets)
    parts = [np.flatnonzero(folds == fold) for fold in np.unique(folds)]
    logits = [fit_and_predict(np.setdiff1d(np.arange(len(folds)), part), part) for part in parts]
    return np.concatenate(logits)[np.argsort(np.concatenate(parts))]


def assign_folds(targets: np.ndarray) -> np.ndarray:
    """Return int64 (rows,), the fold of each row; each class is dealt out over all folds."""
    labels = targets if targets.ndim == 1 else targets.argmax(axis=1)
    shuffled = np.random.default_rng(0).permutation(len(labels))
    dealt = shuffled[np.argsort(labels[shuffled], kind="stable")]
    folds = np.empty(len(labels), np.int64)
    folds[dealt] = np.arange(len(labels)) % (FOLDS if len(labels) <= MANY_ROWS else FOLDS_OF_MANY)
    return folds
