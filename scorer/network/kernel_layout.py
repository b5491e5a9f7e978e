"""How the arrays of the fused kernel lie in memory, for each kind of CPU it is written for.

numba keeps compiled code by the kernel's own file: whoever changes this file or `vector_code`
changes `fused_kernel.CODE` too, as a test demands.
"""

from dataclasses import dataclass

import numpy as np
import torch

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


VNNI = KernelLayout(
    "int8",
    frozenset({"avx512f", "avx512_vnni"}),
    16,
    4,
    4,
    np.int8,
    np.uint8,
    127,
    128,
    torch.bfloat16,
)
AVX2 = KernelLayout(
    "int16", frozenset({"avx2", "fma", "f16c"}), 8, 2, 2, np.int16, np.int16, 4096, 0, torch.float16
)
LAYOUTS = {layout.precision: layout for layout in (VNNI, AVX2)}
