"""The tokens of a column's pieces, as spaCy has them, in bulk.

The tokens of a text are those of its pieces in a row, except where neighbours meet whose flags
say otherwise (`special_cases`): those must be tokenised together, as a phrase.
Knows nothing of columns, ids or of what is remembered.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
import pyarrow as pa

from scorer.tokens.ragged_array import RaggedArray
from scorer.tokens.shapes import Shapes
from scorer.tokens.special_cases import MATCHES, SpecialCases
from scorer.tokens.splitter import Splitter
from scorer.tokens.text import slices, without_spaces
from scorer.tokens.tokeniser_rules import TokeniserRules

BLOCK_BYTES = 200_000


@dataclass(frozen=True)
class PieceTokens:
    """The tokens of some of the pieces that were asked for.

    positions: int64 (pieces,), which ones; tokens: texts, piece by piece;
    offsets: int64 (pieces + 1,) into tokens; flags: uint8 (pieces,), see `special_cases`.
    """

    positions: np.ndarray
    tokens: list[str]
    offsets: np.ndarray
    flags: np.ndarray


class PieceTokeniser:
    """spaCy's tokeniser of these rules, piece by piece.

    Its memory grows with the shapes of the pieces (`shapes`), not with the pieces.
    Raises BundleError for rules that are none.
    """

    def __init__(self, rules: TokeniserRules) -> None:
        self._splitter = Splitter(rules)
        self._cases = SpecialCases(rules, self._splitter)
        self._shapes = _shapes(rules, self._splitter, self._cases)

    def tokenise(self, words: pa.LargeStringArray) -> Iterator[PieceTokens]:
        """Yield the tokens of pieces, each as if it were a text of its own.

        words: pieces with one space after each, see `Pieces.words`. The tokens come in blocks of
        bounded size, and not in the order of the pieces.
        """
        start = 0
        for part in slices(words, BLOCK_BYTES):
            for block in self._tokenise_part(part):
                yield replace(block, positions=block.positions + start)
            start += len(part)

    def _tokenise_part(self, words: pa.LargeStringArray) -> Iterator[PieceTokens]:
        """Tokenise the pieces without a shape and one of each new shape; cut the others like it."""
        shaped = self._shapes.of(words)
        new = np.flatnonzero(shaped.has_shape & (self._shapes.find(shaped) < 0))
        first = new[np.unique(shaped.keys[new], return_index=True)[1]]
        alone = np.concatenate([np.flatnonzero(~shaped.has_shape), first])
        block = self._tokenise(words, alone)
        yield block
        self._shapes.learn(shaped, alone, _token_lengths(block), block.flags)
        rest = np.setdiff1d(np.arange(len(words)), alone, assume_unique=True)
        numbers = self._shapes.find(shaped)[rest]
        yield self._cut(words, rest[numbers >= 0], numbers[numbers >= 0])
        yield self._tokenise(words, rest[numbers < 0])

    def stand_alone(self, words: pa.LargeStringArray) -> np.ndarray:
        """Return which of these distinct words share their shape with no other: bool (words,)."""
        shaped = self._shapes.of(words)
        _, shapes, counts = np.unique(shaped.keys, return_inverse=True, return_counts=True)
        return np.asarray(~shaped.has_shape | (counts[shapes] == 1))

    def tokenise_phrases(self, phrases: Sequence[str]) -> PieceTokens:
        """Return the tokens of pieces with single spaces between them, each phrase as if alone."""
        rows = [self._phrase(phrase.split(" ")) for phrase in phrases]
        return _block(np.arange(len(phrases)), rows, [0] * len(rows))

    def _phrase(self, pieces: Sequence[str]) -> list[str]:
        tokens: list[str] = []
        spaces = []
        for piece in pieces:
            spaces.append(len(tokens))
            tokens += self._splitter.split(piece)
        return self._cases.last_pass(tokens, spaces)

    def _tokenise(self, words: pa.LargeStringArray, positions: np.ndarray) -> PieceTokens:
        """Split pieces one by one."""
        pieces = without_spaces(words.take(pa.array(positions)))
        rows = [self._splitter.split(piece) for piece in pieces]
        flags = [self._cases.flags(row) for row in rows]
        for at in np.flatnonzero(np.array(flags, np.uint8) & MATCHES).tolist():
            rows[at] = self._cases.last_pass(rows[at])
        return _block(positions, rows, flags)

    def _cut(
        self, words: pa.LargeStringArray, positions: np.ndarray, numbers: np.ndarray
    ) -> PieceTokens:
        """Cut pieces of known shapes."""
        tokens, offsets = self._shapes.token_texts(words.take(pa.array(positions)), numbers)
        return PieceTokens(positions, tokens, offsets, self._shapes.flags(numbers))


def _block(
    positions: np.ndarray, rows: Sequence[Sequence[str]], flags: Sequence[int]
) -> PieceTokens:
    offsets = np.cumsum([0, *map(len, rows)])
    tokens = [token for row in rows for token in row]
    return PieceTokens(positions, tokens, offsets, np.array(flags, np.uint8))


def _shapes(rules: TokeniserRules, splitter: Splitter, cases: SpecialCases) -> Shapes:
    """Return the shapes of a tokeniser; no piece has one where there is a `token_match`."""
    invariant = set.intersection(*(set(affixes.case_invariant) for affixes in splitter.affixes))
    words = cases.words.union(*(affixes.words for affixes in splitter.affixes))
    return Shapes("" if rules.token_match else "".join(invariant), sorted(words))


def _token_lengths(block: PieceTokens) -> RaggedArray:
    lengths = np.fromiter(map(len, block.tokens), np.int32, len(block.tokens))
    return RaggedArray(lengths, block.offsets)
