"""What stands at the head of a CSV: its encoding, its dialect, its column names.

Knows how a CSV begins, nothing of what becomes of its rows.
"""

import io
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import chain, count

from scorer.errors import InputError, prefix_errors
from scorer.tables.csv_dialect import detect_dialect, records_of
from scorer.tables.csv_encoding import DEFAULT, Encoding, encoding_hint, open_text
from scorer.tables.csv_header import check_header, looks_like_data, separator_of
from scorer.tables.csv_options import CsvOptions, shown
from scorer.tables.csv_records import Lines, UndecodableHeaderError, read_header
from scorer.tables.rejects import read_rejects, rejects_dialect
from scorer.tables.table_streams import CsvDialect

SAMPLE_CHARACTERS = 1 << 18  # to detect the dialect from


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
    source: io.BufferedReader, name: str, options: CsvOptions, expected: str | None
) -> CsvHead:
    """Read the head of a CSV, or of a file of rejected rows.

    `name` is for messages, `expected` the delimiter that the file's name stands for. Raises
    `InputError` or `UsageError`.
    """
    dialect = rejects_dialect(source.peek())
    if dialect is not None:
        return _head_of_rejects(source, name, dialect)
    with prefix_errors(name):
        text, encoding, mark_bytes = open_text(source, options.encoding)
    lines = Lines(text, encoding, name, offset=mark_bytes)
    notes = [] if mark_bytes or options.encoding else list(_encoding_notes(encoding))
    lines.skip(options.skip_rows)
    separator = separator_of(next(iter(lines.peek(1)), ""))
    if separator is not None:
        lines.skip(1)
        notes.append(f"the line `sep={separator}` above the header says what separates fields")
        options = replace(options, delimiter=options.delimiter or separator)
    sample = lines.peek(SAMPLE_CHARACTERS)
    complete = sum(map(len, sample)) < SAMPLE_CHARACTERS
    with prefix_errors(name):
        dialect = detect_dialect(sample, complete, options, expected)
        check_header(sample, complete, dialect, options.delimiter is not None)
    notes += _dialect_notes(dialect, options)
    records = records_of(sample, complete, dialect)
    if options.no_header:
        header, raw = _numbered_names(records, name, dialect)
    else:
        notes += _header_notes(records)
        header, raw = _read_header(lines, dialect)
    names = unique_names(header) if options.rename_duplicates else header
    notes += _renaming_notes(header, names)
    return CsvHead(names, raw, dialect, encoding, iter([lines]), notes)


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


def _numbered_names(
    records: Sequence[Sequence[str]], name: str, dialect: CsvDialect
) -> tuple[list[str], str]:
    """Return names for the columns of a table without a header, as wide as its first row."""
    if not records:
        raise InputError(f"{name} is empty")
    names = [f"column_{number}" for number in range(1, len(records[0]) + 1)]
    return names, dialect.delimiter.join(names)


def unique_names(header: Sequence[str]) -> list[str]:
    """Return the names with `.1`, `.2`, … after those that repeat."""
    names: list[str] = []
    for name in header:
        numbered = (f"{name}.{number}" for number in count(1))
        taken = {*names, *header}
        names.append(next(n for n in numbered if n not in taken) if name in names else name)
    return names


def _encoding_notes(encoding: Encoding) -> Iterator[str]:
    if encoding.name != DEFAULT:
        yield f"it has no byte order mark and is read as --encoding {encoding.name}"


def _dialect_notes(dialect: CsvDialect, options: CsvOptions) -> Iterator[str]:
    if dialect.escape and options.escape is None:
        escaped = f"`{dialect.escape}{dialect.quote}`"
        yield (
            f"{escaped} is read as an escaped quote, as --escape '{dialect.escape}' says; "
            "--escape none reads it otherwise"
        )
    control = dialect.delimiter != "\t" and not dialect.delimiter.isprintable()
    if control and options.delimiter is None:
        yield f"fields are separated by {shown(dialect.delimiter)}; --delimiter names another"


def _header_notes(records: Sequence[Sequence[str]]) -> Iterator[str]:
    if looks_like_data(records):
        yield "the first row, taken as the header, looks like data; --no-header reads it as a row"


def _renaming_notes(header: Sequence[str], names: Sequence[str]) -> Iterator[str]:
    for number, (old, new) in enumerate(zip(header, names, strict=True), 1):
        if old != new:
            yield f"column {number}, {old!r}, is renamed {new!r}"
