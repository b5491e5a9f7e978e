"""Tables that no dialect reads, refused with what puts them right.

    | id | review |     drawn with lines, as psql and mysql print a table
    |----|--------|
    -[ RECORD 1 ]---    a cell a line, as psql -x and mysql -E do
    id    review          filled up with spaces, as SQL*Plus and sqlcmd do
    "1,""good"",5"      quoted row by row, as a spreadsheet does to rows that were pasted into it

Knows the first lines of a file and its dialect, nothing of files.
"""

import csv
import io
import re
from collections.abc import Sequence
from dataclasses import replace

from scorer.errors import InputError
from scorer.tables.csv_parser import parse
from scorer.tables.csv_sample import DELIMITERS, SURE, CsvSample, consistency, is_prose
from scorer.tables.table_streams import CsvDialect

RULE = frozenset("-=+|: ")  # characters of a line that is drawn
BOX = str.maketrans(
    {
        **dict.fromkeys(map(chr, range(0x250C, 0x2574)), "+"),
        **dict.fromkeys("\u2500\u2501\u2550", "-"),
        **dict.fromkeys("\u2502\u2503\u2506\u2551", "|"),
    }
)
GAP = re.compile(r"\S {2,}(?=\S)")  # between names that are filled up
MIN_PADDED = 6  # rows that reach the last column: in prose so many spaces are not below each other
CORNERS = ("\u250c\u2500", "\u250f\u2501", "\u256d\u2500")  # of a box, whose names may be in it
LISTING = re.compile(  # psql, mysql, ClickHouse
    r"(?:-\[ .{1,20} 1 \]-*|\*{3,} 1\. row \*{3,}|Row 1:\r?\n\u2500+)\r?\n"
)
LISTED = (
    "`psql --csv` writes CSV, `mysql --batch` fields with tabs between them; --input-format lines "
    "reads each line as one text"
)
PADDED = (
    "Have them written with a delimiter: `set markup csv on` in SQL*Plus, `sqlcmd -W -s ,`; "
    "--input-format lines reads each line as one text"
)
BOXED = (
    "`duckdb -csv` and `write_csv` of polars write CSV; --input-format lines reads each line as "
    "one text"
)
DRAWN = (
    "`psql --csv` writes CSV, `mysql --batch` fields with tabs between them; --delimiter '|' reads "
    "it as it is, --input-format lines each line as one text"
)
UNWRAP = (
    r"""Unless texts have line breaks, `sed -E '/^"(.*)"(\r?)$/{s//\1\2/;s/""/"/g;}'` """
    "takes the outer quotes off"
)
ONE_TEXT = "--delimiter tab reads each row as one text, --no-header the first one too"


def check_drawn(sample: CsvSample) -> None:
    """Raise `InputError` for a table with a drawn line above or below the names of its columns.

    It has a mark for each that stands between or around the names, where spaces fill them up. Or
    for one that has a cell in each line, below a drawn line for each row.
    """
    if LISTING.match("".join(sample.lines[:2])):
        raise InputError("it has each cell in a line of its own, as for the screen", LISTED)
    lines = [*sample.lines[:3]]
    plain = [line.translate(BOX) for line in lines]
    is_box = sample.first_line.startswith(CORNERS) and "|" in plain[-1]
    if not is_box and not any(map(_is_drawn, plain, plain[1:])):  # polars says the shape above them
        return
    if plain == lines:
        raise InputError("it is a table drawn with | and -, as psql and mysql print it", DRAWN)
    raise InputError(
        "it is a table drawn with lines, as DuckDB, polars and ClickHouse print it", BOXED
    )


def _is_drawn(first: str, second: str) -> bool:
    """Return whether one of two lines is drawn, with as many marks as the names in the other."""
    rule, names = (first, second) if _is_rule(first) else (second, first)
    marks = rule.count("|") + rule.count("+")
    return _is_rule(rule) and " |" in names and names.count("|") == marks


def check_padded(sample: CsvSample, dialect: CsvDialect) -> None:
    """Raise `InputError` for columns without a delimiter, filled up with spaces to one width."""
    header, *rows = [line.rstrip("\r\n") for line in sample.lines if line.strip()] or [""]
    if any(map(str.isdigit, header)) or consistency(sample.rows(dialect)) > SURE:
        return
    starts = _starts(header, rows[0] if rows else "")
    reaching = [row for row in rows if starts and len(row) > starts[-1] and not _is_rule(row)]
    if len(reaching) < max(MIN_PADDED, len(rows) / 2):
        return
    padded = sum(all(row[at - 1] == " " for at in starts) for row in reaching)
    if padded > SURE * len(reaching):
        raise InputError("its columns are filled up with spaces, as for the screen", PADDED)


def _starts(header: str, rule: str) -> list[int]:
    """Return where columns but the first one begin, by a drawn line or by the gaps of a header."""
    if _is_rule(rule) and " -" in rule:
        return [found.end() for found in re.finditer("- +", rule.rstrip())]
    return [found.end() for found in GAP.finditer(header)]


def _is_rule(line: str) -> bool:
    return {*line.strip()} <= RULE and "---" in line


def check_wrapped(sample: CsvSample, dialect: CsvDialect) -> None:
    """Raise `InputError` where each row is quoted as a whole, with a usual delimiter in it."""
    records, rows = sample.records(dialect), sample.rows(dialect)
    if len(rows) < 3 or not dialect.quote or any(len(row) != 1 for row in rows):
        return
    begin = [sample.lines[record.lines_before] for record in records[1:]]
    if not all(line.startswith(dialect.quote) for line in begin):
        return
    for delimiter in DELIMITERS:
        inner = unwrapped(rows, replace(dialect, delimiter=delimiter))
        if consistency(inner) > SURE and not is_prose(inner):
            hint = f"{UNWRAP}; {ONE_TEXT}"
            raise InputError("each of its rows is quoted as a whole", hint)


def unwrapped(rows: Sequence[Sequence[str]], dialect: CsvDialect) -> list[Sequence[str]]:
    """Return rows, of which those of a single field that is a row by itself are that row."""
    return [_row_in(row[0], dialect) or row if len(row) == 1 else row for row in rows]


def _row_in(field: str, dialect: CsvDialect) -> list[str]:
    """Return the row that a field is; none where it is several."""
    try:
        first, *others = parse(io.StringIO(field, newline=""), dialect)
    except (csv.Error, ValueError):
        return []
    return [] if others else first
