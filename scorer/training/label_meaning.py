"""Whether the classes of a training may be swapped: the shipped bundle knows sentiment.

A first training warns; later the gate compares with the bundle in use. Knows labelled rows and the
shipped bundle, nothing of what the labels are about: a warning is a question.
"""

import numpy as np

from scorer.bundles.bundle_files import load_bundle
from scorer.bundles.predictor import load_predictor
from scorer.bundles.store import DEFAULT_BUNDLE
from scorer.corpus.corpus import Corpus
from scorer.corpus.label_values import UNDERSTOOD, labels_option
from scorer.errors import BundleError
from scorer.training.comparison import guesses

ROWS, MIN_ROWS = 50, 20  # of a class that are asked about, and that it takes
FAR_BELOW = 0.3  # agreement, where chance has 0.5


def doubt_labels(corpus: Corpus, language: str) -> str | None:
    """Return a warning where the shipped bundle gives most rows the other class; None else.

    Agreement is the mean over both classes, so that it is a half for a model that says nothing of
    these texts, however many rows each class has.
    """
    try:
        return _doubt(corpus, language)
    except BundleError:  # a warning that cannot be given must not stop a training
        return None


def _doubt(corpus: Corpus, language: str) -> str | None:
    rows = _some_rows(corpus.train.targets)
    if set(corpus.classes) != set(UNDERSTOOD.values()) or min(map(len, rows)) < MIN_ROWS:
        return None
    shipped = load_bundle(DEFAULT_BUNDLE)
    if shipped.classes != corpus.classes or shipped.rules.language != language:
        return None
    asked = corpus.train.take(np.concatenate(rows))
    predictor = load_predictor(shipped, workers=0)
    guessed = guesses(predictor.predict(predictor.encode(asked.texts)).probabilities)
    right = [float((guessed == at)[asked.targets == at].mean()) for at in range(2)]
    agreement = sum(right) / 2
    return _question(corpus, agreement, len(asked)) if agreement < FAR_BELOW else None


def _some_rows(targets: np.ndarray) -> list[np.ndarray]:
    """Return the indices of some rows of each class, from all over the rows."""
    of_class = [np.flatnonzero(targets == at) for at in range(2)]
    return [found[:: max(1, len(found) // ROWS)][:ROWS] for found in of_class]


def _question(corpus: Corpus, agreement: float, rows: int) -> str:
    other = dict(zip(corpus.classes, reversed(corpus.classes), strict=True))
    meaning = ", ".join(f"{value!r} is {name}" for value, name in corpus.label_values.items())
    swapped = {value: other[name] for value, name in corpus.label_values.items()}
    return (
        f"the shipped bundle, which tells negative from positive reviews, agrees with the labels "
        f"of {agreement:.0%} of {rows} rows only (chance: 50%): are the classes swapped? {meaning};"
        f" {labels_option(swapped)} swaps them. If they mean something else than sentiment, all is "
        "well"
    )
