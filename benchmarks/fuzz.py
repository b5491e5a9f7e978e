"""Random and damaged tables through the readers and writers: what comes out is right, or an error.

    random csv       see `fuzz_csv`
    random parquet   see `fuzz_parquet`
    damaged          CSV, gzip, zstd and Parquet with bytes flipped, cut, doubled, lost or swapped.
                     Each must end in a `ScorerError` or in a table that can be written; for CSV it
                     must be what `csv` reads, for gzip and zstd (which have checksums) what was
                     compressed.

Anything else is printed with its case number. A Parquet's footer has no checksum, and a plain
Parquet, by another writer, has none at all: the table that is read after some damage may be
another one, and is counted. A hang of a minute ends the run, with a traceback. What was read last
is in --folder.
"""

import faulthandler
import random
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import click
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from fuzz_csv import BREAKS, PIECES, Case, Rows, WrongTableError, check_csv, check_random_csv, write
from fuzz_parquet import check_random_parquet

from scorer.errors import ScorerError
from scorer.scoring.peak_memory import peak_memory_mb
from scorer.tables.csv_options import CsvOptions
from scorer.tables.formats import create_table, format_of, open_table
from scorer.tables.table_streams import CsvDialect

SECONDS = 60
MEGABYTES = 2048
DAMAGED = ("csv", "csv.gz", "csv.zst", "parquet")


class Bench:
    """Runs cases in a folder and counts how they end."""

    def __init__(self, folder: Path, seed: int) -> None:
        self.folder, self.seed = folder, seed
        self.ends: Counter[str] = Counter()

    def run(self, name: str, number: int, work: Callable[[random.Random], str]) -> None:
        """Run one case; whatever is not a `ScorerError` is a finding."""
        faulthandler.dump_traceback_later(SECONDS, exit=True)
        try:
            end = work(random.Random(f"{self.seed} {name} {number}"))
        except ScorerError as error:
            end = "refused"
            if "\n" in str(error) or not str(error):
                end = self._finding(name, number, f"not one line: {error!r}")
        except Exception as error:  # the finding this bench is there for
            end = self._finding(name, number, repr(error))
        finally:
            faulthandler.cancel_dump_traceback_later()
        self.ends[f"{name}: {end}"] += 1

    def _finding(self, name: str, number: int, what: str) -> str:
        click.echo(f"{name} {number}: {what[:500]}")
        return "WRONG"

    def damaged(self, kind: str, original: bytes, table: pa.Table, rng: random.Random) -> str:
        """Read a damaged file and write what was read."""
        path = self.folder / f"case.{kind}"
        path.write_bytes(damage(original, rng))
        options = CsvOptions(",", '"', escape="none")
        if kind == "csv":
            return check_csv(path, Case(path.read_bytes(), options, "utf-8", 1 << 20, sound=False))
        with open_table(str(path), format_of(str(path)), options) as reader:
            tables = [chunk.table for chunk in reader.chunks(100)]
            found = pa.concat_tables([reader.schema.empty_table(), *tables])
        for written in DAMAGED:
            write(self.folder / f"written.{written}", found, CsvDialect())
        if found.equals(table) and not reader.rows_rejected:
            return "right"
        if kind.endswith("parquet"):
            return "another table"
        raise WrongTableError("not what was compressed")


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
@click.option("--csv", "csv_files", default=10_000, help="Random CSV files.")
@click.option("--parquet", "parquet_files", default=2_000, help="Random Parquet files.")
@click.option("--damaged", "damaged_files", default=1_000, help="Damaged files of each kind.")
@click.option("--first", default=0, help="Number of the first random file.")
@click.option("--seed", default=0, help="Another seed, other files.")
@click.option("--folder", type=click.Path(path_type=Path, file_okay=False), help="For the files.")
def main(
    csv_files: int,
    parquet_files: int,
    damaged_files: int,
    first: int,
    seed: int,
    folder: Path | None,
) -> None:
    """Run the cases and print how they ended; exit code 1 if any was wrong."""
    faulthandler.enable()
    started = time.monotonic()
    with TemporaryDirectory() as temporary:
        bench = Bench(folder or Path(temporary), seed)
        for number in range(first, first + csv_files):
            bench.run("random csv", number, lambda rng: check_random_csv(bench.folder, rng))
        for number in range(first, first + parquet_files):
            bench.run("random parquet", number, lambda rng: check_random_parquet(bench.folder, rng))
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
