"""Batches on a CUDA GPU, as large as its memory takes.

Work on a GPU is queued: while it runs a batch, the next one is packed and copied; scores come
back when all batches are queued. Knows lengths and a function that scores rows, nothing of texts.
"""

from collections import deque
from collections.abc import Callable

import numpy as np
import torch

from scorer.network.model import ModelConfig
from scorer.network.packing import length_sorted

CUDA_ROWS = 4096
SHARE = 0.5  # of the GPU's free memory that one batch may take


def tokens_for(config: ModelConfig) -> int:
    """Return how many tokens a padded batch may have: gates, states and copies for pooling."""
    free, _ = torch.cuda.mem_get_info()
    bytes_per_token = 4 * (config.embedding_dim + 8 * config.hidden_dim)
    return int(free * SHARE) // bytes_per_token


class CudaBatches:
    """Scores rows in batches under a token budget: half of what memory last ran out for."""

    def __init__(self, tokens: int) -> None:
        self.tokens = tokens

    def run(
        self, lengths: np.ndarray, score: Callable[[np.ndarray], torch.Tensor]
    ) -> tuple[list[np.ndarray], list[np.ndarray]]:
        """Return batches and the values of their rows; raises if a single row does not fit."""
        waiting = self._parted(lengths, np.flatnonzero(lengths))
        batches, values = [], []
        while waiting:
            rows = waiting.popleft()
            scored = self._scored(rows, score)
            if scored is None:  # tried again here: the error no longer holds the batch's memory
                self.tokens = max(1, len(rows) * int(lengths[rows[0]]) // 2)
                torch.cuda.empty_cache()
                waiting = self._parted(lengths, np.concatenate([rows, *waiting]))
            else:
                batches.append(rows)
                values.append(scored)
        return batches, [scored.cpu().numpy() for scored in values]

    def _scored(
        self, rows: np.ndarray, score: Callable[[np.ndarray], torch.Tensor]
    ) -> torch.Tensor | None:
        try:
            return score(rows)
        except RuntimeError as error:
            if len(rows) == 1 or not _is_out_of_memory(error):
                raise
        return None

    def _parted(self, lengths: np.ndarray, rows: np.ndarray) -> deque[np.ndarray]:
        """Return batches of these rows under the present budget."""
        of_rows = np.zeros_like(lengths)
        of_rows[rows] = lengths[rows]
        return deque(length_sorted(of_rows, CUDA_ROWS, self.tokens))


def _is_out_of_memory(error: RuntimeError) -> bool:
    """Return whether memory ran out: PyTorch tells by the type, cuDNN and cuBLAS in words."""
    words = ("ALLOC_FAILED", "out of memory")
    return isinstance(error, torch.cuda.OutOfMemoryError) or any(w in str(error) for w in words)
