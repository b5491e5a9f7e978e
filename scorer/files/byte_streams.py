"""Bytes in: files, URLs and standard input, opened and decompressed (out: `byte_sink`).

Errors of the operating system and of decompressors become an `InputError` that names the file.
Knows nothing of tables.
"""

import bz2
import gzip
import io
import lzma
import os
import shutil
import sys
import tempfile
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from difflib import get_close_matches
from pathlib import Path
from typing import IO, Any, cast

import pyarrow as pa

from scorer.errors import InputError
from scorer.files.file_kinds import HEAD_BYTES, UNPACK, check_compressed
from scorer.files.remote_files import BLOCK_BYTES as REMOTE_BLOCK_BYTES
from scorer.files.remote_files import open_object
from scorer.files.urls import is_url

STANDARD_STREAM = "-"
STANDARD_OUTPUT = "standard output"
BLOCK_BYTES = 1 << 18  # read at a time
MEMBERS_SHOWN = 5  # of a zip archive
READ_ERRORS = (EOFError, OSError, zlib.error, lzma.LZMAError, zipfile.BadZipFile, pa.ArrowException)


def source_name(path: str) -> str:
    """Return the name of an input in messages."""
    return "standard input" if path == STANDARD_STREAM else path


class ByteSource(io.RawIOBase):
    """The bytes of a file or of standard input, decompressed."""

    _owned = False  # until a file is open: the interpreter closes what is not, too

    def __init__(self, path: str, compression: str | None) -> None:
        self.name = source_name(path)
        self._compression = compression
        is_file = path != STANDARD_STREAM
        self._file: Any = open_file(path) if is_file else standard_bytes(sys.stdin, self.name)
        self._owned = is_file
        try:
            self._stream = self._decompressed()
        except BaseException:
            self.close()
            raise

    def _decompressed(self) -> Any:
        if self._compression is None:
            return self._file
        if hasattr(self._file, "peek"):
            with reading(self.name, None):
                head = self._file.peek(HEAD_BYTES)
            check_compressed(self.name, head, self._compression)
        if self._compression != "zip":
            return _decompressed(self._file, self._compression)
        if not self._file.seekable():
            self._file = _spooled(self._file, self.name)
        return _only_member(self._file, self.name)

    def readable(self) -> bool:
        """Return True."""
        return True

    def readinto(self, buffer: Any) -> int:
        """Fill the buffer, less at the end of the stream. Raises `InputError`."""
        view, filled = memoryview(buffer), 0
        with reading(self.name, self._compression):
            while filled < len(view) and (size := self._stream.readinto(view[filled:])):
                filled += size
        return filled

    def close(self) -> None:
        """Close the file, unless it is standard input."""
        if not self.closed and self._owned:
            self._file.close()
        super().close()


def open_source(path: str, compression: str | None = None) -> io.BufferedReader:
    """Open a path, or `-` for standard input, for reading. Raises `InputError`."""
    return io.BufferedReader(ByteSource(path, compression), BLOCK_BYTES)


def open_seekable(path: str) -> IO[bytes]:
    """Open a file; an unseekable one is copied to an unnamed temporary file first."""
    if is_url(path):
        return cast(IO[bytes], open_object(path))  # unbuffered: it is read here and there
    if path == STANDARD_STREAM:
        return _spooled(standard_bytes(sys.stdin, source_name(path)), source_name(path))
    file = open_file(path)
    if file.seekable():
        return file
    with file:
        return _spooled(file, path)


def _spooled(file: IO[bytes], name: str) -> IO[bytes]:
    with reading(name, None), ExitStack() as undo:
        spooled = undo.enter_context(tempfile.TemporaryFile())
        shutil.copyfileobj(file, spooled, BLOCK_BYTES)
        spooled.seek(0)
        undo.pop_all()
    return spooled


def open_file(path: str) -> IO[bytes]:
    """Open a file, a pipe or a URL. Raises `InputError`."""
    if is_url(path):
        return io.BufferedReader(open_object(path), REMOTE_BLOCK_BYTES)
    try:
        return Path(path).open("rb")
    except FileNotFoundError as error:
        raise InputError(f"there is no file {path}{_nearest(Path(path))}") from error
    except IsADirectoryError as error:
        raise InputError(f"cannot read {path}: it is a folder") from error
    except (OSError, ValueError) as error:
        raise InputError(f"cannot read {path}: {reason(error)}") from error


def _nearest(path: Path) -> str:
    """Suggest the existing file with the most similar name."""
    try:
        names = [entry.name for entry in path.parent.iterdir()]
    except OSError:
        return f": there is no folder {path.parent}"
    near = get_close_matches(path.name, names, n=1, cutoff=0.7)
    return f"; did you mean {path.with_name(near[0])}?" if near else ""


@contextmanager
def reading(name: str, compression: str | None) -> Iterator[None]:
    """Turn errors of reading a stream into an `InputError`."""
    try:
        yield
    except READ_ERRORS as error:
        raise InputError(f"cannot read {name}: {_fault(error, compression)}") from error


def _fault(error: Exception, compression: str | None) -> str:
    if compression is None or getattr(error, "errno", None):
        return reason(error)
    if isinstance(error, EOFError) or "Truncated" in str(error):
        return f"its {compression} stream is cut short"
    return f"it is not {compression}, or damaged ({reason(error)})"


def reason(error: Exception) -> str:
    """Return the message of an error in one line, without the path."""
    number = getattr(error, "errno", None)
    return os.strerror(number).lower() if number else " ".join(str(error).split())


def _decompressed(file: Any, compression: str | None) -> Any:
    if compression == "gzip":
        return gzip.GzipFile(fileobj=file)
    if compression == "bz2":
        return bz2.BZ2File(file)
    if compression == "xz":
        return lzma.LZMAFile(file)
    return pa.CompressedInputStream(pa.PythonFile(file, mode="r"), "zstd")


def _only_member(file: Any, name: str) -> Any:
    """Open the one file of a zip archive. Raises `InputError` if there are several, or none."""
    with reading(name, "zip"):
        archive = zipfile.ZipFile(file)
    members = [
        member
        for member in archive.infolist()
        if not member.is_dir() and not Path(member.filename).name.startswith(".")  # of macOS
    ]
    if len(members) != 1:
        listed = ", ".join(repr(member.filename) for member in members[:MEMBERS_SHOWN])
        raise InputError(f"{name} holds {len(members)} files, not one: {listed or 'none'}", UNPACK)
    try:
        with reading(name, "zip"):
            return archive.open(members[0])
    except RuntimeError as error:  # it is encrypted, or compressed in another way
        raise InputError(f"cannot read {name}: {reason(error)}", UNPACK) from error


def standard_bytes(stream: Any, name: str) -> Any:
    """Return the bytes behind a standard stream, which a daemon may have closed."""
    if stream is None:
        raise InputError(f"{name} is closed")
    return stream.buffer
