"""One call for all steps of a packed batch: an LSTM in whole numbers, in a CPU's own instructions.

numba compiles the loops below and lets go of the interpreter's lock; the two inner parts are
written as LLVM instructions, as no compiler finds them by itself:

    product   a tile of 6 texts x 16 units x 4 gates: 24 registers of 16 int32 sums, which stay in
              registers while all states (bytes) pass by; 4 states are multiplied at a time
              (VPDPBUSD: 16 lanes, each the sum of 4 products of a byte and a signed byte)
    cell      16 units of one text: gates, cell, state, its byte for the next step, and pooling

So on AVX-512 VNNI. On AVX2 registers have 8 lanes and there are half as many: 8 units, 2 gates
after 2 gates (the two parts of a block's weights), 2 states (16 bits) at a time (VPMADDWD). The
type of the weights says which.

Weights lie as the product reads them, so that a block of units (16 KB for 256 states) stays in
the L1 cache while all texts pass by:

    int8    (blocks, 1 part,  hidden / 4, 4 gates, 16 units x 4 states)
    int16   (blocks, 2 parts, hidden / 2, 2 gates,  8 units x 2 states)

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

from scorer.network.kernel_layout import GATES, TILE_TEXTS, BatchArrays, NetworkArrays
from scorer.network.vector_code import CODES, I8, I32, I64, VectorCode

# numba looks for changes in this file alone: this is the digest of `vector_code`, `kernel_layout`
CODE = "97628571df530734"
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
    """Return the sums (texts, gates) with the products of a step.

    It has 4 bytes of each text's states: four states, or two.
    """
    builder, layout = code.builder, code.layout
    step_bytes = ir.Constant(I64, layout.tile_gates * layout.register_bytes)
    block = code.load_gates(
        builder.add(part, builder.mul(step, step_bytes)), code.factors, layout.tile_gates
    )
    stride, offset = (builder.mul(count, ir.Constant(I64, 4)) for count in (steps, step))
    added = []
    for text, row in enumerate(sums):
        place = builder.add(states, builder.mul(stride, ir.Constant(I64, text)))
        some = code.in_all_lanes(code.load(builder.add(place, offset), I32))
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
    ids: np.ndarray, sizes: np.ndarray, network: NetworkArrays, batch: BatchArrays
) -> None:
    """Take a batch through all its steps.

    ids int64 (tokens,) and sizes int64 (time,), as `PackedIds` has them.
    """
    now, following = batch.now, batch.following
    start = 0
    for texts in sizes:
        step_ids = ids[start : start + texts]
        for block in range(len(network.scales)):
            for row in range(0, texts, TILE_TEXTS):
                ahead = step_ids[row + TILE_TEXTS : row + 2 * TILE_TEXTS]
                _ask_for_inputs(ahead, block, network)
                _multiply_block(row, block, network, now, batch.sums)
                _step_block(step_ids, row, block, network, batch, following)
        start += texts
        now, following = following, now


@njit
def _ask_for_inputs(ids: np.ndarray, block: int, network: NetworkArrays) -> None:
    """Ask for what some tokens give to a block, while other texts are multiplied."""
    for token in ids:
        inputs = _address(network.table, _inputs_at(token, block, network))
        _prefetch(inputs)  # type: ignore[call-arg]
        _prefetch(inputs + uintp(CACHE_LINE))


@njit
def _multiply_block(
    row: int, block: int, network: NetworkArrays, states: np.ndarray, sums: np.ndarray
) -> None:
    """Sum a block of the texts from `row` on, a tile after the other."""
    _, parts, steps, gates, factors = network.weights.shape
    lanes = network.scales.shape[2]
    for part in range(parts):
        _multiply_tile(  # type: ignore[call-arg]
            network.weights,
            _address(states, row * states.shape[1]),
            _address(network.weights, (block * parts + part) * steps * gates * factors),
            _address(network.first, (block * GATES + part * gates) * lanes),
            _address(sums, part * gates * lanes),
            uintp(steps),
        )


@njit
def _step_block(
    ids: np.ndarray,
    row: int,
    block: int,
    network: NetworkArrays,
    batch: BatchArrays,
    following: np.ndarray,
) -> None:
    """Take a block of the texts from `row` on, as many as a tile has, one step further."""
    lanes = network.scales.shape[2]
    for text in range(row, min(len(ids), row + TILE_TEXTS)):
        unit = text * batch.cell.shape[1] + block * lanes
        _step_cell(  # type: ignore[call-arg]
            network.weights,
            _address(batch.sums, (text - row) * GATES * lanes),
            _address(network.scales, block * GATES * lanes),
            _address(network.table, _inputs_at(ids[text], block, network)),
            _address(batch.cell, unit),
            _address(batch.highest, unit),
            _address(batch.total, unit),
            _address(batch.last, unit),
            _address(following, unit),
        )


@njit
def _inputs_at(token: Any, block: int, network: NetworkArrays) -> Any:
    """Return where in the table a token's part of a block begins."""
    _, blocks, gates, lanes = network.table.shape
    return (token * blocks + block) * gates * lanes


@njit
def _address(array: np.ndarray, at: Any) -> Any:
    """Return the address of an element of a contiguous array."""
    return uintp(array.ctypes.data) + uintp(at) * uintp(array.itemsize)
