"""The linear term a network stands on: no row meets a term that was fitted on it; probing."""

from collections.abc import Callable

import numpy as np
import pyarrow as pa
import pytest
import torch
from tiny_models import WORDS, write_texts

from scorer.network.linear import LinearTerm
from scorer.network.model import ModelConfig, TextClassifier
from scorer.tokens.counting import count_tokens
from scorer.tokens.encoding import TextEncoder
from scorer.tokens.text import TextRules
from scorer.tokens.vocabulary import build_vocabulary
from scorer.training.fitting import Examples
from scorer.training.folds import FOLDS, MANY_ROWS, assign_folds
from scorer.training.linear import fit_linear
from scorer.training.probing import pooled_states, probe_logits
from scorer.training.stacking import fit_base

CLASSES = len(WORDS)
Fit = Callable[[Examples], LinearTerm]


def learnable(texts: list[str], targets: np.ndarray) -> tuple[Examples, Fit]:
    """Return examples, and how a linear term is fitted to any of them."""
    rules, column = TextRules(), pa.array(texts, pa.large_string())
    vocabulary = build_vocabulary(count_tokens(column, rules), 10**6)
    encoded = TextEncoder(rules, vocabulary).encode(column)
    return Examples(encoded, targets), lambda part: fit_linear(part, vocabulary, CLASSES)


@pytest.fixture(scope="module")
def names() -> tuple[Examples, Fit]:
    """Return texts of words that are in no other: only a term that has seen a text knows it."""
    return learnable([f"name{row} place{row}" for row in range(60)], np.arange(60) % CLASSES)


@pytest.fixture(scope="module")
def opinions() -> tuple[Examples, Fit]:
    rows = write_texts(tuple(WORDS), 240, seed=4)
    return learnable(list(rows.texts), rows.targets)


def accuracy(logits: np.ndarray, targets: np.ndarray) -> float:
    return float((logits.argmax(axis=1) == targets).mean())


def test_no_row_meets_a_term_that_was_fitted_on_it(names):
    examples, fit = names
    base = fit_base(examples, fit)
    assert accuracy(base.term.logits(examples.encoded), examples.targets) == 1
    assert accuracy(base.logits, examples.targets) < 0.5


def test_what_can_be_learned_of_other_rows_is_in_the_logits_of_each(opinions):
    examples, fit = opinions
    base = fit_base(examples, fit)
    assert base.logits.shape == (240, CLASSES) and base.logits.dtype == np.float32
    assert accuracy(base.logits, examples.targets) > 0.9


def test_soft_labels_are_stacked_like_the_classes_they_lean_to(opinions):
    examples, fit = opinions
    soft = np.float32(0.1) + np.float32(0.7) * np.eye(CLASSES, dtype=np.float32)[examples.targets]
    base = fit_base(Examples(examples.encoded, soft), fit)
    assert accuracy(base.logits, examples.targets) > 0.9


def test_the_term_is_as_sure_as_it_is_right_of_rows_it_has_not_seen(names, opinions):
    assert fit_base(*names).scale < fit_base(*opinions).scale


def test_the_term_counts_less_beside_a_network_that_knows_the_same(opinions):
    examples, fit = opinions
    alone, term = fit_base(examples, fit).scale, fit(examples)

    def noise(asked: Examples) -> np.ndarray:
        return np.random.default_rng(1).normal(size=(len(asked.targets), CLASSES))

    def same(asked: Examples) -> np.ndarray:
        return term.logits(asked.encoded)

    assert fit_base(examples, fit, noise).scale == pytest.approx(alone, rel=0.2)
    assert fit_base(examples, fit, same).scale < alone / 2


def test_more_rows_get_the_word_of_the_term_that_has_not_seen_them(opinions):
    examples, fit = opinions
    first = Examples(examples.encoded.rows(0, 150), examples.targets[:150])
    base = fit_base(first, fit)
    term, extended = base.extended(examples, fit)
    np.testing.assert_array_equal(extended.base_logits[:150], base.logits)
    rest = examples.encoded.rows(150, 240)
    np.testing.assert_array_equal(extended.base_logits[150:], base.term.logits(rest))
    np.testing.assert_array_equal(term.coefficients, fit(examples).scaled(base.scale).coefficients)


def test_each_class_is_dealt_out_over_all_folds_and_many_rows_get_two():
    targets = np.array([0] * 50 + [1] * 5)
    folds = assign_folds(targets)
    for of in (0, 1):
        assert len(set(np.bincount(folds[targets == of], minlength=FOLDS))) == 1
    assert set(assign_folds(np.arange(MANY_ROWS + 1) % 2)) == {0, 1}


def test_a_class_of_one_row_leaves_folds_with_a_single_class():
    examples, fit = learnable([f"fine{row % 3} word" for row in range(9)], np.array([0] * 8 + [1]))
    base = fit_base(examples, fit)
    assert np.isfinite(base.logits).all()
    assert base.logits[:, 0].min() > base.logits[:, 1].max()


def test_a_probe_tells_what_the_states_of_a_network_tell(opinions):
    examples, _ = opinions
    torch.manual_seed(0)
    model = TextClassifier(ModelConfig(int(examples.encoded.ids.max()) + 1, CLASSES, 32, 64))
    told = accuracy(probe_logits(model, examples), examples.targets)
    with torch.no_grad():
        model.embedding.weight.zero_()  # it can no longer tell a word from another
    lengths_alone = accuracy(probe_logits(model, examples), examples.targets)
    assert told > lengths_alone + 0.2
    nothing = Examples(examples.encoded.take(np.array([], np.int64)), examples.targets[:0])
    assert pooled_states(model, nothing.encoded).shape == (0, 3 * 64)
