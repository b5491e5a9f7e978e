"""Counts of the texts that a run has scored so far. Knows predictions, nothing of tables."""

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from scorer.network.inference import Prediction
from scorer.scoring.columns import STATUSES

BINS = 10  # of a histogram: probabilities of a class from 0 to 1


@dataclass
class Tally:
    """Counts of texts, tokens and probabilities.

    histograms: int64 (classes, BINS), how many texts have a class's probability in each tenth.
    """

    classes: Sequence[str]
    statuses: np.ndarray = field(default_factory=lambda: np.zeros(len(STATUSES), np.int64))
    histograms: np.ndarray = field(init=False)
    duplicates: int = 0  # rows whose text an earlier row of their chunk has
    tokens: int = 0
    unknown: int = 0

    def __post_init__(self) -> None:
        self.histograms = np.zeros((len(self.classes), BINS), np.int64)

    def update(self, statuses: np.ndarray, distinct: int, prediction: Prediction) -> None:
        """Count a chunk: `statuses` (rows,) as in `columns`, how many texts differ, scores."""
        self.statuses += np.bincount(statuses, minlength=len(STATUSES))
        self.duplicates += len(statuses) - distinct
        self.tokens += int(prediction.tokens.sum(dtype=np.int64))
        self.unknown += int(prediction.unknown.sum(dtype=np.int64))
        for counts, column in zip(self.histograms, prediction.probabilities.T, strict=True):
            counts += np.histogram(column[~np.isnan(column)], bins=BINS, range=(0, 1))[0]

    @property
    def by_status(self) -> dict[str, int]:
        """How many texts are of each status."""
        return dict(zip(STATUSES, self.statuses.tolist(), strict=True))

    @property
    def by_class(self) -> dict[str, list[int]]:
        """The histogram of each class."""
        return dict(zip(self.classes, self.histograms.tolist(), strict=True))

    @property
    def unknown_share(self) -> float:
        """Share of the tokens that the vocabulary does not have."""
        return self.unknown / max(self.tokens, 1)
