r"""Other dialects for records that are not as wide as the header.

    1, "good, very good"      spaces stand before the quotes
    1,'good, very good'       another quote
    1,good\, very good        an escape
    good, very good           no dialect: the table has one column, and commas are of the text

Knows text and dialects, nothing of files.
"""

from collections import Counter
from collections.abc import Iterator
from dataclasses import replace

from scorer.tables.csv_options import shown
from scorer.tables.csv_sample import SURE, CsvSample, is_prose, share_as_wide
from scorer.tables.table_streams import CsvDialect

DELIMITERS = (",", ";", "\t", "|")
ESCAPE = "\\"
ONE_FIELD = CsvDialect("\uffff")  # a delimiter that is no character of any text
MISSING_NAME = "If the header lacks a name (R writes none for the names of rows), add it there"
OPTIONS = "--delimiter, --quote and --escape say how the file is to be read"


def find_reading(sample: CsvSample, dialect: CsvDialect) -> CsvDialect | None:
    """Return a dialect that makes all records as wide as the header, where the given one does not.

    None where there is no such dialect, or no need of it.
    """
    if share_as_wide(sample.rows(dialect)) == 1:
        return None
    for other in _other_readings(sample, dialect):
        rows = sample.rows(other)
        if len(rows[0]) > 1 and share_as_wide(rows) == 1 and sample.is_well_formed(other):
            return other
    return None


def _other_readings(sample: CsvSample, dialect: CsvDialect) -> Iterator[CsvDialect]:
    """Yield the dialects that may be meant instead, of which the sample has signs."""
    if dialect.escape or not dialect.quote:
        return
    if f"{dialect.delimiter} {dialect.quote}" in sample:
        yield replace(dialect, skip_space=True)
    if f"{dialect.delimiter}'" in sample:
        yield replace(dialect, quote="'")
    if ESCAPE + dialect.delimiter in sample:
        yield replace(dialect, escape=ESCAPE)
        yield replace(dialect, escape=ESCAPE, quote="")


def is_one_column(sample: CsvSample, dialect: CsvDialect) -> bool:
    """Return whether fields are separated by commas of texts: some here, some there, with a space.

    The header has none of them.
    """
    rows = sample.rows(dialect)
    if not rows or len(rows[0]) > 1 or not rows[0][0].strip():
        return False
    if any(character in rows[0][0] for character in DELIMITERS):
        return False
    widths = Counter(len(row) for row in rows[1:] if len(row) > 1)
    ragged = max(widths.values(), default=len(rows)) <= SURE * len(rows[1:])
    return ragged and is_prose(rows) and ONE_FIELD.delimiter not in sample


def width_hint(rejected: CsvSample, dialect: CsvDialect, width: int, others: bool) -> str:
    """Return what helps against rejected records, which are not as wide as the header.

    others: whether there are records that are.
    """
    if width == 1:
        unused = next(character for character in ("\t", "|", "\x1f") if character not in rejected)
        return f"If each line is one text, --delimiter {shown(unused)} reads it so"
    for other in _other_readings(rejected, dialect):
        if _are_wide(rejected, other, width):
            return _advice(other)
    for delimiter in DELIMITERS:
        if _are_wide(rejected, replace(dialect, delimiter=delimiter), width):
            return f"They have {shown(delimiter)} between fields: two files may be joined"
    if not others and _are_wide(rejected, dialect, width + 1):
        return MISSING_NAME
    return OPTIONS


def _advice(dialect: CsvDialect) -> str:
    """Return how a dialect of `_other_readings` is asked for."""
    if dialect.skip_space:
        return "A space stands before their quotes; without it they can be read"
    quote = {"": " --quote none", "'": ' --quote "\'"'}.get(dialect.quote, "")
    escape = f" --escape '{dialect.escape}'" if dialect.escape else ""
    return f"{escape}{quote} reads them".lstrip()


def _are_wide(sample: CsvSample, dialect: CsvDialect, width: int) -> bool:
    rows = sample.rows(dialect)
    return sum(len(row) == width for row in rows) > SURE * len(rows)
