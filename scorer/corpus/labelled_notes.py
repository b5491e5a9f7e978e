"""What is said of labelled rows: what was left out, what reads as one, what to doubt.

Knows tables, labels and rows in memory, nothing of files.
"""

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np

from scorer.corpus.class_map import MIN_CLASS_ROWS, ClassMap
from scorer.corpus.label_array import LabelArray
from scorer.corpus.label_questions import likely_spellings, misspelt
from scorer.corpus.label_values import (
    SHOWN,
    SMALL_SHARE,
    label_key,
    labels_option,
    quoted,
    show_some,
    show_values,
)
from scorer.corpus.labelled_rows import LabelledRows, class_counts
from scorer.corpus.labelled_table import LabelledTable
from scorer.corpus.near_duplicates import text_codes
from scorer.tables.doubts import Doubt
from scorer.wording import counted, plural

FEW_ROWS = 50  # classes with fewer are noted


@dataclass(frozen=True)
class LeftOut:
    """How many rows were left out, and why."""

    unreadable: int
    missing_label: int
    blank_text: int


@dataclass(frozen=True)
class ReadRows:
    """The rows that were kept of a table, with all that is known of them."""

    table: LabelledTable
    labels: LabelArray
    class_map: ClassMap
    rows: LabelledRows


def left_out(read: ReadRows) -> LeftOut:
    """Return how many rows were left out, and why."""
    blank = read.labels.values.null_count
    missing = len(read.labels.values) - len(read.rows) - blank
    return LeftOut(read.table.unreadable, missing, blank)


def notes_on(read: ReadRows, training: bool) -> Iterator[str]:
    """Yield lines for the user; training: the rows are not held out."""
    rows, class_map, counts = read.rows, read.class_map, read.labels.counts
    yield from read.table.notes
    if training:
        yield from _parts_notes(read.table.parts_column)
    yield from _verdict_notes(*read.table.verdicts)
    yield from _renaming_notes(read.labels.names)
    yield from _left_out_notes(rows, left_out(read), counts, class_map, training)
    yield from _missing_notes(class_map, counts)
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


def _missing_notes(class_map: ClassMap, counts: Mapping[str, int]) -> Iterator[str]:
    """Yield which values that are not blank were read as a missing label."""
    if marks := class_map.missing_marks(counts):
        option = _classes_of(marks, class_map)
        yield f"label values read as missing: {show_values(marks)}. {option} gives them a class"


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
