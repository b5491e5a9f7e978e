"""One piece cut by affix rules, infix rules and the special cases that are left whole.

This is spaCy's `Tokenizer._tokenize` (3.8) on strings; spaCy's last pass, which looks for
special cases among the tokens, is not here (`special_cases`).
Knows nothing of columns, nor of other pieces.
"""

import re
from collections.abc import Mapping, Sequence
from itertools import pairwise

from scorer.errors import BundleError
from scorer.tokens.affixes import AffixRules, length_of
from scorer.tokens.long_pieces import LONG, can_peel, peel
from scorer.tokens.tokeniser_rules import TokeniserRules

Cases = Mapping[str, Sequence[str]]
NOTHING = "(?!)"  # a regular expression that matches no text


class Splitter:
    """Cuts pieces by the rules of a language.

    affixes: its prefix, suffix, infix and URL rules.
    Raises BundleError for a rule that is no regular expression.
    """

    def __init__(self, rules: TokeniserRules) -> None:
        urls = [rules.url_match] if rules.url_match else []
        try:
            self._prefixes = AffixRules(rules.prefixes, "^{}")
            self._suffixes = AffixRules(rules.suffixes, "{}$")
            self._infixes = AffixRules(rules.infixes, method="finditer")
            self._urls = AffixRules(urls, method="match")
            self._is_token = re.compile(rules.token_match or NOTHING).match
        except (re.error, OverflowError, RecursionError) as error:
            raise BundleError(
                f"a rule of the tokeniser is no regular expression: {error}"
            ) from error
        self.affixes = self._prefixes, self._suffixes, self._infixes, self._urls
        self._cases = rules.special_cases
        self._peels = can_peel(self._prefixes, self._suffixes) and not rules.token_match

    def split(self, piece: str) -> list[str]:
        """Return the tokens of a piece."""
        return self._split(piece, self._cases)

    def split_plainly(self, piece: str) -> list[str]:
        """Return the tokens of a piece as if there were no special cases."""
        return self._split(piece, {})

    def has_affix(self, text: str) -> bool:
        """Return whether a prefix, suffix or infix rule finds something."""
        ends = length_of(self._prefixes.find(text)) or length_of(self._suffixes.find(text))
        return bool(ends) or any(True for _ in self._infixes.find(text))

    def _split(self, piece: str, cases: Cases) -> list[str]:
        before: list[str] = []
        after: list[str] = []
        if len(piece) > LONG and self._peels:
            peeled = peel(piece, self._prefixes, self._suffixes)
            before, piece, after = peeled.prefixes, peeled.rest, peeled.suffixes
        prefixes, rest, suffixes = self._without_affixes(piece, cases)
        return [*before, *prefixes, *self._inner(rest, cases), *suffixes, *after]

    def _without_affixes(self, rest: str, cases: Cases) -> tuple[list[str], str, list[str]]:
        """Take an affix off each end at a time (Tokenizer._split_affixes).

        It stops as soon as the prefix alone, or the suffix alone, taken off leaves a special case.
        """
        prefixes: list[str] = []
        suffixes: list[str] = []
        while rest and rest not in cases and not self._is_token(rest):
            start = length_of(self._prefixes.find(rest))
            end = len(rest)
            if not (start and rest[start:] in cases):
                end -= length_of(self._suffixes.find(rest[start:]))
                if end < len(rest) and rest[:end] in cases:
                    start = 0
            if end - start == len(rest):
                break
            if start > 0:
                prefixes.append(rest[:start])
            if end < len(rest):
                suffixes.append(rest[end:])
            rest = rest[start:end]
        return prefixes, rest, suffixes[::-1]

    def _inner(self, rest: str, cases: Cases) -> Sequence[str]:
        """Return the tokens of what the affixes leave (Tokenizer._attach_tokens)."""
        if rest in cases:
            return cases[rest]
        if not rest:
            return ()
        if self._is_token(rest) or self._urls.find(rest):
            return (rest,)
        cuts = [0]
        for infix in self._infixes.find(rest):
            cuts += infix.span() if infix.start() else ()
        return [rest[start:end] for start, end in pairwise([*cuts, len(rest)]) if start != end]
