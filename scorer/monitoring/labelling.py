"""Which rows of a scored file to label next.

Knows probability columns, nothing of how they were computed.
"""

from collections.abc import Iterator

import numpy as np
import pyarrow as pa

from scorer.corpus.near_duplicates import find_duplicates, text_codes
from scorer.errors import InputError, UsageError
from scorer.tables.formats import CsvOptions, format_of, open_table
from scorer.tables.text_column import TextColumn, locate_text

STRATEGIES = ("uncertainty", "random")
PROBABILITY = "probability_"
CHUNK_ROWS, CHUNK_BYTES = 8192, 32 << 20
CANDIDATES = 20  # texts for each row that is wanted, among which near-duplicates are looked for


def rows_to_label(
    path: str, rows: int, by: str = "uncertainty", text_column: str | None = None, seed: int = 0
) -> pa.Table:
    """Return a table of texts and their guessed classes, no two of them nearly the same.

    by: `uncertainty` takes the texts whose two highest probabilities are nearest each other, as
    many of each guessed class as there are; `random` takes any. Raises `InputError` for a file
    without probability columns, `UsageError` for another strategy.
    """
    if by not in STRATEGIES:
        raise UsageError(f"--by {by}: choose one of: {', '.join(STRATEGIES)}")
    texts, guesses, margins = _read(path, text_column)
    random = np.random.default_rng(seed).random(len(margins))
    order = np.argsort(margins + 1e-9 * random if by == "uncertainty" else random)
    chosen = _distinct(texts, guesses, order, rows, stratified=by == "uncertainty")
    picked = pa.array(chosen, pa.int64())
    return pa.table({"text": texts.take(picked), "guess": guesses.take(picked)})


def _read(
    path: str, text_column: str | None
) -> tuple[pa.LargeStringArray, pa.StringArray, np.ndarray]:
    parts = list(_scored_chunks(path, text_column))
    if not parts:
        raise InputError(f"{path} has no scored row")
    texts, guesses, margins = zip(*parts, strict=True)
    return pa.concat_arrays(texts), pa.concat_arrays(guesses), np.concatenate(margins)


def _scored_chunks(
    path: str, text_column: str | None
) -> Iterator[tuple[pa.LargeStringArray, pa.StringArray, np.ndarray]]:
    column: TextColumn | None = None
    with open_table(path, format_of(path), CsvOptions()) as reader:
        for chunk in reader.chunks(CHUNK_ROWS, CHUNK_BYTES):
            table = chunk.table
            names = [name for name in table.schema.names if name.startswith(PROBABILITY)]
            if len(names) < 2:
                raise InputError(f"{path} has no columns {PROBABILITY}…", "Score it first")
            if column is None:
                column = locate_text(table.drop(names), text_column, "text")
            columns = [_numbers(table.column(name)) for name in names]
            probabilities = np.stack(columns, axis=1)
            scored = np.flatnonzero(~np.isnan(probabilities).any(axis=1))
            highest = np.sort(probabilities[scored], axis=1)[:, -2:]
            classes = np.array([name.removeprefix(PROBABILITY) for name in names], object)
            guesses = pa.array(classes[probabilities[scored].argmax(axis=1)], pa.string())
            texts = column.texts(table, chunk.first_row)
            yield texts.take(pa.array(scored)), guesses, highest[:, 1] - highest[:, 0]


def _numbers(column: pa.ChunkedArray) -> np.ndarray:
    """Return a column of numbers, which a CSV has as text, as float64 with NaN for nulls."""
    if pa.types.is_floating(column.type):
        return np.asarray(column.cast(pa.float64()).to_numpy())
    cells = column.to_pylist()
    return np.array([float(cell) if cell else np.nan for cell in cells])


def _distinct(
    texts: pa.LargeStringArray,
    guesses: pa.StringArray,
    order: np.ndarray,
    rows: int,
    stratified: bool,
) -> list[int]:
    """Return the first rows of an order of which no two texts are alike, by turns of each class."""
    codes = text_codes(texts)[order]
    firsts = np.sort(np.unique(codes, return_index=True)[1])
    candidates = order[firsts][: CANDIDATES * rows]
    near = find_duplicates(texts.take(pa.array(candidates))).near
    kept = candidates[np.sort(np.unique(near, return_index=True)[1])].tolist()
    queues: dict[str, list[int]] = {}
    for at in kept:
        queues.setdefault(guesses[at].as_py() if stratified else "", []).append(at)
    chosen: list[int] = []
    for turn in range(max(map(len, queues.values()), default=0)):
        chosen += [queue[turn] for queue in queues.values() if turn < len(queue)]
    return chosen[:rows]
