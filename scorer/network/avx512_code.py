"""The instructions of AVX-512 VNNI: products of bytes (VPDPBUSD) or 16-bit integers (VPDPWSSD).

Needs llvmlite.
"""

from typing import Any

from llvmlite import ir

from scorer.network.kernel_layout import VNNI_BYTES, VNNI_WORDS
from scorer.network.vector_code import (
    EXP2_WITHIN_3E6,
    EXP2_WITHIN_8E5,
    I8,
    I32,
    VectorCode,
)


class Avx512(VectorCode):
    """Registers of 16 lanes."""

    def fraction(self, value: Any) -> Any:
        """Take it by an instruction."""
        down, usual = ir.Constant(I32, 1), ir.Constant(I32, 4)
        name = "llvm.x86.avx512.mask.reduce.ps.512"
        return self.call(name, self.floats, value, down, self.constant(0), self._all_lanes, usual)

    def scaled(self, value: Any, exponent: Any) -> Any:
        """Scale by an instruction."""
        usual = ir.Constant(I32, 4)
        name, zero = "llvm.x86.avx512.mask.scalef.ps.512", self.constant(0)
        return self.call(name, self.floats, value, exponent, zero, self._all_lanes, usual)

    def reciprocal(self, value: Any) -> Any:
        """Come within 2^-14 of it."""
        name = "llvm.x86.avx512.rcp14.ps.512"
        return self.call(name, self.floats, value, self.constant(0), self._all_lanes)

    @property
    def _all_lanes(self) -> Any:
        """Return the mask that leaves out no lane."""
        return ir.Constant(ir.IntType(self.lanes), -1)


class ByteCode(Avx512):
    """AVX-512 VNNI: bytes of states by signed bytes of weights."""

    layout = VNNI_BYTES
    polynomial = EXP2_WITHIN_8E5  # bytes are coarser by far

    def add_products(self, sums: Any, states: Any, weights: Any) -> Any:
        """Sum four products a lane."""
        return self.call("llvm.x86.avx512.vpdpbusd.512", self.ints, sums, states, weights)

    def rounded(self, state: Any) -> Any:
        """Round to bytes."""
        layout = self.layout
        steps, zero = self.constant(layout.state_steps), self.constant(layout.state_zero + 0.5)
        stepped = self.multiply_add(state, steps, zero)
        return self.builder.trunc(self.builder.fptosi(stepped, self.ints), self.vector(I8))


class WordCode(Avx512):
    """AVX-512 VNNI: 16-bit states by 16-bit weights."""

    layout = VNNI_WORDS
    polynomial = EXP2_WITHIN_3E6

    def add_products(self, sums: Any, states: Any, weights: Any) -> Any:
        """Sum two products a lane."""
        return self.call("llvm.x86.avx512.vpdpwssd.512", self.ints, sums, states, weights)

    def reciprocal(self, value: Any) -> Any:
        """Come nearer by one of Newton's steps."""
        near = super().reciprocal(value)
        error = self.subtract(self.constant(2), self.multiply(value, near))
        return self.multiply(near, error)

    def rounded(self, state: Any) -> Any:
        """Round to 16 bits."""
        return self.rounded_words(state)
