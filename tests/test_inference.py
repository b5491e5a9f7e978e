import os
import signal
from concurrent.futures import ThreadPoolExecutor
from itertools import product
from threading import Thread

import numpy as np
import pyarrow as pa
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from scorer.bundles.bundle_files import load_bundle
from scorer.bundles.golden import TOLERANCES
from scorer.bundles.predictor import load_predictor
from scorer.errors import UsageError
from scorer.network import inference
from scorer.network.cuda_batches import CudaBatches
from scorer.network.fused_lstm import has_kernel
from scorer.network.inference import Prediction, Predictor
from scorer.network.model import CELLS, POOLINGS, ModelConfig, TextClassifier
from scorer.network.precision import PRECISIONS
from scorer.network.recurrence import PackedLayer
from scorer.tokens.encoding import TextEncoder
from scorer.tokens.vocabulary import PAD_ID, UNKNOWN_ID

BLANKS = (None, "", " ", "\n\t ", "\u3000", "<br />", "<p></p>")
words = st.sampled_from(
    [
        "good",
        "bad",
        "the",
        "film",
        "zxq",
        "Café",
        "😀",
        "<br />",
        "&amp;",
        "don't",
        "10/10",
        "<pad>",
    ]
)
some_text = st.one_of(
    st.lists(words, min_size=1, max_size=30).map(" ".join),
    st.integers(20, 60).map("a long bad film ".__mul__),
    st.text(max_size=20),
    st.sampled_from(BLANKS),
)
some_texts = st.lists(some_text, min_size=1, max_size=12)


def predict(predictor: Predictor, texts: list[str | None]) -> Prediction:
    return predictor.predict(predictor.encode(pa.array(texts, pa.large_string())))


def probabilities(predictor: Predictor, texts: list[str | None]) -> np.ndarray:
    return predict(predictor, texts).probabilities


def assert_same(found: np.ndarray, expected: np.ndarray) -> None:
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-6, equal_nan=True)


@settings(max_examples=25)
@given(texts=some_texts)
def test_a_text_scores_the_same_alone_as_among_others(tiny_predictor, texts):
    alone = np.concatenate([probabilities(tiny_predictor, [text]) for text in texts])
    assert_same(probabilities(tiny_predictor, texts), alone)


def test_a_caller_s_autocast_does_not_reach_the_scores(tiny_bundle):
    """On a GPU a batch is scored in the caller's thread; here its batches serve the CPU's path."""
    bundle = load_bundle(tiny_bundle)
    model = bundle.model()
    encoder = TextEncoder(bundle.rules, bundle.vocabulary)
    predictor = Predictor(encoder, model, bundle.classes)
    predictor._ways["float32"] = PackedLayer(model)
    predictor._cuda_batches = CudaBatches(10_000)
    texts = ["a good film", "bad", "the film is so so"]
    expected = probabilities(predictor, texts)
    with torch.autocast("cpu", torch.bfloat16):
        assert_same(probabilities(predictor, texts), expected)


@settings(max_examples=25)
@given(texts=some_texts, order=st.randoms(use_true_random=False))
def test_a_text_scores_the_same_in_any_order(tiny_predictor, texts, order):
    rows = list(range(len(texts)))
    order.shuffle(rows)
    shuffled = probabilities(tiny_predictor, [texts[row] for row in rows])
    assert_same(shuffled, probabilities(tiny_predictor, texts)[rows])


@settings(max_examples=25)
@given(texts=some_texts, batch_rows=st.integers(1, 5), budget=st.integers(1, 500))
def test_a_text_scores_the_same_in_any_batch(tiny_predictor, texts, batch_rows, budget):
    expected = probabilities(tiny_predictor, texts)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(inference, "batch_rows", lambda _: batch_rows)
        patch.setattr(inference, "TOKEN_BUDGET", budget)
        assert_same(probabilities(tiny_predictor, texts), expected)


@settings(max_examples=25)
@given(texts=some_texts, cut=st.integers(0, 12))
def test_a_text_scores_the_same_in_any_chunk(tiny_predictor, texts, cut):
    column = pa.array(texts, pa.large_string())
    parts = [column.slice(0, cut), column.slice(cut)]
    found = [tiny_predictor.predict(tiny_predictor.encode(part)).probabilities for part in parts]
    assert_same(np.concatenate(found), probabilities(tiny_predictor, texts))


@pytest.mark.parametrize(
    ("hidden_dim", "rows"), [(8, 1024), (64, 1024), (128, 512), (256, 256), (1024, 256)]
)
def test_a_smaller_network_takes_more_rows_at_a_time_within_bounds(hidden_dim, rows):
    assert inference.batch_rows(hidden_dim) == rows


def test_a_text_scores_the_same_among_a_thousand(tiny_predictor, labelled_texts):
    many = [*labelled_texts.texts, *(text * 7 for text in labelled_texts.texts[:200])] * 2
    found = probabilities(tiny_predictor, many)
    assert_same(found[:600], found[600:])
    for row in (0, 17, 599):
        assert_same(found[row : row + 1], probabilities(tiny_predictor, [many[row]]))


def test_a_text_scores_the_same_whatever_was_scored_before(tiny_bundle, labelled_texts):
    used, fresh = (load_predictor(load_bundle(tiny_bundle), device="cpu") for _ in "ab")
    probabilities(used, ["never before seen w0rds :-) and more of them", *labelled_texts.texts])
    texts = ["seen w0rds", "a good film , not before", labelled_texts.texts[3]]
    assert_same(probabilities(used, texts), probabilities(fresh, texts))


def test_a_text_scores_the_same_on_one_core_and_on_two(tiny_predictor, labelled_texts):
    texts, found = list(labelled_texts.texts), []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(inference, "batch_rows", lambda _: 16)
        for cores in (1, 2):
            patch.setattr(inference, "CORES", cores)
            found.append(probabilities(tiny_predictor, texts))
    assert_same(*found)


def test_rows_without_a_token_have_no_probability(tiny_predictor):
    prediction = predict(tiny_predictor, [*BLANKS, "good"])
    assert np.isnan(prediction.probabilities[:-1]).all()
    assert not np.isnan(prediction.probabilities[-1]).any()
    assert prediction.tokens.tolist() == [0] * len(BLANKS) + [1]


@pytest.mark.parametrize("texts", [[], [None], ["", " "]], ids=repr)
def test_a_column_without_any_token_is_no_error(tiny_predictor, texts):
    prediction = predict(tiny_predictor, texts)
    assert prediction.probabilities.shape == (len(texts), 2)
    assert np.isnan(prediction.probabilities).all()
    assert prediction.tokens.tolist() == prediction.unknown.tolist() == [0] * len(texts)


def test_tokens_and_unknown_tokens_are_counted(tiny_predictor):
    prediction = predict(tiny_predictor, ["good film", "zxqv good", "zxqv &lt;pad&gt; qqqw", None])
    assert prediction.tokens.tolist() == [2, 2, 5, 0]  # spaCy cuts "<pad>" in three
    assert prediction.unknown.tolist() == [0, 1, 5, 0]
    assert (prediction.tokens.dtype, prediction.unknown.dtype) == (np.int32, np.int32)


def test_a_text_of_unknown_words_alone_is_scored(tiny_predictor):
    assert not np.isnan(probabilities(tiny_predictor, ["zxqv wprtl"])).any()


@pytest.mark.parametrize("bundle", ["tiny_bundle", "three_class_bundle"])
def test_probabilities_are_float32_and_sum_to_one(bundle, request, labelled_texts):
    predictor = load_predictor(load_bundle(request.getfixturevalue(bundle)), device="cpu")
    found = probabilities(predictor, list(labelled_texts.texts))
    assert (found.dtype, found.shape) == (np.float32, (400, len(predictor.classes)))
    assert_same(found.sum(axis=1), np.ones(400))
    assert (found >= 0).all()


def test_the_tiny_model_tells_good_from_bad(tiny_predictor):
    good, bad = probabilities(tiny_predictor, ["a good film", "a bad film"])
    assert tiny_predictor.classes == ("negative", "positive")
    assert good[1] > 0.6 > 0.4 > bad[1]


def test_probabilities_are_the_softmax_of_the_logits_over_the_temperature(trained):
    predictor = Predictor(trained.encoder, trained.fitted.model, ("no", "yes"), temperature=2.5)
    encoded = predictor.encode(pa.array(["good film", "bad film"], pa.large_string()))
    expected = torch.from_numpy(predictor.logits(encoded) / 2.5).softmax(dim=1)
    assert_same(predictor.predict(encoded).probabilities, expected.numpy())


@torch.inference_mode()
def test_extreme_logits_give_probabilities_and_no_warning(trained):
    model = TextClassifier(trained.fitted.model.config).eval()
    model.output.bias.copy_(torch.tensor([2000.0, -2000.0]))
    found = probabilities(Predictor(trained.encoder, model, ("no", "yes")), ["good film"])
    assert found.tolist() == [[1, 0]]


@pytest.mark.parametrize("pooling", POOLINGS)
@pytest.mark.parametrize("cell", CELLS)
def test_every_model_scores_as_its_own_forward_pass(trained, labelled_texts, cell, pooling):
    size = trained.fitted.model.config.vocabulary_size
    torch.manual_seed(2)
    model = TextClassifier(ModelConfig(size, 3, 5, 6, cell, pooling)).eval()
    predictor = Predictor(trained.encoder, model, ("a", "b", "c"))
    texts = labelled_texts.texts[:40]
    encoded = predictor.encode(pa.array(texts, pa.large_string()))
    with torch.inference_mode():
        rows = np.split(encoded.ids.astype(np.int64), encoded.offsets[1:-1])
        states = [model.states(model.embedding(torch.from_numpy(row)[None]), None) for row in rows]
        pooled = [model.pool(state, torch.tensor([state.shape[1]])) for state in states]
        expected = model.output(torch.cat(pooled)).numpy()
    assert_same(predictor.logits(encoded), expected)


@pytest.mark.parametrize(
    ("precision", "cell"),
    [*product(("bfloat16", "float16"), ("lstm", "gru")), ("int8", "lstm")],
)
def test_reduced_precision_keeps_within_its_tolerance(trained, labelled_texts, precision, cell):
    size = trained.fitted.model.config.vocabulary_size
    torch.manual_seed(2)
    weights = TextClassifier(ModelConfig(size, 2, 8, 12, cell)).state_dict()
    found = []
    for name in ("float32", precision):
        model = TextClassifier(ModelConfig(size, 2, 8, 12, cell))
        model.load_state_dict(weights)
        predictor = Predictor(trained.encoder, model, ("no", "yes"), precision=name)
        found.append(probabilities(predictor, list(labelled_texts.texts)))
    assert np.abs(found[0] - found[1]).max() <= TOLERANCES[precision]
    assert found[1].dtype == np.float32


@pytest.mark.parametrize("precision", PRECISIONS)
def test_a_text_scores_alike_in_any_company_in_every_precision(
    tiny_bundle, labelled_texts, precision
):
    bundle, texts = load_bundle(tiny_bundle), list(labelled_texts.texts[:30])
    if precision == "int16" and not has_kernel("int16", bundle.facts.model.hidden_dim):
        pytest.skip("no AVX2 in this CPU")
    model = (bundle.model(), bundle.classes, bundle.temperature)
    predictor = Predictor(
        TextEncoder(bundle.rules, bundle.vocabulary, bundle.cached_pieces), *model, precision
    )
    alone = np.concatenate([probabilities(predictor, [text]) for text in texts])
    together = probabilities(predictor, texts)
    assert np.abs(alone - together).max() <= TOLERANCES[precision] / 100


def test_the_settings_that_scores_depend_on_are_told(tiny_predictor):
    assert tiny_predictor.score_settings == {"precision": "float32", "device": "cpu"}


def test_an_unknown_precision_is_told_with_the_choices(trained):
    with pytest.raises(UsageError, match="no precision 'int4'; choose one of: float32, bfloat16"):
        Predictor(trained.encoder, trained.fitted.model, ("no", "yes"), precision="int4")


def test_special_ids_are_the_ones_the_vocabulary_starts_with(trained):
    assert trained.bundle.vocabulary.tokens[UNKNOWN_ID] == "<unk>"
    assert trained.bundle.vocabulary.tokens[PAD_ID] == "<pad>"


@pytest.mark.cuda
@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device")
def test_cuda_scores_as_the_cpu_does(tiny_bundle, tiny_predictor, labelled_texts):
    texts = list(labelled_texts.texts)
    on_cuda = load_predictor(load_bundle(tiny_bundle), device="cuda")
    assert_same(probabilities(on_cuda, texts), probabilities(tiny_predictor, texts))


def test_scoring_in_another_thread_has_all_cores_too(tiny_bundle, monkeypatch):
    sizes = []

    class Recording(ThreadPoolExecutor):
        def __init__(self, size, *settings):
            sizes.append(size)
            super().__init__(size, *settings)

    monkeypatch.setattr(inference, "ThreadPoolExecutor", Recording)
    monkeypatch.setattr(inference, "CORES", 2)
    inference._threads.cache_clear()
    predictor = load_predictor(load_bundle(tiny_bundle), device="cpu")
    encoded = predictor.encode(pa.array(["good", "bad"], pa.large_string()))
    predictor.predict(encoded)
    later = Thread(target=lambda: load_predictor(load_bundle(tiny_bundle)).predict(encoded))
    later.start()
    later.join()
    inference._threads.cache_clear()
    assert sizes == [2]  # one pool, whichever thread asks


def test_a_process_forked_with_a_loaded_model_scores_too(tiny_predictor):
    texts = ["good", "bad"]
    expected = probabilities(tiny_predictor, texts)
    process = os.fork()
    if process == 0:
        signal.alarm(30)  # rather than hang
        os._exit(0 if np.array_equal(probabilities(tiny_predictor, texts), expected) else 1)
    assert os.waitstatus_to_exitcode(os.waitpid(process, 0)[1]) == 0
