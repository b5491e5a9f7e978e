"""Fitting a classifier to encoded, labelled texts.

Adam with warm-up and linear decay, gradient clipping, averaged weights; the epoch of least
validation loss is kept. Knows encoded texts and targets, nothing of files, splits or test rows.
"""

import copy
import math
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from typing import cast

import numpy as np
import torch
from torch import nn
from torch.optim.lr_scheduler import LambdaLR
from torch.optim.swa_utils import AveragedModel

from scorer.errors import UsageError
from scorer.network.batching import Batch, padded, shuffled
from scorer.network.model import TextClassifier
from scorer.tokens.encoding import Encoded
from scorer.training.checkpoint import Checkpoint, State
from scorer.training.gradients import (
    BatchResult,
    Gradients,
    Regularisation,
    has_fast_bfloat16,
)

Tensors = tuple[torch.Tensor, ...] | list[torch.Tensor]
AVERAGING_START = 9  # steps whose weight fades as the average begins


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
class Examples:
    """Encoded texts with their targets.

    targets: int64 (rows,), class indices; or float32 (rows, classes), soft labels.
    """

    encoded: Encoded
    targets: np.ndarray


@dataclass(frozen=True)
class Step:
    """Progress within an epoch."""

    epoch: int
    texts: int  # of this epoch so far
    total_texts: int  # of an epoch
    texts_per_second: float
    seconds_left: float  # of all epochs
    loss: float
    accuracy: float
    epochs: int  # in all
    batch: int
    batches: int  # of an epoch


@dataclass(frozen=True)
class Epoch:
    """The figures of a finished epoch."""

    epoch: int
    loss: float
    train_accuracy: float
    valid_accuracy: float
    valid_loss: float  # nats
    seconds: float = field(compare=False)


@dataclass(frozen=True)
class Validation:
    """Figures of a model over the validation rows: a share between 0 and 1, and nats."""

    accuracy: float
    log_loss: float


Validate = Callable[[TextClassifier], Validation]


@dataclass(frozen=True)
class Fitted:
    """The best epoch's model, and all epochs."""

    model: TextClassifier
    best: Epoch
    epochs: tuple[Epoch, ...]


def fit(
    model: TextClassifier,
    examples: Examples,
    validate: Validate,
    config: TrainConfig,
    on_step: Callable[[Step], None] = lambda step: None,
    on_epoch: Callable[[Epoch], None] = lambda epoch: None,
    checkpoint: Checkpoint | None = None,
    state: State | None = None,
) -> Fitted:
    """Train `model` in place on its device and return the epoch of least validation loss.

    It ends before its last epoch where `config.patience` epochs in a row have not been better.
    With a checkpoint the state is saved at the start and after each epoch. `state` is one that was
    saved: the result is that of a training never interrupted.
    """
    trainer = _Trainer(model, examples, config, on_step)
    epochs, best = trainer.resume(state) if state else ((), model)
    if checkpoint and not state:  # what pretraining took so long to find is kept at once
        checkpoint.save(trainer.state(epochs, best))
    while len(epochs) < config.epochs and not _stalled(epochs, config):
        epoch, candidate = trainer.run_epoch(len(epochs) + 1, validate)
        epochs += (epoch,)
        on_epoch(epoch)
        if epoch == _best(epochs):
            best = candidate
        if checkpoint:
            checkpoint.save(trainer.state(epochs, best))
    return Fitted(best, _best(epochs), epochs)


def refit(
    model: TextClassifier,
    examples: Examples,
    chosen: Fitted,
    config: TrainConfig,
    on_step: Callable[[Step], None] = lambda step: None,
) -> Fitted:
    """Train a fresh model on more examples, to the epoch that validation has chosen.

    The epochs and their figures stay those of the training that was validated.
    """
    trainer = _Trainer(model, examples, config, on_step)
    for number in range(1, chosen.best.epoch + 1):
        trainer.train_epoch(number)
    return Fitted(trainer.candidate(), chosen.best, chosen.epochs)


def _stalled(epochs: tuple[Epoch, ...], config: TrainConfig) -> bool:
    """Return whether the latest epochs have not been better than one before them."""
    return bool(epochs) and len(epochs) - _best(epochs).epoch >= config.patience


def _best(epochs: tuple[Epoch, ...]) -> Epoch:
    """Return the epoch of least validation loss, the later one of equals."""
    return min(epochs, key=lambda epoch: (epoch.valid_loss, -epoch.epoch))


class _Trainer:
    """Model, optimiser and schedule on their way through the epochs."""

    def __init__(
        self,
        model: TextClassifier,
        examples: Examples,
        config: TrainConfig,
        on_step: Callable[[Step], None],
    ) -> None:
        torch.manual_seed(config.seed)
        self._rng = np.random.default_rng(config.seed)
        self._model, self._examples, self._config = model, examples, config
        self._on_step = on_step
        self._device = model.output.weight.device
        self._optimiser = torch.optim.Adam(model.parameters(), lr=config.learning_rate, fused=True)
        self._batches = -(-int((examples.encoded.lengths > 0).sum()) // config.batch_size)
        self._schedule = self._schedule_from(step=0)
        self._averaged = _averaged(model, config, self._batches)
        self._gradients = Gradients(model, config, has_fast_bfloat16(self._device))

    def run_epoch(self, number: int, validate: Validate) -> tuple[Epoch, TextClassifier]:
        """Train for an epoch; return its figures, and the model that they are of."""
        started = time.monotonic()
        loss, accuracy = self.train_epoch(number)
        candidate = self.candidate()
        seconds = time.monotonic() - started
        valid = validate(candidate)
        epoch = Epoch(number, loss, accuracy, valid.accuracy, valid.log_loss, seconds)
        return epoch, candidate

    def train_epoch(self, number: int) -> tuple[float, float]:
        """Return mean loss and accuracy of an epoch's batches as they were trained on."""
        self._model.train()
        lengths = self._examples.encoded.lengths
        batches = shuffled(lengths, self._config.batch_size, self._rng)
        meter = _Meter(number, self._config.epochs, len(lengths), len(batches))
        for rows in batches:
            batch = padded(self._examples.encoded, rows, self._config.max_tokens).to(self._device)
            targets = torch.from_numpy(self._examples.targets[rows]).to(self._device)
            meter.add(self._train_on(batch, targets), len(rows))
            self._on_step(meter.step())
        return meter.loss, meter.accuracy

    def _train_on(self, batch: Batch, targets: torch.Tensor) -> BatchResult:
        """Take one step."""
        result = self._gradients.set(batch, targets)
        if self._config.gradient_norm:
            nn.utils.clip_grad_norm_(self._model.parameters(), self._config.gradient_norm)
        self._optimiser.step()
        self._schedule.step()
        if self._averaged is not None:
            self._averaged.update_parameters(self._model)
        return result

    def state(self, epochs: tuple[Epoch, ...], best: TextClassifier) -> State:
        """Return all that later epochs depend on, and the figures of the finished ones."""
        tensors = {f"best.{name}": tensor for name, tensor in best.state_dict().items()}
        tensors |= {f"model.{name}": tensor for name, tensor in self._model.state_dict().items()}
        if self._averaged is not None:
            averaged = self._averaged.state_dict()
            tensors |= {f"averaged.{name}": tensor for name, tensor in averaged.items()}
        for place, moments in self._optimiser.state_dict()["state"].items():
            tensors |= {f"adam.{place}.{name}": tensor for name, tensor in moments.items()}
        tensors["random"] = torch.get_rng_state()
        if self._device.type == "cuda":  # dropout is drawn there
            tensors["random on cuda"] = torch.cuda.get_rng_state(self._device)
        order = self._rng.bit_generator.state
        return State(tensors, {"epochs": [asdict(epoch) for epoch in epochs], "order": order})

    def resume(self, state: State) -> tuple[tuple[Epoch, ...], TextClassifier]:
        """Restore a state; return the finished epochs and the best model so far."""
        best = copy.deepcopy(self._model).eval()
        best.load_state_dict(_under("best", state.tensors))
        self._model.load_state_dict(_under("model", state.tensors))
        if self._averaged is not None:
            self._averaged.load_state_dict(_under("averaged", state.tensors))
        epochs = tuple(Epoch(**facts) for facts in state.facts["epochs"])
        self._resume_optimiser(_under("adam", state.tensors), len(epochs))
        torch.set_rng_state(state.tensors["random"])
        if self._device.type == "cuda" and "random on cuda" in state.tensors:
            torch.cuda.set_rng_state(state.tensors["random on cuda"], self._device)
        self._rng.bit_generator.state = state.facts["order"]
        return epochs, best

    def _resume_optimiser(self, moments: dict[str, torch.Tensor], epochs: int) -> None:
        places = {name.split(".")[0] for name in moments}
        whole = self._optimiser.state_dict()
        whole["state"] = {int(place): _under(place, moments) for place in places}
        self._optimiser.load_state_dict(whole)
        self._schedule = self._schedule_from(epochs * self._batches)

    def _schedule_from(self, step: int) -> LambdaLR:
        rate = _rate(self._config, self._config.epochs * self._batches)
        return LambdaLR(self._optimiser, rate, last_epoch=step - 1)

    def candidate(self) -> TextClassifier:
        """Return a copy of the averaged model, or of the model itself without averaging."""
        model = (
            self._model if self._averaged is None else cast(TextClassifier, self._averaged.module)
        )
        return copy.deepcopy(model).eval()


class _Meter:
    """Loss, accuracy and pace of an epoch so far."""

    def __init__(self, epoch: int, epochs: int, rows: int, batches: int) -> None:
        self._epoch, self._epochs, self._rows = epoch, epochs, rows
        self._batch, self._batches = 0, batches
        self._started = time.monotonic()
        self._texts = self._right = 0
        self._loss = 0.0

    def add(self, result: BatchResult, texts: int) -> None:
        self._loss += result.loss * texts
        self._right += result.right
        self._texts += texts
        self._batch += 1

    @property
    def loss(self) -> float:
        return self._loss / self._texts

    @property
    def accuracy(self) -> float:
        return self._right / self._texts

    def step(self) -> Step:
        pace = self._texts / max(time.monotonic() - self._started, 1e-9)
        left = self._rows * (self._epochs - self._epoch + 1) - self._texts
        return Step(
            self._epoch,
            self._texts,
            self._rows,
            pace,
            left / pace,
            self.loss,
            self.accuracy,
            self._epochs,
            self._batch,
            self._batches,
        )


def _under(prefix: str, tensors: Mapping[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """Return the tensors named `<prefix>.<name>`, by name."""
    start = f"{prefix}."
    return {name[len(start) :]: t for name, t in tensors.items() if name.startswith(start)}


def _rate(config: TrainConfig, steps: int) -> Callable[[int], float]:
    """Return the factor on the learning rate at each step."""
    rising = max(1, round(config.warm_up * steps))

    def factor(step: int) -> float:
        if step < rising and config.warm_up:
            return (step + 1) / rising
        return max(0.0, (steps - step) / max(1, steps - rising)) if config.decay else 1.0

    return factor


def _averaged(model: TextClassifier, config: TrainConfig, batches: int) -> AveragedModel | None:
    """Return an exponential moving average that reaches back a share of the whole run.

    While there are fewer steps than that behind, it is nearly the mean of all but the first ones,
    so the initial weights do not linger (as with the warm-up of TensorFlow's moving average).
    """
    if not config.averaging:
        return None
    slowest = 1 / max(1.0, config.averaging * config.epochs * batches)

    def average(averaged: Tensors, current: Tensors, steps: torch.Tensor | int) -> None:
        weight = max(slowest, AVERAGING_START / (int(steps) + AVERAGING_START))
        torch._foreach_lerp_(averaged, current, weight)

    return AveragedModel(model, multi_avg_fn=average)
