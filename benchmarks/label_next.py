"""What to label next: rows that `sample --by uncertainty` chose, beside as many chosen at random.

    python benchmarks/label_next.py domains.csv.gz --start-from FOLDER|none [--dev] [--each]

A table with the columns domain, part (train or test), label and text. The training rows of all
domains (with --each: of one domain at a time) are a pool whose labels are hidden. A round scores
what is left of the pool, samples rows of the scored file, uncovers their labels, trains on all that
are uncovered so far, and is measured on the test rows, which choose nothing. The first round is
scored by the bundle to start from, which must not have seen the labels; with `none` its rows are
random. With --dev a quarter of the training rows stands in for the test rows, which is for
choosing how to sample.
"""

import tempfile
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import click
import numpy as np
import pandas as pd

from scorer.bundles.bundle import Bundle
from scorer.bundles.bundle_files import load_bundle
from scorer.bundles.store import versions
from scorer.errors import GateError
from scorer.jobs import score_file, train
from scorer.monitoring.labelling import rows_to_label

STRATEGIES = ("uncertainty", "random")
NONE = "none"


@dataclass(frozen=True)
class Setting:
    """What every round has in common; start: the folder of a bundle, None for random weights."""

    pool: pd.DataFrame
    test: pd.DataFrame
    start: Path | None
    rows: int
    seed: int
    folder: Path


@click.command()
@click.argument("table", type=click.Path(path_type=Path, exists=True))
@click.option("--start-from", required=True, help="A bundle that has not seen the labels; `none`.")
@click.option("--rows", default=200, show_default=True, help="Of a round.")
@click.option("--rounds", default=3, show_default=True)
@click.option("--seeds", default=1, show_default=True, help="Repetitions, each with other chance.")
@click.option("--by", multiple=True, default=STRATEGIES, show_default=True)
@click.option("--dev", is_flag=True, help="Test on a quarter of the training rows.")
@click.option("--each", is_flag=True, help="One domain at a time.")
@click.option("--only", multiple=True, help="Domains; else all.")
def main(
    table: Path,
    start_from: str,
    rows: int,
    rounds: int,
    seeds: int,
    by: tuple[str, ...],
    dev: bool,
    each: bool,
    only: tuple[str, ...],
) -> None:
    """Print the test accuracy after each round, and the mean."""
    start = None if start_from == NONE else Path(start_from)
    found: dict[str, list[list[float]]] = {name: [] for name in by}
    labelled = ", ".join(str(rows * (number + 1)) for number in range(rounds))
    print(f"accuracy after {labelled} labelled rows")
    for domain, pool, test in read_pools(table, dev, each, only):
        for seed in range(seeds):
            for name in by:
                with tempfile.TemporaryDirectory() as folder:
                    setting = Setting(pool, test, start, rows, seed, Path(folder))
                    found[name].append(list(learn(setting, name, rounds)))
                shown = "  ".join(f"{accuracy:.2%}" for accuracy in found[name][-1])
                print(f"{domain:24}{name:14}{shown}", flush=True)
    for name, figures in found.items():
        shown = "  ".join(f"{mean:.2%}" for mean in np.mean(figures, axis=0))
        print(f"{'mean':24}{name:14}{shown}")


def read_pools(
    path: Path, dev: bool, each: bool, only: Sequence[str]
) -> Iterator[tuple[str, pd.DataFrame, pd.DataFrame]]:
    """Yield the name of each pool, its rows and its test rows; texts of a pool are there once."""
    table = pd.read_csv(path, dtype=str, keep_default_na=False)
    table = table[(table["label"] != "") & (table["domain"].isin(only) | (not only))]
    for name, rows in table.groupby("domain") if each else [("all domains", table)]:
        is_test = rows["part"] == "test"
        pool, test = rows[~is_test], rows[is_test]
        if dev:
            pool = pool.sample(frac=1, random_state=0)
            test, pool = pool[: len(pool) // 4], pool[len(pool) // 4 :]
        yield str(name), pool.drop_duplicates("text"), test


def learn(setting: Setting, by: str, rounds: int) -> Iterator[float]:
    """Yield the test accuracy after each round."""
    labels = dict(zip(setting.pool["text"], setting.pool["label"], strict=True))
    labelled: dict[str, str] = {}
    bundle = setting.start
    for number in range(rounds):
        left = [text for text in labels if text not in labelled]
        chosen = choose(left, by if bundle else "random", bundle, setting, number)
        labelled |= {text: labels[text] for text in chosen}
        trained, bundle = train_on(labelled, setting, number)
        yield trained.facts.metrics["test"]["accuracy"]


def choose(
    texts: Sequence[str], by: str, bundle: Path | None, setting: Setting, number: int
) -> list[str]:
    """Return texts to label: scored by the bundle, then sampled from the scored file."""
    source, scored = setting.folder / "pool.csv", setting.folder / "scored.parquet"
    pd.DataFrame({"text": texts}).to_csv(source, index=False)
    score_file(source, scored, bundle, overwrite=True, workers=0)
    seed = setting.seed * 100 + number
    return rows_to_label(str(scored), setting.rows, by, "text", seed).column("text").to_pylist()


def train_on(labelled: dict[str, str], setting: Setting, number: int) -> tuple[Bundle, Path]:
    """Train by the job on what is labelled so far; return the bundle and its folder."""
    source, test = setting.folder / f"labelled{number}.csv", setting.folder / "test.csv"
    pd.DataFrame({"text": labelled.keys(), "label": labelled.values()}).to_csv(source, index=False)
    setting.test[["text", "label"]].to_csv(test, index=False)
    store = setting.folder / f"store{number}"
    with suppress(GateError):  # it is measured, whether it would go in use or not
        train(source, store, test=test, start_from=setting.start or NONE, seed=setting.seed)
    (version,) = versions(store)
    return load_bundle(store / version), store / version


if __name__ == "__main__":
    main()
