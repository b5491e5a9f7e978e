"""The rows that a run is most and least certain of, for its report.

A few rows, whatever the size of the table, and each text once. Knows texts and predictions,
nothing of tables or of what is shown.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import pyarrow as pa

from scorer.network.inference import Prediction
from scorer.pages.page import cut

KEPT = 20  # rows of the highest certainty, dealt over the classes, and of the lowest


@dataclass(frozen=True)
class KeptRow:
    """A scored row: its number in the output, from 1, its text cut, and its most likely class."""

    number: int
    text: str
    label: str
    probability: float


@dataclass
class _Lowest:
    """The `room` rows of lowest cost, no text twice; of equal ones the earlier."""

    room: int
    rows: list[tuple[float, KeptRow]] = field(default_factory=list)

    def wants(self, cost: float) -> bool:
        return len(self.rows) < self.room or cost < self.rows[-1][0]

    def add(self, cost: float, row: KeptRow) -> None:
        if any(row.text == kept.text for _, kept in self.rows):
            return
        self.rows.append((cost, row))
        self.rows.sort(key=lambda item: (item[0], item[1].number))
        del self.rows[self.room :]


class Certainty:
    """What a run found of its rows, filled in a chunk at a time, in their order.

    labels: int64 (classes,), rows by their most likely class.
    """

    def __init__(self, classes: Sequence[str]) -> None:
        self.labels = np.zeros(len(classes), np.int64)
        self._classes = classes
        self._least = _Lowest(KEPT)
        self._most = [_Lowest(max(1, KEPT // len(classes))) for _ in classes]

    @property
    def least(self) -> list[KeptRow]:
        """Rows whose two most likely classes are nearest each other, the nearest first."""
        return [row for _, row in self._least.rows]

    @property
    def most(self) -> list[KeptRow]:
        """Rows of the highest probability, class by class; if there are many classes, over all."""
        rows = [item for lowest in self._most for item in lowest.rows]
        if len(self._classes) > KEPT:
            rows = sorted(rows, key=lambda item: (item[0], item[1].number))[:KEPT]
        return [row for _, row in rows]

    def update(self, first_row: int, texts: pa.LargeStringArray, prediction: Prediction) -> None:
        """Take in a chunk: texts and predictions (rows,), the first at `first_row`, from 0."""
        scored = np.flatnonzero(prediction.tokens > 0)
        probabilities = prediction.probabilities[scored]
        best = probabilities.argmax(axis=1)
        self.labels += np.bincount(best, minlength=len(self._classes))
        highest = np.sort(probabilities, axis=1)[:, -2:].astype(np.float64)
        places = _first_of_each(texts.take(pa.array(scored)))

        def collect(lowest: _Lowest, costs: np.ndarray, among: np.ndarray) -> None:
            for at in among[np.argsort(costs[among], kind="stable")][: 2 * lowest.room].tolist():
                if not lowest.wants(costs[at]):
                    return
                number, label = first_row + int(scored[at]) + 1, self._classes[best[at]]
                text = cut(texts[int(scored[at])].as_py())
                lowest.add(costs[at], KeptRow(number, text, label, float(highest[at, 1])))

        collect(self._least, highest[:, 1] - highest[:, 0], places)
        for index in np.unique(best[places]):
            collect(self._most[index], -highest[:, 1], places[best[places] == index])


def _first_of_each(texts: pa.LargeStringArray) -> np.ndarray:
    """Return int64 (distinct texts,): the first place of each text, in order."""
    codes = texts.dictionary_encode().indices.to_numpy()
    return np.sort(np.unique(codes, return_index=True)[1])
