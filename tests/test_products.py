import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from scorer.network.precision import multiplies_bytes
from scorer.network.products import product_of

HIDDEN, VOCABULARY = 16, 30
TOLERANCES = {"float32": 1e-6, "bfloat16": 0.05, "float16": 0.01, "int8": 0.05}
bytes_needed = pytest.mark.skipif(not multiplies_bytes(), reason="no byte products here")
all_precisions = [
    pytest.param(name, marks=bytes_needed) if name == "int8" else name for name in TOLERANCES
]


def gates_of(precision: str, ids: torch.Tensor, halves: torch.Tensor) -> torch.Tensor:
    """Return the gates of texts whose states are given as halves."""
    product = product_of(precision, *weights())
    scratch, gates = product.scratch(len(ids)), torch.empty(len(ids), 4 * HIDDEN)
    product.take(halves, scratch)
    product.add(ids, scratch, gates)
    return gates


def weights() -> tuple[torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(5)
    table = torch.randn(VOCABULARY, 4 * HIDDEN, generator=generator)
    return table, torch.randn(HIDDEN, 4 * HIDDEN, generator=generator) * 0.4


def halves_of(rows: int) -> torch.Tensor:
    return torch.rand(rows, HIDDEN, generator=torch.Generator().manual_seed(rows)) - 0.5


@pytest.mark.parametrize("precision", all_precisions)
@given(rows=st.integers(1, 40))
@torch.inference_mode()
def test_gates_are_the_tokens_rows_and_the_product(precision, rows):
    table, weight = weights()
    ids, halves = torch.arange(rows) % VOCABULARY, halves_of(rows)
    expected = table[ids] + halves @ weight
    found = gates_of(precision, ids, halves)
    torch.testing.assert_close(found, expected, rtol=0, atol=TOLERANCES[precision])


@pytest.mark.parametrize("precision", all_precisions)
@torch.inference_mode()
def test_a_batch_starts_with_states_of_nought(precision):
    table, weight = weights()
    product, gates = product_of(precision, table, weight), torch.empty(3, 4 * HIDDEN)
    product.add(torch.tensor([4, 4, 9]), product.scratch(3), gates)
    expected = table[[4, 4, 9]]
    torch.testing.assert_close(gates, expected, rtol=0, atol=TOLERANCES[precision])


@bytes_needed
@given(rows=st.integers(2, 40))
@torch.inference_mode()
def test_bytes_give_a_text_the_very_same_gates_in_any_batch(rows):
    ids, halves = torch.arange(rows) % VOCABULARY, halves_of(rows)
    together = gates_of("int8", ids, halves)
    alone = [gates_of("int8", ids[i : i + 1], halves[i : i + 1]) for i in range(rows)]
    assert torch.equal(together, torch.cat(alone))


@bytes_needed
@pytest.mark.parametrize("half", [-0.5, 0.0, 0.5])
@torch.inference_mode()
def test_bytes_hold_the_ends_of_a_states_range(half):
    product = product_of("int8", torch.zeros(1, 4 * HIDDEN), torch.ones(HIDDEN, 4 * HIDDEN))
    scratch, gates = product.scratch(1), torch.empty(1, 4 * HIDDEN)
    product.take(torch.full((1, HIDDEN), half), scratch)
    product.add(torch.tensor([0]), scratch, gates)
    torch.testing.assert_close(gates, torch.full_like(gates, half * HIDDEN))


@bytes_needed
@torch.inference_mode()
def test_bytes_take_weights_of_nought():
    zeros = torch.zeros(HIDDEN, 4 * HIDDEN)
    product, gates = product_of("int8", weights()[0], zeros), torch.empty(1, 4 * HIDDEN)
    product.add(torch.tensor([7]), product.scratch(1), gates)
    assert torch.equal(gates[0], weights()[0][7])
