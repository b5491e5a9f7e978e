import json
import re
from dataclasses import replace

import pytest
import spacy

from scorer.errors import BundleError, UsageError
from scorer.tokens.splitter import Splitter
from scorer.tokens.tokeniser_rules import TokeniserRules, rules_of

ENGLISH = rules_of("en")


@pytest.mark.parametrize("language", ["en", "fr", "hu", "ru", "ms", "ht"])
def test_rules_come_back_from_json(language):
    rules = rules_of(language)
    assert TokeniserRules.from_json(rules.to_json()) == rules


def test_the_rules_are_those_of_spacy():
    tokenizer = spacy.blank("fr").tokenizer
    french = rules_of("fr")
    assert set(french.special_cases) == set(tokenizer.rules)
    assert french.special_cases["J.-C."] == ("J.", "-C.")
    assert ENGLISH.special_cases["can't"] == ("ca", "n't")
    for piece in ("Anti-Aérien", "porte-clés", "l'homme", "x"):  # letters of either case
        found = re.compile(french.token_match).match(piece)
        assert bool(found) == bool(tokenizer.token_match(piece))


@pytest.mark.parametrize("language", ["zh", "klingon"])
def test_a_language_without_pieces_is_refused(language):
    with pytest.raises(UsageError, match=language):
        rules_of(language)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"prefixes": ["a", 1]}, "rule 1 of the tokeniser is no text"),
        ({"url_match": ["a"]}, "is no text"),
        ({"special_cases": {"don't": ["do", "nt"]}}, 'special case "don\'t"'),
        ({"special_cases": {"ab": ["ab", ""]}}, "special case 'ab'"),
        ({"novelty": 1}, "the tokeniser's rules are not prefixes, suffixes"),
    ],
)
def test_what_are_no_rules_is_refused(change, message):
    values = json.loads(ENGLISH.to_json()) | change
    with pytest.raises(BundleError, match=message):
        TokeniserRules.from_json(json.dumps(values).encode())


def test_a_rule_that_is_no_expression_is_refused_where_it_is_used():
    with pytest.raises(BundleError, match="a rule of the tokeniser is no expression"):
        Splitter(replace(ENGLISH, suffixes=("(",)))
