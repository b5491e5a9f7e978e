import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch.nn.utils.rnn import pack_padded_sequence

from scorer.network.batching import padded, shuffled
from scorer.network.packing import in_row_order, length_sorted, packed
from scorer.tokens.encoding import Encoded
from scorer.tokens.vocabulary import PAD_ID

some_lengths = st.lists(st.integers(0, 40), max_size=60).map(lambda many: np.array(many, np.int64))


def encoded_of(lengths: np.ndarray) -> Encoded:
    """Return texts of these lengths whose tokens are all different: 2, 3, 4 …"""
    return Encoded(
        np.arange(2, 2 + lengths.sum(), dtype=np.int32), np.concatenate([[0], np.cumsum(lengths)])
    )


@given(some_lengths, st.integers(1, 9), st.integers(1, 100))
def test_length_sorted_batches_cover_each_row_with_a_token_once(lengths, batch_size, budget):
    batches = length_sorted(lengths, batch_size, budget)
    rows = np.concatenate([np.zeros(0, np.int64), *batches])
    assert sorted(rows.tolist()) == np.flatnonzero(lengths).tolist()
    assert (np.diff(lengths[rows]) <= 0).all()


@given(some_lengths, st.integers(1, 9), st.integers(1, 100))
def test_a_batch_keeps_within_its_rows_and_padded_tokens(lengths, batch_size, budget):
    for rows in length_sorted(lengths, batch_size, budget):
        assert 1 <= len(rows) <= batch_size
        assert len(rows) == 1 or len(rows) * lengths[rows].max() <= budget


def test_length_sorted_batches_are_as_full_as_the_limits_allow():
    sizes = [len(rows) for rows in length_sorted(np.array([4, 2, 0, 2, 2, 9]), 3, 8)]
    assert sizes == [1, 2, 2]  # lengths 9 | 4, 2 | 2, 2


def test_few_texts_are_shared_out_by_their_tokens():
    sizes = [len(rows) for rows in length_sorted(np.array([9, 2, 3, 0, 4, 3, 6]), 100, 1000, 2)]
    assert sizes == [2, 4]  # lengths 9, 6 | 4, 3, 3, 2


@given(some_lengths, st.integers(1, 9), st.integers(1, 5))
def test_a_batch_is_full_where_it_has_its_share_of_all_tokens(lengths, batch_size, shares):
    for rows in length_sorted(lengths, batch_size, 10**6, shares):
        assert lengths[rows[:-1]].sum() * shares < lengths.sum()
    assert len(length_sorted(lengths, 100, 10**6, shares)) <= shares


def test_texts_of_one_length_stay_in_their_order():
    (rows,) = length_sorted(np.array([3, 5, 3, 3]), 10, 100)
    assert rows.tolist() == [1, 0, 2, 3]


@given(some_lengths, st.integers(1, 4), st.integers(0, 5))
def test_an_epoch_has_each_row_with_a_token_once(lengths, batch_size, seed):
    batches = shuffled(lengths, batch_size, np.random.default_rng(seed))
    rows = np.concatenate([np.zeros(0, np.int64), *batches])
    assert sorted(rows.tolist()) == np.flatnonzero(lengths).tolist()
    assert all((np.diff(lengths[batch]) <= 0).all() for batch in batches)
    assert all(0 < len(batch) <= batch_size for batch in batches)


def test_epochs_differ_and_repeat_with_their_seed():
    lengths = np.arange(1, 200)
    rng, same = np.random.default_rng(3), np.random.default_rng(3)
    first, second = (np.concatenate(shuffled(lengths, 8, rng)).tolist() for _ in range(2))
    assert first != second
    assert first == np.concatenate(shuffled(lengths, 8, same)).tolist()


def test_a_training_batch_holds_texts_of_like_length():
    lengths = np.random.default_rng(0).integers(1, 400, 2000)
    spread = [np.ptp(lengths[rows]) for rows in shuffled(lengths, 16, np.random.default_rng(0))]
    assert np.mean(spread) < 20


@given(some_lengths.filter(np.any), st.integers(1, 50))
def test_a_padded_text_is_its_own_tokens_then_padding(lengths, max_tokens):
    encoded = encoded_of(lengths)
    for rows in length_sorted(lengths, 5, 1000):
        batch = padded(encoded, rows, max_tokens)
        for row, ids, length in zip(rows, batch.ids, batch.lengths.tolist(), strict=True):
            text = encoded.ids[encoded.offsets[row] : encoded.offsets[row + 1]]
            assert ids[:length].tolist() == text[:max_tokens].tolist()
            assert (ids[length:] == PAD_ID).all()


def test_padding_is_no_wider_than_the_longest_text():
    assert padded(encoded_of(np.array([2, 7, 3])), np.array([2, 0])).ids.shape == (2, 3)


@given(some_lengths.filter(np.any))
def test_packed_texts_are_laid_out_as_torch_packs_them(lengths):
    encoded = encoded_of(lengths)
    for rows in length_sorted(lengths, 7, 1000):
        batch, ours = padded(encoded, rows), packed(encoded, rows)
        theirs = pack_padded_sequence(batch.ids, batch.lengths, batch_first=True)
        assert torch.equal(ours.ids, theirs.data)
        assert ours.sizes.tolist() == theirs.batch_sizes.tolist()
        assert ours.lengths.tolist() == batch.lengths.tolist()


@given(some_lengths)
def test_values_return_to_their_rows_and_the_rest_is_nan(lengths):
    batches = length_sorted(lengths, 4, 100)
    values = [np.stack([rows, -rows], axis=1).astype(np.float32) for rows in batches]
    restored = in_row_order(batches, values, len(lengths), 2)
    assert restored.dtype == np.float32
    for row, (length, pair) in enumerate(zip(lengths, restored.tolist(), strict=True)):
        assert pair == [row, -row] if length else np.isnan(pair).all()


def test_a_batch_without_its_values_is_refused():
    with pytest.raises(ValueError, match="shorter"):
        in_row_order([np.array([0])], [], 1, 2)
