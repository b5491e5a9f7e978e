"""What another bundle would change about a file's scores; no label is needed.

Knows predictors and tables, nothing of which bundle is the better one.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from scorer.bundles.bundle import Bundle
from scorer.bundles.predictor import load_predictor
from scorer.errors import UsageError
from scorer.files.urls import hide_secrets
from scorer.scoring.request import CHUNK_ROWS
from scorer.tables.formats import CsvOptions, format_of, open_table
from scorer.tables.text_column import TextColumn, locate_text

SHOWN = 50  # changes kept
SEEN = 0.0005  # a smaller change is 0.000 where three digits are shown


@dataclass(frozen=True)
class Change:
    """A text whose probabilities differ; `size` is the change of its first class's probability."""

    text: str
    before: str
    after: str
    size: float


@dataclass(frozen=True)
class Shift:
    """How two bundles differ over a file; `mean_change` is the total variation, 0 to 1."""

    rows: int  # with a score
    flipped: int  # that get another class
    mean_change: float
    largest: tuple[Change, ...]  # of those that can be seen


def compare_on(path: str, before: Bundle, after: Bundle, text_column: str | None = None) -> Shift:
    """Score a file with both bundles and return what would change.

    Raises `UsageError` for bundles of other classes, `InputError` for a file that cannot be read.
    """
    path = hide_secrets(path)
    if set(before.classes) != set(after.classes):
        raise UsageError(f"the classes differ: {before.classes} and {after.classes}")
    order = [after.classes.index(name) for name in before.classes]
    one, other = (load_predictor(bundle, "auto", workers=0) for bundle in (before, after))
    rows = flipped = 0
    total, largest = 0.0, list[tuple[float, Change]]()
    for texts in _texts(path, text_column, before.text_column):
        old = one.predict(one.encode(texts)).probabilities
        new = other.predict(other.encode(texts)).probabilities[:, order]
        scored = np.flatnonzero(~np.isnan(old).any(axis=1) & ~np.isnan(new).any(axis=1))
        old, new = old[scored], new[scored]
        changes = np.abs(new - old).sum(axis=1) / 2
        rows, total = rows + len(scored), total + float(changes.sum())
        flipped += int((old.argmax(axis=1) != new.argmax(axis=1)).sum())
        ranked = np.argsort(-changes)[:SHOWN]
        for at in ranked[changes[ranked] >= SEEN]:
            old_class, new_class = (before.classes[of[at].argmax()] for of in (old, new))
            moved = float(new[at, 0] - old[at, 0])
            change = Change(texts[scored[at]].as_py(), old_class, new_class, moved)
            largest.append((float(changes[at]), change))
        largest = sorted(largest, key=lambda item: -item[0])[:SHOWN]
    return Shift(rows, flipped, total / max(rows, 1), tuple(change for _, change in largest))


def _texts(path: str, text_column: str | None, trained_on: str) -> Iterator[pa.LargeStringArray]:
    column: TextColumn | None = None
    with open_table(path, format_of(path), CsvOptions()) as reader:
        for chunk in reader.chunks(CHUNK_ROWS):
            if column is None:
                column = locate_text(chunk.table, text_column, trained_on)
            yield column.texts(chunk.table, chunk.first_row)
