"""How a model is made: its network, what is read of the texts, how it is trained; and presets.

accurate        what this project recommends, for tables of any size
fast            a network of a third of the cost, to be distilled from an accurate one (--teacher)
quick           a first look at a large table in two minutes: beginnings of texts, two epochs
lecture-packed  STAT453 L15.7 as it was: last state, no dropout, tags left in, no averaging
lecture-lstm    the same before packing: in training the last state is taken after the padding
lecture-rnn     the same as lecture-packed with the plain recurrent network

Only `accurate` and `fast` start from a pretrained encoder unless told otherwise, and only they
follow a schedule that fits the number of training rows. Knows no labels and no files.
"""

import math
from dataclasses import dataclass, field, fields, replace
from typing import Any

from scorer.errors import UsageError
from scorer.network.model import ModelConfig
from scorer.tokens.text import TextRules
from scorer.tokens.vocabulary import Vocabulary
from scorer.training.gradients import Regularisation
from scorer.training.pretraining import PretrainConfig


@dataclass(frozen=True)
class TrainConfig(Regularisation):
    """How to train; recorded in the bundle."""

    epochs: int = 4
    batch_size: int = 64
    learning_rate: float = 0.002
    warm_up: float = 0.1  # share of all steps
    decay: bool = True  # linearly to zero over the rest
    gradient_norm: float = 1.0  # longer gradients are shortened to it; 0: none is
    averaging: float = 0.2  # share of all steps that the averaged weights reach back; 0: none
    patience: int = 3  # epochs without a better validation loss that end the training
    max_tokens: int | None = 400  # of a text in training only
    seed: int = 0

    def __post_init__(self) -> None:
        for name in ("epochs", "batch_size", "learning_rate"):
            if not 0 < getattr(self, name) < math.inf:  # nan is neither
                option = name.replace("_", "-")
                raise UsageError(f"--{option} {getattr(self, name)}: give a number above 0")


@dataclass(frozen=True)
class Recipe:
    """How to make a model of a corpus.

    linear: whether a linear term over words and word pairs stands beside the network.
    refit: whether the rows of a validation share are trained on too, once they have chosen.
    starts_pretrained: whether the shipped bundle is where training starts, unless told otherwise.
    preset: the name of the preset it was made from.
    """

    training: TrainConfig
    pretraining: PretrainConfig = field(default_factory=PretrainConfig)
    rules: TextRules = field(default_factory=TextRules)
    vocabulary_size: int = 20_000
    embedding_dim: int = 128
    hidden_dim: int = 256
    cell: str = "lstm"
    pooling: str = "concat"
    dropout: float = 0.5
    linear: bool = False
    refit: bool = False
    starts_pretrained: bool = False
    preset: str = ""

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


LECTURE_TRAINING = TrainConfig(
    epochs=15,
    batch_size=128,
    learning_rate=0.005,
    warm_up=0.0,
    decay=False,
    gradient_norm=0.0,
    averaging=0.0,
    max_tokens=None,
)
LECTURE = Recipe(
    LECTURE_TRAINING,
    PretrainConfig(passes=0),
    TextRules(strip_markup=False, other_spellings=False),
    pooling="last",
    dropout=0.0,
)
ACCURATE = Recipe(
    TrainConfig(epochs=3, adversarial=0.02), linear=True, refit=True, starts_pretrained=True
)
QUICK = Recipe(TrainConfig(epochs=2, learning_rate=0.004, max_tokens=128), PretrainConfig(passes=0))
PRESETS = {
    "accurate": ACCURATE,
    "quick": QUICK,
    "fast": replace(ACCURATE, hidden_dim=128),
    "lecture-packed": LECTURE,
    "lecture-lstm": replace(LECTURE, training=replace(LECTURE_TRAINING, through_padding=True)),
    "lecture-rnn": replace(LECTURE, cell="rnn"),
}
SCHEDULE = (  # rows at most, batch size, epochs, learning rate
    (600, 32, 20, 0.001),
    (1_000, 32, 12, 0.001),
    (2_000, 32, 8, 0.001),
    (6_000, 32, 6, 0.001),
    (20_000, 64, 5, 0.002),
)
MANY_CLASSES = 10
SCHEDULED = ("accurate", "fast")  # presets whose schedule follows the number of rows


@dataclass(frozen=True)
class TableSize:
    """What the schedule of a training depends on."""

    rows: int  # of training
    classes: int


def make_recipe(preset: str, size: TableSize | None = None, **settings: Any) -> Recipe:
    """Return a preset's recipe with those settings of it or its training that are not None.

    size: with it, epochs, batch, rate and noise of the presets that are `SCHEDULED` are those that
    fit such a table. Raises `UsageError` with the names there are.
    """
    if preset not in PRESETS:
        raise UsageError(f"no preset {preset!r}; choose one of: {', '.join(PRESETS)}")
    given = {name: value for name, value in settings.items() if value is not None}
    recipe = PRESETS[preset]
    # raises for a cell or a pooling there is not, before anything is read
    ModelConfig(
        2, 2, cell=given.get("cell", recipe.cell), pooling=given.get("pooling", recipe.pooling)
    )
    if size is not None and preset in SCHEDULED:
        recipe = replace(recipe, training=schedule(recipe.training, size))
    training = {f.name: given.pop(f.name) for f in fields(TrainConfig) if f.name in given}
    passes = given.pop("passes", recipe.pretraining.passes)
    language = given.pop("language", recipe.rules.language)
    return replace(
        recipe,
        training=replace(recipe.training, **training),
        pretraining=replace(recipe.pretraining, passes=passes, seed=training.get("seed", 0)),
        rules=replace(recipe.rules, language=language),
        preset=preset,
        **given,
    )


def schedule(training: TrainConfig, size: TableSize) -> TrainConfig:
    """Return the training with batch, epochs, rate and noise for a table of a size.

    What counts is the number of steps: some hundreds, however few the rows, and more for many
    classes, whose output layer starts from nothing. Chosen over the tables of
    `benchmarks/any_table.py`, see `benchmarks/LOG.md`.
    """
    for most_rows, batch_size, epochs, learning_rate in SCHEDULE:
        if size.rows <= most_rows:
            return replace(
                training,
                batch_size=batch_size,
                epochs=epochs * (2 if size.classes > MANY_CLASSES else 1),
                learning_rate=learning_rate,
                adversarial=0.0,
            )
    return training
