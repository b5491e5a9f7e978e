import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch.nn.utils.rnn import pack_padded_sequence

from scorer.errors import UsageError
from scorer.network.batching import Batch, padded
from scorer.network.model import CELLS, POOLINGS, ModelConfig, TextClassifier
from scorer.tokens.encoding import Encoded
from scorer.tokens.vocabulary import PAD_ID
from scorer.training.gradients import has_fast_bfloat16

token = st.integers(2, 29)
some_texts = st.lists(st.lists(token, min_size=1, max_size=12), min_size=1, max_size=8)


def model_of(cell: str = "lstm", pooling: str = "concat", classes: int = 2) -> TextClassifier:
    torch.manual_seed(5)
    return TextClassifier(ModelConfig(30, classes, 6, 7, cell, pooling)).eval()


def batch_of(texts: list[list[int]], wider: int = 0) -> Batch:
    """Return the texts as a batch, longest first, with some more steps of padding."""
    texts = sorted(texts, key=len, reverse=True)
    offsets = np.concatenate([[0], np.cumsum([len(text) for text in texts])])
    batch = padded(Encoded(np.concatenate(texts).astype(np.int32), offsets), np.arange(len(texts)))
    ids = torch.nn.functional.pad(batch.ids, (0, wider), value=PAD_ID)
    return Batch(batch.rows, ids, batch.lengths)


def packed_states(model: TextClassifier, batch: Batch) -> torch.Tensor:
    """Return each text's last state as torch's packed layer has it: the lecture's own way."""
    embedded = model.embedding(batch.ids)
    _, last = model.recurrent(pack_padded_sequence(embedded, batch.lengths, batch_first=True))
    return (last[0] if isinstance(last, tuple) else last)[0]


@pytest.mark.parametrize("pooling", POOLINGS)
@pytest.mark.parametrize("cell", CELLS)
@given(texts=some_texts, wider=st.integers(0, 5))
@torch.inference_mode()
def test_padding_and_neighbours_never_reach_the_logits(cell, pooling, texts, wider):
    model = model_of(cell, pooling)
    together = model(batch_of(texts, wider))
    alone = torch.cat([model(batch_of([text])) for text in sorted(texts, key=len, reverse=True)])
    torch.testing.assert_close(together, alone, rtol=0, atol=1e-6)


@pytest.mark.parametrize("cell", CELLS)
@given(texts=some_texts)
@torch.inference_mode()
def test_the_last_state_is_the_one_of_the_packed_layer(cell, texts):
    model, batch = model_of(cell, "last"), batch_of(texts, wider=3)
    states = model.states(model.embedding(batch.ids), batch.lengths)
    pooled = model.pool(states, batch.lengths)
    torch.testing.assert_close(pooled, packed_states(model, batch), rtol=0, atol=1e-6)


def test_concat_is_last_then_maximum_then_mean_of_the_text_alone():
    states = torch.tensor([[[1.0], [5.0], [3.0]], [[-4.0], [-2.0], [99.0]]])
    model = TextClassifier(ModelConfig(5, 2, 3, 1))
    pooled = model.pool(states, torch.tensor([3, 2]))
    assert pooled.tolist() == [[3, 5, 3], [-2, -2, -3]]


def test_last_takes_each_texts_own_last_state():
    states = torch.tensor([[[1.0], [2.0], [3.0]], [[4.0], [5.0], [99.0]]])
    model = TextClassifier(ModelConfig(5, 2, 3, 1, pooling="last"))
    assert model.pool(states, torch.tensor([3, 2])).tolist() == [[3], [5]]


@pytest.mark.parametrize("classes", [2, 5])
def test_there_is_a_float32_logit_for_each_class(classes):
    logits = model_of(classes=classes)(batch_of([[2, 3], [4]]))
    assert (logits.shape, logits.dtype) == ((2, classes), torch.float32)


@pytest.mark.skipif(not has_fast_bfloat16(torch.device("cpu")), reason="no bfloat16 here")
def test_logits_are_float32_under_autocast():
    with torch.autocast("cpu", torch.bfloat16):
        assert model_of()(batch_of([[2, 3], [4]])).dtype == torch.float32


@pytest.mark.parametrize("pooling", POOLINGS)
def test_the_padding_token_learns_nothing(pooling):
    model = model_of(pooling=pooling)
    model(batch_of([[2, 3, 4], [5]])).sum().backward()
    gradient = model.embedding.weight.grad
    assert gradient[PAD_ID].abs().max() == 0
    assert gradient[5].abs().max() > 0


@pytest.mark.parametrize("setting", ["cell", "pooling"])
def test_an_unknown_choice_is_told_with_the_choices(setting):
    with pytest.raises(UsageError, match=f"no {setting} 'lsmt'; choose one of: l"):
        ModelConfig(30, 2, **{setting: "lsmt"})
