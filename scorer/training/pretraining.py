"""Pretraining on texts without labels: the classifier's embedding and recurrent layer as a language
model that predicts each next token (Dai & Le 2015, arXiv 1511.01432).

The texts stand in one long row, a <pad> after each, cut into parallel streams whose state goes on
from step to step. Knows encoded texts, nothing of labels, files or what the weights are used for.
"""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import nn

from scorer.network.model import TextClassifier
from scorer.tokens.encoding import Encoded
from scorer.tokens.vocabulary import PAD_ID
from scorer.training.gradients import Threads, has_fast_bfloat16, set_gradients

BLOCK_TOKENS = 512  # whose logits are computed at a time
State = tuple[torch.Tensor, ...] | torch.Tensor | None


@dataclass(frozen=True)
class PretrainConfig:
    """How to pretrain; recorded in the pretrained encoder."""

    passes: int = 2  # over the texts; 0: no pretraining
    streams: int = 64
    steps: int = 64  # tokens of each stream in a batch; gradients end there
    learning_rate: float = 0.003
    warm_up: float = 0.03  # share of all batches; the rate falls linearly to zero afterwards
    gradient_norm: float = 1.0
    frequent: int = 512  # lowest token ids, so the most frequent: always among the candidates
    sampled: int = 512  # of the other tokens, sampled anew for each batch
    seed: int = 0


@dataclass(frozen=True)
class PretrainStep:
    """Where a pretraining stands."""

    tokens: int
    total_tokens: int
    loss: float  # nats a token, by the sampled softmax; over the latest batches
    tokens_per_second: float
    seconds_left: float


def pretrain(
    model: TextClassifier,
    encoded: Encoded,
    config: PretrainConfig,
    on_step: Callable[[PretrainStep], None] = lambda step: None,
    from_random: bool = True,
) -> None:
    """Train the embedding and the recurrent layer of `model` in place, on its device.

    from_random: the model's embedding is random, and is drawn anew; else it is trained further.
    encoded: of one batch at least, see `batches_of`.
    """
    torch.manual_seed(config.seed)
    language_model = _LanguageModel(model, config, from_random).to(model.output.weight.device)
    language_model.train()  # cuDNN has gradients of a recurrent layer only then
    trainer = _Trainer(language_model, config, batches_of(encoded, config))
    meter = _Meter(config.passes * batches_of(encoded, config), config)
    rng = np.random.default_rng(config.seed)
    for _ in range(config.passes):
        trainer.begin_pass()
        for inputs, targets in stream_batches(encoded, config, rng):
            on_step(meter.step(trainer.train_on(inputs, targets)))


def batches_of(encoded: Encoded, config: PretrainConfig) -> int:
    """Return how many batches a pass over the texts has; 0 where there are too few tokens."""
    length = (len(encoded.ids) + len(encoded)) // config.streams  # with a <pad> after each text
    return max(0, length - 1) // config.steps


def stream_batches(
    encoded: Encoded, config: PretrainConfig, rng: np.random.Generator
) -> Iterator[tuple[torch.Tensor, torch.Tensor]]:
    """Yield inputs and targets, int64 (streams, steps), the texts in a new order."""
    row = _one_row(encoded, rng.permutation(len(encoded)))
    length = len(row) // config.streams
    streams = torch.from_numpy(row[: length * config.streams].reshape(config.streams, length))
    for batch in range(batches_of(encoded, config)):
        start = batch * config.steps
        part = streams[:, start : start + config.steps + 1].long()
        yield part[:, :-1], part[:, 1:]


def _one_row(encoded: Encoded, order: np.ndarray) -> np.ndarray:
    """Return int32 (tokens + texts,): all ids, the texts in `order`, a <pad> after each."""
    lengths = encoded.lengths[order]
    ends = np.cumsum(lengths + 1)
    row = np.full(ends[-1], PAD_ID, dtype=np.int32)
    shift = np.repeat(encoded.offsets[order] - (ends - lengths - 1), lengths)
    places = np.delete(np.arange(len(row)), ends - 1)
    row[places] = encoded.ids[places + shift]
    return row


class _LanguageModel(nn.Module):
    """The classifier's own layers, with an output tied to the embedding, and a sampled softmax.

    Its normaliser is summed over the frequent tokens, and estimated from a sample of the others.
    """

    def __init__(
        self, model: TextClassifier, config: PretrainConfig, from_random: bool = True
    ) -> None:
        super().__init__()
        self.embedding, self.recurrent = model.embedding, model.recurrent
        self.projection = nn.Linear(model.config.hidden_dim, model.config.embedding_dim)
        if from_random:
            nn.init.normal_(self.embedding.weight, std=0.1)  # tied: logits start small
        else:  # pretrained vectors are longer, and stay
            nn.init.normal_(self.projection.weight, std=0.01)
        self.bias = nn.Parameter(torch.zeros(model.config.vocabulary_size))
        self._frequent = min(config.frequent, model.config.vocabulary_size)
        self._others = model.config.vocabulary_size - self._frequent
        self._sampled = min(config.sampled, self._others)

    def loss(
        self, inputs: torch.Tensor, targets: torch.Tensor, state: State, candidates: torch.Tensor
    ) -> tuple[torch.Tensor, State]:
        """Return the mean loss in nats of a batch (streams, steps), and the state at its end.

        candidates: int64, the frequent tokens and a sample of the others.
        """
        states, state = self.recurrent(self.embedding(inputs), state)
        outputs = self.projection(states).flatten(0, 1)  # (tokens, embedding)
        targets = targets.flatten()
        bias = self.bias[candidates]
        if self._sampled:  # each sampled token stands for many
            shift = float(np.log(self._others / self._sampled))
            bias = torch.cat([bias[: self._frequent], bias[self._frequent :] + shift])
        weight = self.embedding.weight[candidates]
        sums = _LogSumExp.apply(outputs, weight, bias)  # type: ignore[no-untyped-call]
        right = (outputs * self.embedding.weight[targets]).sum(dim=1).float() + self.bias[targets]
        sums = torch.where(targets < self._frequent, sums, torch.logaddexp(sums, right))
        return (sums - right).mean(), state

    def draw_candidates(self) -> torch.Tensor:
        """Return the frequent tokens and a sample of the others."""
        sampled = self._frequent + torch.randperm(self._others)[: self._sampled]
        return torch.cat([torch.arange(self._frequent), sampled]).to(self.bias.device)


class _LogSumExp(torch.autograd.Function):
    """log Σ exp(outputs · weightᵀ + bias) over the candidates, (tokens,); in blocks of tokens.

    Autograd would keep all logits; here each block's stay in the processor's cache.
    """

    @staticmethod
    def forward(
        context: Any, outputs: torch.Tensor, weight: torch.Tensor, bias: torch.Tensor
    ) -> torch.Tensor:
        weight, bias = weight.to(outputs.dtype), bias.to(outputs.dtype)
        shares = outputs.new_empty(len(outputs), len(weight))  # (tokens, candidates)
        totals = outputs.new_empty(len(outputs), dtype=torch.float32)
        for start in range(0, len(outputs), BLOCK_TOKENS):
            block = slice(start, start + BLOCK_TOKENS)
            logits = torch.addmm(bias, outputs[block], weight.T).float()
            highest = logits.amax(dim=1, keepdim=True)
            sums = logits.sub_(highest).exp_().sum(dim=1, keepdim=True)
            shares[block] = logits.div_(sums)
            totals[block] = (highest + sums.log()).squeeze(1)
        context.save_for_backward(outputs, weight, shares)
        return totals

    @staticmethod
    def backward(context: Any, *gradients: torch.Tensor) -> tuple[torch.Tensor, ...]:
        outputs, weight, shares = context.saved_tensors
        slopes = shares.mul_(gradients[0][:, None])  # (tokens, candidates)
        return slopes @ weight, (slopes.T @ outputs).float(), slopes.sum(dim=0).float()


class _Trainer:
    """Language model, optimiser and schedule; each thread has streams of its own."""

    def __init__(self, model: _LanguageModel, config: PretrainConfig, batches: int) -> None:
        self._model, self._norm = model, config.gradient_norm
        self._parameters = list(model.parameters())
        self._device = model.bias.device
        self._optimiser = torch.optim.Adam(self._parameters, lr=config.learning_rate, fused=True)
        self._schedule = torch.optim.lr_scheduler.OneCycleLR(
            self._optimiser,
            config.learning_rate,
            total_steps=config.passes * batches + 1,
            pct_start=config.warm_up,
            anneal_strategy="linear",
            cycle_momentum=False,
        )
        self._low_precision = has_fast_bfloat16(self._device)
        self._threads = Threads(self._device)
        self._parts = min(self._threads.count, config.streams)
        self.begin_pass()

    def begin_pass(self) -> None:
        """Forget the state that the streams ended with."""
        self._states: list[State] = [None] * self._parts

    def train_on(self, inputs: torch.Tensor, targets: torch.Tensor) -> float:
        """Take one step on a batch (streams, steps); return its loss."""
        shards = self._shards(inputs.to(self._device), targets.to(self._device))
        parts = self._threads.map(self._gradients, shards)
        set_gradients(self._parameters, [part.gradients for part in parts])
        self._states = [part.state for part in parts]
        nn.utils.clip_grad_norm_(self._parameters, self._norm)
        self._optimiser.step()
        self._schedule.step()
        return sum(part.loss for part in parts)

    def _shards(self, inputs: torch.Tensor, targets: torch.Tensor) -> list["_Shard"]:
        candidates = self._model.draw_candidates()
        parts = zip(
            inputs.tensor_split(self._parts),
            targets.tensor_split(self._parts),
            self._states,
            strict=True,
        )
        return [_Shard(*part, candidates, len(part[0]) / len(inputs)) for part in parts]

    def _gradients(self, shard: "_Shard") -> "_Part":
        with torch.autocast(self._device.type, torch.bfloat16, enabled=self._low_precision):
            loss, state = self._model.loss(
                shard.inputs, shard.targets, shard.state, shard.candidates
            )
        loss = loss * shard.share
        gradients = torch.autograd.grad(loss, self._parameters)
        return _Part(gradients, loss.item(), _detached(state))


@dataclass(frozen=True)
class _Shard:
    """A thread's streams of a batch."""

    inputs: torch.Tensor  # int64 (streams, steps)
    targets: torch.Tensor  # int64 (streams, steps)
    state: State
    candidates: torch.Tensor
    share: float  # of the batch's streams


@dataclass(frozen=True)
class _Part:
    """The gradients and loss of a thread's streams, and the state they end with."""

    gradients: tuple[torch.Tensor, ...]
    loss: float
    state: State


def _detached(state: State) -> State:
    if isinstance(state, tuple):
        return tuple(part.detach() for part in state)
    return None if state is None else state.detach()


class _Meter:
    """Loss and pace so far."""

    def __init__(self, batches: int, config: PretrainConfig) -> None:
        self._batch_tokens = config.streams * config.steps
        self._total = batches * self._batch_tokens
        self._started = time.monotonic()
        self._tokens = 0
        self._loss: float | None = None

    def step(self, loss: float) -> PretrainStep:
        self._tokens += self._batch_tokens
        self._loss = loss if self._loss is None else 0.99 * self._loss + 0.01 * loss
        pace = self._tokens / max(time.monotonic() - self._started, 1e-9)
        left = (self._total - self._tokens) / pace
        return PretrainStep(self._tokens, self._total, self._loss, pace, left)
