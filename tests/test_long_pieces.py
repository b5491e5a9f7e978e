import time

import pytest
import spacy
from hypothesis import given, settings
from hypothesis import strategies as st
from test_tokeniser import tokens_of

from scorer.tokens import long_pieces, splitter
from scorer.tokens.affixes import AffixRules
from scorer.tokens.long_pieces import LONG, can_peel, peel
from scorer.tokens.splitter import Splitter
from scorer.tokens.tokeniser import PieceTokeniser
from scorer.tokens.tokeniser_rules import rules_of

nlp = spacy.blank("en")
new = PieceTokeniser(rules_of("en"))
marks = st.sampled_from(
    [
        *("!", "?", "—", "-", "'", '"', ":)", ":(", "(a)", "“", ".", "...", "\u2019s", "'s", "x"),
        *("US$", "=", "8-)", "10km", "o.O", "can't", "Dr.", "…", ")-:", "www.", "a.b"),
        *("...." * 9, "—" * 30),
    ]
)


@pytest.fixture(scope="module")
def short_is_long():
    """Pieces of 40 characters are peeled, so that spaCy can be asked about many."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(long_pieces, "LONG", 20)
        patch.setattr(splitter, "LONG", 40)
        yield


@settings(max_examples=150)
@given(st.lists(marks, min_size=8, max_size=60).map("".join))
def test_a_long_piece_has_the_tokens_that_spacy_gives_it(short_is_long, piece):
    assert tokens_of([piece], new) == [[token.text for token in nlp.tokenizer(piece)]]


@pytest.mark.parametrize("mark", ["—", "!?", ":)", "....!"])
def test_spacy_agrees_on_a_longer_piece(mark):
    piece = mark * (2500 // len(mark)) + "word-word"
    assert tokens_of([piece], new) == [[token.text for token in nlp.tokenizer(piece)]]


def test_a_piece_of_100000_affixes_takes_seconds():
    started = time.process_time()
    assert tokens_of(["!?" * 50_000], new) == [["!", "?"] * 50_000]
    assert time.process_time() - started < 10


def test_what_is_left_is_split_the_plain_way():
    peeled = peel("(((" + "ab" * LONG + "'s!)", *affixes_at_ends("en"))
    assert peeled.prefixes == ["(", "(", "("]
    assert peeled.rest == "ab" * LONG
    assert peeled.suffixes == ["'s", "!", ")"]


def test_rules_that_look_far_are_not_peeled_by():
    assert can_peel(*affixes_at_ends("en"))
    assert not can_peel(*affixes_at_ends("hu"))


def affixes_at_ends(language: str) -> tuple[AffixRules, ...]:
    return Splitter(rules_of(language)).affixes[:2]
