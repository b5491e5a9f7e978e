"""Packed batches of texts of like length, for scoring: no step is spent on padding.

Knows lengths and rows, not texts or models. Rows without a token never get into a batch: packing
refuses them, and they have no probability.
"""

from dataclasses import dataclass

import numpy as np
import torch

from scorer.tokens.encoding import Encoded


def length_sorted(
    lengths: np.ndarray, batch_size: int, token_budget: int, shares: int = 1
) -> list[np.ndarray]:
    """Return the rows of each batch, longest texts first; rows of length 0 are in none.

    A batch holds at most `batch_size` rows and, padded, `token_budget` tokens, but at least a row.
    Nor does it hold more than 1 / `shares` of all tokens, so that as many threads finish together.
    """
    order = np.argsort(-lengths, kind="stable")
    order = order[: np.count_nonzero(lengths)]
    before = np.concatenate([[0], np.cumsum(lengths[order])])  # tokens before each text
    batches, start = [], 0
    while start < len(order):
        fitting = max(1, token_budget // int(lengths[order[start]]))
        full = int(np.searchsorted(before, before[start] + before[-1] / shares))
        stop = min(start + min(batch_size, fitting), full)
        batches.append(order[start:stop])
        start = stop
    return batches


@dataclass(frozen=True)
class PackedIds:
    """Texts laid out step by step, as `torch.nn.utils.rnn.PackedSequence` has them."""

    rows: np.ndarray  # int64 (batch,)
    ids: torch.Tensor  # int64 (tokens,): the first token of every text, then every second, …
    sizes: np.ndarray  # int64 (time,): how many texts have a token at each step, never rising
    lengths: np.ndarray  # int64 (batch,)


def packed(encoded: Encoded, rows: np.ndarray) -> PackedIds:
    """Return the texts of `rows` (longest first) step by step, without any padding."""
    lengths = encoded.lengths[rows]
    sizes = len(lengths) - np.searchsorted(lengths[::-1], np.arange(lengths.max()), side="right")
    starts = encoded.offsets[rows]
    steps = np.repeat(np.arange(len(sizes)), sizes)
    within = np.arange(len(steps)) - np.repeat(np.cumsum(sizes) - sizes, sizes)
    ids = encoded.ids[starts[within] + steps].astype(np.int64)
    return PackedIds(rows, torch.from_numpy(ids), sizes, lengths)


def in_row_order(
    batches: list[np.ndarray], values: list[np.ndarray], rows: int, width: int
) -> np.ndarray:
    """Return float32 (rows, width): each batch's values at its rows, NaN where there is none."""
    restored = np.full((rows, width), np.nan, dtype=np.float32)
    for batch, batch_values in zip(batches, values, strict=True):
        restored[batch] = batch_values
    return restored
