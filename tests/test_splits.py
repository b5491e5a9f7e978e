import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from scorer.corpus.splits import Split, split_rows
from scorer.errors import UsageError


@given(st.integers(0, 2**32), st.integers(60, 300), st.integers(6, 20), st.integers(6, 20))
def test_parts_are_exact_disjoint_stratified_and_cover_every_row(
    seed: int, rows: int, valid: int, test: int
) -> None:
    targets = np.random.default_rng(seed).integers(0, 3, rows)
    targets[:9] = [0, 1, 2] * 3
    split = split_rows(targets, valid, test, seed)
    assert split.sizes == (rows - valid - test, valid, test)
    assert sorted(np.concatenate([split.train, split.valid, split.test])) == list(range(rows))
    assert split.notes == []
    for part in (split.train, split.valid, split.test):
        shares = np.bincount(targets, minlength=3) * len(part) / rows
        assert (abs(np.bincount(targets[part], minlength=3) - shares) <= 2).all()


def test_shares_are_of_all_rows() -> None:
    assert split_rows(np.arange(50_000) % 2, 0.12, 0.2, 0).sizes == (34_000, 6_000, 10_000)


def test_the_same_seed_gives_the_same_split_and_another_one_another() -> None:
    def members(split: Split) -> list[int]:
        return split.test.tolist()

    targets = np.arange(200) % 2
    first = members(split_rows(targets, 0.1, 0.2, 1))
    assert first == members(split_rows(targets, 0.1, 0.2, 1))
    assert first != members(split_rows(targets, 0.1, 0.2, 2))


@given(st.integers(0, 2**32), st.integers(2, 60))
def test_no_group_straddles_and_single_rows_make_the_sizes_exact(seed: int, groups: int) -> None:
    rng = np.random.default_rng(seed)
    targets = rng.integers(0, 2, 400)
    group_of_row = np.arange(400)
    grouped = rng.random(400) < 0.3
    group_of_row[grouped] = 400 + rng.integers(0, groups, grouped.sum())
    split = split_rows(targets, 0.1, 0.2, seed, group_of_row)
    part_of_row = np.zeros(400, int)
    part_of_row[split.valid], part_of_row[split.test] = 1, 2
    for group in np.unique(group_of_row):
        assert len(set(part_of_row[group_of_row == group])) == 1
    if groups > 20:  # no group is larger than a part
        assert split.sizes == split.asked == (280, 40, 80)


def test_large_groups_stay_whole_and_the_sizes_say_so() -> None:
    split = split_rows(np.arange(100) % 2, 0.2, 0.2, 0, np.arange(100) // 25)
    assert sorted(split.sizes) == [25, 25, 50]
    assert split.notes == [
        "rows that stay together: the parts have 50 / 25 / 25 rows where 60 / 20 / 20 were "
        "asked for"
    ]


def test_groups_that_leave_a_part_with_one_class_are_refused() -> None:
    targets = np.repeat([0, 1], 20)
    with pytest.raises(UsageError, match="without rows of two classes"):
        split_rows(targets, 0.2, 0.2, 0, targets)


@pytest.mark.parametrize("seed", range(5))
def test_a_class_whose_rows_stay_together_is_trained_on(seed: int) -> None:
    targets = np.array([0, 1] * 30 + [2] * 6)
    groups = np.append(np.arange(60), [60] * 6)
    split = split_rows(targets, 0.2, 0.2, seed, groups)
    assert set(split.train) >= {*range(60, 66)}
    assert set(targets[split.valid]) == set(targets[split.test]) == {0, 1}


def test_every_part_has_a_row_of_the_rarest_class() -> None:
    targets = np.array([1] * 3 + [0] * 997)
    split = split_rows(targets, 0.05, 0.05, 0)
    assert [int(targets[part].sum()) for part in (split.train, split.valid, split.test)] == [1] * 3


@pytest.mark.parametrize(
    ("valid", "test", "problem"),
    [
        (0.5, 0.5, "cannot be split"),
        (30, 20, "cannot be split"),
        (1, 5, "cannot all be in parts"),
    ],
)
def test_sizes_that_do_not_fit_are_refused(valid: float, test: float, problem: str) -> None:
    with pytest.raises(UsageError, match=problem):
        split_rows(np.arange(40) % 2, valid, test, 0)


@given(st.integers(2, 90), st.integers(5, 8), st.integers(0, 9))
def test_shares_grow_to_a_row_of_each_class(classes: int, rows: int, seed: int) -> None:
    targets = np.arange(classes * rows) % classes
    split = split_rows(targets, 0.12, 0.2, seed)
    for part in (split.train, split.valid, split.test):
        assert len(np.unique(targets[part])) == classes
    assert split.grown == (round(0.12 * classes * rows) < classes)


def test_shares_that_grew_are_told_and_numbers_of_rows_do_not_grow() -> None:
    targets = np.arange(77 * 6) % 77
    assert split_rows(targets, 0.12, 0.2, 0).notes == [
        "the parts have 293 / 77 / 92 rows, more than their shares: a row of each class at least"
    ]
    with pytest.raises(UsageError, match=r"315 / 55 / 92 rows\. --valid and --test take 77 at"):
        split_rows(targets, 55, 92, 0)
