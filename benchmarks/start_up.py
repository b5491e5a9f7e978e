"""100 rows, start to exit, in processes of their own: with known words, and as the texts are.

Beside another checkout (`--against FOLDER`), the two take turns, and the ratio is that of the
medians. Bytecode is kept for both, as an installed package has it. CPU seconds are those of all
threads; other work on the machine lengthens them less than those on the wall.
"""

import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import click
import pandas as pd
import pyarrow as pa
from measured import Figure, agree, show
from setting import Setting

from scorer.bundles.bundle_files import load_bundle
from scorer.bundles.store import resolve_bundle
from scorer.tokens.text import normalise

ROOT = Path(__file__).resolve().parent.parent
ROWS = 100
GOALS = {"known words": 2.5, "unknown words too": 3.3, "--help": 0.1}  # seconds
PARTS = """
import sys, time; began = time.perf_counter()
def mark(name):
    global began; now = time.perf_counter(); print(f"{name}={now - began:.2f}"); began = now
from scorer.cli.lean_imports import lean_imports; lean = lean_imports("local"); lean.__enter__()
import pyarrow.parquet; mark("arrow")
import torch; mark("torch")
import scorer.jobs; mark("scorer")
from scorer.bundles.bundle_files import load_bundle; from scorer.bundles.store import resolve_bundle
bundle = load_bundle(resolve_bundle(sys.argv[1] or None)); mark("bundle")
from scorer.bundles.predictor import load_predictor
predictor = load_predictor(bundle, "auto", "cpu", fused=False); mark("predictor")
"""


@dataclass(frozen=True)
class Start:
    """What one process took: seconds on the wall, and of all its threads."""

    wall: float
    cpu: float


class Checkout:
    """The jobs of a folder with this project in it."""

    def __init__(self, root: Path, bytecode: Path) -> None:
        self._root = root
        kept = {k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"}
        self._environment = {
            **kept,
            "PYTHONPATH": str(root),
            "PYTHONPYCACHEPREFIX": str(bytecode),
        }

    def run(self, *arguments: str) -> Start:
        """Run `score_job.py` once."""
        command = [sys.executable, str(self._root / "score_job.py"), *arguments]
        before, started = os.times(), time.perf_counter()
        code = self._run(command).returncode
        wall, after = time.perf_counter() - started, os.times()
        agree(f"{' '.join(command)} ended with {code}", code == 0)
        user = after.children_user - before.children_user
        return Start(wall, user + after.children_system - before.children_system)

    def parts(self, bundle: str | None) -> list[str]:
        """Return `name=seconds` of what a start consists of."""
        return self._run([sys.executable, "-c", PARTS, bundle or ""]).stdout.split()

    def _run(self, command: list[str]) -> "subprocess.CompletedProcess[str]":
        where = self._environment
        return subprocess.run(command, env=where, cwd=self._root, capture_output=True, text=True)


def inputs(texts: pd.Series, column: str, bundle: str | None, folder: Path) -> dict[str, Path]:
    """Write the texts as they are, and without the pieces that the bundle does not know."""
    loaded = load_bundle(resolve_bundle(bundle))
    known = set(loaded.cached_pieces.pieces.to_pylist())
    plain = normalise(pa.array(texts, pa.large_string()), loaded.rules).to_pylist()
    short = [" ".join(piece for piece in text.split() if piece in known) for text in plain]
    paths = {}
    for name, rows in (("known words", short), ("unknown words too", list(texts))):
        paths[name] = folder / f"{name.replace(' ', '_')}.csv"
        pd.DataFrame({column: rows}).to_csv(paths[name], index=False)
    return paths


def start(setting: Setting) -> list[Figure]:
    """Measure this checkout, for `run.py`."""
    texts, bundle = setting.frame[setting.text_column], str(setting.bundle_folder)
    return figures(texts, setting.text_column, bundle, None, setting.repeats, setting.folder)


def figures(
    texts: pd.Series,
    column: str,
    bundle: str | None,
    against: Path | None,
    repeats: int,
    folder: Path,
) -> list[Figure]:
    """Return the lines to print, those of `--help` first."""
    roots = [ROOT, *([against.resolve()] if against else [])]
    sides = [Checkout(root, folder / f"bytecode{i}") for i, root in enumerate(roots)]
    found = _compared("--help", sides, ["--help"], repeats)
    for name, path in inputs(texts.dropna().head(ROWS), column, bundle, folder).items():
        arguments = [str(path), str(folder / "out.parquet"), "--overwrite", "--quiet"]
        arguments += ["--text-column", column, *(["--bundle", bundle] if bundle else [])]
        found += _compared(name, sides, arguments, repeats)
    parts = (part.partition("=") for part in sides[0].parts(bundle))
    return found + [Figure(f"  {name}", f"{taken} s") for name, _, taken in parts]


def _compared(name: str, sides: list[Checkout], arguments: list[str], repeats: int) -> list[Figure]:
    for side in sides:
        side.run(*arguments)  # once to write the bytecode
    rounds = [[side.run(*arguments) for side in sides] for _ in range(repeats)]
    here, *others = (_median(runs) for runs in zip(*rounds, strict=True))
    goal, of = GOALS[name], "that is this one"
    found = [
        Figure(
            f"{name}: start to exit", f"{here.wall:.2f} s", here.wall / goal, f"{goal} s", 1.0, True
        ),
        Figure(f"{name}: CPU", f"{here.cpu:.2f} s"),
    ]
    for there in others:
        found.append(
            Figure("  the other checkout", f"{there.wall:.2f} s", here.wall / there.wall, of)
        )
        found.append(Figure("  its CPU", f"{there.cpu:.2f} s", here.cpu / there.cpu, of))
    return found


def _median(runs: Sequence[Start]) -> Start:
    return Start(statistics.median(r.wall for r in runs), statistics.median(r.cpu for r in runs))


@click.command()
@click.option("--data", type=click.Path(exists=True, path_type=Path), required=True)
@click.option("--text-column", default="review", show_default=True)
@click.option("--bundle", help="Bundle folder; else each checkout's own.")
@click.option("--against", type=click.Path(exists=True, path_type=Path), help="Another checkout.")
@click.option("--repeats", default=7, show_default=True, help="Runs of which the median counts.")
def main(
    data: Path, text_column: str, bundle: str | None, against: Path | None, repeats: int
) -> None:
    """Start the scoring job on the first rows of a CSV file, and say how long it takes."""
    texts = pd.read_csv(data)[text_column]
    with tempfile.TemporaryDirectory() as place:
        show(figures(texts, text_column, bundle, against, repeats, Path(place)))


if __name__ == "__main__":
    main()
