"""A chunk's texts in shares for several machines or processes, and their predictions joined.

Knows encoded texts, nothing of who computes.
"""

from collections.abc import Iterator, Sequence

import numpy as np

from scorer.network.inference import Prediction
from scorer.tokens.encoding import Encoded

SHARES = 4  # of a chunk for each who computes: the last ones to finish have little left
LEAST_TOKENS = 20_000  # of a share: less is not worth its way


def shares(encoded: Encoded, computing: int) -> Iterator[Encoded]:
    """Yield texts, in their order, in shares of about as many tokens for so many who compute."""
    total = int(encoded.offsets[-1])
    count = max(1, min(SHARES * computing, total // LEAST_TOKENS))
    cuts = np.searchsorted(encoded.offsets, np.arange(1, count) * (total / count)).tolist()
    for start, end in zip([0, *cuts], [*cuts, len(encoded)], strict=True):
        yield encoded.rows(start, end)


def joined(parts: Sequence[Prediction]) -> Prediction:
    """Return the predictions of shares as one."""
    return Prediction(
        np.concatenate([part.probabilities for part in parts]),
        np.concatenate([part.tokens for part in parts]),
        np.concatenate([part.unknown for part in parts]),
    )
