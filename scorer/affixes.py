"""Affix rules that are asked only where they can act: the same finds, sooner.

A rule that needs a character outside an alphabet finds nothing in a text over that alphabet. What
a rule needs is read from the parse tree of Python's `re`; where the tree does not prove it, the
rule is asked.
Knows nothing of how the finds become tokens.
"""

import re
import string
from collections.abc import Callable, Iterable
from re import _constants as op  # type: ignore[attr-defined]
from re import _parser  # type: ignore[attr-defined]
from typing import Any

WORD_CHARACTERS = string.ascii_letters + string.punctuation


class AffixRules:
    """The prefix, suffix, infix or URL rules of a tokeniser.

    rules: regular expressions; compiled: makes one search function of several of them;
    nothing: what that function returns where it finds nothing.
    harmless: characters, as many as fit, on which no rule acts as long as no other is there.
    marks: characters each of which is a rule, and besides which no rule acts on them and letters.
    """

    def __init__(
        self, rules: Iterable[str], compiled: Callable[[list[str]], Callable], nothing: Any = None
    ) -> None:
        self._compiled = compiled
        self._nothing = nothing
        self._trees = {rule: _parser.parse(rule) for rule in rules if rule.strip()}
        self.harmless = self._harmless()
        self.marks = self._marks()
        self._find = self._search(list(self._trees))
        self._find_in_word = self._search(self._acting_on(WORD_CHARACTERS))
        self._beyond_word = finder_of_others(WORD_CHARACTERS)
        self._may_act: Callable[[str], Any] = lambda text: False

    def wake(self) -> None:
        """Let `find` answer from now on."""
        self._may_act = finder_of_others(self.harmless)

    def find(self, text: str) -> Any:
        """What the search function of all rules finds in the text; nothing before `wake`."""
        if not self._may_act(text):
            return self._nothing
        return self._find(text) if self._beyond_word(text) else self._find_in_word(text)

    def _harmless(self) -> str:
        harmless = ""
        for character in WORD_CHARACTERS + string.digits:
            if not self._acting_on(harmless + character):
                harmless += character
        return harmless

    def _marks(self) -> str:
        marks = ""
        for character in string.punctuation:
            if self._literals(marks + character) == set(marks + character):
                marks += character
        return marks

    def _search(self, rules: list[str]) -> Callable[[str], Any]:
        return self._compiled(rules) if rules else lambda text: self._nothing

    def _acting_on(self, alphabet: str) -> list[str]:
        return [rule for rule, tree in self._trees.items() if not _needs_other(tree, alphabet)]

    def _literals(self, marks: str) -> set[str | None]:
        """The rules acting on letters and marks as characters; None for any longer rule."""
        rules = self._acting_on(string.ascii_letters + marks)
        trees = [self._trees[rule] for rule in rules]
        return {
            chr(tree[0][1]) if len(tree) == 1 and tree[0][0] is op.LITERAL else None
            for tree in trees
        }


def finder_of_others(alphabet: str) -> Callable[[str], Any]:
    """A search for a character outside the alphabet."""
    return re.compile(f"[^{re.escape(alphabet)}]" if alphabet else "").search


def _needs_other(tree: Any, alphabet: str) -> bool:
    """Whether every match of a parsed expression has a character outside the alphabet."""
    return not tree.state.flags & re.IGNORECASE and any(
        _item_needs_other(code, argument, alphabet) for code, argument in tree
    )


def _item_needs_other(code: Any, argument: Any, alphabet: str) -> bool:
    if code is op.LITERAL:
        return chr(argument) not in alphabet
    if code is op.IN:
        return not any(_may_be_in(kind, member, alphabet) for kind, member in argument)
    if code is op.BRANCH:
        return all(_needs_other(tree, alphabet) for tree in argument[1])
    if code is op.SUBPATTERN:
        _, added_flags, _, tree = argument
        return not added_flags & re.IGNORECASE and _needs_other(tree, alphabet)
    if code in (op.MAX_REPEAT, op.MIN_REPEAT):
        least, _, tree = argument
        return least > 0 and _needs_other(tree, alphabet)
    return code is op.ASSERT and _needs_other(argument[1], alphabet)


def _may_be_in(code: Any, argument: Any, alphabet: str) -> bool:
    """Whether a member of a character class has characters of the alphabet."""
    if code is op.LITERAL:
        return chr(argument) in alphabet
    if code is op.RANGE:
        first, last = argument
        return first < 128 and any(first <= ord(character) <= last for character in alphabet)
    return True  # a negation or a category
