import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from scorer.errors import BundleError
from scorer.tokens import piece_cache
from scorer.tokens.encoding import TextEncoder
from scorer.tokens.piece_cache import CachedPieces
from scorer.tokens.piece_index import piece_keys
from scorer.tokens.text import TextRules, with_spaces
from scorer.tokens.vocabulary import Vocabulary

VOCABULARY = Vocabulary(("<unk>", "<pad>", "the", "film", ".", "!", "do", "n't"))
PIECES = pa.array(["don't", "film.", "nowhere", "the", "Ünïcode"], pa.large_string())


def shipped() -> CachedPieces:
    return TextEncoder(TextRules(), VOCABULARY).pieces_to_ship(PIECES)


def test_a_memory_holds_each_pieces_ids():
    assert shipped().to_table().to_pydict() == {
        "piece": ["don't", "film.", "nowhere", "the", "Ünïcode"],
        "ids": [[6, 7], [3, 4], [0], [2], [0]],
        "flags": [0, 1, 0, 0, 0],
    }


def test_a_memory_survives_parquet(tmp_path):
    pq.write_table(shipped().to_table(), tmp_path / "pieces.parquet", row_group_size=2)
    read = CachedPieces.from_table(pq.read_table(tmp_path / "pieces.parquet"))
    assert read.to_table().equals(shipped().to_table())
    assert read.ids.offsets[0] == 0


def test_an_empty_memory_is_a_memory():
    table = shipped().to_table().slice(0, 0)
    assert len(CachedPieces.from_table(table)) == 0


@pytest.mark.parametrize(
    "table",
    [
        pa.table({"piece": ["a"]}),
        pa.table({"piece": ["a"], "ids": [["x"]], "flags": [0]}),
        pa.table({"word": ["a"], "ids": [[1]], "flags": [0]}),
    ],
)
def test_another_table_is_refused(table):
    with pytest.raises(BundleError, match="cached pieces"):
        CachedPieces.from_table(table)


def test_what_is_remembered_is_bounded_and_what_is_shipped_stays(monkeypatch):
    monkeypatch.setattr(piece_cache, "MAX_PIECES", 100)
    known = piece_cache.PieceCache(shipped())
    first = len(known._index)
    ids = piece_cache.PieceIds(np.zeros(60, np.int32), np.arange(61), np.zeros(60, np.uint8))
    for start in (1000, 2000):
        assert not known.full
        known.add(np.arange(start, start + 60, dtype=np.uint64), ids)
    assert known.full
    known.reset()
    assert not known.full
    assert len(known._index) == first
    numbers = known.find(piece_keys(with_spaces(PIECES)))
    assert known.ids(numbers).values.tolist() == shipped().ids.ids.tolist()
    assert (known.find(np.arange(1000, 2060, dtype=np.uint64)) < 0).all()
    later = piece_cache.PieceIds(
        np.array([5, 6, 7], np.int32), np.array([0, 1, 3]), np.array([1, 2], np.uint8)
    )
    numbers = known.add(np.array([1000, 3000], np.uint64), later)
    assert known.flags(numbers).tolist() == [1, 2]
    assert known.ids(numbers).values.tolist() == [5, 6, 7]
    assert known.ids(numbers).offsets.tolist() == [0, 1, 3]
