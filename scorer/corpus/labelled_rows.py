"""Labelled rows in memory: texts and class indices, ready to train or evaluate on.

Knows arrays, nothing of files or of what labels mean.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa


@dataclass(frozen=True)
class LabelledRows:
    """Checked rows; every row has a text and a class.

    texts: (rows,), as they were read.
    targets: int64 (rows,), index into the classes.
    groups: (rows,), null where a row is of no group; None without a group column.
    probabilities: float32 (rows, classes), soft labels; None without probability columns.
    """

    texts: pa.LargeStringArray
    targets: np.ndarray
    groups: pa.LargeStringArray | None = None
    probabilities: np.ndarray | None = None

    def __len__(self) -> int:
        return len(self.targets)

    @property
    def learned_targets(self) -> np.ndarray:
        """What is learned: soft labels float32 (rows, classes) if there are, else the targets."""
        return self.targets if self.probabilities is None else self.probabilities

    def take(self, rows: np.ndarray) -> "LabelledRows":
        """Return the rows of those indices (or where a boolean mask is True), in their order."""
        rows = np.flatnonzero(rows) if rows.dtype == bool else rows
        groups = None if self.groups is None else self.groups.take(pa.array(rows))
        soft = None if self.probabilities is None else self.probabilities[rows]
        return LabelledRows(self.texts.take(pa.array(rows)), self.targets[rows], groups, soft)

    def sample(self, number: int) -> "LabelledRows":
        """Return so many random rows, always the same ones; all if there are no more."""
        if number >= len(self):
            return self
        sample = np.random.default_rng(0).choice(len(self), number, replace=False)
        return self.take(np.sort(sample))

    def group_codes(self) -> np.ndarray | None:
        """Return int64 (rows,), equal for rows of one group; a row of no group has its own."""
        if self.groups is None:
            return None
        encoded = self.groups.dictionary_encode()
        codes = encoded.indices.fill_null(-1).to_numpy().astype(np.int64)
        return np.where(codes < 0, len(encoded.dictionary) + np.arange(len(codes)), codes)


def joined_rows(parts: Sequence[LabelledRows]) -> LabelledRows:
    """Return the rows of all parts, one part after the other; all or none have groups."""
    groups = [part.groups for part in parts if part.groups is not None]
    return LabelledRows(
        pa.concat_arrays([part.texts for part in parts]),
        np.concatenate([part.targets for part in parts]),
        pa.concat_arrays(groups) if groups else None,
        _joined_probabilities(parts),
    )


def _joined_probabilities(parts: Sequence[LabelledRows]) -> np.ndarray | None:
    """Return the soft labels of all parts, the labels themselves where a part has none."""
    known = [part.probabilities for part in parts if part.probabilities is not None]
    if not known:
        return None
    one_hot = np.eye(known[0].shape[1], dtype=np.float32)
    soft = (p.probabilities if p.probabilities is not None else one_hot[p.targets] for p in parts)
    return np.concatenate(list(soft))


def class_counts(targets: np.ndarray, classes: Sequence[str]) -> dict[str, int]:
    """Return how many rows each class has."""
    counts = np.bincount(targets, minlength=len(classes))
    return dict(zip(classes, counts.tolist(), strict=True))
