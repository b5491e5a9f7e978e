"""The instructions of AVX2: products of 16-bit integers (VPMADDWD), as its byte products saturate.

It multiplies half as many in a register as AVX-512, and has 16 registers in place of 32. Needs
llvmlite.
"""

from typing import Any

from llvmlite import ir

from scorer.network.kernel_layout import AVX2_WORDS
from scorer.network.vector_code import EXP2_WITHIN_3E6, FAST, VectorCode

LEAST_EXPONENT = -125.0  # 2^x is still a normal number
MANTISSA_BITS = 23


class Avx2Code(VectorCode):
    """AVX2: 16-bit states by 16-bit weights."""

    layout = AVX2_WORDS
    polynomial = EXP2_WITHIN_3E6

    def add_products(self, sums: Any, states: Any, weights: Any) -> Any:
        """Sum two products a lane."""
        products = self.call("llvm.x86.avx2.pmadd.wd", self.ints, states, weights)
        return self.builder.add(sums, products)

    def fraction(self, value: Any) -> Any:
        """Subtract what is below it."""
        return self.subtract(value, self.lanewise("floor", value))

    def scaled(self, value: Any, exponent: Any) -> Any:
        """Add to the exponent's own bits."""
        least = self.constant(LEAST_EXPONENT)
        exponent = self.lanewise("maxnum", self.lanewise("floor", exponent), least)
        shift = ir.Constant(self.ints, [MANTISSA_BITS] * self.lanes)
        added = self.builder.shl(self.builder.fptosi(exponent, self.ints), shift)
        bits = self.builder.add(self.builder.bitcast(value, self.ints), added)
        return self.builder.bitcast(bits, self.floats)

    def reciprocal(self, value: Any) -> Any:
        """Divide: registers of 8 lanes do so fast enough."""
        return self.builder.fdiv(self.constant(1), value, flags=FAST)

    def rounded(self, state: Any) -> Any:
        """Round to 16 bits."""
        return self.rounded_words(state)
