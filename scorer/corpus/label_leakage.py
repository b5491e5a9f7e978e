"""The token that tells a class by itself, as it does where the label is written in the text.

Looks at a sample of the training rows. Knows single tokens, not what they mean: where one word
rightly decides ("unsubscribe" for spam), that is found too.
"""

from dataclasses import dataclass

import numpy as np

from scorer.corpus.labelled import LabelledRows
from scorer.tokens.text import TextRules, normalise

TOKEN = r"\w+|[^\w\s]"
SAMPLE_ROWS = 10_000


@dataclass(frozen=True)
class LabelLeakage:
    """A token and the class it tells; both shares are between 0 and 1."""

    token: str
    target: int  # index of the class
    in_class: float  # share of the class's rows that have the token
    elsewhere: float  # share of all other rows that have it
    strength: float  # Youden's J, less where rows are few: 1 where the token is the class


def find_label_leakage(rows: LabelledRows) -> LabelLeakage:
    """Return the token and class of the greatest strength, of rows of two classes at least."""
    sample = rows.sample(SAMPLE_ROWS)
    names, having = _rows_having(sample)  # (classes, tokens)
    sizes = np.bincount(sample.targets)[:, None]
    others, having_others = sizes.sum() - sizes, having.sum(axis=0) - having
    # Laplace's rule of succession: a token of a few rows proves little
    strength = (having + 1) / (sizes + 2) - (having_others + 1) / (others + 2)
    strength[sizes[:, 0] == 0] = -1
    target, token = np.unravel_index(strength.argmax(), strength.shape)
    return LabelLeakage(
        str(names[token]),
        int(target),
        float(having[target, token] / sizes[target, 0]),
        float(having_others[target, token] / others[target, 0]),
        float(strength[target, token]),
    )


def _rows_having(rows: LabelledRows) -> tuple[np.ndarray, np.ndarray]:
    """Return all tokens, and int64 (classes, tokens): how many rows of a class have a token."""
    from sklearn.feature_extraction.text import CountVectorizer

    vectorizer = CountVectorizer(token_pattern=TOKEN, binary=True, dtype=np.int64)
    tokens = vectorizer.fit_transform(normalise(rows.texts, TextRules()).to_pylist())
    members = np.eye(rows.targets.max() + 1, dtype=np.int64)[rows.targets]  # (rows, classes)
    return vectorizer.get_feature_names_out(), np.asarray((tokens.T @ members).T)
