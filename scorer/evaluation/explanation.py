"""Why a text has its score: what its most likely class loses where a word is left out.

A word is a token that the vocabulary has, left out wherever the text has it. Of a short text every
word is tried, of a longer one the `WORDS_TRIED` words that, scored alone, lean most to a class. So
explaining costs at most some `WORDS_TRIED` times the scoring. Knows token ids and a predictor,
nothing of tables.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from scorer.network.inference import Prediction, Predicts
from scorer.tokens.encoding import Encoded
from scorer.tokens.vocabulary import UNKNOWN_ID

WORDS_TRIED = 12  # of a text; each costs as much as scoring it once more
NO_WORD = -1
BLOCK_TOKENS = 1 << 20  # scored at a time, so that memory does not grow with the chunk


@dataclass(frozen=True)
class Explanations:
    """The words that move the probability of each text's most likely class most, largest first.

    ids: int32 (texts, words), NO_WORD where there is no other word.
    effects: float32 (texts, words), what the probability loses where the word is left out.
    """

    ids: np.ndarray
    effects: np.ndarray

    def words(self, tokens: Sequence[str]) -> Iterator[list[tuple[str, float]]]:
        """Yield each text's words with their effects; `tokens` are those of the vocabulary."""
        for ids, effects in zip(self.ids.tolist(), self.effects.tolist(), strict=True):
            pairs = zip(ids, effects, strict=True)
            yield [(tokens[token], effect) for token, effect in pairs if token != NO_WORD]


@dataclass(frozen=True)
class _Variants:
    """Words to leave out: int64 (variants,) each, `texts` never falling."""

    texts: np.ndarray
    ids: np.ndarray


class Explainer:
    """Explains texts that a predictor has encoded and scored.

    tokens: of the predictor's vocabulary. words: shown of a text. tried: left out of it at most.
    """

    def __init__(
        self, predictor: Predicts, tokens: Sequence[str], words: int, tried: int = WORDS_TRIED
    ) -> None:
        self.words = words
        self._predictor = predictor
        self._tokens = tokens
        self._vocabulary_size = len(tokens)
        self._tried = max(words, tried)

    def lines(self, explanations: Explanations, prediction: Prediction) -> list[str]:
        """Return a line a text: `negative: awful +0.312, dull +0.105, but -0.021`.

        The class is the likeliest, of which the words speak, whatever label a threshold gives.
        """
        best = np.nan_to_num(prediction.probabilities).argmax(axis=1).tolist()
        return [
            _line(self._predictor.classes[at], words)
            for at, words in zip(best, explanations.words(self._tokens), strict=True)
        ]

    def explain(self, encoded: Encoded, prediction: Prediction) -> Explanations:
        """Return what moves the scores of texts; no word for a text that has no known one."""
        best = np.nan_to_num(prediction.probabilities).argmax(axis=1)
        variants = self._variants(encoded, best)
        without = np.concatenate([np.zeros(0, np.float32), *self._without(encoded, variants, best)])
        lost = prediction.probabilities[variants.texts, best[variants.texts]] - without
        return self._strongest(len(encoded), variants, lost)

    def _variants(self, encoded: Encoded, best: np.ndarray) -> _Variants:
        """Return the words to try of each text: those that lean most where there are many."""
        texts = np.repeat(np.arange(len(encoded)), encoded.lengths)
        keys = texts * self._vocabulary_size + encoded.ids
        keys, counts = np.unique(keys[encoded.ids != UNKNOWN_ID], return_counts=True)
        texts, ids = np.divmod(keys, self._vocabulary_size)
        if np.bincount(texts, minlength=1).max() <= self._tried:
            return _Variants(texts, ids)
        lean = np.abs(self._lean[ids, best[texts]]) * np.sqrt(counts)
        kept = np.sort(_highest(texts, lean, self._tried)[0])
        return _Variants(texts[kept], ids[kept])

    @cached_property
    def _lean(self) -> np.ndarray:
        """How far each word, scored alone, leans to a class: log odds (vocabulary, classes).

        Scored in one call, the same in each run: which words are tried depends on nothing else.
        """
        size = self._vocabulary_size
        alone = Encoded(np.arange(size, dtype=np.int32), np.arange(size + 1))
        logs = np.log(np.maximum(self._predictor.predict(alone).probabilities, 1e-7))
        logs -= logs.mean(axis=1, keepdims=True)
        return np.asarray(logs - logs.mean(axis=0))

    def _without(
        self, encoded: Encoded, variants: _Variants, best: np.ndarray
    ) -> Iterator[np.ndarray]:
        """Yield the probability of the text's most likely class without each word."""
        lengths = encoded.lengths[variants.texts]
        blocks = np.cumsum(lengths) // BLOCK_TOKENS
        for block in np.split(np.arange(len(lengths)), np.flatnonzero(np.diff(blocks)) + 1):
            if len(block):
                texts = variants.texts[block]
                shorter = _left_out(encoded, texts, variants.ids[block])
                probabilities = self._predictor.predict(shorter).probabilities
                found = probabilities[np.arange(len(block)), best[texts]]
                yield np.nan_to_num(found, nan=1 / probabilities.shape[1])  # nothing is left

    def _strongest(self, texts: int, variants: _Variants, lost: np.ndarray) -> Explanations:
        ids = np.full((texts, self.words), NO_WORD, np.int32)
        effects = np.zeros((texts, self.words), np.float32)
        kept, ranks = _highest(variants.texts, np.abs(lost), self.words)
        ids[variants.texts[kept], ranks] = variants.ids[kept]
        effects[variants.texts[kept], ranks] = lost[kept]
        return Explanations(ids, effects)


def _line(name: str, words: Sequence[tuple[str, float]]) -> str:
    moved = ", ".join(f"{word} {effect:+.3f}" for word, effect in words)
    return f"{name}: {moved}" if moved else ""


def _highest(groups: np.ndarray, values: np.ndarray, number: int) -> tuple[np.ndarray, np.ndarray]:
    """Return where the `number` highest values of each group are, and their rank in it, from 0."""
    order = np.lexsort((-values, groups))
    starts = np.searchsorted(groups[order], groups[order])
    ranks = np.arange(len(order)) - starts
    return order[ranks < number], ranks[ranks < number]


def _left_out(encoded: Encoded, texts: np.ndarray, ids: np.ndarray) -> Encoded:
    """Return those texts, each without one of its words: `texts` and `ids` (variants,)."""
    whole = encoded.take(texts)
    variant = np.repeat(np.arange(len(texts)), whole.lengths)
    kept = whole.ids != ids[variant]
    offsets = np.concatenate([[0], np.cumsum(np.bincount(variant[kept], minlength=len(texts)))])
    return Encoded(whole.ids[kept], offsets, whole.ngrams)  # those of words that are unknown
