"""Labelled rows in three parts, no text in two of them: training, validation, test.

The two held-out parts are files, shares or numbers of rows. Texts that are nearly the same stay in
one part: rows split off go together, and what a given file holds is taken out of the parts before
it. So do rows of one group. Knows labelled tables, duplicates and splits, nothing of models.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

from scorer.corpus.label_values import PROBABILITY, label_key, quoted
from scorer.corpus.labelled import Labelled, read_labelled
from scorer.corpus.labelled_columns import Columns
from scorer.corpus.labelled_rows import LabelledRows, class_counts, joined_rows
from scorer.corpus.near_duplicates import (
    Duplicates,
    Leaks,
    find_duplicates,
    find_leaks,
    joined_groups,
)
from scorer.corpus.source import Source
from scorer.corpus.splits import PARTS as NAMES
from scorer.corpus.splits import TEST, TRAIN, VALID, split_rows
from scorer.errors import InputError, UsageError
from scorer.files.urls import Location, absolute, location
from scorer.tables.doubts import about
from scorer.tables.formats import ReadOptions
from scorer.wording import are, counted

PARTS = ("train", "valid", "test")  # by splits.TRAIN, VALID, TEST
OUT = -1  # instead of a part: the row is taken out
KEEP = "--keep-duplicates keeps them"
REMEDY = "Give other files; --keep-duplicates takes these all the same"


@dataclass(frozen=True)
class Corpus:
    """Three parts of labelled rows, and what they are called.

    leaks: the test rows whose text is in the training rows after all.
    valid_is_share: whether the validation rows were split off the training files.
    headless: whether these have no header, though no option says so.
    told: of each of these files, what was said of how it is read, see `Source.told`.
    """

    train: LabelledRows
    valid: LabelledRows
    test: LabelledRows
    classes: tuple[str, ...]
    label_values: Mapping[str, str]
    text_column: str
    label_column: str
    fingerprint: str  # sha256 of the training files
    files: Mapping[str, str]  # the training files: absolute path -> sha256
    notes: tuple[str, ...] = ()
    leaks: Leaks | None = None
    valid_is_share: bool = False
    headless: bool = False
    told: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)

    def named_as(self, classes: Sequence[str]) -> "Corpus":
        """Return the corpus with names of classes that only write its own ones otherwise."""
        if list(map(label_key, classes)) != list(map(label_key, self.classes)):
            return self
        names = dict(zip(self.classes, classes, strict=True))
        values = {value: names[name] for value, name in self.label_values.items()}
        return replace(self, classes=tuple(classes), label_values=values)

    @property
    def development(self) -> LabelledRows:
        """The training and the validation rows: all but the test rows."""
        return joined_rows([self.train, self.valid])

    def class_counts(self) -> dict[str, dict[str, int]]:
        """Return how many rows each class has in each part."""
        return {part: class_counts(getattr(self, part).targets, self.classes) for part in PARTS}


@dataclass(frozen=True)
class _Pool:
    """All rows: the labelled ones, which are training rows at first, then those of given files.

    part: int64 (rows,), changed as rows are split off or taken out.
    """

    rows: LabelledRows
    part: np.ndarray
    duplicates: Duplicates
    groups: np.ndarray | None  # int64 (rows,)

    def within(self, part: int) -> np.ndarray:
        """Return the indices of a part's rows."""
        return np.flatnonzero(self.part == part)


def read_corpus(
    paths: Sequence[Location],
    valid: str,
    test: str,
    columns: Columns,
    seed: int,
    keep_duplicates: bool = False,
    options: ReadOptions | None = None,
    earlier: Sequence[Source] = (),
) -> Corpus:
    """Read labelled files and part them; `valid` and `test` are paths, shares or row numbers.

    `options` say how all files are read, but `earlier` ones: each as was told of it. With
    `keep_duplicates` a text may stand in two parts, and figures get too good. Raises `InputError`
    or `UsageError`, also where a part would lack rows or a class.
    """
    sizes = {VALID: _size(valid, "valid"), TEST: _size(test, "test")}
    labelled = read_labelled(paths, columns, options=options, earlier=earlier)
    given = _read_given(sizes, labelled, columns, options)
    pool = _pool(labelled, given)
    notes = list(labelled.notes)
    notes += (about(f"{NAMES[part]} file", note) for part in given for note in given[part].notes)
    notes += _take_out(pool, given, keep_duplicates)
    notes += _split_off(pool, sizes, seed, keep_duplicates)
    notes += _absent_classes(pool, labelled.class_map.classes)
    sources = [*earlier, Source(paths, columns, options or ReadOptions())]
    told = {str(absolute(path)): one.told() for one in sources for path in one.paths}
    corpus = _corpus(labelled, pool, notes)
    return replace(corpus, valid_is_share=VALID not in given, told=told)


def _size(text: str, part: str) -> Location | float:
    """Return a number of rows (int) or a share (float); a path or URL where it has a letter."""
    try:
        size = int(text) if text.isdecimal() else float(text)
    except ValueError:
        if any(character.isalpha() for character in text):
            return location(text)
        size = 0
    if not (0 < size < 1 or (isinstance(size, int) and size > 0)):
        raise UsageError(
            f"--{part} {text} is no size of a part",
            "It takes a share between 0 and 1, a whole number of rows, or a file",
        )
    return size


def _read_given(
    sizes: Mapping[int, Location | float],
    training: Labelled,
    columns: Columns,
    options: ReadOptions | None,
) -> dict[int, Labelled]:
    """Read the files of held-out rows as the training files were read."""
    found = replace(columns, text=training.text_column, label=training.label_column)
    return {
        part: read_labelled([size], columns, training.class_map, options, found)
        for part, size in sizes.items()
        if isinstance(size, Path | str)
    }


def _pool(labelled: Labelled, given: Mapping[int, Labelled]) -> _Pool:
    parts = {TRAIN: labelled, **given}
    rows = joined_rows([part.rows for part in parts.values()])
    part_of_row = np.repeat(list(parts), [len(part.rows) for part in parts.values()])
    return _Pool(rows, part_of_row, find_duplicates(rows.texts), rows.group_codes())


def _take_out(pool: _Pool, given: Mapping[int, Labelled], keep: bool) -> Iterator[str]:
    """Take what a given file holds out of the parts before it, unless they are kept."""
    if not pool.duplicates.near_searched:
        yield "too many rows to look for texts that are nearly the same; only the same are found"
    for part in sorted(given, reverse=True):
        for earlier in (TRAIN, *(other for other in given if other < part)):
            yield from _take_duplicates(pool, earlier, part, keep)
            if pool.groups is not None:
                yield from _take_group(pool, pool.groups, earlier, part)
            if not len(pool.within(earlier)):
                raise InputError(
                    f"no {NAMES[earlier]} row is left: all are in the {NAMES[part]} file too",
                    REMEDY,
                )
    _check_classes(pool)


def _take_duplicates(pool: _Pool, earlier: int, part: int, keep: bool) -> Iterator[str]:
    before = pool.within(earlier)
    leaks = find_leaks(pool.duplicates, before, pool.within(part))
    if not leaks.held_out:
        return
    counts = f"{leaks.same:,} the same, {leaks.near:,} nearly"
    held_out = counted(leaks.held_out, "row")
    if keep:
        yield (
            f"kept: {held_out} of the {NAMES[part]} file with a text of the {NAMES[earlier]} rows "
            f"({counts}): figures get too good"
        )
    else:
        pool.part[before[leaks.training]] = OUT
        yield (
            f"taken out of {NAMES[earlier]}: {counted(int(leaks.training.sum()), 'row')} with the "
            f"text of {held_out} of the {NAMES[part]} file ({counts}). {KEEP}"
        )


def _take_group(pool: _Pool, groups: np.ndarray, earlier: int, part: int) -> Iterator[str]:
    before = pool.within(earlier)
    shared = before[np.isin(groups[before], groups[pool.within(part)])]
    if len(shared):
        pool.part[shared] = OUT
        yield (
            f"taken out of {NAMES[earlier]}: {counted(len(shared), 'row')} of a group of the "
            f"{NAMES[part]} file"
        )


def _check_classes(pool: _Pool) -> None:
    """Refuse to train without a class that only rows which were taken out have."""
    lost = np.setdiff1d(pool.rows.targets, pool.rows.targets[pool.within(TRAIN)])
    if len(lost):
        raise InputError(
            "no training row of some class is left: held-out files have them too", REMEDY
        )


def _absent_classes(pool: _Pool, classes: Sequence[str]) -> Iterator[str]:
    for part in (VALID, TEST):
        counts = class_counts(pool.rows.targets[pool.within(part)], classes)
        if absent := [name for name, count in counts.items() if not count]:
            it = "it" if len(absent) == 1 else "them"
            yield f"no {NAMES[part]} row is {quoted(absent)}: the figures say nothing about {it}"


def _split_off(
    pool: _Pool, sizes: Mapping[int, Location | float], seed: int, keep: bool
) -> Iterator[str]:
    """Split the parts that are no files off the training rows, alike texts together."""
    shares = {part: 0 if isinstance(size, Path | str) else size for part, size in sizes.items()}
    rows = pool.within(TRAIN)
    near = None if keep else pool.duplicates.near[rows]
    groups = None if pool.groups is None else pool.groups[rows]
    if near is not None and groups is not None:
        groups = joined_groups(near, groups)
    together = near if groups is None else groups
    split = split_rows(pool.rows.targets[rows], shares[VALID], shares[TEST], seed, together)
    pool.part[rows[split.valid]] = VALID
    pool.part[rows[split.test]] = TEST
    yield from split.notes
    if any(shares.values()):
        yield from _alike_note(pool.duplicates.near[rows], keep)


def _alike_note(near: np.ndarray, keep: bool) -> Iterator[str]:
    sizes = np.bincount(near)
    alike = sizes[sizes > 1]
    if len(alike):
        texts = f"{counted(len(alike), 'text')} that {are(len(alike))} the same, or nearly"
        what = f"{alike.sum():,} rows with {texts}"
        yield (
            f"not kept apart: {what}: figures get too good"
            if keep
            else f"kept in the same part: {what}"
        )


def _corpus(labelled: Labelled, pool: _Pool, notes: Sequence[str]) -> Corpus:
    return Corpus(
        train=pool.rows.take(pool.within(TRAIN)),
        valid=pool.rows.take(pool.within(VALID)),
        test=pool.rows.take(pool.within(TEST)),
        classes=labelled.class_map.classes,
        label_values=labelled.class_map.label_values,
        text_column=labelled.text_column,
        label_column=labelled.label_column or f"{PROBABILITY}…",
        fingerprint=labelled.fingerprint,
        files=labelled.files,
        notes=tuple(notes),
        leaks=find_leaks(pool.duplicates, pool.within(TRAIN), pool.within(TEST)),
        headless=labelled.headless,
    )
