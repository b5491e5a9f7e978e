"""From raw texts to token ids on one core, against spaCy called plainly.

Cold: nothing is remembered at the start. Warm: what a bundle ships is, with --bundle; else the most
frequent pieces of the first two of every three rows. Known: every piece is. The ids of both sides
are compared before a ratio is printed. Seconds are CPU seconds of this process, which other
processes on the machine lengthen less than those on the wall; imports and building the tokeniser
are apart. The front end's seconds have the normalising in them, spaCy's have not. spaCy is timed
on a sample of the rows, none of which it has met, after as many others have filled its caches.
"""

import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import click
import numpy as np
import pandas as pd
import pyarrow as pa
import spacy

from scorer.bundles.bundle import load_bundle
from scorer.tokens.encoding import TextEncoder, Vocabulary, build_vocabulary, count_tokens, remember
from scorer.tokens.memory import PieceMemory
from scorer.tokens.text import TextRules, normalise

FILE = click.Path(exists=True, dir_okay=False, path_type=Path)
FOLDER = click.Path(exists=True, file_okay=False, path_type=Path)


@dataclass(frozen=True)
class Setting:
    """What a bundle knows of texts."""

    rules: TextRules
    vocabulary: Vocabulary
    remembered: PieceMemory

    @classmethod
    def from_bundle(cls, folder: Path) -> "Setting":
        bundle = load_bundle(folder)
        return cls(bundle.rules, bundle.vocabulary, bundle.remembered)

    @classmethod
    def from_rows(cls, training: pa.LargeStringArray, pieces: int) -> "Setting":
        rules = TextRules()
        vocabulary = build_vocabulary(count_tokens(training, rules))
        return cls(rules, vocabulary, remember(training, rules, vocabulary, pieces))


class FrontEnd:
    """The front end over chunks of texts."""

    def __init__(self, texts: pa.LargeStringArray, setting: Setting, rows: int) -> None:
        self._chunks = [texts.slice(start, rows) for start in range(0, len(texts), rows)]
        self._setting = setting

    def encoder(self, remembered: PieceMemory | None = None) -> TextEncoder:
        """A new encoder with its tokeniser built."""
        encoder = TextEncoder(self._setting.rules, self._setting.vocabulary, remembered)
        encoder.encode(pa.array(["\u2063"], pa.large_string()))  # a piece no bundle knows
        return encoder

    def run(self, encoder: TextEncoder) -> float:
        """CPU seconds to encode all chunks."""
        start = time.process_time()
        for chunk in self._chunks:
            encoder.encode(chunk)
        return time.process_time() - start


class PlainSpacy:
    """`[t.text for t in nlp.tokenizer(text)]` and a dictionary look-up, text by text."""

    def __init__(self, setting: Setting) -> None:
        self._tokenizer = spacy.blank(setting.rules.language).tokenizer
        self._ids = {token: i for i, token in enumerate(setting.vocabulary.tokens) if i > 1}

    def encode(self, texts: list[str]) -> list[list[int]]:
        """The ids of normalised texts."""
        get = self._ids.get
        return [[get(token.text, 0) for token in self._tokenizer(text)] for text in texts]

    def run(self, texts: list[str]) -> float:
        """CPU seconds for all texts."""
        start = time.process_time()
        self.encode(texts)
        return time.process_time() - start


@click.command()
@click.option("--data", type=FILE, required=True, help="CSV file with the texts.")
@click.option("--bundle", type=FOLDER, help="Bundle whose vocabulary and pieces are used.")
@click.option("--text-column", default="review", show_default=True)
@click.option("--chunk", default=8192, show_default=True, help="Rows a chunk.")
@click.option("--sample", default=10_000, show_default=True, help="Rows that spaCy is timed on.")
@click.option("--remembered", default=300_000, show_default=True, help="Pieces, without --bundle.")
@click.option("--repeats", default=3, show_default=True, help="Runs of which the median counts.")
@click.option("--check-all", is_flag=True, help="Compare the ids of all rows, not of the sample.")
def main(
    data: Path,
    bundle: Path | None,
    text_column: str,
    chunk: int,
    sample: int,
    remembered: int,
    repeats: int,
    check_all: bool,
) -> None:
    """Print rows a second, and ratios to spaCy called plainly."""
    texts = pa.array(pd.read_csv(data)[text_column], pa.large_string())
    setting = (
        Setting.from_bundle(bundle) if bundle else Setting.from_rows(_first_two(texts), remembered)
    )
    front_end = FrontEnd(texts, setting, chunk)
    checked = texts if check_all else _spread(texts, sample)
    for memory in (None, setting.remembered):
        _check_equal(front_end.encoder(memory), PlainSpacy(setting), checked, setting.rules, chunk)
    click.echo(f"ids equal to spaCy's on {len(checked):,} rows, cold and warm")
    _measure(front_end, setting, _spread(texts, 2 * sample), len(texts), repeats)


def _measure(
    front_end: FrontEnd, setting: Setting, sample: pa.LargeStringArray, rows: int, repeats: int
) -> None:
    """Time all sides in turn, as often as asked, and print the medians."""
    known = front_end.encoder()
    front_end.run(known)
    texts = normalise(sample, setting.rules).fill_null("").to_pylist()
    scale = rows / len(texts[1::2])

    def run_plain() -> float:
        plain = PlainSpacy(setting)
        plain.run(texts[::2])
        return plain.run(texts[1::2]) * scale

    sides: dict[str, Callable[[], float]] = {
        f"plain spaCy ({len(texts[1::2]):,} rows)": run_plain,
        "cold": lambda: front_end.run(front_end.encoder()),
        f"warm ({len(setting.remembered):,} pieces)": lambda: front_end.run(
            front_end.encoder(setting.remembered)
        ),
        "every piece known": lambda: front_end.run(known),
    }
    rounds = [[run() for run in sides.values()] for _ in range(repeats)]
    for i, name in enumerate(sides):
        rate = rows / statistics.median(seconds[i] for seconds in rounds)
        ratio = statistics.median(seconds[0] / seconds[i] for seconds in rounds)
        click.echo(f"{name:28}{rate:10,.0f} rows a CPU second   {ratio:5.1f} times")


def _first_two(texts: pa.LargeStringArray) -> pa.LargeStringArray:
    """The first two of every three rows: what to train on."""
    return texts.filter(pa.array(np.arange(len(texts)) % 3 < 2))


def _spread(texts: pa.LargeStringArray, rows: int) -> pa.LargeStringArray:
    """That many rows, evenly over the texts."""
    return texts.take(pa.array(np.linspace(0, len(texts) - 1, min(rows, len(texts)), dtype=int)))


def _check_equal(
    encoder: TextEncoder,
    plain: PlainSpacy,
    texts: pa.LargeStringArray,
    rules: TextRules,
    chunk: int,
) -> None:
    for start in range(0, len(texts), chunk):
        rows = texts.slice(start, chunk)
        encoded = encoder.encode(rows)
        expected = plain.encode(normalise(rows, rules).fill_null("").to_pylist())
        for row, (first, end) in enumerate(pairwise(encoded.offsets)):
            if encoded.ids[first:end].tolist() != expected[row]:
                raise click.ClickException(f"other ids than spaCy's: {rows[row].as_py()!r}")


if __name__ == "__main__":
    main()
