"""The gradients of one batch, sharded over threads, one a core.

One step of a recurrent layer is too small to be shared by several cores; a batch is not.
Random numbers are generated before the shards are distributed and gradients are summed in a fixed
order, so the same seed and number of threads give the same weights.
Adversarial embedding noise after Miyato et al. 2017 (arXiv 1605.07725).
Knows a model and batches, nothing of optimisers or epochs.
"""

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import TypeVar

import torch
from torch import nn

from scorer.network.batching import Batch
from scorer.network.model import TextClassifier
from scorer.tokens.vocabulary import UNKNOWN_ID

Shard = TypeVar("Shard")
Result = TypeVar("Result")


@dataclass(frozen=True)
class Regularisation:
    """What keeps a model from memorising its texts; costs nothing at scoring."""

    adversarial: float = 0.0  # length of the noise as a share of the text's embedding's
    word_dropout: float = 0.0  # share of tokens that are hidden as <unk>
    label_smoothing: float = 0.0
    through_padding: bool = False  # as the lecture's regular LSTM: states are read after <pad>s


@dataclass(frozen=True)
class LabelledBatch:
    """A batch of texts with their targets."""

    texts: Batch
    targets: torch.Tensor  # int64 (texts,), or soft labels float32 (texts, classes)
    base_logits: torch.Tensor | None  # float32 (texts, classes): the network's are added to them

    def to(self, device: torch.device) -> "LabelledBatch":
        """Return the batch on a device."""
        base = None if self.base_logits is None else self.base_logits.to(device)
        return LabelledBatch(self.texts.to(device), self.targets.to(device), base)

    def strided(self, first: int, step: int) -> "LabelledBatch":
        """Return the texts `[first::step]`, padded no longer than needed."""
        lengths = self.texts.lengths[first::step]
        ids = self.texts.ids[first::step, : int(lengths.max())]
        base = None if self.base_logits is None else self.base_logits[first::step]
        texts = Batch(self.texts.rows[first::step], ids, lengths)
        return LabelledBatch(texts, self.targets[first::step], base)


@dataclass(frozen=True)
class BatchResult:
    """Loss and hits of a batch, before the optimiser's step."""

    loss: float  # mean over its texts
    right: int  # texts whose class was the most likely one


@dataclass(frozen=True)
class _Shard:
    """A thread's part of a batch."""

    batch: LabelledBatch
    mask: torch.Tensor  # float32 (texts, pooled_dim), of the dropout
    share: float  # of the batch's texts


class Gradients:
    """Sets the gradients of a model's parameters, batch by batch."""

    def __init__(self, model: TextClassifier, how: Regularisation, low_precision: bool) -> None:
        self._model, self._how, self._low_precision = model, how, low_precision
        self._parameters = list(model.parameters())
        self._device = model.output.weight.device
        self._threads = Threads(self._device)

    def set(self, batch: LabelledBatch) -> BatchResult:
        """Set the gradients of the mean loss of a batch, on the model's device."""
        shards = list(self._shards(replace(batch, texts=self._with_hidden_words(batch.texts))))
        gradients, results = zip(*self._threads.map(self._shard_gradients, shards), strict=True)
        set_gradients(self._parameters, gradients)
        return BatchResult(sum(r.loss for r in results), sum(r.right for r in results))

    def _shards(self, batch: LabelledBatch) -> Iterator[_Shard]:
        """Deal out the texts, longest first, so that each thread has long and short ones."""
        texts = len(batch.targets)
        threads = min(self._threads.count, texts)
        mask = self._dropout_mask(texts)
        for first in range(threads):
            part = batch.strided(first, threads)
            yield _Shard(part, mask[first::threads], len(part.targets) / texts)

    def _dropout_mask(self, texts: int) -> torch.Tensor:
        config = self._model.config
        mask = torch.empty(texts, config.pooled_dim, device=self._device)
        mask.bernoulli_(1 - config.dropout).div_(1 - config.dropout)
        return mask

    def _with_hidden_words(self, batch: Batch) -> Batch:
        if not self._how.word_dropout:
            return batch
        hidden = torch.rand(batch.ids.shape, device=self._device) < self._how.word_dropout
        return Batch(batch.rows, batch.ids.masked_fill(hidden, UNKNOWN_ID), batch.lengths)

    def _shard_gradients(self, shard: _Shard) -> tuple[tuple[torch.Tensor, ...], BatchResult]:
        """Return the gradient of each parameter, and the shard's part of the batch's result."""
        embedded = self._model.embedding(shard.batch.texts.ids)
        logits, loss = self._loss(embedded, shard)
        total = loss
        if self._how.adversarial:
            (slope,) = torch.autograd.grad(loss, embedded, retain_graph=True)
            noise = _adversarial_noise(embedded, slope, self._how.adversarial)
            total = loss + self._loss(embedded + noise, shard)[1]
        gradients = torch.autograd.grad(total, self._parameters)
        targets = shard.batch.targets
        right = targets if targets.ndim == 1 else targets.argmax(dim=1)
        return gradients, BatchResult(loss.item(), int((logits.argmax(dim=1) == right).sum()))

    def _loss(self, embedded: torch.Tensor, shard: _Shard) -> tuple[torch.Tensor, torch.Tensor]:
        """Return the logits, and the shard's part of the batch's mean loss."""
        lengths = shard.batch.texts.lengths
        if self._how.through_padding:
            lengths = torch.full_like(lengths, embedded.shape[1])
        with torch.autocast(self._device.type, torch.bfloat16, enabled=self._low_precision):
            logits = self._model.classify(embedded, lengths, shard.mask)
        if shard.batch.base_logits is not None:
            logits = logits + shard.batch.base_logits
        smoothing = self._how.label_smoothing
        loss = nn.functional.cross_entropy(logits, shard.batch.targets, label_smoothing=smoothing)
        return logits, loss * shard.share


def _adversarial_noise(
    embedded: torch.Tensor, gradient: torch.Tensor, share: float
) -> torch.Tensor:
    """Return noise (batch, time, embedding) up the gradient, `share` of each text's norm long.

    Padding is no part of the text: no gradient gets there.
    """
    text = embedded.detach() * (gradient != 0).any(dim=2, keepdim=True)
    norm = text.flatten(1).norm(dim=1)[:, None, None]
    steepness = gradient.flatten(1).norm(dim=1)[:, None, None]
    noise: torch.Tensor = gradient * (share * norm / steepness.clamp_min(1e-20))
    return noise


class Threads:
    """As many threads as PyTorch may use on a CPU, each computing alone; one for a CUDA device."""

    def __init__(self, device: torch.device) -> None:
        self.count = torch.get_num_threads() if device.type == "cpu" else 1
        self._pool = ThreadPoolExecutor(self.count, "shard", torch.set_num_threads, (1,))

    def map(self, work: Callable[[Shard], Result], shards: Sequence[Shard]) -> list[Result]:
        """Return the result of each shard, in their order."""
        if self.count == 1:
            return [work(shard) for shard in shards]
        return list(self._pool.map(work, shards))


def set_gradients(
    parameters: Sequence[torch.nn.Parameter], shards: Sequence[Sequence[torch.Tensor]]
) -> None:
    """Set each parameter's gradient to the sum of the shards' gradients."""
    for parameter, first, *others in zip(parameters, *shards, strict=True):
        for gradient in others:
            first += gradient
        parameter.grad = first


def has_fast_bfloat16(device: torch.device) -> bool:
    """Return whether the device multiplies bfloat16 faster than float32."""
    if device.type == "cuda":
        return bool(torch.cuda.is_bf16_supported())
    return bool(torch.ops.mkldnn._is_mkldnn_bf16_supported())
