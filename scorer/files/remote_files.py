"""Objects behind URLs (`s3://`, `gs://`, `abfs://`, `hdfs://`, …), read, and published whole.

Reading streams, without a copy on the disk: a run reads its input twice in any case, once for its
fingerprint, once for its rows, and the second time while it computes. CSV and JSON Lines are read
in blocks, Parquet where its columns lie. What a URL names is the same object in the end (`version`)
or the run fails.

Publishing uploads what is proved: `flush` sends every byte, `publish` completes the upload, and
only then is there an object. pyarrow cannot abort one: closing its stream, and even letting go of
it, completes what was sent so far (apache/arrow#40502). So a stream that must not be completed is
neither closed nor let go of; its parts stay invisible in the store until a lifecycle rule, or
`aws s3api abort-multipart-upload`, removes them, as after a process that was killed.

Knows bytes, nothing of tables or scores.
"""

import ctypes
import io
import os
from pathlib import Path
from typing import Any

from pyarrow import fs

from scorer.errors import InputError, UsageError
from scorer.files.object_stores import WHOLE_WHEN_CLOSED, missing_bucket, reaching, store_of
from scorer.files.publish import publish_text, sync, writing
from scorer.files.urls import Location, parse_url, state_path

BLOCK_BYTES = 8 << 20  # read at a time
VERSION_TAGS = ("etag", "generation", "content-length", "size", "last-modified", "mtime")
FLUSH_BYTES = 80 << 20  # sent before the store has confirmed them: eight parts of 10 MiB


def open_object(url: str) -> io.RawIOBase:
    """Open what a URL names for reading, from any place. Raises `InputError` or `UsageError`."""
    with reaching(url, "read"):
        filesystem, path = store_of(url)
        return _RemoteReader(url, filesystem.open_input_file(path))


def version(url: str) -> tuple[Any, ...]:
    """Return what changes whenever an object is written: size, time, and what the store says.

    Raises `InputError` or `UsageError`.
    """
    with reaching(url, "read"):
        filesystem, path = store_of(url)
        tags = _tags(filesystem, path)
        if "etag" not in tags:
            info = filesystem.get_file_info(path)
            return info.size, info.mtime_ns
    return tuple(tags.get(name) for name in VERSION_TAGS)


def _tags(filesystem: fs.FileSystem, path: str) -> dict[str, Any]:
    """Return what a store says about an object, by names in lower case."""
    if isinstance(filesystem, fs.PyFileSystem):
        found = filesystem.handler.fs.info(path)
    else:
        with filesystem.open_input_file(path) as file:
            found = file.metadata() or {}
    return {name.lower(): value for name, value in found.items()}


def exists(url: str) -> bool:
    """Return whether there is an object. Raises `InputError` or `UsageError`."""
    with reaching(url, "read"):
        filesystem, path = store_of(url)
        if parse_url(url).scheme != "s3":
            return bool(filesystem.get_file_info(path).type == fs.FileType.File)
        try:
            filesystem.open_input_file(path).close()  # one request, of a missing object's kind two
        except FileNotFoundError:
            return False
    return True


def read_object(url: str) -> bytes | None:
    """Return an object's content; None where there is none. Raises `InputError`."""
    if not exists(url):
        return None
    with open_object(url) as file:
        return file.readall()


def check_object(url: str, source: Location | None, overwrite: bool) -> None:
    """Refuse, before any work, an object that must not or cannot be written.

    Raises what `check_store` raises, and `UsageError` for the input itself and for an existing
    object without `overwrite`.
    """
    if url == source:
        raise UsageError(f"{url} is the input itself", "Choose another output")
    check_store(url)
    if not overwrite and exists(url):
        raise UsageError(f"{url} is already there", "--overwrite replaces it")


def check_store(url: str) -> None:
    """Refuse a store where nothing can be written as a whole, and a bucket that is not there.

    Raises `UsageError` and `InputError`.
    """
    scheme = parse_url(url).scheme
    if scheme not in WHOLE_WHEN_CLOSED:
        raise UsageError(
            f"{scheme}:// is read, not written: there an output would be seen in parts",
            f"Write to {', '.join(f'{name}://' for name in WHOLE_WHEN_CLOSED)}, or to a file",
        )
    with reaching(url, "write"):
        bucket = missing_bucket(url)
        if bucket is not None:
            raise InputError(f"cannot write {url}: there is no bucket {bucket}")


def kept_here(location: Location) -> Path:
    """Return where what belongs to a URL is kept on this machine; any other path is itself."""
    if isinstance(location, Path):
        return location
    path = state_path(location)
    with writing(path.parent):
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    return path


def publish_small(location: Location, text: str) -> None:
    """Publish a small text, behind a URL in one request. Raises `InputError`."""
    if isinstance(location, Path):
        publish_text(location, text)
        return
    with reaching(location, "write"):
        filesystem, path = store_of(location)
        upload = filesystem.open_output_stream(path, compression=None)
        _keep_for_ever(upload)
        upload.write(text.encode("utf-8", "backslashreplace"))
        _complete(upload)


class PendingObject:
    """An object to be published: `temporary` is written here, `flush` sends it, `publish` shows it.

    The interface is that of `publish.PendingFile`.
    """

    def __init__(self, url: str, temporary: Path) -> None:
        self.final = url
        self.temporary = temporary
        self._upload: Any = None
        self.discard()

    def discard(self) -> None:
        """Remove the temporary file; an upload that is not completed never will be."""
        self._upload = None
        with writing(self.temporary):
            self.temporary.unlink(missing_ok=True)

    def flush(self) -> None:
        """Send every byte; the object is not there yet. Raises `InputError`."""
        with writing(self.temporary):
            sync(self.temporary)
            file = self.temporary.open("rb")
        with file, reaching(self.final, "write"):
            filesystem, path = store_of(self.final)
            self._upload = filesystem.open_output_stream(path, compression=None)
            _keep_for_ever(self._upload)
            _send(file, self._upload)

    def publish(self, replace: bool = True) -> None:
        """Complete the upload. Without `replace`, `UsageError` is raised for an object that is
        there; of two runs that complete at the same moment, the last one's is kept.
        """
        if not replace and exists(self.final):
            message = f"{self.final} appeared during the run, and is kept"
            raise UsageError(message, "--overwrite replaces it")
        with reaching(self.final, "write"):
            _complete(self._upload)
        self.discard()

    def remove(self) -> None:
        """Delete the object, if there is one."""
        if exists(self.final):
            with reaching(self.final, "remove"):
                filesystem, path = store_of(self.final)
                filesystem.delete_file(path)

    def read(self) -> bytes | None:
        """Return the published object's content; None where there is none."""
        return read_object(self.final)


def _send(file: io.BufferedReader, upload: Any) -> None:
    """Send a file, waiting now and then: pyarrow would take all of it into memory."""
    unconfirmed = 0
    while block := file.read(BLOCK_BYTES):
        upload.write(block)
        unconfirmed += len(block)
        if unconfirmed >= FLUSH_BYTES:
            upload.flush()
            unconfirmed = 0
    upload.flush()


def _keep_for_ever(stream: Any) -> None:
    """Have a stream outlive the interpreter: its end would complete the upload."""
    ctypes.pythonapi.Py_IncRef(ctypes.py_object(stream))


def _complete(stream: Any) -> None:
    """Complete an upload; its stream need not be kept any more."""
    stream.close()
    ctypes.pythonapi.Py_DecRef(ctypes.py_object(stream))


class _RemoteReader(io.RawIOBase):
    """A pyarrow stream as a file of Python's, whose errors name the URL."""

    def __init__(self, url: str, stream: Any) -> None:
        self.name = url
        self._stream = stream

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        with reaching(self.name, "read"):
            return int(self._stream.readinto(buffer))

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        with reaching(self.name, "read"):
            return int(self._stream.seek(offset, whence))

    def tell(self) -> int:
        return int(self._stream.tell())

    def close(self) -> None:
        if not self.closed:
            self._stream.close()
        super().close()
