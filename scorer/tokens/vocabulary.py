"""The vocabulary, which numbers tokens and the character n-grams of unknown ones.

Knows tokens as texts, nothing of how a text is cut into them.
"""

from collections import Counter
from collections.abc import Sequence
from functools import cached_property
from itertools import chain, repeat

import numpy as np

from scorer.errors import BundleError
from scorer.tokens.ngrams import ngrams_of
from scorer.tokens.ragged_array import RaggedArray
from scorer.tokens.spellings import shorter_spellings

UNKNOWN_ID = 0
PAD_ID = 1
SPECIALS = ("<unk>", "<pad>")


class Vocabulary:
    """Tokens by id, then character n-grams, by which unknown tokens are described.

    The first two tokens are `<unk>` and `<pad>`. A token of a text that reads "<pad>" is unknown
    like any other word that is not in the vocabulary; torchtext would give it the padding's id.
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
        """Return a token, if it is unknown in its first other spelling that is known, if any."""
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

    def ids_with_ngrams(self, tokens: Sequence[str]) -> RaggedArray:
        """Return a row for each token: its id, or UNKNOWN_ID and the ids of its n-grams."""
        ids = self.ids_of(tokens)
        if not self.ngrams:
            return RaggedArray(ids, np.arange(len(ids) + 1))
        rows = [
            [id, *self.ngram_ids(token)] if id == UNKNOWN_ID else [id]
            for id, token in zip(ids.tolist(), tokens, strict=True)
        ]
        offsets = np.cumsum([0, *map(len, rows)])
        return RaggedArray(np.fromiter(chain.from_iterable(rows), np.int32), offsets)


def build_vocabulary(counter: Counter[str], max_size: int = 20_000) -> Vocabulary:
    """torchtext's vocabulary: `<unk>`, `<pad>`, then the max_size most frequent tokens."""
    from torchtext.vocab import Vocab

    return Vocabulary(tuple(Vocab(counter, max_size=max_size, specials=list(SPECIALS)).itos))
