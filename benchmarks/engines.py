"""One process, several processes and Ray on the same rows: rows a second, overhead, growth.

In each repeat every engine scores the same file, one after another, so that a machine whose speed
drifts does so for all. Start-up, in which processes and actors load the bundle, is timed apart.
All must give the same probabilities before a ratio is printed. Every process and actor computes
with one thread; `one process` is the default, a thread a core.
"""

import csv
import os
import statistics
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import click
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from measured import Figure, agree, per_second, seconds, show

from scorer import jobs
from scorer.bundles.bundle import Bundle
from scorer.bundles.bundle_files import load_bundle
from scorer.bundles.store import resolve_bundle
from scorer.engines import process_pool
from scorer.engines.engine import Engine, load_model
from scorer.network.precision import CHOICES
from scorer.scoring import scoring
from scorer.scoring.model import Model

DEFAULT, RAY_LIMIT, GROWTH = "one process", 1.3, 1.7
WITHIN = 1e-6  # of each other, in float32


@dataclass
class Contender:
    """An engine with what it took: seconds of start-up and of scoring, one of each a repeat."""

    name: str
    engine: Engine
    starting: list[float] = field(default_factory=list)
    scoring: list[float] = field(default_factory=list)

    @property
    def seconds(self) -> float:
        """The median of scoring."""
        return statistics.median(self.scoring)


@dataclass(frozen=True)
class Scored:
    """What an engine wrote: float32 (rows, classes), and the columns that came in."""

    probabilities: np.ndarray
    rows: pa.Table


@dataclass(frozen=True)
class Trial:
    """The rows that every engine scores."""

    source: Path
    rows: int
    bundle: Bundle
    precision: str
    text_column: str | None

    def run(self, contender: Contender, repeat: int) -> "Scored":
        """Score by one engine; return what it wrote."""
        target = self.source.with_name(f"{contender.name} {repeat}.parquet")
        started = time.perf_counter()
        model = load_model(self.bundle, self.precision, engine=contender.engine)
        contender.starting.append(time.perf_counter() - started)
        try:
            contender.scoring.append(seconds(self._job(target, model)))
        finally:
            model.predictor.close()
        names = [f"probability_{name}" for name in self.bundle.classes]
        table = pq.read_table(target)
        scores = np.stack([table[name].to_numpy() for name in names], axis=1)
        return Scored(scores, table.drop_columns(names))

    def _job(self, target: Path, model: Model) -> Callable[[], object]:
        given, wanted = jobs.source_and_target(self.source, target, self.text_column)
        return lambda: scoring.score_file(given, wanted, lambda: model)


@click.command()
@click.argument("path", type=click.Path(exists=True, path_type=Path))
@click.option("--bundle", help="Bundle folder; else the one that is shipped.")
@click.option("--text-column", help="Else it is found.")
@click.option("--rows", default=50_000, show_default=True, help="Of the file, its first ones.")
@click.option("--repeats", default=3, show_default=True, help="Of which the median counts.")
@click.option("--precision", type=click.Choice(CHOICES), default="auto", show_default=True)
@click.option("--workers", default=2, show_default=True, help="Processes, and actors.")
@click.option("--without-ray", is_flag=True, help="Processes only.")
@click.option("--without-one", is_flag=True, help="Do not time a single process, a single actor.")
def main(
    path: Path,
    bundle: str | None,
    text_column: str | None,
    rows: int,
    repeats: int,
    precision: str,
    workers: int,
    without_ray: bool,
    without_one: bool,
) -> None:
    """Measure on the first rows of a CSV file."""
    loaded = load_bundle(resolve_bundle(bundle))
    process_pool.CORES, os.environ["OMP_NUM_THREADS"] = 1, "1"  # of each process and actor
    counts = [workers] if without_one else [1, workers]
    contenders = [Contender(DEFAULT, Engine())]
    contenders += [Contender(f"{n} processes", Engine(processes=n)) for n in counts]
    if not without_ray:
        start_ray(workers)
        contenders += [Contender(f"ray, {n} actors", Engine("ray", concurrency=n)) for n in counts]
    with tempfile.TemporaryDirectory() as folder:
        source, count = first_rows(path, rows, Path(folder))
        trial = Trial(source, count, loaded, precision, text_column)
        for repeat in range(repeats):
            compare(trial, contenders, repeat)
    show(figures(contenders, count, counts))


def start_ray(cores: int) -> None:
    """Start Ray with so many cores, before anything is timed."""
    import ray

    ray.init(num_cpus=cores, include_dashboard=False, log_to_driver=False)


def first_rows(path: Path, rows: int, folder: Path) -> tuple[Path, int]:
    """Write the first rows to a CSV file; return it, and how many they are."""
    csv.field_size_limit(1 << 30)
    copy, written = folder / "in.csv", -1
    with path.open(newline="", encoding="utf-8") as file, copy.open("w", newline="") as out:
        for row, _ in zip(csv.reader(file), range(rows + 1), strict=False):
            csv.writer(out).writerow(row)
            written += 1
    return copy, written


def compare(trial: Trial, contenders: Sequence[Contender], repeat: int) -> None:
    """Let every engine score, and check that all give the same."""
    expected = None
    for contender in contenders:
        found = trial.run(contender, repeat)
        expected = expected or found  # the default's
        rate = per_second(trial.rows / contender.scoring[-1], "rows")
        click.echo(f"{contender.name}: {rate}", err=True)
        agree(f"{contender.name}: rows", found.rows.equals(expected.rows))
        apart = float(np.nanmax(np.abs(found.probabilities - expected.probabilities)))
        classes = found.probabilities.argmax(axis=1) == expected.probabilities.argmax(axis=1)
        click.echo(f"  apart by {apart:.1e} at most, same class {classes.mean():.3%}", err=True)
        close = apart <= WITHIN or (trial.precision != "float32" and classes.mean() >= 0.999)
        agree(f"{contender.name}: probabilities", close)


def figures(contenders: Sequence[Contender], rows: int, counts: Sequence[int]) -> list[Figure]:
    """Return rates, overhead against the default, and what more workers bring."""
    default, found = contenders[0], []
    for contender in contenders:
        rate = per_second(rows / contender.seconds, "rows")
        name = f"{contender.name}, started in {statistics.median(contender.starting):.1f} s"
        is_ray = contender.name == f"ray, {counts[-1]} actors"
        ratio = contender.seconds / default.seconds
        limit = RAY_LIMIT if is_ray else None
        found.append(Figure(name, rate, ratio, "the default's seconds", limit, at_most=True))
    if len(counts) > 1:
        for one, more in zip(contenders[1::2], contenders[2::2], strict=True):
            growth = one.seconds / more.seconds
            found.append(Figure(f"from {one.name} to {more.name}", "", growth, "rows/s", GROWTH))
    return found


if __name__ == "__main__":
    main()
