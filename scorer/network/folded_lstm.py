"""An LSTM at scoring time on a CPU: packed texts -> pooled states, one thread a batch.

The input projection is folded into a table with a row a token, so a step is a gather, one matrix
product and the gates. Texts stand longest first and leave as they end, so no step is spent on
padding; memory does not grow with the length of a text. Knows no text, vocabulary or classes.
"""

from dataclasses import dataclass

import torch

from scorer.network.model import TextClassifier
from scorer.network.packing import PackedIds
from scorer.network.products import Product, Scratch, product_of

PRODUCT_ROWS = 16  # the numbers of rows that are multiplied are multiples of it


@dataclass(frozen=True)
class FoldedWeights:
    """The weights of an LSTM's step, scaled so that it calls no tanh, which is slower than sigmoid.

    As tanh(x) = 2 sigmoid(2x) - 1, one call of sigmoid serves all four gates if the weights of the
    cell gate are doubled. The hidden state is kept as its half (sigmoid(2c) - 1/2 in place of
    tanh(c)), so all weights that it is multiplied with are doubled too.
    """

    table: torch.Tensor  # float32 (vocabulary, 4 hidden): embedding x input weights + biases
    weight: torch.Tensor  # float32 (hidden, 4 hidden)
    concat: bool  # whether last, max and mean are pooled, or the last state alone

    @classmethod
    def of(cls, model: TextClassifier) -> "FoldedWeights":
        """Return the folded weights of a model with an LSTM."""
        layer, gates = model.recurrent, torch.ones(4, model.config.hidden_dim)
        gates[2] = 2.0  # PyTorch's order of gates: input, forget, cell, output
        scale = gates.flatten()  # powers of two: nothing is rounded by them
        bias = layer.get_parameter("bias_ih_l0") + layer.get_parameter("bias_hh_l0")
        inputs = layer.get_parameter("weight_ih_l0").T * scale
        table = torch.addmm(bias * scale, model.embedding.weight, inputs)
        weight = layer.get_parameter("weight_hh_l0").T * scale * 2.0
        return cls(table, weight.contiguous(), model.config.pooling == "concat")


class FoldedLstm:
    """An LSTM's step loop for one thread; gates, cell and pooling in float32."""

    def __init__(self, weights: FoldedWeights, precision: str = "float32") -> None:
        self.name = f"folded lstm, {precision}"
        self._product = product_of(precision, weights.table, weights.weight)
        self._hidden = len(weights.weight)
        self._concat = weights.concat

    def pooled(self, batch: PackedIds) -> torch.Tensor:
        """Return the pooled states float32 (batch, pooled_dim)."""
        everyone = _States.of(len(batch.rows), self._hidden, self._product)
        states, start = everyone, 0
        for texts in batch.sizes.tolist():
            if texts != len(states.cell):
                states = everyone.first(texts)
            self._step(batch.ids[start : start + texts], states)
            start += texts
        return self._pool(everyone, torch.from_numpy(batch.lengths))

    def _step(self, ids: torch.Tensor, states: "_States") -> None:
        """Take one token of each text that has one left."""
        self._product.add(ids, states.scratch, states.gates)
        states.gates.sigmoid_()
        into, forget, update, out = states.parts
        cell, state = states.cell, states.state
        cell.mul_(forget).addcmul_(into, update, value=4.0).sub_(into, alpha=2.0)
        torch.sigmoid(cell, out=state).sub_(0.5).mul_(out)
        self._product.take(state, states.scratch)
        if self._concat:
            torch.maximum(states.highest, state, out=states.highest)
            states.total.add_(state)

    def _pool(self, states: "_States", lengths: torch.Tensor) -> torch.Tensor:
        """Return each text's last state, or its last, max and mean."""
        if not self._concat:
            return states.state * 2.0
        mean = states.total / lengths[:, None]
        return torch.cat([states.state, states.highest, mean], dim=1) * 2.0


@dataclass(frozen=True)
class _States:
    """A batch's state between two steps: float32 (texts, hidden), gates float32 (rows, 4 hidden).

    There may be more rows than texts: the last rows are then padding.
    """

    scratch: Scratch
    gates: torch.Tensor
    cell: torch.Tensor  # twice the cell state: see `FoldedWeights`
    state: torch.Tensor  # half the hidden state
    highest: torch.Tensor
    total: torch.Tensor
    parts: tuple[torch.Tensor, ...]  # the gates one by one

    @classmethod
    def of(cls, rows: int, hidden: int, product: Product) -> "_States":
        """Return states of zero."""
        gates = torch.zeros(rows, 4 * hidden)
        cell, state, total = torch.zeros(3, rows, hidden)
        highest = torch.full((rows, hidden), -torch.inf)
        parts = gates.chunk(4, dim=1)
        return cls(product.scratch(rows), gates, cell, state, highest, total, parts)

    def first(self, texts: int) -> "_States":
        """Return those of the first texts, in the same memory.

        The product takes a few rows more: oneDNN keeps a program for each number of rows it met.
        """
        rows = -(-texts // PRODUCT_ROWS) * PRODUCT_ROWS
        return _States(
            tuple(tensor[:rows] for tensor in self.scratch),
            self.gates[:rows],
            self.cell[:texts],
            self.state[:texts],
            self.highest[:texts],
            self.total[:texts],
            self.gates[:texts].chunk(4, dim=1),
        )
