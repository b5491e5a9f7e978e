import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from scorer.network import recurrence
from scorer.network.batching import padded
from scorer.network.folded_lstm import FoldedLstm, FoldedWeights
from scorer.network.model import CELLS, POOLINGS, ModelConfig, TextClassifier
from scorer.network.packing import length_sorted, packed
from scorer.network.recurrence import PackedLayer
from scorer.tokens.encoding import Encoded

VOCABULARY = 40
some_lengths = st.lists(st.integers(1, 25), min_size=1, max_size=9)


def model_of(cell: str, pooling: str) -> TextClassifier:
    torch.manual_seed(11)
    return TextClassifier(ModelConfig(VOCABULARY, 2, 6, 10, cell, pooling)).eval()


def encoded_of(lengths: list[int]) -> tuple[Encoded, np.ndarray]:
    """Return texts of these lengths, and their rows with the longest first."""
    ids = np.random.default_rng(sum(lengths)).integers(0, VOCABULARY, sum(lengths))
    offsets = np.concatenate([[0], np.cumsum(lengths)])
    (rows,) = length_sorted(np.array(lengths), len(lengths), 10**6)
    return Encoded(ids.astype(np.int32), offsets), rows


def padded_states(model: TextClassifier, encoded: Encoded, rows: np.ndarray) -> torch.Tensor:
    batch = padded(encoded, rows)
    return model.pool(model.states(model.embedding(batch.ids), batch.lengths), batch.lengths)


@pytest.mark.parametrize("pooling", POOLINGS)
@given(lengths=some_lengths)
@torch.inference_mode()
def test_the_folded_lstm_is_the_lstm(pooling, lengths):
    model = model_of("lstm", pooling)
    encoded, rows = encoded_of(lengths)
    folded = FoldedLstm(FoldedWeights.of(model)).pooled(packed(encoded, rows))
    expected = padded_states(model, encoded, rows)
    assert folded.dtype == torch.float32
    torch.testing.assert_close(folded, expected, rtol=0, atol=1e-6)


@pytest.mark.parametrize("pooling", POOLINGS)
@pytest.mark.parametrize("cell", CELLS)
@given(lengths=some_lengths)
@torch.inference_mode()
def test_the_packed_layer_is_the_padded_one(cell, pooling, lengths):
    model = model_of(cell, pooling)
    encoded, rows = encoded_of(lengths)
    found = PackedLayer(model).pooled(packed(encoded, rows))
    torch.testing.assert_close(found, padded_states(model, encoded, rows), rtol=0, atol=1e-6)


@pytest.mark.parametrize("pooling", POOLINGS)
@pytest.mark.parametrize("cell", CELLS)
@pytest.mark.parametrize("steps", [1, 4, 25])
@torch.inference_mode()
def test_the_packed_layer_is_the_same_whatever_steps_are_taken_at_a_time(
    monkeypatch, cell, pooling, steps
):
    monkeypatch.setattr(recurrence, "STEPS", steps)
    model = model_of(cell, pooling)
    encoded, rows = encoded_of([25, 9, 8, 8, 4, 1])
    found = PackedLayer(model).pooled(packed(encoded, rows))
    torch.testing.assert_close(found, padded_states(model, encoded, rows), rtol=0, atol=1e-6)


@torch.inference_mode()
def test_the_folded_lstm_stays_exact_over_a_long_text():
    model = model_of("lstm", "concat")
    encoded, rows = encoded_of([3000, 2, 900])
    folded = FoldedLstm(FoldedWeights.of(model)).pooled(packed(encoded, rows))
    torch.testing.assert_close(folded, padded_states(model, encoded, rows), rtol=0, atol=1e-6)


@torch.inference_mode()
def test_the_folded_lstm_stays_exact_where_gates_saturate():
    model = model_of("lstm", "concat")
    for weight in model.recurrent.parameters():
        weight.mul_(30)
    encoded, rows = encoded_of([20, 5, 1])
    folded = FoldedLstm(FoldedWeights.of(model)).pooled(packed(encoded, rows))
    torch.testing.assert_close(folded, padded_states(model, encoded, rows), rtol=0, atol=1e-5)


@pytest.mark.parametrize(
    ("precision", "tolerance"), [("bfloat16", 0.03), ("float16", 0.005), ("int8", 0.03)]
)
@torch.inference_mode()
def test_reduced_precision_stays_near(precision, tolerance):
    model = model_of("lstm", "concat")
    encoded, rows = encoded_of([40, 12, 12, 3, 1])
    reduced = FoldedLstm(FoldedWeights.of(model), precision).pooled(packed(encoded, rows))
    assert reduced.dtype == torch.float32
    expected = padded_states(model, encoded, rows)
    torch.testing.assert_close(reduced, expected, rtol=0, atol=tolerance)


@torch.inference_mode()
def test_cudnn_never_rounds_float32_to_tf32():
    """On the CPU too the settings are those that cuDNN would obey."""
    model, seen = model_of("lstm", "concat"), []
    settings = torch.backends.cudnn

    def note(*_: object) -> None:
        seen.append((settings.enabled, settings.deterministic, settings.allow_tf32))

    model.recurrent.register_forward_hook(note)
    encoded, rows = encoded_of([4, 2])
    before = settings.allow_tf32
    PackedLayer(model).pooled(packed(encoded, rows))
    assert seen == [(True, True, False)]
    assert settings.allow_tf32 == before


@pytest.mark.cuda
@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device")
@pytest.mark.parametrize("pooling", POOLINGS)
@torch.inference_mode()
def test_the_packed_layer_on_cuda_is_the_one_on_the_cpu(pooling):
    model = model_of("lstm", pooling)
    encoded, rows = encoded_of([40, 12, 12, 3, 1])
    expected = padded_states(model, encoded, rows)
    found = PackedLayer(model.to("cuda")).pooled(packed(encoded, rows))
    torch.testing.assert_close(found.cpu(), expected, rtol=0, atol=1e-5)
