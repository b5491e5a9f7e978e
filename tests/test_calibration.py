import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from scorer.evaluation.calibration import (
    LOWEST,
    USUAL_SCALE,
    USUAL_TEMPERATURE,
    fit_scale,
    fit_temperature,
)
from scorer.evaluation.evaluation import calibration_error


def softmax(logits: np.ndarray) -> np.ndarray:
    exponents = np.exp(logits - logits.max(axis=1, keepdims=True))
    return exponents / exponents.sum(axis=1, keepdims=True)


def honest(rows: int, seed: int = 0, classes: int = 2) -> tuple[np.ndarray, np.ndarray]:
    """Return logits whose probabilities are true, and targets drawn from them."""
    rng = np.random.default_rng(seed)
    logits = rng.normal(size=(rows, classes)) * 2
    chance = rng.random((rows, 1))
    targets = (softmax(logits).cumsum(axis=1) < chance).sum(axis=1)
    return logits.astype(np.float32), targets


@pytest.mark.parametrize("factor", [0.4, 1.0, 3.0])
@pytest.mark.parametrize("classes", [2, 3])
def test_the_temperature_that_was_hidden_is_found(factor: float, classes: int) -> None:
    logits, targets = honest(20_000, classes=classes)
    assert fit_temperature(logits * factor, targets) == pytest.approx(factor, rel=0.05)


def test_overconfident_probabilities_become_true_on_other_rows() -> None:
    logits, targets = honest(6_000)
    temperature = fit_temperature(logits * 4, targets)
    others, their_targets = honest(10_000, seed=1)
    before = calibration_error(softmax(others * 4), their_targets)
    after = calibration_error(softmax(others * 4 / temperature), their_targets)
    assert after < 0.015 < before


def test_rows_without_a_score_do_not_count() -> None:
    logits, targets = honest(500)
    without = np.concatenate([logits, np.full((9, 2), np.nan, np.float32)])
    padded = np.concatenate([targets, np.zeros(9, np.int64)])
    assert fit_temperature(without, padded) == fit_temperature(logits, targets)


def test_the_fewer_the_rows_the_nearer_the_temperature_is_to_the_usual_one() -> None:
    logits, targets = honest(4_000)
    distances = [
        abs(np.log(fit_temperature(logits[:rows] * 8, targets[:rows]) / USUAL_TEMPERATURE))
        for rows in (0, 4, 40, 4_000)
    ]
    assert distances[0] == pytest.approx(0, abs=1e-4)
    assert distances == sorted(distances)
    assert fit_temperature(logits * 8, targets) == pytest.approx(8, rel=0.1)


def test_rows_that_are_all_right_make_no_model_surer_than_it_may_be() -> None:
    right, targets = np.eye(2)[np.arange(60) % 2], np.arange(60) % 2
    assert LOWEST < fit_temperature(right * 3, targets) < USUAL_TEMPERATURE


def test_a_few_rows_make_overconfident_probabilities_truer() -> None:
    logits, targets = honest(24)
    others, their_targets = honest(10_000, seed=1)
    temperature = fit_temperature(logits * 4, targets)
    errors = [
        calibration_error(softmax(others * 4 / by), their_targets) for by in (temperature, 1.0)
    ]
    assert errors[0] < errors[1] / 2


@given(st.integers(0, 2**32))
def test_no_rows_whatever_give_a_temperature_beyond_its_bounds(seed: int) -> None:
    rng = np.random.default_rng(seed)
    logits = rng.normal(size=(60, 2)) * 10.0 ** rng.integers(-6, 6)
    temperature = fit_temperature(logits, rng.integers(0, 2, 60))
    assert 0.05 <= temperature <= 20


@pytest.mark.parametrize("factor", [0.2, 1.0, 4.0])
def test_the_scale_makes_a_linear_term_s_probabilities_true(factor):
    logits, targets = honest(20_000)
    assert fit_scale(logits / factor, targets) == pytest.approx(factor, rel=0.05)


@pytest.mark.parametrize("scale", [0.2, 1.0, 3.0])
def test_the_scale_is_found_beside_a_network_whatever_that_one_s_size(scale):
    logits, targets = honest(20_000)
    linear = np.random.default_rng(1).normal(size=logits.shape)
    network = (logits - scale * linear) / 7
    assert fit_scale(linear, targets, network) == pytest.approx(scale, rel=0.1)


def test_without_rows_the_scale_is_the_usual_one():
    assert fit_scale(*honest(0)) == pytest.approx(USUAL_SCALE, rel=0.01)
