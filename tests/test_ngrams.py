"""Character n-grams of tokens, and the ids that unknown tokens get by them."""

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from scorer.errors import BundleError
from scorer.tokens.encoding import Encoded, TextEncoder
from scorer.tokens.ngrams import LONGEST, most_frequent_ngrams, ngrams_of
from scorer.tokens.text import TextRules
from scorer.tokens.vocabulary import SPECIALS, UNKNOWN_ID, Vocabulary

RULES = TextRules()
TOKENS = (*SPECIALS, "the", "film", ".")
SPELLED = Vocabulary(TOKENS, ("<fi", "film", "lms>", "<th"))
encoder = TextEncoder(RULES, SPELLED)
plain_encoder = TextEncoder(RULES, Vocabulary(TOKENS))
texts = st.lists(st.text("film. ths", max_size=12), max_size=8)


def test_n_grams_tell_beginning_and_end_apart_but_no_case():
    assert ngrams_of("To") == ["<to", "<to>", "to>"]
    assert ngrams_of("a") == ["<a>"]
    assert "film" in ngrams_of("FILMS") and "<film>" not in ngrams_of("films")


def test_what_is_too_long_for_a_word_has_none():
    assert ngrams_of("x" * LONGEST)
    assert not ngrams_of("x" * (LONGEST + 1))


def test_the_most_frequent_n_grams_are_kept_and_none_that_is_met_once():
    counts = {"films": 1, "film": 2, "zzz": 1}
    assert most_frequent_ngrams(counts, 2) == ("<fi", "<fil")
    assert set(most_frequent_ngrams(counts, 99)) >= {"film", "ilm>"}
    assert not set(most_frequent_ngrams(counts, 99)) & {"ilms>", "zzz"}


def test_unknown_tokens_alone_have_n_grams():
    encoded = encoder.encode(pa.array(["the films", None, "film."], pa.large_string()))
    assert encoded.ids.tolist() == [2, UNKNOWN_ID, 3, 4]
    assert [SPELLED.ngrams[id - len(TOKENS)] for id in encoded.ngrams.ids] == [
        "<fi",
        "film",
        "lms>",
    ]
    assert encoded.ngrams.offsets.tolist() == [0, 3, 3, 3]


@given(texts)
def test_token_ids_are_those_of_a_vocabulary_without_n_grams(rows):
    column = pa.array(rows, pa.large_string())
    plain, spelled = plain_encoder.encode(column), encoder.encode(column)
    assert plain.ngrams is None
    assert np.array_equal(plain.ids, spelled.ids)
    assert np.array_equal(plain.offsets, spelled.offsets)


@given(texts, st.integers(0, 8))
def test_rows_taken_apart_and_joined_are_what_they_were(rows, cut):
    whole = encoder.encode(pa.array(rows, pa.large_string()))
    cut = min(cut, len(whole))
    again = Encoded.joined([whole.rows(0, cut), whole.rows(cut, len(whole))])
    taken = whole.take(np.arange(len(whole))[::-1]).take(np.arange(len(whole))[::-1])
    pairs = [(whole, again), (whole.ngrams, again.ngrams), (whole.ngrams, taken.ngrams)]
    for one, other in [*pairs, (whole, taken)]:
        assert np.array_equal(one.ids, other.ids)
        assert np.array_equal(one.offsets, other.offsets)


def test_an_n_gram_that_is_there_twice_is_refused():
    with pytest.raises(BundleError, match="each n-gram once"):
        Vocabulary(TOKENS, ("<fi", "<fi"))
