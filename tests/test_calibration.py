import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from scorer.evaluation.calibration import fit_share, fit_temperature, unfit_reason
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


@pytest.mark.parametrize(
    ("rows", "reason"),
    [
        (honest(49), "49 validation rows are too few to calibrate on (50 at least)"),
        ((np.ones((60, 2)), np.zeros(60, np.int64)), "all validation rows are of one class"),
        (
            (np.eye(2)[np.arange(60) % 2], np.arange(60) % 2),
            "every validation row is right, so they do not tell how sure is too sure",
        ),
    ],
)
def test_rows_that_fit_no_temperature_give_one_and_the_reason(
    rows: tuple[np.ndarray, np.ndarray], reason: str
) -> None:
    assert unfit_reason(*rows) == reason
    assert fit_temperature(*rows) == 1.0


@given(st.integers(0, 2**32))
def test_no_rows_whatever_give_a_temperature_beyond_its_bounds(seed: int) -> None:
    rng = np.random.default_rng(seed)
    logits = rng.normal(size=(60, 2)) * 10.0 ** rng.integers(-6, 6)
    temperature = fit_temperature(logits, rng.integers(0, 2, 60))
    assert 0.05 <= temperature <= 20


def test_some_twenty_rows_tell_the_share_and_fewer_do_not():
    rng = np.random.default_rng(0)
    targets = rng.integers(0, 2, 24)
    sure = np.where(np.arange(2) == targets[:, None], 2.0, -2.0) + rng.normal(0, 1.5, (24, 2))
    noise = rng.normal(0, 2, (24, 2))
    assert fit_share(noise, sure, targets, 1.0) > 1
    assert fit_share(sure, noise, targets, 1.0) < 1
    assert fit_share(noise[:12], sure[:12], targets[:12], 1.0) == 1.0
