"""What the CPU can do, and the system's leave to use it. Knows Linux, nothing of networks."""

import ctypes
import functools
import platform
from pathlib import Path

CPU_INFO = Path("/proc/cpuinfo")
TILES = "amx_tile"
ARCH_PRCTL, REQUEST_PERMISSION, TILE_DATA = 158, 0x1023, 18  # of Linux on x86-64


def cpu_flags() -> frozenset[str]:
    """Return what Linux says of the CPU's instructions; nothing elsewhere.

    Matrix tiles (AMX) are among them where the system lets this process use them.
    """
    if not CPU_INFO.exists():
        return frozenset()
    lines = CPU_INFO.read_text(encoding="utf-8").splitlines()
    line = next((line for line in lines if line.startswith("flags")), "")
    flags = frozenset(line.partition(":")[2].split())
    return flags if TILES in flags and _may_use_tiles() else flags - {TILES}


@functools.cache
def _may_use_tiles() -> bool:
    """Ask for the tiles' registers, which Linux keeps for those that ask (and their children)."""
    if platform.machine() != "x86_64":
        return False
    refused: int = ctypes.CDLL(None).syscall(ARCH_PRCTL, REQUEST_PERMISSION, TILE_DATA)
    return not refused
