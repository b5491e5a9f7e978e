"""What another bundle would change about a file's scores; no label is needed.

Knows predictors and tables, nothing of which bundle is the better one.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pyarrow as pa

from scorer.bundles.bundle import Bundle
from scorer.bundles.predictor import load_predictor
from scorer.errors import UsageError
from scorer.files.urls import hide_secrets
from scorer.scoring.request import CHUNK_ROWS
from scorer.tables.formats import ReadOptions, open_table_as
from scorer.tables.text_column import TextColumn, locate_text

SHOWN = 50  # changes kept
SEEN = 0.0005  # a smaller change would hardly show


@dataclass(frozen=True)
class Change:
    """A text whose probabilities differ: its most likely class by each bundle, and how likely."""

    text: str
    before: str
    before_probability: float
    after: str
    after_probability: float


@dataclass(frozen=True)
class Shift:
    """How two bundles differ over a file; `mean_change` is the total variation, 0 to 1."""

    rows: int  # with a score
    flipped: int  # that get another class
    mean_change: float
    largest: tuple[Change, ...]  # of those that can be seen


@dataclass(frozen=True)
class _Compared:
    """Texts with the probabilities that both bundles give them, float32 (texts, classes)."""

    classes: tuple[str, ...]
    texts: pa.LargeStringArray
    before: np.ndarray
    after: np.ndarray

    @property
    def flipped(self) -> int:
        """How many texts get another class."""
        return int((self.before.argmax(axis=1) != self.after.argmax(axis=1)).sum())

    @cached_property
    def distances(self) -> np.ndarray:
        """The total variation of each text: (texts,)."""
        return np.asarray(np.abs(self.after - self.before).sum(axis=1) / 2)

    def largest(self) -> Iterator[tuple[float, Change]]:
        """Yield the changes that can be seen, the largest first, each with its distance."""
        for at in np.argsort(-self.distances)[:SHOWN].tolist():
            if self.distances[at] >= SEEN:
                yield float(self.distances[at]), self._change(at)

    def _change(self, at: int) -> Change:
        old, new = self.before[at], self.after[at]
        return Change(
            text=self.texts[at].as_py(),
            before=self.classes[old.argmax()],
            before_probability=float(old.max()),
            after=self.classes[new.argmax()],
            after_probability=float(new.max()),
        )


def compare_on(
    path: str,
    before: Bundle,
    after: Bundle,
    text_column: str | None = None,
    reading: ReadOptions | None = None,
) -> Shift:
    """Score a file, read as the options say, with both bundles and return what would change.

    Raises `UsageError` for bundles of other classes, `InputError` for a file that cannot be read.
    """
    path = hide_secrets(path)
    if set(before.classes) != set(after.classes):
        raise UsageError(f"the classes differ: {before.classes} and {after.classes}")
    rows, flipped, total = 0, 0, 0.0
    largest: list[tuple[float, Change]] = []
    texts = _texts(path, reading or ReadOptions(), text_column, before.text_column)
    for part in _compared(texts, before, after):
        rows += len(part.texts)
        flipped += part.flipped
        total += float(part.distances.sum())
        largest = sorted([*largest, *part.largest()], key=lambda item: -item[0])[:SHOWN]
    return Shift(rows, flipped, total / max(rows, 1), tuple(change for _, change in largest))


def _compared(
    chunks: Iterator[pa.LargeStringArray], before: Bundle, after: Bundle
) -> Iterator[_Compared]:
    """Yield the texts of each chunk that both bundles score."""
    order = [after.classes.index(name) for name in before.classes]
    one, other = (load_predictor(bundle, "auto", workers=0) for bundle in (before, after))
    for texts in chunks:
        old = one.predict(one.encode(texts)).probabilities
        new = other.predict(other.encode(texts)).probabilities[:, order]
        scored = np.flatnonzero(~np.isnan(old).any(axis=1) & ~np.isnan(new).any(axis=1))
        yield _Compared(before.classes, texts.take(pa.array(scored)), old[scored], new[scored])


def _texts(
    path: str, reading: ReadOptions, text_column: str | None, trained_on: str
) -> Iterator[pa.LargeStringArray]:
    """Yield the texts of a file's chunks."""
    column: TextColumn | None = None
    with open_table_as(path, reading) as reader:
        for chunk in reader.chunks(CHUNK_ROWS):
            if column is None:
                column = locate_text(chunk.table, text_column, trained_on)
            yield column.texts(chunk.table, chunk.first_row)
