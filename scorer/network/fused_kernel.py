"""One call for all steps of a packed batch: an LSTM in whole numbers, in a CPU's own instructions.

numba compiles the loops below and lets go of the interpreter's lock; the two inner parts are
written as LLVM instructions, as no compiler finds them by itself:

    product   a tile of 6 texts x 16 units x 4 gates: 24 registers of 16 int32 sums, which stay in
              registers while all states (bytes) pass by; 4 states are multiplied at a time
              (VPDPBUSD: 16 lanes, each the sum of 4 products of a byte and a signed byte)
    cell      16 units of one text: gates, cell, state, its byte for the next step, and pooling

So on AVX-512 VNNI. On AVX2 registers have 8 lanes and there are half as many: 8 units, 2 gates
after 2 gates, 2 states (16 bits) at a time (VPMADDWD). The type of the weights says which.

Weights lie as the product reads them, so that a block of units (16 KB for 256 states) stays in
the L1 cache while all texts pass by:

    weights  int8    (blocks, 1, hidden / 4, 4 gates, 16 units x 4 states)
             int16   (blocks, 2, hidden / 2, 2 gates,  8 units x 2 states)
    table    uint16  (vocabulary, blocks, 4 gates, units): the bits of bfloat16, or of float16

Gates are given times -log2(e), so that sigmoid(x) = 1 / (1 + 2^y), with 2^y by a polynomial of
degree 4 (relative error 4e-6); the update gate is doubled: tanh(x) = (1 - 2^y) / (1 + 2^y).
Knows addresses and sizes, nothing of models. Needs numba.
"""

from itertools import chain
from typing import Any

import numpy as np
from llvmlite import ir
from numba import njit, types, uintp
from numba.extending import intrinsic

from scorer.network.kernel_layout import GATES, TILE_TEXTS
from scorer.network.vector_code import CODES, I8, I32, I64, VectorCode

# numba looks for changes in this file alone: this is the digest of `vector_code`, `kernel_layout`
CODE = "0bef9fea74736bda"
TANH_SCALE = -2.88539008  # -2 log2(e)
CACHE_LINE = 64


@intrinsic
def _multiply_tile(
    _: Any, weights: Any, states: Any, part: Any, first: Any, sums: Any, steps: Any
) -> tuple[Any, Any]:
    """Sum a tile of 6 texts and as many gates as stay in registers.

    weights: the array, for its type; states (6, hidden), part of a block's weights, first int32
    (gates, lanes) sums to begin with and sums int32 (6, 4 gates, lanes): addresses; steps: hidden
    by the states of one.
    """

    def generate(context: Any, builder: Any, _signature: Any, arguments: Any) -> Any:
        code = CODES[str(weights.dtype)](builder)
        _, states, part, first, sums, steps = arguments
        begin = code.load_gates(first, code.ints, code.layout.tile_gates)
        entry = builder.block
        loop, end = builder.append_basic_block("step"), builder.append_basic_block("done")
        builder.branch(loop)
        builder.position_at_end(loop)
        step = code.phi(ir.Constant(I64, 0), entry)
        before = [[code.phi(start, entry) for start in begin] for _ in range(TILE_TEXTS)]
        after = _add_step(code, before, states, part, step, steps)
        following = builder.add(step, ir.Constant(I64, 1))
        step.add_incoming(following, builder.block)
        for register, value in zip(chain(*before), chain(*after), strict=True):
            register.add_incoming(value, builder.block)
        builder.cbranch(builder.icmp_unsigned("<", following, steps), loop, end)
        builder.position_at_end(end)
        _store_tile(code, after, sums)
        return context.get_dummy_value()

    return types.void(weights, *[types.uintp] * 5), generate


def _add_step(
    code: VectorCode, sums: list[list[Any]], states: Any, part: Any, step: Any, steps: Any
) -> list[list[Any]]:
    """Return the sums (texts, gates) with the products of a step: 4 bytes of each text's states."""
    builder, layout = code.builder, code.layout
    step_bytes = ir.Constant(I64, layout.tile_gates * layout.register_bytes)
    block = code.load_gates(
        builder.add(part, builder.mul(step, step_bytes)), code.factors, layout.tile_gates
    )
    stride, offset = (builder.mul(count, ir.Constant(I64, 4)) for count in (steps, step))
    added = []
    for text, row in enumerate(sums):
        place = builder.add(states, builder.mul(stride, ir.Constant(I64, text)))
        some = code.everywhere(code.load(builder.add(place, offset), I32))
        added.append(
            [
                code.add_products(before, some, weight)
                for before, weight in zip(row, block, strict=True)
            ]
        )
    return added


def _store_tile(code: VectorCode, tile: list[list[Any]], sums: Any) -> None:
    """Store the sums (texts, gates) of a tile; each text has room for all its gates."""
    size = code.layout.register_bytes
    for text, row in enumerate(tile):
        for gate, value in enumerate(row):
            offset = ir.Constant(I64, size * (GATES * text + gate))
            code.store(value, code.builder.add(sums, offset), align=size)


@intrinsic
def _step_cell(
    _: Any,
    weights: Any,
    sums: Any,
    scales: Any,
    inputs: Any,
    cell: Any,
    highest: Any,
    total: Any,
    last: Any,
    rounded: Any,
) -> tuple[Any, Any]:
    """Take a block of a text one step further: from the sums to its state, pooled and rounded."""

    def generate(context: Any, builder: Any, _signature: Any, arguments: Any) -> Any:
        code = CODES[str(weights.dtype)](builder)
        _, sums, scales, inputs, cell, highest, total, last, rounded = arguments
        into, forget, update, out = _exponentials(code, sums, scales, inputs)
        one = code.constant(1)
        into, forget, out = (code.add(one, gate) for gate in (into, forget, out))
        # c / forget + (1 - update) / (into (1 + update)), over one denominator
        divisor = code.multiply(into, code.add(one, update))
        fresh = code.multiply(code.subtract(one, update), forget)
        kept = code.multiply_add(code.load(cell, code.floats), divisor, fresh)
        now = code.multiply(kept, code.reciprocal(code.multiply(divisor, forget)))
        squashed = code.exp2(code.multiply(code.constant(TANH_SCALE), now))
        below = code.multiply(code.add(one, squashed), out)
        state = code.multiply(code.subtract(one, squashed), code.reciprocal(below))
        code.store(now, cell)
        code.store(code.larger(code.load(highest, code.floats), state), highest)
        code.store(code.add(code.load(total, code.floats), state), total)
        code.store(state, last)
        code.store(code.rounded(state), rounded, align=1)
        return context.get_dummy_value()

    return types.void(weights, *[types.uintp] * 8), generate


def _exponentials(code: VectorCode, sums: Any, scales: Any, inputs: Any) -> list[Any]:
    """Return 2^y of each gate y: the sums, scaled, and what the token gives."""
    gates, size = [], code.layout.register_bytes
    for gate in range(GATES):
        place, half = size * gate, size // 2
        product = code.builder.sitofp(code.load(sums, code.ints, place, size), code.floats)
        scale = code.load(scales, code.floats, place, size)
        given = code.widened(code.load(inputs, code.halves, half * gate, half))
        gates.append(code.exp2(code.multiply_add(product, scale, given)))
    return gates


@intrinsic
def _prefetch(_: Any, address: Any) -> tuple[Any, Any]:
    """Ask for a cache line ahead of its use: the table is far larger than any cache."""

    def generate(context: Any, builder: Any, _signature: Any, arguments: Any) -> Any:
        pointer = builder.inttoptr(arguments[0], I8.as_pointer())
        read, keep, data = (ir.Constant(I32, value) for value in (0, 3, 1))
        module, kind = builder.module, [pointer.type, *[I32] * 3]
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
    float32 and first int32 (blocks, 4 gates, units) as above; now, following: states uint8 or
    int16 (texts + TILE_TEXTS, hidden); cell, last, highest, total float32 (texts, hidden); sums
    int32 (TILE_TEXTS, 4 gates, units). Arrays of registers lie at multiples of 64 bytes.
    """
    blocks, parts, steps = weights.shape[:3]
    lanes = sums.shape[2]
    hidden, gates = uintp(blocks * lanes), uintp(4 * GATES * lanes)  # gates: bytes of a block's
    part_bytes = gates // uintp(parts)
    state_bytes, part_weights = uintp(now.itemsize), uintp(steps) * part_bytes
    source, target = uintp(now.ctypes.data), uintp(following.ctypes.data)
    start = 0
    for step in range(len(sizes)):
        texts = sizes[step]
        for block in range(blocks):
            begin = uintp(table.ctypes.data) + uintp(block) * (gates // uintp(2))
            for row in range(0, texts, TILE_TEXTS):
                for text in range(row + TILE_TEXTS, min(texts, row + 2 * TILE_TEXTS)):
                    ahead = begin + uintp(ids[start + text]) * (gates // uintp(2)) * uintp(blocks)
                    _prefetch(ahead)  # type: ignore[call-arg]
                    _prefetch(ahead + uintp(CACHE_LINE))
                for part in range(parts):
                    _multiply_tile(  # type: ignore[call-arg]
                        weights,
                        source + uintp(row) * hidden * state_bytes,
                        uintp(weights.ctypes.data) + uintp(block * parts + part) * part_weights,
                        uintp(first.ctypes.data) + uintp(block * parts + part) * part_bytes,
                        uintp(sums.ctypes.data) + uintp(part) * part_bytes,
                        uintp(steps),
                    )
                for text in range(row, min(texts, row + TILE_TEXTS)):
                    at = (uintp(text) * hidden + uintp(block * lanes)) * uintp(4)
                    _step_cell(  # type: ignore[call-arg]
                        weights,
                        uintp(sums.ctypes.data) + uintp(text - row) * gates,
                        uintp(scales.ctypes.data) + uintp(block) * gates,
                        begin + uintp(ids[start + text]) * (gates // uintp(2)) * uintp(blocks),
                        uintp(cell.ctypes.data) + at,
                        uintp(highest.ctypes.data) + at,
                        uintp(total.ctypes.data) + at,
                        uintp(last.ctypes.data) + at,
                        target + (uintp(text) * hidden + uintp(block * lanes)) * state_bytes,
                    )
        start += texts
        source, target = target, source
