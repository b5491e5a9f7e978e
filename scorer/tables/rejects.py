"""Rejected rows: `<output>.rejects.csv`, which can be put right by hand and scored again.

    "line","byte_offset","reason","raw"
    1,0,header,"id,review"                                  the input's header
    2077,301244,"3 fields where the header has 2","7,Good, bad"

The file has the delimiter and the quote of its input; its own header is quoted if the input's
cells may be. It is UTF-8, whatever the input was, except for undecodable bytes: those stay as
they were, so an uncorrected row is rejected again. Once its rows are corrected in the `raw`
column, the file is an input like any other: it is recognised by its header, and its rows are
those in `raw`. Knows nothing of columns or Arrow.
"""

import csv
import io
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import chain
from pathlib import Path

from scorer.errors import InputError
from scorer.files.byte_sink import ByteSink
from scorer.tables.csv_encoding import Encoding
from scorer.tables.csv_records import Lines, parsed
from scorer.tables.table_streams import CsvDialect, Reject

COLUMNS = ("line", "byte_offset", "reason", "raw")
HEADER = "header"
SPACES = ", spaces left out"  # behind it, where the input's dialect skips them
ESCAPE = ", escape "  # behind it, and which one the input has, if it has one
PLAIN_QUOTE = '"'  # of the file where its input has none
FIRST_LINE = re.compile(r"\ufeff?(\W?)line\1(.)\1byte_offset\1\2\1reason\1\2\1raw\1[\r\n]")
FIRST_LINE_BYTES = 128
SHOWN_REASONS, SHOWN_ROWS, SHOWN_CHARACTERS = 50, 20, 1000  # kept for a report
OTHER_REASONS = "other reasons"


class RejectSink:
    """Writes rejected rows to a file, created with the first one."""

    def __init__(self, path: str | Path) -> None:
        self.count = 0
        self.reasons: Counter[str] = Counter()  # rows by reason, the first reasons by name
        self.first: list[Reject] = []  # cut
        self._path = path
        self._sink: ByteSink | None = None
        self._header, self._dialect = "", CsvDialect()

    def describe_input(self, header: str, dialect: CsvDialect) -> None:
        """Set the text of the input's header, and its dialect."""
        self._header, self._dialect = header, dialect

    def add(self, reject: Reject) -> None:
        """Write a rejected row. Raises `InputError` if it cannot be written."""
        if self._sink is None:
            self._sink = ByteSink(self._path)
            self._write(COLUMNS, self._sink, quoted=bool(self._dialect.quote))
            self._write((1, 0, _description(self._dialect), self._header), self._sink)
        self._write((reject.line, reject.byte_offset, reject.reason, reject.raw), self._sink)
        self.count += 1
        self._note(reject)

    def _note(self, reject: Reject) -> None:
        """Keep what a report shows: bounded, whatever a file is like."""
        known = reject.reason in self.reasons or len(self.reasons) < SHOWN_REASONS
        self.reasons[reject.reason if known else OTHER_REASONS] += 1
        if len(self.first) < SHOWN_ROWS:
            self.first.append(replace(reject, raw=reject.raw[:SHOWN_CHARACTERS]))

    def _write(self, cells: Sequence[str | int], sink: ByteSink, quoted: bool = False) -> None:
        row = io.StringIO(newline="")
        csv.writer(
            row,
            delimiter=self._dialect.delimiter,
            quotechar=self._dialect.quote or PLAIN_QUOTE,
            quoting=csv.QUOTE_ALL if quoted else csv.QUOTE_MINIMAL,
            lineterminator="\r\n",  # so that either of them is quoted
        ).writerow(cells)
        sink.write((row.getvalue()[:-2] + "\n").encode("utf-8", "surrogateescape"))

    def close(self) -> None:
        """Finish the file. Raises `InputError` if it cannot be written."""
        if self._sink is not None:
            self._sink.finish()
            self._sink = None


def _description(dialect: CsvDialect) -> str:
    """Return what the row of the header says of the input's dialect, as its reason."""
    spaces = SPACES if dialect.skip_space else ""
    return f"{HEADER}{spaces}{ESCAPE}{dialect.escape}" if dialect.escape else HEADER + spaces


def rejects_dialect(head: bytes) -> CsvDialect | None:
    """Return the dialect of the rows in a file of rejected rows; None for any other file."""
    found = FIRST_LINE.match(head[:FIRST_LINE_BYTES].decode("utf-8", "replace"))
    return CsvDialect(found[2], found[1]) if found else None


def read_rejects(lines: Lines, dialect: CsvDialect) -> tuple[CsvDialect, Iterator[Lines]]:
    """Return the dialect of the input, and its header and rejected rows as streams of lines.

    Raises `InputError` if the file's structure was changed.
    """
    outer = CsvDialect(dialect.delimiter, dialect.quote or PLAIN_QUOTE)
    records = _rows(lines, outer)
    next(records)  # the names of its columns
    header = next(records, None)
    if header is None or not header[2].startswith(HEADER):
        raise InputError(f"{lines.name}: its first row is not the input's header")
    described = header[2].removeprefix(HEADER)
    escape = described.removeprefix(SPACES).removeprefix(ESCAPE)
    streams = (
        Lines(_text(raw), Encoding(), lines.name, _int(line), _int(offset), is_row=True)
        for line, offset, _, raw in chain([header], records)
    )
    return replace(dialect, escape=escape, skip_space=described.startswith(SPACES)), streams


def _text(raw: str) -> io.StringIO:
    """Return a row's text, with an ending if its last break is escaped and belongs to the row."""
    return io.StringIO(f"{raw}\r\n" if raw.endswith(("\r", "\n")) else raw, newline="")


def _rows(lines: Lines, dialect: CsvDialect) -> Iterator[list[str]]:
    for cells in parsed(lines, dialect):
        if cells and (len(cells) != len(COLUMNS) or lines.ended):
            where = f"{lines.name}, line {lines.line}"
            raise InputError(f"{where}: not a row of rejects any more", "Change the raw text only")
        if cells:
            yield cells
        lines.next_record()


def _int(cell: str) -> int:
    """Parse a number that may have been edited."""
    return int(cell) if cell.isdecimal() and len(cell) < 20 else 0
