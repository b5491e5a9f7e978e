import numpy as np
import pyarrow as pa
import pytest

from scorer.errors import UsageError
from scorer.network.inference import Prediction
from scorer.scoring.columns import (
    BLANK,
    MARKUP,
    NULL,
    SCORED,
    STATUSES,
    UNKNOWN,
    AddedColumns,
    statuses,
)

CLASSES = ("negative", "positive")
TEXTS = pa.array(["good one", "qzx", None, " \n", "<br />"], pa.large_string())
PREDICTION = Prediction(
    np.array([[0.1, 0.9], [0.6, 0.4], *[[np.nan] * 2] * 3], np.float32),
    np.array([2, 1, 0, 0, 0], np.int32),
    np.array([0, 1, 0, 0, 0], np.int32),
)


def names(schema):
    return [field.name for field in schema]


def test_the_added_columns_are_a_probability_for_each_class_and_nothing_else():
    schema = AddedColumns().added_to(pa.schema([("id", pa.int8())], {"key": "kept"}), CLASSES)
    assert names(schema) == ["id", "probability_negative", "probability_positive"]
    assert schema.types[1:] == [pa.float32()] * 2
    assert schema.metadata == {b"key": b"kept"}


def test_prefix_label_and_status_are_added_when_asked_for():
    schema = AddedColumns("x_", label=True, status=True).added_to(pa.schema([]), ("a", "b", "c"))
    assert names(schema) == [
        *("x_probability_a", "x_probability_b", "x_probability_c"),
        *("x_label", "x_status"),
    ]


def test_a_column_that_is_there_already_is_refused_with_the_way_out():
    taken = pa.schema([("label", pa.string()), ("probability_positive", pa.string())])
    message = r"already has probability_positive, label\. --prefix"
    with pytest.raises(UsageError, match=message):
        AddedColumns(label=True).added_to(taken, CLASSES)
    AddedColumns("x_", label=True).added_to(taken, CLASSES)


def test_texts_without_a_token_get_nulls_and_a_reason():
    added = AddedColumns(label=True, status=True)
    negative, positive, label, status = added.arrays(TEXTS, PREDICTION, CLASSES)
    assert negative.to_pylist() == pytest.approx([0.1, 0.6, None, None, None])
    assert positive.to_pylist() == pytest.approx([0.9, 0.4, None, None, None])
    assert label.to_pylist() == ["positive", "negative", None, None, None]
    assert status.to_pylist() == [SCORED, UNKNOWN, NULL, BLANK, MARKUP]


def test_statuses_are_positions():
    assert [STATUSES[i] for i in statuses(TEXTS, PREDICTION)] == [
        *(SCORED, UNKNOWN, NULL, BLANK, MARKUP)
    ]


def labels(probabilities: list[list[float]], classes: tuple[str, ...], **asked: float) -> list:
    rows = np.array(probabilities, np.float32)
    counts = np.ones(len(rows), np.int32)
    texts = pa.array(["a"] * len(rows), pa.large_string())
    added = AddedColumns(label=True, **asked)
    added.added_to(pa.schema([]), classes)
    return added.arrays(texts, Prediction(rows, counts, 0 * counts), classes)[-1].to_pylist()


def test_a_threshold_is_where_the_second_class_begins():
    rows = [[0.1, 0.9], [0.2, 0.8], [0.45, 0.55], [0.6, 0.4]]
    positive, negative = CLASSES[1], CLASSES[0]
    assert labels(rows, CLASSES, threshold=0.8) == [positive, positive, negative, negative]
    assert labels(rows, CLASSES, threshold=0.4) == [positive] * 4


def test_a_label_that_is_too_uncertain_is_left_out():
    assert labels([[0.1, 0.9], [0.45, 0.55]], CLASSES, abstain=0.6) == ["positive", None]
    three = [[0.2, 0.3, 0.5], [0.3, 0.3, 0.4]]
    assert labels(three, ("a", "b", "c"), abstain=0.5) == ["c", None]
    both = [[0.1, 0.9], [0.25, 0.75], [0.45, 0.55]]
    assert labels(both, CLASSES, threshold=0.8, abstain=0.6) == ["positive", "negative", None]


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        ({"threshold": 0.5}, "--threshold is about the label column.*--with-label"),
        ({"abstain": 0.5}, "--abstain is about the label column"),
        ({"label": True, "abstain": 1.5}, r"--abstain 1\.5: give a probability, from 0 to 1"),
    ],
)
def test_a_threshold_needs_a_label_and_is_a_probability(asked, message):
    with pytest.raises(UsageError, match=message):
        AddedColumns(**asked)


def test_a_threshold_is_for_two_classes():
    with pytest.raises(UsageError, match=r"for two classes, the bundle has 3\. --abstain"):
        labels([[0.2, 0.3, 0.5]], ("a", "b", "c"), threshold=0.5)
