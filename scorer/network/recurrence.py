"""The recurrent layer at scoring time: packed texts -> pooled states, as `TextClassifier.pool`.

`PackedLayer` serves any cell on any device; `folded_lstm.FoldedLstm` is the faster one for an LSTM
on a CPU. Knows no text, vocabulary or classes.
"""

from typing import Protocol

import torch
from torch.nn.utils.rnn import PackedSequence, pad_packed_sequence

from scorer.errors import UsageError
from scorer.network.batching import PackedIds
from scorer.network.model import TextClassifier

DTYPES = {"float32": torch.float32, "bfloat16": torch.bfloat16, "float16": torch.float16}


class Recurrence(Protocol):
    """Packed texts -> pooled states float32 (batch, pooled_dim)."""

    name: str

    def pooled(self, batch: PackedIds) -> torch.Tensor:
        """Return the pooled states of a batch."""


class PackedLayer:
    """The model's own layers over packed sequences, on the device the model is on (cuDNN on CUDA).

    Other precisions than float32 convert the model's layers in place.
    """

    def __init__(self, model: TextClassifier, precision: str = "float32") -> None:
        if precision not in DTYPES:
            raise UsageError(f"{precision} is for an LSTM on a CPU", "--precision float32")
        self.name = f"packed {model.config.cell}, {precision}"
        self._model = model
        model.embedding.to(DTYPES[precision])
        model.recurrent.to(DTYPES[precision])

    def pooled(self, batch: PackedIds) -> torch.Tensor:
        """Return the pooled states float32 (batch, pooled_dim)."""
        sizes, lengths = torch.from_numpy(batch.sizes), torch.from_numpy(batch.lengths)
        embedded = PackedSequence(self._model.embedding(self._moved(batch.ids)), sizes)
        states, _ = pad_packed_sequence(self._model.recurrent(embedded)[0], batch_first=True)
        return self._model.pool(states, self._moved(lengths)).float()

    def _moved(self, tensor: torch.Tensor) -> torch.Tensor:
        """Return a tensor on the model's device; pinned, so that the copy overlaps with work."""
        device = self._model.output.weight.device
        if device.type == "cuda":
            tensor = tensor.pin_memory()
        return tensor.to(device, non_blocking=True)
