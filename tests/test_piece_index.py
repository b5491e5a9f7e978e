import numpy as np
import pyarrow as pa
from hypothesis import given
from hypothesis import strategies as st

from scorer.tokens.piece_index import FREE, HASHED_BYTES, PieceIndex, piece_keys

keys = st.integers(0, 2**64 - 1) | st.integers(0, 40).map(lambda i: i << 3)


def words_of(*texts: str) -> pa.LargeStringArray:
    return pa.array(texts, pa.large_string())


@given(st.lists(st.lists(keys, max_size=30), max_size=5), st.lists(keys))
def test_an_index_finds_what_a_dict_would_find(batches, asked):
    index, numbers = PieceIndex(), {}
    for batch in batches:
        new = [key for key in dict.fromkeys(batch) if key not in numbers]
        numbers.update(zip(new, range(len(numbers), len(numbers) + len(new)), strict=True))
        index.add(np.array(new, np.uint64))
    asked = [*asked, *numbers]
    expected = [numbers.get(key, FREE) for key in asked]
    assert index.find(np.array(asked, np.uint64)).tolist() == expected
    assert len(index) == len(numbers)


@given(st.lists(keys, unique=True, max_size=60), st.lists(keys, unique=True), st.data())
def test_a_cut_index_is_as_if_the_rest_was_never_added(first, later, data):
    kept = data.draw(st.integers(0, len(first)))
    index, fresh = PieceIndex(), PieceIndex()
    index.add(np.array(first, np.uint64))
    index.truncate(kept)
    fresh.add(np.array(first[:kept], np.uint64))
    more = np.array([key for key in later if key not in first[:kept]], np.uint64)
    for one in (index, fresh):
        one.add(more)
    asked = np.array([*first, *later], np.uint64)
    assert index.find(asked).tolist() == fresh.find(asked).tolist()


def test_an_index_grows_and_keeps_what_it_holds():
    index = PieceIndex()
    keys = np.random.default_rng(1).integers(0, 2**64 - 1, 100_000, np.uint64)
    for part in np.array_split(keys, 7):
        index.add(part)
    assert np.array_equal(index.find(keys), np.arange(len(keys)))
    assert (index.find(keys + np.uint64(1)) == FREE).all()


def test_similar_words_have_different_keys():
    letters = [chr(97 + i) for i in range(26)]
    words = {a + b + c + d for a in letters for b in letters for c in letters for d in "ab "}
    words |= {"a" * length for length in range(1, 3000)}
    words |= {f"{number}" for number in range(20_000)}
    assert len(np.unique(piece_keys(words_of(*words)))) == len(words)


@given(st.lists(st.text(min_size=1), max_size=20), st.data())
def test_a_key_depends_on_the_word_alone(words, data):
    start = data.draw(st.integers(0, len(words)))
    expected = [piece_keys(words_of(word))[0] for word in words]
    assert piece_keys(words_of(*words)).tolist() == expected
    assert piece_keys(words_of(*words).slice(start)).tolist() == expected[start:]


def test_more_words_than_are_hashed_at_a_time_have_the_keys_they_have_alone():
    words = words_of(*(f"{i:08}" for i in range(HASHED_BYTES // 4)))
    assert piece_keys(words)[-1] == piece_keys(words[-1:])[0]
    assert len(np.unique(piece_keys(words))) == len(words)
