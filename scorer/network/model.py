"""The classifier of the lecture: embedding, recurrent layer, pooling, dropout, one logit a class.

Source: STAT453 L15.7 (S. Raschka); pooling "concat" after Howard & Ruder 2018 (ULMFiT).
Knows nothing of text, vocabularies, batches' order or how it was trained.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
from torch import nn
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

from scorer.errors import UsageError

if TYPE_CHECKING:
    from scorer.network.batching import Batch

CELLS = ("lstm", "gru", "rnn", "rnn-relu")  # rnn: tanh
POOLINGS = ("last", "concat")


@dataclass(frozen=True)
class ModelConfig:
    """Everything needed to build the network; recorded in the bundle."""

    vocabulary_size: int
    classes: int
    embedding_dim: int = 128
    hidden_dim: int = 256
    cell: str = "lstm"
    pooling: str = "concat"
    dropout: float = 0.5

    def __post_init__(self) -> None:
        if self.cell not in CELLS:
            raise UsageError(f"no cell {self.cell!r}; choose one of: {', '.join(CELLS)}")
        if self.pooling not in POOLINGS:
            raise UsageError(f"no pooling {self.pooling!r}; choose one of: {', '.join(POOLINGS)}")

    @property
    def pooled_dim(self) -> int:
        """Width of what the linear layer reads."""
        return self.hidden_dim * (3 if self.pooling == "concat" else 1)


class TextClassifier(nn.Module):
    """ids and lengths of a batch -> logits float32 (batch, classes); padding never reaches them."""

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        self.config = config
        self.embedding = nn.Embedding(config.vocabulary_size, config.embedding_dim)
        self.recurrent = _recurrent_layer(config)
        self.output = nn.Linear(config.pooled_dim, config.classes)

    def forward(self, batch: "Batch") -> torch.Tensor:
        """Return the logits of a batch of padded texts of at least one token each."""
        return self.classify(self.embedding(batch.ids), batch.lengths)

    def classify(
        self, embedded: torch.Tensor, lengths: torch.Tensor, mask: torch.Tensor | None = None
    ) -> torch.Tensor:
        """Return logits (batch, classes) of embedded texts (batch, time, embedding_dim).

        `mask` (batch, pooled_dim) is the dropout mask, sampled by the caller; None is no dropout.
        """
        pooled = self.pool(self.states(embedded, lengths), lengths)
        logits: torch.Tensor = self.output(pooled if mask is None else pooled * mask)
        return logits.float()

    def states(self, embedded: torch.Tensor, lengths: torch.Tensor) -> torch.Tensor:
        """Return the hidden states (batch, time, hidden_dim); values past a length are undefined.

        CUDA runs packed sequences through cuDNN. On a CPU PyTorch has a fast kernel for unpacked
        input only, and as the layer has one direction, states up to a text's end are the same.
        """
        if not embedded.is_cuda:
            output: torch.Tensor = self.recurrent(embedded)[0]
            return output
        packed = pack_padded_sequence(embedded, lengths.cpu(), batch_first=True)
        states, _ = self.recurrent(packed)
        return pad_packed_sequence(states, batch_first=True, total_length=embedded.shape[1])[0]

    def pool(self, states: torch.Tensor, lengths: torch.Tensor) -> torch.Tensor:
        """Return (batch, pooled_dim): a text's own last state, or its last, max and mean."""
        rows = torch.arange(len(lengths), device=states.device)
        last = states[rows, lengths - 1]  # (batch, hidden)
        if self.config.pooling == "last":
            return last
        steps = torch.arange(states.shape[1], device=states.device)
        padding = (steps >= lengths[:, None])[:, :, None]  # (batch, time, 1)
        highest = states.masked_fill(padding, -torch.inf).amax(dim=1)
        mean = states.masked_fill(padding, 0).sum(dim=1, dtype=torch.float32) / lengths[:, None]
        return torch.cat([last.float(), highest.float(), mean], dim=1)


def _recurrent_layer(config: ModelConfig) -> nn.RNNBase:
    sizes = (config.embedding_dim, config.hidden_dim)
    if config.cell == "lstm":
        return nn.LSTM(*sizes, batch_first=True)
    if config.cell == "gru":
        return nn.GRU(*sizes, batch_first=True)
    nonlinearity = "relu" if config.cell == "rnn-relu" else "tanh"
    return nn.RNN(*sizes, batch_first=True, nonlinearity=nonlinearity)
