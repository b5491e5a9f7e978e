"""The training flow: labelled rows -> vocabulary -> model -> evaluation -> bundle.

Only training rows shape the vocabulary and the weights, validation rows pick the epoch and the
temperature, test rows give the final figure, by the path that scores. Knows no command line.
"""

import platform
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from importlib.metadata import version
from typing import Any

import numpy as np
import pyarrow as pa
import torch

from scorer.bundle import Bundle, Facts
from scorer.calibration import fit_temperature
from scorer.encoding import (
    TextEncoder,
    Vocabulary,
    build_vocabulary,
    count_tokens,
    remember,
)
from scorer.evaluation import Evaluation, evaluate
from scorer.golden import golden_rows
from scorer.inference import Predictor
from scorer.labelled import LabelledRows
from scorer.memory import PieceMemory
from scorer.model import ModelConfig, TextClassifier
from scorer.text import TextRules
from scorer.training import Epoch, Examples, Fitted, Step, TrainConfig, fit

PACKAGES = ("torch", "torchtext", "spacy", "pyarrow", "numpy")
REMEMBERED_PIECES = 100_000


@dataclass(frozen=True)
class Corpus:
    """Three parts of labelled rows, and what they are called."""

    train: LabelledRows
    valid: LabelledRows
    test: LabelledRows
    classes: tuple[str, ...]
    label_values: Mapping[str, str]
    text_column: str
    label_column: str
    fingerprint: str  # sha256 of the files


@dataclass(frozen=True)
class Recipe:
    """How to make a model of a corpus."""

    training: TrainConfig
    rules: TextRules = TextRules()
    vocabulary_size: int = 20_000
    embedding_dim: int = 128
    hidden_dim: int = 256
    cell: str = "lstm"
    pooling: str = "concat"
    dropout: float = 0.5

    def model_config(self, vocabulary: Vocabulary, classes: int) -> ModelConfig:
        """Return the network's configuration for a vocabulary and a number of classes."""
        return ModelConfig(
            len(vocabulary),
            classes,
            self.embedding_dim,
            self.hidden_dim,
            self.cell,
            self.pooling,
            self.dropout,
        )


@dataclass(frozen=True)
class Listener:
    """What is told of a training while it runs."""

    on_vocabulary: Callable[[Vocabulary, Counter[str]], None] = lambda vocabulary, counts: None
    on_step: Callable[[Step], None] = lambda step: None
    on_epoch: Callable[[Epoch], None] = lambda epoch: None


@dataclass(frozen=True)
class Learned:
    """A bundle not yet written, with what was found out on the way."""

    bundle: Bundle
    vocabulary_counts: Counter[str]
    fitted: Fitted
    test: Evaluation


def learn(corpus: Corpus, recipe: Recipe, listener: Listener) -> Learned:
    """Train on the corpus as the recipe says and evaluate the result."""
    counts = count_tokens(corpus.train.texts, recipe.rules)
    vocabulary = build_vocabulary(counts, recipe.vocabulary_size)
    listener.on_vocabulary(vocabulary, counts)
    remembered = remember(corpus.train.texts, recipe.rules, vocabulary, REMEMBERED_PIECES)
    fitted = _fit(corpus, recipe, vocabulary, remembered, listener)
    weights = {name: tensor.half().cpu() for name, tensor in fitted.model.state_dict().items()}
    draft = _Draft(corpus, recipe, vocabulary, remembered, weights)
    temperature = draft.fit_temperature()
    predictor = draft.predictor(temperature)
    valid, test = (_evaluate(predictor, part) for part in (corpus.valid, corpus.test))
    metrics = {"valid": valid.to_json(), "test": test.to_json()}
    bundle = Bundle(
        facts=draft.facts(temperature, _training_facts(corpus, recipe, fitted), metrics),
        weights=weights,
        vocabulary=vocabulary,
        remembered=remembered,
        golden=golden_rows(predictor),
        history=[_history_row(epoch) for epoch in fitted.epochs],
    )
    return Learned(bundle, counts, fitted, test)


def _fit(
    corpus: Corpus,
    recipe: Recipe,
    vocabulary: Vocabulary,
    remembered: PieceMemory,
    listener: Listener,
) -> Fitted:
    torch.manual_seed(recipe.training.seed)
    model = TextClassifier(recipe.model_config(vocabulary, len(corpus.classes)))
    device = "cuda" if torch.cuda.is_available() else "cpu"
    encoder = TextEncoder(recipe.rules, vocabulary, remembered)
    valid = encoder.encode(corpus.valid.texts)

    def valid_accuracy(candidate: TextClassifier) -> float:
        predictor = Predictor(encoder, candidate, corpus.classes, device=device)
        guesses = predictor.logits(valid).argmax(axis=1)
        return float((guesses == corpus.valid.targets).mean())

    examples = Examples(encoder.encode(corpus.train.texts), corpus.train.targets)
    return fit(
        model.to(device),
        examples,
        valid_accuracy,
        recipe.training,
        listener.on_step,
        listener.on_epoch,
    )


@dataclass(frozen=True)
class _Draft:
    """A model as its bundle will have it: weights rounded to float16, and read as float32."""

    corpus: Corpus
    recipe: Recipe
    vocabulary: Vocabulary
    remembered: PieceMemory
    weights: Mapping[str, torch.Tensor]

    def predictor(self, temperature: float) -> Predictor:
        classes = self.corpus.classes
        model = TextClassifier(self.recipe.model_config(self.vocabulary, len(classes)))
        model.load_state_dict({name: tensor.float() for name, tensor in self.weights.items()})
        encoder = TextEncoder(self.recipe.rules, self.vocabulary, self.remembered)
        return Predictor(encoder, model, classes, temperature)

    def fit_temperature(self) -> float:
        predictor = self.predictor(temperature=1.0)
        logits = predictor.logits(predictor.encode(self.corpus.valid.texts))
        return fit_temperature(logits, self.corpus.valid.targets)

    def facts(
        self, temperature: float, training: Mapping[str, Any], metrics: Mapping[str, Any]
    ) -> Facts:
        return Facts(
            classes=self.corpus.classes,
            label_values=dict(self.corpus.label_values),
            text_column=self.corpus.text_column,
            label_column=self.corpus.label_column,
            rules=self.recipe.rules,
            model=self.recipe.model_config(self.vocabulary, len(self.corpus.classes)),
            temperature=temperature,
            training=training,
            metrics=metrics,
        )


def _evaluate(predictor: Predictor, part: LabelledRows) -> Evaluation:
    prediction = predictor.predict(predictor.encode(part.texts))
    return evaluate(prediction.probabilities, part.targets, predictor.classes)


def _training_facts(corpus: Corpus, recipe: Recipe, fitted: Fitted) -> dict[str, Any]:
    return {
        "data_sha256": corpus.fingerprint,
        "rows": {part: len(getattr(corpus, part)) for part in ("train", "valid", "test")},
        "settings": asdict(recipe.training),
        "best_epoch": fitted.best.epoch,
        "python": platform.python_version(),
        "packages": {name: version(name) for name in PACKAGES},
    }


def _history_row(epoch: Epoch) -> dict[str, float]:
    """Return an epoch without its seconds, which would make each bundle another one."""
    return {
        "epoch": epoch.epoch,
        "loss": epoch.loss,
        "train_accuracy": epoch.train_accuracy,
        "valid_accuracy": epoch.valid_accuracy,
    }


def class_counts(rows: LabelledRows, classes: tuple[str, ...]) -> dict[str, int]:
    """Return how many rows each class has."""
    counts = np.bincount(rows.targets, minlength=len(classes)).tolist()
    return dict(zip(classes, counts, strict=True))


def as_texts(texts: list[str | None]) -> pa.LargeStringArray:
    """Return texts as the column type that the encoder takes."""
    return pa.array(texts, pa.large_string())
