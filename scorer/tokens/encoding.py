"""From a column of texts to token ids.

A text's tokens are exactly those of `spacy.blank(language).tokenizer`, as it was when the bundle
was made, called on the normalised text with plain contractions. A token that is not in the
vocabulary is looked up by its other spellings (`spellings`; older bundles have neither).
Each distinct piece is tokenised once; what is known of a piece is gathered for a whole column at
once. One encoder serves one thread.
Knows nothing of batches, padding or models.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pyarrow as pa

from scorer.errors import BundleError
from scorer.tokens.piece_cache import NOTHING, CachedPieces, PieceCache, PieceIds
from scorer.tokens.piece_index import piece_keys
from scorer.tokens.ragged_array import RaggedArray, ranges
from scorer.tokens.special_cases import CLOSES, MATCHES, OPENS
from scorer.tokens.spellings import plain_contraction, plain_contractions
from scorer.tokens.text import (
    Pieces,
    TextRules,
    slices,
    split,
    with_spaces,
)
from scorer.tokens.tokeniser import PieceTokeniser, PieceTokens
from scorer.tokens.tokeniser_rules import TokeniserRules, rules_of
from scorer.tokens.vocabulary import Vocabulary

SLICE_BYTES = 1 << 20  # of text encoded at a time: bounds the memory, and it stays in the cache


@dataclass(frozen=True)
class Encoded:
    """The token ids of a column of texts.

    ids: int32 (total_tokens,); offsets: int64 (rows + 1,); row i: ids[offsets[i]:offsets[i + 1]].
    ngrams: the ids of the character n-grams of each row's unknown tokens; None where the
    vocabulary has no n-grams.
    """

    ids: np.ndarray
    offsets: np.ndarray
    ngrams: "Encoded | None" = None

    @classmethod
    def joined(cls, parts: Sequence["Encoded"]) -> "Encoded":
        """Return the rows of all parts, one part at least, in their order."""
        offsets = np.cumsum(np.concatenate([[0], *(part.lengths for part in parts)]))
        ngrams = [part.ngrams for part in parts if part.ngrams is not None]
        ids = np.concatenate([part.ids for part in parts])
        return cls(ids, offsets, cls.joined(ngrams) if ngrams else None)

    @property
    def lengths(self) -> np.ndarray:
        """Tokens of each row: int64 (rows,); 0 for a null or blank text."""
        return np.diff(self.offsets)

    def __len__(self) -> int:
        return len(self.offsets) - 1

    def rows(self, start: int, end: int) -> "Encoded":
        """Return the rows from `start` up to `end`."""
        offsets = self.offsets[start : end + 1]
        ngrams = None if self.ngrams is None else self.ngrams.rows(start, end)
        return Encoded(self.ids[offsets[0] : offsets[-1]], offsets - offsets[0], ngrams)

    def take(self, rows: np.ndarray) -> "Encoded":
        """Return these rows, int64, in that order."""
        taken = RaggedArray(self.ids, self.offsets).select(rows)
        ngrams = None if self.ngrams is None else self.ngrams.take(rows)
        return Encoded(taken.values, taken.offsets, ngrams)


class TextEncoder:
    """Token ids of columns of texts.

    cached_pieces: pieces whose ids are known; raises BundleError where they are not of this
    vocabulary. tokeniser_rules: those of a bundle; without them spaCy is imported for its own when
    a piece is met that is not cached.
    """

    def __init__(
        self,
        rules: TextRules,
        vocabulary: Vocabulary,
        cached_pieces: CachedPieces | None = None,
        tokeniser_rules: TokeniserRules | None = None,
    ) -> None:
        ids = len(vocabulary) + len(vocabulary.ngrams)
        if cached_pieces and not _within(cached_pieces.ids.ids, ids):
            raise BundleError("cached pieces have ids beyond the vocabulary")
        self._text_rules = rules
        self._tokeniser_rules = tokeniser_rules
        self._vocabulary = vocabulary
        self._cache = PieceCache(cached_pieces)

    def prepare(self) -> None:
        """Build the tokeniser of a bundle's rules now, so that the first new piece need not wait.

        May be called in any thread. Raises BundleError for rules that are none.
        """
        if self._tokeniser_rules is not None:
            _ = self._tokeniser

    def encode(self, texts: pa.LargeStringArray) -> Encoded:
        """Return the texts' ids; a null or blank text has none."""
        parts = [self._encode(part) for part in slices(texts, SLICE_BYTES)]
        nothing = Encoded(np.zeros(0, np.int32), np.zeros(1, np.int64))
        encoded = Encoded.joined([nothing, *parts])
        return self._split_off_ngrams(encoded) if self._vocabulary.ngrams else encoded

    def _split_off_ngrams(self, encoded: Encoded) -> Encoded:
        """Move the ids of n-grams, which stand behind their unknown token, into `ngrams`."""
        is_ngram = encoded.ids >= len(self._vocabulary)
        before = np.concatenate([[0], np.cumsum(is_ngram)])[encoded.offsets]
        ngrams = Encoded(encoded.ids[is_ngram], before)
        return Encoded(encoded.ids[~is_ngram], encoded.offsets - before, ngrams)

    def _encode(self, texts: pa.LargeStringArray) -> Encoded:
        if self._cache.full:
            self._reset_cache()
        pieces = split(texts, self._text_rules)
        encoded = self._cache.ids(self._with_phrases(pieces, self._numbers(pieces)))
        return Encoded(encoded.values, encoded.offsets[pieces.offsets])

    def pieces_to_ship(self, pieces: pa.LargeStringArray) -> CachedPieces:
        """Return these distinct pieces with their ids, for a bundle to ship."""
        column = Pieces(with_spaces(pieces), np.array([0, len(pieces)]))
        numbers = self._numbers(column)
        ids = self._cache.ids(numbers)
        return CachedPieces(pieces, PieceIds(ids.values, ids.offsets, self._cache.flags(numbers)))

    def _reset_cache(self) -> None:
        """Keep memory bounded: drop what was not shipped, and the tokeniser with its shapes."""
        self._cache.reset()
        self.__dict__.pop("_tokeniser", None)

    @cached_property
    def _tokeniser(self) -> PieceTokeniser:
        return PieceTokeniser(self._tokeniser_rules or rules_of(self._text_rules.language))

    def _numbers(self, pieces: Pieces) -> np.ndarray:
        """Return each piece's number in the cache, int64 (pieces,); new pieces are added to it."""
        words, codes = pieces.distinct()
        keys = piece_keys(words)
        numbers = self._cache.find(keys)
        new = np.flatnonzero(numbers < 0)
        if len(new):
            for block in self._tokeniser.tokenise(self._plain(words.take(pa.array(new)))):
                learned = new[block.positions]
                numbers[learned] = self._cache.add(keys[learned], self._ids(block))
        return numbers.take(codes)

    def _with_phrases(self, pieces: Pieces, numbers: np.ndarray) -> np.ndarray:
        """Return the numbers with phrases in: neighbours that spaCy does not split independently.

        The first piece of a phrase gets the number of the whole phrase, the others that of nothing.
        """
        starts, ends = _phrases(self._cache.flags(numbers), pieces.offsets)
        if not len(starts):
            return numbers
        spans = zip(starts.tolist(), ends.tolist(), strict=True)
        phrases = pa.array([pieces.phrase(*span) for span in spans], pa.large_string())
        numbers[ranges(starts, ends - starts)] = NOTHING
        numbers[starts] = self._phrase_numbers(phrases)
        return numbers

    def _phrase_numbers(self, phrases: pa.LargeStringArray) -> np.ndarray:
        keys = piece_keys(phrases)
        distinct, first, codes = np.unique(keys, return_index=True, return_inverse=True)
        numbers = self._cache.find(distinct)
        new = np.flatnonzero(numbers < 0)
        strings = map(self._plain_phrase, phrases.take(pa.array(first[new])).to_pylist())
        phrase_ids = self._ids(self._tokeniser.tokenise_phrases([*strings]))
        numbers[new] = self._cache.add(distinct[new], phrase_ids)
        return numbers[codes]

    def _plain(self, pieces: pa.LargeStringArray) -> pa.LargeStringArray:
        return plain_contractions(pieces) if self._text_rules.other_spellings else pieces

    def _plain_phrase(self, phrase: str) -> str:
        if not self._text_rules.other_spellings:
            return phrase
        return " ".join(map(plain_contraction, phrase.split(" ")))

    def _ids(self, block: PieceTokens) -> PieceIds:
        tokens = block.tokens
        if self._text_rules.other_spellings:
            tokens = list(map(self._vocabulary.known_spelling, tokens))
        ids = self._vocabulary.ids_with_ngrams(tokens)
        return PieceIds(ids.values, ids.offsets[block.offsets], block.flags)


def _within(ids: np.ndarray, tokens: int) -> bool:
    return bool(ids.min(initial=0) >= 0 and ids.max(initial=0) < tokens)


def _phrases(flags: np.ndarray, offsets: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the first piece of each phrase, and the piece after its last: int64 (phrases,) each.

    flags: uint8 (pieces,), see `special_cases`; offsets: int64 (rows + 1,), each row's pieces. A
    phrase is a run of pieces of a row in which a special case may span each space between two,
    if the tokeniser's last pass changes one of them.
    """
    changed = np.flatnonzero(flags & MATCHES)
    if not len(changed):
        return changed, changed
    apart = np.ones(len(flags) + 1, bool)
    apart[1:-1] = ((flags[:-1] & OPENS) == 0) | ((flags[1:] & CLOSES) == 0)
    apart[offsets] = True
    cuts = np.flatnonzero(apart)
    runs = np.unique(np.searchsorted(cuts, changed, "right") - 1)
    starts, ends = cuts[runs], cuts[runs + 1]
    several = ends - starts > 1
    return starts[several], ends[several]
