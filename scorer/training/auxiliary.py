"""What a training draws on beside labelled rows: texts without labels, and earlier models.

Unless told otherwise it starts from the bundle that ships with the package, where that fits, and
takes the word vectors that ship for its language.
Knows files of texts, bundles and pretrained encoders, nothing of labels.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pyarrow as pa

from scorer.bundles.bundle import Bundle
from scorer.bundles.bundle_files import load_bundle
from scorer.bundles.pretrained_encoder import PretrainedEncoder, load_encoder
from scorer.bundles.store import DEFAULT_BUNDLE
from scorer.corpus.labelled_table import check_rejected
from scorer.errors import InputError, UsageError
from scorer.files.fingerprint import check_readable
from scorer.tables.formats import ReadOptions, open_table_as
from scorer.tables.text_column import locate_text
from scorer.tokens.counting import count_tokens
from scorer.tokens.text import TextRules
from scorer.training.recipe import Recipe
from scorer.training.word_vectors import WordVectors, shipped_vectors

CHUNK_ROWS = 10_000
NOTHING = Path("none")  # --start-from none
SAMPLED_ROWS = 2_000  # that tell whether the shipped bundle knows the texts' language
LEAST_WORDS = 100  # fewer tell nothing
LEAST_KNOWN = 0.6  # share of the words: English tweets 0.92, reviews 0.97, German tweets 0.28


@dataclass(frozen=True)
class AuxiliaryFiles:
    """Paths, as the options of the command line give them.

    start_from: a pretrained encoder or a bundle; `none` for random weights; None for what fits.
    """

    unlabelled: Sequence[Path] = ()
    start_from: Path | None = None
    vectors: Path | None = None
    teachers: Sequence[Path] = ()


@dataclass(frozen=True)
class AuxiliaryInputs:
    """What was read; all of it may be missing.

    unlabelled: (rows,), texts to pretrain on, and for teachers to label.
    encoder: pretrained layers to start from.
    word_vectors: those that ship, which the linear term learns from.
    vectors: a file of word vectors for the embedding; there is no pretraining then.
    teachers: models whose mean probabilities are learned beside the labels.
    notes: lines for the user.
    """

    unlabelled: pa.LargeStringArray | None = None
    encoder: PretrainedEncoder | None = None
    word_vectors: WordVectors | None = None
    vectors: Path | None = None
    teachers: tuple[Bundle, ...] = ()
    notes: tuple[str, ...] = ()

    def without_output_layer(self) -> "AuxiliaryInputs":
        """Return the same, to start from the encoder without its output layer."""
        if self.encoder is None:
            return self
        note = "training starts without what the shipped bundle knows of these classes"
        return replace(self, encoder=replace(self.encoder, classes=()), notes=(*self.notes, note))

    def with_unlabelled(self, texts: pa.LargeStringArray) -> pa.LargeStringArray:
        """Return the texts, then the unlabelled ones if there are any."""
        return pa.concat_arrays([texts] if self.unlabelled is None else [texts, self.unlabelled])


def read_auxiliary(
    files: AuxiliaryFiles, recipe: Recipe, text_column: str, options: ReadOptions | None = None
) -> AuxiliaryInputs:
    """Read and verify what is given; the texts are in `text_column`, or in the only text column.

    `options` say how files of texts are read. Raises `InputError` or `BundleError`, and
    `UsageError` for unlabelled texts of no use.
    """
    _check_use(files)
    texts = [chunk for path in files.unlabelled for chunk in _texts(path, text_column, options)]
    encoder, notes = _find_encoder(files, recipe)
    return AuxiliaryInputs(
        pa.concat_arrays(texts) if texts else None,
        encoder,
        _find_word_vectors(files, recipe),
        files.vectors,
        tuple(load_bundle(folder) for folder in files.teachers),
        notes,
    )


def without_foreign_start(
    auxiliary: AuxiliaryInputs, files: AuxiliaryFiles, texts: pa.LargeStringArray, rules: TextRules
) -> AuxiliaryInputs:
    """Leave out the shipped bundle and word vectors where it lacks most words of the texts.

    Starting from its English makes a model of another language worse than random weights do. A
    start that the user named is kept.
    """
    if auxiliary.encoder is None or files.start_from is not None:
        return auxiliary
    known = _known_share(texts, set(auxiliary.encoder.vocabulary.tokens), rules)
    if known is None or known >= LEAST_KNOWN:
        return auxiliary
    reason = (
        f"it knows {known:.0%} of the words of these texts; if they are not in English, name their "
        "--language"
    )
    notes = (*auxiliary.notes, _random_start(reason))
    return replace(auxiliary, encoder=None, word_vectors=None, notes=notes)


def _known_share(
    texts: pa.LargeStringArray, vocabulary: set[str], rules: TextRules
) -> float | None:
    """Return which share of the words of a sample is in the vocabulary; None for too few words."""
    rows = np.linspace(0, len(texts) - 1, min(len(texts), SAMPLED_ROWS), dtype=np.int64)
    counts = count_tokens(texts.take(pa.array(rows)), rules)
    words = {token: count for token, count in counts.items() if token.isalpha()}
    if sum(words.values()) < LEAST_WORDS:
        return None
    known = sum(count for word, count in words.items() if word in vocabulary)
    return known / sum(words.values())


def check_auxiliary(files: AuxiliaryFiles, recipe: Recipe) -> None:
    """Raise what `read_auxiliary` would, before minutes are spent on the labelled rows."""
    _check_use(files)
    for path in (*files.unlabelled, *([] if files.vectors is None else [files.vectors])):
        check_readable(path)
    _find_encoder(files, recipe)
    for teacher in files.teachers:
        load_bundle(teacher)


def _check_use(files: AuxiliaryFiles) -> None:
    if files.unlabelled and files.vectors and not files.teachers:
        raise UsageError(
            "with --vectors there is no pretraining, so --unlabelled texts are of no use",
            "Give --vectors or --unlabelled, or a --teacher to be asked about them",
        )


def _find_encoder(
    files: AuxiliaryFiles, recipe: Recipe
) -> tuple[PretrainedEncoder | None, tuple[str, ...]]:
    """Return the encoder to start from, and notes; one that was named has to fit."""
    if files.start_from is not None and files.start_from != NOTHING:
        encoder = load_encoder(files.start_from)
        if reason := _misfit(encoder, recipe):
            raise UsageError(
                f"{files.start_from} is no start for this training: {reason}",
                "--start-from none begins with random weights",
            )
        return encoder, ()
    if files.start_from == NOTHING or files.vectors or not recipe.starts_pretrained:
        return None, ()
    encoder = load_encoder(DEFAULT_BUNDLE)
    if reason := _misfit(encoder, recipe):
        return None, (_random_start(reason),)
    return encoder, ()


def _find_word_vectors(files: AuxiliaryFiles, recipe: Recipe) -> WordVectors | None:
    """Return the word vectors that ship for the language, unless nothing that ships is wanted."""
    if files.start_from == NOTHING or not recipe.linear:
        return None
    return shipped_vectors(recipe.rules.language)


def _random_start(reason: str) -> str:
    return f"starts from random weights, not from the shipped bundle: {reason}"


def _misfit(encoder: PretrainedEncoder, recipe: Recipe) -> str | None:
    """Return why an encoder does not fit a recipe, for the user; None where it does."""
    facts = {  # name -> what the encoder has, and what the recipe asks for
        "language": (encoder.language, recipe.rules.language),
        "cell": (encoder.cell, recipe.cell),
        "embedding dim": (encoder.embedding_dim, recipe.embedding_dim),
        "hidden dim": (encoder.hidden_dim, recipe.hidden_dim),
    }
    for name, (found, wanted) in facts.items():
        if found != wanted:
            return f"its {name} is {found}, this training's {wanted}"
    return None


def _texts(path: Path, text_column: str, options: ReadOptions | None) -> list[pa.LargeStringArray]:
    """Return the texts of a CSV or Parquet file, without nulls."""
    with open_table_as(str(path), options or ReadOptions()) as reader:
        texts, column = [], None
        for chunk in reader.chunks(CHUNK_ROWS):
            if column is None:
                column = locate_text(chunk.table, None, text_column)
            texts.append(column.texts(chunk.table).drop_null())
        check_rejected(reader)
    if not any(map(len, texts)):
        raise InputError(f"{path} has no texts")
    return texts
