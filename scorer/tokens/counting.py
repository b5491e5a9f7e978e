"""What a training counts in its texts: tokens, and pieces, of which a bundle ships some.

Knows texts and encoders, nothing of labels or models.
"""

from collections import Counter
from collections.abc import Iterator, Sequence

import numpy as np
import pyarrow as pa

from scorer.tokens.encoding import TextEncoder
from scorer.tokens.piece_cache import CachedPieces
from scorer.tokens.text import TextRules, split, with_spaces, without_spaces
from scorer.tokens.tokeniser import PieceTokeniser
from scorer.tokens.tokeniser_rules import rules_of
from scorer.tokens.vocabulary import SPECIALS, Vocabulary

ROWS = 4096  # counted at a time
MOST_PIECES = 100_000  # that a bundle ships


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
    limit: int = MOST_PIECES,
    always: pa.LargeStringArray | None = None,
) -> CachedPieces:
    """Return the pieces that save the most time when their ids are known, in alphabetical order.

    Up to half of them are the most frequent of those that share their shape with no other and so
    take longest to tokenise; the rest are the most frequent of all others. The pieces of the texts
    `always` come on top.
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
    vocabulary = OpenVocabulary()
    encoder = TextEncoder(rules, vocabulary)
    counts = np.zeros(0, np.int64)
    for rows in _slices(texts):
        ids = encoder.encode(rows).ids
        more = np.bincount(ids, minlength=len(vocabulary.ids))
        more[: len(counts)] += counts
        counts = more
    return +Counter(dict(zip(vocabulary.ids, counts.tolist(), strict=True)))


class OpenVocabulary(Vocabulary):
    """Gives each new token the next id, from 0."""

    def __init__(self) -> None:
        super().__init__(SPECIALS)
        self.ids: dict[str, int] = {}

    def ids_of(self, tokens: Sequence[str]) -> np.ndarray:
        """Return the ids of tokens: int32 (tokens,); a new token gets the next one."""
        ids = (self.ids.setdefault(token, len(self.ids)) for token in tokens)
        return np.fromiter(ids, np.int32, len(tokens))


def _slices(texts: pa.LargeStringArray) -> Iterator[pa.LargeStringArray]:
    for start in range(0, len(texts), ROWS):
        yield texts.slice(start, ROWS)
