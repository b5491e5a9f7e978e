"""The fused 8-bit LSTM of `fused_kernel` behind the interface of the folded one.

Brings a network's weights into the kernel's layout and gives each batch its buffers. Where numba,
a folder for its compiled code, or the CPU's instructions are missing, `fused_lstm` returns None
and the folded LSTM scores. Knows weights and packed batches, nothing of texts.
"""

from pathlib import Path

import numpy as np
import torch

from scorer.network.folded_lstm import FoldedWeights
from scorer.network.kernel_layout import GATES, LANES, REGISTER_BYTES, TILE_TEXTS
from scorer.network.packing import PackedIds
from scorer.network.products import CENTRE, STEPS

LOG2_E = -1.44269504  # negative: sigmoid(x) = 1 / (1 + 2^(x LOG2_E))
TABLE_ROWS = 1024  # brought into the layout at a time
CPU_FLAGS = {"avx512f", "avx512_vnni"}
CPU_INFO = Path("/proc/cpuinfo")


def fused_lstm(weights: FoldedWeights) -> "FusedLstm | None":
    """Return the fused LSTM of these weights; None where it cannot run, or not from a cache."""
    if len(weights.weight) % LANES or not _cpu_flags() >= CPU_FLAGS:
        return None
    try:
        from scorer.network import fused_kernel
    except (ImportError, RuntimeError):  # no numba; or no folder to keep compiled code in
        return None
    return FusedLstm(weights, fused_kernel.run_batch)


class FusedLstm:
    """An LSTM's step loop for one thread, all steps of a batch in one call."""

    name = "fused lstm, int8"

    def __init__(self, weights: FoldedWeights, run_batch: object) -> None:
        self._run = run_batch
        self._concat = weights.concat
        self._hidden = len(weights.weight)
        weight = weights.weight.numpy().astype(np.float32) / 2  # for whole states
        scales = np.maximum(np.abs(weight).max(axis=0), 1e-30) / STEPS  # a gate's unit each
        rounded = np.rint(weight / scales).astype(np.int8)
        self._scales = _aligned_copy(self._blocks(scales * LOG2_E / STEPS), np.float32)
        centre = -CENTRE * rounded.sum(axis=0, dtype=np.int32)
        self._first = _aligned_copy(self._blocks(centre), np.int32)
        self._weights = self._quads(rounded)
        self._table = self._rounded_table(weights.table.numpy())

    def pooled(self, batch: PackedIds) -> torch.Tensor:
        """Return the pooled states float32 (batch, pooled_dim)."""
        texts, hidden = len(batch.rows), self._hidden
        states = np.full((2, texts + TILE_TEXTS, hidden), CENTRE, np.uint8)
        cell, last, highest, total = (_aligned((texts, hidden), np.float32) for _ in range(4))
        highest[:] = -np.inf
        sums = _aligned((TILE_TEXTS, GATES, LANES), np.int32)
        weights = (self._table, self._weights, self._scales, self._first)
        self._run(  # type: ignore[operator]
            batch.ids.numpy(), batch.sizes, *weights, *states, cell, last, highest, total, sums
        )
        if not self._concat:
            return torch.from_numpy(last)
        mean = total / batch.lengths[:, None].astype(np.float32)
        return torch.from_numpy(np.concatenate([last, highest, mean], axis=1))

    def _blocks(self, gates: np.ndarray) -> np.ndarray:
        """Return (…, 4 hidden) as (…, blocks, 4 gates, 16 units)."""
        parts = gates.reshape(*gates.shape[:-1], GATES, self._hidden // LANES, LANES)
        return parts.swapaxes(-3, -2)

    def _quads(self, rounded: np.ndarray) -> np.ndarray:
        """Return weights int8 (hidden, 4 hidden) as (blocks, hidden / 4, 4, 16 units x 4)."""
        quads, blocks = self._hidden // 4, self._hidden // LANES
        parts = rounded.reshape(quads, 4, GATES, blocks, LANES).transpose(3, 0, 2, 4, 1)
        return _aligned_copy(parts.reshape(blocks, quads, GATES, 4 * LANES), np.int8)

    def _rounded_table(self, table: np.ndarray) -> np.ndarray:
        """Return the table in bfloat16, rounded to the nearest, as uint16."""
        rounded = _aligned((len(table), self._hidden // LANES, GATES, LANES), np.uint16)
        for start in range(0, len(table), TABLE_ROWS):
            rows = self._blocks(table[start : start + TABLE_ROWS] * np.float32(LOG2_E))
            bits = np.ascontiguousarray(rows, np.float32).view(np.uint32)
            rounded[start : start + TABLE_ROWS] = (bits + 0x7FFF + ((bits >> 16) & 1)) >> 16
        return rounded


def _aligned(shape: tuple[int, ...], dtype: type) -> np.ndarray:
    """Return zeros that begin at a multiple of a register's bytes."""
    size = int(np.prod(shape)) * np.dtype(dtype).itemsize
    space = np.zeros(size + REGISTER_BYTES, np.uint8)
    begin = -space.ctypes.data % REGISTER_BYTES
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
