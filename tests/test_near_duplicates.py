import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from scorer.corpus import near_duplicates
from scorer.corpus.near_duplicates import find_duplicates, find_leaks, joined_groups, text_codes

REVIEW = (
    "I saw this with my sister on a rainy evening and neither of us could stop laughing at the "
    "way the butler keeps losing the key, which says much about the script and little about us"
)
OTHER = (
    "The engine of this car is loud, the seats are hard, the boot is small, and yet after three "
    "years of driving it to work and back every day there is nothing else we would rather own"
)


def column(*texts: str) -> pa.LargeStringArray:
    return pa.array(texts, pa.large_string())


def test_markup_spaces_and_case_make_no_other_text() -> None:
    codes = text_codes(column("Good<br /> film", "good  FILM", "good film.", "g ood film"))
    assert codes[0] == codes[1] == codes[3] != codes[2]


def test_a_text_with_some_words_changed_is_near_and_another_is_not() -> None:
    found = find_duplicates(column(REVIEW, REVIEW.replace("rainy", "wet"), OTHER, REVIEW.upper()))
    assert found.near[0] == found.near[1] == found.near[3] != found.near[2]
    assert found.same[0] == found.same[3] != found.same[1]


def test_short_texts_are_near_only_when_they_are_the_same() -> None:
    found = find_duplicates(column("good", "Good", "bad", "so good", "so bad"))
    assert len(np.unique(found.near)) == 4


def test_many_texts_of_one_template_stay_linear_and_together(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    compared = []
    alike = near_duplicates._alike
    monkeypatch.setattr(near_duplicates, "_alike", lambda a, b: compared.append(1) or alike(a, b))
    found = find_duplicates(column(*(f"{REVIEW}. It was number {i}." for i in range(300))))
    assert len(np.unique(found.near)) == 1
    assert len(compared) < 300 * 2 * near_duplicates.ENOUGH_ALIKE


def test_above_the_limit_only_the_same_texts_are_found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(near_duplicates, "MAX_NEAR_ROWS", 2)
    found = find_duplicates(column(REVIEW, REVIEW.replace("rainy", "wet"), REVIEW, OTHER))
    assert not found.near_searched
    assert found.near.tolist() == found.same.tolist() == [0, 1, 0, 2]


def test_leaks_count_held_out_rows_and_mark_training_rows() -> None:
    texts = column(REVIEW, OTHER, REVIEW, "new", REVIEW.replace("rainy", "wet"), REVIEW)
    leaks = find_leaks(find_duplicates(texts), np.arange(3), np.arange(3, 6))
    assert leaks.training.tolist() == [True, False, True]
    assert (leaks.same, leaks.near, leaks.held_out) == (1, 1, 2)


@given(st.lists(st.tuples(st.integers(0, 9), st.integers(0, 9)), min_size=1, max_size=30))
def test_joined_groups_are_the_smallest_that_neither_grouping_cuts(
    rows: list[tuple[int, int]],
) -> None:
    first, second = np.array(rows).T
    joined = joined_groups(first, second)
    expected = np.arange(len(rows))
    for _ in rows:  # spread the lowest index through both groupings until nothing changes
        for groups in (first, second):
            for group in np.unique(groups):
                expected[groups == group] = expected[groups == group].min()
    assert ((joined[:, None] == joined) == (expected[:, None] == expected)).all()
