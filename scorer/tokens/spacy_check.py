"""A check, before a model learns, that this program's tokens are those of the spaCy installed.

Scoring goes by the rules that the bundle keeps and never asks spaCy. So a later spaCy that applied
its rules otherwise has to be noticed in training.
"""

from collections.abc import Iterable
from importlib.metadata import version

from scorer.errors import ScorerError
from scorer.tokens.tokeniser import PieceTokeniser
from scorer.tokens.tokeniser_rules import blank, rules_of


def check_against_spacy(texts: Iterable[str | None], language: str) -> None:
    """Compare the tokens of normalised texts; raises ScorerError for the first that differ."""
    tokeniser, tokenizer = PieceTokeniser(rules_of(language)), blank(language).tokenizer
    for text in filter(None, texts):
        ours = tokeniser.tokenise_phrases([text]).tokens
        theirs = [token.text for token in tokenizer(text)]
        if ours != theirs:
            ours, theirs = _first_difference(ours, theirs)
            raise ScorerError(
                f"spaCy {version('spacy')} has the tokens {theirs} where this program has {ours}",
                "Install a version of spaCy that setup.cfg allows",
            )


def _first_difference(one: list[str], other: list[str]) -> tuple[list[str], list[str]]:
    """Return three tokens of each from where they differ."""
    pairs = enumerate(zip(one, other, strict=False))
    start = next((i for i, (a, b) in pairs if a != b), min(len(one), len(other)))
    return one[start : start + 3], other[start : start + 3]
