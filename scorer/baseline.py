"""What a model has to beat: always guessing one class, and TF-IDF with logistic regression.

Both learn from the same training rows and are tested on the same test rows. Knows texts and
targets, nothing of our own model.
"""

from dataclasses import dataclass
from time import perf_counter

import numpy as np
import pyarrow as pa

from scorer.labelled import LabelledRows
from scorer.text import TextRules, normalise

TOKEN = r"\w+|[^\w\s]"  # a mark is a token too, so that no text is without one
INVERSE_PENALTY = 10.0  # scikit-learn's C


@dataclass(frozen=True)
class Baseline:
    """Accuracy on the test rows, between 0 and 1.

    majority: of always guessing the most frequent class of the training rows.
    linear: of TF-IDF over words and pairs of words with logistic regression.
    seconds: training and testing of the latter.
    """

    majority: float
    linear: float
    seconds: float


def fit_baseline(training: LabelledRows, test: LabelledRows) -> Baseline:
    """Train both guesses on the training rows and test them."""
    started = perf_counter()
    guess = np.bincount(training.targets).argmax()
    linear = _linear_accuracy(training, test)
    return Baseline(float((test.targets == guess).mean()), linear, perf_counter() - started)


def _linear_accuracy(training: LabelledRows, test: LabelledRows) -> float:
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.linear_model import LogisticRegression

    vectorizer = TfidfVectorizer(
        ngram_range=(1, 2), min_df=2, token_pattern=TOKEN, sublinear_tf=True, dtype=np.float32
    )
    features = vectorizer.fit_transform(_plain(training.texts))
    model = LogisticRegression(C=INVERSE_PENALTY, max_iter=200).fit(features, training.targets)
    return float(model.score(vectorizer.transform(_plain(test.texts)), test.targets))


def _plain(texts: pa.LargeStringArray) -> list[str]:
    return normalise(texts, TextRules()).to_pylist()
