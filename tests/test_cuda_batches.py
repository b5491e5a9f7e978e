import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from scorer.network.cuda_batches import CudaBatches, tokens_for
from scorer.network.model import ModelConfig

some_lengths = st.lists(st.integers(0, 50), min_size=1, max_size=80).map(np.array)


NO_MEMORY = torch.cuda.OutOfMemoryError("CUDA out of memory")


class Card:
    """Stands in for a card: takes so many padded tokens, then its memory is out."""

    def __init__(self, lengths: np.ndarray, memory: int, error: Exception = NO_MEMORY) -> None:
        self.lengths, self.memory, self.error = lengths, memory, error
        self.refused = 0

    def score(self, rows: np.ndarray) -> torch.Tensor:
        if len(rows) * self.lengths[rows].max() > self.memory:
            self.refused += 1
            raise self.error
        return torch.from_numpy(rows)[:, None].float()


@given(lengths=some_lengths, memory=st.integers(50, 300), tokens=st.integers(1, 5000))
def test_every_row_is_scored_once_whatever_the_memory(lengths, memory, tokens):
    batches, values = CudaBatches(tokens).run(lengths, Card(lengths, memory).score)
    rows = np.concatenate([np.zeros(0, int), *batches])
    assert sorted(rows.tolist()) == np.flatnonzero(lengths).tolist()
    for batch, scored in zip(batches, values, strict=True):
        assert scored[:, 0].tolist() == batch.tolist()


def test_the_budget_halves_until_batches_fit_and_stays():
    lengths = np.full(640, 10)
    card, batches = Card(lengths, 170), CudaBatches(640)
    batches.run(lengths, card.score)
    assert (batches.tokens, card.refused) == (160, 2)
    batches.run(lengths, card.score)
    assert card.refused == 2


@pytest.mark.parametrize(
    "words", ["cuDNN error: CUDNN_STATUS_ALLOC_FAILED", "CUDA error: out of memory"]
)
def test_cudnn_and_cuda_say_in_words_that_memory_is_out(words):
    lengths = np.full(64, 10)
    card, batches = Card(lengths, 170, RuntimeError(words)), CudaBatches(640)
    assert len(np.concatenate(batches.run(lengths, card.score)[0])) == 64
    assert (batches.tokens, card.refused) == (160, 2)


def test_a_row_that_does_not_fit_alone_is_an_error():
    lengths = np.array([5, 900, 5])
    with pytest.raises(torch.cuda.OutOfMemoryError):
        CudaBatches(10_000).run(lengths, Card(lengths, 100).score)


def test_other_errors_are_not_tried_again():
    def fail(rows: np.ndarray) -> torch.Tensor:
        raise RuntimeError("device lost")

    with pytest.raises(RuntimeError, match="device lost"):
        CudaBatches(100).run(np.array([3, 4]), fail)


def test_the_first_budget_is_half_of_the_free_memory(monkeypatch):
    monkeypatch.setattr(torch.cuda, "mem_get_info", lambda: (16 << 30, 24 << 30))
    config = ModelConfig(20_002, 2)
    assert 500_000 < tokens_for(config) < 2_000_000
    monkeypatch.setattr(torch.cuda, "mem_get_info", lambda: (8 << 30, 24 << 30))
    assert tokens_for(config) < 1_000_000
