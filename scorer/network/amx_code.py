"""The instructions of AMX: products of small matrices, in tile registers of 16 rows x 64 bytes.

A tile of the kernel is 16 texts x 16 units x 4 gates, the sums of a gate in a tile register each:

    sums (texts x units) += states (texts x 64 bytes) . weights (16 x (units x 4 bytes))

by one instruction (TDPBUSD: bytes by signed bytes) for 64 states of each text. The numbers are
those of `ByteCode`, and so are the instructions of the cell. Knows tiles, nothing of models. Needs
llvmlite, and the system's leave (`cpu`).
"""

from typing import Any

import numpy as np
from llvmlite import ir

from scorer.network.avx512_code import ByteCode
from scorer.network.kernel_layout import AMX_BYTES, GATES
from scorer.network.vector_code import I8, I64

ROWS, ROW_BYTES = 16, 64
TILE_BYTES = ROWS * ROW_BYTES
STATES, WEIGHTS = GATES, GATES + 1  # tile registers; those before hold the sums
REGISTERS = 8
CONFIGURATION_BYTES = 64
POINTER = I8.as_pointer()


class AmxCode(ByteCode):
    """AMX-INT8."""

    layout = AMX_BYTES

    def begin(self) -> None:
        """Configure all tile registers alike; the CPU keeps it for each thread."""
        configuration = np.zeros(CONFIGURATION_BYTES, np.uint8)
        configuration[0] = 1  # the palette
        configuration[16 : 16 + 2 * REGISTERS : 2] = ROW_BYTES  # of a row, uint16 each
        configuration[48 : 48 + REGISTERS] = ROWS
        kind = ir.ArrayType(I8, CONFIGURATION_BYTES)
        place = self.builder.alloca(kind)
        self.builder.store(ir.Constant(kind, [int(byte) for byte in configuration]), place)
        self.call("llvm.x86.ldtilecfg", ir.VoidType(), self.builder.bitcast(place, POINTER))

    def end(self) -> None:
        """Give the tile registers back, so that the system need not keep them."""
        self.call("llvm.x86.tilerelease", ir.VoidType())

    def multiply_tile(self, states: Any, part: Any, first: Any, sums: Any, stride: Any) -> None:
        """Sum a tile in tile registers, as `VectorCode` says."""
        for gate in range(GATES):  # a row of sums, 16 times
            self._load_tile(gate, first, ROW_BYTES * gate, ir.Constant(I64, 0))
        steps = self.builder.udiv(stride, ir.Constant(I64, ROW_BYTES))

        def step(at: Any, _: list[Any]) -> list[Any]:
            self._add_products(at, states, part, stride)
            return []

        self.loop(steps, [], step)
        row = ir.Constant(I64, GATES * ROW_BYTES)
        for gate in range(GATES):
            self._call("tilestored64", gate, self._pointer(sums, ROW_BYTES * gate), row)

    def _add_products(self, step: Any, states: Any, part: Any, stride: Any) -> None:
        """Add those of 64 states of each text to the sums of all gates."""
        builder = self.builder
        offset = builder.mul(step, ir.Constant(I64, ROW_BYTES))
        self._load_tile(STATES, builder.add(states, offset), 0, stride)
        weights = builder.add(part, builder.mul(step, ir.Constant(I64, GATES * TILE_BYTES)))
        for gate in range(GATES):
            self._load_tile(WEIGHTS, weights, TILE_BYTES * gate, ir.Constant(I64, ROW_BYTES))
            self._call("tdpbusd", gate, *(ir.Constant(I8, tile) for tile in (STATES, WEIGHTS)))

    def _load_tile(self, tile: int, address: Any, offset: int, stride: Any) -> None:
        """Load a tile register from rows that begin `stride` bytes apart."""
        self._call("tileloadd64", tile, self._pointer(address, offset), stride)

    def _call(self, name: str, tile: int, *arguments: Any) -> None:
        """Call an instruction on a tile register."""
        self.call(f"llvm.x86.{name}", ir.VoidType(), ir.Constant(I8, tile), *arguments)

    def _pointer(self, address: Any, offset: int) -> Any:
        """Return an address in bytes as a pointer."""
        return self.builder.inttoptr(self.builder.add(address, ir.Constant(I64, offset)), POINTER)
