import re
from functools import cache

import pytest
import spacy
from hypothesis import given
from hypothesis import strategies as st
from spacy import util

from scorer.tokens.affixes import WORD_CHARACTERS, AffixRules

defaults = spacy.blank("en").Defaults
fragments = st.sampled_from(
    [*".,:;!?()[]'\"-_*&#/=…$€°%", "word", "Hello", "3.5", "km", "US", "'s"]
)
pieces = st.lists(fragments | st.text(max_size=4), min_size=1, max_size=5).map("".join)


def rules_of(*rules: str, anchored: str = "{}") -> AffixRules:
    return AffixRules(rules, anchored)


@pytest.mark.parametrize(
    ("rule", "harmless"),
    [
        (r"\.", "a,"),
        (r"(?<=[0-9])km", "akm."),
        (r"[0-9.]+x", "ax"),
        (r"(?:a|\.)b", "acd,"),
        (r"(\.)*-", "a."),
    ],
)
def test_characters_are_harmless_where_a_rule_needs_others(rule, harmless):
    made = rules_of(rule)
    assert not set(re.findall(".", harmless)) - set(made.harmless)
    assert made.find(harmless * 3) is None


@pytest.mark.parametrize(
    "rule", [r"[^a]", r"\w", r".", r"x*", r"(?i)\u017f", r"(?i:\u212a)", r"(?!a)"]
)
def test_a_rule_that_cannot_be_judged_is_always_asked(rule):
    assert rules_of(rule).harmless == ""


@pytest.mark.parametrize(
    "rule",
    [r"\.\.+", r"(?<=[a-z])\.(?=[A-Z])", r"(?:[\w.-]+@)?[a-zA-Z0-9]{2,9}", r"(?!-|_)[^\s.]", r"()"],
)
def test_a_rule_that_knows_letters_by_their_case_is_even(rule):
    assert set("azAZ.-/") <= set(rules_of(rule).case_invariant)


@pytest.mark.parametrize(
    "rule",
    [
        *("a", "[a-y]", "[^a]", "(?:a|.)", "(b)?-", "(?<=x)-", "(?!x)-", "[B-Z]", "(?i)[a-z]"),
        *("(?i:\u212a)-", r"([a-z])-\1", "'s", "s'", r"x\b.", r"\Bs'"),
    ],
)
def test_a_rule_that_tells_letters_apart_is_not_even(rule):
    assert rules_of(rule).case_invariant in ("", *(even_without(mark) for mark in "-'"))


def even_without(mark: str) -> str:
    return rules_of(f"{mark}a").case_invariant


def test_a_rule_may_spell_words_between_marks_or_ends():
    assert rules_of("'s", anchored="{}$").words == {"s"}
    assert rules_of(r"US\$", anchored="^{}").words == {"US"}
    assert rules_of("-ab/c-").words == {"ab", "c"}
    assert rules_of("'s", anchored="^{}").words == set()


@pytest.mark.parametrize(
    ("rule", "reach"),
    [
        (r"(?<=[0-9])(?:km|m/s)", 4),
        (r"\.\.+", 0),
        (r"a{2,5}(?!b)", 6),
        (r"[0-9]+x", None),
        (r"(?:ab)+", None),
        (r"x{20,}", None),
    ],
)
def test_the_reach_of_a_rule_is_what_it_looks_at(rule, reach):
    assert rules_of(rule).reach == reach


@pytest.mark.parametrize("kind", ["prefix", "suffix", "infix"])
@given(text=pieces | st.text(st.sampled_from(WORD_CHARACTERS + "0é°")))
def test_affix_rules_find_what_spacy_finds(kind, text):
    expected = compiled_by_spacy(kind).finditer(text)
    assert list(map(str, made_of(kind).find(text))) == list(map(str, expected))


@cache
def compiled_by_spacy(kind: str) -> re.Pattern[str]:
    return getattr(util, f"compile_{kind}_regex")(getattr(defaults, f"{kind}es"))


@cache
def made_of(kind: str) -> AffixRules:
    forms = {"prefix": "^{}", "suffix": "{}$", "infix": "{}"}
    return AffixRules(getattr(defaults, f"{kind}es"), forms[kind], "finditer")
