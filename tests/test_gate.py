"""What may score tomorrow's rows unseen, and what may not."""

import numpy as np
import pytest

from scorer.errors import UsageError
from scorer.training.comparison import compare, macro_f1, sign_test
from scorer.training.gate import (
    CLEARLY,
    Promotion,
    _beside_simple,
    knows_more_than_frequencies,
)


def rights(both: int, ours: int, theirs: int) -> tuple[np.ndarray, np.ndarray]:
    """Return who is right on rows that both, only we, or only they get right."""
    return (
        np.repeat([True, True, False], [both, ours, theirs]),
        np.repeat([True, False, True], [both, ours, theirs]),
    )


@pytest.mark.parametrize(
    ("both", "ours", "theirs", "worse"),
    [
        (80, 10, 10, False),
        (80, 4, 12, True),
        (80, 5, 10, False),
        (0, 0, 5, True),
        (0, 0, 4, False),
        (50, 40, 5, False),
    ],
)
def test_a_difference_that_chance_explains_is_not_clear(both, ours, theirs, worse):
    our_right, their_right = rights(both, ours, theirs)
    assert (sign_test(their_right, our_right) < CLEARLY) == worse


def test_shuffled_labels_are_seldom_taken_for_knowledge():
    rng = np.random.default_rng(0)
    taken = 0
    for _ in range(300):
        targets = rng.integers(0, 2, 100)
        positive = rng.uniform(0.05, 0.95, 100)
        probabilities = np.stack([1 - positive, positive], axis=1).astype(np.float32)
        taken += knows_more_than_frequencies(probabilities, targets)
    assert taken <= 3


@pytest.mark.parametrize("share", [0.5, 0.05])
def test_a_model_that_knows_something_is_seen_however_rare_a_class_is(share):
    rng = np.random.default_rng(1)
    targets = (rng.random(400) < share).astype(np.int64)
    positive = np.clip(share + 0.3 * (targets - share) + rng.normal(0, 0.05, 400), 0.01, 0.99)
    probabilities = np.stack([1 - positive, positive], axis=1).astype(np.float32)
    assert knows_more_than_frequencies(probabilities, targets)


def test_a_few_sure_mistakes_do_not_hide_what_a_model_knows():
    targets = np.arange(60) % 2
    guesses = np.where(np.arange(60) % 10 == 3, 1 - targets, targets)  # a tenth is wrong
    probabilities = np.where(guesses[:, None] == np.arange(2), 0.998, 0.002).astype(np.float32)
    assert knows_more_than_frequencies(probabilities, targets)
    assert not knows_more_than_frequencies(probabilities[:, ::-1], targets)


def test_guesses_of_both_classes_count_more_than_those_that_one_class_gets_right():
    targets = np.arange(120) % 2  # 81 of 120 right; "always 0" has 22 that they have not
    wrong = np.concatenate([np.arange(0, 44, 2), np.arange(1, 35, 2)])
    guessed = targets.copy()
    guessed[wrong] = 1 - targets[wrong]
    assert knows_more_than_frequencies(certain(guessed, 2), targets)


def test_guesses_are_judged_by_as_many_of_each_class_not_by_the_majority():
    targets = (np.arange(200) < 20).astype(np.int64)
    guessed = ((np.arange(200) >= 2) & (np.arange(200) < 50)).astype(np.int64)
    assert (guessed == targets).mean() < 0.9  # of always guessing 0; as many by chance: 0.71
    assert knows_more_than_frequencies(certain(guessed, 2), targets)
    assert not knows_more_than_frequencies(certain(np.roll(guessed, 60), 2), targets)


def test_nothing_is_known_of_rows_without_a_score():
    assert not knows_more_than_frequencies(np.zeros((0, 2), np.float32), np.zeros(0, np.int64))


def certain(classes: np.ndarray, count: int) -> np.ndarray:
    return np.eye(count, dtype=np.float32)[classes]


def test_classes_that_come_out_as_one_another_are_named():
    rng = np.random.default_rng(2)
    targets = rng.integers(0, 3, 200)
    swapped = np.array([1, 0, 2])[targets]
    found = compare(certain(swapped, 3), certain(targets, 3), swapped, ("bad", "good", "so-so"))
    assert found.swapped == ("bad", "good")
    assert found.loss < 0  # by its own swapped labels it looks better
    same = compare(certain(targets, 3), certain(targets, 3), targets, ("bad", "good", "so-so"))
    assert same.swapped == ()


def test_a_model_that_guesses_one_class_is_not_taken_for_swapped():
    targets = np.arange(200) % 2
    one = np.zeros(200, np.int64)
    assert compare(certain(one, 2), certain(targets, 2), targets, ("a", "b")).swapped == ()


def test_macro_f1_counts_rare_classes_as_much():
    targets = np.array([0] * 90 + [1] * 10)
    assert macro_f1(np.zeros(100, np.int64), targets) == pytest.approx((2 * 90 / 190 + 0) / 2)
    assert macro_f1(targets, targets) == 1


def test_what_is_below_the_simple_model_is_said():
    assert _beside_simple(0.9, 0.93) == "3.0 points below TF-IDF, which may be chance; "
    assert _beside_simple(0.93, 0.93) == _beside_simple(0.95, 0.93) == ""


def test_an_unknown_policy_is_refused_with_those_there_are():
    with pytest.raises(UsageError, match="choose one of: if-not-worse, if-better, never, always"):
        Promotion("sometimes")
