"""The fused LSTM of `fused_kernel`, in 8 or 16 bits, behind the interface of the folded one.

Brings a network's weights into the kernel's layout and gives each batch its buffers. Where numba,
a folder for its compiled code, or the CPU's instructions are missing, `fused_lstm` returns None.
Knows weights and packed batches, nothing of texts.
"""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch

from scorer.network.folded_lstm import FoldedWeights
from scorer.network.kernel_layout import (
    ALIGNMENT,
    GATES,
    LAYOUTS,
    TILE_TEXTS,
    BatchArrays,
    KernelLayout,
    NetworkArrays,
)
from scorer.network.packing import PackedIds

LOG2_E = -1.44269504  # negative: sigmoid(x) = 1 / (1 + 2^(x LOG2_E))
LARGEST_SUM = 0.99 * 2**31  # of a text's products, whatever its states
TABLE_ROWS = 1024  # brought into the layout at a time
CPU_INFO = Path("/proc/cpuinfo")


def fused_lstm(weights: FoldedWeights, precision: str) -> "FusedLstm | None":
    """Return the fused LSTM of these weights; None where it cannot run."""
    run_batch = load_kernel(precision, len(weights.weight))
    return run_batch and FusedLstm(weights, LAYOUTS[precision], run_batch)


def load_kernel(precision: str, hidden_dim: int) -> Callable[..., None] | None:
    """Return the kernel where it runs in this precision; None where it cannot, or not from a cache.

    Its library takes half a second to import.
    """
    layout = LAYOUTS.get(precision)
    if layout is None or hidden_dim % layout.lanes or not layout.cpu_flags <= _cpu_flags():
        return None
    try:
        from scorer.network import fused_kernel
    except (ImportError, RuntimeError):  # no numba; or no folder to keep compiled code in
        return None
    return fused_kernel.run_batch


class FusedLstm:
    """An LSTM's step loop for one thread, all steps of a batch in one call."""

    def __init__(
        self, weights: FoldedWeights, layout: KernelLayout, run_batch: Callable[..., None]
    ) -> None:
        self.name = f"fused lstm, {layout.precision}"
        self._run, self._layout = run_batch, layout
        self._concat = weights.concat
        self._hidden = len(weights.weight)
        weight = weights.weight.numpy().astype(np.float32) / 2  # for whole states
        scales = _scales(weight, layout)  # a gate's unit each
        rounded = np.rint(weight / scales).astype(layout.weight)
        zero = -layout.state_zero * rounded.sum(axis=0, dtype=np.int32)
        self._network = NetworkArrays(
            self._halved_table(weights.table.numpy()),
            self._tiles(rounded),
            _aligned_copy(self._blocks(scales * LOG2_E / layout.state_steps), np.float32),
            _aligned_copy(self._blocks(zero), np.int32),
        )

    def pooled(self, batch: PackedIds) -> torch.Tensor:
        """Return the pooled states float32 (batch, pooled_dim)."""
        arrays = self._arrays(len(batch.rows))
        self._run(batch.ids.numpy(), batch.sizes, self._network, arrays)
        if not self._concat:
            return torch.from_numpy(arrays.last)
        mean = arrays.total / batch.lengths[:, None].astype(np.float32)
        return torch.from_numpy(np.concatenate([arrays.last, arrays.highest, mean], axis=1))

    def _arrays(self, texts: int) -> BatchArrays:
        """Return what so many texts are worked on in, with states of zero."""
        hidden, layout = self._hidden, self._layout
        now, following = np.full((2, texts + TILE_TEXTS, hidden), layout.state_zero, layout.state)
        cell, last, highest, total = (_aligned((texts, hidden), np.float32) for _ in range(4))
        highest[:] = -np.inf
        sums = _aligned((TILE_TEXTS, GATES, layout.lanes), np.int32)
        return BatchArrays(now, following, cell, last, highest, total, sums)

    def _blocks(self, gates: np.ndarray) -> np.ndarray:
        """Return (…, 4 hidden) as (…, blocks, 4 gates, units)."""
        lanes = self._layout.lanes
        parts = gates.reshape(*gates.shape[:-1], GATES, self._hidden // lanes, lanes)
        return parts.swapaxes(-3, -2)

    def _tiles(self, rounded: np.ndarray) -> np.ndarray:
        """Return weights (hidden, 4 hidden) as the kernel's product reads them."""
        layout = self._layout
        steps, tile_gates = self._hidden // layout.factors, layout.tile_gates
        split = (steps, layout.factors, GATES // tile_gates, tile_gates, -1, layout.lanes)
        parts = rounded.reshape(split).transpose(4, 2, 0, 3, 5, 1)
        merged = parts.reshape(*parts.shape[:4], layout.lanes * layout.factors)
        return _aligned_copy(merged, layout.weight)

    def _halved_table(self, table: np.ndarray) -> np.ndarray:
        """Return the table in the layout's 16-bit floats, rounded to the nearest, as uint16."""
        lanes = self._layout.lanes
        halved = _aligned((len(table), self._hidden // lanes, GATES, lanes), np.uint16)
        for start in range(0, len(table), TABLE_ROWS):
            rows = self._blocks(table[start : start + TABLE_ROWS] * np.float32(LOG2_E))
            floats = torch.from_numpy(np.ascontiguousarray(rows, np.float32))
            bits = floats.to(self._layout.table).view(torch.uint16).numpy()
            halved[start : start + TABLE_ROWS] = bits
        return halved


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


def _cpu_flags() -> set[str]:
    """Return what Linux says of the CPU's instructions; nothing elsewhere."""
    if not CPU_INFO.exists():
        return set()
    lines = CPU_INFO.read_text(encoding="utf-8").splitlines()
    flags = next((line for line in lines if line.startswith("flags")), "")
    return set(flags.partition(":")[2].split())
