"""The fused LSTM of `fused_kernel`, in 8 or 16 bits, behind the interface of the folded one.

Brings a network's weights into the kernel's layout and gives each batch its buffers. Where numba,
a folder for its compiled code, or the CPU's instructions are missing, there is none.
Knows weights and packed batches, nothing of texts.
"""

from collections.abc import Callable, Iterable

import numpy as np
import torch

from scorer.network.cpu import cpu_flags
from scorer.network.folded_lstm import FoldedWeights
from scorer.network.kernel_layout import (
    ALIGNMENT,
    GATES,
    KEPT,
    LAYOUTS,
    BatchArrays,
    KernelLayout,
)
from scorer.network.packing import PackedIds

LOG2_E = -1.44269504  # negative: sigmoid(x) = 1 / (1 + 2^(x LOG2_E))
LARGEST_SUM = 0.99 * 2**31  # of a text's products, whatever its states
TABLE_ROWS = 1024  # brought into the layout at a time


def fused_lstms(weights: FoldedWeights, precisions: Iterable[str]) -> dict[str, "FusedLstm"]:
    """Return the fused LSTM of these weights in each of the precisions that can run here."""
    hidden = len(weights.weight)
    layouts = [layout for name in precisions if (layout := layout_for(name, hidden))]
    run_batch = load_kernel() if layouts else None
    if run_batch is None:
        return {}
    lanes = {layout.lanes for layout in layouts}
    tables = {count: halved_table(weights.table, count) for count in lanes}
    return {
        layout.precision: FusedLstm(weights, tables[layout.lanes], layout, run_batch)
        for layout in layouts
    }


def has_kernel(precision: str, hidden_dim: int) -> bool:
    """Return whether a network of this size can run in this precision here."""
    return bool(layout_for(precision, hidden_dim) and load_kernel())


def layout_for(precision: str, hidden_dim: int) -> KernelLayout | None:
    """Return the fastest layout of this precision that the CPU and the size allow."""
    fitting = (
        layout
        for layout in LAYOUTS
        if layout.precision == precision
        and layout.fits(hidden_dim)
        and layout.cpu_flags <= cpu_flags()
    )
    return next(fitting, None)


def load_kernel() -> Callable[..., None] | None:
    """Return the kernel; None without its library, or a folder to keep its compiled code in.

    The library takes half a second to import.
    """
    try:
        from scorer.network import fused_kernel
    except (ImportError, RuntimeError):
        return None
    return fused_kernel.run_batch


class FusedLstm:
    """An LSTM's step loop for one thread, all steps of a batch in one call."""

    def __init__(
        self,
        weights: FoldedWeights,
        table: np.ndarray,
        layout: KernelLayout,
        run_batch: Callable[..., None],
    ) -> None:
        """table: uint16 (vocabulary, blocks, 4 gates, units), as `halved_table` returns it."""
        self.name = f"fused lstm, {layout.precision} by {layout.name}"
        self._run, self._layout = run_batch, layout
        self._concat = weights.concat
        self._hidden = len(weights.weight)
        weight = weights.weight.numpy().astype(np.float32) / 2  # for whole states
        scales = _scales(weight, layout)  # a gate's unit each
        rounded = np.rint(weight / scales).astype(layout.weight)
        zero = -layout.state_zero * rounded.sum(axis=0, dtype=np.int32)
        self._network = layout.arrays(
            table,
            self._tiles(rounded),
            _aligned_copy(_blocks(scales * LOG2_E / layout.state_steps, layout.lanes), np.float32),
            _aligned_copy(_blocks(zero, layout.lanes), np.int32),
        )

    def pooled(self, batch: PackedIds) -> torch.Tensor:
        """Return the pooled states float32 (batch, pooled_dim)."""
        arrays = self._arrays(len(batch.rows))
        self._run(batch.ids.numpy(), batch.sizes, self._network, arrays)
        _, last, highest, total = arrays.kept.transpose(2, 1, 0, 3)  # (texts, blocks, units) each
        if not self._concat:
            return torch.from_numpy(last.reshape(len(batch.rows), self._hidden))
        pooled = np.empty((len(batch.rows), 3, *last.shape[1:]), np.float32)
        pooled[:, 0], pooled[:, 1] = last, highest
        np.divide(total, batch.lengths[:, None, None].astype(np.float32), out=pooled[:, 2])
        return torch.from_numpy(pooled.reshape(len(batch.rows), 3 * self._hidden))

    def _arrays(self, texts: int) -> BatchArrays:
        """Return what so many texts are worked on in, with states of zero."""
        hidden, layout = self._hidden, self._layout
        padded = texts + layout.tile_texts
        now, following = states = _aligned((2, padded, hidden), layout.state)
        states[:] = layout.state_zero
        kept = _aligned((hidden // layout.lanes, texts, len(KEPT), layout.lanes), np.float32)
        kept[:, :, KEPT.index("highest")] = -np.inf
        sums = _aligned((padded, GATES, layout.lanes), np.int32)
        return BatchArrays(layout.tile_texts, now, following, kept, sums)

    def _tiles(self, rounded: np.ndarray) -> np.ndarray:
        """Return weights (hidden, 4 hidden) as the kernel's product reads them."""
        layout = self._layout
        rows = layout.step_states // layout.factors
        parts = GATES // layout.tile_gates
        split = (
            -1,
            rows,
            layout.factors,
            parts,
            layout.tile_gates,
            self._hidden // layout.lanes,
            layout.lanes,
        )
        blocks = rounded.reshape(split).transpose(5, 3, 0, 4, 1, 6, 2)
        merged = blocks.reshape(*blocks.shape[:4], rows * layout.lanes * layout.factors)
        return _aligned_copy(merged, layout.weight)


def halved_table(table: torch.Tensor, lanes: int) -> np.ndarray:
    """Return a table float32 (vocabulary, 4 hidden) as the kernel reads it: bits of float16."""
    blocks = table.shape[1] // GATES // lanes
    halved = _aligned((len(table), blocks, GATES, lanes), np.uint16)
    for start in range(0, len(table), TABLE_ROWS):
        rows = _blocks(table[start : start + TABLE_ROWS].numpy() * np.float32(LOG2_E), lanes)
        floats = torch.from_numpy(np.ascontiguousarray(rows, np.float32))
        halved[start : start + TABLE_ROWS] = floats.to(torch.float16).view(torch.uint16).numpy()
    return halved


def _blocks(gates: np.ndarray, lanes: int) -> np.ndarray:
    """Return (…, 4 hidden) as (…, blocks, 4 gates, units)."""
    return gates.reshape(*gates.shape[:-1], GATES, -1, lanes).swapaxes(-3, -2)


def _scales(weight: np.ndarray, layout: KernelLayout) -> np.ndarray:
    """Return float32 (4 hidden,): a gate's step, the least that fits the type and the sum."""
    fits_type = np.abs(weight).max(axis=0) / np.iinfo(layout.weight).max
    fits_sum = np.abs(weight).sum(axis=0) * (layout.state_steps / LARGEST_SUM)
    return np.asarray(np.maximum(np.maximum(fits_type, fits_sum), 1e-30), np.float32)


def _aligned(shape: tuple[int, ...], dtype: type) -> np.ndarray:
    """Return zeros that begin at a multiple of a register's bytes."""
    size = int(np.prod(shape)) * np.dtype(dtype).itemsize
    space = np.zeros(size + ALIGNMENT, np.uint8)
    begin = -space.ctypes.data % ALIGNMENT
    return space[begin : begin + size].view(dtype).reshape(shape)


def _aligned_copy(values: np.ndarray, dtype: type) -> np.ndarray:
    copy = _aligned(values.shape, dtype)
    copy[:] = values
    return copy
