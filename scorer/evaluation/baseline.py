"""What a model has to beat: always guessing one class, and TF-IDF with logistic regression.

Both learn from the same training rows, a sample of them where there are very many, and are tested
on the same test rows. Knows texts and targets, nothing of our own model.
"""

import time
import warnings
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from scorer.corpus.labelled_rows import LabelledRows
from scorer.tokens.text import TextRules, normalise

if TYPE_CHECKING:
    from scipy.sparse import csr_matrix
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.linear_model import LogisticRegression

TOKEN = r"\w+|[^\w\s]"  # a mark is a token too, so that no text is without one
INVERSE_PENALTY = 4.0  # scikit-learn's C
MAX_ITERATIONS = 200
MAX_BYTES = 60_000_000  # of text: half a minute and 2 GB; fewer where there are many classes
MIN_BYTES = 10_000_000
MAX_WEIGHTS = 3_000_000  # of the most frequent terms, over all classes


@dataclass(frozen=True)
class Baseline:
    """Accuracy on the test rows, between 0 and 1.

    majority: of always guessing the most frequent class of the training rows.
    linear: of TF-IDF over words and pairs of words with logistic regression.
    training_rows, test_rows: how many `linear` learned from and was tested on.
    seconds: what `linear` took; it changes from run to run.
    guesses: int64 (test_rows,), the class that `linear` gives each test row.
    """

    majority: float
    linear: float
    training_rows: int
    test_rows: int
    seconds: float = field(compare=False)
    guesses: np.ndarray = field(compare=False, repr=False)


def fit_baseline(training: LabelledRows, test: LabelledRows) -> Baseline:
    """Fit both simple models to the training rows and test them."""
    started = time.monotonic()
    guess = np.bincount(training.targets).argmax()
    majority = float((test.targets == guess).mean())
    classes = int(training.targets.max()) + 1
    training = _sample(training, classes)
    guesses = _linear_guesses(training, test, classes)
    linear, seconds = float((guesses == test.targets).mean()), time.monotonic() - started
    return Baseline(majority, linear, len(training), len(test), seconds, guesses)


def _sample(rows: LabelledRows, classes: int) -> LabelledRows:
    """Return the rows, or a sample of as many bytes of text as time allows."""
    most = max(MIN_BYTES, 2 * MAX_BYTES // max(2, classes))
    share = min(1, most / max(1, pc.sum(pc.binary_length(rows.texts)).as_py()))
    return rows.sample(max(1, int(share * len(rows))))


def _linear_guesses(training: LabelledRows, test: LabelledRows, classes: int) -> np.ndarray:
    """Return the class of each test row by TF-IDF with logistic regression, int64 (rows,)."""
    vectorizer = _vectorizer(MAX_WEIGHTS // max(1, classes - 1))
    features = vectorizer.fit_transform(_plain(training.texts))
    model = fit_logistic_regression(features, training.targets)
    guesses: np.ndarray = model.predict(vectorizer.transform(_plain(test.texts)))
    return guesses


def fit_logistic_regression(
    features: "csr_matrix", targets: np.ndarray, weights: np.ndarray | None = None
) -> "LogisticRegression":
    """Return scikit-learn's classifier; where it has not converged in time it is near enough.

    features: (rows, columns); targets: int64 (rows,); weights: float (rows,).
    """
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.linear_model import LogisticRegression

    model = LogisticRegression(C=INVERSE_PENALTY, max_iter=MAX_ITERATIONS)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        return model.fit(features, targets, weights)


def _vectorizer(max_terms: int) -> "TfidfVectorizer":
    from sklearn.feature_extraction.text import TfidfVectorizer

    return TfidfVectorizer(
        ngram_range=(1, 2),
        token_pattern=TOKEN,
        max_features=max_terms,
        sublinear_tf=True,
        dtype=np.float32,
    )


def _plain(texts: pa.LargeStringArray) -> list[str]:
    return list(normalise(texts, TextRules()).to_pylist())
