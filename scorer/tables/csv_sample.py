"""The first lines of a CSV, as the records that a dialect makes of them.

Knows text and dialects, nothing of files or of how a dialect is chosen.
"""

import csv
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from scorer.tables.csv_parser import parse
from scorer.tables.table_streams import CsvDialect

DELIMITERS = (",", ";", "\t", "|")
SURE = 0.9  # share of the records, above which others are broken
NUMBER_NAMES = frozenset({"no", "no.", "nr.", "#", "n", "index", "row"})
NUMBER_ENDINGS = ("id", "_no", "nr", "number")


@dataclass(frozen=True)
class Record:
    """A record of the first lines."""

    fields: Sequence[str]
    lines_before: int


@dataclass(frozen=True)
class CsvSample:
    """The first lines of a CSV, with their endings."""

    lines: Sequence[str]
    complete: bool  # whether they are the whole table
    _parsed: dict[CsvDialect, list[Record]] = field(default_factory=dict, repr=False, compare=False)

    @property
    def first_line(self) -> str:
        """The first line that is not blank, without its ending."""
        return next((line.rstrip("\r\n") for line in self.lines if line.strip("\r\n")), "")

    def __contains__(self, text: str) -> bool:
        return any(text in line for line in self.lines)

    def records(self, dialect: CsvDialect) -> list[Record]:
        """Return the records, without one that may go on behind the last line."""
        if dialect not in self._parsed:
            records = list(self._records(dialect))
            cut = not self.complete and len(records) > 1
            self._parsed[dialect] = records[:-1] if cut else records
        return self._parsed[dialect]

    def _records(self, dialect: CsvDialect) -> Iterator[Record]:
        parser, before = parse(self.lines, dialect), 0
        for fields in parser:
            if fields:
                yield Record(fields, before)
            before = parser.line_num

    def rows(self, dialect: CsvDialect) -> list[Sequence[str]]:
        """Return the fields of each record."""
        return [record.fields for record in self.records(dialect)]

    def is_well_formed(self, dialect: CsvDialect) -> bool:
        """Return whether no quoted field goes on after its closing quote."""
        try:
            for _ in parse(self.lines, dialect, strict=True):
                pass
        except csv.Error as error:
            return not self.complete and "end of data" in str(error)
        return True


def fitted_header(header: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    """Return the names of the columns: a blank one more where the rows alone end in a delimiter.

    One less where the header alone does. Not where the rows may begin with numbers of theirs that
    have no name, before a last column that is blank.
    """
    width = len(header)
    longer = [row for row in rows if len(row) == width + 1]
    shorter = sum(len(row) == width - 1 for row in rows)
    if "" in header[:-1]:  # two columns without a name would be one in JSON Lines
        return [*header]
    if len(longer) > SURE * len(rows) and not any(row[-1] for row in longer):
        return [*header] if _may_be_numbered(header[0], longer) else [*header, ""]
    if width > 2 and not header[-1] and shorter > SURE * len(rows):
        return [*header[:-1]]
    return [*header]


def _may_be_numbered(name: str, rows: Sequence[Sequence[str]]) -> bool:
    """Return whether the first cells count the rows, from 0 or under a name that is no number's."""
    first = [row[0] for row in rows]
    start = int(first[0]) if first[0].isdecimal() else -1
    counts = start >= 0 and first == [str(start + i) for i in range(len(first))]
    name = name.strip().casefold()
    is_number = name in NUMBER_NAMES or name.endswith(NUMBER_ENDINGS)
    return counts and (start == 0 or not is_number)


def share_as_wide(rows: Sequence[Sequence[str]]) -> float:
    """Return the share of rows that are as wide as the header, which is the first."""
    if not rows:
        return 0.0
    as_wide = sum(len(row) == len(rows[0]) for row in rows)
    if 2 * as_wide <= len(rows):
        width = len(fitted_header(rows[0], rows[1:]))
        as_wide = 1 + sum(len(row) == width for row in rows[1:])
    return as_wide / len(rows)


def consistency(rows: Sequence[Sequence[str]]) -> float:
    """Return the share of rows as wide as the first, 0 where that is a single field."""
    return share_as_wide(rows) if rows and len(rows[0]) > 1 else 0.0


def is_prose(rows: Sequence[Sequence[str]]) -> bool:
    """Return whether what seems to separate fields is punctuation: a space follows, or nothing."""
    return not all(rows[0]) or is_spaced(rows)


def is_spaced(rows: Sequence[Sequence[str]]) -> bool:
    """Return whether a space follows most delimiters."""
    later = [field for row in rows for field in row[1:]]
    return sum(field[:1].isspace() for field in later) > len(later) / 2
