"""The records of a CSV as the standard library's `csv` reads them, each with its position.

Blank lines outside quotes are skipped, as `csv` does; in a table of one column a blank cell is
written `""`. Knows text and records, nothing of columns or Arrow.
"""

import csv
import io
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import chain, islice

from scorer.errors import InputError
from scorer.tables.csv_encoding import Encoding
from scorer.tables.csv_footer import is_footer
from scorer.tables.csv_parser import MAX_CELL, parse
from scorer.tables.doubts import Doubt, cut_off
from scorer.tables.stray_quotes import QUOTE_HINT, StrayQuotes
from scorer.tables.table_streams import CsvDialect, Reject
from scorer.wording import are, counted

END_OF_FILE = "\x1a"  # as programs of DOS write it
UNDECODABLE, OPEN_QUOTE, WIDTH = "encoding", "open quote", "width"  # why rows are rejected
FEW_RETURNS = 0.1  # rows that end in a carriage return alone: more are meant so
KEPT_CHARACTERS = 1 << 16  # of rejected rows that are kept, for a hint


class Lines:
    """Lines with their endings; those read since the last `next_record` are one record."""

    def __init__(
        self,
        text: io.TextIOBase,
        encoding: Encoding,
        name: str,
        line: int = 1,
        offset: int = 0,
        is_row: bool = False,
    ) -> None:
        """Begin at a line of a file, and a byte; is_row: of a row by itself, as among rejects."""
        self.line, self.offset = line, offset  # of the record's first line
        self.size = 0  # bytes of the record
        self.valid = True  # all of the record is decodable, and it does not end with the file
        self.well_formed = True  # no quoted field of it goes on after its closing quote
        self.ended = False
        self.multibyte = 0  # lines with characters of several bytes, of the whole stream
        self.count = 0  # lines of the record
        self.name, self.encoding, self.is_row = name, encoding, is_row
        self._last = ""
        self._record = io.StringIO(newline="")  # smaller than many strings
        self._source = self._read(text)

    def _read(self, text: io.TextIOBase) -> Iterator[str]:
        held: list[str] = []  # lines that are none if no other follows them
        while line := text.readline(MAX_CELL):
            if len(line) == MAX_CELL:
                raise InputError(f"{self.name} has a line of more than {MAX_CELL:,} characters")
            is_end = (held or line[0] == END_OF_FILE) and not line.strip(f"{END_OF_FILE}\r\n")
            held.append(line)
            if not is_end:
                yield from held
                held.clear()

    def __iter__(self) -> Iterator[str]:
        while line := next(self._source, ""):  # `peek` makes another source of it
            self.count += 1
            self._last = line
            self._record.write(line)
            size, decodable = self.encoding.measure(line)
            self.size += size
            self.valid &= decodable
            if size > len(line):
                self.multibyte += decodable
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

    def are_blank(self) -> bool:
        """Return whether nothing but blank lines follows."""
        lines = []
        while (line := next(self._source, "")) and not line.strip():
            lines.append(line)
        self._source = chain(lines, [line] if line else [], self._source)
        return not line

    def skip(self, count: int) -> None:
        """Skip lines."""
        for _ in islice(self, count):
            pass
        self.next_record()

    @property
    def is_cut(self) -> bool:
        """Whether the file has ended within a line, as one that was cut off does."""
        return self.ended and not self.is_row and not self._last.endswith(("\n", "\r"))

    @property
    def ends_in_return(self) -> bool:
        """Whether the record ends in a carriage return alone."""
        return self._last.endswith("\r")

    def next_record(self) -> None:
        """Begin a record with the next line."""
        self.line += self.count
        self.offset += self.size
        self.size, self.valid, self.well_formed = 0, True, True
        self.count, self._record = 0, io.StringIO(newline="")

    @property
    def raw(self) -> str:
        """The text of the record without its line ending."""
        return _without_ending(self._record.getvalue())

    def raw_lines(self) -> list[str]:
        """Return the lines of the record."""
        self._record.seek(0)
        lines = list(self._record)
        self._record.seek(0, io.SEEK_END)
        return lines

    def fault(self, cells: Sequence[str], names: Sequence[str]) -> str:
        """Describe what is wrong with the record, given the names of the columns."""
        undecodable = self.encoding.undecodable(self._record.getvalue())
        if undecodable is None:
            return f"{counted(len(cells), 'field')} where the header has {len(names)}"
        wrong = f"byte 0x{undecodable:02X} is not {self.encoding.name}"
        columns = [i for i, cell in enumerate(cells) if self.encoding.undecodable(cell) is not None]
        known = columns and len(cells) == len(names)
        return f"column {names[columns[0]]!r}: {wrong}" if known else wrong

    def rejects(self, reason: str) -> Iterator[Reject]:
        """Yield each line of the record by itself."""
        offset = self.offset
        for number, line in enumerate(self.raw_lines(), self.line):
            yield Reject(number, offset, reason, _without_ending(line))
            offset += self.encoding.measure(line)[0]


def _without_ending(raw: str) -> str:
    return raw.removesuffix("\n").removesuffix("\r")


class Records:
    """The records that are as wide as the header; `reject` is called with the others."""

    def __init__(
        self,
        streams: Iterable[Lines],
        dialect: CsvDialect,
        names: Sequence[str],
        reject: Callable[[Reject], None],
        has_header: bool = True,
    ) -> None:
        self.bytes = 0  # of the records so far
        self.rejected = {UNDECODABLE: 0, OPEN_QUOTE: 0, WIDTH: 0}
        self.undecodable = ""  # some of the rows that are not in the encoding
        self.multibyte = 0  # lines that are in the encoding beyond ASCII
        self.misfits = ""  # some of the rows that are not as wide as the header
        self._headers = self._first_header = 0  # records that are the header again; line of one
        self._reordered = 0  # line of a record that has its names in another order
        self.below = 0  # records rejected since the last one that was not
        self._count = self._returns = 0  # records; those before one that may be their end
        self._first_return = self._after_return = 0  # line of the first; of the one before
        self._quotes = StrayQuotes(dialect, len(names))
        self._cut_at = 0  # the line within which the file ends; 0: it does not
        self._incomplete_at = 0  # last line of the last record that is not whole
        self._streams, self._dialect = streams, dialect
        self._names, self._reject, self._has_header = list(names), reject, has_header
        self._footer_at, self._footer = 0, ""  # line that ends the table, and its text

    def __iter__(self) -> Iterator[list[str]]:
        """Yield the cells of each record. Raises `InputError` for an endless cell."""
        known = frozenset(self._names) if self._has_header else frozenset()
        for lines in self._streams:
            for cells in parsed(lines, self._dialect):
                if self._ends_table(lines, cells):
                    break
                self._count_return(lines, cells)
                if lines.count > 1 or not lines.well_formed:
                    self._inspect_quotes(lines)
                if lines.valid and len(cells) == len(self._names):
                    self.bytes += lines.size
                    self.below = 0
                    if cells[-1] in known:
                        self._count_header(lines.line, cells)
                    yield cells
                elif cells:
                    self._reject_record(lines, cells)
                lines.next_record()
            self._cut_at = lines.line - 1 if lines.is_cut and not self._dialect.is_lines else 0
            self.multibyte += lines.multibyte

    @property
    def is_cut(self) -> bool:
        """Whether the file has ended in the middle of a row."""
        return self._cut_at > 0 and self._incomplete_at == self._cut_at

    def notes(self) -> Iterator[str]:
        """Yield what a user should know of the records, once all are read."""
        yield from self._quotes.notes()
        yield from self._ending_notes()
        if self._headers:
            rows = f"{counted(self._headers, 'row')} {are(self._headers)} equal to the header"
            where = f"(the first at line {self._first_header:,})"
            yield f"{rows} {where}, as where files were joined: read as any other row"
        if self._reordered:
            yield Doubt(
                f"line {self._reordered:,} has the names of the columns in another order, as where "
                "files were joined: the cells below it are in the wrong columns"
            )

    def _ends_table(self, lines: Lines, cells: list[str]) -> bool:
        """Return whether a record is no row, but a line below the table; it is kept for a note."""
        if len(cells) != 1 or lines.is_row or self._dialect.is_lines:
            return False
        if is_footer(lines.raw, self._count) and lines.are_blank():
            self._footer_at, self._footer = lines.line, lines.raw
        return self._footer_at > 0

    def _count_header(self, line: int, cells: list[str]) -> None:
        """Count a record that is the header, as at the start of a file that was joined."""
        names = [cells[0].removeprefix("\ufeff"), *cells[1:]]
        if names == self._names:
            self._headers += 1
            self._first_header = self._first_header or line
        elif sorted(names) == sorted(self._names):
            self._reordered = self._reordered or line

    def _count_return(self, lines: Lines, cells: list[str]) -> None:
        """Count a record that ends in a carriage return alone, with another one behind it."""
        self._count += bool(cells)
        if self._after_return and cells:
            self._returns += 1
            self._first_return = self._first_return or self._after_return
        self._after_return = lines.line if lines.ends_in_return else 0

    def _inspect_quotes(self, lines: Lines) -> None:
        """Count a record with odd quotes; one within which the file ends, without its last line."""
        record = lines.raw_lines()
        if not lines.is_cut:
            self._quotes.inspect(lines.line, record, lines.well_formed)
        elif len(record) > 2:
            self._quotes.inspect(lines.line, record[:-1], well_formed=True)

    def _reject_record(self, lines: Lines, cells: list[str]) -> None:
        """Reject a record; line by line if its quote has no end and other rows may be in it."""
        self.below += 1
        if lines.ended or len(cells) < len(self._names):
            self._incomplete_at = lines.line + lines.count - 1
        if lines.ended:
            self.rejected[OPEN_QUOTE] += lines.count
            for reject in lines.rejects(f"a quote opened from line {lines.line} on has no end"):
                self._reject(reject)
            return
        if lines.valid:
            self.rejected[WIDTH] += 1
            self.misfits += f"{lines.raw}\n" * (len(self.misfits) < KEPT_CHARACTERS)
        else:
            self.rejected[UNDECODABLE] += 1
            self.undecodable += f"{lines.raw}\n" * (len(self.undecodable) < KEPT_CHARACTERS)
        fault = lines.fault(cells, self._names)
        self._reject(Reject(lines.line, lines.offset, fault, lines.raw))

    def _ending_notes(self) -> Iterator[str]:
        """Yield what a user should know of where the file and its rows end, once it has."""
        if self._footer_at:
            yield f"line {self._footer_at:,}, {self._footer!r}, ends the table and is no row"
        if self.is_cut:
            yield cut_off(self._cut_at)
        if 0 < self._returns <= FEW_RETURNS * self._count:
            rows = f"{counted(self._returns, 'row')} {'ends' if self._returns == 1 else 'end'}"
            yield Doubt(
                f"{rows} in a carriage return alone (the first at line {self._first_return:,}), "
                "unlike the others: a cell was probably cut in two. One that holds it needs quotes"
            )


def parsed(lines: Lines, dialect: CsvDialect) -> Iterator[list[str]]:
    """Yield the records `csv` reads from the lines. Raises `InputError` for an endless cell."""
    while True:
        try:
            yield from parse(lines, dialect, strict=True)
            return
        except csv.Error:
            lines.well_formed = False
        yield _parsed_leniently(lines, dialect)


def _parsed_leniently(lines: Lines, dialect: CsvDialect) -> list[str]:
    """Return the record under way, whose quotes are not where they belong, as `csv` reads it."""
    try:
        return next(parse(chain(lines.raw_lines(), lines), dialect))
    except csv.Error as error:  # the only one: a cell beyond the limit
        where = f"{lines.name}, from line {lines.line} on"
        reason = f"a quote is never closed, or a cell has more than {MAX_CELL:,} characters"
        raise InputError(f"{where}: {reason}", QUOTE_HINT) from error


def read_header(lines: Lines, dialect: CsvDialect) -> tuple[list[str], str]:
    """Return the column names and the text of the header.

    Raises `InputError` where there is none, and `UndecodableHeaderError` for bytes in it.
    """
    for cells in parsed(lines, dialect):
        if not cells:
            lines.next_record()
            continue
        if lines.ended:
            raise InputError(f"{lines.name}: the header's quote is never closed", QUOTE_HINT)
        raw = lines.raw
        if not lines.valid:
            raise UndecodableHeaderError(f"{lines.name}: in the header, {lines.fault(cells, [])}")
        lines.next_record()
        return cells, raw
    raise InputError(f"{lines.name} is empty")


class UndecodableHeaderError(InputError):
    """A header that is not in the encoding."""
