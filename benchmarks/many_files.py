"""A folder of files as one run against a run for each; damaged, changed and killed on the way.

The folder is scored by the command line, as it would be at night. Single runs are timed on a
sample, spread over the files, and multiplied: all of them would take a quarter of an hour.
"""

import csv
import json
import os
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import click
import pandas as pd
from measured import Figure, agree, per_second, seconds, show

JOB = Path(__file__).parents[1] / "score_job.py"
GOAL, DAMAGED = 10.0, 3
INPUT_ERROR, CHUNK_ROWS = 3, 100
WITHIN = 0.05  # two kernels of 8-bit products
MANIFEST = ".scorer-manifest.jsonl"


@click.command()
@click.argument("path", type=click.Path(exists=True, path_type=Path))
@click.option("--text-column", help="Else the first column whose cells are long.")
@click.option("--files", default=200, show_default=True)
@click.option("--rows", default=500, show_default=True, help="Of each file.")
@click.option("--sample", default=5, show_default=True, help="Single runs that are timed.")
def main(path: Path, text_column: str | None, files: int, rows: int, sample: int) -> None:
    """Measure on the texts of a CSV file, which are taken again where they are too few."""
    table = pd.read_csv(path, dtype=str, na_filter=False, nrows=files * rows)
    column = text_column or max(table, key=lambda name: table[name].str.len().mean())
    with tempfile.TemporaryDirectory() as name:
        os.chdir(name)
        write_files(table[column].tolist(), files, rows)
        show(against_single_runs(files, rows, sample))
        show(damaged_and_changed(files))
        show(killed(files))


def write_files(texts: list[str], files: int, rows: int) -> None:
    """Write the files below `in`, one after another."""
    Path("in").mkdir()
    for number in range(files):
        first = number * rows
        cells = [(at, texts[at % len(texts)]) for at in range(first, first + rows)]
        write(path_of(number), cells)


def path_of(number: int) -> Path:
    """Return an input."""
    return Path("in", f"{number:04}.csv")


def write(path: Path, cells: list[tuple[int, str]]) -> None:
    """Write an input."""
    with path.open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows([("id", "text"), *cells])


def command(*arguments: str) -> list[str]:
    """Return a command line that scores."""
    return [sys.executable, str(JOB), *arguments, "--quiet", "--json"]


def run(*arguments: str, code: int = 0) -> dict[str, int]:
    """Score; return the summary's counts."""
    ended = subprocess.run(command(*arguments), capture_output=True, text=True)
    agree(f"exit code {ended.returncode}: {ended.stderr[-300:]}", ended.returncode == code)
    facts = json.loads(ended.stdout)
    return {name: facts.get(name, 0) for name in ("scored", "unchanged", "failed")}


def against_single_runs(files: int, rows: int, sample: int) -> list[Figure]:
    """Time single runs, then all files in one."""
    numbers = range(0, files, max(1, files // sample))[:sample]
    single = [seconds(lambda n=n: run(str(path_of(n)), f"{n}.csv")) for n in numbers]
    folder = seconds(lambda: run("in", "out", code=0))
    for number in numbers:
        whole, alone = Path("out", path_of(number).name), Path(f"{number}.csv")
        agree(f"{whole} and a run of its own", same(whole, alone))
    each = statistics.median(single)
    return [
        Figure(f"a run of {rows} rows, median of {len(single)}", f"{each:.1f} s"),
        Figure(
            f"{files} files in one run",
            per_second(files * rows / folder, "rows"),
            files * each / folder,
            f"as fast as {files} runs",
            GOAL,
        ),
    ]


def same(one: Path, other: Path) -> bool:
    """Return whether two outputs are the same; a small input is not scored by the fused kernel."""
    left, right = pd.read_csv(one), pd.read_csv(other)
    scores = [name for name in left if name.startswith("probability_")]
    texts = left.drop(columns=scores).equals(right.drop(columns=scores))
    return texts and float((left[scores] - right[scores]).abs().max().max()) <= WITHIN


def damaged_and_changed(files: int) -> list[Figure]:
    """Damage three files and make all outputs anew; put them right, change another, run again."""
    numbers = [files // 7, files // 2, files - 1]
    whole = {number: path_of(number).read_bytes() for number in numbers}
    for number in numbers:
        path_of(number).write_bytes(b"\x89PNG\r\n\x1a\n" + bytes(100))
    found = run("in", "damaged", code=INPUT_ERROR)
    outputs = len(list(Path("damaged").glob("*.csv")))
    agree(f"{found}", (found["failed"], outputs) == (DAMAGED, files - DAMAGED))
    again = run("in", "damaged", code=INPUT_ERROR)
    agree(f"{again}", again == {"scored": 0, "unchanged": files - DAMAGED, "failed": DAMAGED})
    for number, content in whole.items():
        path_of(number).write_bytes(content)
    write(path_of(1), [(0, "Another text altogether.")])
    repaired = run("in", "damaged")
    agree(f"{repaired}", repaired["scored"] == DAMAGED + 1 and repaired["failed"] == 0)
    value = f"{outputs} outputs, exit {INPUT_ERROR}"
    return [
        Figure(f"{DAMAGED} damaged; then put right, 1 changed", f"{value}; {DAMAGED + 1} redone")
    ]


def killed(files: int) -> list[Figure]:
    """Kill a run in the middle of its folder; what had scores is not scored again."""
    size = ["--chunk-rows", str(CHUNK_ROWS)]
    process = subprocess.Popen(command("in", "killed", *size), stdout=subprocess.DEVNULL)
    manifest = Path("killed", MANIFEST)
    while process.poll() is None and not (manifest.exists() and done(manifest) >= files // 4):
        time.sleep(0.01)
    time.sleep(0.1)
    process.send_signal(signal.SIGKILL)
    process.wait()
    finished = done(manifest)
    journals = [path.name for path in Path("killed").glob("*.journal")]
    found = run("in", "killed", *size)
    agree(f"{found} after {finished}", found["unchanged"] == finished < files)
    again = [json.loads(path.read_text()) for path in Path("killed").glob("*.run.json")]
    resumed = sum(facts["resumed_rows"] for facts in again)
    value = f"{finished} files kept, {resumed} rows resumed"
    return [Figure(f"SIGKILL in mid-folder, {len(journals)} journal left", value)]


def done(manifest: Path) -> int:
    """Return how many outputs a manifest has."""
    return manifest.read_bytes().count(b"\n")


if __name__ == "__main__":
    main()
