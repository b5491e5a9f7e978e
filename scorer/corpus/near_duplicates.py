"""Texts that are the same or nearly so, and where they stand on both sides of a split.

The same: equal but for markup, spaces and case. Nearly: at least `THRESHOLD` of the runs of three
words of both are in both (Jaccard), as MinHash LSH finds them: a rare pair may be missed.
Knows nothing of labels, of meaning or of translations: a reworded text is another text.
"""

import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from scorer.tokens.text import TextRules, normalise, split

if TYPE_CHECKING:
    from datasketch import MinHash

THRESHOLD = 0.7
PERMUTATIONS = 128  # the estimated Jaccard's standard deviation is 0.04
MISSES_WEIGHT = 0.8  # a missed pair is worse than a pair that has to be compared
SHINGLE_WORDS = 3
ENOUGH_ALIKE = 10  # a text with as many near ones is not indexed too: templates stay linear
MAX_NEAR_ROWS = 300_000  # about 5 kB of index and 0.2 ms for each; above, exact duplicates only
CHUNK_ROWS = 5_000
MIX = np.uint64(0x9E3779B97F4A7C15)  # 2**64 / golden ratio: Fibonacci hashing


@dataclass(frozen=True)
class Duplicates:
    """Codes of texts, int64 (rows,): equal where texts are the same, or near one another.

    `near_searched` is False where there were too many rows; `near` is `same` then.
    """

    same: np.ndarray
    near: np.ndarray
    near_searched: bool = True


@dataclass(frozen=True)
class Leaks:
    """Held-out rows whose text is in training rows, and the training rows that have it.

    training: bool (training rows,), True for a row whose text, or nearly, is held out.
    same, near: how many held-out rows have their very text, or only a near one, in training.
    """

    training: np.ndarray
    same: int
    near: int

    @property
    def held_out(self) -> int:
        """How many held-out rows leak."""
        return self.same + self.near


def text_codes(texts: pa.LargeStringArray) -> np.ndarray:
    """Return int64 (rows,): equal codes for texts that differ in markup, spaces or case alone."""
    return np.asarray(folded(texts).dictionary_encode().indices, np.int64)


def folded(texts: pa.LargeStringArray) -> pa.LargeStringArray:
    """Return the texts without markup, spaces and case."""
    return pc.replace_substring(pc.utf8_lower(normalise(texts, TextRules())), " ", "")


def find_duplicates(texts: pa.LargeStringArray) -> Duplicates:
    """Find the same and the near texts among the rows, none of which is null."""
    same = text_codes(texts)
    _, firsts = np.unique(same, return_index=True)  # row of the first text of each code
    if len(firsts) > MAX_NEAR_ROWS:
        return Duplicates(same, same, near_searched=False)
    pairs = np.array(list(_near_pairs(texts.take(pa.array(firsts)))), np.int64).reshape(-1, 2)
    return Duplicates(same, _components(pairs, len(firsts))[same])


def find_leaks(duplicates: Duplicates, training: np.ndarray, held_out: np.ndarray) -> Leaks:
    """Find what leaks between the rows of those indices, int64 (rows,) each."""
    same = np.isin(duplicates.same[held_out], duplicates.same[training])
    alike = np.isin(duplicates.near[held_out], duplicates.near[training])
    leaking = np.isin(duplicates.near[training], duplicates.near[held_out])
    return Leaks(leaking, int(same.sum()), int((alike & ~same).sum()))


def joined_groups(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """Return int64 (rows,) codes of the smallest groups that neither `first` nor `second` cuts."""
    _, first = np.unique(first, return_inverse=True)
    _, second = np.unique(second, return_inverse=True)
    nodes = int(first.max(initial=-1)) + 1  # a node for each group of either; a row is an edge
    pairs = np.stack([first, second + nodes], axis=1)
    return _components(pairs, nodes + int(second.max(initial=-1)) + 1)[first]


def _near_pairs(texts: pa.LargeStringArray) -> Iterator[tuple[int, int]]:
    """Yield pairs of rows whose estimated Jaccard similarity reaches the threshold."""
    from datasketch import MinHash, MinHashLSH

    index = MinHashLSH(THRESHOLD, PERMUTATIONS, weights=(1 - MISSES_WEIGHT, MISSES_WEIGHT))
    indexed: dict[int, MinHash] = {}
    minhashes = MinHash.generator(_shingles(texts), num_perm=PERMUTATIONS, hashfunc=int)
    for row, minhash in enumerate(minhashes):
        if minhash.is_empty():
            continue
        near = [other for other in index.query(minhash) if _alike(minhash, indexed[other])]
        yield from ((row, other) for other in near)
        if len(near) < ENOUGH_ALIKE:
            index.insert(row, minhash, check_duplication=False)
            indexed[row] = minhash


def _alike(first: "MinHash", second: "MinHash") -> bool:
    return bool(first.jaccard(second) >= THRESHOLD)


def _shingles(texts: pa.LargeStringArray) -> Iterator[list[int]]:
    """Yield, text by text, the 32-bit hashes of its runs of words; none for a shorter text."""
    for start in range(0, len(texts), CHUNK_ROWS):
        pieces = split(texts.slice(start, CHUNK_ROWS), TextRules())
        words, which = pieces.distinct()
        hashes = _word_hashes(words)[which]  # (words,)
        runs = hashes.copy()
        for step in range(1, SHINGLE_WORDS):
            runs[:-step] = runs[:-step] * MIX + hashes[step:]
        runs = (runs * MIX) >> np.uint64(32)
        for first, end in zip(pieces.offsets[:-1], pieces.offsets[1:], strict=True):
            yield runs[first : max(first, end - SHINGLE_WORDS + 1)].tolist()


def _word_hashes(words: pa.LargeStringArray) -> np.ndarray:
    """Return uint64 (words,), equal for words that differ in case or punctuation alone."""
    plain = pc.replace_substring_regex(pc.utf8_lower(words), r"[^\pL\pN]+", "")
    return np.array([zlib.crc32(word.encode()) for word in plain.to_pylist()], np.uint64)


def _components(pairs: np.ndarray, nodes: int) -> np.ndarray:
    """Return int64 (nodes,): equal for nodes that pairs, int64 (pairs, 2), connect."""
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    edges = coo_array((np.ones(len(pairs), bool), pairs.T), shape=(nodes, nodes))
    return np.asarray(connected_components(edges, directed=False)[1], np.int64)
