"""spaCy's tokens of single pieces, in bulk.

The tokens of a text are those of its pieces in a row, except where neighbours meet whose flags
say otherwise (`special_cases`): those must be tokenised together, as a phrase.
Knows nothing of columns, ids or of what is remembered.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import chain
from typing import Any

import numpy as np
import pyarrow as pa

from scorer.errors import UsageError
from scorer.tokens.affixes import AffixRules
from scorer.tokens.long_pieces import LONG, can_peel, peel
from scorer.tokens.ragged_array import RaggedArray
from scorer.tokens.shapes import Shapes
from scorer.tokens.special_cases import SpecialCases
from scorer.tokens.text import ranges, slices, without_spaces

BLOCK_BYTES = 200_000
LONG_BYTES = LONG  # what has more may have more characters


@dataclass(frozen=True)
class PieceTokens:
    """The tokens of some of the pieces that were asked for.

    positions: int64 (pieces,), which ones; tokens: texts, not necessarily distinct;
    indices: int64 (total_tokens,) into tokens; offsets: int64 (pieces + 1,) into indices;
    flags: uint8 (pieces,), see `special_cases`.
    """

    positions: np.ndarray
    tokens: list[str]
    indices: np.ndarray
    offsets: np.ndarray
    flags: np.ndarray


class PieceTokeniser:
    """`spacy.blank(language).tokenizer`, piece by piece.

    Its memory grows with the shapes of the pieces (`shapes`), not with the pieces.
    Raises UsageError for a language that spaCy lacks or cuts otherwise than at spaces.
    """

    def __init__(self, language: str) -> None:
        self._nlp = _blank(language)
        # like_url, shape … of each new word take most of spaCy's time and no token depends on them
        self._nlp.vocab.lex_attr_getters = {}
        tokenizer, rules = self._nlp.tokenizer, _affix_rules(self._nlp.Defaults)
        self._affixes = _without_last_pass(tokenizer, rules)
        self._cases = SpecialCases(tokenizer, self._affixes)
        self._shapes = _shapes(tokenizer, rules, self._cases)
        self._prefixes, self._suffixes = rules[:2]
        self._peels = can_peel(*rules[:2]) and not tokenizer.token_match

    def tokenise(self, words: pa.LargeStringArray) -> Iterator[PieceTokens]:
        """Return the tokens of pieces, each as if alone; they have a space after each and no other.

        The tokens come in blocks of bounded size, and not in the order of the pieces.
        """
        start = 0
        for part in slices(words, BLOCK_BYTES):
            for block in self._tokenise_part(part):
                yield replace(block, positions=block.positions + start)
            start += len(part)

    def _tokenise_part(self, words: pa.LargeStringArray) -> Iterator[PieceTokens]:
        """Tokenise one piece of each new shape and those without; split the others like them."""
        shaped = self._shapes.of(words)
        new = np.flatnonzero(shaped.sound & (self._shapes.find(shaped) < 0))
        first = new[np.unique(shaped.keys[new], return_index=True)[1]]
        long = self._peels & (np.diff(shaped.offsets) > LONG_BYTES)
        for position in np.flatnonzero(long).tolist():
            yield self._ask_in_parts(words, position)
        asked = np.concatenate([np.flatnonzero(~shaped.sound & ~long), first])
        if len(asked):
            block = self._ask(words, asked)
            yield block
            self._shapes.learn(shaped, asked, _token_lengths(block), block.flags)
        rest = np.setdiff1d(np.flatnonzero(~long), asked, assume_unique=True)
        numbers = self._shapes.find(shaped)[rest]
        yield self._cut(words, rest[numbers >= 0], numbers[numbers >= 0])
        if (numbers < 0).any():
            yield self._ask(words, rest[numbers < 0])

    def stand_alone(self, words: pa.LargeStringArray) -> np.ndarray:
        """Return whether no other of the distinct words has a word's shape: bool (words,)."""
        shaped = self._shapes.of(words)
        _, shapes, counts = np.unique(shaped.keys, return_inverse=True, return_counts=True)
        return np.asarray(~shaped.sound | (counts[shapes] == 1))

    def tokenise_phrases(self, phrases: Sequence[str]) -> Iterator[PieceTokens]:
        """Return the tokens of pieces with single spaces between them, each phrase as if alone."""
        for position, phrase in enumerate(phrases):
            with self._nlp.memory_zone():
                tokens = [token.text for token in self._nlp.tokenizer(phrase)]
            offsets, flags = np.array([0, len(tokens)]), np.zeros(1, np.uint8)
            yield PieceTokens(np.array([position]), tokens, np.arange(len(tokens)), offsets, flags)

    def _cut(
        self, words: pa.LargeStringArray, positions: np.ndarray, numbers: np.ndarray
    ) -> PieceTokens:
        tokens, offsets = self._shapes.token_texts(words.take(pa.array(positions)), numbers)
        flags = self._shapes.flags(numbers)
        return PieceTokens(positions, tokens, np.arange(len(tokens)), offsets, flags)

    def _ask(self, words: pa.LargeStringArray, positions: np.ndarray) -> PieceTokens:
        with self._nlp.memory_zone():
            return self._tokenise(positions, without_spaces(words.take(pa.array(positions))))

    def _ask_in_parts(self, words: pa.LargeStringArray, position: int) -> PieceTokens:
        """Return the tokens of a long piece, its affixes taken off before spaCy meets it."""
        peeled = peel(words[position].as_py()[:-1], self._prefixes, self._suffixes)
        with self._nlp.memory_zone():
            middle = [token.text for token in self._affixes(peeled.rest)]
            before = [*peeled.prefixes, *middle, *peeled.suffixes]
            tokens = self._cases.last_pass(before)
        ends, changed = np.array([0, len(before)]), np.zeros(int(tokens != before), np.int64)
        flags = self._cases.flags(before, np.arange(len(before)), ends, changed)
        offsets = np.array([0, len(tokens)])
        return PieceTokens(np.array([position]), tokens, np.arange(len(tokens)), offsets, flags)

    def _tokenise(self, positions: np.ndarray, pieces: list[str]) -> PieceTokens:
        doc = self._affixes(" ".join(pieces))
        orths, space_after = doc.to_array(["ORTH", "SPACY"]).T  # (tokens,), (tokens,)
        space_after[-1] = True
        offsets = np.concatenate([[0], np.flatnonzero(space_after) + 1])
        distinct, indices = np.unique(orths, return_inverse=True)
        tokens = [self._nlp.vocab.strings[orth] for orth in distinct.tolist()]
        changed = self._cases.changed(doc, offsets)
        flags = self._cases.flags(tokens, indices, offsets, changed)
        before = PieceTokens(positions, tokens, indices, offsets, flags)
        runs = [[token.text for token in self._nlp.tokenizer(pieces[i])] for i in changed]
        return _replaced(before, changed, runs) if runs else before


def _replaced(block: PieceTokens, changed: np.ndarray, runs: list[list[str]]) -> PieceTokens:
    """Return the block with these runs of tokens for the pieces that the last pass changed."""
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

    kinds = defaults.prefixes, defaults.suffixes, defaults.infixes
    prefixes, suffixes, infixes = (rules or () for rules in kinds)
    url_match = getattr(defaults.url_match, "__self__", None)
    urls = [url_match.pattern] if url_match else []
    return [
        AffixRules(prefixes, lambda rules: util.compile_prefix_regex(rules).search, "^{}"),
        AffixRules(suffixes, lambda rules: util.compile_suffix_regex(rules).search, "{}$"),
        AffixRules(infixes, lambda rules: util.compile_infix_regex(rules).finditer, nothing=()),
        AffixRules(urls, lambda rules: re.compile(rules[0]).match),
    ]


def _without_last_pass(tokenizer: Any, rules: list[AffixRules]) -> Any:
    """Return the tokeniser without its last pass.

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
        rule.enable()
    return affixes


def _shapes(tokenizer: Any, rules: list[AffixRules], cases: SpecialCases) -> Shapes:
    """Return the shapes of a tokeniser; none where rules of its own match whole pieces."""
    invariant = set.intersection(*(set(rule.case_invariant) for rule in rules))
    words = cases.words.union(*(rule.words for rule in rules))
    return Shapes("" if tokenizer.token_match else "".join(invariant), sorted(words))


def _token_lengths(block: PieceTokens) -> RaggedArray:
    lengths = np.fromiter(map(len, block.tokens), np.int32, len(block.tokens))
    return RaggedArray(lengths[block.indices], block.offsets)
