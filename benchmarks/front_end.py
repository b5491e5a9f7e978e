"""From raw texts to token ids on one core, against spaCy called plainly on the same rows.

Cold: nothing is remembered at the start. With the bundle's pieces: what it ships is. Known: every
piece is. The ids of all rows are compared before a ratio is printed. Seconds are CPU seconds of
this process, which other processes on the machine lengthen less than those on the wall; imports and
building the tokeniser are apart. The front end's seconds have the normalising in them, spaCy's have
not.
"""

import time
from collections.abc import Callable
from itertools import chain

import numpy as np
import pyarrow as pa
import spacy
from measured import Figure, agree, per_second
from setting import Setting

from scorer.bundles.bundle import Bundle
from scorer.tokens.encoding import Encoded, TextEncoder
from scorer.tokens.piece_cache import CachedPieces
from scorer.tokens.text import normalise
from scorer.tokens.vocabulary import UNKNOWN_ID

CHUNK_ROWS = 8192


def against_plain_spacy(setting: Setting) -> list[Figure]:
    """Cold, with what the bundle remembers, and with every piece known."""
    front_end = FrontEnd(setting.texts, setting.bundle)
    plain_seconds = front_end.compare(PlainSpacy(setting.bundle))
    known = front_end.encoder()
    front_end.run(known)
    starts: dict[str, tuple[Callable[[], TextEncoder], float]] = {
        "cold": (front_end.encoder, 8.0),
        "with the bundle's pieces": (lambda: front_end.encoder(setting.bundle.cached_pieces), 12.0),
        "with every piece known": (lambda: known, 20.0),
    }
    rows = len(setting.texts)
    figures = [Figure("spaCy called plainly", per_second(rows / plain_seconds, "rows"))]
    for name, (encoder, goal) in starts.items():
        taken = float(np.median([front_end.run(encoder()) for _ in range(setting.repeats)]))
        value, ratio = per_second(rows / taken, "rows"), plain_seconds / taken
        figures.append(Figure(f"front end, {name}", value, ratio, "plain spaCy", goal))
    return figures


class FrontEnd:
    """The front end over chunks of texts."""

    def __init__(self, texts: pa.LargeStringArray, bundle: Bundle) -> None:
        self._chunks = [texts.slice(i, CHUNK_ROWS) for i in range(0, len(texts), CHUNK_ROWS)]
        self._bundle = bundle

    def encoder(self, cached_pieces: CachedPieces | None = None) -> TextEncoder:
        """Return a new encoder with its tokeniser built."""
        bundle = self._bundle
        rules = bundle.tokeniser_rules
        encoder = TextEncoder(bundle.rules, bundle.vocabulary, cached_pieces, rules)
        encoder.encode(pa.array(["\u2063"], pa.large_string()))  # a piece no bundle knows
        return encoder

    def run(self, encoder: TextEncoder) -> float:
        """Return the CPU seconds to encode all chunks."""
        start = time.process_time()
        for chunk in self._chunks:
            encoder.encode(chunk)
        return time.process_time() - start

    def compare(self, plain: "PlainSpacy") -> float:
        """Check that both sides give all rows the same ids; return spaCy's CPU seconds."""
        encoders = [self.encoder(), self.encoder(self._bundle.cached_pieces)]
        seconds = 0.0
        for chunk in self._chunks:
            texts = normalise(chunk, self._bundle.rules).fill_null("").to_pylist()
            start = time.process_time()
            expected = plain.encode(texts)
            seconds += time.process_time() - start
            for encoder in encoders:
                agree("token ids", _same(encoder.encode(chunk), expected))
        return seconds


class PlainSpacy:
    """`[t.text for t in nlp.tokenizer(text)]` and a dictionary look-up, text by text."""

    def __init__(self, bundle: Bundle) -> None:
        self._tokenizer = spacy.blank(bundle.rules.language).tokenizer
        self._ids = {token: i for i, token in enumerate(bundle.vocabulary.tokens) if i > 1}
        spelling = bundle.vocabulary.known_spelling
        self._known_spelling = spelling if bundle.rules.other_spellings else str

    def encode(self, texts: list[str]) -> list[list[int]]:
        """Return the ids of normalised texts."""
        return [[self._id(token.text) for token in self._tokenizer(text)] for text in texts]

    def _id(self, token: str) -> int:
        found = self._ids.get(token)
        if found is None:
            return self._ids.get(self._known_spelling(token), UNKNOWN_ID)
        return found


def _same(encoded: Encoded, expected: list[list[int]]) -> bool:
    lengths = np.array([len(ids) for ids in expected])
    ids = np.fromiter(chain.from_iterable(expected), np.int32, lengths.sum())
    return np.array_equal(encoded.lengths, lengths) and np.array_equal(encoded.ids, ids)
