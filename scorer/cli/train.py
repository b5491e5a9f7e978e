"""The training command: `train_job.py LABELLED.csv`, `train-job`, `scorer train`.

Options, what is printed, and the exit code; the work is in `scorer.jobs`. Imports nothing
heavy.
"""

from pathlib import Path
from typing import Any

import click

from scorer import __version__
from scorer.cli.arguments import LOCAL, Command
from scorer.cli.bundle_options import STORE_FOLDER
from scorer.cli.console import LOG_FORMATS, Progress
from scorer.cli.job import run_job
from scorer.cli.table_options import TEXT_COLUMN, as_typed, table_options

SIZE = click.IntRange(1, 1 << 20)
NATURAL = click.IntRange(0, 2**32 - 1)
SHARE = click.FloatRange(0, 1, max_open=True)
PRESETS = "accurate|quick|fast|lecture-packed|lecture-lstm|lecture-rnn"  # tests hold them
CELLS = "lstm|gru|rnn|rnn-relu"
POOLINGS = "last|concat"
POLICIES = "if-not-worse|if-better|never|always"
EPILOG = """
Example: train_job.py labelled.csv --store bundles

Exit codes: 0 done and in use, 1 unexpected, 2 usage, 3 input or disk, 4 bundle, 6 written but not
in use: clearly worse than a simple model or the bundle in use, or not what --promote, --max-loss or
--min-accuracy ask, 75 another training holds the store, 130/143 interrupted: the same command goes
on where it stopped.
"""


@click.command(cls=Command, context_settings={"show_default": True}, epilog=EPILOG)
@click.argument("labelled", nargs=-1, required=True)
@TEXT_COLUMN
@click.option("--label-column", metavar="NAME", help="Column of the labels. Default: inferred.")
@table_options
@click.option(
    "--group-column",
    metavar="NAME",
    help="Column of groups (a customer, a product): the rows of one group stay together in "
    "training, validation or test.",
)
@click.option(
    "--labels",
    metavar="V=C,…",
    help="Class of each label value: 1=positive,0=negative. Other values are left out; V= alone "
    "leaves out V.",
)
@click.option(
    "--valid", default="0.12", help="Validation rows: a file, a share or a number of rows."
)
@click.option("--test", default="0.2", help="Test rows: a file, a share or a number of rows.")
@click.option(
    "--keep-duplicates",
    is_flag=True,
    help="Let nearly equal texts stand in both training and test rows.",
)
@click.option(
    "--unlabelled",
    multiple=True,
    metavar="FILE",
    help="More texts, without labels, to pretrain on; may be repeated.",
    type=LOCAL,
)
@click.option(
    "--start-from",
    metavar="FOLDER",
    help="Bundle or pretrained encoder whose weights training starts from; `none`: random weights. "
    "Default: the shipped bundle.",
    type=LOCAL,
)
@click.option(
    "--language",
    metavar="CODE",
    help="Language of the texts, as spaCy names it, such as de. Default: the language of what "
    "training starts from, else en.",
)
@click.option(
    "--vectors",
    metavar="FILE",
    help="Word vectors (GloVe's format) to start from, instead of pretraining.",
    type=LOCAL,
)
@click.option(
    "--teacher",
    "teachers",
    multiple=True,
    metavar="FOLDER",
    help="Bundle whose probabilities are learned beside the labels; may be given several times.",
    type=LOCAL,
)
@STORE_FOLDER
@click.option("--preset", default="accurate", metavar=PRESETS, help="Named set of settings.")
@click.option(
    "--seed",
    type=NATURAL,
    default=0,
    help="Seed of the random split, initial weights and order of rows.",
)
@click.option(
    "--epochs", type=int, help="Passes over the training rows. Default: by rows and preset."
)
@click.option(
    "--batch-size", type=int, help="Texts in a training step. Default: by rows and preset."
)
@click.option(
    "--learning-rate", type=float, help="Adam learning rate. Default: by rows and preset."
)
@click.option(
    "--max-tokens",
    type=SIZE,
    help="Tokens of a text that are read in training. Default: preset's.",
)
@click.option("--cell", metavar=CELLS, help="Recurrent cell; rnn has tanh. Default: preset's.")
@click.option(
    "--pooling",
    metavar=POOLINGS,
    help="Pooling of the hidden states: the last one, or last, maximum and mean. Default: "
    "preset's.",
)
@click.option("--embedding-dim", type=SIZE, help="Embedding size. Default: preset's.")
@click.option("--hidden-dim", type=SIZE, help="Hidden size. Default: preset's.")
@click.option("--vocabulary-size", type=SIZE, help="Most frequent tokens kept. Default: preset's.")
@click.option("--dropout", type=SHARE, help="Dropout before the output layer. Default: preset's.")
@click.option(
    "--adversarial",
    type=click.FloatRange(0),
    help="Size of the adversarial noise on embeddings. Default: preset's.",
)
@click.option(
    "--word-dropout",
    type=SHARE,
    help="Share of tokens replaced by <unk> in training. Default: preset's.",
)
@click.option(
    "--label-smoothing", type=SHARE, help="Label smoothing of the loss. Default: preset's."
)
@click.option(
    "--passes",
    type=NATURAL,
    help="Passes of the language model in pretraining; 0: none. Default: preset's.",
)
@click.option(
    "--with-previous",
    is_flag=True,
    help="Train also on the files that the bundle in use was trained on.",
)
@click.option(
    "--promote",
    default="if-not-worse",
    metavar=POLICIES,
    help="When the new bundle replaces the one in use.",
)
@click.option(
    "--max-loss",
    type=float,
    metavar="POINTS",
    help="Accuracy that the new bundle may lose against the one in use, in points.",
)
@click.option(
    "--min-accuracy",
    type=SHARE,
    help="Least test accuracy with which a new bundle is put in use, from 0 to 1.",
)
@click.option(
    "--log-format",
    type=click.Choice(LOG_FORMATS),
    default="text",
    help="Format of the lines on standard error; json: one object a line.",
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
    from scorer.cli.interruption import ended_by_signals

    with ended_by_signals():
        from scorer import jobs
        from scorer.cli.training_lines import TrainingPrinter

        printer = TrainingPrinter(progress, Path(store))
        bundle = jobs.train(labelled, store, callbacks=printer, **options)
    printer.end(bundle.version, options["promote"] != "never", as_typed(options))
