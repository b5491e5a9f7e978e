"""What an input is known by: its size and sha256, and whether it changed while it was read.

A journal has to know its input before the first score is trusted, so the file is hashed before
it is read (1 to 2 GB/s, far above what the model needs). Afterwards a look at the file's times
tells whether a second hashing is needed. Knows files, nothing of tables.
"""

import hashlib
import os
import stat
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from scorer.errors import InputError

BLOCK_BYTES = 1 << 20


@dataclass(frozen=True)
class Fingerprint:
    """Size in bytes and hex sha256 of a file's content; `mark` is its inode and times."""

    size: int
    sha256: str
    mark: tuple[int, ...] = field(compare=False)


def fingerprint(path: Path, check: Callable[[], None] = lambda: None) -> Fingerprint | None:
    """Hash a file, calling `check` between blocks; None for a pipe, which can be read only once.

    Raises `InputError` if there is no such file, it is a folder or it may not be read.
    """
    try:
        status = path.stat()
        if stat.S_ISFIFO(status.st_mode) or stat.S_ISCHR(status.st_mode):
            return None
        digest, size = hashlib.sha256(), 0
        with path.open("rb") as file:
            while block := file.read(BLOCK_BYTES):
                check()
                digest.update(block)
                size += len(block)
    except FileNotFoundError as error:
        raise InputError(f"there is no file {path}") from error
    except OSError as error:
        raise InputError(f"cannot read {path}: {error.strerror}") from error
    return Fingerprint(size, digest.hexdigest(), _mark(status))


def check_unchanged(path: Path, before: Fingerprint) -> None:
    """Raise `InputError` if the content at `path` is no longer what was hashed.

    A file that was only touched, renamed back or given other permissions has not changed.
    """
    try:
        unchanged = _mark(path.stat()) == before.mark or fingerprint(path) == before
    except OSError as error:
        raise InputError(f"{path} is gone: it changed while it was read") from error
    if not unchanged:
        raise InputError(f"{path} changed while it was read: nothing is published")


def _mark(status: os.stat_result) -> tuple[int, ...]:
    """Return what any write to a file changes; the last time cannot be set back by hand."""
    return (status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns, status.st_ctime_ns)
