"""From a column of texts to token ids, and the vocabulary that numbers the tokens.

A text's tokens are exactly those of `spacy.blank(language).tokenizer`, as it was when the bundle
was made, called on the normalised text with plain contractions. A token that is not in the
vocabulary is looked up by its other spellings (`spellings`; older bundles have neither).
Each distinct piece is tokenised once; what is known of a piece is gathered for a whole column at
once. One encoder serves one thread.
Knows nothing of batches, padding or models.
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import chain, repeat

import numpy as np
import pyarrow as pa

from scorer.errors import BundleError
from scorer.tokens.ngrams import ngrams_of
from scorer.tokens.piece_cache import NOTHING, CachedPieces, PieceCache, PieceIds
from scorer.tokens.piece_index import piece_keys
from scorer.tokens.ragged_array import RaggedArray
from scorer.tokens.special_cases import CLOSES, MATCHES, OPENS
from scorer.tokens.spellings import plain_contraction, plain_contractions, shorter_spellings
from scorer.tokens.text import (
    Pieces,
    TextRules,
    ranges,
    slices,
    split,
    with_spaces,
    without_spaces,
)
from scorer.tokens.tokeniser import PieceTokeniser, PieceTokens
from scorer.tokens.tokeniser_rules import TokeniserRules, rules_of

UNKNOWN_ID = 0
PAD_ID = 1
SPECIALS = ("<unk>", "<pad>")
SLICE_BYTES = 1 << 20  # of text encoded at a time: bounds the memory, and it stays in the cache
COUNTING_ROWS = 4096


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


class Vocabulary:
    """Tokens by id. The first two are `<unk>` and `<pad>`, which no text can spell.

    A token of a text that reads "<pad>" or "<unk>" is unknown like any other word that is not in
    the vocabulary; torchtext would give it the padding's id. The ids of n-grams, which unknown
    tokens are made of, come after those of the tokens.
    """

    def __init__(self, tokens: tuple[str, ...], ngrams: tuple[str, ...] = ()) -> None:
        if tokens[:2] != SPECIALS or len(set(tokens)) != len(tokens):
            raise BundleError(f"a vocabulary starts with {SPECIALS} and holds each token once")
        if len(set(ngrams)) != len(ngrams):
            raise BundleError("a vocabulary holds each n-gram once")
        self.tokens = tokens
        self.ngrams = ngrams
        self._ngram_ids = {ngram: len(tokens) + i for i, ngram in enumerate(ngrams)}
        self._ids = {token: i for i, token in enumerate(tokens) if i not in (UNKNOWN_ID, PAD_ID)}

    def __len__(self) -> int:
        return len(self.tokens)

    def ids_of(self, tokens: Sequence[str]) -> np.ndarray:
        """Return the ids of tokens: int32 (tokens,), UNKNOWN_ID for one that has none."""
        return np.fromiter(map(self._ids.get, tokens, repeat(UNKNOWN_ID)), np.int32, len(tokens))

    def known_spelling(self, token: str) -> str:
        """Return a token, or the first one that is an unknown token's other spelling, if any is."""
        if token in self._ids:
            return token
        lower = token.lower()
        if lower in self._any_case:
            return self._any_case[lower]
        found = filter(None, map(self._any_case.get, shorter_spellings(lower)))
        return next(found, token)

    @cached_property
    def _any_case(self) -> dict[str, str]:
        """The first of the tokens that differ in case alone, by their lower case."""
        return {token.lower(): token for token in reversed(self._ids)}

    def ngram_ids(self, token: str) -> list[int]:
        """Return the ids of a token's n-grams, of those that have one."""
        return [self._ngram_ids[ngram] for ngram in ngrams_of(token) if ngram in self._ngram_ids]

    def spelled(self, tokens: Sequence[str]) -> RaggedArray:
        """Return each token's id; after UNKNOWN_ID come the ids of its n-grams."""
        ids = self.ids_of(tokens)
        if not self.ngrams:
            return RaggedArray(ids, np.arange(len(ids) + 1))
        rows = [
            [id, *self.ngram_ids(token)] if id == UNKNOWN_ID else [id]
            for id, token in zip(ids.tolist(), tokens, strict=True)
        ]
        offsets = np.cumsum([0, *map(len, rows)])
        return RaggedArray(np.fromiter(chain.from_iterable(rows), np.int32), offsets)


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

    def encode(self, texts: pa.LargeStringArray) -> Encoded:
        """Return the texts' ids; a null or blank text has none."""
        parts = [self._encode(part) for part in slices(texts, SLICE_BYTES)]
        nothing = Encoded(np.zeros(0, np.int32), np.zeros(1, np.int64))
        encoded = Encoded.joined([nothing, *parts])
        return self._apart(encoded) if self._vocabulary.ngrams else encoded

    def _apart(self, encoded: Encoded) -> Encoded:
        """Return the token ids with the ids of n-grams beside them."""
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
        """Return the number of each piece: int64 (pieces,). New ones are learned."""
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
        """Return the numbers; neighbours that spaCy does not split independently become a phrase.

        The first piece of a phrase takes the phrase's number, the others have no tokens left.
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
        ids = self._vocabulary.spelled(tokens)
        return PieceIds(ids.values, ids.offsets[block.offsets], block.flags)


def _within(ids: np.ndarray, tokens: int) -> bool:
    return bool(ids.min(initial=0) >= 0 and ids.max(initial=0) < tokens)


def _phrases(flags: np.ndarray, offsets: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return first piece and end of every run of joined pieces in which the last pass changes one.

    flags: uint8 (pieces,); offsets: the rows' pieces. Two neighbours of a row are joined where a
    special case may span the space between them.
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


def count_pieces(texts: pa.LargeStringArray, rules: TextRules) -> Counter[str]:
    """Return how often each piece occurs in the texts."""
    counter: Counter[str] = Counter()
    for rows in _slices(texts):
        words, codes = split(rows, rules).distinct()
        counts = np.bincount(codes, minlength=len(words)).tolist()
        counter.update(dict(zip(without_spaces(words), counts, strict=True)))
    return counter


def most_useful_pieces(
    texts: pa.LargeStringArray,
    rules: TextRules,
    vocabulary: Vocabulary,
    limit: int = 300_000,
    always: pa.LargeStringArray | None = None,
) -> CachedPieces:
    """Return the pieces of the texts that save the most time, with ids, in alphabetical order.

    Half of them are the most frequent ones that would each be tokenised by themselves, the others
    the most frequent of all the rest. Those of the texts `always` are there too.
    """
    counts = sorted(count_pieces(texts, rules).items(), key=lambda item: (-item[1], item[0]))
    pieces = np.array([piece for piece, _ in counts], object)
    words = with_spaces(pa.array(pieces, pa.large_string()))
    tokeniser = PieceTokeniser(rules_of(rules.language))
    costly = np.flatnonzero(tokeniser.stand_alone(words))[: limit // 2]
    others = np.setdiff1d(np.arange(len(pieces)), costly, assume_unique=True)
    chosen = set(pieces[np.concatenate([costly, others[: limit - len(costly)]])])
    if always is not None:
        chosen |= set(count_pieces(always, rules))
    return TextEncoder(rules, vocabulary).pieces_to_ship(
        pa.array(sorted(chosen), pa.large_string())
    )


def count_tokens(texts: pa.LargeStringArray, rules: TextRules) -> Counter[str]:
    """Return how often each token occurs in the texts."""
    vocabulary = _OpenVocabulary()
    encoder = TextEncoder(rules, vocabulary)
    counts = np.zeros(0, np.int64)
    for rows in _slices(texts):
        ids = encoder.encode(rows).ids
        more = np.bincount(ids, minlength=len(vocabulary.ids))
        more[: len(counts)] += counts
        counts = more
    return +Counter(dict(zip(vocabulary.ids, counts.tolist(), strict=True)))


def build_vocabulary(counter: Counter[str], max_size: int = 20_000) -> Vocabulary:
    """torchtext's vocabulary: `<unk>`, `<pad>`, then the max_size most frequent tokens."""
    from torchtext.vocab import Vocab

    return Vocabulary(tuple(Vocab(counter, max_size=max_size, specials=list(SPECIALS)).itos))


class _OpenVocabulary(Vocabulary):
    """Gives each new token the next id, from 0."""

    def __init__(self) -> None:
        super().__init__(SPECIALS)
        self.ids: dict[str, int] = {}

    def ids_of(self, tokens: Sequence[str]) -> np.ndarray:
        ids = (self.ids.setdefault(token, len(self.ids)) for token in tokens)
        return np.fromiter(ids, np.int32, len(tokens))


def _slices(texts: pa.LargeStringArray) -> Iterator[pa.LargeStringArray]:
    for start in range(0, len(texts), COUNTING_ROWS):
        yield texts.slice(start, COUNTING_ROWS)
