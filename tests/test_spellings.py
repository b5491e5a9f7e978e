"""Words that are typed otherwise than the vocabulary has them."""

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from scorer.tokens.encoding import TextEncoder
from scorer.tokens.spellings import plain_contractions
from scorer.tokens.text import TextRules
from scorer.tokens.vocabulary import SPECIALS, UNKNOWN_ID, Vocabulary

WORDS = (
    *("do", "n't", "buy", "Good", "good", "so", "iPhone", "it", "'s", "!", "superb", "AA", "o"),
    *("100", "is", "I", "'m", "NASA", "nasa", "très", "."),
)
VOCABULARY = Vocabulary((*SPECIALS, *WORDS))
RULES = TextRules()


def tokens_of(text: str, rules: TextRules = RULES) -> list[str]:
    encoded = TextEncoder(rules, VOCABULARY).encode(pa.array([text], pa.large_string()))
    return [VOCABULARY.tokens[i] for i in encoded.ids]


@pytest.mark.parametrize(
    ("typed", "tokens"),
    [
        ("don\u2019t", ["do", "n't"]),
        ("don`t buy", ["do", "n't", "buy"]),
        ("it\u00b4s", ["it", "'s"]),
        *((f"don{mark}t", ["do", "n't"]) for mark in "\u2018\u201b\u02bc\u2032\uff07"),
        ("I'M", ["I", "'m"]),
        ("NASA'S", ["NASA", "'s"]),
        ("TR\u00c8S", ["tr\u00e8s"]),
        ("ooo", ["<unk>"]),
        ("1000", ["<unk>"]),
        ("isn\u2019t. )a:)", ["is", "n't", ".", "<unk>", "<unk>", "<unk>"]),
        ("DON'T BUY!", ["do", "n't", "buy", "!"]),
        ("DON\u2019T", ["do", "n't"]),
        ("SUPERB! Superb", ["superb", "!", "superb"]),
        ("GOOD", ["Good"]),
        ("good", ["good"]),
        ("IPHONE iphone", ["iPhone", "iPhone"]),
        ("sooooo gooood", ["so", "Good"]),
        ("AAA", ["AA"]),
        ("bad", ["<unk>"]),
    ],
)
def test_a_word_is_known_however_it_is_typed(typed: str, tokens: list[str]) -> None:
    assert tokens_of(typed) == tokens


def test_a_bundle_without_other_spellings_knows_words_as_they_are_alone() -> None:
    rules = TextRules(other_spellings=False)
    assert tokens_of("SUPERB superb don\u2019t", rules) == ["<unk>", "superb", "do", "<unk>"]


def test_quotes_and_other_words_stay() -> None:
    texts = ["\u2018good\u2019", "`x`", "5\u2019", "boys\u2019", "NASA'S", "O'TOOLE", "L'EAU"]
    assert plain_contractions(pa.array(texts, pa.large_string())).to_pylist() == texts


def test_apostrophes_within_words_are_plain() -> None:
    texts = [
        "1990\u2019s",
        "rock\u2019n\u2019roll",
        "caf\u0065\u0301\u2019s",
        "YOU\u2019RE!",
        "\u201cI\u2019VE",
    ]
    plain = plain_contractions(pa.array(texts, pa.large_string())).to_pylist()
    assert plain == ["1990's", "rock'n'roll", "caf\u0065\u0301's", "you're!", "\u201cI've"]


@given(st.text(min_size=1, max_size=12))
def test_a_known_word_is_looked_up_as_it_is(word: str) -> None:
    vocabulary = Vocabulary((*SPECIALS, *dict.fromkeys([word.lower(), word, word.upper()])))
    for known in vocabulary.tokens[2:]:
        assert vocabulary.known_spelling(known) == known


@given(st.text(max_size=12))
def test_a_spelling_that_is_found_is_in_the_vocabulary(word: str) -> None:
    found = VOCABULARY.known_spelling(word)
    assert found == word or VOCABULARY.ids_of([found])[0] != UNKNOWN_ID
