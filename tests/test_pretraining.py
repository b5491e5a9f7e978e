from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from scorer.network.model import ModelConfig, TextClassifier
from scorer.tokens.encoding import Encoded
from scorer.tokens.vocabulary import PAD_ID
from scorer.training import pretraining
from scorer.training.pretraining import (
    BLOCK_TOKENS,
    PretrainConfig,
    PretrainStep,
    batches_of,
    pretrain,
    stream_batches,
)

WORDS = 60  # of the vocabulary
SMALL = PretrainConfig(passes=2, streams=8, steps=12, learning_rate=0.04)
texts = st.lists(st.lists(st.sampled_from([0, 2, 3, 4, 5]), max_size=12), min_size=1, max_size=12)


def encoded(rows: list[list[int]]) -> Encoded:
    lengths = [len(row) for row in rows]
    ids = np.array([token for row in rows for token in row], np.int32)
    return Encoded(ids, np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64))


def model(cell: str = "lstm") -> TextClassifier:
    torch.manual_seed(0)
    return TextClassifier(ModelConfig(WORDS, 2, 6, 10, cell))


@pytest.fixture(scope="module")
def corpus() -> Encoded:
    """Texts that count: each token is the one before plus one, from anywhere."""
    rng = np.random.default_rng(4)
    starts, lengths = rng.integers(2, 30, 200), rng.integers(3, 30, 200)
    return encoded([list(range(a, a + n)) for a, n in zip(starts, lengths, strict=True)])


def streams(rows: list[list[int]], count: int, steps: int) -> np.ndarray:
    """Return (streams, tokens) put together again from the batches."""
    config = PretrainConfig(streams=count, steps=steps)
    batches = list(stream_batches(encoded(rows), config, np.random.default_rng(1)))
    assert len(batches) == batches_of(encoded(rows), config)
    for inputs, targets in batches:
        assert inputs.shape == targets.shape == (count, steps)
        assert torch.equal(inputs[:, 1:], targets[:, :-1])
    for (_, before), (after, _) in pairwise(batches):
        assert torch.equal(before[:, -1], after[:, 0])
    return torch.cat([*(inputs for inputs, _ in batches), batches[-1][1][:, -1:]], dim=1).numpy()


def split_at_padding(row: list[int]) -> list[list[int]]:
    parts: list[list[int]] = [[]]
    for token in row:
        if token == PAD_ID:
            parts.append([])
        else:
            parts[-1].append(token)
    return parts


@given(texts)
def test_a_single_stream_holds_every_token_of_every_text_in_order(rows):
    if sum(map(len, rows)) + len(rows) < 2:
        return
    (row,) = streams(rows, 1, 1).tolist()
    *found, rest = split_at_padding(row)
    assert rest == []
    assert sorted(found) == sorted(rows)


@given(texts, st.integers(1, 4), st.integers(1, 5))
def test_streams_are_the_one_row_cut_into_equal_parts_but_for_what_fills_no_batch(
    rows, count, steps
):
    tokens = sum(map(len, rows)) + len(rows)
    if tokens // count < steps + 1:
        return
    whole = streams(rows, 1, 1)[0]
    length = tokens // count
    parts = whole[: length * count].reshape(count, length)
    found = streams(rows, count, steps)
    assert (found == parts[:, : found.shape[1]]).all()
    assert length - found.shape[1] < steps


def test_each_pass_has_the_texts_in_another_order():
    rng = np.random.default_rng(0)
    config = PretrainConfig(streams=1, steps=200)
    column = encoded([[2, token] for token in range(3, 90)])
    first, second = (next(stream_batches(column, config, rng))[0] for _ in range(2))
    assert not torch.equal(first, second)


def test_too_few_tokens_have_no_batch():
    config = PretrainConfig(streams=4, steps=9)
    enough, few = encoded([[2] * 39]), encoded([[2] * 38])  # a <pad> comes to them
    assert batches_of(enough, config) == 1
    assert batches_of(few, config) == 0
    assert batches_of(encoded([[2]]), config) == 0


@pytest.mark.parametrize("cell", ["lstm", "gru", "rnn"])
@pytest.mark.parametrize(("frequent", "sampled"), [(WORDS, 0), (20, 15)], ids=["full", "sampled"])
def test_the_loss_falls(corpus, cell, frequent, sampled):
    steps: list[PretrainStep] = []
    config = replace(SMALL, passes=5, frequent=frequent, sampled=sampled)
    pretrain(model(cell), corpus, config, steps.append)
    losses = [step.loss for step in steps]
    assert losses[0] == pytest.approx(np.log(WORDS), abs=0.3)  # nothing is known yet
    assert losses[-1] < 0.8 * losses[0]
    assert losses[-1] == pytest.approx(min(losses), abs=0.02)


def test_only_the_layers_that_it_is_for_are_changed(corpus):
    before = model().state_dict()
    after = model()
    pretrain(after, corpus, replace(SMALL, passes=1))
    changed = {n for n, tensor in after.state_dict().items() if not torch.equal(tensor, before[n])}
    assert changed == {name for name in before if not name.startswith("output")}


def test_a_seed_gives_the_same_weights_again(corpus):
    def weights(seed: int) -> torch.Tensor:
        taught = model()
        pretrain(taught, corpus, replace(SMALL, passes=1, seed=seed, frequent=20, sampled=15))
        return torch.cat([tensor.flatten() for tensor in taught.state_dict().values()])

    first = weights(1)
    torch.rand(7)
    assert torch.equal(weights(1), first)
    assert not torch.equal(weights(2), first)


def test_steps_tell_how_far_it_is(corpus):
    steps: list[PretrainStep] = []
    pretrain(model(), corpus, SMALL, steps.append)
    assert len(steps) == 2 * batches_of(corpus, SMALL)
    assert [step.tokens for step in steps[:2]] == [96, 192]
    assert {step.total_tokens for step in steps} == {96 * len(steps)}
    assert steps[-1].tokens == steps[-1].total_tokens
    assert steps[0].seconds_left > 0 == steps[-1].seconds_left
    assert all(step.tokens_per_second > 0 for step in steps)


@pytest.mark.parametrize("tokens", [1, BLOCK_TOKENS, 2 * BLOCK_TOKENS + 3])
def test_the_normaliser_is_the_log_sum_exp_and_so_are_its_gradients(tokens):
    torch.manual_seed(1)
    shapes = ((tokens, 6), (WORDS, 6), (WORDS,))
    ours = [torch.randn(shape, requires_grad=True) for shape in shapes]
    theirs = [part.detach().double().requires_grad_() for part in ours]
    slopes = torch.randn(tokens)
    found = pretraining._LogSumExp.apply(*ours)
    outputs, weight, bias = theirs
    exact = torch.logsumexp(outputs @ weight.T + bias, dim=1)
    assert found.dtype == torch.float32
    torch.testing.assert_close(found.double(), exact, atol=1e-5, rtol=1e-5)
    gradients = torch.autograd.grad(found, ours, slopes)
    for gradient, expected in zip(
        gradients, torch.autograd.grad(exact, theirs, slopes.double()), strict=True
    ):
        torch.testing.assert_close(gradient.double(), expected, atol=1e-4, rtol=1e-4)


def test_the_normaliser_is_nearly_right_in_bfloat16_and_where_logits_are_high():
    torch.manual_seed(1)
    outputs, weight = 8 * torch.randn(40, 6), 8 * torch.randn(WORDS, 6)
    bias = torch.zeros(WORDS)
    exact = torch.logsumexp(outputs @ weight.T, dim=1)
    assert exact.max() > 200  # where exp alone overflows
    found = pretraining._LogSumExp.apply(outputs, weight, bias)
    torch.testing.assert_close(found, exact, atol=1e-3, rtol=1e-5)
    rough = pretraining._LogSumExp.apply(outputs.bfloat16(), weight, bias)
    torch.testing.assert_close(rough, exact, atol=1.0, rtol=0.02)


def language_model(frequent: int, sampled: int = 10) -> pretraining._LanguageModel:
    config = PretrainConfig(frequent=frequent, sampled=sampled)
    made = pretraining._LanguageModel(model(), config)
    torch.manual_seed(2)
    torch.nn.init.normal_(made.embedding.weight)
    torch.nn.init.normal_(made.bias)
    return made


@pytest.mark.parametrize("frequent", [WORDS, 10 * WORDS])
def test_with_all_tokens_frequent_the_loss_is_the_full_softmax(frequent):
    made = language_model(frequent)
    inputs, targets = torch.randint(0, WORDS, (2, 3, 5)).unbind()
    loss, _ = made.loss(inputs, targets, None, made.draw_candidates())
    states, _ = made.recurrent(made.embedding(inputs))
    logits = made.projection(states) @ made.embedding.weight.T + made.bias
    exact = torch.nn.functional.cross_entropy(logits.flatten(0, 1), targets.flatten())
    torch.testing.assert_close(loss, exact)
    parameters = list(made.parameters())
    ours, theirs = (torch.autograd.grad(value, parameters) for value in (loss, exact))
    for one, other in zip(ours, theirs, strict=True):
        torch.testing.assert_close(one, other, atol=1e-6, rtol=1e-4)


def test_the_sampled_sum_is_the_full_one_on_average():
    made, full = language_model(15, 20), language_model(WORDS)
    full.load_state_dict(made.state_dict())
    inputs, targets = torch.tensor([[7]]), torch.tensor([[3]])  # a frequent target
    exact, _ = full.loss(inputs, targets, None, full.draw_candidates())
    drawn = [made.loss(inputs, targets, None, made.draw_candidates())[0] for _ in range(500)]
    sums = torch.stack(drawn).exp()
    assert sums.std() > 0
    assert sums.mean().item() == pytest.approx(exact.exp().item(), rel=0.03)


def test_candidates_are_all_frequent_tokens_and_some_others_each_once():
    made = language_model(15, 20)
    drawn = [made.draw_candidates().tolist() for _ in range(20)]
    assert {len(set(tokens)) for tokens in drawn} == {35}
    assert all(tokens[:15] == list(range(15)) for tokens in drawn)
    assert {token for tokens in drawn for token in tokens} == set(range(WORDS))


@pytest.mark.parametrize("cell", ["lstm", "gru", "rnn"])
def test_the_state_goes_on_from_batch_to_batch(cell):
    config = PretrainConfig(frequent=WORDS)
    made = pretraining._LanguageModel(model(cell), config)
    torch.nn.init.normal_(made.embedding.weight)
    inputs, targets = torch.randint(0, WORDS, (2, 3, 8)).unbind()
    candidates = made.draw_candidates()
    whole, _ = made.loss(inputs, targets, None, candidates)
    first, state = made.loss(inputs[:, :4], targets[:, :4], None, candidates)
    second, _ = made.loss(inputs[:, 4:], targets[:, 4:], state, candidates)
    torch.testing.assert_close((first + second) / 2, whole)
    forgetful, _ = made.loss(inputs[:, 4:], targets[:, 4:], None, candidates)
    assert abs(forgetful - second) > 1e-4
