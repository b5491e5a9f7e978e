"""Scoring chunks: their texts are encoded, then predicted, each distinct text of a chunk once.

Knows Arrow tables, a predictor and a journal, nothing of files or of what is done with the scores.
"""

from collections.abc import Generator, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from scorer.errors import BundleError
from scorer.evaluation.explanation import Explainer, Explanations
from scorer.network.inference import Prediction, Predicts
from scorer.scoring.columns import AddedColumns
from scorer.scoring.journal import Journal
from scorer.scoring.score_cache import ScoreCache
from scorer.tables.table_streams import Chunk
from scorer.tables.text_column import TextColumn
from scorer.tokens.encoding import Encoded

TOLERANCE = 1e-6  # of the sum of a text's probabilities
FIRST_ROWS = 1024  # handed to the model at the start, then twice as many
GROUP_TEXTS = 512  # new ones, with which the model's cores are at work
GROUP_BYTES = 16 << 20  # of chunks that wait for others, as nearly all of their scores are known


@dataclass(frozen=True)
class KnownScores:
    """What a cache knows of distinct texts."""

    scores: np.ndarray  # (texts,), see `score_dtype`
    missing: np.ndarray  # int64: which of the texts it does not know
    keys: list[bytes]  # of those


@dataclass(frozen=True)
class EncodedChunk:
    """A chunk whose texts are encoded, apart from the first `resumed` ones: they have scores."""

    chunk: Chunk
    texts: pa.LargeStringArray  # (rows,)
    resumed: int
    which: np.ndarray  # int64 (rows - resumed,): which of the distinct texts each row has
    known: KnownScores  # of the distinct texts
    encoded: Encoded  # those that are not known
    counted: Encoded  # those whose words are counted

    @property
    def is_new(self) -> bool:
        """Whether the cache knows none of its texts."""
        return len(self.encoded) == len(self.known.scores)


@dataclass(frozen=True)
class ScoredChunk:
    """A chunk with the prediction of each of its rows."""

    chunk: Chunk
    texts: pa.LargeStringArray
    prediction: Prediction
    counted: Encoded  # the distinct texts whose words are counted
    explanations: Sequence[str] = ()  # of each row, where that is asked for

    def with_columns(self, added: AddedColumns, classes: Sequence[str]) -> pa.Table:
        """Return the chunk's table with the added columns."""
        schema = added.added_to(self.chunk.table.schema, classes)
        arrays = added.arrays(self.texts, self.prediction, classes, self.explanations)
        columns = [*self.chunk.table.columns, *map(pa.chunked_array, ([array] for array in arrays))]
        return pa.Table.from_arrays(columns, schema=schema)


class ChunkScorer:
    """Two stages: `encode`, then `predict`, the chunks of a table in their order.

    The second takes chunks in groups: the fewer of their texts are new, the more chunks.
    """

    def __init__(
        self,
        predictor: Predicts,
        column: TextColumn,
        journal: Journal | None = None,
        cache: ScoreCache | None = None,
        explainer: Explainer | None = None,
        count_all: bool = False,
    ) -> None:
        """Score what journal and cache do not know.

        count_all: count the words of all texts: drift must not depend on which scores are known.
        """
        self._predictor = predictor
        self._count_all = count_all
        self._explainer = explainer
        self._cache = cache
        self._column = column
        self._journal = journal
        self._dtype = score_dtype(len(predictor.classes), explainer.words if explainer else 0)
        self.resumed_rows = 0  # whose scores came from the journal
        self.computed_rows = 0
        self.cached_texts = 0  # distinct in their chunk, whose scores came from the cache

    def encode(self, chunk: Chunk) -> EncodedChunk:
        """Encode the distinct texts of the rows that no earlier run has scored."""
        texts = self._column.texts(chunk.table, chunk.first_row)
        resumed = 0
        if self._journal is not None:
            resumed = min(len(texts), max(0, self._journal.rows - chunk.first_row))
        distinct = texts.slice(resumed).dictionary_encode(null_encoding="encode")
        known = self._look_up(distinct.dictionary)
        new = distinct.dictionary.take(pa.array(known.missing))
        encoded, counted = self._encoded(new, texts)
        which = distinct.indices.to_numpy()
        return EncodedChunk(chunk, texts, resumed, which, known, encoded, counted)

    def _encoded(
        self, new: pa.LargeStringArray, texts: pa.LargeStringArray
    ) -> tuple[Encoded, Encoded]:
        """Return the texts that are to be scored, some of `texts`, and those to count words of."""
        if not self._count_all:
            encoded = self._predictor.encode(new)
            return encoded, encoded
        distinct = texts.unique()
        counted = self._predictor.encode(distinct)
        return counted.take(pc.index_in(new, distinct).to_numpy().astype(np.int64)), counted

    def _look_up(self, texts: pa.LargeStringArray) -> KnownScores:
        if self._cache is None:
            return KnownScores(np.zeros(len(texts), self._dtype), np.arange(len(texts)), [])
        keys = self._cache.keys(texts)
        scores, found = self._cache.find(keys)
        missing = np.flatnonzero(~found)
        self.cached_texts += len(keys) - len(missing)
        return KnownScores(scores, missing, [keys[at] for at in missing])

    def predict(self, group: Sequence[EncodedChunk]) -> list[ScoredChunk]:
        """Predict what was encoded, record it in the journal, and join it to what was there."""
        new = self._new_scores(group)
        ends = np.cumsum([len(part.encoded) for part in group])
        return [
            self._scored(part, scores)
            for part, scores in zip(group, np.split(new, ends[:-1]), strict=True)
        ]

    def _scored(self, part: EncodedChunk, new: np.ndarray) -> ScoredChunk:
        """Return a chunk with the scores of its rows; `new` are those of its new texts."""
        scores = part.known.scores.copy()
        scores[part.known.missing] = new
        rows = scores[part.which]
        if self._journal is not None:
            self._journal.append(rows)
            rows = np.concatenate([self._journal.take(part.resumed), rows])
        self.resumed_rows += part.resumed
        self.computed_rows += len(part.which)
        prediction = Prediction(rows["probabilities"], rows["tokens"], rows["unknown"])
        lines: Sequence[str] = ()
        if self._explainer is not None:
            lines = self._explainer.lines(_explanations(rows), prediction)
        return ScoredChunk(part.chunk, part.texts, prediction, part.counted, lines)

    def score(self, chunk: Chunk) -> ScoredChunk:
        """Do both."""
        return self.predict([self.encode(chunk)])[0]

    def _new_scores(self, group: Sequence[EncodedChunk]) -> np.ndarray:
        """Return the scores of the new texts of all chunks (texts,); the cache learns them."""
        encoded = Encoded.joined([part.encoded for part in group])
        if not len(encoded):
            return np.zeros(0, self._dtype)
        if self._cache is None:
            return self._computed(encoded)
        keys = [key for part in group for key in part.known.keys]
        if not group[0].is_new:
            return self._found_or_computed(self._cache, keys, encoded)
        scores = self._computed(encoded)
        self._cache.add(keys, scores)
        return scores

    def _found_or_computed(
        self, cache: ScoreCache, keys: Sequence[bytes], encoded: Encoded
    ) -> np.ndarray:
        """Return the scores of these texts (texts,), each computed once.

        Chunks were looked up apart and ahead of others, so that they may have a text in common.
        """
        _, first, which = np.unique(np.array(keys), return_index=True, return_inverse=True)
        distinct = [keys[at] for at in first]
        scores, found = cache.find(distinct)
        missing = np.flatnonzero(~found)
        if len(missing):
            scores[missing] = self._computed(encoded.take(first[missing]))
            cache.add([distinct[at] for at in missing], scores[missing])
        return scores[which]

    def _computed(self, encoded: Encoded) -> np.ndarray:
        """Return scores (texts,) as `score_dtype` has them; never one that is none."""
        prediction = self._predictor.predict(encoded)
        rows = np.empty(len(prediction.tokens), self._dtype)
        rows["probabilities"] = prediction.probabilities
        rows["tokens"], rows["unknown"] = prediction.tokens, prediction.unknown
        sums = prediction.probabilities.sum(axis=1, dtype=np.float64)
        with_tokens = prediction.tokens > 0
        if not np.all(np.abs(sums[with_tokens] - 1) <= TOLERANCE):  # NaN is not <= either
            raise BundleError("the model gave something that is not a probability")
        if self._explainer is not None:
            found = self._explainer.explain(encoded, prediction)
            rows["words"], rows["effects"] = found.ids, found.effects
        return rows


def growing_parts(chunk: Chunk) -> Iterator[Chunk]:
    """Yield a table's first chunk in growing parts: the model need not wait for all of it."""
    start, rows = 0, FIRST_ROWS
    while start < chunk.table.num_rows:
        yield Chunk(chunk.first_row + start, chunk.table.slice(start, rows))
        start, rows = start + rows, 2 * rows


def grouped(
    parts: Generator[EncodedChunk, None, None],
) -> Generator[list[EncodedChunk], None, None]:
    """Yield the chunks in groups with enough new texts for the model, as far as memory allows.

    A chunk of which no score was known waits for no other.
    """
    group: list[EncodedChunk] = []
    texts = size = 0
    with closing(parts):
        for part in parts:
            group.append(part)
            texts, size = texts + len(part.encoded), size + part.chunk.table.nbytes
            if part.is_new or texts >= GROUP_TEXTS or size >= GROUP_BYTES:
                yield group
                group, texts, size = [], 0, 0
        if group:
            yield group


def _explanations(rows: np.ndarray) -> Explanations:
    return Explanations(rows["words"], rows["effects"])


def score_dtype(classes: int, words: int = 0) -> np.dtype:
    """Return the dtype of a score that is kept: what a `Prediction` has for one text.

    words: of its explanation, where that is asked for.
    """
    scores = [("probabilities", "<f4", (classes,)), ("tokens", "<i4"), ("unknown", "<i4")]
    explained = [("words", "<i4", (words,)), ("effects", "<f4", (words,))] if words else []
    return np.dtype([*scores, *explained])
