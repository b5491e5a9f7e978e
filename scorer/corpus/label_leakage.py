"""The tokens that tell a class by themselves; one does where the label is written in the text.

Looks at a sample of the training rows. Knows single tokens, not what they mean: where one word
rightly decides ("unsubscribe" for spam), that is found too.
"""

from dataclasses import dataclass

import numpy as np

from scorer.corpus.labelled_rows import LabelledRows
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


@dataclass(frozen=True)
class TokenCounts:
    """How many rows of each class have a token.

    tokens: (tokens,); having: int64 (classes, tokens); sizes: int64 (classes,), rows of each class,
    of two classes at least.
    """

    tokens: np.ndarray
    having: np.ndarray
    sizes: np.ndarray

    def leakage(self) -> LabelLeakage:
        """Return the token and class of the greatest strength."""
        strength = self._strength
        strength[self.sizes == 0] = -1
        target, token = np.unravel_index(strength.argmax(), strength.shape)
        return self._told(int(target), int(token))

    def telling(self, number: int) -> list[LabelLeakage]:
        """Return the tokens that tell most, by the test of two shares, class by class."""
        sizes, others = self.sizes[:, None], self.sizes.sum() - self.sizes[:, None]
        share = (self.having.sum(axis=0) + 1) / (self.sizes.sum() + 2)
        deviation = np.sqrt(
            share * (1 - share) * (1 / np.maximum(sizes, 1) + 1 / np.maximum(others, 1))
        )
        order = np.argsort(-self._strength / deviation, axis=1, kind="stable")[:, :number]
        return [
            self._told(int(target), int(token))
            for target in np.flatnonzero(self.sizes)
            for token in order[target]
        ]

    @property
    def _strength(self) -> np.ndarray:
        """Youden's J by Laplace's rule of succession: a token of a few rows proves little."""
        sizes, others = self.sizes[:, None], self.sizes.sum() - self.sizes[:, None]
        elsewhere = self.having.sum(axis=0) - self.having
        return np.asarray((self.having + 1) / (sizes + 2) - (elsewhere + 1) / (others + 2))

    def _told(self, target: int, token: int) -> LabelLeakage:
        size, having = self.sizes[target], self.having[target, token]
        return LabelLeakage(
            str(self.tokens[token]),
            target,
            float(having / size),
            float((self.having[:, token].sum() - having) / (self.sizes.sum() - size)),
            float(self._strength[target, token]),
        )


def count_class_tokens(rows: LabelledRows) -> TokenCounts:
    """Count tokens by class, in a sample of the rows."""
    from sklearn.feature_extraction.text import CountVectorizer

    rows = rows.sample(SAMPLE_ROWS)
    vectorizer = CountVectorizer(token_pattern=TOKEN, binary=True, dtype=np.int64)
    tokens = vectorizer.fit_transform(normalise(rows.texts, TextRules()).to_pylist())
    members = np.eye(rows.targets.max() + 1, dtype=np.int64)[rows.targets]  # (rows, classes)
    having = np.asarray((tokens.T @ members).T)
    return TokenCounts(vectorizer.get_feature_names_out(), having, members.sum(axis=0))
