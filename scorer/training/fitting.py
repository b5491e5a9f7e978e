"""Fitting a classifier to encoded, labelled texts, epoch by epoch.

The epoch of least validation loss is kept. The gradients of a batch are `gradients`', the steps
`optimisation`'s. Knows encoded texts and targets, nothing of files, splits or test rows.
"""

import copy
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, field

import numpy as np
import torch

from scorer.network.batching import padded, shuffled
from scorer.network.model import TextClassifier
from scorer.tokens.encoding import Encoded
from scorer.training.checkpoint import Checkpoint, State, strip_prefix
from scorer.training.gradients import BatchResult, Gradients, LabelledBatch, has_fast_bfloat16
from scorer.training.optimisation import Optimiser
from scorer.training.recipe import TrainConfig


@dataclass(frozen=True)
class Examples:
    """Encoded texts with their targets.

    targets: int64 (rows,), class indices; or float32 (rows, classes), soft labels.
    base_logits: float32 (rows, classes), the linear term's, to which the network's are added; None
    where the recipe has no such term.
    """

    encoded: Encoded
    targets: np.ndarray
    base_logits: np.ndarray | None = None

    def batch(self, rows: np.ndarray, max_tokens: int | None) -> LabelledBatch:
        """Return the texts of `rows`, longest first, each cut at `max_tokens`."""
        base = None if self.base_logits is None else torch.from_numpy(self.base_logits[rows])
        targets = torch.from_numpy(self.targets[rows])
        return LabelledBatch(padded(self.encoded, rows, max_tokens), targets, base)


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
    """Model and optimiser on their way through the epochs."""

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
        batches = -(-int((examples.encoded.lengths > 0).sum()) // config.batch_size)
        self._optimiser = Optimiser(model, config, batches)
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
            batch = self._examples.batch(rows, self._config.max_tokens).to(self._device)
            meter.add(self._gradients.set(batch), len(rows))
            self._optimiser.step()
            self._on_step(meter.step())
        return meter.loss, meter.accuracy

    def candidate(self) -> TextClassifier:
        """Return a copy of the model as the steps so far leave it."""
        return self._optimiser.candidate()

    def state(self, epochs: tuple[Epoch, ...], best: TextClassifier) -> State:
        """Return all that later epochs depend on, and the figures of the finished ones."""
        tensors = {f"best.{name}": tensor for name, tensor in best.state_dict().items()}
        tensors |= {f"model.{name}": tensor for name, tensor in self._model.state_dict().items()}
        tensors |= self._optimiser.tensors()
        tensors["random"] = torch.get_rng_state()
        if self._device.type == "cuda":  # dropout is drawn there
            tensors["random on cuda"] = torch.cuda.get_rng_state(self._device)
        order = self._rng.bit_generator.state
        return State(tensors, {"epochs": [asdict(epoch) for epoch in epochs], "order": order})

    def resume(self, state: State) -> tuple[tuple[Epoch, ...], TextClassifier]:
        """Restore a state; return the finished epochs and the best model so far."""
        best = copy.deepcopy(self._model).eval()
        best.load_state_dict(strip_prefix("best", state.tensors))
        self._model.load_state_dict(strip_prefix("model", state.tensors))
        epochs = tuple(Epoch(**facts) for facts in state.facts["epochs"])
        self._optimiser.resume(state.tensors, len(epochs))
        torch.set_rng_state(state.tensors["random"])
        if self._device.type == "cuda" and "random on cuda" in state.tensors:
            torch.cuda.set_rng_state(state.tensors["random on cuda"], self._device)
        self._rng.bit_generator.state = state.facts["order"]
        return epochs, best


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
