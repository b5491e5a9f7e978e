"""Named settings of the network and its training.

accurate        what this project recommends
lecture-packed  STAT453 L15.7 as it was: last state, no dropout, tags left in, no averaging
"""

from dataclasses import dataclass

from scorer.errors import UsageError
from scorer.training import TrainConfig


@dataclass(frozen=True)
class Preset:
    """Settings of text, network and training that belong together."""

    training: TrainConfig
    pooling: str = "concat"
    dropout: float = 0.5
    strip_markup: bool = True


LECTURE = TrainConfig(
    epochs=15,
    batch_size=128,
    learning_rate=0.005,
    warm_up=0.0,
    decay=False,
    gradient_norm=float("inf"),
    averaging=0.0,
    max_tokens=None,
)
PRESETS = {
    "accurate": Preset(TrainConfig()),
    "lecture-packed": Preset(LECTURE, pooling="last", dropout=0.0, strip_markup=False),
}


def preset_named(name: str) -> Preset:
    """Return a preset; `UsageError` with the names there are."""
    if name not in PRESETS:
        raise UsageError(f"no preset {name!r}; choose one of: {', '.join(PRESETS)}")
    return PRESETS[name]
