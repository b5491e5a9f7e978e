import numpy as np
import pytest

from scorer.engines import shares as shares_room
from scorer.engines.shares import joined, shares
from scorer.network.inference import Prediction
from scorer.tokens.encoding import Encoded


@pytest.mark.parametrize(("texts", "computing"), [(1, 1), (50, 3), (7, 16), (0, 2)])
def test_shares_are_all_texts_once_and_in_order(texts, computing, monkeypatch):
    monkeypatch.setattr(shares_room, "LEAST_TOKENS", 5)
    lengths = np.random.default_rng(0).integers(0, 9, texts)
    offsets = np.concatenate([[0], np.cumsum(lengths)])
    encoded = Encoded(np.arange(offsets[-1], dtype=np.int32), offsets)
    found = list(shares(encoded, computing))
    assert np.array_equal(np.concatenate([share.ids for share in found]), encoded.ids)
    assert np.array_equal(np.concatenate([share.lengths for share in found]), lengths)
    assert len(found) <= 4 * computing
    assert len(found) > 1 or offsets[-1] < 10


def test_predictions_are_joined_in_their_order():
    parts = [
        Prediction(
            np.full((rows, 2), rows / 10, np.float32),
            np.full(rows, rows, np.int32),
            np.full(rows, rows - 1, np.int32),
        )
        for rows in (2, 1, 3)
    ]
    whole = joined(parts)
    assert whole.tokens.tolist() == [2, 2, 1, 3, 3, 3]
    assert whole.unknown.tolist() == [1, 1, 0, 2, 2, 2]
    assert whole.probabilities[:, 1].tolist() == pytest.approx([0.2, 0.2, 0.1, 0.3, 0.3, 0.3])
