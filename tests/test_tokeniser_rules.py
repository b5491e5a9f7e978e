import json
import re
from dataclasses import replace

import pytest
import spacy

from scorer.errors import BundleError, UsageError
from scorer.tokens.splitter import Splitter
from scorer.tokens.tokeniser_rules import TokeniserRules, _expression, rules_of

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
    assert re.compile(french.token_match).flags == tokenizer.token_match.__self__.flags


def test_a_flag_of_an_expression_is_kept():
    assert _expression(re.compile("ab", re.IGNORECASE).match) == "(?i:ab)"
    assert _expression(re.compile("(?i)ab").match) == "(?i)ab"
    for other in (re.compile("a.b", re.DOTALL).match, str.isalpha):
        with pytest.raises(UsageError, match="spaCy's rules of this language"):
            _expression(other)


@pytest.mark.parametrize("language", ["zh", "klingon"])
def test_a_language_without_pieces_is_refused(language):
    with pytest.raises(UsageError, match=language):
        rules_of(language)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"prefixes": ["a", 1]}, "prefixes are no texts"),
        ({"suffixes": "abc"}, "suffixes are no texts"),
        ({"infixes": {"a": "b"}}, "infixes are no texts"),
        ({"url_match": ["a"]}, "url_match are no texts"),
        ({"special_cases": [["a", ["a"]]]}, "special cases are no object"),
        ({"special_cases": {"abc": "abc"}}, "special case 'abc' are no texts"),
        ({"special_cases": {"": []}}, "special case ''"),
        ({"special_cases": {"don't": ["do", "nt"]}}, 'special case "don\'t"'),
        ({"special_cases": {"ab": ["ab", ""]}}, "special case 'ab'"),
        ({"novelty": 1}, "the tokeniser's rules are not prefixes, suffixes"),
    ],
)
def test_what_are_no_rules_is_refused(change, message):
    values = json.loads(ENGLISH.to_json()) | change
    with pytest.raises(BundleError, match=message):
        TokeniserRules.from_json(json.dumps(values).encode())


@pytest.mark.parametrize("data", [b"", b"{", b"\xff", b"[" * 200_000, b'{"a":' * 200_000])
def test_what_is_not_json_is_refused(data):
    with pytest.raises(BundleError, match="not JSON"):
        TokeniserRules.from_json(data)


@pytest.mark.parametrize("rule", ["(", "a{99999999999}", "(" * 400 + "a" + ")" * 400])
def test_a_rule_that_is_no_expression_is_refused_where_it_is_used(rule):
    with pytest.raises(BundleError, match="a rule of the tokeniser is no regular expression"):
        Splitter(replace(ENGLISH, suffixes=(rule,)))
