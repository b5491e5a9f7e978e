"""Publishing a file: lock, temporary file beside it, fsync, rename, fsync of the folder.

The final name always holds the old file or the complete new one. Knows paths and bytes, nothing
of tables or scores.
"""

import errno
import fcntl
import os
import secrets
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO

from scorer.errors import InputError, OutputBusyError, UsageError

FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
FULL_HINT = "Make space and run the same command again: it goes on where this run stopped"


@contextmanager
def writing(path: Path | str) -> Iterator[None]:
    """Turn an `OSError` of writing `path` into an `InputError` that names it."""
    try:
        yield
    except BrokenPipeError:
        raise
    except OSError as error:
        reason = os.strerror(error.errno) if error.errno else str(error)
        raise InputError(f"cannot write {path}: {reason}", full_hint(error)) from error


def full_hint(error: Exception) -> str:
    """Return the hint for a full disk; "" for any other error."""
    return FULL_HINT if getattr(error, "errno", None) in FULL else ""


def real_path(path: str | os.PathLike[str]) -> Path:
    """Return the absolute path with symbolic links resolved. Raises `InputError`."""
    try:
        return Path(os.path.realpath(path))
    except OSError as error:
        raise InputError(f"cannot find {path}: the working folder is gone") from error


def beside(output: Path, ending: str) -> Path:
    """Return the path of a companion file of the output: `<output>.<ending>`."""
    return output.with_name(f"{output.name}.{ending}")


def check_output(output: Path, source: Path | None, overwrite: bool) -> None:
    """Refuse, before any work, an output that must not or cannot be written.

    Raises `InputError` if the folder is missing or the output is a folder or a device,
    `UsageError` for the input itself and for an existing file without `overwrite`.
    """
    if not output.parent.is_dir():
        raise InputError(f"cannot write {output}: there is no folder {output.parent}")
    if not output.exists():
        return
    if not output.is_file():
        kind = "a folder" if output.is_dir() else "not a regular file"
        raise InputError(f"cannot write {output}: it is {kind}", "`-` is standard output")
    if source is not None and source.exists() and source.samefile(output):
        raise UsageError(f"{output} is the input itself", "Choose another output")
    if not overwrite:
        raise UsageError(f"{output} is already there", "--overwrite replaces it")


@contextmanager
def locked(output: Path) -> Iterator[None]:
    """Hold `<output>.lock`, which the kernel releases when the process ends.

    Raises `OutputBusyError` at once if another run holds it.
    """
    path = beside(output, "lock")
    lock = _acquire(path)
    try:
        yield
    finally:
        path.unlink(missing_ok=True)  # while held: a process waiting for it notices
        lock.close()


def check_free(output: Path) -> None:
    """Raise `OutputBusyError` where another run holds `<output>.lock`; nothing is written."""
    path = beside(output, "lock")
    with suppress(FileNotFoundError), path.open() as lock:
        _lock(path, lock)


def _acquire(path: Path) -> IO[str]:
    while True:
        with writing(path):
            lock = path.open("a+")
        _lock(path, lock)
        if _still_at(path, lock):
            break
        lock.close()  # its last holder removed it between open and flock
    _write_holder(path, lock)
    return lock


def _lock(path: Path, lock: IO[str]) -> None:
    """Lock an open file; raises `OutputBusyError` where another process has."""
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        lock.seek(0)
        holder = lock.read().strip() or "unknown"
        lock.close()
        raise OutputBusyError(f"another run holds {path} (process {holder})") from None


def _write_holder(path: Path, lock: IO[str]) -> None:
    try:
        with writing(path):
            lock.truncate(0)
            lock.write(f"{os.getpid()}\n")
            lock.flush()
    except InputError:
        path.unlink(missing_ok=True)
        with suppress(OSError):  # closing flushes again, and closes even if that fails
            lock.close()
        raise


def _still_at(path: Path, file: IO[str]) -> bool:
    try:
        return os.path.samestat(path.stat(), os.fstat(file.fileno()))
    except FileNotFoundError:
        return False


def temporary_of(final: Path, own: str = "") -> Path:
    """Return the temporary path of a file that is not published yet."""
    return final.with_name(f".{final.name}.{own}partial")


class PendingFile:
    """A file to be published: `temporary` is written, `publish` renames it to its final name.

    The temporary name is fixed, so the next run removes what a killed run left. Callers hold a
    lock on the output, which keeps two runs apart, or give the name something of their own.
    """

    def __init__(self, final: Path, own: str = "") -> None:
        self.final = final
        self.temporary = temporary_of(final, own)
        self.discard()

    def __enter__(self) -> "PendingFile":
        return self

    def __exit__(self, *_: object) -> None:
        self.discard()

    def discard(self) -> None:
        """Remove the temporary file, if there is one."""
        with writing(self.final):
            self.temporary.unlink(missing_ok=True)

    def flush(self) -> None:
        """Fsync the temporary file; a full disk is detected here at the latest."""
        with writing(self.final):
            self._keep_mode()
            sync(self.temporary)

    def publish(self, replace: bool = True) -> None:
        """Rename the flushed temporary file to its final name and fsync the folder.

        Without `replace` an existing file is kept, and `UsageError` is raised.
        """
        with writing(self.final):
            if replace or not self._link():
                self.temporary.replace(self.final)
            sync(self.final.parent)

    def remove(self) -> None:
        """Remove the file at the final name, if there is one."""
        with writing(self.final):
            self.final.unlink(missing_ok=True)

    def read(self) -> bytes | None:
        """Return what is at the final name; None for what cannot be read."""
        try:
            return self.final.read_bytes()
        except OSError:
            return None

    def _link(self) -> bool:
        """Hard-link the final name unless it exists; False where links are not supported."""
        try:
            os.link(self.temporary, self.final)
        except OSError as error:
            if self.final.exists():
                message = f"{self.final} appeared during the run, and is kept"
                raise UsageError(message, "--overwrite replaces it") from error
            return False
        self.temporary.unlink()
        return True

    def _keep_mode(self) -> None:
        """Give the new file the permissions of the one it replaces."""
        if self.final.exists():
            self.temporary.chmod(stat.S_IMODE(self.final.stat().st_mode))


def sync(path: Path) -> None:
    """Fsync a file, or the entries of a folder."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def publish_text(path: Path, text: str) -> None:
    """Publish a small text file, which several runs may share: the last one's stays."""
    with PendingFile(path, f"{secrets.token_hex(4)}.") as pending:
        with writing(path):
            pending.temporary.write_text(text, encoding="utf-8")
        pending.flush()
        pending.publish()
