import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from scorer.errors import InputError
from scorer.evaluation.evaluation import (
    accuracy_interval,
    auc,
    calibration_error,
    evaluate,
    log_loss,
    reliability,
)

NAMES = ("negative", "positive")


def two(positive: list[float]) -> np.ndarray:
    """Return probabilities (rows, 2) from those of the second class."""
    second = np.array(positive)
    return np.stack([1 - second, second], axis=1)


def test_figures_of_a_small_example_are_those_by_hand() -> None:
    found = evaluate(two([0.9, 0.8, 0.4, 0.3, 0.6]), np.array([1, 1, 1, 0, 0]), NAMES)
    assert found.accuracy == pytest.approx(3 / 5)
    assert found.confusion == ((1, 1), (1, 2))
    assert found.majority == pytest.approx(3 / 5)
    assert found.auc == pytest.approx(5 / 6)
    assert found.log_loss == pytest.approx(-np.log([0.9, 0.8, 0.4, 0.7, 0.4]).mean())
    positive = found.per_class[1]
    assert (positive.name, positive.support) == ("positive", 3)
    assert (positive.precision, positive.recall, positive.f1) == pytest.approx((2 / 3,) * 3)


def test_rows_without_a_score_are_counted_and_left_out() -> None:
    probabilities = two([0.9, np.nan, 0.2]).astype(np.float32)
    found = evaluate(probabilities, np.array([1, 1, 0]), NAMES)
    assert (found.rows, found.unscored, found.accuracy) == (2, 1, 1.0)


def test_nothing_to_evaluate_is_refused() -> None:
    with pytest.raises(InputError, match="no text has a token"):
        evaluate(two([np.nan]), np.array([0]), NAMES)


def test_rows_of_one_class_have_no_area_under_the_curve() -> None:
    found = evaluate(two([0.9, 0.2]), np.array([1, 1]), NAMES)
    assert found.auc is None
    assert found.per_class[0].support == 0


def test_three_classes_have_their_mean_area() -> None:
    targets = np.array([0, 1, 2, 0])
    probabilities = np.array([[0.6, 0.3, 0.1], [0.2, 0.5, 0.3], [0.1, 0.6, 0.3], [0.1, 0.2, 0.7]])
    # 0.6 and 0.1 against 0.2 and 0.1; 0.5 against 0.3, 0.6, 0.2; 0.3 against 0.1, 0.3, 0.7
    assert auc(probabilities, targets) == pytest.approx(np.mean([2.5 / 4, 2 / 3, 1.5 / 3]))


def test_intervals_are_wilsons() -> None:
    assert accuracy_interval(8, 10) == pytest.approx((0.4902, 0.9433), abs=1e-4)
    low, high = accuracy_interval(10, 10)
    assert (low, high) == (pytest.approx(0.7225, abs=1e-4), 1.0)


def test_a_probability_of_nought_does_not_make_the_loss_infinite() -> None:
    assert log_loss(two([0.0]), np.array([1])) == pytest.approx(15.94, abs=0.01)


@given(st.integers(0, 2**32), st.integers(1, 60), st.integers(2, 4))
def test_calibration_error_is_the_mean_gap_of_the_bins(seed: int, rows: int, classes: int) -> None:
    rng = np.random.default_rng(seed)
    probabilities = rng.dirichlet(np.ones(classes), rows)
    targets = rng.integers(0, classes, rows)
    top, right = probabilities.max(axis=1), probabilities.argmax(axis=1) == targets
    expected = 0.0
    for i in range(15):
        inside = (top > i / 15) & (top <= (i + 1) / 15)
        if inside.any():
            expected += abs(right[inside].mean() - top[inside].mean()) * inside.mean()
    assert calibration_error(probabilities, targets) == pytest.approx(expected)
    assert sum(part.rows for part in reliability(probabilities, targets)) == rows


def test_figures_are_plain_json() -> None:
    found = evaluate(two([0.9, 0.2, 0.4]), np.array([1, 0, 1]), NAMES)
    assert json.loads(json.dumps(found.to_json()))["confusion"] == [[1, 0], [1, 1]]
