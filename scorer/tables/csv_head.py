"""What stands at the head of a CSV: its encoding, its dialect, its column names.

Knows how a CSV begins, nothing of what becomes of its rows.
"""

import io
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import chain, count

from scorer.errors import InputError, prefix_errors
from scorer.tables.csv_damage import check_drawn, check_padded, check_wrapped
from scorer.tables.csv_dialect import detect_dialect
from scorer.tables.csv_encoding import DEFAULT, Encoding, encoding_hint, open_text
from scorer.tables.csv_header import (
    check_header,
    headers_below,
    looks_like_data,
    separator_of,
    warn_of_headers,
)
from scorer.tables.csv_lines import LINES_COLUMN, TEXT_LINES, WHOLE_LINES, are_texts
from scorer.tables.csv_options import CsvOptions, shown
from scorer.tables.csv_readings import ONE_FIELD
from scorer.tables.csv_records import Lines, UndecodableHeaderError, read_header
from scorer.tables.csv_sample import DELIMITERS, CsvSample, fitted_header
from scorer.tables.doubts import Doubt
from scorer.tables.rejects import PLAIN_QUOTE, read_rejects, rejects_dialect
from scorer.tables.table_streams import CsvDialect

SAMPLE_CHARACTERS = 1 << 18  # to detect the dialect from
ONE_COLUMN = (
    "each line is read as one text, as the header has no comma and those of the rows seem to be "
    "of the text; --delimiter ',' reads them as delimiters"
)
SPACES = "spaces before fields are left out, as some stand before a quote"
LIKE_DATA = (
    "the first row, taken as the header, looks like data; --no-header reads it as a row, --header "
    "says that it is the header"
)
LONGER = "they are read with a last column that has no name and is blank"
SHORTER = "the header is read without it"


@dataclass(frozen=True)
class CsvHead:
    """The head of a CSV, and the lines that follow it."""

    names: Sequence[str]
    raw: str  # the text of the header
    dialect: CsvDialect
    encoding: Encoding
    streams: Iterator[Lines]
    notes: Sequence[str]  # what a user should know of it


def read_head(
    source: io.BufferedReader,
    name: str,
    options: CsvOptions,
    expected: str | None,
    lines_wanted: bool | None = False,
) -> CsvHead:
    """Read the head of a CSV, or of a file of rejected rows.

    `name` is for messages, `expected` the delimiter that the file's name stands for,
    `lines_wanted` whether each line is one text (None: the file tells). Raises `InputError` or
    `UsageError`.
    """
    rejected = rejects_dialect(source.peek())
    if rejected is not None:
        return _head_of_rejects(source, name, rejected)
    notes: list[str] = []
    lines = _open_lines(source, name, options, notes)
    options = _obey_separator(lines, options, notes)
    peeked = lines.peek(SAMPLE_CHARACTERS)
    sample = CsvSample(peeked, sum(map(len, peeked)) < SAMPLE_CHARACTERS)
    with prefix_errors(name):
        dialect = _dialect_of(sample, options, expected, lines_wanted)
    if dialect.is_lines:
        notes += [] if lines_wanted else [TEXT_LINES]
        return _head_of_lines(lines, options, notes)
    notes += _dialect_notes(dialect, options)
    rows = sample.rows(dialect)
    header, raw = _names(lines, rows, dialect, options, notes)
    if not options.no_header:
        notes += _ending_notes(header, rows[1:], dialect)
        header, raw = _fitted(header, raw, dialect, rows[1:], notes)
    names = unique_names(header) if options.rename_duplicates else header
    notes += _renaming_notes(header, names)
    return CsvHead(names, raw, dialect, lines.encoding, iter([lines]), notes)


def _dialect_of(
    sample: CsvSample, options: CsvOptions, expected: str | None, lines_wanted: bool | None
) -> CsvDialect:
    """Return the dialect of a table, or that of lines. Raises `InputError` or `UsageError`."""
    if lines_wanted:
        options.check_lines()
        return WHOLE_LINES
    dialect = detect_dialect(sample, options, expected)
    if options.delimiter is None:
        check_drawn(sample)
        check_padded(sample, dialect)
        if not options.no_header:  # else it has one column, as the user knows
            check_wrapped(sample, dialect)
    check_header(sample, dialect, options)
    may_be_texts = lines_wanted is None and not options.say_table
    return WHOLE_LINES if may_be_texts and are_texts(sample, dialect) else dialect


def _head_of_lines(lines: Lines, options: CsvOptions, notes: Sequence[str]) -> CsvHead:
    """Return the head of a file of which each line is one text. Raises `InputError`."""
    if not lines.peek(1):
        raise InputError(f"{lines.name} is empty")
    name = "column_1" if options.no_header else LINES_COLUMN
    return CsvHead([name], name, WHOLE_LINES, lines.encoding, iter([lines]), notes)


def _open_lines(
    source: io.BufferedReader, name: str, options: CsvOptions, notes: list[str]
) -> Lines:
    """Return the lines of the table."""
    with prefix_errors(name):
        text, encoding, mark_bytes = open_text(source, options.encoding)
    if not mark_bytes and options.encoding is None and encoding.name != DEFAULT:
        notes.append(f"it has no byte order mark and is read as --encoding {encoding.name}")
    lines = Lines(text, encoding, name, offset=mark_bytes)
    lines.skip(options.skip_rows)
    return lines


def _obey_separator(lines: Lines, options: CsvOptions, notes: list[str]) -> CsvOptions:
    """Skip a `sep=` line; return the options with what it says."""
    separator = separator_of(next(iter(lines.peek(1)), ""))
    if separator is None:
        return options
    lines.skip(1)
    notes.append(f"the line `sep={separator}` above the header says what separates fields")
    return replace(options, delimiter=options.delimiter or separator)


def _names(
    lines: Lines,
    rows: Sequence[Sequence[str]],
    dialect: CsvDialect,
    options: CsvOptions,
    notes: list[str],
) -> tuple[list[str], str]:
    """Return the names of the columns, and the text of the header."""
    if not options.no_header:
        if not options.header and looks_like_data(rows):
            notes.append(Doubt(LIKE_DATA))
        below, what = headers_below(rows)
        if below:
            notes.append(Doubt(warn_of_headers(below, what)))
        return _read_header(lines, dialect)
    if not rows:
        raise InputError(f"{lines.name} is empty")
    names = [f"column_{number}" for number in range(1, len(rows[0]) + 1)]
    return names, dialect.delimiter.join(names)


def _fitted(
    header: list[str],
    raw: str,
    dialect: CsvDialect,
    rows: Sequence[Sequence[str]],
    notes: list[str],
) -> tuple[list[str], str]:
    """Return the names and the text of the header, ending in a delimiter where the rows do."""
    names = fitted_header(header, rows)
    if len(names) > len(header):
        raw += dialect.delimiter
        notes.append(Doubt("its rows end in a delimiter and its header does not: " + LONGER))
    elif len(names) < len(header):
        raw = raw[: raw.rindex(dialect.delimiter)]
        notes.append(Doubt("its header ends in a delimiter and its rows do not: " + SHORTER))
    return names, raw


def _ending_notes(
    header: Sequence[str], rows: Sequence[Sequence[str]], dialect: CsvDialect
) -> Iterator[str]:
    """Yield a note where all lines end in what separates fields of other tables."""
    end = header[-1][-1:]
    other = end in DELIMITERS and end != dialect.delimiter
    if other and rows and all(row[-1].endswith(end) for row in rows):
        yield f"each line ends in {shown(end)}, which is read as part of the last column"


def _head_of_rejects(source: io.BufferedReader, name: str, dialect: CsvDialect) -> CsvHead:
    """Read the head of a file of rejected rows, which has the header of its input."""
    text, encoding, mark_bytes = open_text(source, DEFAULT)
    lines = Lines(text, encoding, name, offset=mark_bytes)
    dialect, streams = read_rejects(lines, dialect)
    first = next(streams)
    names, raw = read_header(first, dialect)
    return CsvHead(names, raw, dialect, encoding, chain([first], streams), ())


def _read_header(lines: Lines, dialect: CsvDialect) -> tuple[list[str], str]:
    try:
        return read_header(lines, dialect)
    except UndecodableHeaderError as error:
        sample = "".join([lines.raw, "\n", *lines.peek(SAMPLE_CHARACTERS)])
        raise InputError(str(error), encoding_hint(sample, lines.encoding)) from error


def unique_names(header: Sequence[str]) -> list[str]:
    """Return the names with `.1`, `.2`, … after those that repeat."""
    names: list[str] = []
    for name in header:
        numbered = (f"{name}.{number}" for number in count(1))
        taken = {*names, *header}
        names.append(next(n for n in numbered if n not in taken) if name in names else name)
    return names


def _dialect_notes(dialect: CsvDialect, options: CsvOptions) -> Iterator[str]:
    if dialect == ONE_FIELD and options.delimiter is None:
        yield Doubt(ONE_COLUMN)
        return
    if dialect.skip_space:
        yield SPACES
    if dialect.quote not in (PLAIN_QUOTE, "") and options.quote is None:
        given = f"`{dialect.quote}` is read as the quote, as --quote {shown(dialect.quote)} says"
        yield f"{given}; --quote '\"' reads it as text"
    if dialect.escape and options.escape is None:
        quote = "" if dialect.quote else " --quote none"
        yield (
            f"`{dialect.escape}` is read as an escape, as --escape '{dialect.escape}'{quote} says; "
            "--escape none reads it otherwise"
        )
    control = dialect.delimiter != "\t" and not dialect.delimiter.isprintable()
    if control and options.delimiter is None:
        yield f"fields are separated by {shown(dialect.delimiter)}; --delimiter names another"


def _renaming_notes(header: Sequence[str], names: Sequence[str]) -> Iterator[str]:
    for number, (old, new) in enumerate(zip(header, names, strict=True), 1):
        if old != new:
            yield f"column {number}, {old!r}, is renamed {new!r}"
