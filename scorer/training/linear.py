"""Fitting the linear term: logistic regression over TF-IDF weighted words, pairs and subwords.

Where there are word vectors, the sum of those of a text is a feature beside its words. As it is
linear in the words, its coefficients are folded into theirs: words of like meaning get like ones.
Subwords are the character n-grams of tokens (as fastText's, Bojanowski et al. 2017): what a rare
word shares with others tells of it. The vocabulary has them where the training texts are few.
It learns from the same rows as the network, by scikit-learn. Knows encoded texts and targets,
nothing of the network beside it.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from scorer.evaluation.baseline import fit_logistic_regression
from scorer.network.linear import (
    NO_WORD,
    SMALLEST,
    LinearTerm,
    Subwords,
    Terms,
    count_with_ngrams,
    pairs_of,
    weigh,
)
from scorer.tokens.encoding import Encoded
from scorer.tokens.ngrams import ngrams_of
from scorer.tokens.vocabulary import SPECIALS, Vocabulary
from scorer.training.fitting import Examples
from scorer.training.word_vectors import WordVectors

if TYPE_CHECKING:
    from scipy.sparse import csr_matrix

MAX_WEIGHTS = 1_500_000  # terms times classes: 3 MB of the bundle
LEAST_DOCUMENTS = 2  # texts that an n-gram is in
VECTOR_WEIGHT = 0.5  # of word vectors beside words and pairs, see benchmarks/LOG.md
SUBWORD_WEIGHT = 0.7  # of the n-grams beside words and pairs, see benchmarks/LOG.md
LEAST_PROBABILITY = 0.02  # of a class that a soft label is split into


def fit_linear(
    examples: Examples,
    vocabulary: Vocabulary,
    classes: int,
    word_vectors: WordVectors | None = None,
) -> LinearTerm:
    """Return the linear classifier of encoded texts; the same rows give the same one."""
    encoded = examples.encoded
    token_vectors = _token_vectors(vocabulary, word_vectors)
    has_vector = (token_vectors != 0).any(axis=1)
    terms = _terms(encoded, vocabulary, MAX_WEIGHTS // classes, has_vector)
    counts = terms.count(encoded)
    idf = _idf(np.bincount(counts.indices, minlength=len(terms)), len(encoded))
    tf_idf = weigh(counts, idf)
    vectors = _by_word(token_vectors, terms)
    sums = tf_idf[:, : len(vectors)] @ vectors
    mean = sums.mean(axis=0)
    ngrams = _ngram_idf(encoded, vocabulary)
    features = [tf_idf, sums - mean, SUBWORD_WEIGHT * _ngrams_of_texts(encoded, ngrams)]
    (of_terms, of_vectors, of_ngrams), intercepts = regress(features, examples.targets, classes)
    of_terms[: len(vectors)] += vectors @ of_vectors  # a sum of vectors is linear in the words
    intercepts -= mean @ of_vectors
    subwords = None
    if vocabulary.ngrams:
        subwords = Subwords(SUBWORD_WEIGHT * (ngrams @ of_ngrams), _squared_norms(ngrams))
    return LinearTerm(terms, idf, of_terms, intercepts, subwords)


def _idf(document_frequency: np.ndarray, documents: int) -> np.ndarray:
    """Return inverse document frequencies, float32, as scikit-learn smooths them."""
    return np.asarray(np.log((1 + documents) / (1 + document_frequency)) + 1, np.float32)


def _token_vectors(vocabulary: Vocabulary, word_vectors: WordVectors | None) -> np.ndarray:
    """Return float32 (tokens, width), zeros where a token has no vector; no width without any."""
    if word_vectors is None:
        return np.zeros((len(vocabulary.tokens), 0), np.float32)
    return VECTOR_WEIGHT * word_vectors.of(vocabulary.tokens)


def _by_word(token_vectors: np.ndarray, terms: Terms) -> np.ndarray:
    """Return the vector of each word, float32 (words, width): that of any token it stands for."""
    vectors = np.zeros((terms.word_count, token_vectors.shape[1]), np.float32)
    counted = terms.words != NO_WORD
    vectors[terms.words[counted]] = token_vectors[counted]
    return vectors


def _ngram_idf(encoded: Encoded, vocabulary: Vocabulary) -> "csr_matrix":
    """Return the inverse document frequencies of the n-grams of each id: float32 (ids, n-grams).

    The ids are those of tokens, then those of n-grams, each of which has only its own. No columns
    where the vocabulary has no n-grams.
    """
    from scipy.sparse import csr_matrix, diags
    from sklearn.feature_extraction.text import CountVectorizer

    if not vocabulary.ngrams:
        return csr_matrix((len(vocabulary.tokens), 0), dtype=np.float32)
    spelled = [ngrams_of(token) for token in vocabulary.tokens]
    spelled[: len(SPECIALS)] = [[]] * len(SPECIALS)  # no text spells them
    spelled += [[ngram] for ngram in vocabulary.ngrams]
    ngrams = CountVectorizer(analyzer=list, dtype=np.float32).fit_transform(spelled)
    in_texts = (count_with_ngrams(encoded, len(spelled)) @ ngrams).astype(bool)
    document_frequency = np.asarray(in_texts.sum(axis=0)).ravel()
    kept = np.flatnonzero(document_frequency >= LEAST_DOCUMENTS)
    idf = _idf(document_frequency[kept], len(encoded))
    return (ngrams[:, kept] @ diags(idf)).tocsr()


def _squared_norms(ngrams: "csr_matrix") -> np.ndarray:
    return np.asarray(ngrams.multiply(ngrams).sum(axis=1), np.float32).ravel()


def _ngrams_of_texts(encoded: Encoded, ngrams: "csr_matrix") -> "csr_matrix":
    """Return the n-grams of texts as `Subwords.logits` weighs them: (rows, n-grams)."""
    from scipy.sparse import diags

    counts = count_with_ngrams(encoded, ngrams.shape[0])
    norms = np.sqrt(np.maximum(counts @ _squared_norms(ngrams), SMALLEST))
    return diags((1 / norms).astype(np.float32)) @ (counts @ ngrams)


def _terms(encoded: Encoded, vocabulary: Vocabulary, limit: int, has_vector: np.ndarray) -> Terms:
    """Return the words of the texts and the most frequent pairs of them, at most `limit`.

    has_vector: bool (tokens,). Such a token is a term though no text has it, if it is among the
    vocabulary's first `limit // 2`.
    """
    words = _lower_case_words(vocabulary.tokens)
    used = np.bincount(encoded.ids, minlength=len(words)) > 0
    used[: limit // 2] |= has_vector[: limit // 2]
    present = np.unique(words[used & (words != NO_WORD)])
    renumbered = np.full(int(words.max(initial=0)) + 1, NO_WORD, np.int32)
    renumbered[present] = np.arange(len(present))
    words = np.where(words == NO_WORD, NO_WORD, renumbered[words]).astype(np.int32)
    keys, occurrences = np.unique(pairs_of(encoded, words), return_counts=True)
    most_frequent = np.argsort(-occurrences, kind="stable")[: max(0, limit - len(present))]
    return Terms(words, np.sort(keys[most_frequent]))


def _lower_case_words(tokens: Sequence[str]) -> np.ndarray:
    """Return int32 (tokens,), equal for tokens that differ in case alone; NO_WORD for specials."""
    numbers: dict[str, int] = {}
    words = [numbers.setdefault(token.lower(), len(numbers)) for token in tokens[len(SPECIALS) :]]
    return np.array([NO_WORD] * len(SPECIALS) + words, np.int32)


def regress(
    features: "Sequence[csr_matrix | np.ndarray]", targets: np.ndarray, classes: int
) -> tuple[list[np.ndarray], np.ndarray]:
    """Return the coefficients of each part of the features, and the intercepts.

    features: (rows, columns) each. float32 (columns, classes) each, and float32 (classes,).
    """
    from scipy.sparse import hstack

    rows, labels, weights = _as_hard_labels(targets)
    if len(np.unique(labels)) == 1:
        return _single_class(features, int(labels[0]), classes)
    columns = hstack(features).tocsr()[rows]
    used = np.flatnonzero(
        columns.getnnz(axis=0)
    )  # a word that no row has gets no weight of its own
    model = fit_logistic_regression(columns[:, used], labels, weights)
    coefficients, intercepts = model.coef_.T, model.intercept_
    if len(model.classes_) == 2:  # one column: what speaks for the second class
        coefficients = np.hstack([-coefficients, coefficients]) / 2
        intercepts = np.array([-intercepts[0], intercepts[0]]) / 2
    whole = np.zeros((columns.shape[1], classes), np.float32)
    whole[np.ix_(used, model.classes_)] = coefficients
    base = np.full(classes, intercepts.min(), np.float32)
    base[model.classes_] = intercepts
    return np.split(whole, np.cumsum([part.shape[1] for part in features[:-1]])), base


def _single_class(
    features: "Sequence[csr_matrix | np.ndarray]", label: int, classes: int
) -> tuple[list[np.ndarray], np.ndarray]:
    """Return the same of rows of one class: no coefficients, and intercepts that favour it."""
    intercepts = np.zeros(classes, np.float32)
    intercepts[label] = np.log(1 + features[0].shape[0])
    return [np.zeros((part.shape[1], classes), np.float32) for part in features], intercepts


def _as_hard_labels(targets: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return rows, classes and weights; a row of soft labels becomes one for each likely class."""
    if targets.ndim == 1:
        return np.arange(len(targets)), targets, np.ones(len(targets))
    rows, labels = np.nonzero(targets >= LEAST_PROBABILITY)
    return rows, labels, targets[rows, labels]
