import numpy as np
import pyarrow as pa
import pytest
import spacy
from hypothesis import given, settings
from hypothesis import strategies as st

from scorer.tokens.ragged_array import RaggedArray
from scorer.tokens.shapes import LONGEST, Shapes
from scorer.tokens.tokeniser import PieceTokeniser
from scorer.tokens.tokeniser_rules import rules_of

nlp = spacy.blank("en")
tokeniser = PieceTokeniser(rules_of("en"))
cases = [case for case in nlp.tokenizer.rules if case.isascii() and not case.isspace()]
parts = st.sampled_from(
    [*cases, *".,:;!?()[]'\"-_*&#/=$%@<>", "'s", "US$", "...", "a", "I", "www."]
)
runs_of_letters = st.text(st.sampled_from("abcXYZ"), min_size=1, max_size=4)
ascii_pieces = st.lists(parts | runs_of_letters, min_size=1, max_size=6).map(
    lambda parts: "".join("".join(parts).split()) or "."
)


def shapes_of(*pieces: str, shapes: Shapes | None = None):
    shapes = shapes or Shapes("abcdeXYZ.,'-", ["s", "XYZ"])
    return shapes.of(pa.array([f"{piece} " for piece in pieces], pa.large_string()))


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("abc.", "bca.", True),
        ("abc.", "bcX.", False),
        ("abc.", "ab.", False),
        ("abc.", "abc,", False),
        ("ab's", "ba's", True),
        ("ab's", "ab'a", False),
        ("XYZ-a", "XXX-a", False),
        ("XYZ-a", "XYZ-b", True),
        ("aXYZ", "aZZZ", True),
    ],
)
def test_pieces_have_one_shape_where_letters_differ_only_in_words_that_are_not_spelt_out(
    one, other, same
):
    keys = shapes_of(one, other).keys
    assert (keys[0] == keys[1]) == same


def test_long_pieces_and_those_with_other_characters_have_no_shape():
    pieces = ["ab", "a" * (LONGEST - 1), "a" * LONGEST, "a1", "aé", "a!", "Ab"]
    assert shapes_of(*pieces).has_shape.tolist() == [True, True, *[False] * 5]


def test_words_are_cut_like_the_one_that_was_learned():
    shapes = Shapes("abc.-", [])
    shaped = shapes_of("ab.-c", "c-.", shapes=shapes)
    lengths = RaggedArray(np.array([2, 1, 1, 1, 1, 2], np.int32), np.array([0, 4, 6]))
    shapes.learn(shaped, np.array([0, 1]), lengths, np.array([5, 0], np.uint8))
    numbers = shapes.find(shapes_of("a-.", "cb.-a", "cc", shapes=shapes))
    words = pa.array(["a-. ", "cb.-a "], pa.large_string())
    tokens, offsets = shapes.token_texts(words, numbers[:2])
    assert tokens == ["a", "-.", "cb", ".", "-", "a"]
    assert offsets.tolist() == [0, 2, 6]
    assert shapes.flags(numbers[:2]).tolist() == [0, 5]
    assert numbers[2] < 0


def test_a_shape_with_a_token_that_ends_within_a_word_is_not_learned():
    shapes = Shapes("abcd.", ["ad"])
    shaped = shapes_of("abc", "ad", shapes=shapes)
    lengths = RaggedArray(np.array([2, 1, 1, 1], np.int32), np.array([0, 2, 4]))
    shapes.learn(shaped, np.array([0, 1]), lengths, np.zeros(2, np.uint8))
    assert (shapes.find(shaped) >= 0).tolist() == [False, True]


def other_letters(draw: st.DrawFn, piece: str) -> str:
    letters = {True: "abcdefghijklmnopqrstuvwxyz", False: "ABCDEFGHIJKLMNOPQRSTUVWXYZ"}
    return "".join(
        draw(st.sampled_from(letters[sign.islower()])) if sign.isalpha() else sign for sign in piece
    )


@settings(max_examples=400)
@given(st.data(), ascii_pieces)
def test_spacy_cuts_pieces_of_one_shape_alike(data, piece):
    other = other_letters(data.draw, piece)
    words = pa.array([f"{piece} ", f"{other} "], pa.large_string())
    shaped = tokeniser._shapes.of(words)
    for _ in tokeniser.tokenise(words):
        pass
    learned = tokeniser._shapes.find(shaped)
    lengths = [[len(token) for token in nlp.tokenizer(text)] for text in (piece, other)]
    for word, number in enumerate(learned):
        if number >= 0:
            runs = tokeniser._shapes._lengths.array.select(learned[[word]])
            assert runs.values.tolist() == lengths[word]
