"""Random and damaged tables through the readers and writers: what comes out is right, or an error.

    random    CSV soup and well-formed CSV, many dialects and encodings, read in blocks of any size.
              The rows must be those that the standard library's `csv` reads; written as CSV and
              as Parquet, they must read back equal; the rejected rows must be rejected again.
    damaged   CSV, gzip, zstd and Parquet with bytes flipped, cut, doubled, lost or swapped. Each
              must end in a `ScorerError` or in a table that can be written; for CSV it must be
              what `csv` reads, for gzip and zstd (which have checksums) what was compressed.

Anything else is printed with its case number. A Parquet's footer has no checksum, and a plain
Parquet, by another writer, has none at all: the table that is read after some damage may be
another one, and is counted.
A hang of a minute ends the run, with a traceback. What was read last is in --folder.
"""

import csv
import faulthandler
import io
import random
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from weakref import WeakSet

import click
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from scorer.errors import ScorerError
from scorer.files import byte_streams
from scorer.scoring.summary import peak_memory_mb
from scorer.tables.formats import (
    CsvDialect,
    CsvOptions,
    RejectSink,
    TableReader,
    create_table,
    format_of,
    open_table,
)

PIECES = ["a", "b c", " ", "007", "é", "😀", "\ufeff", "\0", "'", "\x1c", "\u2028", "x" * 40]
BREAKS = ["\n", "\r\n", "\r"]
FIRST_BLOCK = 64  # bytes: it has the mark, and the header of rejects
SECONDS = 60
MEGABYTES = 2048
DAMAGED = ("csv", "csv.gz", "csv.zst", "parquet")
MARKED = ("utf-8", "utf-16-le", "utf-16-be")  # whose codecs leave the mark in the text
Rows = list[list[str]]


class WrongTableError(Exception):
    """A table that is not what it should be."""


@dataclass(frozen=True)
class Case:
    """A CSV file, and how it is read."""

    data: bytes
    options: CsvOptions
    codec: str
    block: int


def random_case(rng: random.Random) -> Case:
    """Make a CSV: two thirds of them well-formed, some of those then with a bad byte."""
    delimiter, quote = rng.choice(",,,;\t|"), rng.choice('"""\'')
    make = soup if rng.random() < 0.33 else well_formed
    text = make(rng, delimiter, quote)
    codec, option = rng.choice(
        [("utf-8", None)] * 4
        + [("utf-8-sig", None), ("utf-16", None), ("utf-16-le", "utf-16-le"), ("utf-16-be",) * 2]
        + [("latin-1", "latin-1"), ("cp1252", "cp1252"), ("shift_jis", "sjis"), ("gb18030",) * 2]
    )
    data = text.encode(codec, "ignore")
    if codec == "utf-8" and data and rng.random() < 0.2:
        at = rng.randrange(2, len(data) + 2)
        data = data[:at] + rng.choice([b"\xff", b"\xc3", b"\x80", b"\xed\xa0\x80"]) + data[at:]
    told = rng.random() < 0.7
    options = CsvOptions(delimiter if told else None, quote if told else None, option)
    return Case(data, options, codec, rng.choice([1, 2, 3, 7, 64, 1 << 20]))


def soup(rng: random.Random, delimiter: str, quote: str) -> str:
    """Return anything at all."""
    choices = PIECES + BREAKS * 3 + [delimiter] * 8 + [quote] * 6 + [quote * 2] * 2
    return "".join(rng.choices(choices, k=rng.randrange(60)))


def well_formed(rng: random.Random, delimiter: str, quote: str) -> str:
    """Return rows of one width, now and then a blank line or a row that is too long."""
    choices = PIECES + BREAKS + [delimiter, quote]
    width, text = rng.randrange(1, 5), io.StringIO(newline="")
    for _ in range(rng.randrange(12)):
        writer = csv.writer(
            text,
            delimiter=delimiter,
            quotechar=quote,
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
    """Return the records of a text."""
    quoting = {"quotechar": dialect.quote} if dialect.quote else {"quoting": csv.QUOTE_NONE}
    lines = io.StringIO(text, newline="")
    return [row for row in csv.reader(lines, delimiter=dialect.delimiter, **quoting) if row]


def has_open_quote(text: str, dialect: CsvDialect) -> bool:
    """Return whether one more line would belong to the last record."""
    return len(as_csv_reads(text, dialect)) == len(as_csv_reads(text + "\nx", dialect))


def check_refusal(error: ScorerError, text: str, options: CsvOptions) -> None:
    """Raise if a file was refused that has a header and a row, accepted or rejected."""
    if options.delimiter is None or options.quote is None:
        return
    dialect = CsvDialect(options.delimiter, options.quote)
    records = as_csv_reads(text, dialect)
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


class Bench:
    """Runs cases in a folder and counts how they end."""

    def __init__(self, folder: Path, seed: int) -> None:
        self.folder, self.seed = folder, seed
        self.ends: Counter[str] = Counter()
        self._read_into = byte_streams.Source.readinto

    def run(self, name: str, number: int, work: Callable[[random.Random], str]) -> None:
        """Run one case; whatever is not a `ScorerError` is a finding."""
        faulthandler.dump_traceback_later(SECONDS, exit=True)
        try:
            end = work(random.Random(f"{self.seed} {name} {number}"))
        except ScorerError as error:
            end = "error"
            if "\n" in str(error) or not str(error):
                end = self._finding(name, number, f"not one line: {error!r}")
        except Exception as error:  # the finding this bench is there for
            end = self._finding(name, number, repr(error))
        finally:
            faulthandler.cancel_dump_traceback_later()
            byte_streams.Source.readinto = self._read_into  # type: ignore[method-assign]
        self.ends[f"{name}: {end}"] += 1

    def _finding(self, name: str, number: int, what: str) -> str:
        click.echo(f"{name} {number}: {what[:300]}")
        return "WRONG"

    def random_csv(self, rng: random.Random) -> str:
        """Read a random CSV as `csv` does, and write it without loss."""
        case = random_case(rng)
        path = self._store("case.csv", case.data)
        self._read_in_blocks(case.block)
        return self._compare(path, case)

    def damaged(self, kind: str, original: bytes, table: pa.Table, rng: random.Random) -> str:
        """Read a damaged file and write what was read."""
        data = damage(original, rng)
        path = self._store(f"case.{kind}", data)
        if kind == "csv":
            return self._compare(path, Case(data, CsvOptions(",", '"'), "utf-8", 1 << 20))
        with open_table(path, format_of(path), CsvOptions(",", '"')) as reader:
            tables = [chunk.table for chunk in reader.chunks(100)]
            schema, rejected = reader.schema, reader.rows_rejected
        self._written(schema, tables, None)
        if pa.concat_tables([schema.empty_table(), *tables]).equals(table) and not rejected:
            return "right"
        if kind.endswith("parquet"):
            return "another table"
        raise WrongTableError("not what was compressed")

    def _compare(self, path: str, case: Case) -> str:
        """Compare a CSV's rows with `csv`'s, write them, and read the rejected rows again."""
        sink = RejectSink(self.folder / "case.rejects.csv")
        text = as_text(case.data, case.codec)
        try:
            with open_table(path, format_of(path), case.options, sink) as reader:
                found = [reader.schema.names, *rows_of(reader)]
        except ScorerError as error:
            check_refusal(error, text, case.options)
            raise
        dialect = reader.dialect or CsvDialect()
        self._check_rows(found, text, dialect, sink.count)
        columns = list(zip(*found[1:], strict=True)) or [[]] * len(found[0])
        table = pa.table([pa.array(c, pa.large_string()) for c in columns], schema=reader.schema)
        self._written(reader.schema, [table], dialect)
        return "right"

    def _check_rows(self, found: Rows, text: str, dialect: CsvDialect, rejected: int) -> None:
        """Compare a header and rows with what `csv` reads."""
        expected = as_csv_reads(text, dialect)
        open_end = has_open_quote(text, dialect)
        complete = expected[:-1] if open_end else expected
        right = [row for row in complete if len(row) == len(expected[0]) and is_text(row)]
        if found != right:
            raise WrongTableError(f"{found} is not {right}")
        if not open_end and rejected != len(expected) - len(right):
            raise WrongTableError(f"{rejected} rejects, not {len(expected) - len(right)}")
        if rejected and not open_end:
            self._rejected_again(rejected)

    def _rejected_again(self, count: int) -> None:
        path = str(self.folder / "case.rejects.csv")
        with open_table(path, format_of(path)) as reader:
            again = rows_of(reader)
        if again or reader.rows_rejected != count:
            raise WrongTableError(
                f"of {count} rejects, {reader.rows_rejected} were rejected again, {again}"
            )

    def _written(self, schema: pa.Schema, tables: list[pa.Table], dialect: Any) -> None:
        """Write tables in each format; a CSV's rows must read back the same."""
        for kind in DAMAGED:
            path = str(self.folder / f"written.{kind}")
            with create_table(path, format_of(path), schema, dialect) as writer:
                for table in tables:
                    writer.write(table)
            if dialect is None or not sum(table.num_rows for table in tables):
                continue
            options = CsvOptions(dialect.delimiter, dialect.quote)
            with open_table(path, format_of(path), options) as reader:
                back = rows_of(reader)
            expected = [row for table in tables for row in rows_in(table)]
            if back != expected or reader.schema.names != schema.names:
                raise WrongTableError(f"{kind}: {back} was written as {expected}")

    def _store(self, name: str, data: bytes) -> str:
        path = self.folder / name
        path.write_bytes(data)
        return str(path)

    def _read_in_blocks(self, size: int) -> None:
        """Have the bytes come in blocks of a size; the first one is whole: it tells the mark."""
        read_into, begun = self._read_into, WeakSet()

        def readinto(source: byte_streams.Source, buffer: Any) -> int:
            limit = size if source in begun else FIRST_BLOCK
            begun.add(source)
            return read_into(source, memoryview(buffer)[:limit])

        byte_streams.Source.readinto = readinto  # type: ignore[method-assign]


def damage(data: bytes, rng: random.Random) -> bytes:
    """Flip, replace, cut, double, lose or swap bytes, up to three times."""
    for _ in range(rng.choice([1, 1, 1, 2, 3])):
        start, size = rng.randrange(len(data) or 1), rng.choice([1, 1, 1, 2, 8, 64, 1000])
        end = start + size
        part = data[start:end]
        flipped = bytes(byte ^ (1 << rng.randrange(8)) for byte in part)
        choices = {
            data[:start] + flipped + data[end:]: 4,
            data[:start] + rng.randbytes(len(part)) + data[end:]: 2,
            data[:start]: 1,
            data[:end] + part + data[end:]: 1,
            data[:start] + data[end:]: 1,
            data[end:] + data[:end]: 1,
        }
        data = rng.choices(list(choices), list(choices.values()))[0]
    return data


def originals(folder: Path) -> Iterator[tuple[str, bytes, pa.Table]]:
    """Yield a file of each kind, with its table."""
    rng = random.Random(0)
    rows = [
        [str(number), "".join(rng.choices([*PIECES, *BREAKS, ",", '"'], k=rng.randrange(9)))]
        for number in range(300)
    ]
    columns = list(zip(*rows, strict=True))
    text = pa.table([pa.array(c, pa.large_string()) for c in columns], names=["id", "text"])
    for kind in DAMAGED:
        path = folder / f"original.{kind}"
        with create_table(path, format_of(str(path)), text.schema) as writer:
            writer.write(text)
        yield kind, path.read_bytes(), text
    path = folder / "original.parquet"
    table = rich(rows)
    pq.write_table(table, path, row_group_size=200, compression="snappy")
    yield "plain.parquet", path.read_bytes(), table


def rich(rows: Rows) -> pa.Table:
    """Return a table of many types."""
    texts = pa.array([text for _, text in rows])
    numbers = pa.array(range(len(rows)), pa.int64())
    return pa.table(
        {
            "text": texts,
            "kind": pa.array(["ab"[number % 2] for number in range(len(rows))]).dictionary_encode(),
            "number": pc.if_else(pc.greater(numbers, 9), numbers, None),
            "list": pa.array([["x"] * (number % 4) for number in range(len(rows))]),
            "struct": pa.StructArray.from_arrays([numbers, texts], ["n", "t"]),
            "when": numbers.cast(pa.timestamp("us", "Europe/Berlin")),
            "price": numbers.cast(pa.decimal128(20, 1)),
            "blob": texts.cast(pa.binary()),
            "float": numbers.cast(pa.float32()),
        }
    )


@click.command(context_settings={"show_default": True})
@click.option("--random", "random_files", default=10_000, help="Random CSV files.")
@click.option("--damaged", "damaged_files", default=1_000, help="Damaged files of each kind.")
@click.option("--seed", default=0, help="Another seed, other files.")
@click.option("--folder", type=click.Path(path_type=Path, file_okay=False), help="For the files.")
def main(random_files: int, damaged_files: int, seed: int, folder: Path | None) -> None:
    """Run the cases and print how they ended; exit code 1 if any was wrong."""
    faulthandler.enable()
    started = time.monotonic()
    with TemporaryDirectory() as temporary:
        bench = Bench(folder or Path(temporary), seed)
        for number in range(random_files):
            bench.run("random csv", number, bench.random_csv)
        for kind, data, table in originals(bench.folder):
            for number in range(damaged_files):
                work = lambda rng, k=kind, d=data, t=table: bench.damaged(k, d, t, rng)  # noqa: E731
                bench.run(f"damaged {kind}", number, work)
    peak = peak_memory_mb()
    for end, count in sorted(bench.ends.items()):
        click.echo(f"{end:30} {count:7,}")
    click.echo(f"peak memory {peak:,.0f} MB, {time.monotonic() - started:,.0f} s")
    wrong = sum(count for end, count in bench.ends.items() if end.endswith("WRONG"))
    raise SystemExit(bool(wrong or peak > MEGABYTES))


if __name__ == "__main__":
    main()
