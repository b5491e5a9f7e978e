"""Probabilities that stand in a labelled table, a column `probability_<class>` for each class.

Whatever is good and slow (a large language model, a transformer, a panel of people) says once how
likely each class is, and a model learns that: Hinton, Vinyals and Dean, "Distilling the Knowledge
in a Neural Network" (2015). Knows columns of numbers, nothing of texts or files.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from scorer.corpus.label_values import PROBABILITY
from scorer.errors import InputError, UsageError
from scorer.wording import counted

FLAGS = {"false": "0", "true": "1"}  # as pandas writes them
MAX_EXCESS = 0.02  # of a row's sum over or under 1, as decimals are rounded


@dataclass(frozen=True)
class SoftLabels:
    """Class probabilities by row.

    probabilities: float32 (rows, classes), rows of sum 1; NaN where a row has none.
    """

    classes: tuple[str, ...]
    probabilities: np.ndarray

    def labels(self) -> pa.LargeStringArray:
        """Return the most likely class of each row, null where it has none."""
        missing = np.isnan(self.probabilities).any(axis=1)
        best = np.where(missing, 0, np.nan_to_num(self.probabilities).argmax(axis=1))
        names = pa.array(self.classes, pa.large_string()).take(pa.array(best))
        return pc.if_else(pa.array(missing), pa.scalar(None, names.type), names)

    def targets(self, classes: tuple[str, ...], labels: np.ndarray) -> np.ndarray:
        """Return float32 (rows, classes) in the order of `classes`.

        labels: int64 (rows,), the class of a row that has no probabilities. Raises `UsageError`
        where the classes are others.
        """
        if set(self.classes) != set(classes):
            raise UsageError(
                f"the labels' classes are {', '.join(classes)}, the probability columns' "
                f"{', '.join(self.classes)}",
                "--labels gives the label values the columns' names",
            )
        ordered = self.probabilities[:, [self.classes.index(name) for name in classes]]
        one_hot = np.eye(len(classes), dtype=np.float32)[labels]
        return np.where(np.isnan(ordered).any(axis=1)[:, None], one_hot, ordered)


def read_soft_labels(table: pa.Table, positions: Mapping[str, int]) -> SoftLabels | None:
    """Return the probabilities of a table, whose columns stand at `positions` by class.

    Raises `InputError` for a cell that is no number, or a row that does not sum to 1.
    """
    if not positions:
        return None
    columns = [_as_numbers(table.column(at), name) for name, at in positions.items()]
    probabilities = np.stack(columns, axis=1)
    _check(probabilities)
    sums = probabilities.sum(axis=1, keepdims=True)
    return SoftLabels(tuple(positions), (probabilities / sums).astype(np.float32))


def join_soft_labels(parts: Sequence[SoftLabels | None], rows: Sequence[int]) -> SoftLabels | None:
    """Return the probabilities of tables one after the other; NaN for a table without them."""
    known = [part for part in parts if part is not None]
    if not known:
        return None
    classes = known[0].classes
    blocks = []
    for part, count in zip(parts, rows, strict=True):
        if part is None:
            blocks.append(np.full((count, len(classes)), np.nan, np.float32))
        else:
            if set(part.classes) != set(classes):
                raise InputError("the files have probability columns of different classes")
            blocks.append(part.probabilities[:, [part.classes.index(name) for name in classes]])
    return SoftLabels(classes, np.concatenate(blocks))


def _as_numbers(column: pa.ChunkedArray, name: str) -> np.ndarray:
    """Return float64 (rows,), NaN for null or blank."""
    try:
        if pa.types.is_string(column.type) or pa.types.is_large_string(column.type):
            trimmed = pc.utf8_trim_whitespace(column)
            column = pc.if_else(pc.equal(trimmed, ""), pa.scalar(None, trimmed.type), trimmed)
            for flag, number in FLAGS.items():
                column = pc.replace_substring_regex(column, rf"(?i)^{flag}$", number)
        numbers: np.ndarray = column.cast(pa.float64()).to_numpy()
    except (pa.ArrowException, ValueError) as error:
        raise InputError(
            f"column {PROBABILITY + name!r} is not of numbers: {error}",
            "A probability is written as 0.85",
        ) from error
    return numbers


def _check(probabilities: np.ndarray) -> None:
    """Raise `InputError` for a row that is neither empty nor made of probabilities."""
    empty = np.isnan(probabilities).all(axis=1)
    sums = probabilities.sum(axis=1)
    wrong = ~empty & ~((probabilities >= 0).all(axis=1) & (np.abs(sums - 1) <= MAX_EXCESS))
    if wrong.any():
        row = int(np.flatnonzero(wrong)[0])
        values = ", ".join(f"{value:g}" for value in probabilities[row])
        raise InputError(
            f"{counted(int(wrong.sum()), 'row')} whose probability columns are no probabilities "
            f"of sum 1, the first one {values}"
        )
