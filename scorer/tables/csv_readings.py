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

from scorer.tables.csv_damage import UNWRAP, unwrapped
from scorer.tables.csv_options import shown
from scorer.tables.csv_sample import DELIMITERS, SURE, CsvSample, is_prose, is_spaced, share_as_wide
from scorer.tables.table_streams import CsvDialect

ESCAPE = "\\"
ONE_FIELD = CsvDialect("\uffff")  # a delimiter that is no character of any text
MISSING_NAME = (
    "If the header lacks a name (R writes none for the names of rows), add it there, or have "
    "--skip-rows 1 --no-header read the rows below it; a cell that holds a delimiter needs quotes"
)
FOOTER = "If a total or a number of rows stands below the table, have the file written without it"
TOO_FEW = "A row has as many fields as the header has names: have blank ones written, too"
MAX_FOOTER = 5  # lines of it
UNQUOTED = (
    "A cell that holds a delimiter or a line break needs quotes; if those are others than usual, "
    "--delimiter, --quote and --escape say so"
)


def find_reading(sample: CsvSample, dialect: CsvDialect) -> CsvDialect | None:
    """Return a dialect that makes all records as wide as the header, where the given one does not.

    None where there is no such dialect, no need of it, or where it changes the cells of records
    that are as wide already: a few odd rows do not decide how the others are read.
    """
    if share_as_wide(sample.rows(dialect)) == 1:
        return None
    for other in _other_readings(sample, dialect):
        rows = sample.rows(other)
        fits = len(rows[0]) > 1 and share_as_wide(rows) == 1 and sample.is_well_formed(other)
        if fits and _keeps_cells(sample, dialect, other):
            return other
    return None


def _keeps_cells(sample: CsvSample, dialect: CsvDialect, other: CsvDialect) -> bool:
    """Return whether records that the dialect makes as wide as the header come out the same.

    But for the spaces or quotes that are to be left out. A dialect whose quotes are not where they
    belong has no cells to keep.
    """
    if not sample.is_well_formed(dialect):
        return True
    header, *records = sample.records(dialect)
    read = {record.lines_before: record.fields for record in sample.records(other)}
    return all(
        [_bare(field, other) for field in record.fields] == list(read.get(record.lines_before, ()))
        for record in records
        if len(record.fields) == len(header.fields)
    )


def _bare(field: str, dialect: CsvDialect) -> str:
    """Return a field without the space or the quotes that the dialect leaves out."""
    if dialect.skip_space:
        return field.lstrip(" ")
    quote = dialect.quote
    if quote and len(field) > 1 and field[0] == field[-1] == quote:
        return field[1:-1].replace(2 * quote, quote)
    return field


def _other_readings(sample: CsvSample, dialect: CsvDialect) -> Iterator[CsvDialect]:
    """Yield the dialects that may be meant instead, of which the sample has signs."""
    if dialect.escape or not dialect.quote:
        return
    if f"{dialect.delimiter} {dialect.quote}" in sample and is_spaced(sample.rows(dialect)):
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


def width_hint(
    rejected: CsvSample, dialect: CsvDialect, width: int, is_most: bool, are_last: bool
) -> str:
    """Return what helps against rejected records, which are not as wide as the header.

    is_most: they are most of the file's; are_last: no other one is below them.
    """
    if width == 1:
        unused = next((one for one in ("\t", "|", "\x1f") if one not in rejected), None)
        if unused is None:
            return UNQUOTED
        return f"If each line is one text, --delimiter {shown(unused)} reads it so"
    for other in _other_readings(rejected, dialect):
        if _are_wide(rejected, other, width):
            return _advice(other)
    rows = rejected.rows(dialect)
    whole = unwrapped(rows, dialect)
    if sum(len(row) == width for row in whole) > SURE * len(rows):
        return f"They are quoted as a whole. {UNWRAP}"
    for delimiter in DELIMITERS:
        if _are_wide(rejected, replace(dialect, delimiter=delimiter), width):
            return f"They have {shown(delimiter)} between fields: two files may be joined"
    if is_most and _are_wide(rejected, dialect, width + 1):
        return MISSING_NAME
    if is_most and max(map(len, rows)) < width:
        return TOO_FEW
    is_footer = are_last and len(rows) <= MAX_FOOTER and all(len(row) < width for row in rows)
    return FOOTER if is_footer else UNQUOTED


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
