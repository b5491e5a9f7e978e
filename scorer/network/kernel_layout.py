"""Sizes that the fused kernel and the arrays it is given share; see `fused_kernel` for the layout.

numba keeps compiled code by the kernel's own file: whoever changes a size here changes that too.
"""

LANES = 16  # 32-bit numbers of a register: the units of a block
REGISTER_BYTES = 4 * LANES
TILE_TEXTS = 6  # texts whose sums stay in registers: 6 x 4 gates of them
GATES = 4
