"""What a set of scored texts looks like: lengths, words, unknown tokens, scores.

A bundle has the profile of its held-out texts; a run counts its own, and `drift` compares them.
Knows token ids and predictions, nothing of tables.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from scorer.network.inference import Prediction
from scorer.tokens.encoding import Encoded
from scorer.tokens.vocabulary import UNKNOWN_ID

LENGTHS = (1, 3, 5, 8, 12, 18, 27, 40, 60, 90, 140, 210, 320, 480, 720)  # lower ends of ranges
WORDS = 500  # token ids, the most frequent of a vocabulary, counted one by one
BINS = 10  # of a histogram: probabilities of a class from 0 to 1


@dataclass
class Profile:
    """Counts over texts.

    general: whether the texts are of many kinds, as those that the shipped bundle was evaluated on:
    other lengths, words or probabilities than theirs are then no sign of drift.
    lengths: int64 (LENGTHS,), texts by tokens; words: int64 (WORDS + 1,), tokens by id, all others
    last; histograms: int64 (classes, BINS), texts by a class's probability.
    """

    classes: Sequence[str]
    empty: int = 0  # texts without a token
    tokens: int = 0
    unknown: int = 0
    general: bool = False
    lengths: np.ndarray = field(default_factory=lambda: np.zeros(len(LENGTHS), np.int64))
    words: np.ndarray = field(default_factory=lambda: np.zeros(WORDS + 1, np.int64))
    histograms: np.ndarray = field(init=False)

    def __post_init__(self) -> None:
        self.histograms = np.zeros((len(self.classes), BINS), np.int64)

    @property
    def texts(self) -> int:
        """How many texts have a token."""
        return int(self.lengths.sum())

    def count_predictions(self, prediction: Prediction) -> None:
        """Count lengths, unknown tokens and probabilities of some texts."""
        lengths = prediction.tokens[prediction.tokens > 0]
        self.empty += len(prediction.tokens) - len(lengths)
        self.tokens += int(lengths.sum(dtype=np.int64))
        self.unknown += int(prediction.unknown.sum(dtype=np.int64))
        ranges = np.searchsorted(LENGTHS, lengths, side="right") - 1
        self.lengths += np.bincount(ranges, minlength=len(LENGTHS))
        for counts, column in zip(self.histograms, prediction.probabilities.T, strict=True):
            counts += np.histogram(column[~np.isnan(column)], bins=BINS, range=(0, 1))[0]

    def count_words(self, encoded: Encoded) -> None:
        """Count the tokens of some texts by their ids."""
        known = np.minimum(encoded.ids[encoded.ids != UNKNOWN_ID], WORDS)
        self.words += np.bincount(known, minlength=WORDS + 1)

    def to_json(self) -> dict[str, Any]:
        """Return plain lists and numbers, as a bundle keeps them."""
        return {
            "empty": self.empty,
            "tokens": self.tokens,
            "unknown": self.unknown,
            "general": self.general,
            "lengths": self.lengths.tolist(),
            "words": self.words.tolist(),
            "histograms": self.histograms.tolist(),
        }

    @classmethod
    def from_json(cls, facts: Mapping[str, Any], classes: Sequence[str]) -> "Profile":
        """Return the profile that `to_json` wrote. Raises `ValueError` for other sizes."""
        counts = (facts["empty"], facts["tokens"], facts["unknown"])
        profile = cls(classes, *counts, bool(facts.get("general", False)))
        for name in ("lengths", "words", "histograms"):
            found = np.array(facts[name], np.int64)
            if found.shape != getattr(profile, name).shape:
                raise ValueError(f"the profile's {name} have the shape {found.shape}")
            setattr(profile, name, found)
        return profile
