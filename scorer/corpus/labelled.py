"""Labelled tables read and checked: texts and class indices, ready to train or evaluate on.

Rows without a label or a text are left out, and so are, in training files, the texts that are there
with different labels; each is counted and noted. What cannot be repaired is refused with the option
that helps. Knows tables and labels, nothing of tokens, splits or models.
"""

import hashlib
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from scorer.corpus.class_map import ClassMap, class_map_of, find_class_map, label_key, show_values
from scorer.corpus.labelled_columns import Columns
from scorer.corpus.labelled_table import LabelledTable, read_labelled_table
from scorer.corpus.near_duplicates import folded, text_codes
from scorer.errors import InputError, prefix_errors
from scorer.files.fingerprint import fingerprint
from scorer.files.urls import Location, absolute, location
from scorer.tables.formats import ReadOptions
from scorer.wording import are, counted

MIN_ROWS = 10
MIN_CLASS_ROWS = 5  # three for training, one each for validation and test
FEW_ROWS = 50  # a class with fewer gets a note
SMALL_SHARE = 0.1  # a class with a smaller share of the rows gets a note


@dataclass(frozen=True)
class LabelledRows:
    """Checked rows; every row has a text and a class.

    texts: (rows,), as they were read.
    targets: int64 (rows,), index into the classes.
    groups: (rows,), null where a row is of no group; None without a group column.
    probabilities: float32 (rows, classes), soft labels; None without probability columns.
    """

    texts: pa.LargeStringArray
    targets: np.ndarray
    groups: pa.LargeStringArray | None = None
    probabilities: np.ndarray | None = None

    def __len__(self) -> int:
        return len(self.targets)

    @property
    def learned_targets(self) -> np.ndarray:
        """What is learned: soft labels float32 (rows, classes) if there are, else the targets."""
        return self.targets if self.probabilities is None else self.probabilities

    def take(self, rows: np.ndarray) -> "LabelledRows":
        """Return the rows of those indices (or where a boolean mask is True), in their order."""
        rows = np.flatnonzero(rows) if rows.dtype == bool else rows
        groups = None if self.groups is None else self.groups.take(pa.array(rows))
        soft = None if self.probabilities is None else self.probabilities[rows]
        return LabelledRows(self.texts.take(pa.array(rows)), self.targets[rows], groups, soft)

    def sample(self, number: int) -> "LabelledRows":
        """Return so many random rows, always the same ones; all if there are no more."""
        if number >= len(self):
            return self
        sample = np.random.default_rng(0).choice(len(self), number, replace=False)
        return self.take(np.sort(sample))

    def group_codes(self) -> np.ndarray | None:
        """Return int64 (rows,), equal for rows of one group; a row of no group has its own."""
        if self.groups is None:
            return None
        encoded = self.groups.dictionary_encode()
        codes = encoded.indices.fill_null(-1).to_numpy().astype(np.int64)
        return np.where(codes < 0, len(encoded.dictionary) + np.arange(len(codes)), codes)


@dataclass(frozen=True)
class LeftOut:
    """How many rows were left out, and why."""

    unreadable: int
    missing_label: int
    blank_text: int
    conflicting: int  # the same text is there with another label


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
) -> Labelled:
    """Read labelled CSV or Parquet files as one table, as `options` say, and check its rows.

    With `class_map` (of the training files) the files are held out: their values must be known,
    every row with a text and a label is kept. Raises `InputError` or `UsageError`.
    """
    table = read_labelled_table(paths, columns, options)
    counts = _value_counts(table.labels)
    training = class_map is None
    with prefix_errors(", ".join(map(str, paths))):
        class_map = class_map or _find_class_map(table, counts, columns.labels)
        targets = _targets(table.labels, class_map)
        soft_labels = table.soft_labels
        probabilities = None
        if soft_labels is not None:
            probabilities = soft_labels.targets(class_map.classes, targets)
        rows = LabelledRows(table.texts, targets, table.groups, probabilities)
        rows, left_out = _usable(rows, table.unreadable, drop_conflicting=training)
        _check_rows(rows, class_map.classes, training)
    return Labelled(
        rows,
        class_map,
        table.text_column,
        table.label_column,
        left_out,
        (*table.notes, *_notes(rows, left_out, counts, class_map, training)),
        _digests(paths),
    )


def _find_class_map(
    table: LabelledTable, counts: Mapping[str, int], labels: str | None
) -> ClassMap:
    """Return the classes of the labels, without rare ones among several."""
    if table.label_column is None and table.soft_labels is not None:
        return class_map_of(table.soft_labels.classes)
    class_map = find_class_map(counts, labels)
    targets = _targets(table.labels, class_map)
    rows = class_counts(targets[targets >= 0], class_map.classes)
    rare = {name for name, count in rows.items() if count < MIN_CLASS_ROWS}
    return class_map.without(rare) if len(rows) - len(rare) > 2 else class_map


def joined_rows(parts: Sequence[LabelledRows]) -> LabelledRows:
    """Return the rows of all parts, one part after the other; all or none have groups."""
    groups = [part.groups for part in parts if part.groups is not None]
    return LabelledRows(
        pa.concat_arrays([part.texts for part in parts]),
        np.concatenate([part.targets for part in parts]),
        pa.concat_arrays(groups) if groups else None,
        _joined_probabilities(parts),
    )


def _joined_probabilities(parts: Sequence[LabelledRows]) -> np.ndarray | None:
    """Return the soft labels of all parts, the labels themselves where a part has none."""
    known = [part.probabilities for part in parts if part.probabilities is not None]
    if not known:
        return None
    one_hot = np.eye(known[0].shape[1], dtype=np.float32)
    soft = (p.probabilities if p.probabilities is not None else one_hot[p.targets] for p in parts)
    return np.concatenate(list(soft))


def class_counts(targets: np.ndarray, classes: Sequence[str]) -> dict[str, int]:
    """Return how many rows each class has."""
    counts = np.bincount(targets, minlength=len(classes))
    return dict(zip(classes, counts.tolist(), strict=True))


def _value_counts(labels: pa.LargeStringArray) -> Counter[str]:
    counted = labels.drop_null().value_counts()
    return Counter(dict(zip(*(counted.field(i).to_pylist() for i in (0, 1)), strict=True)))


def _targets(labels: pa.LargeStringArray, class_map: ClassMap) -> np.ndarray:
    """Return int64 (rows,): class indices, -1 for a missing label."""
    encoded = labels.fill_null("").dictionary_encode()
    targets = class_map.targets(encoded.dictionary.to_pylist())
    return targets.take(np.asarray(encoded.indices))


def _usable(
    rows: LabelledRows, unreadable: int, drop_conflicting: bool
) -> tuple[LabelledRows, LeftOut]:
    labelled = rows.targets >= 0
    blank = np.asarray(
        pc.equal(folded(rows.texts).fill_null(""), "").to_numpy(zero_copy_only=False)
    )
    kept = rows.take(labelled & ~blank)
    conflicting = _conflicting(kept) if drop_conflicting else np.zeros(len(kept), bool)
    left_out = LeftOut(
        unreadable, int((~labelled).sum()), int((labelled & blank).sum()), int(conflicting.sum())
    )
    return kept.take(~conflicting), left_out


def _conflicting(rows: LabelledRows) -> np.ndarray:
    """Return bool (rows,): whether the same text is there with another label too."""
    if not len(rows):
        return np.zeros(0, bool)
    codes = text_codes(rows.texts)
    lowest = np.full(codes.max() + 1, rows.targets.max())
    highest = np.zeros_like(lowest)
    np.minimum.at(lowest, codes, rows.targets)
    np.maximum.at(highest, codes, rows.targets)
    return np.asarray(lowest != highest).take(codes)


def _check_rows(rows: LabelledRows, classes: Sequence[str], training: bool) -> None:
    if not len(rows):
        raise InputError("no row has both a text and a label")
    if not training:
        return
    if len(rows) < MIN_ROWS:
        raise InputError(
            f"{counted(len(rows), 'usable row')} {are(len(rows))} too few: {MIN_ROWS} at least"
        )
    counts = class_counts(rows.targets, classes)
    few = [f"{name!r} has {n}" for name, n in counts.items() if n < MIN_CLASS_ROWS]
    if few:
        raise InputError(
            f"too few usable rows of a class, {MIN_CLASS_ROWS} are needed: {', '.join(few)}",
            "Label more, leave the class out, or join it to another with --labels",
        )


def _notes(
    rows: LabelledRows,
    left_out: LeftOut,
    counts: Counter[str],
    class_map: ClassMap,
    training: bool,
) -> Iterator[str]:
    unnamed, rare = class_map.unnamed_values(counts), class_map.rare_values(counts)
    asked = sum(unnamed.values()) + sum(rare.values())
    reasons = (
        (left_out.unreadable, "that cannot be read as the header says"),
        (left_out.missing_label - asked, "without a label"),
        (left_out.blank_text, "without a text"),
        (left_out.conflicting, "whose text is there with another label too"),
    )
    yield from (f"left out: {counted(count, 'row')} {reason}" for count, reason in reasons if count)
    if unnamed:
        yield f"left out, as --labels gives them no class: {show_values(unnamed)}"
    if rare:
        yield f"left out, classes of fewer than {MIN_CLASS_ROWS} rows: {show_values(rare)}"
    marks = class_map.missing_marks(counts)
    if marks:
        yield f"label values read as missing: {show_values(marks)}. --labels gives them a class"
    yield from _spelling_notes(counts)
    if training:
        yield from _class_notes(class_counts(rows.targets, class_map.classes))


def _spelling_notes(counts: Counter[str]) -> Iterator[str]:
    spellings: dict[str, list[str]] = {}
    for value in sorted(counts):
        spellings.setdefault(label_key(value), []).append(value)
    for key, values in spellings.items():
        if key and len(values) > 1:
            shown = ", ".join(f"{value!r} ({counts[value]:,})" for value in values)
            yield f"label values read as one: {shown}"


def _class_notes(counts: dict[str, int]) -> Iterator[str]:
    total = sum(counts.values())
    for name, count in counts.items():
        if count < FEW_ROWS:
            yield f"class {name!r} has {counted(count, 'row')} only: figures about it say little"
        elif count < SMALL_SHARE * total:
            yield (
                f"class {name!r} has {count / total:.1%} of the rows: "
                "look at its recall, not at the accuracy"
            )


def _digests(paths: Sequence[Location]) -> dict[str, str]:
    """Return the sha256 of each file by its absolute path."""
    found = ((location(path), fingerprint(location(path))) for path in paths)
    return {str(absolute(path)): known.sha256 for path, known in found if known}


def _sha256(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
