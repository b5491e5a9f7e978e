"""The most memory that this process has had. Knows operating systems, nothing of a run."""

import resource
import sys
from pathlib import Path

PROC_STATUS = Path("/proc/self/status")


def peak_memory_mb() -> float:
    """Return the peak of this process's memory, in MB.

    Linux has it in /proc; its `getrusage` also counts what the parent had when it forked.
    """
    if PROC_STATUS.exists():
        lines = PROC_STATUS.read_text().splitlines()
        kilobytes = next(line.split()[1] for line in lines if line.startswith("VmHWM:"))
        return int(kilobytes) * 1024 / 1e6
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / (1e6 if sys.platform == "darwin" else 1e6 / 1024)
