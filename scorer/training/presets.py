"""Named settings of the network and its training.

accurate        what this project recommends
fast            a network of a third of the cost, to be taught by an accurate one (--teacher)
quick           a first look in two minutes: no pretraining, the beginnings of texts, two epochs
lecture-packed  STAT453 L15.7 as it was: last state, no dropout, tags left in, no averaging
lecture-lstm    the same before packing: in training the last state is taken after the padding
lecture-rnn     the same as lecture-packed with the plain recurrent network
"""

from dataclasses import fields, replace
from typing import Any

from scorer.errors import UsageError
from scorer.network.model import ModelConfig
from scorer.tokens.text import TextRules
from scorer.training.fitting import TrainConfig
from scorer.training.pretraining import PretrainConfig
from scorer.training.recipe import Recipe

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
    TextRules(strip_markup=False),
    pooling="last",
    dropout=0.0,
)
ACCURATE = Recipe(TrainConfig(epochs=3, adversarial=0.02))
QUICK = Recipe(TrainConfig(epochs=2, learning_rate=0.004, max_tokens=128), PretrainConfig(passes=0))
PRESETS = {
    "accurate": ACCURATE,
    "quick": QUICK,
    "fast": replace(ACCURATE, hidden_dim=128),
    "lecture-packed": LECTURE,
    "lecture-lstm": replace(LECTURE, training=replace(LECTURE_TRAINING, through_padding=True)),
    "lecture-rnn": replace(LECTURE, cell="rnn"),
}


def recipe(preset: str, **settings: Any) -> Recipe:
    """Return a preset's recipe with those settings of it or its training that are not None.

    Raises `UsageError` with the names there are.
    """
    if preset not in PRESETS:
        raise UsageError(f"no preset {preset!r}; choose one of: {', '.join(PRESETS)}")
    given = {name: value for name, value in settings.items() if value is not None}
    how = PRESETS[preset]
    ModelConfig(2, 2, cell=given.get("cell", how.cell), pooling=given.get("pooling", how.pooling))
    training = {f.name: given.pop(f.name) for f in fields(TrainConfig) if f.name in given}
    passes = given.pop("passes", how.pretraining.passes)
    return replace(
        how,
        training=replace(how.training, **training),
        pretraining=replace(how.pretraining, passes=passes, seed=training.get("seed", 0)),
        **given,
    )
