from dataclasses import replace

import pytest

from scorer.errors import ScorerError
from scorer.tokens import spacy_check
from scorer.tokens.spacy_check import check_against_spacy
from scorer.tokens.tokeniser_rules import rules_of


def test_the_same_tokens_are_no_error():
    check_against_spacy(["It's (so-so): ) don't!", None, "", "10km"], "en")
    check_against_spacy(["Z.B. der Hund's, d.h."], "de")


def test_other_tokens_are_an_error_that_shows_them(monkeypatch):
    other = replace(rules_of("en"), special_cases={})
    monkeypatch.setattr(spacy_check, "rules_of", lambda language: other)
    with pytest.raises(ScorerError, match=r"spaCy 3\.8.* \['do', \"n't\"\] .* \[\"don't\"\]"):
        check_against_spacy(["We don't"], "en")
