"""Scores remembered across nights: a SQLite file from text and bundle to score.

A text is known by a hash, together with all that a score depends on (bundle, program, precision),
so a score is never stale. Bounded; safe to delete; several runs may share it. Knows texts and rows
of scores, nothing of tables or models.
"""

import hashlib
import sqlite3
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pyarrow as pa

from scorer.errors import InputError

MOST_ROWS = 5_000_000  # then the fifth that was used longest ago is removed
REMOVED_SHARE = 5
KEY_BYTES = 16
QUERY_KEYS = 500
WAIT_SECONDS = 60.0  # for another run's write
TABLE = "CREATE TABLE IF NOT EXISTS scores (key BLOB PRIMARY KEY, score BLOB, used INTEGER)"


class ScoreCache:
    """The scores of one binding in a file; `row` is the type of a text's score."""

    def __init__(self, path: Path, binding: Mapping[str, str], row: np.dtype) -> None:
        self._path, self._row = path, row
        self._salt = "\n".join(f"{name}: {value}" for name, value in sorted(binding.items()))
        self._lock = threading.Lock()  # two stages of a run use it
        with self._errors():
            self._file = sqlite3.connect(path, timeout=WAIT_SECONDS, check_same_thread=False)
            self._file.execute("PRAGMA journal_mode=WAL")
            self._file.execute(TABLE)

    def keys(self, texts: pa.LargeStringArray) -> list[bytes]:
        """Return the key of each text."""
        start = hashlib.blake2b(self._salt.encode(), digest_size=KEY_BYTES)
        keys = []
        for text in texts.to_pylist():
            digest = start.copy()
            digest.update(b"\0" if text is None else text.encode())
            keys.append(digest.digest())
        return keys

    def find(self, keys: list[bytes]) -> tuple[np.ndarray, np.ndarray]:
        """Return rows (keys,) and bool (keys,), which of them are known."""
        known: dict[bytes, bytes] = {}
        with self._lock, self._errors():
            for start in range(0, len(keys), QUERY_KEYS):
                some = keys[start : start + QUERY_KEYS]
                marks = ",".join("?" * len(some))
                query = f"SELECT key, score FROM scores WHERE key IN ({marks})"
                known.update(self._file.execute(query, some).fetchall())
        size = self._row.itemsize
        found = np.array([len(known.get(key, b"")) == size for key in keys], bool)
        empty = bytes(size)
        joined = b"".join(
            known[key] if is_found else empty for key, is_found in zip(keys, found, strict=True)
        )
        return np.frombuffer(joined, self._row).copy(), found

    def add(self, keys: list[bytes], rows: np.ndarray) -> None:
        """Remember the rows of these keys."""
        now, size = int(time.time()), self._row.itemsize
        data = rows.astype(self._row, copy=False).tobytes()
        entries = [(key, data[i * size : (i + 1) * size], now) for i, key in enumerate(keys)]
        with self._lock, self._errors(), self._file:
            self._file.executemany("INSERT OR REPLACE INTO scores VALUES (?, ?, ?)", entries)

    def close(self) -> None:
        """Remove what is too much, and close the file."""
        with self._lock, self._errors():
            (rows,) = self._file.execute("SELECT COUNT(*) FROM scores").fetchone()
            if rows > MOST_ROWS:
                with self._file:
                    self._file.execute(
                        "DELETE FROM scores WHERE key IN "
                        "(SELECT key FROM scores ORDER BY used LIMIT ?)",
                        (rows - MOST_ROWS + MOST_ROWS // REMOVED_SHARE,),
                    )
            self._file.close()

    @contextmanager
    def _errors(self) -> Iterator[None]:
        try:
            yield
        except sqlite3.Error as error:
            hint = "It can be deleted, or left out: scores are then computed again"
            raise InputError(f"--cache {self._path}: {error}", hint) from error
