"""The training command: `train_job.py LABELLED.csv`, `train-job`, `scorer train`.

Options, what is printed, and the exit code; the work is in `scorer.training.training`. Imports
nothing heavy.
"""

from pathlib import Path
from typing import Any

import click

from scorer import __version__
from scorer.cli.console import LOG_FORMATS, Progress, run_job
from scorer.cli.paths import LOCAL, STORE_VARIABLE, Command
from scorer.cli.table_options import TEXT_COLUMN, table_options

SIZE = click.IntRange(1, 1 << 20)
NATURAL = click.IntRange(0, 2**32 - 1)
SHARE = click.FloatRange(0, 1, max_open=True)
PRESETS = "accurate|quick|fast|lecture-packed|lecture-lstm|lecture-rnn"  # tests hold them
CELLS = "lstm|gru|rnn|rnn-relu"
POOLINGS = "last|concat"
POLICIES = "if-not-worse|if-better|never|always"
EPILOG = """
Example: train_job.py labelled.csv --store bundles

Exit codes: 0 done and in use, 2 usage, 3 input, 4 bundle, 6 written but not in use: not better
than a simple model or the bundle in use, 75 another training holds the store, 130/143 interrupted:
the same command goes on where it stopped.
"""


@click.command(cls=Command, context_settings={"show_default": True}, epilog=EPILOG)
@click.argument("labelled", nargs=-1, required=True)
@TEXT_COLUMN
@click.option("--label-column", metavar="NAME", help="Column of the labels; else inferred.")
@table_options
@click.option("--group-column", metavar="NAME", help="Rows of one group stay in one part.")
@click.option("--labels", metavar="V=C,…", help="What label values mean: 1=positive,0=negative.")
@click.option("--valid", default="0.12", help="Validation rows: a file, a share or a number.")
@click.option("--test", default="0.2", help="Test rows: a file, a share or a number.")
@click.option("--keep-duplicates", is_flag=True, help="Allow duplicate texts across the parts.")
@click.option(
    "--unlabelled",
    multiple=True,
    metavar="FILE",
    type=LOCAL,
    help="Texts without labels, to pretrain on.",
)
@click.option(
    "--start-from",
    metavar="FOLDER",
    type=LOCAL,
    help="A pretrained encoder or a bundle to start from, or `none`  [default: the shipped bundle]",
)
@click.option(
    "--language",
    metavar="CODE",
    help="Of the texts, as spaCy names it: de, fr, …  [default: the start's, else en]",
)
@click.option(
    "--vectors", metavar="FILE", type=LOCAL, help="GloVe word vectors, instead of pretraining."
)
@click.option(
    "--teacher",
    "teachers",
    multiple=True,
    metavar="FOLDER",
    type=LOCAL,
    help="Bundles whose probabilities are learned too.",
)
@click.option(
    "--store",
    default="bundles",
    envvar=STORE_VARIABLE,
    show_envvar=True,
    metavar="FOLDER",
    type=LOCAL,
    help="Folder of bundle versions.",
)
@click.option("--preset", default="accurate", metavar=PRESETS, help="Named settings.")
@click.option("--seed", type=NATURAL, default=0, help="Of split, weights and order of rows.")
@click.option(
    "--epochs", type=int, help="Passes over the training rows  [default: by rows and preset]"
)
@click.option("--batch-size", type=int, help="Texts a step  [default: by rows and preset]")
@click.option(
    "--learning-rate", type=float, help="Adam learning rate  [default: by rows and preset]"
)
@click.option("--max-tokens", type=SIZE, help="Tokens of a text trained on  [default: preset's]")
@click.option("--cell", metavar=CELLS, help="Recurrent cell; rnn has tanh  [default: preset's]")
@click.option("--pooling", metavar=POOLINGS, help="Of the hidden states  [default: preset's]")
@click.option("--embedding-dim", type=SIZE, help="Embedding size  [default: preset's]")
@click.option("--hidden-dim", type=SIZE, help="Hidden size  [default: preset's]")
@click.option("--vocabulary-size", type=SIZE, help="Most frequent tokens kept  [default: preset's]")
@click.option("--dropout", type=SHARE, help="Before the output layer  [default: preset's]")
@click.option(
    "--adversarial", type=click.FloatRange(0), help="Embedding noise  [default: preset's]"
)
@click.option("--word-dropout", type=SHARE, help="Share of hidden tokens  [default: preset's]")
@click.option("--label-smoothing", type=SHARE, help="Of the targets  [default: preset's]")
@click.option("--passes", type=NATURAL, help="Pretraining passes over the texts.")
@click.option("--with-previous", is_flag=True, help="Train on the files of the bundle in use too.")
@click.option(
    "--promote",
    default="if-not-worse",
    metavar=POLICIES,
    help="When the new bundle is put in use, against the one that is.",
)
@click.option("--max-loss", type=float, metavar="POINTS", help="Accuracy it may lose against that.")
@click.option("--min-accuracy", type=SHARE, help="Test accuracy that it needs, 0 to 1.")
@click.option(
    "--log-format",
    type=click.Choice(LOG_FORMATS),
    default="text",
    help="Of the lines on standard error; json: an object a line.",
)
@click.option("--quiet", is_flag=True, help="Print errors and warnings only.")
@click.option("--verbose", is_flag=True, help="Show the traceback of an error.")
@click.version_option(__version__, message="%(version)s")
def main(
    labelled: tuple[str, ...], quiet: bool, verbose: bool, log_format: str, **options: Any
) -> None:
    """Train on LABELLED and write a new version to the store.

    LABELLED are CSV, JSON Lines or Parquet files, also behind URLs.
    """
    progress = Progress(quiet, log_format)
    run_job(lambda: train(labelled, progress, **options), verbose, log_format=log_format)


def train(labelled: tuple[str, ...], progress: Progress, store: str, **options: Any) -> None:
    """Train and put the new bundle in use."""
    from scorer import jobs
    from scorer.cli.training_lines import TrainingPrinter

    printer = TrainingPrinter(progress, Path(store))
    bundle = jobs.train(labelled, store, callbacks=printer, **options)
    printer.end(bundle.version, options["promote"] != "never")
