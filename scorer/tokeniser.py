"""spaCy's tokens of single pieces, in bulk.

The tokens of a text are those of its pieces in a row, except where neighbours meet whose flags
say otherwise (scorer.special_cases): those must be tokenised together, as a phrase.
Knows nothing of columns, ids or of what is remembered.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import chain
from typing import Any

import numpy as np

from scorer.affixes import AffixRules
from scorer.errors import UsageError
from scorer.simple_pieces import SimplePieces
from scorer.special_cases import SpecialCases
from scorer.text import ranges

BLOCK_CHARACTERS = 100_000


@dataclass(frozen=True)
class PieceTokens:
    """The tokens of some of the pieces that were asked for.

    positions: int64 (pieces,), which ones; tokens: texts, not necessarily distinct;
    indices: int64 (total_tokens,) into tokens; offsets: int64 (pieces + 1,) into indices;
    flags: uint8 (pieces,), see scorer.special_cases.
    """

    positions: np.ndarray
    tokens: list[str]
    indices: np.ndarray
    offsets: np.ndarray
    flags: np.ndarray


class PieceTokeniser:
    """`spacy.blank(language).tokenizer`, piece by piece; its memory does not grow with them.

    Raises UsageError for a language that spaCy lacks or cuts otherwise than at spaces.
    """

    def __init__(self, language: str) -> None:
        self._nlp = _blank(language)
        # like_url, shape … of each new word take most of spaCy's time and no token depends on them
        self._nlp.vocab.lex_attr_getters = {}
        tokenizer, rules = self._nlp.tokenizer, _affix_rules(self._nlp.Defaults)
        self._simple = SimplePieces(tokenizer, *rules[:3])
        self._affixes = _without_last_pass(tokenizer, rules)
        self._cases = SpecialCases(tokenizer, self._affixes)

    def tokenise(self, pieces: Sequence[str]) -> Iterator[PieceTokens]:
        """The tokens of pieces without whitespace, each as if alone.

        They come in blocks of bounded size, and not in the order of the pieces.
        """
        found = ((i, self._simple.split(piece)) for i, piece in enumerate(pieces))
        simple = {i: tokens for i, tokens in found if tokens}
        yield self._tokenise_simple(simple)
        others = [i for i in range(len(pieces)) if i not in simple]
        for block in _blocks(others, pieces):
            with self._nlp.memory_zone():
                yield self._tokenise(block, [pieces[i] for i in block])

    def tokenise_phrases(self, phrases: Sequence[str]) -> Iterator[PieceTokens]:
        """The tokens of pieces with single spaces between them, each phrase as if alone."""
        for position, phrase in enumerate(phrases):
            with self._nlp.memory_zone():
                tokens = [token.text for token in self._nlp.tokenizer(phrase)]
            offsets, flags = np.array([0, len(tokens)]), np.zeros(1, np.uint8)
            yield PieceTokens(np.array([position]), tokens, np.arange(len(tokens)), offsets, flags)

    def _tokenise_simple(self, simple: dict[int, Sequence[str]]) -> PieceTokens:
        tokens = list(chain.from_iterable(simple.values()))
        indices, offsets = np.arange(len(tokens)), np.cumsum([0, *map(len, simple.values())])
        flags = self._cases.flags(tokens, indices, offsets, changed=indices[:0])
        return PieceTokens(np.array(list(simple), np.int64), tokens, indices, offsets, flags)

    def _tokenise(self, positions: list[int], pieces: list[str]) -> PieceTokens:
        doc = self._affixes(" ".join(pieces))
        orths, space_after = doc.to_array(["ORTH", "SPACY"]).T  # (tokens,), (tokens,)
        space_after[-1] = True
        offsets = np.concatenate([[0], np.flatnonzero(space_after) + 1])
        distinct, indices = np.unique(orths, return_inverse=True)
        tokens = [self._nlp.vocab.strings[orth] for orth in distinct.tolist()]
        changed = self._cases.changed(doc, offsets)
        flags = self._cases.flags(tokens, indices, offsets, changed)
        before = PieceTokens(np.array(positions), tokens, indices, offsets, flags)
        runs = [[token.text for token in self._nlp.tokenizer(pieces[i])] for i in changed]
        return _replaced(before, changed, runs) if runs else before


def _replaced(block: PieceTokens, changed: np.ndarray, runs: list[list[str]]) -> PieceTokens:
    """The block with these runs of tokens for the pieces that the last pass changed."""
    tokens = [*block.tokens, *chain.from_iterable(runs)]
    indices = np.concatenate([block.indices, np.arange(len(block.tokens), len(tokens))])
    starts, lengths = block.offsets[:-1].copy(), np.diff(block.offsets)
    lengths[changed] = [len(run) for run in runs]
    starts[changed] = len(block.indices) + np.cumsum(lengths[changed]) - lengths[changed]
    offsets = np.concatenate([[0], np.cumsum(lengths)])
    return replace(block, tokens=tokens, indices=indices[ranges(starts, lengths)], offsets=offsets)


def _blank(language: str) -> Any:
    import spacy
    from spacy.tokenizer import Tokenizer

    try:
        nlp = spacy.blank(language)
    except ImportError as error:
        raise UsageError(f"spaCy has no tokeniser for the language {language!r}") from error
    if type(nlp.tokenizer) is not Tokenizer:
        raise UsageError(f"spaCy does not cut the language {language!r} at spaces")
    return nlp


def _affix_rules(defaults: Any) -> list[AffixRules]:
    """Prefix, suffix, infix and URL rules, in this order."""
    from spacy import util

    url_match = getattr(defaults.url_match, "__self__", None)
    return [
        AffixRules(defaults.prefixes or (), lambda rules: util.compile_prefix_regex(rules).search),
        AffixRules(defaults.suffixes or (), lambda rules: util.compile_suffix_regex(rules).search),
        AffixRules(
            defaults.infixes or (), lambda rules: util.compile_infix_regex(rules).finditer, ()
        ),
        AffixRules(
            [url_match.pattern] if url_match else (), lambda rules: re.compile(rules[0]).match
        ),
    ]


def _without_last_pass(tokenizer: Any, rules: list[AffixRules]) -> Any:
    """The tokeniser without its last pass.

    Tokenizer.add_special_case leaves to that pass what an affix rule would split. While the
    special cases are added, the affix rules are asleep, so the pass has nothing to look for.
    """
    from spacy.tokenizer import Tokenizer

    cases = {case: tokens for case, tokens in tokenizer.rules.items() if " " not in case}
    prefixes, suffixes, infixes, urls = (rule.find for rule in rules)
    affixes = Tokenizer(
        tokenizer.vocab, cases, prefixes, suffixes, infixes, tokenizer.token_match, urls
    )
    for rule in rules:
        rule.wake()
    return affixes


def _blocks(positions: list[int], pieces: Sequence[str]) -> Iterator[list[int]]:
    """The positions in lists whose pieces have about BLOCK_CHARACTERS."""
    block: list[int] = []
    characters = 0
    for position in positions:
        block.append(position)
        characters += len(pieces[position]) + 1
        if characters >= BLOCK_CHARACTERS:
            yield block
            block, characters = [], 0
    if block:
        yield block
