"""The special cases that spaCy looks for last, in the tokens of a whole text.

spaCy cuts a text at its whitespace and splits each piece by its affix rules; then one last pass
looks for special cases (":-)", "Dr.", "'em") in the tokens of the whole text. That pass alone sees
across spaces: in ": )" it meets the tokens of ":)". Such a match changes no token itself, since no
special case is spelt ": )", but it keeps out every shorter or later match that it overlaps, even
inside a piece. The flags tell which neighbouring pieces that can happen to.
Knows nothing of how pieces are tokenised or cached_pieces.
"""

import re
from typing import Any

import numpy as np

OPENS = 1  # flag: the last token and the next piece's first may belong to one special case
CLOSES = 2  # flag: the first token and the last one of the piece before may
MATCHES = 4  # flag: the last pass changes the piece


class SpecialCases:
    """What the last pass of a tokeniser looks for.

    tokenizer: spaCy's; affixes: the same without its last pass.
    words: every run of ASCII letters in a special case of spaCy's or in a token of one.
    """

    def __init__(self, tokenizer: Any, affixes: Any) -> None:
        from spacy.matcher import PhraseMatcher

        bare = _without_special_cases(tokenizer)
        cases = [bare(case) for case in tokenizer.rules if _is_looked_for(tokenizer, case)]
        self._openers = {token.text for case in cases for token in case[:-1]}
        self._closers = {token.text for case in cases for token in case[1:]}
        self.words = _words([*tokenizer.rules, *self._openers, *self._closers])
        self._any_with_space = any(" " in case.text.strip() for case in cases)
        self._vocab = tokenizer.vocab
        self._matcher = PhraseMatcher(self._vocab)
        self._splits: set[int] = set()  # of cases with other tokens than the affix rules give
        self._tokens: dict[str, list[str]] = {}
        for case in cases:
            self._matcher.add(case.text, [case])
            self._tokens[case.text] = _texts(tokenizer(case.text))
            if _texts(case) != _texts(affixes(case.text)):
                self._splits.add(tokenizer.vocab.strings[case.text])

    def changed(self, doc: Any, offsets: np.ndarray) -> np.ndarray:
        """Return the pieces that the last pass changes if nothing outside keeps it from it.

        offsets: the pieces' tokens in doc, int64 (pieces + 1,).
        """
        matches = (match for match in self._matcher(doc) if match[0] in self._splits)
        spans = np.array([(start, end - 1) for _, start, end in matches], np.int64)
        first, last = np.searchsorted(offsets, spans.reshape(-1, 2).T, "right") - 1
        return np.unique(first[first == last])

    def last_pass(self, tokens: list[str]) -> list[str]:
        """Return the tokens of one piece after the last pass.

        As Tokenizer._apply_special_cases: the longest match counts, of these the first; one that
        begins or ends within another, even one that does not count, does not.
        """
        from spacy.tokens import Doc

        doc = Doc(self._vocab, tokens, [False] * len(tokens))
        seen, chosen = bytearray(len(tokens)), []
        matches = sorted((start - end, start, end) for _, start, end in self._matcher(doc))
        for _, start, end in matches:
            if not seen[start] and not seen[end - 1]:
                chosen.append((start, end))
            seen[start:end] = b"1" * (end - start)
        after: list[str] = []
        last = 0
        for start, end in sorted(chosen):
            after += tokens[last:start] + self._tokens["".join(tokens[start:end])]
            last = end
        return after + tokens[last:]

    def flags(
        self, tokens: list[str], indices: np.ndarray, offsets: np.ndarray, changed: np.ndarray
    ) -> np.ndarray:
        """OPENS, CLOSES and MATCHES of each piece, uint8 (pieces,).

        tokens, indices, offsets: the pieces' tokens before the last pass, as in PieceTokens.
        """
        opens = np.array([token in self._openers for token in tokens], bool)
        closes = np.array([token in self._closers for token in tokens], bool)
        opens, closes = opens[indices[offsets[1:] - 1]], closes[indices[offsets[:-1]]]
        matches = (opens | closes) & self._any_with_space
        matches[changed] = True
        return np.asarray(opens * OPENS + closes * CLOSES + matches * MATCHES, np.uint8)


def _without_special_cases(tokenizer: Any) -> Any:
    from spacy.tokenizer import Tokenizer

    return Tokenizer(
        tokenizer.vocab,
        prefix_search=tokenizer.prefix_search,
        suffix_search=tokenizer.suffix_search,
        infix_finditer=tokenizer.infix_finditer,
        token_match=tokenizer.token_match,
        url_match=tokenizer.url_match,
    )


def _is_looked_for(tokenizer: Any, case: str) -> bool:
    """Return whether the last pass looks for this special case (see Tokenizer.add_special_case)."""
    finders = tokenizer.find_prefix, tokenizer.find_infix, tokenizer.find_suffix
    return any(find(case) for find in finders) or " " in case or not tokenizer.faster_heuristics


def _words(texts: list[str]) -> set[str]:
    return {word for text in texts for word in re.findall("[A-Za-z]+", text)}


def _texts(doc: Any) -> list[str]:
    return [token.text for token in doc]
