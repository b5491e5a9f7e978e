"""Scores remembered across nights: a SQLite file from text and bundle to score.

A text is known by a hash, together with all that a score depends on (bundle, program, precision),
so a score is never stale; a checksum tells a damaged one. Bounded; safe to delete; several runs may
share it. No run needs it: from the first failure on (a full disk, a damaged file, no folder) it
knows nothing, and says why in `doubts`. Knows texts and rows of scores, nothing of tables or
models.
"""

import hashlib
import sqlite3
import threading
import time
import zlib
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import TypeVar

import numpy as np
import pyarrow as pa

from scorer.tables.doubts import Doubt, without_file

MOST_ROWS = 5_000_000  # then the fifth that was used longest ago is removed
REMOVED_SHARE = 5
KEY_BYTES, CHECKSUM_BYTES = 16, 4
QUERY_KEYS = 500
NOTED_SECONDS = 7 * 24 * 3600  # between two notes that a score was used: each of them is a write
WAIT_SECONDS = 60.0  # for another run's write
TABLE = "CREATE TABLE IF NOT EXISTS scores (key BLOB PRIMARY KEY, score BLOB, used INTEGER)"
HINT = "A cache that is damaged may be deleted"

FAILURES = (sqlite3.Error, UnicodeDecodeError)  # the latter for a damaged name in a message

Result = TypeVar("Result")


class ScoreCache:
    """The scores of one binding in a file; `dtype` is that of a text's score."""

    def __init__(self, path: Path, binding: Mapping[str, str], dtype: np.dtype) -> None:
        self.doubts: list[Doubt] = []  # one, where the run goes on without the file
        self._path, self._dtype = path, dtype
        self._salt = "\n".join(f"{name}: {value}" for name, value in sorted(binding.items()))
        self._lock = threading.Lock()  # two stages of a run use it
        self._file: sqlite3.Connection | None = None
        try:
            self._file = sqlite3.connect(path, timeout=WAIT_SECONDS, check_same_thread=False)
            self._file.execute("PRAGMA journal_mode=WAL")
            self._file.execute(TABLE)
        except FAILURES as error:
            self._give_up(error)

    def keys(self, texts: pa.LargeStringArray) -> list[bytes]:
        """Return the key of each text."""
        start = hashlib.blake2b(self._salt.encode(), digest_size=KEY_BYTES)
        keys = []
        for text in texts.to_pylist():
            digest = start.copy()
            digest.update(b"" if text is None else b"text:" + text.encode())
            keys.append(digest.digest())
        return keys

    def find(self, keys: list[bytes]) -> tuple[np.ndarray, np.ndarray]:
        """Return rows (keys,) and bool (keys,), which of them are known."""
        nothing: dict[bytes, object] = {}
        entries = self._try(lambda file: _entries(file, keys), nothing)
        known = [self._checked(key, entries.get(key)) for key in keys]
        empty = bytes(self._dtype.itemsize)
        joined = b"".join(empty if score is None else score for score in known)
        found = np.array([score is not None for score in known], bool)
        return np.frombuffer(joined, self._dtype).copy(), found

    def _checked(self, key: bytes, entry: object) -> bytes | None:
        """Return the score of an entry; None for one that is missing or damaged."""
        if not isinstance(entry, bytes):
            return None
        score, checksum = entry[:-CHECKSUM_BYTES], entry[-CHECKSUM_BYTES:]
        whole = len(score) == self._dtype.itemsize and checksum == _checksum(key, score)
        return score if whole else None

    def add(self, keys: list[bytes], rows: np.ndarray) -> None:
        """Remember the rows of these keys."""
        now, size = int(time.time()), self._dtype.itemsize
        data = rows.astype(self._dtype, copy=False).tobytes()
        scores = [data[i * size : (i + 1) * size] for i in range(len(keys))]
        entries = [
            (key, score + _checksum(key, score), now)
            for key, score in zip(keys, scores, strict=True)
        ]
        self._try(lambda file: _add(file, entries), None)

    def close(self) -> None:
        """Remove what is too much, and close the file."""
        self._try(_trim, None)
        self._try(lambda file: file.close(), None)

    def _try(self, use: Callable[[sqlite3.Connection], Result], otherwise: Result) -> Result:
        """Return what a use of the file returns; `otherwise` from its first failure on."""
        with self._lock:
            if self._file is None:
                return otherwise
            try:
                return use(self._file)
            except FAILURES as error:
                self._give_up(error)
                return otherwise

    def _give_up(self, error: Exception) -> None:
        hint = "" if isinstance(error, sqlite3.OperationalError) else f". {HINT}"
        self.doubts.append(without_file(f"--cache {self._path}", f"{error}{hint}"))
        with suppress(sqlite3.Error):
            if self._file is not None:
                self._file.close()
        self._file = None


def _checksum(key: bytes, score: bytes) -> bytes:
    return zlib.crc32(score, zlib.crc32(key)).to_bytes(CHECKSUM_BYTES)


def _entries(file: sqlite3.Connection, keys: list[bytes]) -> dict[bytes, object]:
    """Return the entries of those keys that the file has; that they are used is noted."""
    known: dict[bytes, object] = {}
    now = int(time.time())
    for start in range(0, len(keys), QUERY_KEYS):
        some = keys[start : start + QUERY_KEYS]
        marks = ",".join("?" * len(some))
        query = f"SELECT key, score, used FROM scores WHERE key IN ({marks})"
        found = file.execute(query, some).fetchall()
        known.update((key, score) for key, score, _ in found)
        old = [(now, key) for key, _, used in found if used < now - NOTED_SECONDS]
        if old:
            with file:
                file.executemany("UPDATE scores SET used = ? WHERE key = ?", old)
    return known


def _add(file: sqlite3.Connection, entries: list[tuple[bytes, bytes, int]]) -> None:
    with file:
        file.executemany("INSERT OR REPLACE INTO scores VALUES (?, ?, ?)", entries)


def _trim(file: sqlite3.Connection) -> None:
    """Remove the scores that were used longest ago where there are too many."""
    (rows,) = file.execute("SELECT COUNT(*) FROM scores").fetchone()
    if rows > MOST_ROWS:
        oldest = "SELECT key FROM scores ORDER BY used LIMIT ?"
        with file:
            file.execute(
                f"DELETE FROM scores WHERE key IN ({oldest})",
                (rows - MOST_ROWS + MOST_ROWS // REMOVED_SHARE,),
            )
