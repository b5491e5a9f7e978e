"""Ragged arrays: rows of different lengths in one flat array, and arrays that grow.

Knows nothing of what the numbers mean.
"""

from dataclasses import dataclass

import numpy as np

ROOM = 1024


@dataclass(frozen=True)
class RaggedArray:
    """values: int32 (total,); offsets: int64 (rows + 1,): where each row begins and ends."""

    values: np.ndarray
    offsets: np.ndarray

    def select(self, rows: np.ndarray) -> "RaggedArray":
        """Return those rows, in that order. rows: int64."""
        starts = self.offsets[rows]
        lengths = self.offsets[rows + 1] - starts
        values = self.values[ranges(starts, lengths)]
        return RaggedArray(values, np.concatenate([[0], np.cumsum(lengths)]))


class GrowingRaggedArray:
    """A ragged array that rows are added to. room: see `GrowingArray`."""

    def __init__(self, room: int = ROOM) -> None:
        self._values = GrowingArray(np.int32, room)
        self._offsets = GrowingArray(np.int64, room)
        self._offsets.extend(np.zeros(1, np.int64))

    @property
    def array(self) -> RaggedArray:
        """All rows; a view until the next `extend`."""
        return RaggedArray(self._values.values, self._offsets.values)

    def extend(self, rows: RaggedArray) -> None:
        """Add rows at the end."""
        self._offsets.extend(rows.offsets[1:] + self._offsets.values[-1])
        self._values.extend(rows.values)

    def truncate(self, rows: int) -> None:
        """Drop all but the first rows."""
        self._values.truncate(int(self._offsets.values[rows]))
        self._offsets.truncate(rows + 1)


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
        """All values; a view until the next `extend`."""
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

    def truncate(self, length: int) -> None:
        """Drop all but the first values; their space stays."""
        self._used = length


def ranges(starts: np.ndarray, lengths: np.ndarray) -> np.ndarray:
    """Return the integers starts[i] … starts[i] + lengths[i] - 1 for every i, concatenated."""
    ends = np.cumsum(lengths)
    integers = np.repeat(starts - (ends - lengths), lengths)
    integers += np.arange(len(integers))
    return integers
