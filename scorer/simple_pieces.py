"""Pieces whose tokens can be told without the tokeniser: a word between marks, a run of one mark.

A word is a run of ASCII letters on which no affix rule acts; a mark is a character that prefix and
suffix rules take off by itself. "(word," is the tokens "(", "word" and ","; "!!!" is three tokens.
Not so where a special case spells that word or a run of that mark.
Knows nothing of any other piece.
"""

import re
from collections.abc import Sequence
from string import ascii_letters
from typing import Any

from scorer.affixes import AffixRules


class SimplePieces:
    """The simple pieces of a spaCy tokeniser with these prefix, suffix and infix rules."""

    def __init__(
        self, tokenizer: Any, prefixes: AffixRules, suffixes: AffixRules, infixes: AffixRules
    ) -> None:
        marks = (set(prefixes.marks) & set(suffixes.marks)) - set(tokenizer.rules)
        if tokenizer.token_match:  # it may take a word and its marks for one token
            marks = set()
        one = f"[{re.escape(''.join(sorted(marks)))}]" if marks else "(?!)"
        harmless = set(prefixes.harmless) & set(suffixes.harmless) & set(infixes.harmless)
        word = "[A-Za-z]+" if set(ascii_letters) <= harmless else "(?!)"
        self._match = re.compile(f"({one}|)({word})({one}|)|({one})\\4*").fullmatch
        self._special = {case.strip("".join(marks)) for case in tokenizer.rules}
        self._special |= {case[0] for case in tokenizer.rules if len(set(case)) == 1}

    def split(self, piece: str) -> Sequence[str] | None:
        """The tokens of a simple piece, else None."""
        match = self._match(piece)
        if match is None or (match[2] or match[4]) in self._special:
            return None
        return [token for token in match.groups()[:3] if token] if match[2] else piece
