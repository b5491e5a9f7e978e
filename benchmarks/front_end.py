"""Rows per second from raw texts to token ids, against spaCy called plainly, on one core.

Cold: nothing is remembered; warm: the pieces of the training rows; known: every piece. The ids of
both sides are compared before a ratio is printed. Start-up (imports, building the tokeniser) is
apart. spaCy is timed on a sample, on texts that are normalised already; the front end does that
itself, within its time.
"""

import time
from collections.abc import Callable, Iterator
from itertools import chain
from pathlib import Path

import click
import numpy as np
import pandas as pd
import pyarrow as pa
import spacy

from scorer.encoding import TextEncoder, Vocabulary, build_vocabulary, count_tokens, remember
from scorer.text import TextRules, normalise

RULES = TextRules()


@click.command()
@click.option("--data", type=click.Path(exists=True, path_type=Path), required=True)
@click.option("--splits", type=click.Path(exists=True, path_type=Path), help="Rows of `train`.")
@click.option("--text-column", default="review", show_default=True)
@click.option("--chunk", default=8192, show_default=True, help="Rows a chunk.")
@click.option("--sample", default=3000, show_default=True, help="Rows that spaCy is timed on.")
@click.option("--remembered", default=100_000, show_default=True, help="Pieces kept of training.")
@click.option("--repeats", default=3, show_default=True, help="Runs; the median counts.")
@click.option("--check-all", is_flag=True, help="Compare the ids of all rows, not of a sample.")
def main(
    data: Path,
    splits: Path | None,
    text_column: str,
    chunk: int,
    sample: int,
    remembered: int,
    repeats: int,
    check_all: bool,
) -> None:
    """Print a table of rows per second and ratios."""
