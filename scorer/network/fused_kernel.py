"""One call for all steps of a packed batch: an 8-bit LSTM in machine instructions of AVX-512 VNNI.

numba compiles the loops below and lets go of the interpreter's lock; the two inner parts are
written as LLVM instructions, as no compiler finds them by itself:

    product   a TILE of 6 texts x 16 units x 4 gates: 24 registers of 16 int32 sums, which stay in
              registers while all states (bytes) pass by; 4 states are multiplied at a time
              (VPDPBUSD: 16 lanes, each the sum of 4 products of a byte and a signed byte)
    cell      16 units of one text: gates, cell, state, its byte for the next step, and pooling

Weights lie as the product reads them, so that a block of 16 units (16 KB for 256 states) stays in
the L1 cache while all texts pass by:

    weights  int8     (blocks, hidden / 4, 4 gates, 16 units x 4 states)
    table    bfloat16 (vocabulary, blocks, 4 gates, 16 units), as uint16

Gates are given times -log2(e), so that sigmoid(x) = 1 / (1 + 2^y), with 2^y by a polynomial of
degree 4 (relative error 4e-6); the update gate is doubled: tanh(x) = (1 - 2^y) / (1 + 2^y).
Knows addresses and sizes, nothing of models. Needs numba and a CPU with AVX-512 VNNI.
"""

from itertools import chain
from typing import Any

import numpy as np
from llvmlite import ir
from numba import njit, types, uintp
from numba.extending import intrinsic

from scorer.network.kernel_layout import GATES, LANES, REGISTER_BYTES, TILE_TEXTS
from scorer.network.products import CENTRE, STEPS

GATE_REGISTERS = GATES * REGISTER_BYTES  # bytes of 16 units' four gates, in 32 bits
HALF_GATES = GATE_REGISTERS // 2  # the same in bfloat16
EXP2 = (0.00967624, 0.05550298, 0.24022246, 0.69314699, 1.0)  # minimax on [-0.5, 0.5]
LARGEST_EXPONENT = 36.0  # the product of three of 1 + 2^y stays finite
TANH_SCALE = -2.88539008  # -2 log2(e)

_F32, _I8, _I16, _I32, _I64 = ir.FloatType(), *(ir.IntType(bits) for bits in (8, 16, 32, 64))
_FLOATS, _INTS = ir.VectorType(_F32, LANES), ir.VectorType(_I32, LANES)
_HALVES, _BYTES = ir.VectorType(_I16, LANES), ir.VectorType(_I8, LANES)
_QUADS = ir.VectorType(_I8, 4 * LANES)
_FAST = ("nnan", "ninf", "nsz", "contract")


class _Code:
    """Writes LLVM instructions on registers of 16 lanes."""

    def __init__(self, builder: Any) -> None:
        self.builder = builder

    def call(self, name: str, result: Any, *arguments: Any) -> Any:
        """Call an LLVM function."""
        module, kind = self.builder.module, ir.FunctionType(result, [a.type for a in arguments])
        function = module.globals.get(name) or ir.Function(module, kind, name)
        return self.builder.call(function, arguments)

    def load(self, address: Any, kind: Any, offset: int = 0, align: int = 4) -> Any:
        """Load a register from an address in bytes."""
        place = self.builder.add(address, ir.Constant(_I64, offset))
        return self.builder.load(self.builder.inttoptr(place, kind.as_pointer()), align=align)

    def load_gates(self, address: Any, kind: Any) -> list[Any]:
        """Load a register of each gate from an address in bytes."""
        places = [REGISTER_BYTES * gate for gate in range(GATES)]
        return [self.load(address, kind, place, REGISTER_BYTES) for place in places]

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
        return ir.Constant(_FLOATS, [float(np.float32(value))] * LANES)

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
        return self.call("llvm.fma.v16f32", _FLOATS, one, other, third)

    def largest(self, one: Any, other: Any) -> Any:
        """Return the larger of each lane."""
        return self.call("llvm.maxnum.v16f32", _FLOATS, one, other)

    def reciprocal(self, value: Any) -> Any:
        """Return 1 / value, within 2^-14 of it."""
        everywhere = ir.Constant(ir.IntType(LANES), -1)
        name = "llvm.x86.avx512.rcp14.ps.512"
        return self.call(name, _FLOATS, value, self.constant(0), everywhere)

    def exp2(self, value: Any) -> Any:
        """Return 2^value: a polynomial of the fraction, times a power of two."""
        limit = self.constant(LARGEST_EXPONENT)
        value = self.call("llvm.minnum.v16f32", _FLOATS, value, limit)
        half = self.add(value, self.constant(0.5))
        whole = self.call("llvm.floor.v16f32", _FLOATS, half)
        fraction, power = self.subtract(value, whole), self.constant(EXP2[0])
        for coefficient in EXP2[1:]:
            power = self.multiply_add(power, fraction, self.constant(coefficient))
        everywhere, nearest = ir.Constant(ir.IntType(LANES), -1), ir.Constant(_I32, 4)
        name = "llvm.x86.avx512.mask.scalef.ps.512"
        return self.call(name, _FLOATS, power, whole, self.constant(0), everywhere, nearest)

    def widened(self, halves: Any) -> Any:
        """Return bfloat16, given as 16-bit integers, as float32."""
        shifted = self.builder.shl(
            self.builder.zext(halves, _INTS), ir.Constant(_INTS, [16] * LANES)
        )
        return self.builder.bitcast(shifted, _FLOATS)


@intrinsic
def _multiply_tile(
    _: Any, states: Any, weights: Any, first: Any, sums: Any, quads: Any
) -> tuple[Any, Any]:
    """Sum a tile: states uint8 (6, 4 quads), weights of a block, first int32 (4, 16) sums to begin
    with, sums int32 (6, 4, 16)."""

    def generate(context: Any, builder: Any, _signature: Any, arguments: Any) -> Any:
        code = _Code(builder)
        states, weights, first, sums, quads = arguments
        stride = builder.mul(quads, ir.Constant(_I64, 4))
        begin = code.load_gates(first, _INTS)
        entry = builder.block
        loop, end = builder.append_basic_block("quad"), builder.append_basic_block("done")
        builder.branch(loop)
        builder.position_at_end(loop)
        quad = code.phi(ir.Constant(_I64, 0), entry)
        before = [[code.phi(start, entry) for start in begin] for _ in range(TILE_TEXTS)]
        after = _add_products(code, before, states, weights, quad, stride)
        following = builder.add(quad, ir.Constant(_I64, 1))
        quad.add_incoming(following, builder.block)
        for register, value in zip(chain(*before), chain(*after), strict=True):
            register.add_incoming(value, builder.block)
        builder.cbranch(builder.icmp_unsigned("<", following, quads), loop, end)
        builder.position_at_end(end)
        for at, value in enumerate(chain(*after)):
            place = builder.add(sums, ir.Constant(_I64, REGISTER_BYTES * at))
            code.store(value, place, align=REGISTER_BYTES)
        return context.get_dummy_value()

    return types.void(*[types.uintp] * 5), generate


def _add_products(
    code: _Code, sums: list[list[Any]], states: Any, weights: Any, quad: Any, stride: Any
) -> list[list[Any]]:
    """Return the sums (texts, gates) with the products of a quad: 4 states of each text.

    stride: bytes of a text's states.
    """
    builder = code.builder
    at = builder.add(weights, builder.mul(quad, ir.Constant(_I64, GATES * 4 * LANES)))
    block = code.load_gates(at, _QUADS)
    added = []
    for text, row in enumerate(sums):
        place = builder.add(states, builder.mul(stride, ir.Constant(_I64, text)))
        place = builder.add(place, builder.mul(quad, ir.Constant(_I64, 4)))
        four = _everywhere(builder, code.load(place, _I32))
        name = "llvm.x86.avx512.vpdpbusd.512"
        added.append(
            [
                code.call(name, _INTS, before, four, weight)
                for before, weight in zip(row, block, strict=True)
            ]
        )
    return added


def _everywhere(builder: Any, four_bytes: Any) -> Any:
    """Return a register with the same four bytes in every lane."""
    one = builder.insert_element(ir.Constant(_INTS, ir.Undefined), four_bytes, ir.Constant(_I32, 0))
    lanes = ir.Constant(_INTS, [0] * LANES)
    spread = builder.shuffle_vector(one, ir.Constant(_INTS, ir.Undefined), lanes)
    return builder.bitcast(spread, _QUADS)


@intrinsic
def _step_cell(
    _: Any,
    sums: Any,
    scales: Any,
    inputs: Any,
    cell: Any,
    highest: Any,
    total: Any,
    last: Any,
    byte: Any,
) -> tuple[Any, Any]:
    """Take 16 units of a text one step further: from the sums to its state, pooled and as bytes."""

    def generate(context: Any, builder: Any, _signature: Any, arguments: Any) -> Any:
        code = _Code(builder)
        sums, scales, inputs, cell, highest, total, last, byte = arguments
        gates = []
        for gate in range(GATES):
            place, half = REGISTER_BYTES * gate, REGISTER_BYTES // 2
            product = builder.sitofp(code.load(sums, _INTS, place, REGISTER_BYTES), _FLOATS)
            scale = code.load(scales, _FLOATS, place, REGISTER_BYTES)
            given = code.widened(code.load(inputs, _HALVES, half * gate, half))
            gates.append(code.exp2(code.multiply_add(product, scale, given)))
        one = code.constant(1)
        into, forget, out = (code.add(one, gates[gate]) for gate in (0, 1, 3))
        update = gates[2]
        # c / forget + (1 - update) / (into (1 + update)), over one denominator
        divisor = code.multiply(into, code.add(one, update))
        fresh = code.multiply(code.subtract(one, update), forget)
        kept = code.multiply_add(code.load(cell, _FLOATS), divisor, fresh)
        now = code.multiply(kept, code.reciprocal(code.multiply(divisor, forget)))
        squashed = code.exp2(code.multiply(code.constant(TANH_SCALE), now))
        below = code.multiply(code.add(one, squashed), out)
        state = code.multiply(code.subtract(one, squashed), code.reciprocal(below))
        code.store(now, cell)
        code.store(code.largest(code.load(highest, _FLOATS), state), highest)
        code.store(code.add(code.load(total, _FLOATS), state), total)
        code.store(state, last)
        stepped = code.multiply_add(state, code.constant(STEPS), code.constant(CENTRE + 0.5))
        code.store(builder.trunc(builder.fptosi(stepped, _INTS), _BYTES), byte, align=1)
        return context.get_dummy_value()

    return types.void(*[types.uintp] * 8), generate


@intrinsic
def _prefetch(_: Any, address: Any) -> tuple[Any, Any]:
    """Ask for a cache line ahead of its use: the table is far larger than any cache."""

    def generate(context: Any, builder: Any, _signature: Any, arguments: Any) -> Any:
        pointer = builder.inttoptr(arguments[0], _I8.as_pointer())
        read, keep, data = (ir.Constant(_I32, value) for value in (0, 3, 1))
        module, kind = builder.module, [pointer.type, *[_I32] * 3]
        name = "llvm.prefetch.p0"
        function = module.globals.get(name) or ir.Function(
            module, ir.FunctionType(ir.VoidType(), kind), name
        )
        builder.call(function, [pointer, read, keep, data])
        return context.get_dummy_value()

    return types.void(types.uintp), generate


@njit(nogil=True, boundscheck=False, error_model="numpy", cache=True)
def run_batch(
    ids: np.ndarray,
    sizes: np.ndarray,
    table: np.ndarray,
    weights: np.ndarray,
    scales: np.ndarray,
    first: np.ndarray,
    now: np.ndarray,
    following: np.ndarray,
    cell: np.ndarray,
    last: np.ndarray,
    highest: np.ndarray,
    total: np.ndarray,
    sums: np.ndarray,
) -> None:
    """Take a batch through all its steps.

    ids int64 (tokens,) and sizes int64 (time,), as `PackedIds` has them; table, weights, scales
    float32 (blocks, 4, 16) and first int32 (blocks, 4, 16) as above; now, following: states uint8
    (texts + TILE_TEXTS, hidden); cell, last, highest, total float32 (texts, hidden); sums int32
    (TILE_TEXTS, 4, 16). Arrays of registers lie at multiples of 64 bytes.
    """
    blocks = table.shape[1]
    hidden = blocks * LANES
    row_bytes = uintp(blocks * HALF_GATES)
    source, target = uintp(now.ctypes.data), uintp(following.ctypes.data)
    start = 0
    for step in range(len(sizes)):
        texts = sizes[step]
        for block in range(blocks):
            begin = uintp(table.ctypes.data) + uintp(block * HALF_GATES)
            for row in range(0, texts, TILE_TEXTS):
                for text in range(row + TILE_TEXTS, min(texts, row + 2 * TILE_TEXTS)):
                    ahead = begin + uintp(ids[start + text]) * row_bytes
                    _prefetch(ahead)  # type: ignore[call-arg]
                    _prefetch(ahead + uintp(REGISTER_BYTES))
                _multiply_tile(  # type: ignore[call-arg]
                    source + uintp(row * hidden),
                    uintp(weights.ctypes.data) + uintp(block * hidden * GATES * LANES),
                    uintp(first.ctypes.data) + uintp(block * GATE_REGISTERS),
                    uintp(sums.ctypes.data),
                    uintp(hidden // 4),
                )
                for text in range(row, min(texts, row + TILE_TEXTS)):
                    at = uintp((text * blocks + block) * REGISTER_BYTES)
                    _step_cell(
                        uintp(sums.ctypes.data) + uintp((text - row) * GATE_REGISTERS),
                        uintp(scales.ctypes.data) + uintp(block * GATE_REGISTERS),
                        begin + uintp(ids[start + text]) * row_bytes,
                        uintp(cell.ctypes.data) + at,
                        uintp(highest.ctypes.data) + at,
                        uintp(total.ctypes.data) + at,
                        uintp(last.ctypes.data) + at,
                        target + uintp(text * hidden + block * LANES),
                    )
        start += texts
        source, target = target, source
