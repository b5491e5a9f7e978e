"""What turns texts into token ids: vocabulary, piece cache and encoder of the training texts.

Only training texts shape them. Beside a pretrained encoder its whole vocabulary stays, so that
words that were met in pretraining but not in a small table still mean something, and the frequent
tokens of the table that it lacks come after.
"""

from collections import Counter
from dataclasses import dataclass
from typing import Any

import pyarrow as pa

from scorer.bundles.golden import TEXTS as GOLDEN_TEXTS
from scorer.bundles.pretrained_encoder import PretrainedEncoder
from scorer.tokens.counting import count_tokens, most_useful_pieces
from scorer.tokens.encoding import TextEncoder
from scorer.tokens.ngrams import most_frequent_ngrams
from scorer.tokens.piece_cache import CachedPieces
from scorer.tokens.spacy_check import check_against_spacy
from scorer.tokens.text import normalise
from scorer.tokens.vocabulary import UNKNOWN_ID, Vocabulary, build_vocabulary
from scorer.training.recipe import Recipe

MOST_FREQUENT = 20  # tokens listed in the bundle
LEAST_OCCURRENCES = 2  # of a token that is added to a pretrained vocabulary
MAX_NGRAM_TOKENS = 1_000_000  # of the training texts; where there are more, words suffice
MAX_NGRAMS = 20_000
COMPARED_TEXTS = 200  # with spaCy's own tokens


@dataclass(frozen=True)
class Preprocessing:
    """Token counts of the training texts, vocabulary, piece cache, and the encoder of both."""

    counts: Counter[str]
    vocabulary: Vocabulary
    piece_cache: CachedPieces
    encoder: TextEncoder

    @classmethod
    def fit(
        cls, texts: pa.LargeStringArray, recipe: Recipe, pretrained: PretrainedEncoder | None = None
    ) -> "Preprocessing":
        """Return what encodes texts as these training texts need it.

        Raises ScorerError where the tokens are not spaCy's.
        """
        sample = normalise(texts.slice(0, COMPARED_TEXTS), recipe.rules)
        check_against_spacy(sample.to_pylist(), recipe.rules.language)
        counts = count_tokens(texts, recipe.rules)
        if pretrained is None:
            vocabulary = build_vocabulary(counts, recipe.vocabulary_size)
        else:
            vocabulary = extend_vocabulary(pretrained.vocabulary, counts, recipe.vocabulary_size)
        if recipe.linear and counts.total() <= MAX_NGRAM_TOKENS:
            ngrams = most_frequent_ngrams(counts, MAX_NGRAMS)
            vocabulary = Vocabulary(vocabulary.tokens, ngrams)
        golden = pa.array(GOLDEN_TEXTS, pa.large_string())  # scored at each start
        piece_cache = most_useful_pieces(texts, recipe.rules, vocabulary, always=golden)
        encoder = TextEncoder(recipe.rules, vocabulary, piece_cache)
        return cls(counts, vocabulary, piece_cache, encoder)

    def facts(self, held_out: pa.LargeStringArray) -> dict[str, Any]:
        """Return the lecture's figures on tokens; unknown ones are those of `held_out` texts."""
        ids = self.encoder.encode(held_out).ids
        return {
            "training_tokens": self.counts.total(),
            "most_frequent": self.counts.most_common(MOST_FREQUENT),
            "unknown_share": float((ids == UNKNOWN_ID).mean()),
        }


def extend_vocabulary(pretrained: Vocabulary, counts: Counter[str], limit: int) -> Vocabulary:
    """Return the pretrained tokens, then at most `limit` frequent ones that they lack."""
    known = set(pretrained.tokens)
    candidates = [
        (token, count)
        for token, count in counts.items()
        if count >= LEAST_OCCURRENCES and token not in known
    ]
    candidates.sort(key=lambda item: (-item[1], item[0]))
    return Vocabulary((*pretrained.tokens, *(token for token, _ in candidates[:limit])))
