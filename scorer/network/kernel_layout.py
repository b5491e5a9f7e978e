"""How the arrays of the fused kernel lie in memory, for each kind of CPU it is written for.

numba keeps compiled code by the kernel's own file: whoever changes this file or `vector_code`
changes `fused_kernel.CODE` too, as a test demands.
"""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import torch

from scorer.network.products import CENTRE, STEPS

GATES = 4
TILE_TEXTS = 6  # texts whose sums stay in registers
ALIGNMENT = 64  # bytes; that of the largest register


@dataclass(frozen=True)
class KernelLayout:
    """Sizes and types of one precision on one kind of CPU."""

    precision: str
    cpu_flags: frozenset[str]  # as Linux names them
    lanes: int  # 32-bit numbers of a register: the units of a block
    factors: int  # states that are multiplied and summed in a lane at a time
    tile_gates: int  # gates whose sums stay in registers; the other ones follow
    weight: type[np.signedinteger]
    state: type[np.integer]
    state_steps: int  # from a state of 0 to one of 1
    state_zero: int  # what stands for a state of 0
    table: torch.dtype  # of the inputs' share of the gates

    @property
    def register_bytes(self) -> int:
        """Bytes of a register."""
        return 4 * self.lanes


class NetworkArrays(NamedTuple):  # which numba takes apart, as it does no dataclass
    """A network as the kernel reads it; `weights` as `fused_kernel` says."""

    table: np.ndarray  # uint16 (vocabulary, blocks, 4 gates, units): bits of bfloat16 or float16
    weights: np.ndarray
    scales: np.ndarray  # float32 (blocks, 4 gates, units)
    first: np.ndarray  # int32 (blocks, 4 gates, units): sums to begin with


class BatchArrays(NamedTuple):
    """What a batch is worked on in; arrays of registers lie at multiples of `ALIGNMENT`."""

    now: np.ndarray  # states, uint8 or int16 (texts + TILE_TEXTS, hidden)
    following: np.ndarray  # the same after a step
    cell: np.ndarray  # float32 (texts, hidden), as are the next three
    last: np.ndarray
    highest: np.ndarray
    total: np.ndarray
    sums: np.ndarray  # int32 (TILE_TEXTS, 4 gates, units)


VNNI = KernelLayout(
    precision="int8",
    cpu_flags=frozenset({"avx512f", "avx512_vnni"}),
    lanes=16,
    factors=4,
    tile_gates=4,
    weight=np.int8,
    state=np.uint8,
    state_steps=STEPS,
    state_zero=CENTRE,
    table=torch.bfloat16,
)
AVX2 = KernelLayout(
    precision="int16",
    cpu_flags=frozenset({"avx2", "fma", "f16c"}),
    lanes=8,
    factors=2,
    tile_gates=2,
    weight=np.int16,
    state=np.int16,
    state_steps=4096,
    state_zero=0,
    table=torch.float16,
)
LAYOUTS = {layout.precision: layout for layout in (VNNI, AVX2)}
