"""What may score tomorrow's rows unseen, and what may not."""

import numpy as np
import pytest

from scorer.training.gate import clearly_worse, knows_more_than_frequencies


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
    assert clearly_worse(*rights(both, ours, theirs)) == worse


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
