"""The scores already computed by an interrupted run, kept beside the output.

    <output>.journal    a line of JSON: the binding, everything a score depends on
                        records: first row (u64), rows (u32), the rows themselves, crc32 (u32)

Records follow each other without a gap, so a journal always covers the rows from 0 up to some
row: one number says what is known. Each record is handed to the system when it is made, which a
killed process survives; it is flushed to the disk (fsync) at most once a second, as all that a
power cut can cost is computing again. A torn tail is cut off.

Knows rows of fixed width and a binding, nothing of models, texts or tables.
"""

import json
import os
import struct
import time
import zlib
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import BinaryIO

import numpy as np

from scorer.files.publish import beside, writing

FORMAT = "scorer-journal-1"
FSYNC_SECONDS = 1.0
HEAD = struct.Struct("<QI")  # first row, rows
TAIL = struct.Struct("<I")  # crc32 of head and rows

Binding = Mapping[str, str]


class Journal:
    """Scores of an earlier run to `take` first, and a place to `append` this run's."""

    def __init__(self, path: Path, binding: Binding, dtype: np.dtype) -> None:
        self.path = path
        self.rows = 0  # covered by an earlier run; stays as it was at the start
        self._dtype = dtype
        self._header = _header_line(binding)
        self._next_row = 0  # the row that the next record starts with
        self._left = np.empty(0, dtype)  # of the record that `take` stands in
        self._flushed = time.monotonic()
        with writing(path):
            self._file = path.open("r+b" if path.exists() else "w+b", buffering=0)
            self._recover()
        self._records = self._read_records()

    def _recover(self) -> None:
        """Count the rows of the whole records, cut what is behind them."""
        if self._file.read(len(self._header)) != self._header:
            self._restart()
            return
        self._next_row = 0
        end = len(self._header)
        for rows in self._read_records():
            self._next_row += len(rows)
            end += HEAD.size + rows.nbytes + TAIL.size
        self.rows = self._next_row
        self._file.truncate(end)

    def _restart(self) -> None:
        self._file.seek(0)
        self._file.truncate()
        self._write(self._header)

    def _read_records(self) -> Iterator[np.ndarray]:
        """Yield the rows of each whole record, in order, each in a read of its own."""
        position, expected = len(self._header), 0
        while (rows := self._read_record(position, expected)) is not None:
            yield rows
            position += HEAD.size + rows.nbytes + TAIL.size
            expected += len(rows)

    def _read_record(self, position: int, expected: int) -> np.ndarray | None:
        """Return the record at `position` if it is whole and starts with row `expected`."""
        head = _read_at(self._file, position, HEAD.size)
        if len(head) < HEAD.size:
            return None
        first_row, count = HEAD.unpack(head)
        body_bytes = count * self._dtype.itemsize
        if position + HEAD.size + body_bytes + TAIL.size > os.fstat(self._file.fileno()).st_size:
            return None
        body = _read_at(self._file, position + HEAD.size, body_bytes + TAIL.size)
        rows, tail = body[:body_bytes], body[body_bytes:]
        if first_row != expected or TAIL.pack(zlib.crc32(rows, zlib.crc32(head))) != tail:
            return None
        return np.frombuffer(rows, self._dtype)

    def take(self, count: int) -> np.ndarray:
        """Return the next `count` of the `rows` that an earlier run scored, in their order."""
        parts = [self._left[:count]]
        self._left = self._left[count:]
        missing = count - len(parts[0])
        while missing > 0:
            record = next(self._records)
            parts.append(record[:missing])
            self._left = record[missing:]
            missing -= len(parts[-1])
        return np.concatenate(parts)

    def append(self, rows: np.ndarray) -> None:
        """Record the scores of the rows that follow the last ones."""
        if not len(rows):
            return
        body = HEAD.pack(self._next_row, len(rows)) + rows.astype(self._dtype, copy=False).tobytes()
        with writing(self.path):
            self._write(body + TAIL.pack(zlib.crc32(body)))
        self._next_row += len(rows)

    def _write(self, record: bytes) -> None:
        self._file.seek(0, os.SEEK_END)
        view = memoryview(record)
        while view:
            view = view[self._file.write(view) :]
        if time.monotonic() - self._flushed >= FSYNC_SECONDS:
            os.fsync(self._file.fileno())
            self._flushed = time.monotonic()

    def close(self) -> None:
        """Leave the journal for the next run."""
        self._file.close()

    def remove(self) -> None:
        """Delete the journal, its scores are published; and one that was set aside before."""
        for path in (self.path, _aside(self.path)):
            with writing(path):
                path.unlink(missing_ok=True)


def open_journal(
    output: Path, binding: Binding, dtype: np.dtype, note: Callable[[str], None]
) -> Journal:
    """Open the output's journal; one that is bound to another run is set aside, never mixed in.

    `note` is called with a line about a journal that was set aside, and what differs.
    """
    path = beside(output, "journal")
    with writing(path):
        differing = _differing(path, binding)
        if differing:
            aside = _aside(path)
            path.replace(aside)
            other = f"{path.name} is of another run ({', '.join(differing)})"
            note(f"{other}: set aside as {aside} till this run is published")
    return Journal(path, binding, dtype)


def _aside(journal: Path) -> Path:
    """Return where a journal of another run is put, till an output is published."""
    return beside(journal, "old")


def _header_line(binding: Binding) -> bytes:
    return json.dumps({"format": FORMAT, **binding}, sort_keys=True).encode() + b"\n"


def _differing(path: Path, binding: Binding) -> list[str]:
    """Return what differs between a journal's binding and this run's; nothing if there is none."""
    if not path.exists():
        return []
    with path.open("rb") as file:
        line = file.readline(1 << 20)
    wanted = _header_line(binding)
    if line == wanted or wanted.startswith(line):  # the same, or cut before the first record
        return []
    try:
        found = json.loads(line)
    except ValueError:
        return ["not a journal"]
    if not isinstance(found, dict):
        return ["not a journal"]
    bound = json.loads(wanted)
    return [f"other {key}" for key in sorted({*found, *bound}) if found.get(key) != bound.get(key)]


def _read_at(file: BinaryIO, position: int, count: int) -> bytes:
    """Read without moving the place where the next record is written."""
    parts: list[bytes] = []
    while count > 0 and (part := os.pread(file.fileno(), count, position)):
        parts.append(part)
        position += len(part)
        count -= len(part)
    return b"".join(parts)
