"""One call for all steps of a packed batch: an LSTM in whole numbers, in a CPU's own instructions.

numba compiles the loops below and lets go of the interpreter's lock; the two inner parts are
written as LLVM instructions, as no compiler finds them by itself:

    product   a tile of texts x units x gates: its sums stay in registers while all states of
              these texts pass by
    cell      a block of units of one text: gates, cell, state, the state rounded for the next
              step, and pooling

How large a tile is, how many numbers a register holds and which type they have, `kernel_layout`
says for each kind of CPU:

                  units   tile               one instruction multiplies and sums
    AMX           16      16 texts, 4 gates  64 bytes of states of 16 texts with 16 units' weights
    AVX-512 VNNI  16       6 texts, 4 gates  4 bytes of states of one text, or 2 of 16 bits
    AVX2           8       6 texts, 2 gates  2 states (16 bits) of one text

Weights lie as the product reads them, so that a block of units (16 KB for 256 states of a byte)
stays in the L1 cache while all texts pass by; where a tile has 2 gates, a block has 2 parts:

    (blocks, parts, steps, gates, numbers of a step's instructions: units x states)

Gates are given times -log2(e), so that sigmoid(x) = 1 / (1 + 2^y), with 2^y by a polynomial; the
update gate is doubled: tanh(x) = (1 - 2^y) / (1 + 2^y). Knows addresses and sizes, nothing of
models. Needs numba.
"""

from typing import Any

import numpy as np
from llvmlite import ir
from numba import njit, types, uintp
from numba.extending import intrinsic

from scorer.network.amx_code import AmxCode
from scorer.network.avx2_code import Avx2Code
from scorer.network.avx512_code import ByteCode, WordCode
from scorer.network.kernel_layout import GATES, KEPT, BatchArrays, NetworkArrays
from scorer.network.vector_code import I8, I32, VectorCode

CODES = {code.layout.arrays: code for code in (AmxCode, ByteCode, WordCode, Avx2Code)}
# numba looks for changes in this file alone: this is the digest of those it imports
CODE = "c29799bdea890ec1"
TANH_SCALE = -2.88539008  # -2 log2(e)
CACHE_LINE = 64


@intrinsic
def _begin(_: Any, network: Any) -> tuple[Any, Any]:
    """Make this thread ready for tiles."""

    def generate(context: Any, builder: Any, _signature: Any, _arguments: Any) -> Any:
        _code(network, builder).begin()
        return context.get_dummy_value()

    return types.void(network), generate


@intrinsic
def _end(_: Any, network: Any) -> tuple[Any, Any]:
    """Leave what was made ready."""

    def generate(context: Any, builder: Any, _signature: Any, _arguments: Any) -> Any:
        _code(network, builder).end()
        return context.get_dummy_value()

    return types.void(network), generate


@intrinsic
def _multiply_tile(
    _: Any, network: Any, states: Any, part: Any, first: Any, sums: Any, stride: Any
) -> tuple[Any, Any]:
    """Sum a tile, as `VectorCode` says; network: for its type."""

    def generate(context: Any, builder: Any, _signature: Any, arguments: Any) -> Any:
        _code(network, builder).multiply_tile(*arguments[1:])
        return context.get_dummy_value()

    return types.void(network, *[types.uintp] * 5), generate


def _code(network: Any, builder: Any) -> VectorCode:
    """Return the instructions for a network in a layout's arrays."""
    return CODES[network.instance_class](builder)


@intrinsic
def _step_cell(
    _: Any,
    network: Any,
    sums: Any,
    scales: Any,
    inputs: Any,
    kept: Any,
    rounded: Any,
) -> tuple[Any, Any]:
    """Take a block of a text one step further: from the sums to its state, pooled and rounded."""

    def generate(context: Any, builder: Any, _signature: Any, arguments: Any) -> Any:
        code = _code(network, builder)
        _, sums, scales, inputs, kept, rounded = arguments
        cell, last, highest, total = code.places(kept, len(KEPT))
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

    return types.void(network, *[types.uintp] * 5), generate


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
    _begin(network)  # type: ignore[call-arg]
    for texts in sizes:
        step_ids = ids[start : start + texts]
        for block in range(len(network.scales)):
            _multiply_block(step_ids, block, network, batch, now)
            _step_block(step_ids, block, network, batch, following)
        start += texts
        now, following = following, now
    _end(network)


@njit
def _ask_for_inputs(ids: np.ndarray, block: int, network: NetworkArrays) -> None:
    """Ask for what some tokens give to a block, ahead of their gates."""
    for token in ids:
        inputs = _address(network.table, _inputs_at(token, block, network))
        _prefetch(inputs)  # type: ignore[call-arg]
        _prefetch(inputs + uintp(CACHE_LINE))


@njit
def _multiply_block(
    ids: np.ndarray, block: int, network: NetworkArrays, batch: BatchArrays, now: np.ndarray
) -> None:
    """Sum a block of all texts, a tile after the other.

    All of them before the first one's gates: AMX is a third slower where it takes turns with these.
    """
    _, parts, steps, gates, numbers = network.weights.shape
    lanes = network.scales.shape[2]
    for row in range(0, len(ids), batch.tile_texts):
        _ask_for_inputs(ids[row : row + batch.tile_texts], block, network)
        for part in range(parts):
            _multiply_tile(  # type: ignore[call-arg]
                network,
                _address(now, row * now.shape[1]),
                _address(network.weights, (block * parts + part) * steps * gates * numbers),
                _address(network.first, (block * GATES + part * gates) * lanes),
                _address(batch.sums, (row * GATES + part * gates) * lanes),
                uintp(now.shape[1] * now.itemsize),
            )


@njit
def _step_block(
    ids: np.ndarray, block: int, network: NetworkArrays, batch: BatchArrays, following: np.ndarray
) -> None:
    """Take a block of all texts one step further."""
    _, texts, kept, lanes = batch.kept.shape
    for text in range(len(ids)):
        _step_cell(  # type: ignore[call-arg]
            network,
            _address(batch.sums, text * GATES * lanes),
            _address(network.scales, block * GATES * lanes),
            _address(network.table, _inputs_at(ids[text], block, network)),
            _address(batch.kept, (block * texts + text) * kept * lanes),
            _address(following, text * following.shape[1] + block * lanes),
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
