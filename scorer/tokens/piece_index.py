"""A hash table from pieces of text to numbers, for a whole column at once.

A piece is known by a 64-bit hash of its bytes, as a string is in spaCy's own store; two pieces of
one hash would be taken for the same. Its table is an array, so that a million pieces cost little
memory and a look-up needs no Python object.
Knows nothing of what is kept under a number.
"""

import numpy as np
import pyarrow as pa

from scorer.tokens.ragged_array import ROOM, GrowingArray
from scorer.tokens.text import bytes_of, slices

FREE = -1
HASHED_BYTES = 1 << 18  # at a time: bounds the memory, and it stays in the cache
MULTIPLIER = np.uint64(0x9E3779B97F4A7C15)  # 2^64 / golden ratio, odd: spreads the keys


def piece_keys(words: pa.LargeStringArray) -> np.ndarray:
    """Return a hash of each word's bytes: uint64 (words,). No word may be empty."""
    parts = [keys_of_bytes(*bytes_of(part)) for part in slices(words, HASHED_BYTES)]
    return np.concatenate([np.zeros(0, np.uint64), *parts])


def keys_of_bytes(data: np.ndarray, offsets: np.ndarray) -> np.ndarray:
    """Return a hash of each run of bytes: uint64 (runs,). data: uint8; offsets: int64 (runs + 1,).

    The sum over the bytes of (byte + 1) times a pseudo-random odd number of its place in the run.
    No run may be empty.
    """
    if len(offsets) == 1:
        return np.zeros(0, np.uint64)
    starts, lengths = offsets[:-1], np.diff(offsets)
    places = np.arange(len(data)) - np.repeat(starts, lengths)
    factors = _scatter(np.arange(1, lengths.max() + 1, dtype=np.uint64)) | np.uint64(1)
    return np.add.reduceat((data + np.uint64(1)) * factors[places], starts)


class PieceIndex:
    """Key -> number; the numbers count from 0 in the order in which the keys are added."""

    def __init__(self, room: int = ROOM) -> None:
        self._keys = GrowingArray(np.uint64, room)
        self._slots = _free_slots(room)

    def __len__(self) -> int:
        return len(self._keys.values)

    def find(self, keys: np.ndarray) -> np.ndarray:
        """Return the number of each key, int64 (keys,); FREE for one that was never added."""
        numbers = np.full(len(keys), FREE)
        pending, slots = np.arange(len(keys)), self._home(keys)
        while len(pending):
            found = self._slots[slots]
            taken = found != FREE
            pending, slots, found = pending[taken], slots[taken], found[taken]
            same = self._keys.values[found] == keys[pending]
            numbers[pending[same]] = found[same]
            pending, slots = pending[~same], self._next(slots[~same])
        return numbers

    def add(self, keys: np.ndarray) -> None:
        """Number keys that were not added before."""
        first = len(self)
        self._keys.extend(keys)
        if 2 * len(self) > len(self._slots):
            self._slots = _free_slots(2 * len(self))
            first = 0
        self._place(np.arange(first, len(self)))

    def truncate(self, keys: int) -> None:
        """Drop all but the first keys."""
        self._keys.truncate(keys)
        self._slots.fill(FREE)
        self._place(np.arange(keys))

    def _place(self, numbers: np.ndarray) -> None:
        slots = self._home(self._keys.values[numbers])
        while len(numbers):
            free = self._slots[slots] == FREE
            self._slots[slots[free]] = numbers[free]  # of several for one slot, one stays
            other = self._slots[slots] != numbers
            numbers, slots = numbers[other], self._next(slots[other])

    def _home(self, keys: np.ndarray) -> np.ndarray:
        bits = len(self._slots).bit_length() - 1
        return ((keys * MULTIPLIER) >> np.uint64(64 - bits)).astype(np.int64)

    def _next(self, slots: np.ndarray) -> np.ndarray:
        return (slots + 1) & (len(self._slots) - 1)


def _free_slots(keys: int) -> np.ndarray:
    """Return slots for so many keys, at least twice as many: a power of two."""
    return np.full(1 << (2 * keys - 1).bit_length(), FREE, np.int32)


def _scatter(numbers: np.ndarray) -> np.ndarray:
    """Return pseudo-random numbers of uint64 numbers (splitmix64, Steele, Lea and Flood 2014)."""
    mixed = numbers * MULTIPLIER
    mixed = (mixed ^ (mixed >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    mixed = (mixed ^ (mixed >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return mixed ^ (mixed >> np.uint64(31))
