"""Which rows of a scored file to label next.

    text, label, guess, …    the text, an empty label to fill in, the likeliest class, and the other
                             columns of the file but its scores, so that the rows can be joined back

A column whose name would be taken for the text's or the label's gets another one (`input_…`): a
training takes the file as it is. Knows probability columns, nothing of how they were computed; and
another bundle to ask.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import zip_longest

import numpy as np
import pyarrow as pa

from scorer.bundles.bundle import Bundle
from scorer.bundles.predictor import load_predictor
from scorer.corpus.label_values import PROBABILITY
from scorer.corpus.labelled_columns import LABEL_NAMES, TO_LABEL
from scorer.corpus.near_duplicates import find_duplicates, text_codes
from scorer.errors import InputError, UsageError
from scorer.files.urls import hide_secrets
from scorer.scoring.columns import BESIDE
from scorer.scoring.request import CHUNK_ROWS
from scorer.tables.csv_options import CsvOptions
from scorer.tables.formats import format_of, open_table
from scorer.tables.text_column import USUAL_NAMES, TextColumn, locate_text

STRATEGIES = ("uncertainty", "disagreement", "random")
CANDIDATES = 20  # texts for each row that is wanted, among which near-duplicates are looked for


@dataclass(frozen=True)
class _Scored:
    """The texts of a file that have probabilities, float64 (rows, classes)."""

    texts: pa.LargeStringArray
    probabilities: np.ndarray
    classes: tuple[str, ...]
    others: pa.Table  # the columns that are neither text nor scores

    @property
    def guesses(self) -> pa.StringArray:
        """The likeliest class of each row."""
        best = self.probabilities.argmax(axis=1)
        return pa.array(np.array(self.classes, object)[best], pa.string())


def rows_to_label(
    path: str,
    rows: int,
    by: str = "uncertainty",
    text_column: str | None = None,
    seed: int = 0,
    other: Bundle | None = None,
) -> pa.Table:
    """Return a table of texts, empty labels, guessed classes and the file's other columns.

    No two texts are nearly the same.

    by: `uncertainty` takes the texts whose two highest probabilities are nearest each other,
    `disagreement` those whose probabilities differ most from the ones of the bundle `other`, both
    as many of each guessed class as there are; `random` takes any. Raises `InputError` for a file
    without probability columns, `UsageError` for another strategy or another bundle's classes.
    """
    if by not in STRATEGIES:
        raise UsageError(f"--by {by}: choose one of: {', '.join(STRATEGIES)}")
    scored = _read(hide_secrets(path), text_column)
    order = np.argsort(_ranks(scored, by, seed, other))
    chosen = _distinct(scored, order, rows, stratified=by != "random")
    return _table(scored, pa.array(chosen, pa.int64()))


def _ranks(scored: _Scored, by: str, seed: int, other: Bundle | None) -> np.ndarray:
    """Return float64 (rows,), the lowest for the row to label first; chance parts equals."""
    random = np.random.default_rng(seed).random(len(scored.texts))
    if by == "uncertainty":
        return np.asarray(_margins(scored.probabilities) + 1e-9 * random)
    if by == "disagreement":
        return np.asarray(1e-9 * random - _differences(scored, other))
    return random


def _table(scored: _Scored, rows: pa.Int64Array) -> pa.Table:
    columns = (scored.texts.take(rows), pa.array([""] * len(rows)), scored.guesses.take(rows))
    others = scored.others.take(rows)
    arrays = [*columns, *(column.combine_chunks() for column in others.columns)]
    return pa.table(arrays, [*TO_LABEL, *_free_names(others.schema.names)])


def _free_names(names: Sequence[str]) -> list[str]:
    """Return names that are not taken for the text's, the label's or the guess's."""
    free: list[str] = []
    for name in names:
        new = name
        while _is_reserved(new) or (new != name and new in (*names, *free)):
            new = f"input_{new}"
        free.append(new)
    return free


def _is_reserved(name: str) -> bool:
    known = name.strip().casefold()
    return known in USUAL_NAMES or known in LABEL_NAMES or known == "guess"


def _margins(probabilities: np.ndarray) -> np.ndarray:
    """Return how far each row's highest probability is above the next one: (rows,)."""
    highest = np.sort(probabilities, axis=1)[:, -2:]
    return np.asarray(highest[:, 1] - highest[:, 0])


def _differences(scored: _Scored, other: Bundle | None) -> np.ndarray:
    """Return how far another bundle's probabilities are from each row's: (rows,)."""
    if other is None:
        raise UsageError("--by disagreement needs another bundle", "--bundle or --store names it")
    if set(other.classes) != set(scored.classes):
        names, ours = ", ".join(other.classes), ", ".join(scored.classes)
        raise UsageError(f"the other bundle's classes are {names}, those of the file {ours}")
    predictor = load_predictor(other, "auto", workers=0)
    order = [other.classes.index(name) for name in scored.classes]
    theirs = predictor.predict(predictor.encode(scored.texts)).probabilities[:, order]
    return np.asarray(np.abs(np.nan_to_num(theirs) - scored.probabilities).sum(axis=1))


def _read(path: str, text_column: str | None) -> _Scored:
    parts = list(_scored_chunks(path, text_column))
    if not parts:
        raise InputError(f"{path} has no scored row")
    texts = pa.concat_arrays([part.texts for part in parts])
    probabilities = np.concatenate([part.probabilities for part in parts])
    others = pa.concat_tables([part.others for part in parts])
    return _Scored(texts, probabilities, parts[0].classes, others)


def _scored_chunks(path: str, text_column: str | None) -> Iterator[_Scored]:
    column: TextColumn | None = None
    with open_table(path, format_of(path), CsvOptions()) as reader:
        for chunk in reader.chunks(CHUNK_ROWS):
            table = chunk.table
            names = [name for name in table.schema.names if name.startswith(PROBABILITY)]
            if len(names) < 2:
                raise InputError(f"{path} has no columns {PROBABILITY}…", "Score it first")
            probabilities = np.stack([_numbers(table.column(name)) for name in names], axis=1)
            table = table.select(_unscored(table.schema.names))
            if column is None:
                column = locate_text(table, text_column, "text")
            scored = pa.array(np.flatnonzero(~np.isnan(probabilities).any(axis=1)))
            texts = column.texts(table, chunk.first_row).take(scored)
            classes = tuple(name.removeprefix(PROBABILITY) for name in names)
            left = [at for at in range(table.num_columns) if at not in column.positions]
            yield _Scored(
                texts, probabilities[scored.to_numpy()], classes, table.select(left).take(scored)
            )


def _unscored(names: Sequence[str]) -> list[int]:
    """Return where the columns are that no scoring run has added."""
    added = [at for at, name in enumerate(names) if name.startswith(PROBABILITY)]
    for beside in BESIDE:
        behind = added[-1] + 1
        if behind < len(names) and names[behind] == beside:
            added.append(behind)
    return [at for at in range(len(names)) if at not in added]


def _numbers(column: pa.ChunkedArray) -> np.ndarray:
    """Return a column of numbers, which a CSV has as text, as float64 with NaN for nulls."""
    if pa.types.is_floating(column.type):
        return np.asarray(column.cast(pa.float64()).to_numpy())
    cells = column.to_pylist()
    try:
        return np.array([float(cell) if cell else np.nan for cell in cells])
    except (TypeError, ValueError) as error:
        raise InputError(
            f"a column {PROBABILITY}… has a cell that is no number: {error}"
        ) from error


def _distinct(scored: _Scored, order: np.ndarray, rows: int, stratified: bool) -> list[int]:
    """Return the first rows of an order of which no two texts are alike, by turns of each class."""
    guesses = scored.guesses.to_numpy(zero_copy_only=False)
    strata = guesses if stratified else np.zeros(len(guesses))
    candidates = _candidates(scored.texts, order, rows, strata)
    near = find_duplicates(scored.texts.take(pa.array(candidates))).near
    return _by_turns(candidates[_first_of_each(near)], strata)[:rows]


def _candidates(
    texts: pa.LargeStringArray, order: np.ndarray, rows: int, strata: np.ndarray
) -> np.ndarray:
    """Return the first rows of an order, no two of the same text, as many of each stratum."""
    order = order[_first_of_each(text_codes(texts)[order])]
    kinds = np.unique(strata[order])
    most = -(-CANDIDATES * rows // max(len(kinds), 1))
    places = [np.flatnonzero(strata[order] == kind)[:most] for kind in kinds]
    return np.asarray(order[np.sort(np.concatenate([np.zeros(0, np.int64), *places]))])


def _first_of_each(codes: np.ndarray) -> np.ndarray:
    """Return int64 (distinct codes,): the first place of each code, in order."""
    return np.asarray(np.sort(np.unique(codes, return_index=True)[1]))


def _by_turns(rows: np.ndarray, strata: np.ndarray) -> list[int]:
    """Return the rows in the order in which the strata take turns."""
    queues: dict[object, list[int]] = {}
    for row in rows.tolist():
        queues.setdefault(strata[row], []).append(row)
    return [row for turn in zip_longest(*queues.values()) for row in turn if row is not None]
