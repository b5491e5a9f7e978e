"""A linear classifier over words and pairs of words, whose logits are added to the network's.

Wide and deep (Cheng et al. 2016, arXiv 1606.07792): the network generalises from what it was
pretrained on, the linear term memorises which words and pairs of words speak for a class. Terms
are TF-IDF weighted as scikit-learn's `TfidfVectorizer(sublinear_tf=True)` does it, over the ids
that the network reads; upper and lower case are one word. A small table's term also has weights
for the words' character n-grams (subwords); they are kept as one sum for each token.
Knows token ids, nothing of texts, labels or how the coefficients were fitted.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from scorer.errors import BundleError
from scorer.tokens.encoding import Encoded

if TYPE_CHECKING:
    from scipy.sparse import csr_matrix

TENSORS = {"words", "pairs", "inverse_document_frequency", "coefficients", "intercepts"}
SUBWORD_TENSORS = {"token_coefficients", "token_sizes"}
SMALLEST = 1e-9  # squared norm of a text, so that nothing is divided by zero
NO_WORD = -1  # in place of a word: the linear classifier does not have the token


@dataclass(frozen=True)
class Terms:
    """The words and pairs of words that are counted, words first.

    words: int32 (vocabulary,), the word of each token id, NO_WORD where it has none.
    pairs: int64 (pairs,), ascending: first word * number of words + second word.
    """

    words: np.ndarray
    pairs: np.ndarray

    def __post_init__(self) -> None:
        if len(self.pairs) and not (np.diff(self.pairs) > 0).all():
            raise BundleError("the word pairs of the linear term are not in ascending order")

    def __len__(self) -> int:
        return self.word_count + len(self.pairs)

    @cached_property
    def word_count(self) -> int:
        """How many words there are."""
        return int(self.words.max(initial=NO_WORD)) + 1

    def count(self, encoded: Encoded) -> "csr_matrix":
        """Return 1 + log(occurrences) of each term in each text: float32 (rows, terms)."""
        from scipy.sparse import coo_matrix

        rows, words = _words_in_rows(encoded, self.words)
        pair_rows, pairs = _neighbours(rows, words, self.word_count)
        places = np.searchsorted(self.pairs, pairs)
        found = np.zeros(len(pairs), bool)
        inside = places < len(self.pairs)
        found[inside] = self.pairs[places[inside]] == pairs[inside]
        known = words != NO_WORD
        at_rows = np.concatenate([rows[known], pair_rows[found]])
        at_terms = np.concatenate([words[known], self.word_count + places[found]])
        ones = np.ones(len(at_rows), np.float32)
        counts = coo_matrix((ones, (at_rows, at_terms)), (len(encoded), len(self))).tocsr()
        counts.data = 1 + np.log(counts.data)
        return counts


@dataclass(frozen=True)
class Subwords:
    """Weights of character n-grams, summed up for each token.

    The ids are those of tokens, then those of n-grams, which stand for unknown tokens.
    coefficients: float32 (ids, classes), the sum of the weights of its n-grams.
    sizes: float32 (ids,), the sum of their squared inverse document frequencies.
    """

    coefficients: np.ndarray
    sizes: np.ndarray

    def logits(self, encoded: Encoded) -> np.ndarray:
        """Return float32 (rows, classes)."""
        counts = count_with_ngrams(encoded, len(self.sizes))
        norms = np.sqrt(np.maximum(counts @ self.sizes, SMALLEST))
        return np.asarray((counts @ self.coefficients) / norms[:, None], np.float32)


@dataclass(frozen=True)
class LinearTerm:
    """Terms with their weights, and those of subwords where there are any.

    inverse_document_frequency: float32 (terms,).
    coefficients: float32 (terms, classes); intercepts: float32 (classes,).
    """

    terms: Terms
    inverse_document_frequency: np.ndarray
    coefficients: np.ndarray
    intercepts: np.ndarray
    subwords: Subwords | None = None

    def __post_init__(self) -> None:
        sizes = {len(self.terms), len(self.inverse_document_frequency), len(self.coefficients)}
        if len(sizes) > 1 or self.coefficients.shape[1:] != self.intercepts.shape:
            raise BundleError("the parts of the linear term do not fit each other")
        if self.subwords is not None:
            ids, classes = self.subwords.coefficients.shape
            fits = classes == len(self.intercepts) and ids >= len(self.terms.words)
            if not fits or len(self.subwords.sizes) != ids:
                raise BundleError("the subwords of the linear term do not fit its words")

    def logits(self, encoded: Encoded) -> np.ndarray:
        """Return float32 (rows, classes)."""
        weighted = weigh(self.terms.count(encoded), self.inverse_document_frequency)
        logits = np.asarray(weighted @ self.coefficients + self.intercepts, np.float32)
        return logits if self.subwords is None else logits + self.subwords.logits(encoded)

    def scaled(self, factor: float) -> "LinearTerm":
        """Return the term with its logits times `factor`, rounded as a bundle keeps it."""
        subwords = self.subwords
        if subwords is not None:
            subwords = Subwords(_rounded(subwords.coefficients, factor), subwords.sizes)
        return LinearTerm(
            self.terms,
            self.inverse_document_frequency,
            _rounded(self.coefficients, factor),
            self.intercepts * np.float32(factor),
            subwords,
        )

    def to_tensors(self) -> dict[str, np.ndarray]:
        """Return the arrays by name, coefficients as float16."""
        subwords = {}
        if self.subwords is not None:
            subwords = {
                "token_coefficients": self.subwords.coefficients.astype(np.float16),
                "token_sizes": self.subwords.sizes,
            }
        return {
            "words": self.terms.words,
            "pairs": self.terms.pairs,
            "inverse_document_frequency": self.inverse_document_frequency,
            "coefficients": self.coefficients.astype(np.float16),
            "intercepts": self.intercepts,
            **subwords,
        }

    @classmethod
    def from_tensors(cls, tensors: Mapping[str, np.ndarray]) -> "LinearTerm":
        """Return the term of named arrays; `BundleError` where they do not fit each other."""
        if set(tensors) not in (TENSORS, TENSORS | SUBWORD_TENSORS):
            raise BundleError(f"the linear term has {sorted(tensors)}, not {sorted(TENSORS)}")
        subwords = None
        if set(tensors) != TENSORS:
            coefficients = tensors["token_coefficients"].astype(np.float32)
            subwords = Subwords(coefficients, tensors["token_sizes"])
        return cls(
            Terms(tensors["words"], tensors["pairs"]),
            tensors["inverse_document_frequency"],
            tensors["coefficients"].astype(np.float32),
            tensors["intercepts"],
            subwords,
        )


def _rounded(coefficients: np.ndarray, factor: float) -> np.ndarray:
    return (coefficients * np.float32(factor)).astype(np.float16).astype(np.float32)


def count_with_ngrams(encoded: Encoded, ids: int) -> "csr_matrix":
    """Return how often each token, and each n-gram of unknown ones, is in each text.

    float32 (rows, ids).
    """
    counts = _count_ids(encoded, ids)
    return counts if encoded.ngrams is None else counts + _count_ids(encoded.ngrams, ids)


def _count_ids(encoded: Encoded, ids: int) -> "csr_matrix":
    from scipy.sparse import csr_matrix

    ones = np.ones(len(encoded.ids), np.float32)
    return csr_matrix((ones, encoded.ids, encoded.offsets), (len(encoded), ids))


def weigh(counts: "csr_matrix", inverse_document_frequency: np.ndarray) -> "csr_matrix":
    """Return the counts times the inverse document frequency, every row of L2 norm 1."""
    weighted = counts.copy()
    weighted.data *= inverse_document_frequency[weighted.indices]
    row_of = np.repeat(np.arange(weighted.shape[0]), np.diff(weighted.indptr))
    squares = np.bincount(row_of, weighted.data.astype(np.float64) ** 2, weighted.shape[0])
    norms = np.sqrt(np.maximum(squares, 1e-30))
    weighted.data = (weighted.data / norms[row_of]).astype(np.float32)
    return weighted


def pairs_of(encoded: Encoded, words: np.ndarray) -> np.ndarray:
    """Return the key of every pair of neighbouring words, int64, each as often as it occurs."""
    count = int(words.max(initial=NO_WORD)) + 1
    return _neighbours(*_words_in_rows(encoded, words), count)[1]


def _words_in_rows(encoded: Encoded, words: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return each token's row and its word, both int64 (tokens,)."""
    return np.repeat(np.arange(len(encoded)), encoded.lengths), words[encoded.ids].astype(np.int64)


def _neighbours(
    rows: np.ndarray, words: np.ndarray, word_count: int
) -> tuple[np.ndarray, np.ndarray]:
    """Return row and key of each two words that stand side by side, int64 (pairs,)."""
    first, second = words[:-1], words[1:]
    side_by_side = (rows[:-1] == rows[1:]) & (first != NO_WORD) & (second != NO_WORD)
    return rows[1:][side_by_side], (first * word_count + second)[side_by_side]
