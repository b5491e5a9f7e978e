"""Bytes out: a file or standard output, compressed (in: `byte_streams`).

What goes wrong becomes an `InputError` that names the file. Knows nothing of tables.
"""

import bz2
import gzip
import io
import lzma
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, Any

import pyarrow as pa
import zstandard

from scorer.errors import InputError
from scorer.files.byte_streams import STANDARD_OUTPUT, STANDARD_STREAM, reason, standard_bytes
from scorer.files.publish import full_hint

GZIP_LEVEL = 6


class ByteSink(io.RawIOBase):
    """The bytes of a file or a stream being written, compressed."""

    def __init__(self, target: str | Path | IO[bytes], compression: str | None = None) -> None:
        self.name = _target_name(target)
        with self.writing():
            self._file = _open_target(target)
        self._owned = isinstance(target, str | Path) and target != STANDARD_STREAM
        self._forwarding = _ForwardingWriter(self._file)
        self._stream = _compressed(self._forwarding, compression)

    def writable(self) -> bool:
        """Return True."""
        return True

    def write(self, data: Any) -> int:
        """Write all of `data`. Raises `InputError`."""
        with self.writing():
            self._stream.write(data)
        return len(data)

    def finish(self) -> None:
        """Flush the compressor, and close the file if this object opened it."""
        with self.writing():
            self._stream.close()
            if self._owned:
                self._file.close()
            else:
                self._file.flush()

    def abandon(self) -> None:
        """Close the incomplete file without finishing it."""
        self._forwarding.closed_for_writing = True
        self._stream.close()
        if self._owned:
            with suppress(OSError):  # the error that caused this is being raised already
                self._file.close()

    @contextmanager
    def writing(self) -> Iterator[None]:
        """Turn errors of writing the file into an `InputError`."""
        try:
            yield
        except BrokenPipeError as error:
            raise InputError(f"cannot write {self.name}: its reader is gone") from error
        except (OSError, ValueError, pa.ArrowException, zstandard.ZstdError) as error:
            hint = "" if self.name == STANDARD_OUTPUT else full_hint(error)
            raise InputError(f"cannot write {self.name}: {reason(error)}", hint) from error


class _ForwardingWriter(io.RawIOBase):
    """Forwards writes to a file that a compressor must not close.

    A compressor writes once more when it is garbage collected; after a failure that is ignored.
    """

    def __init__(self, file: Any) -> None:
        self._file = file
        self.closed_for_writing = False

    def writable(self) -> bool:
        return True

    def write(self, data: Any) -> int:
        if not self.closed_for_writing:
            try:
                _write_all(self._file, data)
            except OSError:
                self.closed_for_writing = True
                raise
        return len(data)


def _write_all(file: Any, data: Any) -> None:
    """Repeat partial writes, which unbuffered files make, until all is written."""
    view = memoryview(data).cast("B")
    while view:
        view = view[file.write(view) :]


def _target_name(target: str | Path | IO[bytes]) -> str:
    if target == STANDARD_STREAM or not isinstance(target, str | Path):
        return STANDARD_OUTPUT
    return str(target)


def _open_target(target: str | Path | IO[bytes]) -> Any:
    if target == STANDARD_STREAM:
        return standard_bytes(sys.stdout, STANDARD_OUTPUT)
    return Path(target).open("wb") if isinstance(target, str | Path) else target


def _compressed(file: Any, compression: str | None) -> Any:
    if compression == "gzip":  # no name and no time: the same table gives the same bytes
        return gzip.GzipFile("", "wb", GZIP_LEVEL, fileobj=file, mtime=0)
    if compression == "bz2":
        return bz2.BZ2File(file, "wb")
    if compression == "xz":
        return lzma.LZMAFile(file, "wb")
    if compression == "zstd":  # Arrow's own writer leaves the checksum out
        compressor = zstandard.ZstdCompressor(write_checksum=True)
        return compressor.stream_writer(file, closefd=False)
    return file
