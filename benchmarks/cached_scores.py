"""A night whose texts are nearly all last night's, with `--cache` and without.

Seconds of the run itself, as `.run.json` has them, and from start to exit, which loading is part
of. The scores of both sides must be equal.
"""

import json
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

import click
import pandas as pd
from measured import Figure, agree, show

JOB = Path(__file__).parents[1] / "score_job.py"
GOAL = 8.0
WITHIN = 1e-6  # a text's 8-bit score differs in its last digit with the texts beside it


@dataclass(frozen=True)
class Night:
    """One run: its own seconds, and those from start to exit."""

    own: float
    wall: float


@click.command()
@click.argument("path", type=click.Path(exists=True, path_type=Path))
@click.option("--text-column", default="review", show_default=True)
@click.option("--rows", default=10_000, show_default=True)
@click.option("--changed", default=20, show_default=True, help="Every so many-th row is new.")
@click.option("--precision", default="auto", show_default=True, help="As score_job.py has it.")
@click.option("--repeats", default=5, show_default=True, help="Runs of which the median counts.")
def main(
    path: Path, text_column: str, rows: int, changed: int, precision: str, repeats: int
) -> None:
    """Measure on the texts of a CSV file."""
    texts = pd.read_csv(path)[text_column]
    before = texts.head(rows)
    after = before.copy()
    after[::changed] = texts.iloc[rows : rows + len(after[::changed])].to_numpy()
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        before.to_csv(folder / "before.csv", index=False)
        after.to_csv(folder / "after.csv", index=False)
        show(figures(folder, precision, repeats))


def figures(folder: Path, precision: str, repeats: int) -> list[Figure]:
    """Return the lines to print."""
    plain, cached = [], []
    exact = "--precision", precision
    cache = *exact, "--cache", str(folder / "cache")
    for _ in range(repeats):
        plain.append(score(folder, "after.csv", "plain.parquet", *exact))
        (folder / "cache").unlink(missing_ok=True)
        score(folder, "before.csv", "before.parquet", *cache)
        cached.append(score(folder, "after.csv", "cached.parquet", *cache))
        agree("scores", largest_difference(folder) <= WITHIN)
    found = []
    for name in ("own", "wall"):
        without, with_cache = (
            statistics.median(getattr(night, name) for night in nights)
            for nights in (plain, cached)
        )
        goal, of = (GOAL if name == "own" else None), "that with the cache is that without"
        label = {"own": "the run itself", "wall": "start to exit"}[name]
        value = f"{without:.2f} and {with_cache:.2f} s"
        found.append(Figure(f"{label}, without and with", value, without / with_cache, of, goal))
    return found


def largest_difference(folder: Path) -> float:
    """Return how far any score of the two outputs is from the other's."""
    one, other = (pd.read_parquet(folder / name) for name in ("plain.parquet", "cached.parquet"))
    columns = [name for name in one if name.startswith("probability_")]
    return float((one[columns] - other[columns]).abs().to_numpy().max())


def score(folder: Path, source: str, target: str, *options: str) -> Night:
    """Run the job once."""
    arguments = [str(folder / source), str(folder / target), "--overwrite", "--quiet", *options]
    started = time.perf_counter()
    subprocess.run([sys.executable, str(JOB), *arguments], check=True)
    wall = time.perf_counter() - started
    summary = json.loads((folder / f"{target}.run.json").read_text(encoding="utf-8"))
    return Night(summary["seconds"], wall)


if __name__ == "__main__":
    main()
