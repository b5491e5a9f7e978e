"""Stores behind URLs: which one a URL means, reached by what, and what its errors say.

pyarrow.fs reaches the stores it knows, fsspec the others. A store is connected to once in a process
for each host, account and set of options: what is scored from many small objects would else be
spent on connections. No connection is opened but for a URL. Knows nothing of what objects hold.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache

from pyarrow import fs

from scorer.errors import InputError, ScorerError, UsageError
from scorer.files.urls import BY_PYARROW, SHOWN_OPTIONS, Url, parse_url, secrets_of, with_secrets

CONNECT_SECONDS, STALL_SECONDS, ATTEMPTS = 5, 20, 4  # a dead endpoint costs less than two minutes
GCS_RETRY_SECONDS = 60  # else 15 minutes
REASON_CHARACTERS = 300  # of a library's message
STORES = 8  # whose connections are kept
S3_ENDPOINTS = ("AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL")
AZURE = ("abfs", "abfss", "az")  # not by pyarrow, which empties an object before it is written
WHOLE_WHEN_CLOSED = ("s3", "gs", "gcs", *AZURE)  # no object till then; elsewhere a part is seen
IN_EXTRA = (*AZURE, "http", "https", "sftp", "ssh")
EXTRA = "pip install 'batch-text-scorer[cloud]'"
_found_buckets: list[tuple[fs.FileSystem, str]] = []  # asked for once in a process
ACCESS = "Credentials are those that the store's own tools find: environment, profile, machine"


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
        bucket = missing_bucket(url) if parse_url(url).scheme in WHOLE_WHEN_CLOSED else None
        if bucket is not None:
            return f"there is no bucket {bucket}"
        store, path = store_of(url)
        is_folder = store.get_file_info(path).type == fs.FileType.Directory
    except Exception as error:  # adlfs says that nothing is there where nobody answers
        return _reason(error, url)
    hint = "; with / at its end: those below it" if is_folder else ""
    return f"there is no such object{hint}"


def missing_bucket(url: str) -> str | None:
    """Return the name of the URL's bucket (Azure: container) if it is not there."""
    filesystem, path = store_of(url)
    bucket = path.partition("/")[0]
    if (filesystem, bucket) not in _found_buckets:
        if filesystem.get_file_info(bucket).type == fs.FileType.NotFound:
            return bucket
        _found_buckets.append((filesystem, bucket))
    return None


def _reason(error: Exception, url: str) -> str:
    """Return the first line of a message, with a mark for each secret of the URL in it."""
    lines = str(error).strip().splitlines() or [type(error).__name__]
    reason = lines[0]
    for secret in sorted(secrets_of(url), key=len, reverse=True):
        reason = reason.replace(secret, "…")
    return reason[:REASON_CHARACTERS]


def store_of(url: str) -> tuple[fs.FileSystem, str]:
    """Return the store of a URL, and the path in it. Raises `UsageError` for one not known."""
    given = with_secrets(url)
    parts = parse_url(given)
    if parts.scheme in BY_PYARROW:
        place, mark, query = given.partition("?")
        root = f"{'/'.join(place.split('/', 3)[:3])}/{mark}{query}"
        try:
            store = _connected(root, frozenset(os.environ.items()), os.getpid())
        except (ImportError, NotImplementedError):
            return _by_fsspec(given, parts)  # this build of pyarrow lacks the store
        in_bucket = parts.scheme in WHOLE_WHEN_CLOSED
        return store, f"{parts.host if in_bucket else ''}/{parts.path}"
    return _by_fsspec(given, parts)


@lru_cache(STORES)
def _connected(root: str, _environment: frozenset[tuple[str, str]], _process: int) -> fs.FileSystem:
    """Return the store of a URL without a path.

    Credentials may be the environment's, and a fork has no use for its parent's connections.
    """
    parts = parse_url(root)
    if parts.scheme == "s3":
        return _s3(parts)
    return fs.FileSystem.from_uri(_patient(root, parts))[0]


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
