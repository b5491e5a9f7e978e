"""The plain training command on every table of a folder, beside TF-IDF and fastText.

    python benchmarks/any_table.py FOLDER [--dev] [--only NAME] [-- OPTION …]

A table is a CSV file (.csv, .csv.gz) with the columns text, label and part (train or test; any
other part is trained on too, rows without a label are left out); with a column domain each domain
is a table. Every table is trained by `train_job.py TRAIN --test TEST` in a process of its own;
what follows `--` is handed to that command. With --dev the test rows are not looked at: a quarter
of the training rows stands in for them, which is for choosing defaults.
"""

import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import click
import numpy as np
import pandas as pd

from scorer.bundles.bundle_files import load_bundle
from scorer.bundles.store import versions

JOB = Path(__file__).parents[1] / "train_job.py"
FASTTEXT = {"epoch": 25, "lr": 0.5, "wordNgrams": 2, "dim": 50, "thread": 2, "verbose": 0}


@dataclass(frozen=True)
class Table:
    """A labelled table in two parts; frames with the columns text and label."""

    name: str
    train: pd.DataFrame
    test: pd.DataFrame


@dataclass(frozen=True)
class Result:
    """Accuracies on the test rows, between 0 and 1."""

    ours: float
    tf_idf: float
    fasttext: float | None
    in_use: bool
    seconds: float


@click.command()
@click.argument("folder", type=click.Path(path_type=Path, exists=True))
@click.option("--dev", is_flag=True, help="Test on a quarter of the training rows.")
@click.option("--only", multiple=True, help="Names of tables; else all.")
@click.argument("options", nargs=-1)
def main(folder: Path, dev: bool, only: tuple[str, ...], options: tuple[str, ...]) -> None:
    """Print accuracies and seconds a table, and the mean margin over TF-IDF."""
    margins = []
    print(f"{'table':24}{'rows':>7}{'ours':>8}{'TF-IDF':>8}{'fastText':>10}{'s':>6}  in use")
    for table in read_tables(folder, dev):
        if only and table.name not in only:
            continue
        result = measure(table, options)
        margins.append(result.ours - result.tf_idf)
        fasttext = "-" if result.fasttext is None else f"{result.fasttext:.2%}"
        print(
            f"{table.name:24}{len(table.train):7,}{result.ours:8.2%}{result.tf_idf:8.2%}"
            f"{fasttext:>10}{result.seconds:6.0f}  {'yes' if result.in_use else 'no'}",
            flush=True,
        )
    print(
        f"mean margin over TF-IDF: {100 * np.mean(margins):+.2f} points; "
        f"least: {100 * np.min(margins):+.2f}"
    )


def read_tables(folder: Path, dev: bool) -> Iterator[Table]:
    """Yield the tables of all files of a folder, by name."""
    for path in sorted([*folder.glob("*.csv"), *folder.glob("*.csv.gz")]):
        rows = pd.read_csv(path, dtype=str, keep_default_na=False)
        if not {"text", "label", "part"} <= set(rows.columns):
            continue
        rows = rows[rows["label"] != ""]
        name = path.name.split(".")[0]
        groups = rows.groupby("domain") if "domain" in rows else [(name, rows)]
        yield from (_in_parts(str(key), group, dev) for key, group in groups)


def _in_parts(name: str, rows: pd.DataFrame, dev: bool) -> Table:
    is_test = rows["part"] == "test"
    train, test = rows[~is_test], rows[is_test]
    if dev:
        train = train.sample(frac=1, random_state=0)
        test, train = train[: len(train) // 4], train[len(train) // 4 :]
    return Table(name, train[["text", "label"]], test[["text", "label"]])


def measure(table: Table, options: Sequence[str]) -> Result:
    """Train by the command in a folder of its own; read the figures from the bundle."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        table.train.to_csv(folder / "train.csv", index=False)
        table.test.to_csv(folder / "test.csv", index=False)
        files = [folder / "train.csv", "--test", folder / "test.csv", "--store", folder / "store"]
        started = time.monotonic()
        command = [sys.executable, JOB, *files, *_labels_of(table), *options]
        ended = subprocess.run(list(map(str, command)), capture_output=True, text=True)
        seconds = time.monotonic() - started
        if ended.returncode not in (0, 6):
            raise SystemExit(f"{table.name}: {ended.stderr}")
        (version,) = versions(folder / "store")
        metrics = load_bundle(folder / "store" / version).facts.metrics
    ours, tf_idf = metrics["test"]["accuracy"], metrics["tf_idf"]
    return Result(ours, tf_idf, _fasttext(table), ended.returncode == 0, seconds)


def _labels_of(table: Table) -> list[str]:
    """Return the option that gives two classes of other names than ours a meaning."""
    values = sorted(table.train["label"].unique())
    known = {"0", "1", "negative", "positive"}
    if len(values) != 2 or set(values) <= known:
        return []
    return ["--labels", f"{values[0]}={values[0]},{values[1]}={values[1]}"]


def _fasttext(table: Table) -> float | None:
    """Return fastText's accuracy with word pairs; None where it is not installed."""
    try:
        import fasttext
    except ImportError:
        return None
    values = sorted(table.train["label"].unique())
    with tempfile.NamedTemporaryFile("w", suffix=".txt", encoding="utf-8") as file:
        for text, label in zip(table.train["text"], table.train["label"], strict=True):
            file.write(f"__label__{values.index(label)} {' '.join(text.lower().split())}\n")
        file.flush()
        model = fasttext.train_supervised(file.name, **FASTTEXT)
    texts = [" ".join(text.lower().split()) for text in table.test["text"]]
    guesses = [model.predict(text)[0][0].removeprefix("__label__") for text in texts]
    return float(
        np.mean([values[int(g)] == t for g, t in zip(guesses, table.test["label"], strict=True)])
    )


if __name__ == "__main__":
    main()
