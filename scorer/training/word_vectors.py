"""Word vectors that ship: what words mean, which a small table alone cannot tell.

Words of like meaning have like vectors, so what a table's rows say of one word is learned of its
like too, also where the table never has it. Made from a sentence transformer (all-MiniLM-L6-v2,
Apache 2.0; Reimers and Gurevych 2019, arXiv 1908.10084; how: `benchmarks/LOG.md`). Knows words and
numbers, nothing of texts.
"""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

FOLDER = Path(__file__).parents[1] / "word_vectors"  # <language>.parquet: word, vector (int8)


@dataclass(frozen=True)
class WordVectors:
    """The vector of each word, in lower case.

    vectors: float32 (words, width), of mean squared length 1. digest: sha256 of their file.
    """

    rows: Mapping[str, int]
    vectors: np.ndarray
    digest: str

    def of(self, words: Sequence[str]) -> np.ndarray:
        """Return float32 (words, width), zeros for a word that has no vector."""
        rows = np.array([self.rows.get(word.lower(), -1) for word in words], np.int64)
        return np.where(rows[:, None] < 0, np.float32(0), self.vectors[rows])


def shipped_vectors(language: str) -> WordVectors | None:
    """Return the word vectors of a language, None where none ship."""
    path = FOLDER / f"{language}.parquet"
    if not path.is_file():
        return None
    data = path.read_bytes()
    table = pq.read_table(pa.BufferReader(data))
    words = table["word"].to_pylist()
    vectors = table["vector"].combine_chunks().flatten().to_numpy().reshape(len(words), -1)
    vectors = vectors.astype(np.float32)
    vectors /= np.sqrt(np.square(vectors).sum(axis=1).mean())
    rows = {word: row for row, word in enumerate(words)}
    return WordVectors(rows, vectors, hashlib.sha256(data).hexdigest())
