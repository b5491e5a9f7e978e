"""Labelled tables read and checked: texts and class indices, ready to train or evaluate on.

Rows without a text or a label are left out, counted and noted; labels of rows without a text count
for nothing. What cannot be repaired is refused with the option that helps. Knows tables and labels,
nothing of tokens, splits or models.
"""

import hashlib
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from scorer.corpus.class_map import MIN_CLASS_ROWS, ClassMap, class_map_of, find_class_map
from scorer.corpus.label_questions import likely_spellings, misspelt
from scorer.corpus.label_values import (
    SHOWN,
    SMALL_SHARE,
    UNDERSTOOD,
    label_key,
    labels_option,
    quoted,
    rating_numbers,
    show_some,
    show_values,
)
from scorer.corpus.labelled_columns import Columns
from scorer.corpus.labelled_table import LabelledTable, read_labelled_table
from scorer.corpus.near_duplicates import folded, text_codes
from scorer.errors import InputError, prefix_errors
from scorer.files.fingerprint import fingerprint
from scorer.files.urls import Location, absolute, location
from scorer.tables.doubts import Doubt
from scorer.tables.formats import ReadOptions
from scorer.wording import are, counted, plural

MIN_ROWS = 10
FEW_ROWS = 50  # classes with fewer are noted


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
) -> Labelled:
    """Read labelled CSV or Parquet files as one table, as `options` say, and check its rows.

    `found` are the columns of earlier files, taken where `columns` names none.

    With `class_map` (of the training files) the files are held out: their values must be known, but
    for rare ones, and every other row with a text and a label is kept. Raises `InputError` or
    `UsageError`.
    """
    table = read_labelled_table(paths, columns, options, found)
    blank = pc.equal(folded(table.texts).fill_null(""), "")
    labels = pc.if_else(blank, pa.scalar(None, pa.large_string()), table.labels.fill_null(""))
    names = _names_of_labels(labels, table.class_names, class_map)
    labels = _renamed(labels, names)
    counts = _value_counts(labels)
    training = class_map is None
    with prefix_errors(", ".join(map(str, paths))):
        if pc.all(blank).as_py():
            raise InputError("no row has both a text and a label")
        if class_map is None:
            class_map = _find_class_map(table, counts, columns.labels)
        else:
            class_map = class_map.without_strays(counts)
        targets = _targets(labels, class_map)
        soft_labels = table.soft_labels
        probabilities = None
        if soft_labels is not None:
            probabilities = soft_labels.targets(class_map.classes, targets)
        rows = LabelledRows(table.texts, targets, table.groups, probabilities).take(targets >= 0)
        _check_rows(rows, class_map, training)
    blanks = pc.sum(blank).as_py()
    left_out = LeftOut(table.unreadable, len(targets) - len(rows) - blanks, blanks)
    return Labelled(
        rows,
        class_map,
        table.text_column,
        table.label_column,
        left_out,
        (
            *table.notes,
            *(_parts_notes(table.parts_column) if training else ()),
            *_verdict_notes(*table.verdicts),
            *_renaming_notes(names),
            *_notes(rows, left_out, counts, class_map, training),
        ),
        _digests(paths),
        table.headless,
    )


def _names_of_labels(
    labels: pa.LargeStringArray, class_names: Mapping[str, str], known: ClassMap | None
) -> Mapping[str, str]:
    """Return the class name that the file has for each label, or the number of each rating.

    None where the classes have the labels as they are. Two names that are not understood would be
    a question where 0 and 1 are none.
    """
    values = [value for value in labels.drop_null().unique().to_pylist() if value]
    if known and not known.unknown(values):
        return {}
    understood = {label_key(name) for name in class_names.values()} <= UNDERSTOOD.keys()
    if set(values) <= class_names.keys() and (len(class_names) > 2 or understood):
        return class_names
    return rating_numbers(values)


def _renamed(labels: pa.LargeStringArray, names: Mapping[str, str]) -> pa.LargeStringArray:
    if not names:
        return labels
    encoded = labels.dictionary_encode()
    values = [names.get(value, value) for value in encoded.dictionary.to_pylist()]
    return pa.array(values, pa.large_string()).take(encoded.indices)


def _find_class_map(
    table: LabelledTable, counts: Mapping[str, int], labels: str | None
) -> ClassMap:
    if table.label_column is None and table.soft_labels is not None:
        return class_map_of(table.soft_labels.classes)
    return find_class_map(counts, labels)


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
    """Return int64 (rows,): class indices, -1 for a missing label, and where there is none."""
    encoded = labels.dictionary_encode()
    targets = np.append(class_map.targets(encoded.dictionary.to_pylist()), -1)
    return targets.take(np.asarray(encoded.indices.fill_null(-1)))


def _check_rows(rows: LabelledRows, class_map: ClassMap, training: bool) -> None:
    if not len(rows):
        raise InputError("no row has both a text and a label")
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


def _notes(
    rows: LabelledRows,
    left_out: LeftOut,
    counts: Counter[str],
    class_map: ClassMap,
    training: bool,
) -> Iterator[str]:
    yield from _left_out_notes(rows, left_out, counts, class_map, training)
    marks = class_map.missing_marks(counts)
    if marks:
        option = _classes_of(marks, class_map)
        yield f"label values read as missing: {show_values(marks)}. {option} gives them a class"
    yield from _spelling_notes(counts)
    if training:
        yield from _class_notes(class_counts(rows.targets, class_map.classes))
        yield from _conflict_notes(rows)


def _parts_notes(column: str | None) -> Iterator[str]:
    """Yield what a column that names parts of the rows is not used for."""
    if column is not None:
        yield (
            f"column {column!r} says which rows are for training or testing; it is not used, all "
            "rows are. To keep those parts, make a file of each and give the test rows as --test"
        )


def _verdict_notes(column: str = "", *said: str) -> Iterator[str]:
    """Yield that labels which people did not accept are learned, too."""
    if said:
        yield Doubt(
            f"column {column!r} says {quoted(said)} of some rows: their labels are learned like "
            "any other. If they are wrong, leave these rows out of the file"
        )


def _renaming_notes(names: Mapping[str, str]) -> Iterator[str]:
    """Yield which labels are read as the file names them, or as numbers."""
    read = [f"{value!r} as {name!r}" for value, name in sorted(names.items()) if value != name]
    if read:
        yield f"label values read: {show_some(read)}"


def _left_out_notes(
    rows: LabelledRows,
    left_out: LeftOut,
    counts: Counter[str],
    class_map: ClassMap,
    training: bool,
) -> Iterator[str]:
    """Yield how many rows were left out for each reason; rows that cannot be read are a doubt."""
    unnamed, rare = class_map.unnamed_values(counts), class_map.rare_values(counts)
    unlabelled = left_out.missing_label - sum(unnamed.values()) - sum(rare.values())
    if left_out.unreadable:
        unreadable = counted(left_out.unreadable, "row")
        yield Doubt(f"left out: {unreadable} that cannot be read as the header says")
    if left_out.blank_text:
        yield f"left out: {counted(left_out.blank_text, 'row')} without a text"
    if unlabelled:
        yield f"left out: {counted(unlabelled, 'row')} without a label"
    if unnamed:
        yield f"left out, as --labels gives them no class: {show_values(unnamed)}"
    if rare:
        few = f"fewer than {MIN_CLASS_ROWS} rows are no class"
        why = few if training else "the model has no such classes"
        most = training and sum(rare.values()) > len(rows)
        share = f" ({counted(sum(rare.values()), 'row')}, more than are left)" if most else ""
        note = f"left out{share}, as {why}: {show_values(rare)}"
        yield _rare_note(Doubt(note) if most else note, rare, rows, class_map)


def _rare_note(note: str, rare: dict[str, int], rows: LabelledRows, class_map: ClassMap) -> str:
    """Return the note on values without a class, as a doubt where some are likely misspelt."""
    of_class, values = class_counts(rows.targets, class_map.classes), class_map.label_values
    frequent = {value: of_class[name] for value, name in values.items()}
    likely = likely_spellings(rare, Counter({**frequent, **rare}))
    if not likely:
        return note
    named = {**values, **{value: values[other] for value, other in likely.items()}}
    option = _labels_or_name(named)
    return Doubt(f"{note}; {misspelt(likely)}. Correct the file, or join them with {option}")


def _classes_of(marks: Mapping[str, int], class_map: ClassMap) -> str:
    """Return the option that makes classes of marks of a missing label, as far as rows suffice."""
    named = {mark: mark for mark, rows in marks.items() if rows >= MIN_CLASS_ROWS}
    return _labels_or_name({**class_map.label_values, **named}) if named else "--labels"


def _labels_or_name(named: Mapping[str, str]) -> str:
    """Return the option with those classes of label values; of many, its name alone."""
    return "--labels" if len(named) > SHOWN else labels_option(named)


def _spelling_notes(counts: Counter[str]) -> Iterator[str]:
    """Yield which spellings of a value are read as one."""
    spellings: dict[str, list[str]] = {}
    for value in sorted(counts):
        spellings.setdefault(label_key(value), []).append(value)
    several = [values for key, values in spellings.items() if key and len(values) > 1]
    if several:
        shown = [", ".join(f"{v!r} ({counts[v]:,})" for v in values) for values in several[:SHOWN]]
        more = f" and {len(several) - SHOWN:,} more" if len(several) > SHOWN else ""
        yield f"label values read as one: {'; '.join(shown)}{more}"


def _class_notes(counts: dict[str, int]) -> Iterator[str]:
    """Yield which classes are rare."""
    small = SMALL_SHARE * sum(counts.values()) / len(counts)
    few = {name: count for name, count in counts.items() if count < FEW_ROWS}
    rare = {name: count for name, count in counts.items() if FEW_ROWS <= count < small}
    if few:
        names = f"{plural('class', len(few))} of fewer than {FEW_ROWS} rows"
        yield f"{names}, of which figures say little: {show_values(few)}"
    if rare:
        names = f"rare {plural('class', len(rare))}"
        yield f"{names}, of which recall says more than accuracy: {show_values(rare)}"


def _conflict_notes(rows: LabelledRows) -> Iterator[str]:
    """Yield how many rows have a text that is there with another label too."""
    codes, classes = text_codes(rows.texts), rows.targets.max() + 1
    pairs, counts = np.unique(codes * classes + rows.targets, return_counts=True)
    most = np.zeros(codes.max() + 1, np.int64)  # rows of a text that may be right
    np.maximum.at(most, pairs // classes, counts)
    of_text = np.bincount(codes)
    conflicting = int(of_text[most < of_text].sum())
    if conflicting:
        yield (
            f"{counted(conflicting, 'row')} with a text that is there with another label too: no "
            f"model gets more than {most.sum() / len(rows):.1%} of all rows right"
        )


def _digests(paths: Sequence[Location]) -> dict[str, str]:
    """Return the sha256 of each file by its absolute path."""
    found = ((location(path), fingerprint(location(path))) for path in paths)
    return {str(absolute(path)): known.sha256 for path, known in found if known}


def _sha256(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
