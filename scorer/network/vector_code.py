"""LLVM instructions on registers of 32-bit lanes: AVX-512 VNNI (16 lanes) and AVX2 (8).

Both speak of the same operations, so that the kernel is written once: products of small integers,
2^x, 1 / x, inputs widened to float32, states rounded to integers. `Vnni` multiplies bytes, `Avx2`
16-bit integers, as its byte products saturate; it multiplies half as many in a register, of which
there are 16 in place of 32. Knows registers, nothing of texts, gates or models. Needs llvmlite.
"""

from abc import ABC, abstractmethod
from typing import Any

import numpy as np
from llvmlite import ir

from scorer.network.kernel_layout import AVX2, VNNI, KernelLayout

EXP2 = (0.00967624, 0.05550298, 0.24022246, 0.69314699, 1.0)  # minimax on [-0.5, 0.5]
LARGEST_EXPONENT = 36.0  # the product of three of 1 + 2^y stays finite
LEAST_EXPONENT = -125.0  # 2^x is still a normal number
MANTISSA_BITS = 23

F32, F16 = ir.FloatType(), ir.HalfType()
I8, I16, I32, I64 = (ir.IntType(bits) for bits in (8, 16, 32, 64))
_FAST = ("nnan", "ninf", "nsz", "contract")


class VectorCode(ABC):
    """Writes what is the same on every CPU, by what is not."""

    layout: KernelLayout

    def __init__(self, builder: Any) -> None:
        self.builder = builder
        self.lanes = self.layout.lanes
        self.floats, self.ints = self.vector(F32), self.vector(I32)
        self.halves = self.vector(I16)
        number = ir.IntType(8 * self.layout.weight().itemsize)
        self.factors = ir.VectorType(number, self.layout.factors * self.lanes)

    def vector(self, kind: Any) -> Any:
        """Return the type of a register's lanes."""
        return ir.VectorType(kind, self.lanes)

    def call(self, name: str, result: Any, *arguments: Any) -> Any:
        """Call an LLVM function."""
        module, kind = self.builder.module, ir.FunctionType(result, [a.type for a in arguments])
        function = module.globals.get(name) or ir.Function(module, kind, name)
        return self.builder.call(function, arguments)

    def load(self, address: Any, kind: Any, offset: int = 0, align: int = 4) -> Any:
        """Load a register from an address in bytes."""
        place = self.builder.add(address, ir.Constant(I64, offset))
        return self.builder.load(self.builder.inttoptr(place, kind.as_pointer()), align=align)

    def load_gates(self, address: Any, kind: Any, gates: int) -> list[Any]:
        """Load a register of each gate from an address in bytes."""
        size = self.layout.register_bytes
        return [self.load(address, kind, size * gate, size) for gate in range(gates)]

    def phi(self, start: Any, entry: Any) -> Any:
        """Return a register that starts a loop with a value from the block before it."""
        register = self.builder.phi(start.type)
        register.add_incoming(start, entry)
        return register

    def store(self, value: Any, address: Any, align: int = 4) -> None:
        """Store a register at an address."""
        pointer = self.builder.inttoptr(address, value.type.as_pointer())
        self.builder.store(value, pointer, align=align)

    def constant(self, value: float) -> Any:
        """Return a register of one number."""
        return ir.Constant(self.floats, [float(np.float32(value))] * self.lanes)

    def add(self, one: Any, other: Any) -> Any:
        """Return one + other."""
        return self.builder.fadd(one, other, flags=_FAST)

    def subtract(self, one: Any, other: Any) -> Any:
        """Return one - other."""
        return self.builder.fsub(one, other, flags=_FAST)

    def multiply(self, one: Any, other: Any) -> Any:
        """Return one x other."""
        return self.builder.fmul(one, other, flags=_FAST)

    def multiply_add(self, one: Any, other: Any, third: Any) -> Any:
        """Return one x other + third, rounded once."""
        return self.lanewise("fma", one, other, third)

    def larger(self, one: Any, other: Any) -> Any:
        """Return the larger of each lane."""
        return self.lanewise("maxnum", one, other)

    def lanewise(self, name: str, *arguments: Any) -> Any:
        """Call an LLVM function of float32 that there is for registers of any size."""
        return self.call(f"llvm.{name}.v{self.lanes}f32", self.floats, *arguments)

    def exp2(self, value: Any) -> Any:
        """Return 2^value: a polynomial of the fraction, times a power of two."""
        value = self.lanewise("minnum", value, self.constant(LARGEST_EXPONENT))
        half = self.add(value, self.constant(0.5))
        whole = self.lanewise("floor", half)
        fraction, power = self.subtract(value, whole), self.constant(EXP2[0])
        for coefficient in EXP2[1:]:
            power = self.multiply_add(power, fraction, self.constant(coefficient))
        return self.scaled(power, whole)

    def in_all_lanes(self, together: Any) -> Any:
        """Return a register with the states that are multiplied together in each lane."""
        nothing, lanes = (
            ir.Constant(self.ints, ir.Undefined),
            ir.Constant(self.ints, [0] * self.lanes),
        )
        one = self.builder.insert_element(nothing, together, ir.Constant(I32, 0))
        spread = self.builder.shuffle_vector(one, nothing, lanes)
        return self.builder.bitcast(spread, self.factors)

    @abstractmethod
    def add_products(self, sums: Any, states: Any, weights: Any) -> Any:
        """Return int32 sums + states x weights, each lane the sum of its factors' products."""

    @abstractmethod
    def reciprocal(self, value: Any) -> Any:
        """Return 1 / value."""

    @abstractmethod
    def scaled(self, value: Any, exponent: Any) -> Any:
        """Return value x 2^exponent, of whole exponents."""

    @abstractmethod
    def widened(self, halves: Any) -> Any:
        """Return the layout's 16-bit floats, given as integers, as float32."""

    @abstractmethod
    def rounded(self, state: Any) -> Any:
        """Return states as the layout's integers, the nearest to each."""


class Vnni(VectorCode):
    """AVX-512 VNNI: bytes of states by signed bytes of weights, inputs in bfloat16."""

    layout = VNNI

    def add_products(self, sums: Any, states: Any, weights: Any) -> Any:
        """Sum four products a lane."""
        return self.call("llvm.x86.avx512.vpdpbusd.512", self.ints, sums, states, weights)

    def reciprocal(self, value: Any) -> Any:
        """Come within 2^-14 of it."""
        all_lanes = ir.Constant(ir.IntType(self.lanes), -1)
        name = "llvm.x86.avx512.rcp14.ps.512"
        return self.call(name, self.floats, value, self.constant(0), all_lanes)

    def scaled(self, value: Any, exponent: Any) -> Any:
        """Scale by an instruction."""
        all_lanes, nearest = ir.Constant(ir.IntType(self.lanes), -1), ir.Constant(I32, 4)
        name = "llvm.x86.avx512.mask.scalef.ps.512"
        return self.call(name, self.floats, value, exponent, self.constant(0), all_lanes, nearest)

    def widened(self, halves: Any) -> Any:
        """Widen bfloat16: the upper half of a float32."""
        shift = ir.Constant(self.ints, [16] * self.lanes)
        shifted = self.builder.shl(self.builder.zext(halves, self.ints), shift)
        return self.builder.bitcast(shifted, self.floats)

    def rounded(self, state: Any) -> Any:
        """Round to bytes."""
        layout = self.layout
        steps, zero = self.constant(layout.state_steps), self.constant(layout.state_zero + 0.5)
        stepped = self.multiply_add(state, steps, zero)
        return self.builder.trunc(self.builder.fptosi(stepped, self.ints), self.vector(I8))


class Avx2(VectorCode):
    """AVX2: 16-bit states by 16-bit weights, inputs in float16."""

    layout = AVX2

    def add_products(self, sums: Any, states: Any, weights: Any) -> Any:
        """Sum two products a lane."""
        products = self.call("llvm.x86.avx2.pmadd.wd", self.ints, states, weights)
        return self.builder.add(sums, products)

    def reciprocal(self, value: Any) -> Any:
        """Divide: registers of 8 lanes do so fast enough."""
        return self.builder.fdiv(self.constant(1), value, flags=_FAST)

    def scaled(self, value: Any, exponent: Any) -> Any:
        """Add to the exponent's own bits."""
        exponent = self.lanewise("maxnum", exponent, self.constant(LEAST_EXPONENT))
        shift = ir.Constant(self.ints, [MANTISSA_BITS] * self.lanes)
        added = self.builder.shl(self.builder.fptosi(exponent, self.ints), shift)
        bits = self.builder.add(self.builder.bitcast(value, self.ints), added)
        return self.builder.bitcast(bits, self.floats)

    def widened(self, halves: Any) -> Any:
        """Widen float16."""
        return self.builder.fpext(self.builder.bitcast(halves, self.vector(F16)), self.floats)

    def rounded(self, state: Any) -> Any:
        """Round to 16 bits."""
        stepped = self.multiply(state, self.constant(self.layout.state_steps))
        nearest = self.builder.fptosi(self.lanewise("rint", stepped), self.ints)
        return self.builder.trunc(nearest, self.halves)


CODES = {code.layout.precision: code for code in (Vnni, Avx2)}
