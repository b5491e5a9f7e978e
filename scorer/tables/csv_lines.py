"""Whether a file called `.txt` holds a table, or one text a line.

    id\ttext                          a table: a delimiter makes the lines as wide as the first
    review                            a table of one column, by a usual name
    __label__2 Cold soup              texts: fastText's, with their labels
    The soup was cold, and salty.     texts: the first line is one, and no delimiter separates all
    Cold soup                         refused: it may be the first text, or a name above the texts

Knows first lines, nothing of files. A guess would lose a text or make one of a name.
"""

from collections.abc import Sequence

from scorer.errors import InputError
from scorer.tables.csv_dialect import CLEAR
from scorer.tables.csv_header import is_sentence
from scorer.tables.csv_sample import SURE, CsvSample, consistency
from scorer.tables.table_streams import CsvDialect
from scorer.tables.text_column import USUAL_NAMES

WHOLE_LINES = CsvDialect("", "", "")
LINES_COLUMN = "text"  # the name of the column that lines are
ENDS = (".", "!", "\u2026", "\u3002", "\uff01")  # of a text, never of a column's name
FASTTEXT_LABEL = "__label__"  # before each label of a line
SHOWN = 60  # characters of a line in a message
TEXT_LINES = (
    "each line is read as one text, as --input-format lines says; --input-format csv takes the "
    "first one as the name of a column"
)
HINT = (
    "--input-format lines reads each line as one text, --input-format csv the first one as the "
    "name of a column"
)
QUOTED_HINT = (
    "--no-header reads each quoted text as a row, --input-format csv the first one as the name of "
    "a column"
)


def are_texts(sample: CsvSample, dialect: CsvDialect) -> bool:
    """Return whether each of the first lines is a text, rather than a row of a table.

    dialect: the one that is detected. Raises `InputError` where that is not clear.
    """
    first = sample.first_line.strip()
    name = first.strip(dialect.quote).strip().casefold()
    if first.startswith(FASTTEXT_LABEL):
        return True
    if not first or name in USUAL_NAMES or _is_table(sample.rows(dialect), first):
        return False
    if _is_text(first) and not first.startswith(dialect.quote):
        return True
    problem = f"its first line, {first[:SHOWN]!r}, may be a text or the name of a column"
    quoted = all(line.startswith(dialect.quote) for line in sample.lines if line.strip())
    raise InputError(problem, QUOTED_HINT if quoted else HINT)


def _is_table(rows: Sequence[Sequence[str]], first: str) -> bool:
    """Return whether fields are as many in each row; after a comma in prose there is a space.

    Where there is, the first line is made of names: it is no text, or a usual name is among them.
    """
    later = [field for row in rows for field in row[1:]]
    spaced = 2 * sum(field[:1].isspace() for field in later) > len(later)
    if not spaced:
        return consistency(rows) > CLEAR
    named = not USUAL_NAMES.isdisjoint(name.strip().casefold() for name in rows[0])
    return consistency(rows) > SURE and (named or not _is_text(first))


def _is_text(line: str) -> bool:
    return line.endswith(ENDS) or is_sentence(line)


def as_cell(line: str) -> str:
    """Return a line as a CSV has it as a cell, so that it can be put right among rejects."""
    return '"' + line.replace('"', '""') + '"'
