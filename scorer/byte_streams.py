"""Bytes in and out: files and standard streams opened, decompressed and compressed.

Whatever the system or a compressed stream has to say becomes an `InputError` that names the file.
Knows nothing of tables.
"""

import gzip
import io
import os
import sys
import tempfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from difflib import get_close_matches
from pathlib import Path
from typing import IO, Any, BinaryIO, cast

import pyarrow as pa

from scorer.errors import InputError

STANDARD_STREAM = "-"
GZIP_LEVEL = 6
block_bytes = 1 << 18  # read at a time


class Source(io.RawIOBase):
    """The decompressed bytes of a file or of standard input."""

    def __init__(self, path: str, compression: str | None = None) -> None:
        self.name = display_name(path)
        self._compression = compression
        self._owned = path != STANDARD_STREAM
        self._file: Any = open_file(path) if self._owned else sys.stdin.buffer
        self._stream = _decompressed(self._file, compression)

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        with _reading(self.name, self._compression):
            return self._stream.readinto(buffer)

    def close(self) -> None:
        if not self.closed and self._owned:
            self._file.close()
        super().close()


def display_name(path: str) -> str:
    """Return what messages call an input."""
    return "standard input" if path == STANDARD_STREAM else path


def open_file(path: str) -> BinaryIO:
    """Open a file or a pipe. Raises `InputError`."""
    try:
        return Path(path).open("rb")
    except FileNotFoundError as error:
        raise InputError(f"there is no file {path}{_nearest(Path(path))}") from error
    except IsADirectoryError as error:
        raise InputError(f"cannot read {path}: it is a folder") from error
    except PermissionError as error:
        raise InputError(f"cannot read {path}: permission denied") from error
    except (OSError, ValueError) as error:
        raise InputError(f"cannot read {path!r}: {_reason(error)}") from error


def _nearest(path: Path) -> str:
    """Name the file a person may have meant."""
    if not path.parent.is_dir():
        return f": there is no folder {path.parent}"
    try:
        near = get_close_matches(path.name, os.listdir(path.parent), n=1, cutoff=0.7)
    except OSError:
        return ""
    return f"; did you mean {path.with_name(near[0])}?" if near else ""


def open_seekable(path: str) -> BinaryIO:
    """Open a file; standard input and pipes are copied to an unnamed temporary file first."""
    name = display_name(path)
    source = BinaryIO_of(path)
    if path != STANDARD_STREAM and source.seekable():
        return source
    with _reading(name, None):
        spooled = cast(BinaryIO, tempfile.TemporaryFile())
        while block := source.read(block_bytes):
            spooled.write(block)
        spooled.seek(0)
    return spooled


def _decompressed(file: BinaryIO, compression: str | None) -> Any:
    if compression == "gzip":
        return gzip.GzipFile(fileobj=file)
    if compression == "zstd":
        return pa.CompressedInputStream(pa.PythonFile(file, mode="r"), "zstd")
    return file
