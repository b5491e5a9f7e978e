"""Weights as a bundle keeps them."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays

from scorer.bundles.weights import EMBEDDING, EXPONENTS, LARGEST, pack, rounded, unpack
from scorer.errors import BundleError

NUMBERS = st.floats(-60_000, 60_000, width=16)
EMBEDDINGS = arrays(np.float16, array_shapes(min_dims=2, max_dims=2), elements=NUMBERS)


@given(EMBEDDINGS)
def test_rounded_weights_come_back_as_they_were_in_8_bits(embedding):
    weights = rounded({EMBEDDING: torch.from_numpy(embedding), "other": torch.ones(3)})
    packed = pack(weights)
    assert packed[EMBEDDING].dtype == packed[EXPONENTS].dtype == torch.int8
    back = unpack(packed)
    assert back.keys() == weights.keys()
    assert all(torch.equal(back[name], weights[name]) for name in weights)
    assert all(torch.equal(again, weights[name]) for name, again in rounded(weights).items())


@given(EMBEDDINGS)
def test_a_number_changes_by_less_than_a_127th_of_its_row_s_largest(embedding):
    given_rows = torch.from_numpy(embedding).float()
    kept = rounded({EMBEDDING: given_rows})[EMBEDDING].float()
    error = (kept - given_rows).abs().amax(dim=1)
    assert (error <= given_rows.abs().amax(dim=1) / LARGEST + 2.0**-24).all()


@given(EMBEDDINGS)
def test_weights_that_are_not_rounded_are_kept_as_they_are(embedding):
    weights = {EMBEDDING: torch.from_numpy(embedding), "other": torch.ones(3).half()}
    back = unpack(pack(weights))
    assert all(torch.equal(back[name], weights[name]) for name in weights)


@pytest.mark.parametrize(
    "change",
    [
        {EXPONENTS: torch.zeros(3, dtype=torch.int8)},
        {EXPONENTS: torch.zeros(2)},
        {EMBEDDING: torch.zeros(2, 4)},
        {EMBEDDING: torch.zeros(2, dtype=torch.int8)},
    ],
)
def test_an_embedding_and_exponents_that_do_not_fit_are_refused(change):
    packed = pack(rounded({EMBEDDING: torch.ones(2, 4)})) | change
    with pytest.raises(BundleError, match="do not fit"):
        unpack(packed)


def test_exponents_without_an_embedding_are_refused():
    with pytest.raises(BundleError, match="do not fit"):
        unpack({EXPONENTS: torch.zeros(2, dtype=torch.int8)})


@pytest.mark.parametrize("largest", [float("nan"), float("inf")])
def test_numbers_that_are_none_stay_to_be_seen(largest):
    weights = rounded({EMBEDDING: torch.tensor([[largest, 1.0]])})
    assert not weights[EMBEDDING].isfinite().all()
    assert not unpack(pack(weights))[EMBEDDING].isfinite().all()


def test_the_largest_numbers_do_not_become_infinite():
    weights = rounded({EMBEDDING: torch.tensor([[65504.0, 1.0], [65480.0, 1.0]])})
    assert weights[EMBEDDING].isfinite().all()
    assert torch.equal(unpack(pack(weights))[EMBEDDING], weights[EMBEDDING])
