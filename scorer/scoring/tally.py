"""Counts of the rows that a run has scored so far. Knows texts and predictions, not tables."""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from scorer.evaluation.profile import Profile
from scorer.network.inference import Prediction
from scorer.scoring.columns import STATUSES, statuses
from scorer.tokens.encoding import Encoded
from scorer.wording import are, counted

# what programs write where there is no text, in lower case
NO_TEXTS = ("null", "(null)", "\\n", "nan", "na", "n/a", "#n/a", "#null!", "none", "nil", "-", "--")
MOST_BYTES = max(map(len, NO_TEXTS))


@dataclass
class Tally:
    """Counts of rows by status, of duplicates, and the profile of the texts."""

    classes: Sequence[str]
    statuses: np.ndarray = field(default_factory=lambda: np.zeros(len(STATUSES), np.int64))
    duplicates: int = 0  # rows whose text an earlier row of their chunk has
    no_texts: Counter[str] = field(default_factory=Counter)  # rows by such a text
    profile: Profile = field(init=False)

    def __post_init__(self) -> None:
        self.profile = Profile(self.classes)

    def update(self, texts: pa.LargeStringArray, prediction: Prediction, encoded: Encoded) -> None:
        """Count a chunk: texts and predictions (rows,), and the words of `encoded` texts."""
        self.statuses += np.bincount(statuses(texts, prediction), minlength=len(STATUSES))
        self.duplicates += len(texts) - count_distinct(texts)
        self.profile.count_predictions(prediction)
        self.profile.count_words(encoded)
        self._count_no_texts(texts)

    def _count_no_texts(self, texts: pa.LargeStringArray) -> None:
        """Count the texts of a chunk that are `NULL`, `N/A` and so on."""
        short = texts.filter(pc.less_equal(pc.binary_length(texts), MOST_BYTES))
        found = short.filter(pc.is_in(pc.utf8_lower(short), pa.array(NO_TEXTS, short.type)))
        self.no_texts.update(found.to_pylist())

    def notes(self, name: str) -> Iterator[str]:
        """Yield what a user should know of the texts of the table that is called so."""
        total = self.no_texts.total()
        if total:
            found = self.no_texts.most_common()
            listed = ", ".join(f"'{text}' ({count:,})" for text, count in found)
            yield (
                f"{name}: {counted(total, 'text')} {are(total)} what some programs write for none: "
                f"{listed}. Such a text is scored like any other, an empty cell is not"
            )

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


def count_distinct(texts: pa.LargeStringArray) -> int:
    """Return how many texts differ; each null counts as one of its own."""
    return int(pc.count_distinct(texts, mode="only_valid").as_py()) + int(texts.null_count)
