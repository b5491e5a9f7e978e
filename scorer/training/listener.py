"""Who is told of a training while it runs."""

from collections import Counter
from typing import TYPE_CHECKING

from scorer.bundles.starting_point import StartingPoint
from scorer.corpus.corpus import Corpus
from scorer.tokens.encoding import Vocabulary
from scorer.training.fitting import Epoch, Step
from scorer.training.pretraining import PretrainStep

if TYPE_CHECKING:
    from scorer.training.learned import Learned


class Listener:
    """Is told of each stage of a training; does nothing here."""

    def on_corpus(self, corpus: Corpus) -> None:
        """Be told of the labelled rows."""

    def on_note(self, line: str) -> None:
        """Be told what a person should know."""

    def on_vocabulary(self, vocabulary: Vocabulary, counts: Counter[str]) -> None:
        """Be told of the vocabulary and how often each training token occurs."""

    def on_pretraining(self, step: PretrainStep) -> None:
        """Be told of each step of the pretraining."""

    def on_start(self, point: StartingPoint) -> None:
        """Be told of a finished pretraining."""

    def on_step(self, step: Step) -> None:
        """Be told of each step."""

    def on_epoch(self, epoch: Epoch) -> None:
        """Be told of each epoch's end."""

    def on_learned(self, learned: "Learned") -> None:
        """Be told of the result."""
