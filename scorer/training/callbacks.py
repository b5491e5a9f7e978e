"""Callbacks of a training: its stages, for whoever prints or records them."""

from collections import Counter
from pathlib import Path

from scorer.bundles.pretrained_encoder import PretrainedEncoder
from scorer.corpus.corpus import Corpus
from scorer.tokens.vocabulary import Vocabulary
from scorer.training.fitting import Epoch, Step
from scorer.training.packaging import TrainingResult
from scorer.training.pretraining import PretrainStep


class Callbacks:
    """Called at each stage of a training; every method does nothing here."""

    def on_begin(self, what: str) -> None:
        """Called with what begins and has no steps to tell of: `reading the labelled rows`."""

    def on_corpus(self, corpus: Corpus) -> None:
        """Called with the labelled rows."""

    def on_note(self, line: str) -> None:
        """Called with a line that a person should read."""

    def on_warning(self, line: str) -> None:
        """Called with what a person should look at before the figures."""

    def on_vocabulary(self, vocabulary: Vocabulary, counts: Counter[str]) -> None:
        """Called with the vocabulary, and how often each training token occurs."""

    def on_pretraining(self, step: PretrainStep) -> None:
        """Called after each step of the pretraining."""

    def on_pretrained(self, encoder: PretrainedEncoder, folder: Path | None) -> None:
        """Called with the pretrained encoder and where it was saved, None without a store."""

    def on_step(self, step: Step) -> None:
        """Called after each step."""

    def on_epoch(self, epoch: Epoch) -> None:
        """Called after each epoch."""

    def on_result(self, result: TrainingResult) -> None:
        """Called with the finished model and its figures."""

    def on_verdict(self, verdict: str) -> None:
        """Called with how a new bundle that passed the gate stands beside the one in use."""

    def on_report(self, path: Path) -> None:
        """Called with the report of the new version, once it is known whether it is in use."""
