"""Runs of numbers behind one another in one array, each found by its own number.

Knows nothing of what the numbers mean.
"""

from dataclasses import dataclass

import numpy as np

from scorer.tokens.text import ranges

ROOM = 1024


@dataclass(frozen=True)
class Runs:
    """values: int32 (total,); offsets: int64 (runs + 1,): where each run begins and ends."""

    values: np.ndarray
    offsets: np.ndarray

    def take(self, which: np.ndarray) -> "Runs":
        """Those runs, in that order. which: int64."""
        starts = self.offsets[which]
        lengths = self.offsets[which + 1] - starts
        values = self.values[ranges(starts, lengths)]
        return Runs(values, np.concatenate([[0], np.cumsum(lengths)]))


class RunStore:
    """Runs that more are added to; the numbers count from 0. room: see `GrowingArray`."""

    def __init__(self, room: int = ROOM) -> None:
        self._values = GrowingArray(np.int32, room)
        self._offsets = GrowingArray(np.int64, room)
        self._offsets.extend(np.zeros(1, np.int64))

    @property
    def runs(self) -> Runs:
        """All runs; a view until the next `extend`."""
        return Runs(self._values.values, self._offsets.values)

    def extend(self, runs: Runs) -> None:
        """Add runs at the end."""
        self._offsets.extend(runs.offsets[1:] + self._offsets.values[-1])
        self._values.extend(runs.values)

    def cut(self, runs: int) -> None:
        """Forget all but the first runs."""
        self._values.cut(int(self._offsets.values[runs]))
        self._offsets.cut(runs + 1)


class GrowingArray:
    """An array that grows at its end; its space is doubled, so that growing costs little.

    room: items that fit without growing. What is not used of it takes no memory, whereas growing
    leaves holes in it.
    """

    def __init__(self, dtype: type, room: int = ROOM) -> None:
        self._space: np.ndarray = np.empty(room, dtype)
        self._used = 0

    @property
    def values(self) -> np.ndarray:
        """What was added so far; a view until the next `extend`."""
        return self._space[: self._used]

    def extend(self, values: np.ndarray) -> None:
        """Add values at the end."""
        used = self._used + len(values)
        if used > len(self._space):
            space = np.empty(2 * used, self._space.dtype)
            space[: self._used] = self.values
            self._space = space
        self._space[self._used : used] = values
        self._used = used

    def cut(self, length: int) -> None:
        """Forget all but the first values; their space stays."""
        self._used = length
