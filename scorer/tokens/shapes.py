"""Pieces of one shape are cut alike, so that one of them is enough to tell the tokens of all.

The shape of a piece has one sign in place of every lower-case ASCII letter, another in place of
every upper-case one, and all other characters as they are. Words that a special case or an affix
rule names stay spelt out. So "plot," and "film," have one shape, "can't" and "cat's" have two. A
piece has no shape if it has a character beside which a rule may treat letters of one case
differently.

Why that is exact: at each step, the tokeniser asks its rules, which find the same in both pieces
(`affixes`), or looks up what is left as a special case. What is left begins and ends where
the final tokens do. If no token ends within a word that is not spelt out, what is left is made of
whole words, and it is a special case only if all of them are spelt out: then it is the same text
in both pieces. A shape for which a token does end there is not learned.
Knows nothing of how a piece is tokenised.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from string import ascii_lowercase, ascii_uppercase

import numpy as np
import pyarrow as pa

from scorer.tokens.piece_index import PieceIndex, keys_of_bytes
from scorer.tokens.ragged_array import GrowingArray, GrowingRaggedArray, RaggedArray
from scorer.tokens.text import SPACE, bytes_of

LOWER, UPPER = 0xFE, 0xFD  # bytes that UTF-8 never uses
LONGEST = 100  # bytes of a piece; longer ones rarely share a shape


@dataclass(frozen=True)
class Shaped:
    """Words and their shapes.

    words: pieces with a space after each; offsets: their bytes, int64 (words + 1,);
    signs: the bytes of their shapes, uint8; keys: of their shapes, uint64 (words,);
    has_shape: bool (words,); keys mean nothing for words without one.
    """

    words: pa.LargeStringArray
    offsets: np.ndarray
    signs: np.ndarray
    keys: np.ndarray
    has_shape: np.ndarray


class Shapes:
    """The shapes that are known, and the lengths of their tokens.

    characters: those a piece with a shape may have; words: those spelt out, of ASCII letters.
    """

    def __init__(self, characters: str, words: Iterable[str]) -> None:
        self._allowed = np.isin(np.arange(256), list(f"{characters} ".encode()))
        self._signs = np.arange(256, dtype=np.uint8)
        self._signs[list(ascii_lowercase.encode())] = LOWER
        self._signs[list(ascii_uppercase.encode())] = UPPER
        self._spelt_out = np.unique(keys_of_bytes(*bytes_of(pa.array(words, pa.large_string()))))
        self._index = PieceIndex()
        self._lengths = GrowingRaggedArray()
        self._flags = GrowingArray(np.uint8)

    def of(self, words: pa.LargeStringArray) -> Shaped:
        """Return the shapes of words."""
        data, offsets = bytes_of(words)
        signs = self._signs[data]
        self._spell_out(signs, data)
        foreign = np.add.reduceat(~self._allowed[data], offsets[:-1], dtype=np.int64)
        has_shape = (foreign == 0) & (np.diff(offsets) <= LONGEST)
        return Shaped(words, offsets, signs, keys_of_bytes(signs, offsets), has_shape)

    def find(self, shaped: Shaped) -> np.ndarray:
        """Return the number of each word's shape, int64 (words,); negative: unknown or none."""
        return np.where(shaped.has_shape, self._index.find(shaped.keys), -1)

    def learn(
        self, shaped: Shaped, which: np.ndarray, lengths: RaggedArray, flags: np.ndarray
    ) -> None:
        """Learn new shapes of words with these tokens.

        which: int64 (asked,), which words, no two of one shape; lengths: characters of each token;
        flags: uint8 (asked,).
        """
        cut = _cut_within_words(shaped, which, lengths)
        good = np.flatnonzero(shaped.has_shape[which] & ~cut)
        self._index.add(shaped.keys[which[good]])
        self._lengths.extend(lengths.select(good))
        self._flags.extend(flags[good])

    def token_texts(
        self, words: pa.LargeStringArray, numbers: np.ndarray
    ) -> tuple[list[str], np.ndarray]:
        """Return the tokens of words of these shapes, and the offsets of each word's."""
        lengths = self._lengths.array.select(numbers)
        spaced = lengths.values.astype(np.int64)
        spaced[lengths.offsets[1:] - 1] += 1  # the space that is there already
        inner = np.ones(len(spaced), bool)
        inner[lengths.offsets[1:] - 1] = False
        text = np.insert(bytes_of(words)[0], np.cumsum(spaced)[inner], SPACE)
        return text.tobytes().decode().split(" ")[:-1], lengths.offsets

    def flags(self, numbers: np.ndarray) -> np.ndarray:
        """Return the flags of the shapes of these numbers: uint8 (numbers,)."""
        return self._flags.values.take(numbers)

    def _spell_out(self, signs: np.ndarray, data: np.ndarray) -> None:
        letters = np.flatnonzero((signs == LOWER) | (signs == UPPER))
        if not len(letters) or not len(self._spelt_out):
            return
        starts = np.flatnonzero(np.diff(letters, prepend=-2) > 1)
        offsets = np.append(starts, len(letters))
        keys = keys_of_bytes(data[letters], offsets)
        spelt = letters[np.repeat(np.isin(keys, self._spelt_out), np.diff(offsets))]
        signs[spelt] = data[spelt]


def _cut_within_words(shaped: Shaped, which: np.ndarray, lengths: RaggedArray) -> np.ndarray:
    """Return whether a token ends between two letters that are not spelt out: bool (asked,)."""
    counts, total = np.diff(lengths.offsets), np.concatenate([[0], np.cumsum(lengths.values)])
    starts = shaped.offsets[which] - total[lengths.offsets[:-1]]
    ends = np.minimum(total[1:] + np.repeat(starts, counts), len(shaped.signs) - 1)
    within = (shaped.signs[ends] >= UPPER) & (shaped.signs[ends - 1] >= UPPER)
    return np.bincount(np.repeat(np.arange(len(which)), counts)[within], minlength=len(which)) > 0
