"""What a training may draw on beside labelled rows: texts without labels, and earlier models.

Knows files of texts and what pretraining and teachers leave, nothing of labels.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa

from scorer.bundles.bundle import Bundle, load_bundle
from scorer.bundles.starting_point import StartingPoint, load_starting_point
from scorer.corpus.labelled_table import check_rejected
from scorer.errors import InputError, UsageError
from scorer.files.fingerprint import check_readable
from scorer.tables.formats import ReadOptions, open_table_as
from scorer.tables.text_column import as_texts, find_text_column

CHUNK_ROWS = 10_000


@dataclass(frozen=True)
class Background:
    """All of it may be missing.

    unlabelled: (rows,), what to pretrain on, and what a teacher is asked about.
    start: pretrained layers; there is no pretraining then.
    vectors: a file of word vectors for the embedding; there is no pretraining then.
    teachers: models whose mean probabilities are learned beside the labels.
    """

    unlabelled: pa.LargeStringArray | None = None
    start: StartingPoint | None = None
    vectors: Path | None = None
    teachers: tuple[Bundle, ...] = ()


def read_background(
    unlabelled: Sequence[Path],
    text_column: str,
    start: Path | None = None,
    vectors: Path | None = None,
    teachers: Sequence[Path] = (),
    options: ReadOptions | None = None,
) -> Background:
    """Read and verify what is given; the texts are in `text_column`, or in the only text column.

    `options` say how files of texts are read. Raises `InputError` or `BundleError`, and
    `UsageError` for unlabelled texts of no use.
    """
    _check_use(unlabelled, start, vectors, teachers)
    texts = [chunk for path in unlabelled for chunk in _texts(path, text_column, options)]
    return Background(
        pa.concat_arrays(texts) if texts else None,
        None if start is None else load_starting_point(start),
        vectors,
        tuple(load_bundle(folder) for folder in teachers),
    )


def check_background(
    unlabelled: Sequence[Path],
    start: Path | None = None,
    vectors: Path | None = None,
    teachers: Sequence[Path] = (),
) -> None:
    """Raise what `read_background` would, before minutes are spent on the labelled rows."""
    _check_use(unlabelled, start, vectors, teachers)
    for path in (*unlabelled, *([] if vectors is None else [vectors])):
        check_readable(path)
    if start is not None:
        load_starting_point(start)
    for teacher in teachers:
        load_bundle(teacher)


def _check_use(
    unlabelled: Sequence[Path],
    start: Path | None,
    vectors: Path | None,
    teachers: Sequence[Path],
) -> None:
    if unlabelled and not teachers and (start or vectors):
        option = "--start-from" if start else "--vectors"
        raise UsageError(
            f"with {option} there is no pretraining, so --unlabelled texts are of no use",
            f"Give {option} or --unlabelled, or a --teacher to be asked about them",
        )


def _texts(path: Path, text_column: str, options: ReadOptions | None) -> list[pa.LargeStringArray]:
    """Return the texts of a CSV or Parquet file, without nulls."""
    with open_table_as(str(path), options or ReadOptions()) as reader:
        texts, column = [], None
        for chunk in reader.chunks(CHUNK_ROWS):
            if column is None:
                column = find_text_column(chunk.table, None, text_column)
            texts.append(as_texts(chunk.table.column(column), text_column).drop_null())
        check_rejected(reader)
    if not any(map(len, texts)):
        raise InputError(f"{path} has no texts")
    return texts
