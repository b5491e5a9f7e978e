from collections import Counter
from itertools import pairwise

import numpy as np
import pyarrow as pa
import pytest
import spacy
from hypothesis import given, settings
from hypothesis import strategies as st

from scorer import memory
from scorer.encoding import (
    PAD_ID,
    UNKNOWN_ID,
    TextEncoder,
    Vocabulary,
    build_vocabulary,
    count_pieces,
    count_tokens,
    remember,
)
from scorer.errors import BundleError
from scorer.text import TextRules, normalise

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
        *("😀", "👩‍👩‍👧", "🇫🇷", "e\u0301", "naïve", "日本語", "مرحبا", "½", "…", "“so”", "²", "\u200b"),
        *("<br />", "<i>", "&amp;", "&#39;", "a<b", "<unk>", "<pad>", "<space>"),
    ]
)
spaces = st.sampled_from([" ", "  ", "\t", "\n", "\r\n", "\xa0", "\u3000", "\x1c", "", ""])
sentences = st.lists(st.tuples(word_like | st.text(max_size=8), spaces), max_size=12).map(
    lambda parts: "".join(word + space for word, space in parts)
)
columns = st.lists(st.none() | sentences | texts_across_spaces(), max_size=8)


class AnyToken(Vocabulary):
    """Knows every token, so that tokens can be compared and not only ids."""

    def __init__(self) -> None:
        super().__init__(("<unk>", "<pad>"))
        self.ids: dict[str, int] = {}

    def ids_of(self, tokens):
        return np.array([self.ids.setdefault(t, len(self.ids)) for t in tokens], np.int32)


open_vocabulary = AnyToken()
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
        ("the:( )", ["the", ":", "(", ")"]),
        ("x''8 '' '", None),
        ("Neb._. _", None),
    ],
)
def test_the_tokens_of_a_text_are_not_always_those_of_its_pieces(text, tokens):
    pieces = [token for piece in text.split() for token in spacy_tokens([piece])[0]]
    assert spacy_tokens([text]) == [tokens]
    assert pieces != tokens
    assert tokens_of([text]) == [tokens]
