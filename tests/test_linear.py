"""The linear term: what is counted, its logits, and how it is fitted."""

from itertools import pairwise

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from tiny_models import WORDS, write_texts

from scorer.errors import BundleError
from scorer.network.linear import NO_WORD, LinearTerm, Subwords, Terms, weigh
from scorer.tokens.counting import count_tokens
from scorer.tokens.encoding import TextEncoder
from scorer.tokens.ngrams import most_frequent_ngrams
from scorer.tokens.text import TextRules
from scorer.tokens.vocabulary import SPECIALS, UNKNOWN_ID, Vocabulary, build_vocabulary
from scorer.training.fitting import Examples
from scorer.training.linear import (
    VECTOR_WEIGHT,
    _ngram_idf,
    _ngrams_of_texts,
    fit_linear,
)
from scorer.training.word_vectors import WordVectors

LETTERS = "abcde"


def encoder_of(texts: list[str], ngrams: int = 10**6) -> tuple[TextEncoder, Vocabulary]:
    rules = TextRules()
    counts = count_tokens(pa.array(texts, pa.large_string()), rules)
    tokens = build_vocabulary(counts, 10**6).tokens
    vocabulary = Vocabulary(tokens, most_frequent_ngrams(counts, ngrams))
    return TextEncoder(rules, vocabulary), vocabulary


@pytest.fixture(scope="module")
def rows() -> tuple[list[str], np.ndarray]:
    labelled = write_texts(tuple(WORDS), 240, seed=4)
    return list(labelled.texts), labelled.targets


@pytest.fixture(scope="module")
def fitted(rows) -> tuple[TextEncoder, LinearTerm]:
    encoder, vocabulary = encoder_of(rows[0])
    encoded = encoder.encode(pa.array(rows[0], pa.large_string()))
    return encoder, fit_linear(Examples(encoded, rows[1]), vocabulary, 3)


def test_it_is_scikit_learn_s_tf_idf_with_logistic_regression(rows):
    texts, targets = rows
    encoder, vocabulary = encoder_of(texts, ngrams=0)
    encoded = encoder.encode(pa.array(texts, pa.large_string()))
    term = fit_linear(Examples(encoded, targets), vocabulary, 3)
    assert term.subwords is None
    strings = [
        [str(i) for i in encoder.encode(pa.array([t], pa.large_string())).ids] for t in texts
    ]
    words = {str(i): str(word) for i, word in enumerate(term.terms.words)}
    vectorizer = TfidfVectorizer(
        analyzer=lambda ids: (
            [words[i] for i in ids] + [f"{words[a]} {words[b]}" for a, b in pairwise(ids)]
        ),
        sublinear_tf=True,
    )
    features = vectorizer.fit_transform(strings)
    expected = LogisticRegression(C=4.0, max_iter=200).fit(features, targets)
    found = term.logits(encoder.encode(pa.array(texts, pa.large_string())))
    np.testing.assert_allclose(found, expected.decision_function(features), atol=0.02)


def vectors_of(words: dict[str, list[float]]) -> WordVectors:
    rows = {word: row for row, word in enumerate(words)}
    return WordVectors(rows, np.array(list(words.values()), np.float32), "")


def test_word_vectors_are_features_too_and_become_part_of_the_words_coefficients(rows):
    texts, targets = rows
    encoder, vocabulary = encoder_of(texts, ngrams=0)
    encoded = encoder.encode(pa.array(texts, pa.large_string()))
    numbers = np.random.default_rng(0).normal(size=(len(vocabulary), 5)).tolist()
    vectors = vectors_of(dict(zip(map(str.lower, vocabulary.tokens), numbers, strict=True)))
    term = fit_linear(Examples(encoded, targets), vocabulary, 3, vectors)
    weighted = weigh(term.terms.count(encoded), term.inverse_document_frequency).toarray()
    by_word = np.zeros((weighted.shape[1], 5))
    for word, token in zip(term.terms.words, vocabulary.tokens, strict=True):
        by_word[word] = vectors.of([token])[0] if word != NO_WORD else by_word[word]
    sums = VECTOR_WEIGHT * weighted @ by_word
    features = np.hstack([weighted, sums - sums.mean(axis=0)])
    expected = LogisticRegression(C=4.0, max_iter=200).fit(features, targets)
    np.testing.assert_allclose(
        term.logits(encoded), expected.decision_function(features), atol=0.02
    )


def test_a_word_that_no_row_has_is_known_by_words_of_like_meaning():
    texts = ["good film", "fine film", "bad film", "poor film"] * 10
    encoder, vocabulary = encoder_of([*texts, "superb", "dire", "film"], ngrams=0)
    encoded = encoder.encode(pa.array(texts, pa.large_string()))
    good, bad = [1.0, 0.0], [0.0, 1.0]
    meanings = {"good": good, "fine": good, "superb": good, "bad": bad, "poor": bad, "dire": bad}
    examples = Examples(encoded, np.array([1, 1, 0, 0] * 10))
    unseen = encoder.encode(pa.array(["a Superb film", "a dire film"], pa.large_string()))
    term = fit_linear(examples, vocabulary, 2, vectors_of(meanings))
    assert (term.logits(unseen).argmax(axis=1) == [1, 0]).all()
    assert np.ptp(fit_linear(examples, vocabulary, 2).logits(unseen)[:, 0]) < 1e-6


def test_words_that_no_row_has_take_at_most_half_the_terms(monkeypatch):
    monkeypatch.setattr("scorer.training.linear.MAX_WEIGHTS", 60)
    texts = ["good film", "bad film"] * 5
    more = [f"{first}{second}" for first in "abcdefghij" for second in "klmnopqrst"]
    encoder, vocabulary = encoder_of([*texts, *more], ngrams=0)
    encoded = encoder.encode(pa.array(texts, pa.large_string()))
    examples = Examples(encoded, np.array([1, 0] * 5))
    term = fit_linear(examples, vocabulary, 2, vectors_of({word: [1.0] for word in more}))
    assert fit_linear(examples, vocabulary, 2).terms.word_count == 3
    assert term.terms.word_count == 15 - len(SPECIALS)
    assert len(term.terms) == 15 - len(SPECIALS) + 2  # good film, bad film


@pytest.fixture(scope="module")
def letters() -> tuple[TextEncoder, LinearTerm]:
    texts = ["a b c", "b A", "d e d e"]
    encoder, vocabulary = encoder_of(texts)
    encoded = encoder.encode(pa.array(texts, pa.large_string()))
    return encoder, fit_linear(Examples(encoded, np.array([0, 1, 0])), vocabulary, 2)


@given(st.lists(st.text(LETTERS + " ", max_size=20), min_size=1, max_size=6))
def test_a_text_s_logits_do_not_depend_on_its_neighbours(letters, texts):
    encoder, term = letters
    together = term.logits(encoder.encode(pa.array(texts, pa.large_string())))
    for text, expected in zip(texts, together, strict=True):
        alone = term.logits(encoder.encode(pa.array([text], pa.large_string())))
        np.testing.assert_allclose(alone[0], expected, atol=1e-6)


def test_case_makes_no_difference_and_unknown_words_none():
    encoder, vocabulary = encoder_of(["Good film", "bad film", "GOOD", "good"])
    encoded = encoder.encode(pa.array(["Good film", "bad film"], pa.large_string()))
    term = fit_linear(Examples(encoded, np.array([1, 0])), vocabulary, 2)
    words = dict(zip(vocabulary.tokens, term.terms.words.tolist(), strict=True))
    assert words["Good"] == words["GOOD"] == words["good"]
    assert words["<unk>"] == words["<pad>"] == NO_WORD
    same = term.logits(encoder.encode(pa.array(["good FILM", "good zzz film"], pa.large_string())))
    assert same[0, 1] > same[0, 0]
    assert same[1, 1] < same[0, 1]  # the pair is not there any more


def test_soft_labels_are_learned_as_far_as_they_go(rows):
    texts, targets = rows
    encoder, vocabulary = encoder_of(texts)
    encoded = encoder.encode(pa.array(texts, pa.large_string()))
    sure = np.eye(3, dtype=np.float32)[targets]
    hard, soft = (fit_linear(Examples(encoded, t), vocabulary, 3) for t in (targets, sure))
    np.testing.assert_allclose(hard.logits(encoded), soft.logits(encoded), atol=0.02)
    doubtful = fit_linear(Examples(encoded, 0.4 * sure + 0.2), vocabulary, 3).logits(encoded)
    assert np.ptp(doubtful, axis=1).mean() < 0.5 * np.ptp(hard.logits(encoded), axis=1).mean()
    assert (doubtful.argmax(axis=1) == targets).mean() > 0.9


def test_there_are_at_most_as_many_terms_as_allowed(rows, monkeypatch):
    monkeypatch.setattr("scorer.training.linear.MAX_WEIGHTS", 300)
    encoder, vocabulary = encoder_of(rows[0])
    encoded = encoder.encode(pa.array(rows[0], pa.large_string()))
    term = fit_linear(Examples(encoded, rows[1]), vocabulary, 3)
    assert len(term.terms) == max(100, term.terms.word_count)


def test_it_is_what_it_was_when_read_again(fitted):
    encoder, term = fitted
    kept = term.scaled(0.5)
    again = LinearTerm.from_tensors(kept.to_tensors())
    encoded = encoder.encode(pa.array(["a good film", ""], pa.large_string()))
    assert np.array_equal(again.logits(encoded), kept.logits(encoded))
    np.testing.assert_allclose(kept.logits(encoded), 0.5 * term.logits(encoded), atol=0.01)


@pytest.mark.parametrize(
    "change",
    [
        lambda t: t | {"pairs": t["pairs"][::-1].copy()},
        lambda t: t | {"intercepts": t["intercepts"][:1]},
        lambda t: t | {"coefficients": t["coefficients"][1:]},
        lambda t: {name: array for name, array in t.items() if name != "words"},
        lambda t: {name: array for name, array in t.items() if name != "token_sizes"},
        lambda t: t | {"token_coefficients": t["token_coefficients"][1:]},
    ],
)
def test_parts_that_do_not_fit_are_refused(fitted, change):
    with pytest.raises(BundleError):
        LinearTerm.from_tensors(change(fitted[1].to_tensors()))


@pytest.mark.parametrize("beside", [[], ["wonderfulness", "dreadfulness"]])
def test_a_word_that_no_row_has_is_known_by_its_n_grams(beside):
    texts = [*["wonderful day", "wonderfully done"] * 20, *["dreadful day", "dreadfully done"] * 20]
    encoder, vocabulary = encoder_of([*texts, *beside])  # in the vocabulary, or unknown
    encoded = encoder.encode(pa.array(texts, pa.large_string()))
    term = fit_linear(Examples(encoded, np.repeat([1, 0], 40)), vocabulary, 2)
    unseen = encoder.encode(pa.array(["wonderfulness", "dreadfulness"], pa.large_string()))
    assert (unseen.ids == UNKNOWN_ID).all() == (not beside)
    assert (term.logits(unseen).argmax(axis=1) == [1, 0]).all()
    without = LinearTerm(
        term.terms, term.inverse_document_frequency, term.coefficients, term.intercepts
    )
    assert np.ptp(without.logits(unseen)[:, 0]) == 0


def test_an_unknown_word_has_the_n_grams_it_would_have_if_it_were_known():
    texts = ["good films", "good film", "bad filming", "bad filmed"]
    column, ngrams = pa.array(texts, pa.large_string()), encoder_of(2 * texts)[1].ngrams
    found = []
    for tokens in (("good", "bad", "film", "films", "filming", "filmed"), ("good", "bad", "film")):
        vocabulary = Vocabulary((*SPECIALS, *tokens), ngrams)
        encoded = TextEncoder(TextRules(), vocabulary).encode(column)
        found.append(_ngrams_of_texts(encoded, _ngram_idf(encoded, vocabulary)).toarray())
    assert found[0].any(axis=1).all()
    np.testing.assert_allclose(found[0], found[1], atol=1e-6)


def test_n_grams_add_up_to_what_the_regression_was_given(rows):
    encoder, vocabulary = encoder_of(rows[0])
    encoded = encoder.encode(pa.array(rows[0], pa.large_string()))
    ngrams = _ngram_idf(encoded, vocabulary)
    weights = np.random.default_rng(0).normal(size=(ngrams.shape[1], 3)).astype(np.float32)
    expected = _ngrams_of_texts(encoded, ngrams) @ weights
    sizes = np.asarray(ngrams.multiply(ngrams).sum(axis=1)).ravel()
    found = Subwords(ngrams @ weights, sizes.astype(np.float32)).logits(encoded)
    np.testing.assert_allclose(found, expected, atol=1e-4)


def test_terms_without_pairs_are_counted_too():
    terms = Terms(np.array([-1, -1, 0, 1], np.int32), np.zeros(0, np.int64))
    encoder = TextEncoder(TextRules(), Vocabulary(("<unk>", "<pad>", "a", "b")))
    counts = terms.count(encoder.encode(pa.array(["a b a", "c"], pa.large_string())))
    np.testing.assert_allclose(counts.toarray(), [[1 + np.log(2), 1], [0, 0]], rtol=1e-6)
