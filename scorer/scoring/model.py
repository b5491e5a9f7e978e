"""What a run scores with: a predictor, and what is told of the bundle that it is of.

Knows no bundle, nor the files it is kept in: whoever loads one makes this of it.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

from scorer.evaluation.explanation import Explainer
from scorer.evaluation.profile import Profile
from scorer.network.inference import Predicts
from scorer.scoring.summary import BundleFacts


@dataclass(frozen=True)
class Model:
    """What scores, and which bundle it is."""

    predictor: Predicts
    bundle: BundleFacts
    text_column: str  # that it was trained on
    profile: Profile | None = None  # of its held-out texts; None for an older bundle
    folder: str | None = None  # the bundle's; "" for the one that is shipped, None: not known
    tokens: Sequence[str] = ()  # of its vocabulary
    tokeniser: str = ""  # that scores depend on, where the bundle has no rules of its own
    explainers: dict[int, Explainer] = field(default_factory=dict, compare=False, repr=False)

    @property
    def compares_words(self) -> bool:
        """Whether drift compares the words of a run's texts with those of the profile."""
        return self.profile is not None and not self.profile.general

    def explainer(self, words: int) -> Explainer | None:
        """Return what explains scores in so many words, the same each time; None for 0."""
        if words and words not in self.explainers:
            self.explainers[words] = Explainer(self.predictor, self.tokens, words)
        return self.explainers.get(words)
