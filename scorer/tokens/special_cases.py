"""The special cases that spaCy looks for last, in the tokens of a whole text.

spaCy cuts a text at its whitespace and splits each piece by its affix rules; then one last pass
looks for special cases (":-)", "Dr.", "'em") in the tokens of the whole text. That pass alone sees
across spaces: in ": )" it meets the tokens of ":)". Such a match changes no token itself, since no
special case is spelt ": )", but it keeps out every shorter or later match that it overlaps, even
inside a piece. The flags tell which neighbouring pieces that can happen to.
Knows nothing of how pieces are split or cached.
"""

import re
from collections import defaultdict
from collections.abc import Iterable, Sequence

from scorer.tokens.splitter import Splitter
from scorer.tokens.tokeniser_rules import TokeniserRules

OPENS = 1  # flag: the last token and the next piece's first may belong to one special case
CLOSES = 2  # flag: the first token and the last one of the piece before may
MATCHES = 4  # flag: the last pass changes the piece


class SpecialCases:
    """What the last pass of a tokeniser looks for: spaCy's `Tokenizer._apply_special_cases` (3.8).

    words: every run of ASCII letters in a special case of spaCy's or in a token of one.
    """

    def __init__(self, rules: TokeniserRules, splitter: Splitter) -> None:
        self._tokens = rules.special_cases
        looked_for = [case for case in self._tokens if " " in case or splitter.has_affix(case)]
        self._patterns = {tokens for case in looked_for if (tokens := _pattern(case, splitter))}
        self._openers = {token for tokens in self._patterns for token in tokens[:-1]}
        self._closers = {token for tokens in self._patterns for token in tokens[1:]}
        self._lengths: dict[str, set[int]] = defaultdict(set)  # of patterns, by their first token
        for tokens in self._patterns:
            self._lengths[tokens[0]].add(len(tokens))
        self.words = _words([*self._tokens, *self._openers, *self._closers])
        self._any_with_space = any(" " in case.strip() for case in looked_for)

    def flags(self, tokens: Sequence[str]) -> int:
        """Return OPENS, CLOSES and MATCHES of a piece with these tokens before the last pass.

        MATCHES also where a match that changes it is kept out by another one within it.
        """
        opens, closes = tokens[-1] in self._openers, tokens[0] in self._closers
        matches = (opens or closes) and self._any_with_space
        matches = matches or any(
            self._replacement(tokens[start:end]) for start, end in self._matches(tokens)
        )
        return opens * OPENS + closes * CLOSES + matches * MATCHES

    def last_pass(self, tokens: Sequence[str], spaces: Sequence[int] = ()) -> list[str]:
        """Return the tokens after the last pass.

        spaces: the indices of tokens that have a space before them.
        """
        after: list[str] = []
        last, spaced = 0, set(spaces)
        for start, end in _chosen(self._matches(tokens)):
            gaps = [index - start for index in range(start + 1, end) if index in spaced]
            after += tokens[last:start]
            after += self._replacement(tokens[start:end], gaps) or tokens[start:end]
            last = end
        return [*after, *tokens[last:]]

    def _matches(self, tokens: Sequence[str]) -> Iterable[tuple[int, int]]:
        """Return start and end of every pattern in the tokens."""
        for start, token in enumerate(tokens):
            for length in self._lengths.get(token, ()):
                end = start + length
                if end <= len(tokens) and tuple(tokens[start:end]) in self._patterns:
                    yield start, end

    def _replacement(self, tokens: Sequence[str], gaps: Sequence[int] = ()) -> Sequence[str]:
        """Return a special case's tokens for these of its text; none where it changes nothing.

        gaps: the indices of those with a space before them.
        """
        text = "".join(f" {token}" if i in gaps else token for i, token in enumerate(tokens))
        after = self._tokens.get(text, ())
        return () if tuple(after) == tuple(tokens) else after


def _chosen(matches: Iterable[tuple[int, int]]) -> list[tuple[int, int]]:
    """Return the matches that count: the longest one, of these the first.

    One that begins or ends within another, even one that does not count, does not.
    """
    seen: set[int] = set()
    chosen = []
    for start, end in sorted(matches, key=lambda match: (match[0] - match[1], match[0])):
        if start not in seen and end - 1 not in seen:
            chosen.append((start, end))
        seen.update(range(start, end))
    return sorted(chosen)


def _pattern(case: str, splitter: Splitter) -> tuple[str, ...]:
    """Return the tokens by which a special case is found.

    Empty for one with more whitespace than a space between pieces: no text of pieces has it.
    """
    pieces = case.removesuffix(" ").split(" ")
    if not all(piece and not any(map(str.isspace, piece)) for piece in pieces):
        return ()
    return tuple(token for piece in pieces for token in splitter.split_plainly(piece))


def _words(texts: Iterable[str]) -> set[str]:
    return {word for text in texts for word in re.findall("[A-Za-z]+", text)}
