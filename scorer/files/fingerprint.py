"""Fingerprint of an input: size, sha256, and whether the file changed while it was read.

A journal is bound to its input, so the file is hashed before it is read (1 to 2 GB/s, far above
the model's rate). Afterwards the inode and the times of the file show whether it was written to:
equal content would prove nothing, as the reader may have read it while it was shorter. Of an object
behind a URL, its time and ETag show it. Knows files, nothing of tables.
"""

import hashlib
import os
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import IO, Any

from scorer.errors import InputError
from scorer.files.byte_streams import open_file, reason
from scorer.files.remote_files import version
from scorer.files.urls import Location

BLOCK_BYTES = 1 << 20
HINT = "Run again when it is complete"


@dataclass(frozen=True)
class Fingerprint:
    """Size in bytes and hex sha256 of a file's content; `stat` changes with every write to it."""

    size: int
    sha256: str
    stat: tuple[Any, ...] = field(compare=False)  # inode and times, or `remote_files.version`


def check_readable(path: Location | None) -> None:
    """Raise `InputError`, before any work, for a file that is not there or may not be read."""
    if path is not None and (isinstance(path, str) or not path.is_fifo()):  # a pipe opens once
        open_file(str(path)).close()


def fingerprint(path: Location, check: Callable[[], None] = lambda: None) -> Fingerprint | None:
    """Hash a file, calling `check` between blocks; None for a pipe, which cannot be read twice.

    Raises `InputError` if there is no such file, it is a folder or it may not be read.
    """
    if _is_read_once(path):
        return None
    digest, size = hashlib.sha256(), 0
    with open_file(str(path)) as file:
        stat = version(path) if isinstance(path, str) else _stat_key(os.fstat(file.fileno()))
        while block := _read(file, path):
            check()
            digest.update(block)
            size += len(block)
    return Fingerprint(size, digest.hexdigest(), stat)


def _is_read_once(path: Location) -> bool:
    return not isinstance(path, str) and (path.is_fifo() or path.is_char_device())


def _read(file: IO[bytes], path: Location) -> bytes:
    try:
        return file.read(BLOCK_BYTES)
    except OSError as error:
        raise InputError(f"cannot read {path}: {reason(error)}") from error


def check_unchanged(path: Location, before: Fingerprint) -> None:
    """Raise `InputError` if the file was written to, replaced or removed since it was hashed.

    Changed permissions and new hard links do not count.
    """
    if isinstance(path, str):
        if version(path) != before.stat:
            raise InputError(f"{path} changed while it was read: nothing is published", HINT)
        return
    try:
        now = _stat_key(path.stat())
    except OSError as error:
        raise InputError(f"{path} was removed while it was read: nothing is published") from error
    same = now[:-1] == before.stat[:-1]
    if not same or (now != before.stat and fingerprint(path) != before):
        raise InputError(f"{path} changed while it was read: nothing is published", HINT)


def _stat_key(status: os.stat_result) -> tuple[int, ...]:
    """Return the fields that any write changes; users cannot set the last one (ctime)."""
    return (status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns, status.st_ctime_ns)
