"""Labelled tables read and checked: texts and class indices, ready to train or evaluate on.

Rows without a text or a label are left out, counted and noted; labels of rows without a text count
for nothing. What cannot be repaired is refused with the option that helps. Knows tables and labels,
nothing of tokens, splits or models.
"""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from scorer.corpus.class_map import MIN_CLASS_ROWS, ClassMap
from scorer.corpus.label_array import label_array
from scorer.corpus.labelled_columns import Columns
from scorer.corpus.labelled_notes import LeftOut, ReadRows, left_out, notes_on
from scorer.corpus.labelled_rows import LabelledRows, class_counts
from scorer.corpus.labelled_table import LabelledTable
from scorer.corpus.source import Source
from scorer.corpus.told_labels import read_told
from scorer.errors import InputError, prefix_errors
from scorer.files.fingerprint import fingerprint
from scorer.files.urls import Location, absolute, location
from scorer.tables.formats import ReadOptions
from scorer.wording import are, counted

MIN_ROWS = 10
NO_ROW = "no row has both a text and a label"


@dataclass(frozen=True)
class Labelled:
    """A labelled table, or several read as one; `notes` are lines for the user."""

    rows: LabelledRows
    class_map: ClassMap
    text_column: str
    label_column: str | None  # None where probabilities are all there is
    left_out: LeftOut
    notes: tuple[str, ...]
    files: Mapping[str, str]  # absolute path -> sha256
    headless: bool = False  # the files have no header, though no option says so

    @property
    def fingerprint(self) -> str:
        """The sha256 of the file; of several, of their sha256s one after the other."""
        digests = list(self.files.values())
        return digests[0] if len(digests) == 1 else _sha256("".join(digests))

    @property
    def class_counts(self) -> dict[str, int]:
        """How many rows each class has."""
        return class_counts(self.rows.targets, self.class_map.classes)


def read_labelled(
    paths: Sequence[Location],
    columns: Columns,
    class_map: ClassMap | None = None,
    options: ReadOptions | None = None,
    found: Columns | None = None,
    earlier: Sequence[Source] = (),
) -> Labelled:
    """Read labelled CSV or Parquet files as one table, as `options` say, and check its rows.

    `found` are the columns of earlier files, taken where `columns` names none. `earlier` are files
    that are read first, each as was told of it.

    With `class_map` (of the training files) the files are held out: their values must be known, but
    for rare ones, and every other row with a text and a label is kept. Raises `InputError` or
    `UsageError`.
    """
    training = class_map is None
    sources = [*earlier, Source(paths, columns, options or ReadOptions(), found)]
    files = [path for source in sources for path in source.paths]
    told = read_told(sources)
    labels = label_array(told.table, class_map)
    with prefix_errors(", ".join(map(str, files))):
        if labels.values.null_count == len(labels.values):
            raise InputError(NO_ROW)
        known = class_map.without_strays(labels.counts) if class_map else None
        known = known or told.class_map(labels.counts)
        rows = _rows(told.table, labels.values, known)
        _check_rows(rows, known, training)
    read = ReadRows(told.table, labels, known, rows)
    return Labelled(
        rows,
        told.with_meaning(known),
        told.table.text_column,
        told.table.label_column,
        left_out(read),
        tuple(notes_on(read, training)),
        _digests(files),
        told.table.headless,
    )


def _rows(table: LabelledTable, labels: pa.LargeStringArray, class_map: ClassMap) -> LabelledRows:
    """Return the rows that have a text and a class."""
    targets = _targets(labels, class_map)
    probabilities = None
    if table.soft_labels is not None:
        probabilities = table.soft_labels.targets(class_map.classes, targets)
    return LabelledRows(table.texts, targets, table.groups, probabilities).take(targets >= 0)


def _targets(labels: pa.LargeStringArray, class_map: ClassMap) -> np.ndarray:
    """Return int64 (rows,): class indices, -1 for a missing label, and where there is none."""
    encoded = labels.dictionary_encode()
    targets = np.append(class_map.targets(encoded.dictionary.to_pylist()), -1)
    return targets.take(np.asarray(encoded.indices.fill_null(-1)))


def _check_rows(rows: LabelledRows, class_map: ClassMap, training: bool) -> None:
    if not len(rows):
        raise InputError(NO_ROW)
    if not training:
        return
    if len(rows) < MIN_ROWS:
        raise InputError(
            f"{counted(len(rows), 'usable row')} {are(len(rows))} too few: {MIN_ROWS} at least"
        )
    counts = class_counts(rows.targets, class_map.classes)
    few = [f"{name!r} has {n}" for name, n in counts.items() if n < MIN_CLASS_ROWS]
    if few:
        raise InputError(
            f"too few usable rows of a class, {MIN_CLASS_ROWS} are needed: {', '.join(few)}",
            "Label more, leave the class out, or join it to another with --labels",
        )


def _digests(paths: Sequence[Location]) -> dict[str, str]:
    """Return the sha256 of each file by its absolute path."""
    found = ((location(path), fingerprint(location(path))) for path in paths)
    return {str(absolute(path)): known.sha256 for path, known in found if known}


def _sha256(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
