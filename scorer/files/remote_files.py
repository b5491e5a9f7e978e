"""Objects behind URLs (`s3://`, `gs://`, `abfs://`, `hdfs://`, …), read, and published whole.

pyarrow.fs reaches the stores it knows, fsspec the others. No connection is opened but for a URL.

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
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from pyarrow import fs

from scorer.errors import InputError, ScorerError, UsageError
from scorer.files.publish import sync, writing
from scorer.files.urls import SHOWN_OPTIONS, Location, Url, parse_url, secrets_of, with_secrets

BLOCK_BYTES = 8 << 20  # read at a time
FLUSH_BYTES = 80 << 20  # sent before the store has confirmed them: eight parts of 10 MiB
CONNECT_SECONDS, STALL_SECONDS, ATTEMPTS = 5, 20, 4  # a dead endpoint costs less than two minutes
GCS_RETRY_SECONDS = 60  # else 15 minutes
REASON_CHARACTERS = 300  # of a library's message
S3_ENDPOINTS = ("AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL")
BY_PYARROW = ("s3", "gs", "gcs", "hdfs", "viewfs")
AZURE = ("abfs", "abfss", "az")  # not by pyarrow, which empties an object before it is written
WHOLE_WHEN_CLOSED = ("s3", "gs", "gcs", *AZURE)  # no object till then; elsewhere a part is seen
IN_EXTRA = (*AZURE, "http", "https", "sftp", "ssh")
EXTRA = "pip install 'batch-text-scorer[cloud]'"
ACCESS = "Credentials are those that the store's own tools find: environment, profile, machine"


def open_object(url: str) -> io.RawIOBase:
    """Open what a URL names for reading, from any place. Raises `InputError` or `UsageError`."""
    with reaching(url, "read"):
        filesystem, path = _filesystem(url)
        return _RemoteReader(url, filesystem.open_input_file(path))


def version(url: str) -> tuple[Any, ...]:
    """Return what changes whenever an object is written: size, time, and what the store says.

    Raises `InputError` or `UsageError`.
    """
    with reaching(url, "read"):
        filesystem, path = _filesystem(url)
        info = filesystem.get_file_info(path)
        tags = _tags(filesystem, path)
    return info.size, info.mtime_ns, tags.get("etag"), tags.get("generation")


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
        filesystem, path = _filesystem(url)
        return bool(filesystem.get_file_info(path).type == fs.FileType.File)


def check_object(url: str, source: Location | None, overwrite: bool) -> None:
    """Refuse, before any work, an object that must not or cannot be written.

    Raises `InputError` if there is no such bucket, `UsageError` for the input itself, for a store
    where an object would be seen in parts, and for an existing one without `overwrite`.
    """
    parts = parse_url(url)
    if parts.scheme not in WHOLE_WHEN_CLOSED:
        raise UsageError(
            f"{parts.scheme}:// is read, not written: there an output would be seen in parts",
            f"Write to {', '.join(f'{name}://' for name in WHOLE_WHEN_CLOSED)}, or to a file",
        )
    if url == source:
        raise UsageError(f"{url} is the input itself", "Choose another output")
    with reaching(url, "write"):
        bucket = _missing_bucket(url)
        if bucket is not None:
            raise InputError(f"cannot write {url}: there is no bucket {bucket}")
    if not overwrite and exists(url):
        raise UsageError(f"{url} is already there", "--overwrite replaces it")


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
            filesystem, path = _filesystem(self.final)
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
            self._upload.close()
        self.discard()

    def remove(self) -> None:
        """Delete the object, if there is one."""
        if exists(self.final):
            with reaching(self.final, "remove"):
                filesystem, path = _filesystem(self.final)
                filesystem.delete_file(path)

    def read(self) -> bytes | None:
        """Return the published object's content; None where there is none."""
        if not exists(self.final):
            return None
        with open_object(self.final) as file:
            return file.readall()


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


@contextmanager
def reaching(url: str, action: str) -> Iterator[None]:
    """Turn what goes wrong with a URL into an `InputError` of one line, without its secrets."""
    try:
        yield
    except ScorerError:
        raise
    except FileNotFoundError:
        raise InputError(f"cannot {action} {url}: {_missing(url)}") from None
    except Exception as error:  # every library behind fsspec has errors of its own
        reason = _reason(error, url)
        denied = any(word in reason for word in ("ACCESS_DENIED", "INVALID_ACCESS", "403", "401"))
        raise InputError(f"cannot {action} {url}: {reason}", ACCESS if denied else "") from None


def _missing(url: str) -> str:
    """Return what is not there: the object, or its whole bucket."""
    try:
        bucket = _missing_bucket(url) if parse_url(url).scheme in WHOLE_WHEN_CLOSED else None
    except Exception as error:  # adlfs says that nothing is there where nobody answers
        return _reason(error, url)
    return "there is no such object" if bucket is None else f"there is no bucket {bucket}"


def _missing_bucket(url: str) -> str | None:
    """Return the name of the URL's bucket (Azure: container) if it is not there."""
    filesystem, path = _filesystem(url)
    bucket = path.partition("/")[0]
    found = filesystem.get_file_info(bucket).type
    return bucket if found == fs.FileType.NotFound else None


def _reason(error: Exception, url: str) -> str:
    """Return the first line of a message, with a mark for each secret of the URL in it."""
    lines = str(error).strip().splitlines() or [type(error).__name__]
    reason = lines[0]
    for secret in sorted(secrets_of(url), key=len, reverse=True):
        reason = reason.replace(secret, "…")
    return reason[:REASON_CHARACTERS]


def _filesystem(url: str) -> tuple[fs.FileSystem, str]:
    """Return the store of a URL, and the path in it. Raises `UsageError` for one not known."""
    given = with_secrets(url)
    parts = parse_url(given)
    try:
        if parts.scheme == "s3":
            return _s3(parts), f"{parts.host}/{parts.path}"
        if parts.scheme in BY_PYARROW:
            filesystem, path = fs.FileSystem.from_uri(_patient(given, parts))
            return filesystem, path
    except (ImportError, NotImplementedError):
        pass  # this build of pyarrow lacks the store
    return _by_fsspec(given, parts)


def _s3(parts: Url) -> fs.FileSystem:
    """Return S3 as the URL, the environment and AWS' profiles say."""
    unknown = sorted(parts.query.keys() - set(SHOWN_OPTIONS))
    if unknown:
        known = ", ".join(SHOWN_OPTIONS)
        raise UsageError(f"s3:// takes no option {', '.join(unknown)}", f"It takes: {known}")
    query = parts.query
    endpoint = next((os.environ[name] for name in S3_ENDPOINTS if os.environ.get(name)), None)
    endpoint = query.get("endpoint_override", endpoint)
    region = query.get("region")
    if region is None and endpoint is None and not _has_region():
        region = fs.resolve_s3_region(parts.host)
    return fs.S3FileSystem(
        access_key=parts.user,
        secret_key=parts.password,
        region=region,
        scheme=query.get("scheme"),
        endpoint_override=endpoint,
        connect_timeout=CONNECT_SECONDS,
        request_timeout=STALL_SECONDS,
        allow_delayed_open=True,  # small objects are put at once
        retry_strategy=fs.AwsStandardS3RetryStrategy(max_attempts=ATTEMPTS),
    )


def _has_region() -> bool:
    return any(os.environ.get(name) for name in ("AWS_REGION", "AWS_DEFAULT_REGION"))


def _patient(given: str, parts: Url) -> str:
    """Return a URL that has pyarrow give up on Google's store after a minute."""
    if parts.scheme not in ("gs", "gcs") or "retry_limit_seconds" in parts.query:
        return given
    return f"{given}{'&' if parts.query else '?'}retry_limit_seconds={GCS_RETRY_SECONDS}"


def _by_fsspec(given: str, parts: Url) -> tuple[fs.FileSystem, str]:
    """Return a store that pyarrow does not have. Raises `UsageError` where fsspec lacks it too."""
    try:
        from fsspec.core import url_to_fs

        filesystem, path = url_to_fs(given)
        filesystem.invalidate_cache()  # another program may have written since
    except ImportError as error:
        message = f"{parts.scheme}:// needs a package more: {_reason(error, given)}"
        raise UsageError(message, EXTRA if parts.scheme in IN_EXTRA else "") from None
    except ValueError:
        known = ", ".join(f"{name}://" for name in (*BY_PYARROW, *AZURE))
        hint = f"There are {known} and those of fsspec"
        raise UsageError(f"{parts.scheme}:// is not known", hint) from None
    return fs.PyFileSystem(fs.FSSpecHandler(filesystem)), path
