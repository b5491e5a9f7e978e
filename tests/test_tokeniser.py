import pyarrow as pa
import pytest
import spacy
from hypothesis import given
from hypothesis import strategies as st

from scorer.tokens.tokeniser import PieceTokeniser
from scorer.tokens.tokeniser_rules import rules_of

nlp = spacy.blank("en")
tokeniser = PieceTokeniser(rules_of("en"))

fragments = st.sampled_from(
    [
        *nlp.tokenizer.rules,
        *".,:;!?()[]'\"-_*&#/=\u2019“…$€°%",
        "word",
        "Hello",
        "x",
        "3.5",
        "10",
        "U.S",
    ]
).filter(lambda fragment: not fragment.isspace())
pieces = st.lists(fragments | st.text(max_size=4), min_size=1, max_size=5).map(
    lambda parts: "".join("".join(parts).split()) or "."
)


def words_of(asked: list[str]) -> pa.LargeStringArray:
    return pa.array([f"{piece} " for piece in asked], pa.large_string())


def tokens_of(asked: list[str], tokeniser: PieceTokeniser = tokeniser) -> list[list[str]]:
    found: dict[int, list[str]] = {}
    for block in tokeniser.tokenise(words_of(asked)):
        for position, start, end in zip(
            block.positions.tolist(), block.offsets, block.offsets[1:], strict=False
        ):
            found[position] = block.tokens[start:end]
    return [found[i] for i in range(len(asked))]


@given(st.lists(pieces, max_size=20))
def test_pieces_in_bulk_have_the_tokens_that_each_has_alone(asked):
    assert tokens_of(asked) == [[token.text for token in nlp.tokenizer(piece)] for piece in asked]


def test_every_special_case_is_tokenised_as_spacy_does_bare_and_between_marks():
    cases = [case for case in nlp.tokenizer.rules if not case.isspace()]
    around = ("{}", "({}", "{},", '"{}"', "a{}", "{}b", "{}{}", "film.{}", "{}...")
    asked = ["".join(form.format(case, case).split()) for case in cases for form in around]
    assert tokens_of(asked) == [[token.text for token in nlp.tokenizer(piece)] for piece in asked]


@pytest.mark.parametrize(
    "piece", ["a" * 100_000, "ab-" * 33_333, "!" * 100_000, "." * 100_000, "é" * 50_000 + "..."]
)
def test_a_piece_of_100000_characters_is_a_piece_like_any_other(piece):
    expected = list(piece) if piece[0] == "!" else [t.text for t in nlp.tokenizer(piece)]
    assert tokens_of([piece, "x"]) == [expected, ["x"]]


@pytest.mark.parametrize("language", ["de", "fr", "ru", "hu", "es", "gd", "tr", "ht"])
def test_other_languages_have_their_own_tokens(language):
    blank = spacy.blank(language)
    cases = [case for case in blank.tokenizer.rules if len(case.split()) == 1][:400]
    asked = [*cases, *(f"({case}." for case in cases), "word,", "l'homme", "10€", "a-b"]
    expected = [[token.text for token in blank.tokenizer(piece)] for piece in asked]
    assert tokens_of(asked, PieceTokeniser(rules_of(language))) == expected


def test_pieces_of_a_known_shape_are_cut_like_the_first():
    new = PieceTokeniser(rules_of("en"))
    tokens_of(["(film),", "Plot's", "cat-dog..."], new)
    vars(new)["_splitter"] = None
    found = tokens_of(["(cast),", "Film's", "bad-guy..."], new)
    assert found == [["(", "cast", ")", ","], ["Film", "'s"], ["bad", "-", "guy", "..."]]
