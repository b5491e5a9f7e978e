import numpy as np
import pytest
import torch

from scorer.network.batching import Batch
from scorer.network.model import ModelConfig, TextClassifier
from scorer.tokens.vocabulary import PAD_ID
from scorer.training.gradients import (
    Gradients,
    LabelledBatch,
    Regularisation,
    _adversarial_noise,
)


def test_noise_is_a_share_of_the_text_alone():
    torch.manual_seed(0)
    text, gradient = torch.randn(1, 3, 8), torch.randn(1, 3, 8)
    padded = torch.cat([text, torch.randn(1, 9, 8)], 1)
    gradients = torch.cat([gradient, torch.zeros(1, 9, 8)], 1)
    alone = _adversarial_noise(text, gradient, 0.02)
    torch.testing.assert_close(_adversarial_noise(padded, gradients, 0.02)[:, :3], alone)
    torch.testing.assert_close(alone.norm(), 0.02 * text.norm())


def gradients_with(
    threads: int, word_dropout: float = 0.0, base_logits: torch.Tensor | None = None
) -> list[torch.Tensor]:
    """Return the gradients of one batch, sharded over so many threads."""
    before = torch.get_num_threads()
    torch.set_num_threads(threads)
    try:
        torch.manual_seed(5)
        model = TextClassifier(ModelConfig(50, 2, 6, 8, dropout=0.0))
        lengths = torch.tensor([9, 7, 7, 4, 2])
        ids = torch.randint(2, 50, (5, 9)).masked_fill(torch.arange(9) >= lengths[:, None], PAD_ID)
        how = Regularisation(adversarial=0.02, word_dropout=word_dropout)
        targets = torch.tensor([0, 1, 1, 0, 1])
        batch = LabelledBatch(Batch(np.arange(5), ids, lengths), targets, base_logits)
        result = Gradients(model, how, low_precision=False).set(batch)
        assert 0 < result.loss < 2
        return [parameter.grad for parameter in model.parameters()]
    finally:
        torch.set_num_threads(before)


BASE_LOGITS = torch.tensor([[1.0, -1.0], [-1.0, 1.0], [0.0, 0.0], [0.5, 0.0], [2.0, -1.0]])


@pytest.mark.parametrize("word_dropout", [0.0, 0.3])
@pytest.mark.parametrize("base_logits", [None, BASE_LOGITS])
@pytest.mark.parametrize("threads", [2, 3])
def test_shards_add_up_to_the_gradients_of_one_thread(threads, base_logits, word_dropout):
    alone = gradients_with(1, word_dropout, base_logits)
    shards = gradients_with(threads, word_dropout, base_logits)
    for whole, sharded in zip(alone, shards, strict=True):
        assert whole.abs().max() > 1e-4
        torch.testing.assert_close(sharded, whole, rtol=1e-4, atol=1e-6)


def test_of_what_the_base_logits_know_already_there_is_nearly_nothing_left_to_learn():
    known = 12 * (torch.eye(2)[torch.tensor([0, 1, 1, 0, 1])] - 0.5)
    alone, beside = (
        max(float(gradient.abs().max()) for gradient in gradients_with(1, 0.0, base_logits))
        for base_logits in (None, known)
    )
    assert beside < alone / 1000
