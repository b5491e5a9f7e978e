r"""Rows whose quotes are probably part of the text, and what they did to the rows beside them.

A quote at the start of a field opens a quoted field, as `csv` has it. In data that was never quoted
it swallows the rows up to the next quote. That is noted, not repaired: a quoted field may have line
breaks. Knows lines of text, nothing of files.
"""

import re
from collections.abc import Iterator, Sequence

from scorer.tables.csv_readings import ESCAPE
from scorer.tables.doubts import Doubt
from scorer.tables.table_streams import CsvDialect
from scorer.wording import counted

QUOTE_HINT = "If quotes are part of the text, --quote none reads them so"
ESCAPE_HINT = f"--escape '{ESCAPE}' reads them as escaped quotes"


class StrayQuotes:
    """Counts records with such quotes."""

    def __init__(self, dialect: CsvDialect, width: int) -> None:
        self._dialect, self._width = dialect, width
        mark = dialect.delimiter
        self._in_prose = mark != "|" and mark.isprintable() and not dialect.skip_space
        tight = r"(?!\s)" if self._in_prose else ""  # a comma before a space is of the text
        self._delimiter = re.compile(re.escape(mark) + tight)
        self._joined: list[int] = []  # number of lines of each record that is probably several
        self._multiline = 0  # records of more than a line that are probably one
        self._longest = 0  # lines of such a record
        self._escaped = self._unclosed = 0
        self._broken = 0  # of the joined ones: not well-formed
        self._first = 0  # line of the first such record

    def inspect(self, line: int, lines: Sequence[str], well_formed: bool) -> None:
        """Count a record that begins on a line, has several lines, or is not well-formed."""
        if not well_formed and not self._dialect.escape and ESCAPE + '"' in "".join(lines):
            self._escaped += 1
        elif len(lines) > 1 and (not well_formed or self._are_rows(lines)):
            self._joined.append(len(lines))
            self._broken += not well_formed
        elif not well_formed:
            self._unclosed += 1
        else:
            self._multiline += 1
            self._longest = max(self._longest, len(lines))
            return
        self._first = self._first or line

    def _are_rows(self, lines: Sequence[str]) -> bool:
        """Return whether a record of several lines is rather as many rows, their quotes text.

        Then the line in which the quote opens is a row, so is that in which it closes, and so are
        most of those between that are not blank. Of a mail, an address or a list, a few lines may
        look like rows.
        """
        first, *between, last = lines
        if not (self._is_row(first) and self._is_row(last)):
            return False
        inner = [line for line in between if line.strip()] or [last]
        return 2 * sum(map(self._is_inner_row, inner)) >= len(inner)

    def _is_inner_row(self, line: str) -> bool:
        """Return whether a line is a row in which no quoted text ends before a delimiter."""
        return self._is_row(line) and self._dialect.quote not in self._fields(line)[0]

    def _is_row(self, line: str) -> bool:
        """Return whether a line would be a row by itself; prose may end in its one delimiter."""
        fields = self._fields(line)
        filled = any(fields[1:]) or not self._in_prose
        return 1 < len(fields) == self._width and filled

    def _fields(self, line: str) -> list[str]:
        """Return the fields of a line as they are without quotes."""
        return self._delimiter.split(line.rstrip("\r\n"))

    def notes(self) -> Iterator[str]:
        """Yield what a user should know, a line each."""
        where = f"(the first at line {self._first:,})"
        if self._joined:
            rows, lines = len(self._joined), sum(self._joined)
            usual = self._multiline > rows and max(self._joined) <= self._longest
            several = usual and not self._broken
            others = "" if several else ", where other rows have one line each"
            yield (str if several else Doubt)(
                f"{counted(rows, 'row')} {'runs' if rows == 1 else 'run'} over {lines:,} lines "
                f"because of a quote {where}{others}. {QUOTE_HINT}, each line a row"
            )
        if self._escaped:
            rows_escaped = counted(self._escaped, "row")
            yield f'{rows_escaped} with {ESCAPE}" inside quotes {where}. {ESCAPE_HINT}'
        if self._unclosed:
            yield (
                f"{counted(self._unclosed, 'row')} with a quoted field that goes on after its "
                f"closing quote {where}: those quotes are left out. {QUOTE_HINT}"
            )
