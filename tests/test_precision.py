from dataclasses import replace

import numpy as np
import pyarrow as pa
import pytest
import torch

from scorer.bundles.bundle_files import load_bundle
from scorer.bundles.golden import GoldenRows
from scorer.bundles.predictor import load_predictor
from scorer.cli.score import PRECISIONS as OFFERED
from scorer.errors import BundleError, UsageError
from scorer.network import fused_lstm, inference, precision
from scorer.network.fused_lstm import has_kernel
from scorer.network.inference import Predictor
from scorer.network.model import ModelConfig, TextClassifier
from scorer.network.precision import fast_precisions, multiplies_bytes, to_try
from scorer.tokens.encoding import TextEncoder

LSTM, GRU = ModelConfig(50, 2), ModelConfig(50, 2, cell="gru")


@pytest.fixture(scope="module")
def bundle(tiny_bundle):
    return load_bundle(tiny_bundle)


@pytest.fixture
def machine(monkeypatch):
    """Set what PyTorch says of the CPU, and whether there is a kernel for its 16-bit integers."""

    def has(*features: str) -> None:
        monkeypatch.setattr(precision, "_cpu_has", lambda feature: feature in features)
        monkeypatch.setattr(precision, "has_kernel", lambda name, _: name in features)

    return has


def logits(predictor: Predictor, texts: list[str]) -> np.ndarray:
    return predictor.logits(predictor.encode(pa.array(texts, pa.large_string())))


def test_auto_tries_the_fastest_first_and_float32_last(machine):
    machine("avx512_bf16")
    assert to_try("auto", LSTM, "cpu") == ("bfloat16", "float32")
    machine()
    assert to_try("auto", LSTM, "cpu") == ("float32",)


def test_the_kernel_of_16_bit_integers_comes_before_halves(machine):
    machine("int16", "avx512_bf16")
    assert to_try("auto", LSTM, "cpu") == ("int16", "bfloat16", "float32")
    assert to_try("int16", LSTM, "cpu") == ("int16",)
    assert to_try("auto", LSTM, "cpu", fused=False) == ("bfloat16", "float32")


def test_its_library_is_not_imported_where_that_is_not_to_be(machine, monkeypatch):
    def imported(*_: object) -> None:
        raise AssertionError

    machine()
    monkeypatch.setattr(precision, "has_kernel", imported)
    for choice in ("float32", "int8", "bfloat16"):
        assert to_try(choice, LSTM, "cpu") == ("float32",)
    assert to_try("auto", LSTM, "cpu", fused=False) == ("float32",)


@pytest.mark.skipif(not multiplies_bytes(), reason="no byte products here")
def test_bytes_come_first_where_the_machine_multiplies_them(machine):
    machine("vnni", "avx512_bf16")
    assert to_try("auto", LSTM, "cpu") == ("int8", "bfloat16", "float32")
    machine("avx512_bf16")
    assert to_try("int8", LSTM, "cpu") == ("float32",)


@pytest.mark.parametrize("choice", ["bfloat16", "float16", "int16", "int8"])
def test_what_the_machine_lacks_is_served_by_float32(machine, choice):
    machine()
    assert to_try(choice, LSTM, "cpu") == ("float32",)


def test_what_is_asked_for_is_served_alone(machine):
    machine("avx512_bf16")
    assert to_try("bfloat16", LSTM, "cpu") == ("bfloat16",)
    assert to_try("float32", LSTM, "cpu") == ("float32",)


def test_other_cells_are_scored_in_float32_on_a_cpu(machine):
    machine("vnni", "avx512_bf16")
    assert fast_precisions(GRU, "cpu") == ()


def test_a_pytorch_without_byte_products_does_without(machine, monkeypatch):
    def missing(*_: object) -> None:
        raise AttributeError("no qlinear_prepack")

    machine("vnni")
    monkeypatch.setattr(precision, "ByteProduct", missing)
    assert not multiplies_bytes()


def test_byte_products_that_saturate_are_not_used(machine, monkeypatch):
    class Saturating(precision.ByteProduct):
        def add(self, ids, scratch, gates):
            super().add(ids, scratch, gates)
            gates.clamp_(max=20.0)

    machine("vnni")
    monkeypatch.setattr(precision, "ByteProduct", Saturating)
    assert not multiplies_bytes()


def test_an_unknown_choice_is_told_with_those_there_are():
    with pytest.raises(UsageError, match="no precision 'half'; choose one of: auto, float32"):
        to_try("half", LSTM, "cpu")


def test_the_job_offers_every_choice():
    assert tuple(OFFERED.choices) == precision.CHOICES


def test_auto_takes_the_first_that_keeps_the_golden_rows(bundle, machine):
    machine("avx512_bf16")
    assert load_predictor(bundle, "auto", "cpu").precision == "bfloat16"


def test_auto_passes_over_what_golden_rows_refuse(bundle, machine):
    machine("avx512_bf16")

    class ExactOnly(GoldenRows):
        def holds(self, predictor):
            return predictor.precision == "float32" and super().holds(predictor)

    golden = ExactOnly(bundle.golden.texts, bundle.golden.probabilities)
    assert load_predictor(replace(bundle, golden=golden), "auto", "cpu").precision == "float32"


def test_a_predictor_of_other_numbers_than_the_golden_rows_is_refused(bundle):
    golden = replace(bundle.golden, probabilities=bundle.golden.probabilities[::-1])
    with pytest.raises(BundleError, match=r"golden row \d+ scores"):
        load_predictor(replace(bundle, golden=golden), "float32", "cpu")


def test_the_engine_and_the_settings_name_what_ran(bundle, machine):
    machine()
    predictor = load_predictor(bundle, "bfloat16", "cpu")
    assert predictor.engine == "folded lstm, float32, cpu"
    assert predictor.score_settings["precision"] == "float32"


def test_int8_is_refused_for_another_cell(trained):
    config = replace(trained.fitted.model.config, cell="gru")
    with pytest.raises(UsageError, match="int8 is for an LSTM on a CPU"):
        Predictor(trained.encoder, type(trained.fitted.model)(config), ("a", "b"), precision="int8")


@pytest.mark.skipif(not multiplies_bytes(), reason="no byte products here")
def test_near_ties_are_left_to_float32(bundle, labelled_texts):
    texts = list(labelled_texts.texts)
    exact = logits(load_predictor(bundle, "float32", "cpu"), texts)
    predictor = load_predictor(bundle, "int8", "cpu")
    gaps = np.abs(np.diff(exact))[:, 0]
    predictor.near_ties[predictor.precision] = float(np.median(gaps))
    near = gaps < np.median(gaps) - 0.05
    found = logits(predictor, texts)
    assert near.sum() > 100
    np.testing.assert_allclose(found[near], exact[near], rtol=0, atol=1e-5)
    assert np.abs(found - exact)[~near].max() > 1e-5


def with_hidden(bundle, hidden: int, precision: str) -> Predictor:
    torch.manual_seed(0)
    model = TextClassifier(replace(bundle.facts.model, hidden_dim=hidden))
    encoder = TextEncoder(bundle.rules, bundle.vocabulary)
    return Predictor(encoder, model, bundle.classes, precision=precision)


@pytest.mark.skipif(not has_kernel("int16", 16), reason="no kernel of 16-bit integers here")
def test_near_ties_of_16_bit_integers_are_left_to_float32_too(bundle, labelled_texts):
    texts = list(labelled_texts.texts)
    exact = logits(with_hidden(bundle, 16, "float32"), texts)
    predictor = with_hidden(bundle, 16, "int16")
    predictor.narrow_near_ties(bundle.golden.encoded_by(predictor))
    assert predictor.near_ties[predictor.precision] == inference.LEAST_TIE["int16"]
    gaps = np.abs(np.diff(exact))[:, 0]
    predictor.near_ties[predictor.precision] = float(np.median(gaps))
    near = gaps < np.median(gaps) * 0.9
    found = logits(predictor, texts)
    np.testing.assert_allclose(found[near], exact[near], rtol=0, atol=1e-6)
    assert 1e-6 < np.abs(found - exact)[~near].max() < 0.005


@pytest.mark.skipif(
    not (multiplies_bytes() and has_kernel("int16", 64)), reason="no kernel of both integers here"
)
def test_near_ties_of_bytes_are_left_to_16_bits_and_those_of_16_bits_to_float32(
    bundle, labelled_texts
):
    texts = list(labelled_texts.texts)
    words, exact = (with_hidden(bundle, 64, precision) for precision in ("int16", "float32"))
    words.near_ties["int16"] = 0.0
    predictor = with_hidden(bundle, 64, "int8")
    predictor.near_ties.update(int8=np.inf, int16=0.0)
    np.testing.assert_array_equal(logits(predictor, texts), logits(words, texts))
    predictor.near_ties.update(int16=np.inf)
    np.testing.assert_array_equal(logits(predictor, texts), logits(exact, texts))
    predictor.near_ties.update(int8=0.0)
    assert np.abs(logits(predictor, texts) - logits(exact, texts)).max() > 1e-5


def test_float32_serves_16_bit_integers_where_there_is_no_kernel(bundle, monkeypatch):
    monkeypatch.setattr(fused_lstm, "cpu_flags", frozenset)
    predictor = with_hidden(bundle, 64, "int16")
    assert predictor.precision == "float32"
    assert predictor.near_ties == {}


@pytest.mark.skipif(not multiplies_bytes(), reason="no byte products here")
def test_what_is_a_near_tie_follows_from_the_golden_texts_errors(bundle, labelled_texts):
    predictor = load_predictor(bundle, "int8", "cpu", fused=False)
    encoded = bundle.golden.encoded_by(predictor)
    predictor.near_ties[predictor.precision] = 0.0
    rounded = predictor.logits(encoded)
    predictor.near_ties[predictor.precision] = np.inf
    errors = np.abs(np.diff(predictor.logits(encoded) - rounded))
    predictor.narrow_near_ties(encoded)
    wanted = min(inference.NEAR_TIE, max(inference.LEAST_TIE["int8"], 4 * errors.max()))
    assert predictor.near_ties[predictor.precision] == pytest.approx(wanted)
    texts = list(labelled_texts.texts)
    exact = logits(load_predictor(bundle, "float32", "cpu"), texts)
    found = logits(predictor, texts)
    assert (found.argmax(axis=1) == exact.argmax(axis=1)).all()


@pytest.mark.skipif(not multiplies_bytes(), reason="no byte products here")
def test_steep_networks_keep_the_widest_near_tie(bundle):
    weights = {**bundle.weights, "output.weight": bundle.weights["output.weight"] * 64}
    steep = replace(bundle, weights=weights)
    encoder = TextEncoder(steep.rules, steep.vocabulary)
    predictor = Predictor(encoder, steep.model(), steep.classes, precision="int8")
    predictor.narrow_near_ties(steep.golden.encoded_by(predictor))
    assert predictor.near_ties[predictor.precision] == inference.NEAR_TIE


@pytest.mark.skipif(not multiplies_bytes(), reason="no byte products here")
def test_int8_scores_a_text_the_same_whatever_its_neighbours(bundle, labelled_texts):
    predictor = load_predictor(bundle, "int8", "cpu")
    texts = list(labelled_texts.texts[:60])
    alone = np.concatenate([logits(predictor, [text]) for text in texts])
    # some units in the last place of a logit: the output layer's sums depend on the batch's size
    np.testing.assert_allclose(logits(predictor, texts), alone, rtol=1e-6, atol=1e-6)


def test_cuda_is_offered_half_precision(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_bf16_supported", lambda: False)
    assert to_try("auto", GRU, "cuda") == ("float16", "float32")
    assert to_try("bfloat16", GRU, "cuda") == ("float32",)


@pytest.mark.skipif(not multiplies_bytes(), reason="no byte products here")
def test_texts_whose_classes_are_near_each_other_get_their_float32_logits(bundle, labelled_texts):
    weights = {**bundle.weights, "output.weight": bundle.weights["output.weight"] / 512}
    weights["output.bias"] = torch.zeros_like(bundle.weights["output.bias"])
    near = replace(bundle, weights=weights)
    encoder = TextEncoder(near.rules, near.vocabulary)
    texts = list(labelled_texts.texts)
    exact, found = (
        logits(Predictor(encoder, near.model(), near.classes, precision=name), texts)
        for name in ("float32", "int8")
    )
    assert np.abs(np.diff(exact)).max() < 0.05
    np.testing.assert_array_equal(found, exact)
