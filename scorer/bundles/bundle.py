"""A model with all that is needed to score with it and to know where it came from.

Knows encoder, network and linear term, nothing of the files they are kept in (`bundle_files`), of
training or of stores.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch

from scorer.bundles.golden import GoldenRows
from scorer.errors import BundleError
from scorer.network.linear import LinearTerm
from scorer.network.model import ModelConfig, TextClassifier
from scorer.tokens.piece_cache import CachedPieces
from scorer.tokens.text import TextRules
from scorer.tokens.tokeniser_rules import TokeniserRules
from scorer.tokens.vocabulary import Vocabulary

REMEDY = (
    "Use another bundle (--bundle, or `scorer bundles rollback` in a store), or make a new one "
    "with train_job.py"
)


@dataclass(frozen=True)
class Facts:
    """What bundle.json says of the model."""

    classes: tuple[str, ...]
    label_values: Mapping[str, str]  # label value as read -> class
    text_column: str
    label_column: str
    rules: TextRules
    model: ModelConfig
    temperature: float
    training: Mapping[str, Any]  # data fingerprint, rows, seed, settings, package versions
    metrics: Mapping[str, Any]


@dataclass(frozen=True)
class Bundle:
    """A model with all that is needed to score with it and to know where it came from."""

    facts: Facts
    weights: Mapping[str, torch.Tensor]  # float16, by the model's parameter names
    vocabulary: Vocabulary
    cached_pieces: CachedPieces
    golden: GoldenRows
    history: Sequence[Mapping[str, float]]
    report: str = ""
    version: str = ""  # set where the bundle was written to or loaded from
    digest: str = ""  # sha256 of the content
    linear: LinearTerm | None = None
    tokeniser_rules: TokeniserRules | None = None  # None: those of the spaCy that is installed

    @property
    def classes(self) -> tuple[str, ...]:
        """Class names in the order of the probability columns."""
        return self.facts.classes

    @property
    def rules(self) -> TextRules:
        """How texts are normalised."""
        return self.facts.rules

    @property
    def temperature(self) -> float:
        """What logits are divided by; fitted on validation rows."""
        return self.facts.temperature

    @property
    def text_column(self) -> str:
        """The name of the text column it was trained on."""
        return self.facts.text_column

    @property
    def label_values(self) -> Mapping[str, str]:
        """Which class each label value stands for."""
        return self.facts.label_values

    def model(self) -> TextClassifier:
        """Return the network with its weights as float32; `BundleError` where they do not fit."""
        weights = {name: tensor.float() for name, tensor in self.weights.items()}
        _check_sizes(weights, self.facts.model)
        try:
            model = TextClassifier(self.facts.model)
            model.load_state_dict(weights, assign=True)
        except (RuntimeError, TypeError, ValueError) as error:
            raise BundleError(f"weights do not fit the model: {one_line(error)}", REMEDY) from error
        return model.eval()


def _check_sizes(weights: Mapping[str, torch.Tensor], config: ModelConfig) -> None:
    """Raise `BundleError` before a network is built that is larger than its weights."""
    sizes = {
        "embedding.weight": (config.vocabulary_size, config.embedding_dim),
        "output.weight": (config.classes, config.pooled_dim),
    }
    for name, size in sizes.items():
        found = tuple(weights[name].shape) if name in weights else None
        if found != size:
            raise BundleError(
                f"weights do not fit the model: {name} is {found}, not {size}", REMEDY
            )


def one_line(error: Exception) -> str:
    """Return an error's message in one line."""
    return " ".join(str(error).split())
