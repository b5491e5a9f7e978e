"""The recurrent layer at scoring time: packed texts -> pooled states, as `TextClassifier.pool`.

`PackedLayer` serves any cell on any device; `folded_lstm.FoldedLstm` is the faster one for an LSTM
on a CPU. Knows no text, vocabulary or classes.
"""

from contextlib import AbstractContextManager
from typing import Protocol

import numpy as np
import torch
from torch.nn.utils.rnn import PackedSequence, pad_packed_sequence

from scorer.errors import UsageError
from scorer.network.model import TextClassifier
from scorer.network.packing import PackedIds
from scorer.network.products import DTYPES

STEPS = 512  # taken at a time
State = tuple[torch.Tensor, ...] | torch.Tensor | None


class Recurrence(Protocol):
    """Packed texts -> pooled states float32 (batch, pooled_dim)."""

    name: str

    def pooled(self, batch: PackedIds) -> torch.Tensor:
        """Return the pooled states of a batch."""


class PackedLayer:
    """The model's own layers over packed sequences, on the device the model is on (cuDNN on CUDA).

    Other precisions than float32 convert the model's layers in place.
    """

    def __init__(self, model: TextClassifier, precision: str = "float32") -> None:
        if precision not in DTYPES:
            raise UsageError(f"{precision} is for an LSTM on a CPU", "--precision float32")
        self.name = f"packed {model.config.cell}, {precision}"
        self._model = model
        model.embedding.to(DTYPES[precision])
        model.recurrent.to(DTYPES[precision])

    def pooled(self, batch: PackedIds) -> torch.Tensor:
        """Return the pooled states float32 (batch, pooled_dim).

        Some steps are taken at a time, the state carried over, so that a text of any length takes
        no more memory than one of `STEPS` tokens.
        """
        pool, state, start = _Pool(self._model, len(batch.rows)), None, 0
        with _exact_cudnn():
            for first in range(0, len(batch.sizes), STEPS):
                sizes = batch.sizes[first : first + STEPS]
                ids = batch.ids[start : start + int(sizes.sum())]
                states, state = self._run(ids, sizes, state)
                ends = np.minimum(batch.lengths[: sizes[0]] - first, len(sizes))
                pool.add(states, self._moved(torch.from_numpy(ends)))
                start += len(ids)
        return pool.pooled(self._moved(torch.from_numpy(batch.lengths)))

    def _run(
        self, ids: torch.Tensor, sizes: np.ndarray, state: State
    ) -> tuple[torch.Tensor, State]:
        """Return the states (texts, steps, hidden) of some steps, and what the layer ends with."""
        embedded = self._model.embedding(self._moved(ids))
        packed = PackedSequence(embedded, torch.from_numpy(sizes))
        states, state = self._model.recurrent(packed, _of_first(state, int(sizes[0])))
        return pad_packed_sequence(states, batch_first=True)[0], state

    def _moved(self, tensor: torch.Tensor) -> torch.Tensor:
        """Return a tensor on the model's device; pinned, so that the copy overlaps with work.

        PyTorch keeps the pinned memory until the copy is done, and the device's work waits for it.
        """
        device = self._model.output.weight.device
        if device.type == "cuda":
            tensor = tensor.pin_memory()
        return tensor.to(device, non_blocking=True)


def _exact_cudnn() -> AbstractContextManager[None]:
    """Have cuDNN multiply float32 as float32, not as TF32 (10 bits), which it does unless told."""
    flags: AbstractContextManager[None] = torch.backends.cudnn.flags(
        enabled=True, deterministic=True, allow_tf32=False
    )
    return flags


class _Pool:
    """What `TextClassifier.pool` makes of states, gathered some steps at a time; float32."""

    def __init__(self, model: TextClassifier, texts: int) -> None:
        size, device = (texts, model.config.hidden_dim), model.output.weight.device
        self._concat = model.config.pooling == "concat"
        self._last, self._total = torch.zeros(2, *size, device=device)
        self._highest = torch.full(size, -torch.inf, device=device)

    def add(self, states: torch.Tensor, ends: torch.Tensor) -> None:
        """Add states (texts, steps, hidden) of the first texts; ends: of these steps, each's."""
        texts, steps = states.shape[:2]
        rows = torch.arange(texts, device=states.device)
        self._last[:texts] = states[rows, ends - 1].float()
        if self._concat:
            past = (torch.arange(steps, device=states.device) >= ends[:, None])[:, :, None]
            highest = states.masked_fill(past, -torch.inf).amax(dim=1).float()
            self._highest[:texts] = torch.maximum(self._highest[:texts], highest)
            self._total[:texts] += states.masked_fill(past, 0).sum(dim=1, dtype=torch.float32)

    def pooled(self, lengths: torch.Tensor) -> torch.Tensor:
        """Return (texts, pooled_dim)."""
        parts = [self._last]
        if self._concat:
            parts += [self._highest, self._total / lengths[:, None]]
        return torch.cat(parts, dim=1)


def _of_first(state: State, texts: int) -> State:
    """Return the state (1, texts, hidden) of the texts that go on."""
    if state is None:
        return None
    if isinstance(state, tuple):
        return tuple(part[:, :texts].contiguous() for part in state)
    return state[:, :texts].contiguous()
