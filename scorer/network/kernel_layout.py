"""How the arrays of the fused kernel lie in memory, for each kind of CPU it is written for.

numba keeps compiled code by the kernel's own file: whoever changes this file, or one of those
that end in `_code`, changes `fused_kernel.CODE` too, as a test demands.
"""

from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np

from scorer.network.products import CENTRE, STEPS

GATES = 4
KEPT = ("cell", "last", "highest", "total")  # of a text's units from step to step, side by side
ALIGNMENT = 64  # bytes; that of the largest register


class NetworkArrays(NamedTuple):  # which numba takes apart, as it does no dataclass
    """A network as the kernel reads it; `weights` as `fused_kernel` says."""

    table: np.ndarray  # uint16 (vocabulary, blocks, 4 gates, units): bits of float16
    weights: np.ndarray
    scales: np.ndarray  # float32 (blocks, 4 gates, units)
    first: np.ndarray  # int32 (blocks, 4 gates, units): sums to begin with


class AmxBytes(NetworkArrays):
    """Bytes by AMX."""


class VnniBytes(NetworkArrays):
    """Bytes by AVX-512 VNNI."""


class VnniWords(NetworkArrays):
    """16-bit integers by AVX-512 VNNI."""


class Avx2Words(NetworkArrays):
    """16-bit integers by AVX2."""


@dataclass(frozen=True)
class KernelLayout:
    """Sizes and types of one precision on one kind of CPU."""

    name: str
    precision: str
    cpu_flags: frozenset[str]  # as Linux names them
    lanes: int  # 32-bit numbers of a register: the units of a block
    factors: int  # states that are multiplied and summed in a lane at a time
    step_states: int  # states of a text that are multiplied at a time
    tile_texts: int  # texts whose sums stay in registers
    tile_gates: int  # gates whose sums stay in registers; the other ones follow
    weight: type[np.signedinteger]
    state: type[np.integer]
    state_steps: int  # from a state of 0 to one of 1
    state_zero: int  # what stands for a state of 0
    arrays: "type[NetworkArrays]"  # numba compiles the kernel for each

    @property
    def register_bytes(self) -> int:
        """Bytes of a register."""
        return 4 * self.lanes

    def fits(self, hidden_dim: int) -> bool:
        """Return whether states of this size come out even."""
        return hidden_dim % max(self.lanes, self.step_states) == 0


class BatchArrays(NamedTuple):
    """What a batch is worked on in; arrays of registers lie at multiples of `ALIGNMENT`."""

    tile_texts: int
    now: np.ndarray  # states, uint8 or int16 (texts + a tile, hidden)
    following: np.ndarray  # the same after a step
    kept: np.ndarray  # float32 (blocks, texts, `KEPT`, units)
    sums: np.ndarray  # int32 (texts + a tile, 4 gates, units)


VNNI_BYTES = KernelLayout(
    name="AVX-512 VNNI",
    precision="int8",
    cpu_flags=frozenset({"avx512f", "avx512dq", "avx512_vnni"}),
    lanes=16,
    factors=4,
    step_states=4,
    tile_texts=6,
    tile_gates=4,
    weight=np.int8,
    state=np.uint8,
    state_steps=STEPS,
    state_zero=CENTRE,
    arrays=VnniBytes,
)
AMX_BYTES = replace(
    VNNI_BYTES,
    name="AMX",
    cpu_flags=VNNI_BYTES.cpu_flags | {"amx_tile", "amx_int8"},
    step_states=64,
    tile_texts=16,
    arrays=AmxBytes,
)
VNNI_WORDS = replace(
    VNNI_BYTES,
    precision="int16",
    factors=2,
    step_states=2,
    weight=np.int16,
    state=np.int16,
    state_steps=4096,
    state_zero=0,
    arrays=VnniWords,
)
AVX2_WORDS = replace(
    VNNI_WORDS,
    name="AVX2",
    cpu_flags=frozenset({"avx2", "fma", "f16c"}),
    lanes=8,
    tile_gates=2,
    arrays=Avx2Words,
)
LAYOUTS = (AMX_BYTES, VNNI_BYTES, VNNI_WORDS, AVX2_WORDS)  # the fastest of a precision first
