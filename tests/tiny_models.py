"""Models really trained, so small that it takes a second; the fixtures in conftest.py hold them."""

import random
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import torch

from scorer.bundles.bundle import Bundle, Facts
from scorer.bundles.golden import golden_rows
from scorer.network.inference import Predictor
from scorer.network.model import ModelConfig, TextClassifier
from scorer.tokens.counting import count_tokens, most_useful_pieces
from scorer.tokens.encoding import Encoded, TextEncoder
from scorer.tokens.text import TextRules
from scorer.tokens.tokeniser_rules import rules_of
from scorer.tokens.vocabulary import build_vocabulary
from scorer.training.fitting import Examples, Fitted, Validation, fit
from scorer.training.recipe import TrainConfig

WORDS = {
    "negative": ("bad", "awful", "dull", "terrible", "boring", "poor", "hate", "worst", "broken"),
    "neutral": ("plain", "usual", "average", "fair", "middling", "okay", "standard", "mixed"),
    "positive": ("good", "great", "lovely", "superb", "brilliant", "charming", "love", "perfect"),
}
FILLERS = "the film was and a of this story , actor it in with . cast music I that is not <br/>"
MAX_TOKENS = 90
TEMPERATURE = 1.25
TRAINING = TrainConfig(epochs=8, batch_size=32, learning_rate=0.02, averaging=0.2, seed=1)


@dataclass(frozen=True)
class LabelledTexts:
    """Texts made of words of their class between words of none; targets index the classes."""

    texts: tuple[str, ...]
    targets: np.ndarray
    classes: tuple[str, ...]

    @property
    def column(self) -> pa.LargeStringArray:
        return pa.array(self.texts, pa.large_string())

    def part(self, start: int, stop: int) -> "LabelledTexts":
        return LabelledTexts(self.texts[start:stop], self.targets[start:stop], self.classes)


@dataclass(frozen=True)
class Trained:
    """What one training makes of labelled texts, before it is a bundle."""

    encoder: TextEncoder
    fitted: Fitted
    bundle: Bundle


def write_texts(classes: Sequence[str], rows: int, seed: int) -> LabelledTexts:
    """Return texts of 1 to 30 words, at least one in five of them of its class."""
    rng = random.Random(seed)
    targets = [i % len(classes) for i in range(rows)]
    rng.shuffle(targets)
    texts = [_write_text(WORDS[classes[target]], rng) for target in targets]
    return LabelledTexts(tuple(texts), np.array(targets, np.int64), tuple(classes))


def _write_text(telling: Sequence[str], rng: random.Random) -> str:
    rare = [f"w{rng.randrange(10**6)}" for _ in range(8)]  # so that unknown words tell nothing
    words = rng.choices(FILLERS.split() + rare, k=rng.choice([0, 1, 3, 8, 24]))
    for _ in range(1 + len(words) // 4):
        words.insert(rng.randint(0, len(words)), _in_any_case(rng.choice(telling), rng))
    return " ".join(words)


def _in_any_case(word: str, rng: random.Random) -> str:
    return rng.choice([word, word, word.capitalize()])


def train(labelled: LabelledTexts, training: TrainConfig = TRAINING) -> Trained:
    """Train on the first three quarters, validate on the rest."""
    rules, cut = TextRules(), len(labelled.texts) * 3 // 4
    known, held_out = labelled.part(0, cut), labelled.part(cut, len(labelled.texts))
    vocabulary = build_vocabulary(count_tokens(known.column, rules), MAX_TOKENS)
    cached_pieces = most_useful_pieces(known.column, rules, vocabulary)
    encoder = TextEncoder(rules, vocabulary, cached_pieces)
    config = ModelConfig(len(vocabulary), len(labelled.classes), 8, 12, dropout=0.1)
    torch.manual_seed(training.seed)
    valid = encoder.encode(held_out.column)
    fitted = fit(
        TextClassifier(config),
        Examples(encoder.encode(known.column), known.targets),
        lambda model: validation(model, encoder, valid, held_out),
        training,
    )
    weights = {name: tensor.half() for name, tensor in fitted.model.state_dict().items()}
    exact = TextClassifier(config)
    exact.load_state_dict({name: tensor.float() for name, tensor in weights.items()})
    return Trained(
        encoder,
        fitted,
        Bundle(
            facts=_facts(labelled, rules, config, fitted),
            weights=weights,
            vocabulary=vocabulary,
            cached_pieces=cached_pieces,
            golden=golden_rows(Predictor(encoder, exact, labelled.classes, TEMPERATURE)),
            history=[
                {"epoch": epoch.epoch, "loss": epoch.loss, "valid_accuracy": epoch.valid_accuracy}
                for epoch in fitted.epochs
            ],
            report="<!doctype html>\n<title>A tiny model</title>\n",
            tokeniser_rules=rules_of(rules.language),
        ),
    )


def validation(
    model: TextClassifier, encoder: TextEncoder, encoded: Encoded, labelled: LabelledTexts
) -> Validation:
    """Return accuracy and log loss of a model on encoded texts, by the path that scores."""
    probabilities = Predictor(encoder, model, labelled.classes).predict(encoded).probabilities
    loss = float(-np.log(probabilities[np.arange(len(encoded)), labelled.targets]).mean())
    return Validation(accuracy(model, encoder, encoded, labelled), loss)


def accuracy(
    model: TextClassifier, encoder: TextEncoder, encoded: Encoded, labelled: LabelledTexts
) -> float:
    """Return the accuracy of a model on encoded texts, by the path that scores."""
    logits = Predictor(encoder, model, labelled.classes).logits(encoded)
    return float((logits.argmax(axis=1) == labelled.targets).mean())


def _facts(labelled: LabelledTexts, rules: TextRules, config: ModelConfig, fitted: Fitted) -> Facts:
    best = {"rows": len(labelled.texts) // 4, "accuracy": fitted.best.valid_accuracy}
    return Facts(
        classes=labelled.classes,
        label_values={name: name for name in labelled.classes},
        text_column="text",
        label_column="label",
        rules=rules,
        model=config,
        temperature=TEMPERATURE,
        training={"data_sha256": "0" * 64, "best_epoch": fitted.best.epoch, "seed": 1},
        metrics={"valid": best, "test": best},
    )
