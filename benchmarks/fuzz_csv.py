"""Random CSV of many dialects and encodings: what is read is what it says, or it is refused.

Soup and well-formed files, read in blocks of any size: delimiters of all kinds, told or not, with
escapes, without a header, with lines above it, with a `sep=` line, in UTF-8, UTF-16 and UTF-32 with
and without marks, and in others. The rows must be those that the standard library's `csv` reads
(with an escape: a reader written here) and, where they can read the file, DuckDB or polars.
Written as CSV and Parquet, the rows must read back equal, and by pandas, DuckDB and pyarrow too.
"""

import csv
import io
import random
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from weakref import WeakSet

import duckdb
import pandas as pd
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq

from scorer.errors import ScorerError, UsageError
from scorer.files import byte_streams
from scorer.tables.csv_head import ONE_COLUMN
from scorer.tables.csv_options import CsvOptions
from scorer.tables.csv_readings import ONE_FIELD
from scorer.tables.formats import create_table, format_of, open_table
from scorer.tables.rejects import RejectSink
from scorer.tables.table_streams import CsvDialect, TableReader

PIECES = ["a", "b c", " ", "007", "é", "😀", "\ufeff", "\0", "'", "\x1c", "\u2028", "x" * 40]
BREAKS = ["\n", "\r\n", "\r"]
UNUSUAL = "^~:#§\x01\x1f "
FIRST_BLOCK = 1 << 12  # bytes: it tells the encoding, and has the header of rejects
CSV_KINDS = ("csv", "csv.gz", "csv.bz2", "csv.xz")
MARKED = ("utf-8", "utf-16-le", "utf-16-be", "utf-32-le", "utf-32-be")  # the codecs keep the mark
CODECS: list[tuple[str, str | None]] = [  # and what the reader is told
    *[("utf-8", None)] * 6,
    *[(codec, None) for codec in ("utf-8-sig", "utf-16", "utf-32")],
    *[(codec, codec) for codec in ("utf-16-le", "utf-16-be", "utf-32-le", "utf-32-be", "gb18030")],
    ("latin-1", "latin-1"),
    ("cp1252", "cp1252"),
    ("shift_jis", "sjis"),
]
UNMARKED = [(codec, None) for codec in MARKED[1:]]
Rows = list[list[str]]


class WrongTableError(Exception):
    """A table that is not what it should be."""


@dataclass(frozen=True)
class Case:
    """A CSV file, how it is read, and what it is."""

    data: bytes
    options: CsvOptions
    codec: str
    block: int
    above: str = ""  # the header: lines that are skipped, or a `sep=` line
    dialect: CsvDialect | None = None  # of a well-formed file
    sound: bool = True  # all bytes are text


def random_case(rng: random.Random) -> Case:
    """Make a CSV: two thirds of them well-formed, some of those then with a bad byte."""
    soupy = rng.random() < 0.33
    quote, escape = rng.choice('"""\''), "\\" if rng.random() < 0.2 else ""
    delimiter = rng.choice(",,,;\t|" + UNUSUAL * (rng.random() < 0.3))
    dialect = CsvDialect(delimiter, quote, escape)
    text = soup(rng, dialect) if soupy else well_formed(rng, dialect)
    codec, told = rng.choice(CODECS if soupy or rng.random() < 0.8 else UNMARKED)
    text = text.lstrip("\0") if codec == "utf-16" else text  # or the mark is that of UTF-32
    told_dialect = rng.random() < 0.7
    above, skipped = lines_above(rng, dialect)
    data = (above + text).encode(codec, "ignore")
    damaged = codec == "utf-8" and bool(text) and not above and rng.random() < 0.2
    if damaged:
        at = rng.randrange(2, len(data) + 2)
        data = data[:at] + rng.choice([b"\xff", b"\xc3", b"\x80", b"\xed\xa0\x80"]) + data[at:]
    options = CsvOptions(
        delimiter if told_dialect and not above.startswith("sep=") else None,
        quote if told_dialect or escape else None,
        told,
        escape=escape or ("none" if told_dialect else None),
        no_header=rng.random() < 0.15,
        skip_rows=skipped,
        rename_duplicates=rng.random() < 0.5,
    )
    block = rng.choice([1, 2, 3, 7, 64, 1 << 20])
    return Case(data, options, codec, block, above, None if soupy else dialect, not damaged)


def lines_above(rng: random.Random, dialect: CsvDialect) -> tuple[str, int]:
    """Return what stands above the header, and how many lines are to be skipped."""
    if rng.random() < 0.1:
        lines = rng.choices(
            ["Our reviews", "", f"a{dialect.delimiter}b", "7"], k=rng.randrange(1, 4)
        )
        return "".join(f"{line}{rng.choice(BREAKS[:2])}" for line in lines), len(lines)
    if rng.random() < 0.1:
        return f"sep={dialect.delimiter}{rng.choice(BREAKS[:2])}", 0
    return "", 0


def soup(rng: random.Random, dialect: CsvDialect) -> str:
    """Return anything at all."""
    quote, own = dialect.quote, [dialect.delimiter] * 8 + [dialect.escape] * 3
    choices = PIECES + BREAKS * 3 + own + [quote] * 6 + [quote * 2] * 2
    return "".join(rng.choices(choices, k=rng.randrange(60)))


def well_formed(rng: random.Random, dialect: CsvDialect) -> str:
    """Return rows of one width, now and then a blank line or a row that is too long."""
    choices = [*PIECES, *BREAKS, dialect.delimiter, dialect.quote, dialect.escape]
    width, text = rng.randrange(1, 5), io.StringIO(newline="")
    for _ in range(rng.randrange(12)):
        writer = csv.writer(
            text,
            delimiter=dialect.delimiter,
            quotechar=dialect.quote,
            escapechar=dialect.escape or None,
            doublequote=not dialect.escape,
            lineterminator=rng.choice(BREAKS),
            quoting=rng.choice([csv.QUOTE_ALL, csv.QUOTE_NONNUMERIC]),
        )
        longer = rng.random() < 0.05
        writer.writerow(
            "".join(rng.choices(choices, k=rng.randrange(4))) for _ in range(width + longer)
        )
        text.write(rng.choice(["", "", "", "\n"]))
    return text.getvalue()


def as_text(data: bytes, codec: str) -> str:
    """Return a file's text without its mark; bytes that are no text are lone surrogates."""
    text = data.decode(codec, "surrogateescape")
    return text.removeprefix("\ufeff") if codec in MARKED else text


def as_csv_reads(text: str, dialect: CsvDialect) -> Rows:
    """Return the records of a text, blank lines left out."""
    if dialect.escape:
        return [row for row in read_escaped(text, dialect) if row]
    quoting: dict[str, Any] = {"quotechar": dialect.quote or None}
    quoting["skipinitialspace"] = dialect.skip_space
    quoting["quoting"] = csv.QUOTE_MINIMAL if dialect.quote else csv.QUOTE_NONE
    lines = io.StringIO(text, newline="")
    return [row for row in csv.reader(lines, delimiter=dialect.delimiter, **quoting) if row]


def read_escaped(text: str, dialect: CsvDialect) -> Iterator[list[str]]:
    """Yield the records of a text with escapes, character by character; `[]` for a blank line."""
    row: list[str] = []
    cell, quoted, begun, at = "", False, False, 0
    acting = {dialect.escape, dialect.quote, dialect.delimiter, "\r", "\n"}
    while at < len(text):
        character, after = text[at], text[at + 1 : at + 2]
        at += 1
        if character == dialect.escape and after and after in acting:
            pair = text[at : at + 2] if text[at : at + 2] == "\r\n" else after
            cell, begun, at = cell + pair, True, at + len(pair)
        elif quoted and character == dialect.quote:
            quoted = after == dialect.quote
            cell, at = cell + dialect.quote * quoted, at + quoted
        elif quoted:
            cell += character
        elif character == dialect.quote and not begun:
            quoted = begun = True
        elif character == dialect.delimiter:
            row, cell, begun = [*row, cell], "", False
        elif character in "\r\n":
            at += character == "\r" and after == "\n"
            yield [*row, cell] if row or begun else []
            row, cell, begun = [], "", False
        else:
            cell, begun = cell + character, True
    if row or begun:
        yield [*row, cell]


def has_open_quote(text: str, dialect: CsvDialect) -> bool:
    """Return whether one more line would belong to the last record."""
    more = "x" if text.endswith(("\n", "\r")) else "\nx"
    if dialect.escape and (len(text) - len(text.rstrip(dialect.escape))) % 2:
        more = f"{dialect.escape}{more}"  # a last escape has nothing to act on
    return len(as_csv_reads(text, dialect)) == len(as_csv_reads(text + more, dialect))


def check_refusal(error: ScorerError, text: str, options: CsvOptions) -> None:
    """Raise if a file that has a header and a row was refused without an option that helps."""
    if options.delimiter is None or options.quote is None or "--" in error.hint:
        return
    records = as_csv_reads(text, CsvDialect(options.delimiter, options.quote))
    if len(records) > 1 and is_text(records[0]):
        raise WrongTableError(f"{error}: refused, with {len(records)} records")


def is_text(row: list[str]) -> bool:
    """Return whether no byte of a row was undecodable."""
    return not any("\udc80" <= character <= "\udcff" for cell in row for character in cell)


def rows_of(reader: TableReader, max_rows: int = 3) -> Rows:
    """Read all rows, as text."""
    rows: Rows = []
    for chunk in reader.chunks(max_rows):
        if chunk.first_row != len(rows):
            raise WrongTableError(f"a chunk at {chunk.first_row} after {len(rows)} rows")
        rows += rows_in(chunk.table)
    return rows


def rows_in(table: pa.Table) -> Rows:
    """Return a table's rows."""
    return list(map(list, zip(*(c.to_pylist() for c in table.columns), strict=True)))


@contextmanager
def blocks_of(size: int) -> Iterator[None]:
    """Have the bytes of files come in blocks of a size; the first one is larger."""
    read_into, begun = byte_streams.ByteSource.readinto, WeakSet[Any]()

    def readinto(source: byte_streams.ByteSource, buffer: Any) -> int:
        limit = size if source in begun else FIRST_BLOCK
        begun.add(source)
        return read_into(source, memoryview(buffer)[:limit])

    byte_streams.ByteSource.readinto = readinto  # type: ignore[method-assign]
    try:
        yield
    finally:
        byte_streams.ByteSource.readinto = read_into  # type: ignore[method-assign]


def check_random_csv(folder: Path, rng: random.Random) -> str:
    """Read a random CSV, compare, and write it without loss; return how that ended."""
    case = random_case(rng)
    path = folder / "case.csv"
    path.write_bytes(case.data)
    with blocks_of(case.block):
        return check_csv(path, case)


def check_csv(path: Path, case: Case) -> str:
    """Compare a CSV's rows with `csv`'s, write them, and read the rejected rows again."""
    folder, text = path.parent, as_text(case.data, case.codec)[len(case.above) :]
    sink = RejectSink(folder / "case.rejects.csv")
    try:
        with open_table(str(path), format_of(str(path)), case.options, sink) as reader:
            rows = rows_of(reader)
    except ScorerError as error:
        check_refusal(error, text, case.options)
        raise
    dialect, names = reader.dialect, list(reader.schema.names)
    assert isinstance(dialect, CsvDialect)
    if case.dialect and case.sound and len(names) > 1 and len(rows) > 2:
        check_dialect(dialect, case.dialect)
    whole = any(ONE_COLUMN in note for note in reader.notes)
    as_read = ONE_FIELD if whole else dialect
    check_rows(names, rows, text, as_read, case.options, sink.count)
    if sink.count and not has_open_quote(text, as_read):
        check_rejected_again(folder / "case.rejects.csv", sink.count)
    if case.dialect == dialect and case.codec == "utf-8" and not sink.count and not case.above:
        check_opinions(path, rows, len(names), dialect, not case.options.no_header)
    check_written(folder, names, rows, dialect)
    return "right"


def check_dialect(found: CsvDialect, used: CsvDialect) -> None:
    if found.delimiter != used.delimiter:
        raise WrongTableError(f"{found} was taken for {used}")


def check_rows(
    names: list[str], rows: Rows, text: str, dialect: CsvDialect, options: CsvOptions, rejected: int
) -> None:
    """Compare names and rows with what another reader says."""
    expected = as_csv_reads(text, dialect)
    open_end = has_open_quote(text, dialect)
    complete = expected[:-1] if open_end else expected
    header, records = fitted(expected[0], len(names)), complete[1:]
    if options.no_header:
        header, records = [f"column_{i + 1}" for i in range(len(header))], complete
    right = [row for row in records if len(row) == len(header) and is_text(row)]
    if rows != right:
        raise WrongTableError(f"{rows} is not {right}")
    if names != header and not (options.rename_duplicates and len(set(names)) == len(header)):
        raise WrongTableError(f"{names} is not {header}")
    if not open_end and rejected != len(records) - len(right):
        raise WrongTableError(f"{rejected} rejects, not {len(records) - len(right)}")


def fitted(header: list[str], width: int) -> list[str]:
    """Return a header with a blank name more or less at its end, as wide as the table."""
    if len(header) == width + 1 and not header[-1]:
        return header[:-1]
    return [*header, ""] if len(header) == width - 1 else header


def check_rejected_again(path: Path, count: int) -> None:
    with open_table(str(path), format_of(str(path))) as reader:
        again = rows_of(reader)
    if again or reader.rows_rejected != count:
        found = f"{reader.rows_rejected} were rejected again, {again}"
        raise WrongTableError(f"of {count} rejects, {found}")


def check_opinions(path: Path, rows: Rows, width: int, dialect: CsvDialect, header: bool) -> None:
    """Raise if DuckDB or polars can read a file, and neither says the same.

    Both take other line endings than `\\n` differently, end a cell at NUL, and have a row where a
    table of one column has a blank line.
    """
    data = path.read_bytes()
    if {*b"\r\0"} & {*data} or (width == 1 and b"\n\n" in data):
        return
    opinions = [
        as_duckdb_reads(path, width, dialect, header),
        as_polars_reads(path, dialect, header),
    ]
    known = [opinion for opinion in opinions if opinion is not None]
    if known and rows not in known:
        raise WrongTableError(f"{rows} to us, {known} to others")


def as_duckdb_reads(
    path: Path, width: int, dialect: CsvDialect, header: bool = True
) -> Rows | None:
    """Return the rows as DuckDB reads them; None if it cannot."""
    if len(dialect.delimiter.encode()) > 1:
        return None
    columns = {f"c{i}": "VARCHAR" for i in range(width)}
    try:
        found = duckdb.read_csv(
            str(path),
            sep=dialect.delimiter,
            quotechar=dialect.quote,
            escapechar=dialect.escape or dialect.quote,
            header=header,
            columns=columns,
            auto_detect=False,
            allow_quoted_nulls=False,
        ).fetchall()
    except duckdb.Error:
        return None
    return [["" if cell is None else cell for cell in row] for row in found]


def as_polars_reads(path: Path, dialect: CsvDialect, header: bool = True) -> Rows | None:
    """Return the rows as polars reads them; None if it cannot."""
    if dialect.escape or len(dialect.delimiter.encode()) > 1:
        return None
    try:
        frame = pl.read_csv(
            path,
            separator=dialect.delimiter,
            quote_char=dialect.quote or None,
            has_header=header,
            infer_schema=False,
        )
    except (pl.exceptions.PolarsError, ValueError):
        return None
    return [["" if cell is None else cell for cell in row] for row in frame.rows()]


def check_written(folder: Path, names: list[str], rows: Rows, dialect: CsvDialect) -> None:
    """Write rows in each format; they must read back the same, by readers of others too."""
    columns = list(zip(*rows, strict=True)) or [()] * len(names)
    arrays = [pa.array(cells, pa.large_string()) for cells in columns]
    table = pa.Table.from_arrays(arrays, names)
    options = CsvOptions(dialect.delimiter, dialect.quote, "utf-8", escape=dialect.escape)
    for kind in CSV_KINDS:
        path = write(folder / f"written.{kind}", table, dialect)
        with open_table(str(path), format_of(str(path)), options) as reader:
            back = rows_of(reader)
        if back != rows or reader.schema.names != names:
            raise WrongTableError(f"{kind}: {back} was written as {rows}")
    check_csv_of_others(folder / "written.csv", rows, len(names), dialect)
    try:
        path = write(folder / "written.parquet", table, dialect)
    except UsageError:
        if len(set(names)) == len(names):
            raise
        return
    check_parquet_of_others(path, table)


def write(path: Path, table: pa.Table, dialect: CsvDialect | None) -> Path:
    """Write a table in the format of a path."""
    with create_table(path, format_of(str(path)), table.schema, dialect) as writer:
        writer.write(table)
    return path


def check_csv_of_others(path: Path, rows: Rows, width: int, dialect: CsvDialect) -> None:
    """Raise unless pandas reads the rows, and DuckDB too if it can read the file at all."""
    duck = as_duckdb_reads(path, width, dialect)
    if b"\0" in path.read_bytes():
        return  # pandas ends a cell there
    seen = None if len(dialect.delimiter.encode()) > 1 else as_pandas_reads(path, dialect)
    known = [opinion for opinion in (seen, duck) if opinion is not None]
    if known and rows not in known and not dialect.escape:  # pandas takes any escaped character
        raise WrongTableError(f"written {rows}, {seen} to pandas, {duck} to DuckDB")


def as_pandas_reads(path: Path, dialect: CsvDialect) -> Rows:
    """Return the rows as pandas reads them."""
    frame = pd.read_csv(
        path,
        sep=dialect.delimiter,
        quotechar=dialect.quote,
        escapechar=dialect.escape or None,
        dtype=str,
        na_filter=False,
        skip_blank_lines=False,
    )
    return [list(row) for row in frame.itertuples(index=False)]


def check_parquet_of_others(path: Path, table: pa.Table) -> None:
    """Raise unless pyarrow, pandas and DuckDB read the table."""
    rows = rows_in(table)
    duck = [list(row) for row in duckdb.read_parquet(str(path)).fetchall()]
    frame = pd.read_parquet(path)
    seen = [list(row) for row in frame.itertuples(index=False)]
    if not (rows == duck == seen == rows_in(pq.read_table(path))):
        raise WrongTableError(f"written {rows}, {seen} to pandas, {duck} to DuckDB")
