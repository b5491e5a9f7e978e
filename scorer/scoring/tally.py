"""Counts of the rows that a run has scored so far. Knows predictions, nothing of tables."""

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from scorer.evaluation.profile import Profile
from scorer.network.inference import Prediction
from scorer.scoring.columns import STATUSES
from scorer.tokens.encoding import Encoded


@dataclass
class Tally:
    """Counts of rows by status, of duplicates, and the profile of the texts."""

    classes: Sequence[str]
    statuses: np.ndarray = field(default_factory=lambda: np.zeros(len(STATUSES), np.int64))
    duplicates: int = 0  # rows whose text an earlier row of their chunk has
    profile: Profile = field(init=False)

    def __post_init__(self) -> None:
        self.profile = Profile(self.classes)

    def update(
        self, statuses: np.ndarray, distinct: int, prediction: Prediction, encoded: Encoded
    ) -> None:
        """Count a chunk: `statuses` (rows,) as in `columns`, how many texts differ, scores.

        `encoded`: the distinct texts that were not resumed, whose words are counted.
        """
        self.statuses += np.bincount(statuses, minlength=len(STATUSES))
        self.duplicates += len(statuses) - distinct
        self.profile.count_predictions(prediction)
        self.profile.count_words(encoded)

    @property
    def by_status(self) -> dict[str, int]:
        """How many texts are of each status."""
        return dict(zip(STATUSES, self.statuses.tolist(), strict=True))

    @property
    def histogram(self) -> dict[str, list[int]]:
        """Texts by tenths of the probability of each class."""
        return dict(zip(self.classes, self.profile.histograms.tolist(), strict=True))

    @property
    def unknown_share(self) -> float:
        """Share of the tokens that the vocabulary does not have."""
        return self.profile.unknown / max(self.profile.tokens, 1)
