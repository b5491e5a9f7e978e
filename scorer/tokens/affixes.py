"""Affix rules of a tokeniser that are searched only where they can match: same matches, sooner.

A rule that needs a character outside an alphabet never matches a text over that alphabet. And most
rules depend on an ASCII letter by its case alone, so they match alike in "film." and "plot.".
Both are read from the parse tree of Python's `re`; what the tree does not prove is not assumed.
Knows nothing of how the matches become tokens.
"""

import re
import string
from collections.abc import Callable, Iterable, Iterator
from re import _constants as op  # type: ignore[attr-defined]
from re import _parser  # type: ignore[attr-defined]
from typing import Any, TypeAlias

UNBOUNDED = int(op.MAXREPEAT)
IGNORES_CASE = int(re.IGNORECASE)  # of a tree's flags, which are looked at thousands of times
SHORTEST_RUN = 2  # times at most that a run has to repeat its character
WORD_CHARACTERS = string.ascii_letters + string.punctuation
ASCII = 128  # characters
CASES = ((ord("A"), ord("Z")), (ord("a"), ord("z")))  # of ASCII letters

# of a match: one of these ASCII characters, a bit each; or else all that one of the branches needs
Need: TypeAlias = "int | tuple[frozenset[Need], ...]"


class AffixRules:
    """The prefix, suffix, infix or URL rules of a tokeniser.

    rules: regular expressions; form: how spaCy ties each to an end of the text ("^{}" for a
    prefix); method: of `re.Pattern`, how all of them are looked for: "search", "match", "finditer".
    harmless: characters, as many as fit, such that no rule matches a text of them alone.
    case_invariant: the letters and as many other characters as fit, such that in a text of them a
    rule that matches a letter matches any letter of its case, except in `words`; may be empty.
    words: letters in a row that a rule spells out, as `'s` does.
    reach: how many characters at an end of the text decide a match there, apart from one repeated
    character, which matches to its end; None where there is no bound.
    """

    def __init__(self, rules: Iterable[str], form: str = "{}", method: str = "search") -> None:
        self._form, self._method = form, method
        self._nothing: Any = () if method == "finditer" else None
        trees = {rule: _parser.parse(form.format(rule)) for rule in rules if rule.strip()}
        self._needs = {rule: frozenset(_needs(tree)) for rule, tree in trees.items()}
        words = {rule: _words(tree) for rule, tree in trees.items()}
        uneven = [rule for rule in trees if not words[rule] and not _is_case_invariant(trees[rule])]
        self.harmless = self._escaping(trees, [*WORD_CHARACTERS, *string.digits])
        self.case_invariant = self._case_invariant(uneven)
        self.words = set().union(
            *(words[rule] for rule in self._acting_on(self.case_invariant, trees))
        )
        self.reach = _reach(trees.values())
        self._may_act = finder_of_others(self.harmless)
        self._find = self._search(trees)
        self._find_in_word = self._search(self._acting_on(WORD_CHARACTERS, trees))
        self._beyond_word = finder_of_others(WORD_CHARACTERS)

    def find(self, text: str) -> Any:
        """Return what the search of all rules finds: matches of `finditer`, or one, or None."""
        if not self._may_act(text):
            return self._nothing
        return self._find(text) if self._beyond_word(text) else self._find_in_word(text)

    def _case_invariant(self, uneven: Iterable[str]) -> str:
        found = self._escaping(uneven, [string.ascii_letters, *string.punctuation, *string.digits])
        return found if found.startswith(string.ascii_letters) else ""

    def _escaping(self, rules: Iterable[str], groups: Iterable[str]) -> str:
        """Return as many groups of characters as fit, such that no rule matches a text of them."""
        found = ""
        for characters in groups:
            if not any(self._acting_on(found + characters, rules)):
                found += characters
        return found

    def _acting_on(self, alphabet: str, rules: Iterable[str]) -> Iterator[str]:
        """Return the rules that may match a text over the alphabet."""
        characters = sum(1 << ord(character) for character in alphabet)
        return (rule for rule in rules if not _need_other(self._needs[rule], characters))

    def _search(self, rules: Iterable[str]) -> Callable[[str], Any]:
        expression = "|".join(map(self._form.format, rules))
        if not expression:
            return lambda text: self._nothing
        return getattr(re.compile(expression), self._method)  # type: ignore[no-any-return]


def finder_of_others(alphabet: str) -> Callable[[str], Any]:
    """Return a search for a character outside the alphabet."""
    return re.compile(f"[^{re.escape(alphabet)}]" if alphabet else "").search


def length_of(match: Any) -> int:
    """Return the length of a match, 0 for None."""
    return match.end() - match.start() if match else 0


def _needs(tree: Any) -> Iterator[Need]:
    """Yield what every match of a parsed expression needs, as far as the tree proves it."""
    if tree.state.flags & IGNORES_CASE:
        return
    for code, argument in tree:
        if code is op.LITERAL:
            yield _ascii([(code, argument)])
        elif code is op.IN and {kind for kind, _ in argument} <= {op.LITERAL, op.RANGE}:
            yield _ascii(argument)
        elif code is op.BRANCH:
            yield tuple(frozenset(_needs(branch)) for branch in argument[1])
        elif _needs_inner(code, argument):
            yield from _needs(argument[-1])


def _needs_inner(code: Any, argument: Any) -> bool:
    """Return whether every match of an item has one of the expression within it, case and all."""
    if code is op.SUBPATTERN:
        return not argument[1] & IGNORES_CASE
    if code in (op.MAX_REPEAT, op.MIN_REPEAT):
        return bool(argument[0] > 0)
    return code is op.ASSERT


def _ascii(members: Iterable[tuple[Any, Any]]) -> int:
    """Return the ASCII characters among a character class's literals and ranges, a bit each."""
    characters = 0
    for kind, member in members:
        first, last = member if kind is op.RANGE else (member, member)
        if first < ASCII:
            characters |= (2 << min(last, ASCII - 1)) - (1 << first)
    return characters


def _need_other(needs: Iterable[Need], characters: int) -> bool:
    """Return whether something needed is not to be had of these characters, a bit each."""
    return any(
        not need & characters
        if isinstance(need, int)
        else all(_need_other(branch, characters) for branch in need)
        for need in needs
    )


def _words(tree: Any) -> set[str]:
    """Return the words of a rule that is words, punctuation and ends of the text alone."""
    spelt = ""
    for code, argument in tree:
        if code is op.LITERAL:
            spelt += chr(argument)
        elif code is op.AT and argument in (op.AT_BEGINNING, op.AT_END):
            spelt += "\n"
        else:
            return set()
    bounded = re.fullmatch("[^A-Za-z].*[^A-Za-z]", spelt, re.DOTALL)
    return set(re.findall("[A-Za-z]+", spelt)) if bounded else set()


def _is_case_invariant(tree: Any) -> bool:
    """Return whether an expression that matches a letter matches every letter of its case there."""
    return not tree.state.flags & IGNORES_CASE and all(
        _item_is_case_invariant(code, argument) for code, argument in tree
    )


def _item_is_case_invariant(code: Any, argument: Any) -> bool:
    if code in (op.LITERAL, op.NOT_LITERAL):
        return chr(argument) not in string.ascii_letters
    if code is op.IN:
        return all(_has_whole_cases(kind, member) for kind, member in argument)
    if code is op.BRANCH:
        return all(map(_is_case_invariant, argument[1]))
    if code is op.SUBPATTERN:
        _, added_flags, _, tree = argument
        return not added_flags & IGNORES_CASE and _is_case_invariant(tree)
    if code in (op.MAX_REPEAT, op.MIN_REPEAT, op.ASSERT, op.ASSERT_NOT):
        return _is_case_invariant(argument[-1])
    return code in (op.AT, op.ANY)


def _has_whole_cases(code: Any, argument: Any) -> bool:
    """Return whether a member of a character class has all, or none, of a case's ASCII letters."""
    if code is op.LITERAL:
        return chr(argument) not in string.ascii_letters
    if code is op.RANGE:
        first, last = argument
        return all(last < a or z < first or first <= a < z <= last for a, z in CASES)
    return code in (op.NEGATE, op.CATEGORY)


def _reach(trees: Iterable[Any]) -> int | None:
    widths = [0 if _is_run(tree) else _width(tree) for tree in trees]
    return None if UNBOUNDED in widths else int(max(widths, default=0))


def _is_run(tree: Any) -> bool:
    """Return whether a rule is one character, repeated as often as it comes: `\\.\\.+`."""
    items = [item for item in tree if item[0] is not op.AT]
    if not items or items[-1][0] is not op.MAX_REPEAT:
        return False
    least, _, repeated = items[-1][1]
    if least > SHORTEST_RUN or len(repeated) != 1 or repeated[0][0] is not op.LITERAL:
        return False
    return all(item == repeated[0] for item in items[:-1])


def _width(tree: Any) -> int:
    """Return the most characters that an expression looks at, UNBOUNDED where there is no bound."""
    return min(sum(_item_width(code, argument) for code, argument in tree), UNBOUNDED)


def _item_width(code: Any, argument: Any) -> int:
    if code in (op.LITERAL, op.NOT_LITERAL, op.IN, op.ANY, op.AT):
        return 1
    if code is op.BRANCH:
        return max(map(_width, argument[1]))
    if code in (op.MAX_REPEAT, op.MIN_REPEAT):
        return min(int(argument[1]) * _width(argument[2]), UNBOUNDED)
    if code in (op.SUBPATTERN, op.ASSERT, op.ASSERT_NOT):
        return _width(argument[-1])
    return UNBOUNDED
