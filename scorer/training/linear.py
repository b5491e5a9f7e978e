"""Fitting the linear term: logistic regression over TF-IDF weighted words and pairs of words.

It learns from the same rows as the network, by scikit-learn. Knows encoded texts and targets,
nothing of the network beside it.
"""

import warnings
from collections.abc import Sequence

import numpy as np

from scorer.network.linear import NO_WORD, LinearTerm, Terms, pairs_of, weigh
from scorer.tokens.encoding import SPECIALS, Encoded, Vocabulary
from scorer.training.fitting import Examples

INVERSE_PENALTY = 4.0  # scikit-learn's C, as the baseline has it
MAX_ITERATIONS = 200
MAX_WEIGHTS = 1_500_000  # terms times classes: 3 MB of the bundle
LEAST_PROBABILITY = 0.02  # of a class that a soft label is split into


def fit_linear(examples: Examples, vocabulary: Vocabulary, classes: int) -> LinearTerm:
    """Return the linear classifier of encoded texts; the same rows give the same one."""
    terms = _terms(examples.encoded, vocabulary, MAX_WEIGHTS // classes)
    counts = terms.count(examples.encoded)
    document_frequency = np.bincount(counts.indices, minlength=len(terms))
    rarity = np.log((1 + len(examples.encoded)) / (1 + document_frequency)) + 1
    features = weigh(counts, rarity.astype(np.float32))
    coefficients, intercepts = _regress(features, examples.targets, classes)
    return LinearTerm(terms, rarity.astype(np.float32), coefficients, intercepts)


def _terms(encoded: Encoded, vocabulary: Vocabulary, limit: int) -> Terms:
    """Return the words of the texts and the most frequent pairs of them."""
    words = _lower_case_words(vocabulary.tokens)
    used = np.bincount(encoded.ids, minlength=len(words)) > 0
    present = np.unique(words[used & (words != NO_WORD)])
    renumbered = np.full(int(words.max(initial=0)) + 1, NO_WORD, np.int32)
    renumbered[present] = np.arange(len(present))
    words = np.where(words == NO_WORD, NO_WORD, renumbered[words]).astype(np.int32)
    keys, occurrences = np.unique(pairs_of(encoded, words), return_counts=True)
    most_frequent = np.argsort(-occurrences, kind="stable")[: max(0, limit - len(present))]
    return Terms(words, np.sort(keys[most_frequent]))


def _lower_case_words(tokens: Sequence[str]) -> np.ndarray:
    """Return int32 (tokens,), equal for tokens that differ in case alone; none for `<unk>`."""
    numbers: dict[str, int] = {}
    words = [numbers.setdefault(token.lower(), len(numbers)) for token in tokens[len(SPECIALS) :]]
    return np.array([NO_WORD] * len(SPECIALS) + words, np.int32)


def _regress(
    features: "csr_matrix",  # type: ignore[name-defined]  # noqa: F821
    targets: np.ndarray,
    classes: int,
) -> tuple[np.ndarray, np.ndarray]:
    """Return coefficients float32 (terms, classes) and intercepts float32 (classes,)."""
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.linear_model import LogisticRegression

    rows, labels, weights = _as_hard_labels(targets)
    model = LogisticRegression(C=INVERSE_PENALTY, max_iter=MAX_ITERATIONS)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # near enough
        model.fit(features[rows], labels, weights)
    coefficients, intercepts = model.coef_.T, model.intercept_
    if len(model.classes_) == 2:  # one column: what speaks for the second class
        coefficients = np.hstack([-coefficients, coefficients]) / 2
        intercepts = np.array([-intercepts[0], intercepts[0]]) / 2
    whole = np.zeros((features.shape[1], classes), np.float32)
    whole[:, model.classes_] = coefficients
    base = np.full(classes, intercepts.min(), np.float32)
    base[model.classes_] = intercepts
    return whole, base


def _as_hard_labels(targets: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return rows, classes and weights; a row of soft labels becomes one for each likely class."""
    if targets.ndim == 1:
        return np.arange(len(targets)), targets, np.ones(len(targets))
    rows, labels = np.nonzero(targets >= LEAST_PROBABILITY)
    return rows, labels, targets[rows, labels]
