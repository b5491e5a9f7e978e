"""The records of a CSV as the standard library's `csv` reads them, each with its position.

Blank lines outside quotes are skipped, as `csv` does; in a table of one column a blank cell is
written `""`. Knows text and records, nothing of columns or Arrow.
"""

import csv
import io
from collections.abc import Callable, Iterable, Iterator
from itertools import chain

from scorer.errors import InputError
from scorer.tables.csv_dialect import MAX_CELL, parse
from scorer.tables.csv_encoding import Encoding
from scorer.tables.table_streams import CsvDialect, Reject

QUOTE_HINT = "If quotes are part of the text, `--quote none` reads them so"


class Lines:
    """Lines with their endings; those read since the last `next_record` are one record."""

    def __init__(
        self, text: io.TextIOBase, encoding: Encoding, name: str, line: int = 1, offset: int = 0
    ) -> None:
        self.line, self.offset = line, offset  # of the record's first line
        self.size = 0  # bytes of the record
        self.valid = True  # all of the record is decodable, and it does not end with the file
        self.ended = False
        self.name, self._encoding = name, encoding
        self._count, self._record = 0, io.StringIO(newline="")  # smaller than many strings
        self._source = self._read(text)

    def _read(self, text: io.TextIOBase) -> Iterator[str]:
        while line := text.readline(MAX_CELL):
            if len(line) == MAX_CELL:
                raise InputError(f"{self.name} has a line of more than {MAX_CELL:,} characters")
            yield line

    def __iter__(self) -> Iterator[str]:
        for line in self._source:
            self._count += 1
            self._record.write(line)
            size, decodable = self._encoding.measure(line)
            self.size += size
            self.valid &= decodable
            yield line
        self.ended, self.valid = True, False

    def peek(self, characters: int) -> list[str]:
        """Return the next lines, at least so many characters, without consuming them."""
        lines = []
        while characters > 0 and (line := next(self._source, "")):
            lines.append(line)
            characters -= len(line)
        self._source = chain(lines, self._source)
        return lines

    def next_record(self) -> None:
        """Begin a record with the next line."""
        self.line += self._count
        self.offset += self.size
        self.size, self.valid = 0, True
        self._count, self._record = 0, io.StringIO(newline="")

    @property
    def raw(self) -> str:
        """The text of the record without its line ending."""
        return _without_ending(self._record.getvalue())

    def fault(self, cells: list[str], width: int) -> str:
        """Describe what is wrong with the record."""
        undecodable = self._encoding.undecodable(self._record.getvalue())
        if undecodable is not None:
            return f"byte 0x{undecodable:02X} is not {self._encoding.name}"
        return f"{_fields(len(cells))} where the header has {width}"

    def rejects(self, reason: str) -> Iterator[Reject]:
        """Yield each line of the record by itself."""
        offset = self.offset
        self._record.seek(0)
        for number, line in enumerate(self._record, self.line):
            yield Reject(number, offset, reason, _without_ending(line))
            offset += self._encoding.measure(line)[0]


def _without_ending(raw: str) -> str:
    return raw.removesuffix("\n").removesuffix("\r")


def _fields(count: int) -> str:
    return "1 field" if count == 1 else f"{count} fields"


class Records:
    """The records that are as wide as the header; `reject` is called with the others."""

    def __init__(
        self,
        streams: Iterable[Lines],
        dialect: CsvDialect,
        width: int,
        reject: Callable[[Reject], None],
    ) -> None:
        self.bytes = 0  # of the records so far
        self._streams, self._dialect = streams, dialect
        self._width, self._reject = width, reject

    def __iter__(self) -> Iterator[list[str]]:
        """Yield the cells of each record. Raises `InputError` for an endless cell."""
        for lines in self._streams:
            for cells in parsed(lines, self._dialect):
                if lines.valid and len(cells) == self._width:
                    self.bytes += lines.size
                    yield cells
                elif cells:
                    self._reject_record(lines, cells)
                lines.next_record()

    def _reject_record(self, lines: Lines, cells: list[str]) -> None:
        """Reject a record; line by line if its quote has no end and other rows may be in it."""
        if lines.ended:
            for reject in lines.rejects(f"a quote opened from line {lines.line} on has no end"):
                self._reject(reject)
        else:
            fault = lines.fault(cells, self._width)
            self._reject(Reject(lines.line, lines.offset, fault, lines.raw))


def parsed(lines: Lines, dialect: CsvDialect) -> Iterator[list[str]]:
    """Yield the records `csv` reads from the lines. Raises `InputError` for an endless cell."""
    try:
        yield from parse(lines, dialect)
    except csv.Error as error:  # the only one: a cell beyond the limit
        where = f"{lines.name}, from line {lines.line} on"
        reason = f"a quote is never closed, or a cell has more than {MAX_CELL:,} characters"
        raise InputError(f"{where}: {reason}", QUOTE_HINT) from error


def read_header(lines: Lines, dialect: CsvDialect) -> tuple[list[str], str]:
    """Return the column names and the text of the header. Raises `InputError`."""
    for cells in parsed(lines, dialect):
        if not cells:
            lines.next_record()
            continue
        if lines.ended:
            raise InputError(f"{lines.name}: the header's quote is never closed", QUOTE_HINT)
        if not lines.valid:
            fault = lines.fault(cells, len(cells))
            raise InputError(f"{lines.name}: in the header, {fault}", "--encoding names another")
        raw = lines.raw
        lines.next_record()
        return cells, raw
    raise InputError(f"{lines.name} is empty")
