"""A column of texts -> class probabilities: the one path of training's evaluation and the job.

Knows the encoder, the model and the machine; nothing of files, tables or how it was trained.
"""

from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import torch

from scorer.batching import PackedIds, in_row_order, length_sorted, packed
from scorer.encoding import UNKNOWN_ID, Encoded, TextEncoder
from scorer.errors import UsageError
from scorer.model import TextClassifier
from scorer.recurrence import FoldedLstm, PackedLayer, Recurrence

if TYPE_CHECKING:
    from scorer.bundle import Bundle

BATCH_ROWS = {"cpu": 256, "cuda": 2048}
TOKEN_BUDGET = 1 << 20  # tokens of a padded batch
PRECISIONS = {"float32": torch.float32, "bfloat16": torch.bfloat16, "float16": torch.float16}


@dataclass(frozen=True)
class Prediction:
    """What is said of each text of a column."""

    probabilities: np.ndarray  # float32 (rows, classes); NaN where the text has no token
    tokens: np.ndarray  # int32 (rows,); 0: null or blank
    unknown: np.ndarray  # int32 (rows,): tokens that the vocabulary does not have


class Predictor:
    """Encoder, model and temperature on one device."""

    def __init__(
        self,
        encoder: TextEncoder,
        model: TextClassifier,
        classes: tuple[str, ...],
        temperature: float = 1.0,
        precision: str = "float32",
        device: str = "cpu",
    ) -> None:
        self.classes = classes
        self.precision = precision
        self._encoder = encoder
        self._temperature = temperature
        self._device = torch.device(device)
        self._model = model.to(self._device).eval()
        self._recurrence = self._fastest_recurrence(_dtype(precision))
        self.engine = f"{self._recurrence.name}, {device}"

    @classmethod
    def from_bundle(
        cls, bundle: "Bundle", precision: str = "float32", device: str = "auto"
    ) -> "Predictor":
        """Return the predictor of a loaded bundle; `auto` takes CUDA where there is one."""
        if device == "auto":
            device = "cuda" if torch.cuda.is_available() else "cpu"
        encoder = TextEncoder(bundle.rules, bundle.vocabulary, bundle.remembered)
        return cls(encoder, bundle.model(), bundle.classes, bundle.temperature, precision, device)

    @property
    def score_settings(self) -> dict[str, str]:
        """Every setting, beside bundle and text, that a score depends on."""
        return {"precision": self.precision, "device": self._device.type}

    def encode(self, texts: pa.LargeStringArray) -> Encoded:
        """Return the token ids of texts."""
        return self._encoder.encode(texts)

    def predict(self, encoded: Encoded) -> Prediction:
        """Return the probabilities of encoded texts, in their order."""
        logits = self.logits(encoded).astype(np.float64) / self._temperature
        exponents = np.exp(logits - logits.max(axis=1, keepdims=True))
        probabilities = exponents / exponents.sum(axis=1, keepdims=True)
        return Prediction(
            probabilities.astype(np.float32),
            encoded.lengths.astype(np.int32),
            _count_unknown(encoded),
        )

    def logits(self, encoded: Encoded) -> np.ndarray:
        """Return float32 (rows, classes); NaN for a text without a token."""
        batch_rows = BATCH_ROWS[self._device.type]
        batches = length_sorted(encoded.lengths, batch_rows, TOKEN_BUDGET)
        work = (packed(encoded, rows) for rows in batches)
        return in_row_order(batches, self._run(work), len(encoded), len(self.classes))

    def _run(self, batches: Iterable[PackedIds]) -> list[np.ndarray]:
        """Return each batch's logits; on a CPU a core takes a batch, as small steps share badly."""
        if self._device.type != "cpu":
            return [self._batch_logits(batch) for batch in batches]
        cores = torch.get_num_threads()
        with ThreadPoolExecutor(cores, initializer=torch.set_num_threads, initargs=(1,)) as pool:
            return list(pool.map(self._batch_logits, batches))

    def _batch_logits(self, batch: PackedIds) -> np.ndarray:
        with torch.inference_mode():
            pooled = self._recurrence.pooled(batch)
            return self._model.output(pooled.float()).float().cpu().numpy()

    def _fastest_recurrence(self, dtype: torch.dtype) -> Recurrence:
        if self._device.type == "cpu" and self._model.config.cell == "lstm":
            with torch.inference_mode():
                return FoldedLstm(self._model, dtype)
        if dtype != torch.float32:
            self._model.embedding.to(dtype)
            self._model.recurrent.to(dtype)
        return PackedLayer(self._model)


def _dtype(precision: str) -> torch.dtype:
    if precision not in PRECISIONS:
        choices = ", ".join(PRECISIONS)
        raise UsageError(f"no precision {precision!r}; choose one of: {choices}")
    return PRECISIONS[precision]


def _count_unknown(encoded: Encoded) -> np.ndarray:
    """Return int32 (rows,): how many of a text's tokens are unknown."""
    before = np.concatenate([[0], np.cumsum(encoded.ids == UNKNOWN_ID)])
    return np.diff(before[encoded.offsets]).astype(np.int32)
