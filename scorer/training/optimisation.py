"""The optimiser of a training: Adam with warm-up and linear decay, clipping, averaged weights.

Knows a model's parameters and their gradients, nothing of batches, epochs' figures or validation.
"""

import copy
from collections.abc import Callable, Mapping
from typing import cast

import torch
from torch import nn
from torch.optim.lr_scheduler import LambdaLR
from torch.optim.swa_utils import AveragedModel

from scorer.network.model import TextClassifier
from scorer.training.checkpoint import strip_prefix
from scorer.training.recipe import TrainConfig

Tensors = tuple[torch.Tensor, ...] | list[torch.Tensor]
AVERAGING_START = 9  # at first the average is of about the latest ninth of the steps so far


class Optimiser:
    """Steps of a model whose gradients are set; `batches` of them are an epoch."""

    def __init__(self, model: TextClassifier, config: TrainConfig, batches: int) -> None:
        self._model, self._config, self._batches = model, config, batches
        self._adam = torch.optim.Adam(model.parameters(), lr=config.learning_rate, fused=True)
        self._schedule = self._schedule_from(step=0)
        self._averaged = _averaged(model, config, batches)

    def step(self) -> None:
        """Take a step, and average the weights."""
        if self._config.gradient_norm:
            nn.utils.clip_grad_norm_(self._model.parameters(), self._config.gradient_norm)
        self._adam.step()
        self._schedule.step()
        if self._averaged is not None:
            self._averaged.update_parameters(self._model)

    def candidate(self) -> TextClassifier:
        """Return a copy of the averaged model, or of the model itself without averaging."""
        model = (
            self._model if self._averaged is None else cast(TextClassifier, self._averaged.module)
        )
        return copy.deepcopy(model).eval()

    def tensors(self) -> dict[str, torch.Tensor]:
        """Return all that later steps depend on, beside the model's own weights."""
        tensors: dict[str, torch.Tensor] = {}
        if self._averaged is not None:
            averaged = self._averaged.state_dict()
            tensors |= {f"averaged.{name}": tensor for name, tensor in averaged.items()}
        for place, moments in self._adam.state_dict()["state"].items():
            tensors |= {f"adam.{place}.{name}": tensor for name, tensor in moments.items()}
        return tensors

    def resume(self, tensors: Mapping[str, torch.Tensor], epochs: int) -> None:
        """Go on from what `tensors` returned after so many epochs."""
        if self._averaged is not None:
            self._averaged.load_state_dict(strip_prefix("averaged", tensors))
        moments = strip_prefix("adam", tensors)
        places = {name.split(".")[0] for name in moments}
        whole = self._adam.state_dict()
        whole["state"] = {int(place): strip_prefix(place, moments) for place in places}
        self._adam.load_state_dict(whole)
        self._schedule = self._schedule_from(epochs * self._batches)

    def _schedule_from(self, step: int) -> LambdaLR:
        rate = rate_factor(self._config, self._config.epochs * self._batches)
        return LambdaLR(self._adam, rate, last_epoch=step - 1)


def rate_factor(config: TrainConfig, steps: int) -> Callable[[int], float]:
    """Return the factor on the learning rate at each step."""
    rising = max(1, round(config.warm_up * steps))

    def factor(step: int) -> float:
        if step < rising and config.warm_up:
            return (step + 1) / rising
        return max(0.0, (steps - step) / max(1, steps - rising)) if config.decay else 1.0

    return factor


def _averaged(model: TextClassifier, config: TrainConfig, batches: int) -> AveragedModel | None:
    """Return an exponential moving average of the weights over a share of the whole run.

    It begins with a higher rate, as the warm-up of TensorFlow's moving average does, so that the
    initial weights do not linger.
    """
    if not config.averaging:
        return None
    slowest = 1 / max(1.0, config.averaging * config.epochs * batches)

    def average(averaged: Tensors, current: Tensors, steps: torch.Tensor | int) -> None:
        weight = max(slowest, AVERAGING_START / (int(steps) + AVERAGING_START))
        torch._foreach_lerp_(averaged, current, weight)

    return AveragedModel(model, multi_avg_fn=average)
