"""What turns texts into token ids, made of the training texts alone."""

from collections import Counter
from dataclasses import dataclass
from typing import Any

import pyarrow as pa

from scorer.tokens.encoding import (
    UNKNOWN_ID,
    TextEncoder,
    Vocabulary,
    build_vocabulary,
    count_tokens,
    remember,
)
from scorer.tokens.memory import PieceMemory
from scorer.training.recipe import Recipe

REMEMBERED_PIECES = 100_000
MOST_FREQUENT = 20  # tokens told of in the bundle


@dataclass(frozen=True)
class TextSide:
    """The vocabulary with its counts, what is remembered of pieces, and the encoder of both."""

    counts: Counter[str]
    vocabulary: Vocabulary
    remembered: PieceMemory
    encoder: TextEncoder

    @classmethod
    def of(cls, texts: pa.LargeStringArray, recipe: Recipe) -> "TextSide":
        """Return the text side of these training texts."""
        counts = count_tokens(texts, recipe.rules)
        vocabulary = build_vocabulary(counts, recipe.vocabulary_size)
        remembered = remember(texts, recipe.rules, vocabulary, REMEMBERED_PIECES)
        encoder = TextEncoder(recipe.rules, vocabulary, remembered)
        return cls(counts, vocabulary, remembered, encoder)

    def facts(self, held_out: pa.LargeStringArray) -> dict[str, Any]:
        """Return what the lecture looks at; unknown tokens are those of `held_out` texts."""
        ids = self.encoder.encode(held_out).ids
        return {
            "training_tokens": self.counts.total(),
            "most_frequent": self.counts.most_common(MOST_FREQUENT),
            "unknown_share": float((ids == UNKNOWN_ID).mean()),
        }
