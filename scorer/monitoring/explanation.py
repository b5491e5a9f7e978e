"""Why a text has its score: how much its most likely class loses where a word is left out.

Leave-one-out over the tokens of a text, all variants scored together. Knows a predictor, nothing
of where texts come from.
"""

from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from scorer.network.inference import Predictor
from scorer.tokens.encoding import Encoded

MAX_TOKENS = 400  # of a text are left out one by one, its beginning


@dataclass(frozen=True)
class WordEffect:
    """A word, and what it adds to the probability of the text's most likely class."""

    word: str
    effect: float


@dataclass(frozen=True)
class Explanation:
    """The most likely class, its probability, and the words that move it most."""

    label: str
    probability: float
    words: tuple[WordEffect, ...]


def explain(text: str, predictor: Predictor, words: int = 5) -> Explanation | None:
    """Return what moves the score of a text; None for a text without a token."""
    pieces = text.split()[:MAX_TOKENS]
    variants = [text, *(" ".join(pieces[:i] + pieces[i + 1 :]) for i in range(len(pieces)))]
    encoded: Encoded = predictor.encode(pa.array(variants, pa.large_string()))
    probabilities = predictor.predict(encoded).probabilities
    if np.isnan(probabilities[0]).any():
        return None
    best = int(probabilities[0].argmax())
    effects = probabilities[0, best] - np.nan_to_num(
        probabilities[1:, best], nan=1 / len(predictor.classes)
    )
    order = np.argsort(-np.abs(effects))[:words]
    moved = tuple(WordEffect(pieces[at], float(effects[at])) for at in order)
    return Explanation(predictor.classes[best], float(probabilities[0, best]), moved)
