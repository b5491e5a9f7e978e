"""Tables in files: CSV and Parquet, read and written as chunks of Arrow tables, nothing lost.

The format follows from the name of a file or from an option; of a `.txt` its lines tell whether
they are a table, see `csv_lines`. Knows formats, nothing of models, scores or publishing.
"""

from collections import Counter
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import IO, Any

import pyarrow as pa

from scorer.errors import InputError, UsageError
from scorer.files.byte_streams import STANDARD_STREAM
from scorer.files.urls import name_of
from scorer.tables.csv_lines import LINES_COLUMN
from scorer.tables.csv_options import CsvOptions
from scorer.tables.csv_reader import CsvReader
from scorer.tables.csv_writer import CsvWriter
from scorer.tables.json_lines import JsonLinesReader, JsonLinesWriter
from scorer.tables.parquet_table import ParquetReader, ParquetWriter
from scorer.tables.rejects import RejectSink
from scorer.tables.table_streams import (
    CsvDialect,
    ParquetDialect,
    TableReader,
    TableWriter,
)


@dataclass(frozen=True)
class TableFormat:
    """How a table is stored."""

    kind: str  # csv, jsonl or parquet
    compression: str | None = None  # gzip, zstd, bz2, xz or zip, but of Parquet
    delimiter: str | None = None  # of a CSV, where its name tells
    lines: bool | None = False  # of a CSV: each line is one text; None: the lines themselves tell

    def with_column(self, name: str | None) -> "TableFormat":
        """Return the format of a file with a text column of that name: lines have `text` alone."""
        named = name is not None and name.casefold() != LINES_COLUMN
        return replace(self, lines=False) if named and self.lines is None else self


LINES = "lines"
COMPRESSIONS = {
    "": None,
    ".gz": "gzip",
    ".zst": "zstd",
    ".bz2": "bz2",
    ".xz": "xz",
    ".zip": "zip",
}


def _packed(name: str, format: TableFormat) -> dict[str, TableFormat]:
    """Return a format by its name, and compressed by the names it has then."""
    return {
        f"{name}{end}": replace(format, compression=packed) for end, packed in COMPRESSIONS.items()
    }


FORMATS = {
    **_packed("csv", TableFormat("csv")),
    **_packed("tsv", TableFormat("csv", delimiter="\t")),
    **_packed(LINES, TableFormat("csv", lines=True)),
    **_packed("jsonl", TableFormat("jsonl")),
    "parquet": TableFormat("parquet"),
}
SUFFIXES = {
    **{name: known for name, known in FORMATS.items() if not known.lines},
    **_packed("txt", TableFormat("csv", lines=None)),
    **_packed("ndjson", TableFormat("jsonl")),
    "zip": TableFormat("csv", "zip"),
    "pq": TableFormat("parquet"),
}
# not of what a folder holds, where they are reports of runs and much else
READ_SUFFIXES = _packed("json", TableFormat("jsonl"))
ALL_SUFFIXES = {**SUFFIXES, **READ_SUFFIXES}
READ_ONLY = "zip"
TOLD_READING = "--input-format names its format, as --input-format csv does for a CSV"
TOLD_WRITING = "--output-format names its format"


def format_of(path: str, option: str | None = None, writing: bool = False) -> TableFormat:
    """Return the format that the option names, or else the end of the path; CSV for `-`.

    Raises `UsageError` with the ones there are, and for one that is only read where a table is to
    be written.
    """
    if not writing:
        return _format_of(path, option, ALL_SUFFIXES, TOLD_READING)
    found = _format_of(path, option, SUFFIXES, TOLD_WRITING)
    if found.compression == READ_ONLY:
        raise UsageError(
            f"{path}: a zip archive is read, not written", f"{found.kind}.gz is written"
        )
    if found.lines:
        raise UsageError(
            f"{path}: {option} is a format that is read, not written", "csv is written"
        )
    return replace(found, lines=False)


def _format_of(
    path: str, option: str | None, suffixes: Mapping[str, TableFormat], hint: str
) -> TableFormat:
    if option is not None:
        if option not in FORMATS:
            raise UsageError(
                f"there is no format {option!r}; the formats are: {', '.join(FORMATS)}"
            )
        return FORMATS[option]
    if path == STANDARD_STREAM:
        return FORMATS["csv"]
    if not path:
        raise UsageError("the name of a file is empty", "Is a variable of the command not set?")
    name = name_of(path).lower()
    ends = [suffix for suffix in suffixes if name.endswith(f".{suffix}")]
    if ends:
        return suffixes[max(ends, key=len)]
    json = ".jsonl, .json" if "json" in suffixes else ".jsonl"
    listed = (
        f".csv, .tsv, .txt, {json} (also with .gz, .zst, .bz2, .xz or .zip behind it), .parquet, "
        ".pq"
    )
    raise UsageError(f"the name of {path} does not end in one of: {listed}", hint)


def format_option(path: str, format: TableFormat, writing: bool = False) -> str | None:
    """Return the option that gives a path this format; None where its name does."""
    with suppress(UsageError):
        if format_of(path, writing=writing) == format:
            return None
    return next((name for name, known in FORMATS.items() if known == format), None)


@dataclass(frozen=True)
class ReadOptions:
    """How files are read, whatever their names: for several files at once."""

    format: str | None = None  # of `FORMATS`; else by the end of each name
    csv: CsvOptions = field(default_factory=CsvOptions)

    def given(self) -> dict[str, Any]:
        """Return the options that are not as usual, by the command line's names."""
        format = {"input_format": self.format} if self.format else {}
        return {**format, **self.csv.given()}


def open_table_as(path: str, options: ReadOptions) -> TableReader:
    """Open a path as the options say. Raises `InputError` or `UsageError`, also for a folder."""
    if Path(path).is_dir():
        files = Path(path) / f"*{Path(path).suffix or '.csv'}"
        raise InputError(f"{path} is a folder", f"Name its files, as in {files}")
    return open_table(path, format_of(path, options.format), options.csv)


def open_table(
    path: str,
    format: TableFormat,
    options: CsvOptions | None = None,
    rejects: RejectSink | None = None,
    keep_lines: bool = False,
    text_column: str | None = None,
) -> TableReader:
    """Open a path, or `-` for standard input. Raises `InputError` or `UsageError`.

    keep_lines, text_column: of JSON Lines, see `JsonLinesReader`.
    """
    if format.kind == "parquet":
        return ParquetReader(path)
    if format.kind == "jsonl":
        return JsonLinesReader(path, format.compression, rejects, keep_lines, text_column)
    return CsvReader(path, format.compression, options, rejects, format.delimiter, format.lines)


def create_table(
    target: str | Path | IO[bytes],
    format: TableFormat,
    schema: pa.Schema,
    dialect: CsvDialect | ParquetDialect | None = None,
) -> TableWriter:
    """Begin a table at a path, `-` for standard output, or in a binary file.

    `dialect` is that of the input. Raises `InputError`.
    """
    if isinstance(dialect, CsvDialect) and format.kind != "csv":
        _check_unique(schema, "Parquet" if format.kind == "parquet" else "JSON")
    if format.kind == "parquet":
        return ParquetWriter(
            target, schema, dialect if isinstance(dialect, ParquetDialect) else None
        )
    if format.kind == "jsonl":
        return JsonLinesWriter(target, format.compression, schema)
    return CsvWriter(target, format.compression, schema, _dialect(format, dialect))


def _dialect(format: TableFormat, dialect: CsvDialect | ParquetDialect | None) -> CsvDialect:
    """Return the dialect of a CSV that is written."""
    if not isinstance(dialect, CsvDialect):
        dialect = CsvDialect()
    return replace(dialect, delimiter=format.delimiter) if format.delimiter else dialect


def _check_unique(schema: pa.Schema, format: str) -> None:
    """Refuse columns of one name, which a CSV may have; readers of Parquet and JSON lose some."""
    repeated = [name for name, times in Counter(schema.names).items() if times > 1]
    if format == "JSON":  # spreadsheets write empty columns without a name: nothing is lost
        repeated = [name for name in repeated if name]
    if repeated:
        listed = ", ".join(map(repr, repeated))
        raise UsageError(
            f"{format} cannot have several columns of one name: {listed}",
            "--rename-duplicates numbers them; CSV can have them",
        )


def check_table(
    path: str | Path,
    format: TableFormat,
    schema: pa.Schema,
    dialect: CsvDialect | ParquetDialect | None = None,
) -> int:
    """Open a finished table again and return how many rows it has.

    `dialect` is the one given to `create_table`. Raises `InputError` if it cannot be read, or has
    another schema: other names, or for Parquet other types.
    """
    if format.kind == "jsonl":
        with open_table(str(path), format) as lines:
            return lines.count_rows()
    dialect = _dialect(format, dialect)
    options = CsvOptions(dialect.delimiter, dialect.quote, "utf-8", escape=dialect.escape)
    with open_table(str(path), format, options) as reader:
        found = reader.schema.names if format.kind == "csv" else reader.schema
        if found != (schema.names if format.kind == "csv" else schema):
            raise InputError(f"{path} has other columns than were written: {found}")
        return reader.count_rows()
