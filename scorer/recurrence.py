"""The recurrent layer at scoring time: packed texts -> pooled states, by the fastest way there is.

FoldedLstm  CPU, LSTM: the input projection is folded into a table with a row a token, so a step is
            a gather, one matrix product and the gates; texts stand longest first and leave as they
            end, so no step is spent on padding.
PackedLayer any cell, any device: PyTorch's own layer over a packed sequence (cuDNN on CUDA).

Both give the pooled states of `TextClassifier.pool`. Knows no text, vocabulary or classes.
"""

from typing import Protocol

import torch
from torch.nn.utils.rnn import PackedSequence, pad_packed_sequence

from scorer.batching import PackedIds
from scorer.model import TextClassifier

GATHERED_TOKENS = 16_384  # rows of the table gathered at once: bounds memory for a long text


class Recurrence(Protocol):
    """Packed texts -> pooled states float32 (batch, pooled_dim)."""

    name: str

    def pooled(self, batch: PackedIds) -> torch.Tensor:
        """Return the pooled states of a batch."""


class PackedLayer:
    """The model's own layers over packed sequences, on the device the model is on."""

    def __init__(self, model: TextClassifier) -> None:
        self.name = f"packed {model.config.cell}"
        self._model = model

    def pooled(self, batch: PackedIds) -> torch.Tensor:
        """Return the pooled states float32 (batch, pooled_dim)."""
        device = self._model.output.weight.device
        ids = batch.ids.to(device, non_blocking=True)
        embedded = PackedSequence(self._model.embedding(ids), torch.from_numpy(batch.sizes))
        states, _ = pad_packed_sequence(self._model.recurrent(embedded)[0], batch_first=True)
        return self._model.pool(states, torch.from_numpy(batch.lengths).to(device)).float()


class FoldedLstm:
    """An LSTM's step loop for one thread; gates, cell and pooling in float32.

    The products are in `dtype`. The cell gate's weights are doubled, as tanh(x) = 2 sigmoid(2x) - 1
    lets one call of the faster sigmoid serve all four gates.
    """

    def __init__(self, model: TextClassifier, dtype: torch.dtype = torch.float32) -> None:
        self.name = f"folded lstm, {str(dtype).removeprefix('torch.')}"
        self._concat = model.config.pooling == "concat"
        self._hidden = model.config.hidden_dim
        layer = model.recurrent
        scale = torch.ones(4, 1, self._hidden)
        scale[2] = 2.0  # PyTorch's order of gates: input, forget, cell, output
        scale = scale.reshape(1, -1)
        bias = layer.bias_ih_l0 + layer.bias_hh_l0
        projected = model.embedding.weight @ layer.weight_ih_l0.T + bias  # (vocabulary, 4 hidden)
        self._table = (projected * scale).to(dtype).contiguous()
        self._weight = (layer.weight_hh_l0.T * scale).to(dtype).contiguous()  # (hidden, 4 hidden)

    def pooled(self, batch: PackedIds) -> torch.Tensor:
        """Return the pooled states float32 (batch, pooled_dim)."""
        run = _Run(len(batch.rows), self._weight, self._concat)
        start, sizes = 0, batch.sizes.tolist()
        for steps in _slices(sizes):
            tokens = sum(steps)
            gates = self._table.index_select(0, batch.ids[start : start + tokens])
            start += tokens
            for step_gates in gates.split(steps):
                run.step(step_gates)
        return run.pooled(torch.from_numpy(batch.lengths))


class _Run:
    """The state of one batch on its way through the steps."""

    def __init__(self, rows: int, weight: torch.Tensor, concat: bool) -> None:
        hidden = weight.shape[0]
        self._weight = weight
        self._concat = concat
        self._input = torch.zeros(rows, hidden, dtype=weight.dtype)  # the state, as multiplied
        self._gates = torch.empty(rows, 4 * hidden)
        self._cell = torch.zeros(rows, hidden)
        self._state = torch.zeros(rows, hidden)
        self._highest = torch.full((rows, hidden), -torch.inf)
        self._sum = torch.zeros(rows, hidden)

    def step(self, projected: torch.Tensor) -> None:
        """Take one token of each text that has one left: `projected` (texts, 4 hidden)."""
        n = len(projected)
        projected.addmm_(self._input[:n], self._weight)
        gates = self._gates[:n].copy_(projected).sigmoid_()
        into, forget, cell, out = gates.chunk(4, dim=1)
        memory, state = self._cell[:n], self._state[:n]
        memory.mul_(forget).addcmul_(into, cell, value=2.0).sub_(into)
        torch.mul(memory, 2.0, out=state).sigmoid_().mul_(2.0).sub_(1.0).mul_(out)
        self._input[:n].copy_(state)
        if self._concat:
            torch.maximum(self._highest[:n], state, out=self._highest[:n])
            self._sum[:n].add_(state)

    def pooled(self, lengths: torch.Tensor) -> torch.Tensor:
        """Return what each text left behind: its last state, or last, max and mean."""
        if not self._concat:
            return self._state
        return torch.cat([self._state, self._highest, self._sum / lengths[:, None]], dim=1)


def _slices(sizes: list[int]) -> list[list[int]]:
    """Cut the steps into runs of at most GATHERED_TOKENS tokens, at least a step each."""
    slices: list[list[int]] = [[]]
    tokens = 0
    for size in sizes:
        if slices[-1] and tokens + size > GATHERED_TOKENS:
            slices.append([])
            tokens = 0
        slices[-1].append(size)
        tokens += size
    return slices
