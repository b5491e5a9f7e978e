import sys

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from scorer.tokens.ragged_array import ranges
from scorer.tokens.text import TextRules, normalise, split

PLAIN = TextRules(strip_markup=False, other_spellings=False)
SPACES = "".join(c for c in map(chr, range(sys.maxunicode + 1)) if c.isspace())

texts_with_spaces = st.text(
    st.sampled_from(SPACES + "ab.é€—\u200b\ufeff😀") | st.characters(codec="utf-8")
)


def column(*texts: str | None) -> pa.LargeStringArray:
    return pa.array(texts, pa.large_string())


def cleaned(*texts: str | None) -> list[str | None]:
    return normalise(column(*texts), TextRules()).to_pylist()


@pytest.mark.parametrize("space", SPACES, ids=lambda space: f"U+{ord(space):04X}")
def test_every_character_that_is_a_space_to_python_is_folded(space):
    text = f"{space}a{space}{space}b {space}\n"
    assert normalise(column(text), PLAIN).to_pylist() == ["a b"]


def test_no_other_character_is_taken_for_a_space():
    others = "".join(c for c in map(chr, range(0x3100)) if not c.isspace())
    assert normalise(column(f"a{others}b"), PLAIN).to_pylist() == [f"a{others}b"]


@given(st.lists(st.none() | texts_with_spaces))
def test_folding_is_splitting_and_joining_each_text(texts):
    expected = [None if text is None else " ".join(text.split()) for text in texts]
    assert normalise(column(*texts), PLAIN).to_pylist() == expected


@given(st.lists(st.none() | texts_with_spaces))
def test_the_pieces_of_a_row_are_its_words(texts):
    pieces = split(column(*texts), PLAIN)
    words = pieces.words.to_pylist()
    rows = [words[i:j] for i, j in zip(pieces.offsets, pieces.offsets[1:], strict=False)]
    assert rows == [[f"{word} " for word in (text or "").split()] for text in texts]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Great.<br /><br />Really<br>great<BR/>!", "Great. Really great !"),
        ('<p class="a">One</p><i>two</i ><o:p></o:p><input disabled name=x />', "One two"),
        ("a<!-- no <b> --\n -->b<!DOCTYPE html>c<?xml version='1'?>d<![CDATA[e]]>f", "a b c d f"),
        ("&amp; &quot;x&quot; it&#39;s &lt;3 caf&eacute;&#x21;", '& "x" it\'s <3 café!'),
        ("a&nbsp;&nbsp;b&emsp;&#10;c", "a b c"),
        ("AT&T, R&D; Q&A &unknown; &", "AT&T, R&D; Q&A &unknown; &"),
    ],
)
def test_markup_is_taken_out(text, expected):
    assert cleaned(text) == [expected]


@pytest.mark.parametrize(
    "text",
    [
        "3 < 5 and 7 > 2",
        "I <3 it, </3 and >_<",
        "a<b",
        "if a<b or c>d",
        "mail <me@example.org> or <https://example.org/a>",
        "<-- here -->",
        "x < y > z",
        "<b never closed",
        "<b title='" + "long " * 300 + "'>",
    ],
)
def test_what_only_looks_like_a_tag_stays(text):
    assert cleaned(text) == [" ".join(text.split())]


def test_an_escaped_tag_is_text_and_not_markup():
    assert cleaned("use &lt;br&gt; or &amp;lt;") == ["use <br> or &lt;"]


def test_a_tag_does_not_reach_into_the_next_row():
    assert cleaned("one <b", "two> three", "<!-- four", "five -->") == [
        "one <b",
        "two> three",
        "<!-- four",
        "five -->",
    ]


def test_markup_stays_when_the_rules_say_so():
    assert normalise(column("a <br />&amp; b"), PLAIN).to_pylist() == ["a <br />&amp; b"]


def test_null_stays_null_and_markup_alone_leaves_nothing():
    assert cleaned(None, "", " \t\u3000", "<br /><i></i>", "&nbsp;") == [None, "", "", "", ""]


def test_a_slice_and_an_empty_column_are_columns_too():
    assert normalise(column("x", None, " a  b ", "y").slice(1, 2), PLAIN).to_pylist() == [
        None,
        "a b",
    ]
    assert normalise(column(), TextRules()).to_pylist() == []
    assert normalise(column("x").slice(1), TextRules()).to_pylist() == []


@given(st.lists(st.text(st.sampled_from("<>!-/&;abr =\"'#3 \n\xa0é")), max_size=6))
def test_rows_are_normalised_independently(texts):
    assert cleaned(*texts) == [cleaned(text)[0] for text in texts]


def test_many_unclosed_comments_take_linear_time():
    assert cleaned("<!--" * 100_000) == ["<!--" * 100_000]


def test_ranges_are_consecutive_integers_from_each_start():
    assert ranges(np.array([5, 0, 9]), np.array([2, 0, 3])).tolist() == [5, 6, 9, 10, 11]
    assert ranges(np.array([], int), np.array([], int)).tolist() == []
