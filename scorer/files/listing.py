"""What files are below a folder or match a pattern, on this machine or behind a URL.

    s3://bucket/in/            every object below it; without the `/` too, if it is no object
    s3://bucket/in/*.csv       `*`, `[…]` and `**` as in a glob of files; the characters themselves
                               are %2A, %5B and %3F

Looked at once: what is listed has its size and time, so that a folder of many files costs as many
requests as it has thousands of files. Knows names, nothing of what files hold.
"""

import glob
import re
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from operator import itemgetter
from pathlib import Path, PurePosixPath
from urllib.parse import unquote

from pyarrow import fs

from scorer.errors import InputError, UsageError
from scorer.files.object_stores import missing_bucket, reaching, store_of
from scorer.files.remote_files import exists
from scorer.files.urls import Location, below, first_parts, is_url, parse_url

ANY_FOLDERS = "**"
ESCAPED = re.compile("%(?:2a|3f|5b)", re.IGNORECASE)  # *, ? and [
NOT_LISTED = ("http", "https")
RECENT_SECONDS = 60  # stores keep times in whole seconds, and clocks differ


@dataclass(frozen=True)
class FileState:
    """Size in bytes, and when a file changed, in ns.

    `changed` is None where it is not known, or so recent that a later write may bear the same time.
    """

    size: int
    changed: int | None


@dataclass(frozen=True)
class FoundFile:
    """A file, and its place below the folder that it was found in; state None: not looked at."""

    location: Location
    place: PurePosixPath
    state: FileState | None = field(default=None, compare=False)


def state_of(location: Location) -> FileState | None:
    """Return the state of a file; None where there is none. Raises `InputError`."""
    if isinstance(location, str):
        with reaching(location, "read"):
            store, path = store_of(location)
            return _state(store.get_file_info(path))
    try:
        status = location.stat()
    except FileNotFoundError:
        return None
    except OSError as error:
        raise InputError(f"cannot read {location}: {error.strerror}") from error
    return FileState(status.st_size, status.st_mtime_ns) if location.is_file() else None


def _state(info: fs.FileInfo) -> FileState | None:
    if info.type != fs.FileType.File:
        return None
    changed = info.mtime_ns
    if changed is not None and changed > time.time_ns() - RECENT_SECONDS * 1_000_000_000:
        changed = None
    return FileState(info.size or 0, changed)


def is_folder(path: str) -> bool:
    """Return whether a path, or a URL, is one of a folder that is there."""
    if not is_url(path):
        return path != "" and Path(path).is_dir()
    if not _is_listed(path):
        return False
    return path.partition("?")[0].endswith("/") or _kind(path) == fs.FileType.Directory


def is_missing(url: str) -> bool:
    """Return whether a URL names neither an object nor a folder. Raises `InputError`.

    False where that is only known once it is opened.
    """
    return _is_listed(url) and bool(_kind(url) == fs.FileType.NotFound)


def _is_listed(url: str) -> bool:
    return parse_url(url).scheme not in NOT_LISTED


def _kind(url: str) -> fs.FileType:
    with reaching(url, "read"):
        store, path = store_of(url)
        return store.get_file_info(path).type


def is_pattern(path: str) -> bool:
    """Return whether a path, or a URL, is a glob and not the name of a file that is there."""
    if not is_url(path):
        return glob.has_magic(path) and not Path(path).exists()
    place = _place(path)
    return "*" in place or (glob.has_magic(place) and not exists(path))


def _place(url: str) -> str:
    """Return what a URL has between its host and its query, as it is spelled."""
    return url.partition("?")[0].partition("://")[2].partition("/")[2]


def list_files(folder: Location, strict: bool = True) -> list[FoundFile]:
    """Return every file below a folder, sorted; also a link that leads to none.

    Raises `InputError` where there is no folder.

    strict: and for an object that cannot be opened; else it is left out.
    """
    if isinstance(folder, Path):
        inside = sorted(path for path in folder.rglob("*") if _is_listed_here(path))
        return [_local(path, folder) for path in inside]
    return _listed(folder, recursive=True, strict=strict)


def match_files(pattern: str) -> list[FoundFile]:
    """Return the files that match a glob, sorted; their places are below its first folders."""
    if not is_url(pattern):
        base = Path(*_before_magic(Path(pattern).parts))
        matches = sorted(base.glob(str(Path(pattern).relative_to(base))))
        return [_local(path, base) for path in matches if _is_listed_here(path)]
    parts = _place(pattern).split("/")
    plain = len(_before_magic(parts))
    wanted = [_unescaped(part) for part in parts[plain:]]
    found = _listed(first_parts(pattern, plain), recursive=len(wanted) > 1 or ANY_FOLDERS in wanted)
    return [file for file in found if _matches(file.place.parts, wanted)]


def _unescaped(part: str) -> str:
    """Return a part of a URL as a glob, in which %2A, %3F and %5B are no magic."""
    return unquote(ESCAPED.sub(lambda found: f"[{unquote(found[0])}]", part))


def _is_listed_here(path: Path) -> bool:
    """Return whether a path is a file, or one that cannot be reached: who opens it says why."""
    try:
        return path.is_file() or not path.exists()
    except PermissionError:
        return True


def _local(path: Path, base: Path) -> FoundFile:
    state = None
    with suppress(InputError):  # who opens it says so
        state = state_of(path)
    return FoundFile(path, PurePosixPath(path.relative_to(base)), state)


def _before_magic(parts: Sequence[str]) -> list[str]:
    """Return the folders before the first part that is a pattern."""
    plain = next(at for at, part in enumerate(parts) if glob.has_magic(part))
    return list(parts[:plain])


def _listed(folder: str, recursive: bool, strict: bool = True) -> list[FoundFile]:
    """Return the objects below a URL, sorted; what stands for an empty folder is none."""
    if not _is_listed(folder):
        raise UsageError(f"{folder} has no list of what is below it", "Name each file, or @LIST")
    with reaching(folder, "read"):
        _check_folder(folder)
        store, path = store_of(folder)
        base = path.rstrip("/")
        found = store.get_file_info(fs.FileSelector(base, recursive=recursive))
        listed = [(info.path, state) for info in found if (state := _state(info))]
    places = [
        (PurePosixPath(key).relative_to(base), state)
        for key, state in listed
        if _is_openable(key, strict)
    ]
    return [
        FoundFile(below(folder, str(place)), place, state)
        for place, state in sorted(places, key=itemgetter(0))
    ]


def _is_openable(key: str, strict: bool) -> bool:
    """Return whether an object can be opened: pyarrow takes a//b and a/./b for another one.

    Raises `InputError` instead if it has to be.
    """
    plain = str(PurePosixPath(key)) == key
    if strict and not plain:
        raise InputError(
            f"cannot read the object {key}", "Rename it: a part of its key is empty or a dot"
        )
    return plain


def _check_folder(folder: str) -> None:
    """Raise `InputError` where nothing is below a URL."""
    if is_missing(folder):
        bucket = missing_bucket(folder)
        what = "nothing is there" if bucket is None else f"there is no bucket {bucket}"
        raise InputError(f"cannot read {folder}: {what}")


def _matches(parts: Sequence[str], pattern: Sequence[str]) -> bool:
    """Return whether a place is one that a pattern means."""
    if not pattern:
        return not parts
    if pattern[0] == ANY_FOLDERS:
        return any(_matches(parts[skipped:], pattern[1:]) for skipped in range(len(parts) + 1))
    first = bool(parts) and fnmatchcase(parts[0], pattern[0])
    return first and _matches(parts[1:], pattern[1:])
