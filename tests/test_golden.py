import re
from dataclasses import replace

import numpy as np
import pytest

from scorer.bundles.bundle import Bundle
from scorer.bundles.bundle_files import load_bundle
from scorer.bundles.golden import TEXTS, TOLERANCES, GoldenRows, golden_rows, probabilities_of
from scorer.bundles.predictor import load_predictor
from scorer.errors import BundleError
from scorer.network.inference import Predictor


@pytest.fixture
def bundle(tiny_bundle) -> Bundle:
    return load_bundle(tiny_bundle)


def predictor_of(bundle: Bundle, precision: str = "float32") -> Predictor:
    return load_predictor(bundle, precision, device="cpu")


def test_a_bundle_gives_its_golden_texts_their_probabilities(bundle):
    assert bundle.golden.check(predictor_of(bundle)) < 1e-6


def test_golden_texts_read_back_exactly(bundle):
    assert bundle.golden.texts == TEXTS


def test_golden_rows_are_what_the_predictor_says(tiny_predictor):
    golden = golden_rows(tiny_predictor)
    assert golden.probabilities.shape == (len(TEXTS), 2)
    assert golden.probabilities.dtype == np.float32
    assert golden.check(tiny_predictor) == 0


@pytest.mark.parametrize("precision", TOLERANCES)
def test_reduced_precision_passes_within_its_tolerance(bundle, precision):
    assert bundle.golden.check(predictor_of(bundle, precision)) <= TOLERANCES[precision]


@pytest.mark.parametrize("row", [0, 5, len(TEXTS) - 1])
def test_one_probability_beyond_tolerance_is_refused_with_its_row(bundle, row):
    probabilities = bundle.golden.probabilities.copy()
    probabilities[row] += [2e-4, -2e-4]
    with pytest.raises(BundleError, match=f"golden row {row + 1} scores .*, not .* within 0.0001"):
        GoldenRows(TEXTS, probabilities).check(predictor_of(bundle))


def test_a_difference_within_tolerance_is_told(bundle):
    probabilities = bundle.golden.probabilities + np.float32(5e-5)
    worst = GoldenRows(TEXTS, probabilities).check(predictor_of(bundle))
    assert worst == pytest.approx(5e-5, rel=0.01)


def test_a_text_that_gets_no_probability_is_refused(tiny_predictor):
    (good,) = probabilities_of(("good",), tiny_predictor)
    golden = GoldenRows(("good", " "), np.stack([good, good]))
    with pytest.raises(BundleError, match=re.escape("golden row 2 scores [nan, nan]")):
        golden.check(tiny_predictor)


@pytest.mark.parametrize(
    "name", ["embedding.weight", "recurrent.weight_hh_l0", "recurrent.bias_ih_l0", "output.weight"]
)
def test_changed_weights_are_refused(bundle, name):
    weights = {**bundle.weights, name: bundle.weights[name] * 1.1}
    with pytest.raises(BundleError, match=r"golden row .* --precision float32 is the exact one"):
        bundle.golden.check(predictor_of(replace(bundle, weights=weights)))


@pytest.mark.filterwarnings("ignore:invalid value encountered:RuntimeWarning")
@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_weights_that_are_no_numbers_are_refused(bundle, value):
    weights = {**bundle.weights, "output.bias": bundle.weights["output.bias"] * value}
    with pytest.raises(BundleError, match="golden row 1 scores"):
        bundle.golden.check(predictor_of(replace(bundle, weights=weights)))


@pytest.mark.parametrize(
    "change", [{"strip_markup": False}, {"language": "de"}], ids=["markup left in", "German"]
)
def test_other_text_rules_are_refused(bundle, change):
    facts = replace(bundle.facts, rules=replace(bundle.rules, **change))
    other = replace(bundle, facts=facts, cached_pieces=None, tokeniser_rules=None)
    with pytest.raises(BundleError, match="its tokeniser"):
        bundle.golden.check(predictor_of(other))


@pytest.mark.parametrize("precision", ["float32", "bfloat16", "int8"])
def test_no_precision_may_be_off_by_more_than_a_few_hundredths(bundle, precision):
    predictor = predictor_of(bundle, precision)
    moved = np.clip(bundle.golden.probabilities + np.float32([0.06, -0.06]), 0, 1)
    assert replace(bundle.golden, probabilities=moved).holds(predictor) is False
