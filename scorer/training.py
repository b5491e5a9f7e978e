"""Fitting a classifier to encoded, labelled texts.

Adam with warm-up and linear decay, gradient clipping, averaged weights, the best epoch kept by
validation accuracy. Adversarial embedding noise after Miyato et al. 2017 (arXiv 1605.07725).
Knows encoded texts and targets, nothing of files, splits or test rows.
"""

import copy
import time
from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
import torch
from torch import nn
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

from scorer.batching import Batch, padded, shuffled
from scorer.encoding import Encoded
from scorer.errors import UsageError
from scorer.model import TextClassifier


@dataclass(frozen=True)
class TrainConfig:
    """How to train; recorded in the bundle."""

    epochs: int = 4
    batch_size: int = 64
    learning_rate: float = 0.002
    warm_up: float = 0.1  # share of all steps
    decay: bool = True  # linearly to nought over the rest
    gradient_norm: float = 1.0
    averaging: float = 0.998  # decay of the averaged weights; 0: none
    adversarial: float = 0.0  # length of the noise as a share of the text's embedding's
    max_tokens: int | None = 400  # of a text in training only
    seed: int = 0

    def __post_init__(self) -> None:
        for name in ("epochs", "batch_size", "learning_rate"):
            if getattr(self, name) <= 0:
                option = name.replace("_", "-")
                raise UsageError(f"--{option} {getattr(self, name)}: give a number above 0")


@dataclass(frozen=True)
class Examples:
    """Encoded texts, none of them empty, with the class index of each: int64 (rows,)."""

    encoded: Encoded
    targets: np.ndarray


@dataclass(frozen=True)
class Step:
    """Where an epoch stands; what progress lines are made of."""

    epoch: int
    texts: int  # of this epoch so far
    texts_per_second: float
    seconds_left: float  # of all epochs
    loss: float
    accuracy: float


@dataclass(frozen=True)
class Epoch:
    """What an epoch ended with."""

    epoch: int
    loss: float
    train_accuracy: float
    valid_accuracy: float
    seconds: float = field(compare=False)


@dataclass(frozen=True)
class Fitted:
    """The best epoch's model, and all epochs."""

    model: TextClassifier
    best: Epoch
    epochs: tuple[Epoch, ...]


def fit(
    model: TextClassifier,
    examples: Examples,
    valid_accuracy: Callable[[TextClassifier], float],
    config: TrainConfig,
    on_step: Callable[[Step], None] = lambda step: None,
    on_epoch: Callable[[Epoch], None] = lambda epoch: None,
) -> Fitted:
    """Train `model` in place on its device and return the epoch that validates best."""
    trainer = _Trainer(model, examples, config, on_step)
    epochs: list[Epoch] = []
    best = model
    for number in range(1, config.epochs + 1):
        started = time.monotonic()
        loss, accuracy = trainer.run_epoch(number)
        candidate = trainer.candidate()
        seconds = time.monotonic() - started
        epochs.append(Epoch(number, loss, accuracy, valid_accuracy(candidate), seconds))
        on_epoch(epochs[-1])
        if epochs[-1].valid_accuracy >= max(epoch.valid_accuracy for epoch in epochs):
            best = candidate
    top = max(epochs, key=lambda epoch: (epoch.valid_accuracy, epoch.epoch))
    return Fitted(best, top, tuple(epochs))


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
        self._optimiser = torch.optim.Adam(model.parameters(), lr=config.learning_rate)
        steps = config.epochs * -(-len(examples.targets) // config.batch_size)
        self._schedule = torch.optim.lr_scheduler.LambdaLR(self._optimiser, _rate(config, steps))
        self._averaged = _averaged(model, config)
        self._low_precision = has_fast_bfloat16(self._device)

    def run_epoch(self, number: int) -> tuple[float, float]:
        """Return mean loss and accuracy of an epoch's batches as they were trained on."""
        self._model.train()
        lengths = self._examples.encoded.lengths
        batches = shuffled(lengths, self._config.batch_size, self._rng)
        meter = _Meter(number, self._config.epochs, len(lengths))
        for rows in batches:
            batch = padded(self._examples.encoded, rows, self._config.max_tokens).to(self._device)
            targets = torch.from_numpy(self._examples.targets[rows]).to(self._device)
            meter.add(*self._train_on(batch, targets), len(rows))
            self._on_step(meter.step())
        return meter.loss, meter.accuracy

    def _train_on(self, batch: Batch, targets: torch.Tensor) -> tuple[float, int]:
        """Take one step; return the batch's loss and how many it got right."""
        self._optimiser.zero_grad(set_to_none=True)
        logits, loss = self._backward(batch, targets)
        nn.utils.clip_grad_norm_(self._model.parameters(), self._config.gradient_norm)
        self._optimiser.step()
        self._schedule.step()
        if self._averaged is not None:
            self._averaged.update_parameters(self._model)
        return loss, int((logits.argmax(dim=1) == targets).sum())

    def _backward(self, batch: Batch, targets: torch.Tensor) -> tuple[torch.Tensor, float]:
        embedded = self._model.embedding(batch.ids)
        logits, loss = self._loss(embedded, batch, targets)
        if not self._config.adversarial:
            loss.backward()
            return logits, loss.item()
        (gradient,) = torch.autograd.grad(loss, embedded, retain_graph=True)
        noise = _adversarial_noise(embedded, gradient, self._config.adversarial)
        _, noisy_loss = self._loss(embedded + noise, batch, targets)
        (loss + noisy_loss).backward()
        return logits, loss.item()

    def _loss(
        self, embedded: torch.Tensor, batch: Batch, targets: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor]:
        with torch.autocast(self._device.type, torch.bfloat16, enabled=self._low_precision):
            logits = self._model.classify(embedded, batch.lengths)
        return logits, nn.functional.cross_entropy(logits, targets)

    def candidate(self) -> TextClassifier:
        """Return a copy of the averaged model, or of the model itself without averaging."""
        model = self._model if self._averaged is None else self._averaged.module
        return copy.deepcopy(model).eval()


class _Meter:
    """Loss, accuracy and pace of an epoch so far."""

    def __init__(self, epoch: int, epochs: int, rows: int) -> None:
        self._epoch, self._epochs, self._rows = epoch, epochs, rows
        self._started = time.monotonic()
        self._texts = self._right = 0
        self._loss = 0.0

    def add(self, loss: float, right: int, texts: int) -> None:
        self._loss += loss * texts
        self._right += right
        self._texts += texts

    @property
    def loss(self) -> float:
        return self._loss / self._texts

    @property
    def accuracy(self) -> float:
        return self._right / self._texts

    def step(self) -> Step:
        pace = self._texts / max(time.monotonic() - self._started, 1e-9)
        left = self._rows * (self._epochs - self._epoch + 1) - self._texts
        return Step(self._epoch, self._texts, pace, left / pace, self.loss, self.accuracy)


def _rate(config: TrainConfig, steps: int) -> Callable[[int], float]:
    """Return the factor on the learning rate at each step."""
    rising = max(1, round(config.warm_up * steps))

    def factor(step: int) -> float:
        if step < rising and config.warm_up:
            return (step + 1) / rising
        return max(0.0, (steps - step) / max(1, steps - rising)) if config.decay else 1.0

    return factor


def _averaged(model: TextClassifier, config: TrainConfig) -> AveragedModel | None:
    if not config.averaging:
        return None
    return AveragedModel(model, multi_avg_fn=get_ema_multi_avg_fn(config.averaging))


def _adversarial_noise(
    embedded: torch.Tensor, gradient: torch.Tensor, share: float
) -> torch.Tensor:
    """Return noise (batch, time, embedding) up the gradient, `share` of each text's norm long."""
    norm = embedded.detach().flatten(1).norm(dim=1)[:, None, None]
    steepness = gradient.flatten(1).norm(dim=1)[:, None, None]
    return gradient * (share * norm / steepness.clamp_min(1e-20))


def has_fast_bfloat16(device: torch.device) -> bool:
    """Return whether the device multiplies bfloat16 faster than float32."""
    if device.type == "cuda":
        return torch.cuda.is_bf16_supported()
    return torch.ops.mkldnn._is_mkldnn_bf16_supported()
