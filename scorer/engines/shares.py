"""What engines that share out a chunk have in common: shares of its texts, and what joins them.

Knows encoded texts and predictions, nothing of who computes.
"""

from collections.abc import Iterator, Sequence

import numpy as np
import pyarrow as pa

from scorer.bundles.bundle import Bundle
from scorer.errors import UsageError
from scorer.network.inference import Prediction
from scorer.tokens.encoding import Encoded, TextEncoder
from scorer.tokens.workers import EncodingWorkers

SHARES = 4  # of a chunk for each who computes: the last ones to finish have little left
RESTARTS = 2  # for one share, or for loading: what kills three processes kills the next
LEAST_TOKENS = 20_000  # of a share: less is not worth its way


def shares(encoded: Encoded, computing: int) -> Iterator[Encoded]:
    """Yield texts, in their order, in shares of about as many tokens for so many who compute."""
    total = int(encoded.offsets[-1])
    count = max(1, min(SHARES * computing, total // LEAST_TOKENS))
    cuts = np.searchsorted(encoded.offsets, np.arange(1, count) * (total / count)).tolist()
    for start, end in zip([0, *cuts], [*cuts, len(encoded)], strict=True):
        yield encoded.rows(start, end)


class SharingPredictor:
    """The part of a predictor that stays with the run: classes, encoder, what all others agree on.

    Subclasses set `engine`, and have others `predict`.
    """

    engine: str

    def __init__(self, bundle: Bundle, encoder: TextEncoder | EncodingWorkers) -> None:
        self.classes = bundle.classes
        self._encoder = encoder
        self._settings: dict[str, str] = {}

    @property
    def score_settings(self) -> dict[str, str]:
        """Every setting that a score depends on, the same for all who compute."""
        return self._settings

    def encode(self, texts: pa.LargeStringArray) -> Encoded:
        """Return the token ids of texts."""
        return self._encoder.encode(texts)

    def close(self) -> None:
        """End what encodes."""
        if isinstance(self._encoder, EncodingWorkers):
            self._encoder.close()


def check_alike(settings: Sequence[dict[str, str]], who: str) -> None:
    """Raise `UsageError` where some of them score otherwise, as on two unlike GPUs."""
    if any(other != settings[0] for other in settings):
        raise UsageError(f"the {who} score in other precisions", "--precision float32")


def joined(parts: Sequence[Prediction]) -> Prediction:
    """Return the predictions of shares as one."""
    return Prediction(
        np.concatenate([part.probabilities for part in parts]),
        np.concatenate([part.tokens for part in parts]),
        np.concatenate([part.unknown for part in parts]),
    )
