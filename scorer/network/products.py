"""The product of states and recurrent weights, the step loop's hot spot, in one precision.

FloatProduct  float32.
HalfProduct   bfloat16 or float16; twice as fast as float32 where the machine multiplies it.
ByteProduct   8-bit weights (a scale a gate) and 8-bit states (one scale, as a state is within
              ±1), summed exactly as integers; twice as fast again where the machine has VNNI.

Each starts from the table's rows of the step's tokens, as the input's share of the gates is known.
Knows tables and weights, not cells, batches or models.
"""

from typing import Protocol

import torch

STEPS = 127  # 8-bit steps from 0 to 1
CENTRE = 128  # the byte that stands for 0
DTYPES = {"float32": torch.float32, "bfloat16": torch.bfloat16, "float16": torch.float16}

Scratch = tuple[torch.Tensor, ...]  # buffers of a product, (rows, …) each; the first: the states


class Product(Protocol):
    """The gates of a step before their sigmoid; states and weights as `FoldedWeights` has them."""

    name: str

    def scratch(self, rows: int) -> Scratch:
        """Return the buffers of one batch, with states of zero."""

    def add(self, ids: torch.Tensor, scratch: Scratch, gates: torch.Tensor) -> None:
        """Set `gates` to the rows of the table for these tokens plus states x weight.

        ids: int64 (texts,); gates: float32 (rows, 4 hidden), of which those past the texts are
        padding.
        """

    def take(self, state: torch.Tensor, scratch: Scratch) -> None:
        """Store the halved states float32 (texts, hidden) in the form the next step multiplies."""


class FloatProduct:
    """table float32 (vocabulary, 4 hidden), weight float32 (hidden, 4 hidden)."""

    name = "float32"

    def __init__(self, table: torch.Tensor, weight: torch.Tensor) -> None:
        self._table, self._weight = table, weight

    def scratch(self, rows: int) -> Scratch:
        """Return the states."""
        return (torch.zeros(rows, len(self._weight)),)

    def add(self, ids: torch.Tensor, scratch: Scratch, gates: torch.Tensor) -> None:
        """Gather and multiply in place."""
        torch.index_select(self._table, 0, ids, out=gates[: len(ids)])
        gates.addmm_(scratch[0], self._weight)

    def take(self, state: torch.Tensor, scratch: Scratch) -> None:
        """Keep the states as they are."""
        scratch[0][: len(state)].copy_(state)


class HalfProduct:
    """As `FloatProduct`, with table, weight and states rounded to `dtype`."""

    def __init__(self, table: torch.Tensor, weight: torch.Tensor, dtype: torch.dtype) -> None:
        self.name = str(dtype).removeprefix("torch.")
        self._table, self._weight = table.to(dtype), weight.to(dtype)

    def scratch(self, rows: int) -> Scratch:
        """Return the states and the gates in the product's own type."""
        hidden, width = self._weight.shape
        dtype = self._weight.dtype
        return torch.zeros(rows, hidden, dtype=dtype), torch.empty(rows, width, dtype=dtype)

    def add(self, ids: torch.Tensor, scratch: Scratch, gates: torch.Tensor) -> None:
        """Gather and multiply in half the bytes."""
        states, rounded = scratch
        torch.index_select(self._table, 0, ids, out=rounded[: len(ids)])
        gates.copy_(rounded.addmm_(states, self._weight))

    def take(self, state: torch.Tensor, scratch: Scratch) -> None:
        """Keep the states rounded."""
        scratch[0][: len(state)].copy_(state)


class ByteProduct:
    """As `FloatProduct`, with weight and states in bytes; the table stays float32."""

    name = "int8"

    def __init__(self, table: torch.Tensor, weight: torch.Tensor) -> None:
        self._table = table
        hidden, width = weight.shape
        self._scales = weight.abs().amax(dim=0).clamp(min=1e-30) / STEPS  # a gate each
        rounded = (weight / self._scales).round().T.contiguous().to(torch.int8)
        self._weight = torch.ops.onednn.qlinear_prepack(rounded, None)
        self._zeros = torch.zeros(width, dtype=torch.int64)
        self._hidden = hidden

    def scratch(self, rows: int) -> Scratch:
        """Return the states as bytes, and on their way there."""
        size = (rows, self._hidden)
        states = torch.full(size, CENTRE, dtype=torch.uint8)
        return states, torch.empty(size), torch.empty(size, dtype=torch.int32)

    def add(self, ids: torch.Tensor, scratch: Scratch, gates: torch.Tensor) -> None:
        """Gather, then let oneDNN add the scaled product in place ("sum")."""
        torch.index_select(self._table, 0, ids, out=gates[: len(ids)])
        states = (scratch[0], 0.5 / STEPS, CENTRE)
        weight = (self._weight, self._scales, self._zeros)
        result = (1.0, 0, torch.float32)  # scale, zero point and type; then those of the gates
        torch.ops.onednn.qlinear_pointwise.binary(
            *states, *weight, gates, None, *result, 1.0, 0, "sum", 1.0, "none", [], ""
        )

    def take(self, state: torch.Tensor, scratch: Scratch) -> None:
        """Round the states to bytes, by way of int32, which PyTorch converts far faster."""
        states, scaled, whole = (tensor[: len(state)] for tensor in scratch)
        torch.add(CENTRE + 0.5, state, alpha=2 * STEPS, out=scaled)
        states.copy_(whole.copy_(scaled))


def product_of(precision: str, table: torch.Tensor, weight: torch.Tensor) -> Product:
    """Return the product in a precision, `int8` or the name of a floating type of PyTorch."""
    if precision == "int8":
        return ByteProduct(table, weight)
    if precision == "float32":
        return FloatProduct(table, weight)
    return HalfProduct(table, weight, DTYPES[precision])
