"""The training job: `python train_job.py LABELLED.csv` writes a new version of the model bundle.

Thin: options, what is printed, and the exit code. What is done is in `scorer.training.training`.
"""

from pathlib import Path
from typing import Any

import click

from scorer.cli.table_options import csv_options, table_options
from scorer.console import Progress, run_job

FILE = click.Path(path_type=Path)
SIZE = click.IntRange(1, 1 << 20)
NATURAL = click.IntRange(0, 2**32 - 1)
SHARE = click.FloatRange(0, 1, max_open=True)


@click.command(context_settings={"show_default": True})
@click.argument("labelled", nargs=-1, required=True, type=FILE)
@click.option("--text-column", metavar="NAME", help="Column of the texts; else inferred.")
@click.option("--label-column", metavar="NAME", help="Column of the labels; else inferred.")
@table_options
@click.option("--group-column", metavar="NAME", help="Rows of one group stay in one part.")
@click.option("--labels", metavar="V=C,…", help="What label values mean: 1=positive,0=negative.")
@click.option("--valid", default="0.12", help="Validation rows: a file, a share or a number.")
@click.option("--test", default="0.2", help="Test rows: a file, a share or a number.")
@click.option("--keep-duplicates", is_flag=True, help="Let a text stand in two parts.")
@click.option(
    "--unlabelled", multiple=True, type=FILE, help="Texts without labels, to pretrain on."
)
@click.option(
    "--start-from",
    type=FILE,
    help="A pretrained encoder or a bundle to start from, or `none`; else the shipped bundle.",
)
@click.option(
    "--language", metavar="CODE", help="Of the texts, as spaCy names it: de, fr, …; else en."
)
@click.option("--vectors", type=FILE, help="GloVe word vectors, instead of pretraining.")
@click.option(
    "--teacher",
    "teachers",
    multiple=True,
    type=FILE,
    help="Bundles whose probabilities are learned too.",
)
@click.option("--store", default="bundles", type=FILE, help="Folder of bundle versions.")
@click.option("--preset", default="accurate", help="Settings: see the README.")
@click.option("--seed", type=NATURAL, default=0, help="Of split, weights and order of rows.")
@click.option("--epochs", type=int, help="Passes over the training rows; else the preset's.")
@click.option("--batch-size", type=int, help="Texts a step; else the preset's.")
@click.option("--learning-rate", type=float, help="Adam learning rate [default: the preset's].")
@click.option("--max-tokens", type=SIZE, help="Read of a text in training; else the preset's.")
@click.option("--cell", help="lstm, gru, rnn (tanh) or rnn-relu; else the preset's.")
@click.option("--pooling", help="last or concat; else the preset's.")
@click.option("--embedding-dim", type=SIZE, help="Else the preset's.")
@click.option("--hidden-dim", type=SIZE, help="Else the preset's.")
@click.option("--vocabulary-size", type=SIZE, help="Most frequent tokens kept; else the preset's.")
@click.option("--dropout", type=SHARE, help="Before the output layer; else the preset's.")
@click.option("--adversarial", type=click.FloatRange(0), help="Embedding noise; else the preset's.")
@click.option("--word-dropout", type=SHARE, help="Share of hidden tokens; else the preset's.")
@click.option("--label-smoothing", type=SHARE, help="Else the preset's.")
@click.option("--passes", type=NATURAL, help="Of the pretraining over its texts.")
@click.option("--quiet", is_flag=True, help="Print errors and warnings only.")
@click.option("--verbose", is_flag=True, help="Show the traceback of an error.")
def main(labelled: tuple[Path, ...], quiet: bool, verbose: bool, **options: Any) -> None:
    """Train on LABELLED files (CSV or Parquet) and write a new bundle version to the store."""
    run_job(lambda: train(labelled, quiet, **options), verbose)


def train(
    labelled: tuple[Path, ...],
    quiet: bool,
    store: Path,
    text_column: str | None,
    label_column: str | None,
    group_column: str | None,
    labels: str | None,
    input_format: str | None,
    **options: Any,
) -> None:
    """Train and put the new bundle in use."""
    from scorer import api
    from scorer.corpus.labelled_columns import Columns
    from scorer.tables.formats import ReadOptions
    from scorer.training.training_lines import Printer

    printer = Printer(Progress(quiet), store)
    columns = Columns(text_column, label_column, group_column, labels)
    options["options"] = ReadOptions(input_format, csv_options(options))
    bundle = api.train(labelled, store, columns=columns, callbacks=printer, **options)
    printer.end(bundle.version)


if __name__ == "__main__":
    main()
