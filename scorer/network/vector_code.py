"""The fused kernel's operations, written as LLVM instructions for registers of 32-bit lanes.

They are the same on every CPU: the product of a tile, 2^x, 1 / x, inputs widened to float32,
states rounded to integers. What differs is in `avx512_code` (16 lanes), `avx2_code` (8) and
`amx_code` (matrices). Knows registers and tiles, nothing of models. Needs llvmlite.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import Any

import numpy as np
from llvmlite import ir

from scorer.network.kernel_layout import GATES, KernelLayout

# 2^x on [0, 1], minimax: highest power first, by their largest relative error
EXP2_WITHIN_8E5 = (0.07802301, 0.22606939, 0.69583285, 0.99992525)
EXP2_WITHIN_3E6 = (0.01354222, 0.05199609, 0.24145146, 0.69300252, 1.0000026)
LARGEST_EXPONENT = 36.0  # the product of three of 1 + 2^y stays finite
STEP_BYTES = 4  # of a text's states: what fills a lane

F32, F16 = ir.FloatType(), ir.HalfType()
I8, I16, I32, I64 = (ir.IntType(bits) for bits in (8, 16, 32, 64))
FAST = ("nnan", "ninf", "nsz", "contract")


class VectorCode(ABC):
    """Writes what all CPUs have in common; a class of each CPU writes the rest."""

    layout: KernelLayout
    polynomial: tuple[float, ...]  # of 2^x

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

    def places(self, address: Any, count: int) -> list[Any]:
        """Return the addresses of registers that lie one after the other."""
        sizes = [ir.Constant(I64, self.layout.register_bytes * at) for at in range(count)]
        return [self.builder.add(address, size) for size in sizes]

    def store(self, value: Any, address: Any, align: int = 4) -> None:
        """Store a register at an address."""
        pointer = self.builder.inttoptr(address, value.type.as_pointer())
        self.builder.store(value, pointer, align=align)

    def constant(self, value: float) -> Any:
        """Return a register of one number."""
        return ir.Constant(self.floats, [float(np.float32(value))] * self.lanes)

    def add(self, one: Any, other: Any) -> Any:
        """Return one + other."""
        return self.builder.fadd(one, other, flags=FAST)

    def subtract(self, one: Any, other: Any) -> Any:
        """Return one - other."""
        return self.builder.fsub(one, other, flags=FAST)

    def multiply(self, one: Any, other: Any) -> Any:
        """Return one x other."""
        return self.builder.fmul(one, other, flags=FAST)

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
        fraction, power = self.fraction(value), self.constant(self.polynomial[0])
        for coefficient in self.polynomial[1:]:
            power = self.multiply_add(power, fraction, self.constant(coefficient))
        return self.scaled(power, value)

    def begin(self) -> None:  # noqa: B027 (few have anything to do)
        """Make ready for tiles, once a batch."""

    def end(self) -> None:  # noqa: B027
        """Leave what was made ready."""

    def multiply_tile(self, states: Any, part: Any, first: Any, sums: Any, stride: Any) -> None:
        """Sum a tile in registers, which hold it while all states pass by.

        states, of the tile's texts, `stride` bytes each, part of a block's weights, first (gates,
        lanes) sums to begin with and sums (texts, 4 gates, lanes): addresses.
        """
        begin = self.load_gates(first, self.ints, self.layout.tile_gates)
        steps = self.builder.udiv(stride, ir.Constant(I64, STEP_BYTES))

        def step(at: Any, tile: list[Any]) -> list[Any]:
            return self._add_step(tile, states, part, at, stride)

        self._store_tile(self.loop(steps, begin * self.layout.tile_texts, step), sums)

    def loop(
        self, times: Any, values: list[Any], step: Callable[[Any, list[Any]], list[Any]]
    ) -> list[Any]:
        """Return what values become by steps from 0 on, at least one; in registers throughout."""
        builder, entry = self.builder, self.builder.block
        body, end = builder.append_basic_block("step"), builder.append_basic_block("done")
        builder.branch(body)
        builder.position_at_end(body)
        at, *before = (self._phi(start, entry) for start in (ir.Constant(I64, 0), *values))
        after = [builder.add(at, ir.Constant(I64, 1)), *step(at, before)]
        for register, value in zip([at, *before], after, strict=True):
            register.add_incoming(value, builder.block)
        builder.cbranch(builder.icmp_unsigned("<", after[0], times), body, end)
        builder.position_at_end(end)
        return after[1:]

    def _phi(self, start: Any, entry: Any) -> Any:
        """Return a register that starts a loop with a value from the block before it."""
        register = self.builder.phi(start.type)
        register.add_incoming(start, entry)
        return register

    def _add_step(
        self, tile: list[Any], states: Any, part: Any, step: Any, stride: Any
    ) -> list[Any]:
        """Return the sums of texts x gates with the products of a step's states of each text."""
        builder, gates = self.builder, self.layout.tile_gates
        weight_bytes = ir.Constant(I64, gates * self.layout.register_bytes)
        weights = builder.add(part, builder.mul(step, weight_bytes))
        block = self.load_gates(weights, self.factors, gates)
        offset = builder.mul(step, ir.Constant(I64, STEP_BYTES))
        added = []
        for text in range(self.layout.tile_texts):
            place = builder.add(states, builder.mul(stride, ir.Constant(I64, text)))
            some = self.in_all_lanes(self.load(builder.add(place, offset), I32))
            sums = zip(tile[gates * text :], block, strict=False)
            added += [self.add_products(before, some, weight) for before, weight in sums]
        return added

    def _store_tile(self, tile: list[Any], sums: Any) -> None:
        """Store the sums of texts x gates; each text has room for all its gates."""
        size, gates = self.layout.register_bytes, self.layout.tile_gates
        for at, value in enumerate(tile):
            offset = ir.Constant(I64, size * (GATES * (at // gates) + at % gates))
            self.store(value, self.builder.add(sums, offset), align=size)

    def in_all_lanes(self, together: Any) -> Any:
        """Return a register with the states that are multiplied together in each lane."""
        nothing, lanes = (
            ir.Constant(self.ints, ir.Undefined),
            ir.Constant(self.ints, [0] * self.lanes),
        )
        one = self.builder.insert_element(nothing, together, ir.Constant(I32, 0))
        spread = self.builder.shuffle_vector(one, nothing, lanes)
        return self.builder.bitcast(spread, self.factors)

    def widened(self, halves: Any) -> Any:
        """Return float16, given as integers, as float32."""
        return self.builder.fpext(self.builder.bitcast(halves, self.vector(F16)), self.floats)

    def rounded_words(self, state: Any) -> Any:
        """Return states as 16-bit integers, the nearest to each."""
        stepped = self.multiply(state, self.constant(self.layout.state_steps))
        nearest = self.builder.fptosi(self.lanewise("rint", stepped), self.ints)
        return self.builder.trunc(nearest, self.halves)

    @abstractmethod
    def add_products(self, sums: Any, states: Any, weights: Any) -> Any:
        """Return int32 sums + states x weights, each lane the sum of its factors' products."""

    @abstractmethod
    def reciprocal(self, value: Any) -> Any:
        """Return 1 / value."""

    @abstractmethod
    def fraction(self, value: Any) -> Any:
        """Return what is above the largest whole number that is not above the value."""

    @abstractmethod
    def scaled(self, value: Any, exponent: Any) -> Any:
        """Return value x 2^exponent, the exponent without its fraction."""

    @abstractmethod
    def rounded(self, state: Any) -> Any:
        """Return states as the layout's integers, the nearest to each."""
