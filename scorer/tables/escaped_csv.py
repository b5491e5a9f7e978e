r"""The records of a CSV with an escape character, as `csv` would read them.

An escape acts before a quote, a delimiter, a line ending or itself; before anything else it is a
character like any other, so that `C:\temp` and `\N` stay what they are. (`csv` itself drops an
escape before any character.) Knows lines of text, nothing of files.
"""

import csv
import re
from collections.abc import Iterable, Iterator

from scorer.tables.table_streams import CsvDialect


class EscapedReader:
    """Iterates over records; `line_num` is the number of lines that were read so far.

    With `strict`, `csv.Error` is raised where a quoted field goes on after its closing quote, or is
    never closed; always for a cell beyond `csv.field_size_limit()`.
    """

    def __init__(self, lines: Iterable[str], dialect: CsvDialect, strict: bool) -> None:
        self.line_num = 0
        self._lines, self._strict = iter(lines), strict
        self._quote = dialect.quote
        escape, delimiter = re.escape(dialect.escape), re.escape(dialect.delimiter)
        quote = f"(?P<quote>{re.escape(self._quote)})|" if self._quote else ""
        acting = f"{escape}{delimiter}{re.escape(self._quote)}\r\n"
        self._token = re.compile(
            rf"{escape}(?P<escaped>\r\n|[{acting}])|{quote}(?P<delimiter>{delimiter})"
            rf"|(?P<ending>\r\n|\r|\n)|(?P<text>{escape}|[^{acting}]+)"
        )
        self._begin_record()

    def __iter__(self) -> Iterator[list[str]]:
        return self

    def _begin_record(self) -> None:
        self._cells: list[str] = []
        self._size = 0
        self._begin_cell()

    def _begin_cell(self) -> None:
        self._parts: list[str] = []
        self._quoted = self._closed = self._begun = False

    def __next__(self) -> list[str]:
        """Return the next record, `[]` for a blank line."""
        self._begin_record()
        for line in self._lines:
            self.line_num += 1
            self._check_size(len(line))
            if self._ends_record(line):
                return self._record()
        if self._strict and self._quoted:
            raise csv.Error("unexpected end of data")
        if not self._cells and not self._begun:
            raise StopIteration
        return self._record()

    def _check_size(self, characters: int) -> None:
        self._size += characters
        if self._size > csv.field_size_limit():
            raise csv.Error("field larger than field limit")

    def _record(self) -> list[str]:
        if self._cells or self._begun:
            self._end_cell()
        return self._cells

    def _end_cell(self) -> None:
        self._cells.append("".join(self._parts))
        self._begin_cell()

    def _ends_record(self, line: str) -> bool:
        """Take the tokens of a line; return whether it ends the record, with a break or without."""
        escaped_break = False
        for token in self._token.finditer(line):
            kind, text = token.lastgroup, token[token.lastgroup or 0]
            if kind == "quote" and not (self._begun and not self._quoted and not self._closed):
                self._take_quote()
            elif self._quoted or kind in ("escaped", "text", "quote"):
                self._take_text(text)
            elif kind == "delimiter":
                self._end_cell()
            else:
                return True
            escaped_break = kind == "escaped" and text[-1] in "\r\n"
        return not self._quoted and not escaped_break

    def _take_quote(self) -> None:
        """Open or close a quoted field; a quote right after a closing one is part of the text."""
        if self._closed:
            self._parts.append(self._quote)
        self._closed = self._quoted
        self._quoted = not self._quoted
        self._begun = True

    def _take_text(self, text: str) -> None:
        if self._closed and self._strict:
            raise csv.Error("a quoted field goes on after its closing quote")
        self._parts.append(text)
        self._begun, self._closed = True, False
