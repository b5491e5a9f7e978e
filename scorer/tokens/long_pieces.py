"""The affixes of very long pieces, found by looking at the ends alone.

spaCy takes one affix off each end at a time, and each time copies what is left and looks through
all of it: a line of 100,000 dashes takes it a quarter of an hour, one of 2,000,000 days. What an
affix rule finds at an end depends on few characters there (AffixRules.reach), so it need not.
Where a rule looks further, as one of Hungarian's does, it costs what it costs spaCy.
Knows nothing of special cases: a piece that is long enough is none, whatever is taken off.
"""

from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise

from scorer.tokens.affixes import AffixRules, length_of

LONG = 200  # characters that are split the plain way; no special case is as long
WINDOW = 50  # characters looked at first


@dataclass(frozen=True)
class Peeled:
    """A piece as its prefixes, the rest to be split the plain way, and its suffixes."""

    prefixes: list[str]
    rest: str
    suffixes: list[str]


def can_peel(prefixes: AffixRules, suffixes: AffixRules) -> bool:
    """Return whether the rules look at little enough."""
    reaches = [rules.reach for rules in (prefixes, suffixes)]
    return all(reach is not None and 2 * reach <= WINDOW for reach in reaches)


def peel(piece: str, prefixes: AffixRules, suffixes: AffixRules) -> Peeled:
    """Take affixes off both ends, as spaCy does, until LONG characters or no affixes are left."""
    before, after = [0], [len(piece)]  # where each prefix ends and each suffix begins
    while True:
        start, end = before[-1], after[-1]
        first = _found(prefixes, lambda size: piece[start : min(start + size, end)])  # noqa: B023
        last = _found(suffixes, lambda size: piece[max(end - size, start) : end])  # noqa: B023
        if not first + last or end - start - first - last <= LONG:
            return Peeled(_cut(piece, before), piece[start:end], _cut(piece, after[::-1]))
        if first:
            before.append(start + first)
        if last:
            after.append(end - last)


def _found(rules: AffixRules, end_of: Callable[[int], str]) -> int:
    """Return the length of the affix at an end of a text; `end_of(n)` is its last n characters."""
    size = WINDOW
    while True:
        text = end_of(size)
        length = length_of(rules.find(text))
        if 2 * length <= size or len(text) < size:
            return length
        size *= 8  # a run that may go on


def _cut(piece: str, bounds: list[int]) -> list[str]:
    return [piece[start:end] for start, end in pairwise(bounds)]
