"""A column of texts -> class probabilities: the one path of training's evaluation and the job.

Knows the encoder, the model and the machine; nothing of files, tables or how it was trained.
"""

import os
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import lru_cache
from typing import Protocol

import numpy as np
import pyarrow as pa
import torch

from scorer.network.cuda_batches import CudaBatches, tokens_for
from scorer.network.folded_lstm import FoldedLstm, FoldedWeights
from scorer.network.fused_lstm import fused_lstms
from scorer.network.linear import LinearTerm
from scorer.network.model import TextClassifier
from scorer.network.packing import in_row_order, length_sorted, packed
from scorer.network.precision import check_precision
from scorer.network.recurrence import PackedLayer, Recurrence
from scorer.tokens.encoding import Encoded, TextEncoder
from scorer.tokens.vocabulary import UNKNOWN_ID
from scorer.tokens.workers import EncodingWorkers

CORES = torch.get_num_threads()  # now: later threads see what a pool has set
BATCH_STATES = 1 << 16  # rows times hidden size: a step's states stay in a core's cache
LEAST_ROWS, MOST_ROWS = 256, 1024  # of a batch; oneDNN keeps a program for every 16 rows
TOKEN_BUDGET = 1 << 20  # tokens of a padded batch
EXACT = "float32"
NEAR_TIE = 0.1  # between a text's two highest logits: a nearer way takes it from integers
TIE_ERRORS = 4  # a near tie is so many times the error of integers on known texts,
LEAST_TIE = {"int8": 0.02, "int16": 0.005}  # and at least this


@dataclass(frozen=True)
class Prediction:
    """Class probabilities of a column of texts, and how many tokens they rest on."""

    probabilities: np.ndarray  # float32 (rows, classes); NaN where the text has no token
    tokens: np.ndarray  # int32 (rows,); 0: null or blank
    unknown: np.ndarray  # int32 (rows,): tokens that the vocabulary does not have


class Predicts(Protocol):
    """What scores a column of texts: a `Predictor` here, or an engine that has others do it."""

    classes: tuple[str, ...]
    engine: str

    @property
    def score_settings(self) -> Mapping[str, str]:
        """Every setting, beside bundle and text, that a score depends on."""

    def encode(self, texts: pa.LargeStringArray) -> Encoded:
        """Return the token ids of texts."""

    def predict(self, encoded: Encoded) -> Prediction:
        """Return the probabilities of encoded texts, in their order."""

    def close(self) -> None:
        """End what was started for it."""


class Predictor:
    """Encoder, model and temperature on one device, in one precision."""

    def __init__(
        self,
        encoder: TextEncoder | EncodingWorkers,
        model: TextClassifier,
        classes: tuple[str, ...],
        temperature: float = 1.0,
        precision: str = "float32",
        device: str = "cpu",
        linear: LinearTerm | None = None,
        fused: bool = True,
    ) -> None:
        """Build a predictor; `fused`: integers in the fused kernel, where this machine can.

        16-bit integers are in the kernel alone; where it cannot run, float32 serves them.
        """
        check_precision(precision)
        self.classes = classes
        self._encoder = encoder
        self.temperature = temperature
        self._linear = linear
        self._device = torch.device(device)
        self._model = model.to(self._device).eval()
        self._ways = self._recurrences(precision, fused or precision == "int16")
        self.precision = next(iter(self._ways))
        self.near_ties = {way: NEAR_TIE for way in self._ways if way in LEAST_TIE}
        self._cuda_batches = (
            CudaBatches(tokens_for(model.config)) if self._device.type == "cuda" else None
        )
        self.engine = f"{self._ways[self.precision].name}, {device}"

    def close(self) -> None:
        """End the worker processes, if there are any."""
        if isinstance(self._encoder, EncodingWorkers):
            self._encoder.close()

    @property
    def score_settings(self) -> dict[str, str]:
        """Every setting, beside bundle and text, that a score depends on."""
        settings = {"precision": self.precision, "device": self._device.type}
        fused = {"kernel": "fused"} if "fused" in self.engine else {}
        return {**settings, **fused}

    def encode(self, texts: pa.LargeStringArray) -> Encoded:
        """Return the token ids of texts."""
        return self._encoder.encode(texts)

    def predict(self, encoded: Encoded) -> Prediction:
        """Return the probabilities of encoded texts, in their order."""
        logits = self.logits(encoded).astype(np.float64) / self.temperature
        exponents = np.exp(logits - logits.max(axis=1, keepdims=True))
        probabilities = exponents / exponents.sum(axis=1, keepdims=True)
        return Prediction(
            probabilities.astype(np.float32),
            encoded.lengths.astype(np.int32),
            _count_unknown(encoded),
        )

    def logits(self, encoded: Encoded) -> np.ndarray:
        """Return float32 (rows, classes); NaN for a text without a token."""
        lengths, near = encoded.lengths, np.ones(len(encoded), bool)
        linear = 0.0 if self._linear is None else self._linear.logits(encoded)
        logits = np.full((len(encoded), len(self.classes)), np.nan, np.float32)
        for precision, way in self._ways.items():
            scored = self._scored(encoded, np.where(near, lengths, 0), way) + linear
            logits = np.where(near[:, None], scored, logits)
            near &= _gaps(logits) < self.near_ties.get(precision, 0.0)
        return logits

    def narrow_near_ties(self, encoded: Encoded) -> None:
        """Take for near what the integers' errors on these texts make doubtful, `NEAR_TIE` at most.

        The texts are the bundle's, so what is near depends on the bundle and the machine alone.
        """
        if not self.near_ties:
            return
        exact = self._scored(encoded, encoded.lengths, self._ways[EXACT])
        for precision in self.near_ties:
            rounded = self._scored(encoded, encoded.lengths, self._ways[precision])
            errors = np.nan_to_num(np.ptp(rounded - exact, axis=1))  # of differences of two logits
            doubtful = max(LEAST_TIE[precision], TIE_ERRORS * float(errors.max(initial=0.0)))
            self.near_ties[precision] = min(NEAR_TIE, doubtful)

    def _scored(self, encoded: Encoded, lengths: np.ndarray, recurrence: Recurrence) -> np.ndarray:
        """Return the logits of the rows whose length is not 0, NaN for the others."""

        def score(rows: np.ndarray) -> torch.Tensor:
            exact = torch.autocast(self._device.type, enabled=False)  # whatever the caller is in
            with torch.inference_mode(), exact:
                pooled = recurrence.pooled(packed(encoded, rows))
                logits: torch.Tensor = self._model.output(pooled)
                return logits.float()

        if self._cuda_batches is not None:
            batches, values = self._cuda_batches.run(lengths, score)
        else:
            batches, values = _on_cores(lengths, batch_rows(self._model.config.hidden_dim), score)
        return in_row_order(batches, values, len(encoded), len(self.classes))

    def _recurrences(self, precision: str, fused: bool) -> dict[str, Recurrence]:
        """Return the way of a precision, and the nearer ones that near ties are left to."""
        config = self._model.config
        if self._device.type != "cpu" or config.cell != "lstm":
            return {precision: PackedLayer(self._model, precision)}
        with torch.inference_mode():
            weights = FoldedWeights.of(self._model)
            if precision not in LEAST_TIE:
                return {precision: FoldedLstm(weights, precision)}
            return {**_integer_ways(weights, precision, fused), EXACT: FoldedLstm(weights)}


def _integer_ways(weights: FoldedWeights, precision: str, fused: bool) -> dict[str, Recurrence]:
    """Return the ways in integers from this precision on, the nearer ones last.

    Without the kernel there are 8 bits alone.
    """
    wanted = ("int8", "int16") if precision == "int8" else ("int16",)
    ways: dict[str, Recurrence] = {**fused_lstms(weights, wanted)} if fused else {}
    if precision == "int8" and "int8" not in ways:
        return {"int8": FoldedLstm(weights, "int8"), **ways}
    return ways


def batch_rows(hidden_dim: int) -> int:
    """Return how many rows a batch on a CPU has at most."""
    return min(MOST_ROWS, max(LEAST_ROWS, BATCH_STATES // hidden_dim))


def _on_cores(
    lengths: np.ndarray, rows: int, score: Callable[[np.ndarray], torch.Tensor]
) -> tuple[list[np.ndarray], list[np.ndarray]]:
    """Return batches and their logits; a core takes a batch, as small steps share badly."""
    batches = length_sorted(lengths, rows, TOKEN_BUDGET, CORES)
    return batches, [values.numpy() for values in _threads(CORES).map(score, batches)]


@lru_cache(maxsize=1)
def _threads(cores: int) -> ThreadPoolExecutor:
    """Return this process's pool; kept, as new threads a chunk would each leave memory behind."""
    return ThreadPoolExecutor(cores, "core", torch.set_num_threads, (1,))


os.register_at_fork(after_in_child=_threads.cache_clear)  # threads are not forked along


def _gaps(logits: np.ndarray) -> np.ndarray:
    """Return float32 (rows,): how far a text's two highest logits are from each other."""
    highest = np.partition(logits, -2, axis=1)[:, -2:]
    return np.asarray(np.diff(highest, axis=1)[:, 0])


def _count_unknown(encoded: Encoded) -> np.ndarray:
    """Return int32 (rows,): how many of a text's tokens are unknown."""
    before = np.concatenate([[0], np.cumsum(encoded.ids == UNKNOWN_ID)])
    return np.asarray(np.diff(before[encoded.offsets]), np.int32)
