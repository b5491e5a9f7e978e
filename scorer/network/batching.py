"""Padded batches of texts of like length, for training.

Knows lengths and rows, not texts or models. Rows without a token never get into a batch.
"""

from dataclasses import dataclass

import numpy as np
import torch

from scorer.tokens.encoding import Encoded
from scorer.tokens.vocabulary import PAD_ID

POOLED_BATCHES = 100  # length-sorted together in training, as torchtext's pool does


@dataclass(frozen=True)
class Batch:
    """Padded texts, longest first."""

    rows: np.ndarray  # int64 (batch,): where each text stands among the encoded ones
    ids: torch.Tensor  # int64 (batch, time), PAD_ID past a text's end
    lengths: torch.Tensor  # int64 (batch,)

    def to(self, device: torch.device) -> "Batch":
        """Return the batch on a device; the copy overlaps where its memory is pinned."""
        ids = self.ids.to(device, non_blocking=True)
        return Batch(self.rows, ids, self.lengths.to(device, non_blocking=True))


def shuffled(lengths: np.ndarray, batch_size: int, rng: np.random.Generator) -> list[np.ndarray]:
    """Return an epoch's batches: rows shuffled, length-sorted within pools, batches shuffled."""
    order = rng.permutation(np.flatnonzero(lengths))
    batches: list[np.ndarray] = []
    for start in range(0, len(order), batch_size * POOLED_BATCHES):
        pool = order[start : start + batch_size * POOLED_BATCHES]
        pool = pool[np.argsort(-lengths[pool], kind="stable")]
        batches += [pool[i : i + batch_size] for i in range(0, len(pool), batch_size)]
    return [batches[i] for i in rng.permutation(len(batches))]


def padded(encoded: Encoded, rows: np.ndarray, max_tokens: int | None = None) -> Batch:
    """Return the texts of `rows` (longest first) as one padded batch, each cut at `max_tokens`."""
    lengths = encoded.lengths[rows]
    if max_tokens is not None:
        lengths = np.minimum(lengths, max_tokens)
    steps = np.arange(lengths.max())
    inside = steps < lengths[:, None]  # (batch, time)
    ids = np.full(inside.shape, PAD_ID, dtype=np.int64)
    ids[inside] = encoded.ids[(encoded.offsets[rows][:, None] + steps)[inside]]
    return Batch(rows, torch.from_numpy(ids), torch.from_numpy(lengths))
