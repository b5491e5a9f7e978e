import time
from collections import Counter
from itertools import pairwise

import numpy as np
import pyarrow as pa
import pytest
import spacy
from hypothesis import given, settings
from hypothesis import strategies as st

from scorer.errors import BundleError
from scorer.tokens import piece_cache
from scorer.tokens.counting import OpenVocabulary, count_pieces, count_tokens, most_useful_pieces
from scorer.tokens.encoding import TextEncoder
from scorer.tokens.text import TextRules, normalise
from scorer.tokens.vocabulary import PAD_ID, UNKNOWN_ID, Vocabulary, build_vocabulary

RULES = TextRules()
nlp = spacy.blank("en")
bare = spacy.tokenizer.Tokenizer(
    nlp.vocab,
    prefix_search=nlp.tokenizer.prefix_search,
    suffix_search=nlp.tokenizer.suffix_search,
    infix_finditer=nlp.tokenizer.infix_finditer,
    url_match=nlp.tokenizer.url_match,
)
# a special case cut at a space, both sides of it amid what can hold another: "x:( )y", "_. _"
split_cases = [
    [token.text for token in case] for case in map(bare, nlp.tokenizer.rules) if len(case) > 1
]
ends = st.sampled_from(["", ":", "x:", "a", "(", ")", ".", "'", ":(", "=", ";)", "Dr.", "8", "<3"])


@st.composite
def texts_across_spaces(draw: st.DrawFn) -> str:
    tokens = draw(st.sampled_from(split_cases))
    cuts = draw(st.lists(st.sampled_from(["", " "]), min_size=len(tokens), max_size=len(tokens)))
    middle = "".join(token + cut for token, cut in zip(tokens, cuts, strict=True))
    return draw(ends) + middle + draw(ends)


word_like = st.sampled_from(
    [
        *(case for case in nlp.tokenizer.rules if not case.isspace()),
        *("don't", "I'm", "rock'n'roll", "well-made", "U.S.A.", "10km", "$5.00", "e.g.,", "a/b"),
        *("http://www.example.org/a?b=c#d", "www.a.co.uk,", "me@example.org", "@you", "#tag"),
        *("😀", "👩\u200d👩\u200d👧", "🇫🇷", "e\u0301", "naïve", "日本語", "مرحبا", "½", "²"),
        *("…", "“so”", "\u200b", "don\u2019t", "DON'T", "I\u2019M", "rock`n`roll", "isn\u2019t."),
        *("<br />", "<i>", "&amp;", "&#39;", "a<b", "<unk>", "<pad>", "<space>"),
    ]
)
spaces = st.sampled_from([" ", "  ", "\t", "\n", "\r\n", "\xa0", "\u3000", "\x1c", "", ""])
sentences = st.lists(st.tuples(word_like | st.text(max_size=8), spaces), max_size=12).map(
    lambda parts: "".join(word + space for word, space in parts)
)
columns = st.lists(st.none() | sentences | texts_across_spaces(), max_size=8)


open_vocabulary = OpenVocabulary()
used_encoder = TextEncoder(RULES, open_vocabulary)


def column(*texts: str | None) -> pa.LargeStringArray:
    return pa.array(texts, pa.large_string())


def tokens_of(texts, encoder: TextEncoder = used_encoder) -> list[list[str]]:
    encoded = encoder.encode(column(*texts))
    tokens = list(open_vocabulary.ids)
    assert encoded.ids.dtype == np.int32
    assert encoded.lengths.sum() == len(encoded.ids)
    return [[tokens[i] for i in encoded.ids[a:b]] for a, b in pairwise(encoded.offsets)]


def spacy_tokens(texts) -> list[list[str]]:
    plain = normalise(column(*texts), RULES).to_pylist()
    return [[token.text for token in nlp.tokenizer(text or "")] for text in plain]


@settings(max_examples=300)
@given(columns)
def test_tokens_are_those_of_spacy_called_plainly(texts):
    assert tokens_of(texts) == spacy_tokens(texts)


@given(columns)
def test_a_new_encoder_finds_what_a_used_one_finds(texts):
    new = TextEncoder(RULES, open_vocabulary)
    vars(new)["_tokeniser"] = used_encoder._tokeniser  # 0.1 s to build
    assert tokens_of(texts, new) == tokens_of(texts)


@settings(max_examples=500)
@given(texts_across_spaces())
def test_special_cases_across_a_space_are_as_spacy_has_them(text):
    assert tokens_of([text]) == spacy_tokens([text])


@pytest.mark.parametrize(
    ("text", "tokens"),
    [
        ("(good:) )", ["(", "good", ":", ")", ")"]),
        (") -:(", [")", "-", ":", "("]),
        (":(o :", [":", "(", "o", ":"]),
        ("Lovin \u2019Cause-X", ["Lovin", "\u2019", "Cause", "-", "X"]),
    ],
)
def test_the_tokens_of_a_text_are_not_always_those_of_its_pieces(text, tokens):
    pieces = [token for piece in text.split() for token in spacy_tokens([piece])[0]]
    assert pieces != tokens
    assert tokens_of([text, None, text]) == [tokens, [], tokens]
    assert spacy_tokens([text]) == [tokens]


def test_a_phrase_as_long_as_a_row_takes_no_longer_than_its_words():
    text = "= ) " * 50_000 + ")a:)"
    started = time.process_time()
    assert tokens_of([text])[0][-5:] == ["=", ")", ")", "a", ":)"]
    assert time.process_time() - started < 10


def test_special_cases_do_not_reach_into_the_next_row():
    assert tokens_of(["good:)", ")"]) == [["good", ":)"], [")"]]


@pytest.mark.parametrize("language", ["es", "ru", "gd", "ms", "ar", "el", "sr"])
def test_special_cases_that_hold_a_space_are_found(language):
    blank, rules = spacy.blank(language), TextRules(language)
    texts = [f"a {case}, ({case} b" for case in blank.tokenizer.rules if " " in case.strip()]
    encoder = TextEncoder(rules, open_vocabulary)
    plain = normalise(column(*texts), rules).to_pylist()
    expected = [[token.text for token in blank.tokenizer(text)] for text in plain]
    assert texts
    assert tokens_of(texts, encoder) == expected


@given(columns, st.integers(1, 4))
def test_ids_do_not_depend_on_the_chunks(texts, rows):
    chunks = [texts[start : start + rows] for start in range(0, len(texts), rows)]
    assert [row for chunk in chunks for row in tokens_of(chunk)] == tokens_of(texts)


def test_null_blank_and_markup_only_texts_have_no_tokens():
    encoded = used_encoder.encode(column(None, "", " \n\u3000", "<br /><b></b>", "&nbsp;", "x"))
    assert encoded.lengths.tolist() == [0, 0, 0, 0, 0, 1]
    assert len(encoded) == 6
    assert len(used_encoder.encode(column())) == 0


def test_a_huge_row_leaves_its_neighbours_alone():
    rng = np.random.default_rng(0)
    words = np.array([f"{word}{mark}" for word in range(300) for mark in ("", ",", "-x.", "'s")])
    huge = " ".join(rng.choice(words, 200_000))
    before, middle, after = tokens_of(["It's here.", huge, "(there)"])
    assert (before, after) == (["It", "'s", "here", "."], ["(", "there", ")"])
    assert middle == [token.text for token in nlp.tokenizer(huge)]


def test_a_full_cache_starts_over_and_changes_no_id(monkeypatch):
    monkeypatch.setattr(piece_cache, "MAX_PIECES", 50)
    encoder, tokenisers = TextEncoder(RULES, open_vocabulary), []
    for start in range(0, 300, 30):
        texts = [f"word{i}. it's-{i}" for i in range(start, start + 30)]
        assert tokens_of(texts, encoder) == spacy_tokens(texts)
        assert len(encoder._cache._index) < 150
        tokenisers.append(encoder._tokeniser)
    assert len({id(tokeniser) for tokeniser in tokenisers}) > 2  # its shapes grow too


def test_an_unknown_token_and_the_names_of_the_specials_are_unknown():
    vocabulary = Vocabulary(("<unk>", "<pad>", "the", "film"))
    assert vocabulary.ids_of(["film", "pad", "<pad>", "<unk>", "The"]).tolist() == [3, 0, 0, 0, 0]
    assert TextEncoder(RULES, vocabulary).encode(column("the pad film")).ids.tolist() == [2, 0, 3]


@pytest.mark.parametrize("tokens", [("a", "b"), ("<unk>", "<pad>", "a", "a"), ()])
def test_a_damaged_vocabulary_is_refused(tokens):
    with pytest.raises(BundleError, match="vocabulary"):
        Vocabulary(tokens)


reviews = column(
    "It's good:) ) The film, the FILM!", None, "<br />the film wasn't good:)", "the film"
)


def test_tokens_are_counted_as_spacy_has_them():
    expected = Counter(token for row in spacy_tokens(reviews.to_pylist()) for token in row)
    assert count_tokens(reviews, RULES) == expected
    assert expected[":)"] == 1


def test_pieces_are_counted():
    assert count_pieces(reviews, RULES).most_common(2) == [("the", 3), ("good:)", 2)]


def test_counts_add_up_over_slices(monkeypatch):
    whole = count_tokens(reviews, RULES), count_pieces(reviews, RULES)
    monkeypatch.setattr("scorer.tokens.counting.ROWS", 1)
    assert (count_tokens(reviews, RULES), count_pieces(reviews, RULES)) == whole


def test_the_vocabulary_is_sorted_by_frequency_then_alphabet():
    counter = Counter({"b": 2, "a": 2, "c": 5, "z": 1, "<pad>": 9})
    vocabulary = build_vocabulary(counter, max_size=3)
    assert vocabulary.tokens == ("<unk>", "<pad>", "c", "a", "b")
    assert vocabulary.ids_of(["c"])[0] not in (UNKNOWN_ID, PAD_ID)


def test_remembered_pieces_need_no_tokeniser_and_change_no_id():
    vocabulary = build_vocabulary(count_tokens(reviews, RULES))
    shipped = most_useful_pieces(reviews, RULES, vocabulary)
    encoder = TextEncoder(RULES, vocabulary, shipped)
    texts = column("the film, wasn't It's", "good:) The")
    assert (
        encoder.encode(texts).ids.tolist()
        == TextEncoder(RULES, vocabulary).encode(texts).ids.tolist()
    )
    assert "_tokeniser" not in vars(encoder)


def test_frequent_pieces_are_remembered_and_those_that_are_tokenised_alone():
    texts = pa.array(["the the the the cat, dog, hat, ünder-w ünder-w ab:cd"], pa.large_string())
    vocabulary = build_vocabulary(count_tokens(texts, RULES))
    assert most_useful_pieces(texts, RULES, vocabulary, limit=1).pieces.to_pylist() == ["the"]
    shipped = most_useful_pieces(texts, RULES, vocabulary, limit=4).pieces.to_pylist()
    assert {"the", "ünder-w"} < set(shipped)
    assert len(most_useful_pieces(texts, RULES, vocabulary).pieces) == 6


def test_remembered_pieces_of_another_vocabulary_are_refused():
    shipped = most_useful_pieces(reviews, RULES, build_vocabulary(count_tokens(reviews, RULES)))
    with pytest.raises(BundleError, match="beyond the vocabulary"):
        TextEncoder(RULES, Vocabulary(("<unk>", "<pad>")), shipped)
