from itertools import pairwise

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scorer.errors import BundleError
from scorer.network.inference import Prediction
from scorer.scoring.chunks import ChunkScorer, grouped, growing_parts, score_dtype
from scorer.scoring.columns import AddedColumns
from scorer.scoring.journal import open_journal
from scorer.scoring.score_cache import ScoreCache
from scorer.scoring.tally import count_distinct
from scorer.tables.table_streams import Chunk
from scorer.tables.text_column import TextColumn
from scorer.tokens.encoding import Encoded

TEXTS = ["good film", "awful", None, "", "<br />", "qzx", "good film", "dull plot here", None]

TEXT = TextColumn("text", (1,))


def chunk(texts, first_row=0):
    table = pa.table({"id": range(len(texts)), "text": pa.array(texts, pa.string())})
    return Chunk(first_row, table)


def numbers(prediction):
    return np.column_stack([prediction.probabilities, prediction.tokens, prediction.unknown])


def test_every_row_has_what_its_text_gets_alone(tiny_predictor):
    scorer = ChunkScorer(tiny_predictor, TEXT)
    together = numbers(scorer.score(chunk(TEXTS)).prediction)
    alone = [numbers(scorer.score(chunk([text])).prediction)[0] for text in TEXTS]
    np.testing.assert_allclose(together, alone, rtol=0, atol=1e-6)
    assert scorer.computed_rows == 2 * len(TEXTS)


def test_a_text_that_repeats_is_encoded_and_predicted_once(tiny_predictor):
    part = ChunkScorer(tiny_predictor, TEXT).encode(chunk(TEXTS))
    assert len(part.encoded) == len(set(TEXTS))
    assert len(part.which) == len(TEXTS)


@given(cuts=st.lists(st.integers(0, len(TEXTS)), max_size=4), known=st.integers(0, len(TEXTS)))
@settings(max_examples=30)
def test_with_a_journal_of_any_rows_and_chunks_of_any_size_the_scores_are_the_same(
    tiny_predictor, tmp_path_factory, cuts, known
):
    output = tmp_path_factory.mktemp("journal") / "out"
    row = score_dtype(2)
    whole = ChunkScorer(tiny_predictor, TEXT).score(chunk(TEXTS)).prediction
    earlier = open_journal(output, {}, row, pytest.fail)
    ChunkScorer(tiny_predictor, TEXT, earlier).score(chunk(TEXTS[:known]))
    earlier.close()
    journal = open_journal(output, {}, row, pytest.fail)
    scorer = ChunkScorer(tiny_predictor, TEXT, journal)
    edges = sorted({0, *cuts, len(TEXTS)})
    parts = [
        scorer.score(chunk(TEXTS[start:stop], start)).prediction for start, stop in pairwise(edges)
    ]
    found = np.concatenate([numbers(part) for part in parts])
    np.testing.assert_allclose(found, numbers(whole), rtol=0, atol=1e-6)
    assert (scorer.resumed_rows, scorer.computed_rows) == (known, len(TEXTS) - known)
    journal.close()
    assert open_journal(output, {}, row, pytest.fail).rows == len(TEXTS)


def test_the_added_columns_follow_those_of_the_table(tiny_predictor):
    scored = ChunkScorer(tiny_predictor, TEXT).score(chunk(TEXTS))
    table = scored.with_columns(AddedColumns(status=True), tiny_predictor.classes)
    assert table.select(["id", "text"]).equals(scored.chunk.table)
    assert table.column_names[2:] == ["probability_negative", "probability_positive", "status"]
    assert table["probability_positive"].null_count == TEXTS.count(None) + 2


@pytest.mark.parametrize("probabilities", [[np.nan, np.nan], [0.5, 0.6], [0.2, np.nan]])
def test_what_is_no_probability_is_never_written(tiny_predictor, probabilities):
    class Broken:
        classes = tiny_predictor.classes
        encode = staticmethod(tiny_predictor.encode)

        def predict(self, encoded: Encoded) -> Prediction:
            rows = np.array([probabilities] * len(encoded), np.float32)
            return Prediction(rows, np.ones(len(encoded), np.int32), np.zeros(1, np.int32))

    with pytest.raises(BundleError, match="not a probability"):
        ChunkScorer(Broken(), TEXT).score(chunk(["good"]))


def test_each_null_counts_as_a_text_of_its_own():
    assert count_distinct(pa.array(["a", "b", "a", None, None, ""], pa.large_string())) == 5


@pytest.mark.parametrize(
    ("rows", "sizes"),
    [(0, []), (1024, [1024]), (1025, [1024, 1]), (8192, [1024, 2048, 4096, 1024])],
)
def test_the_first_chunk_comes_in_growing_parts(rows, sizes):
    parts = list(growing_parts(Chunk(7, pa.table({"n": range(rows)}))))
    assert [part.table.num_rows for part in parts] == sizes
    assert [part.first_row - 7 for part in parts] == [part.table["n"][0].as_py() for part in parts]


def test_words_are_counted_of_texts_with_a_known_score_too_where_they_are_compared(
    tiny_predictor, tmp_path
):
    counted = []
    for count_all in (True, True, False):  # computed, then twice of the cache
        cache = ScoreCache(tmp_path / "scores.db", {}, score_dtype(2))
        scorer = ChunkScorer(tiny_predictor, TEXT, None, cache, None, count_all)
        counted.append(scorer.score(chunk(TEXTS)).counted)
        cache.close()
    assert len(counted[0].ids) > 0
    assert counted[1].ids.tolist() == counted[0].ids.tolist()
    assert len(counted[2].ids) == 0


def test_chunks_of_which_the_cache_knows_nearly_all_are_predicted_together(
    tiny_predictor, tmp_path
):
    cache = ScoreCache(tmp_path / "scores.db", {}, score_dtype(2))
    scorer = ChunkScorer(tiny_predictor, TEXT, None, cache)
    known = [*TEXTS, "one more"]
    scorer.score(chunk(known))
    texts = [["fresh"], ["fine"], known, ["old", *known], ["old", *known], ["new", *known]]
    groups = list(grouped(scorer.encode(chunk(some)) for some in texts))
    assert [len(group) for group in groups] == [1, 1, 4]  # nothing is known of the first two
    found = [scored for group in groups for scored in scorer.predict(group)]
    for some, scored in zip(texts, found, strict=True):
        expected = ChunkScorer(tiny_predictor, TEXT).score(chunk(some)).prediction
        np.testing.assert_allclose(numbers(scored.prediction), numbers(expected), rtol=0, atol=1e-6)
    assert cache.find(cache.keys(pa.array(["old", "new"], pa.large_string())))[1].all()
    cache.close()


def test_a_group_ends_with_enough_new_texts(tiny_predictor, tmp_path, monkeypatch):
    monkeypatch.setattr("scorer.scoring.chunks.GROUP_TEXTS", 2)
    cache = ScoreCache(tmp_path / "scores.db", {}, score_dtype(2))
    scorer = ChunkScorer(tiny_predictor, TEXT, None, cache)
    scorer.score(chunk(TEXTS))
    parts = (scorer.encode(chunk([*TEXTS, text])) for text in ["a", "b", "c"])
    assert [len(group) for group in grouped(parts)] == [2, 1]
    cache.close()


def test_a_text_that_chunks_have_in_common_is_computed_once(tiny_predictor, tmp_path, monkeypatch):
    cache = ScoreCache(tmp_path / "scores.db", {}, score_dtype(2))
    scorer = ChunkScorer(tiny_predictor, TEXT, None, cache)
    scorer.score(chunk(TEXTS))
    computed, predict = [], tiny_predictor.predict
    monkeypatch.setattr(
        tiny_predictor, "predict", lambda many: computed.append(len(many)) or predict(many)
    )
    one, two, three = (scorer.encode(chunk([*TEXTS, *new])) for new in ("ab", "ba", "cab"))
    scores = [numbers(scored.prediction)[-1] for scored in scorer.predict([one, two])]
    scores += [numbers(scored.prediction)[-1] for scored in scorer.predict([three])]
    assert computed == [2, 1]  # a and b, then c
    assert scores[0].tolist() == scores[2].tolist()
    cache.close()
