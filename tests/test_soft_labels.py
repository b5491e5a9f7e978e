"""Tables with probabilities as labels."""

from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from tiny_corpora import tiny_recipe, write_csv
from tiny_models import write_texts

from scorer.corpus.corpus import Corpus, read_corpus
from scorer.corpus.labelled import read_labelled
from scorer.corpus.labelled_columns import Columns
from scorer.corpus.soft_labels import SoftLabels, join_soft_labels, read_soft_labels
from scorer.errors import InputError, UsageError
from scorer.training.auxiliary import AuxiliaryInputs
from scorer.training.callbacks import Callbacks
from scorer.training.examples import encode_examples
from scorer.training.preprocessing import Preprocessing
from scorer.training.task import Task
from scorer.training.training import build

CLASSES = ("negative", "positive")
HEADER = ("text", "probability_positive", "probability_negative")


def soft_rows(count: int, seed: int = 3) -> tuple[list[tuple[str, str, str]], np.ndarray]:
    """Return texts with a teacher's doubtful probabilities, and the true classes."""
    labelled = write_texts(CLASSES, count, seed)
    positive = np.where(labelled.targets == 1, 0.8, 0.3)
    rows = [(t, f"{p:.2f}", f"{1 - p:.2f}") for t, p in zip(labelled.texts, positive, strict=True)]
    return rows, labelled.targets


def read(path: Path) -> Corpus:
    return read_corpus([path], "0.2", "0.2", Columns(), seed=0)


def test_probabilities_in_place_of_a_label_are_read_in_class_order(tmp_path):
    rows, _ = soft_rows(30)
    found = read_labelled([write_csv(tmp_path / "a.csv", rows, HEADER)], Columns())
    assert found.class_map.classes == CLASSES
    assert found.label_column is None
    np.testing.assert_allclose(found.rows.probabilities.sum(axis=1), 1, atol=1e-6)
    by_text = {text: float(positive) for text, positive, _ in rows}
    expected = [by_text[text] for text in found.rows.texts.to_pylist()]
    np.testing.assert_allclose(found.rows.probabilities[:, 1], expected, atol=1e-6)
    assert (found.rows.targets == (found.rows.probabilities[:, 1] > 0.5)).all()


def test_beside_a_label_they_are_what_is_learned_and_the_label_is_what_is_tested(tmp_path):
    rows, targets = soft_rows(60)
    labels = [("pos", "neg")[1 - t] for t in 1 - targets]  # the opposite of the probabilities
    labelled = [(*row, label) for row, label in zip(rows, labels, strict=True)]
    corpus = read(write_csv(tmp_path / "a.csv", labelled, (*HEADER, "label")))
    opposite = corpus.train.probabilities.argmax(axis=1) == 1 - corpus.train.targets
    assert opposite.all()
    text = Preprocessing.fit(corpus.train.texts, tiny_recipe())
    examples = encode_examples(corpus.train, AuxiliaryInputs(), text.encoder)
    assert np.array_equal(examples.targets, corpus.train.probabilities)


def test_a_row_without_probabilities_is_learned_by_its_label(tmp_path):
    rows, targets = soft_rows(40)
    labelled = [(*row, CLASSES[t]) for row, t in zip(rows, targets, strict=True)]
    labelled[0] = (labelled[0][0], "", "", labelled[0][3])
    path = write_csv(tmp_path / "a.csv", labelled, (*HEADER, "label"))
    found = read_labelled([path], Columns()).rows
    assert found.probabilities[0].tolist() == np.eye(2)[targets[0]].tolist()


def test_a_student_is_as_sure_as_its_teacher(tmp_path):
    rows, _ = soft_rows(400)
    corpus = read(write_csv(tmp_path / "a.csv", rows, HEADER))
    result = build(Task(corpus, tiny_recipe()), Callbacks())
    assert result.test.accuracy > 0.9
    highest = result.test_probabilities.max(axis=1)
    assert 0.6 < np.median(highest) < 0.9  # one that learned classes would be surer
    assert result.bundle.facts.label_column == "probability_…"


@pytest.mark.parametrize(
    ("cells", "message"),
    [
        (("0.9", "0.9"), "1 row whose probability columns are no probabilities of sum 1, the fi"),
        (("1.2", "-0.2"), "no probabilities of sum 1, the first one 1.2, -0.2"),
        (("0.4", ""), "no probabilities of sum 1, the first one 0.4, nan"),
        (("high", "low"), "column 'probability_positive' is not of numbers"),
    ],
)
def test_what_is_no_probability_is_refused(tmp_path, cells, message):
    rows, _ = soft_rows(30)
    rows[4] = (rows[4][0], *cells)
    with pytest.raises(InputError, match=message):
        read_labelled([write_csv(tmp_path / "a.csv", rows, HEADER)], Columns())


def test_columns_of_other_classes_than_the_labels_are_refused(tmp_path):
    rows, targets = soft_rows(30)
    labelled = [(*row, CLASSES[t]) for row, t in zip(rows, targets, strict=True)]
    path = write_csv(tmp_path / "a.csv", labelled, ("text", "probability_a", "probability_b", "y"))
    with pytest.raises(UsageError, match="classes are negative, positive, the probability columns"):
        read_labelled([path], Columns())


def test_files_are_joined_by_class_and_not_by_place():
    first = SoftLabels(("a", "b"), np.array([[0.9, 0.1]], np.float32))
    second = SoftLabels(("b", "a"), np.array([[0.2, 0.8]], np.float32))
    joined = join_soft_labels([first, None, second], [1, 1, 1])
    assert joined.labels().to_pylist() == ["a", None, "a"]
    np.testing.assert_allclose(joined.probabilities[[0, 2]], [[0.9, 0.1], [0.8, 0.2]])
    assert np.isnan(joined.probabilities[1]).all()
    assert join_soft_labels([None, None], [1, 2]) is None


def test_flags_are_probabilities_of_0_and_1():
    for no, yes in ((False, True), ("False", "TRUE"), ("0", "1.0")):
        found = read_soft_labels(
            pa.table({"x": [yes, no, None], "y": [no, yes, None]}), {"x": 0, "y": 1}
        )
        assert found.probabilities[:2].tolist() == [[1, 0], [0, 1]]


def test_rounded_decimals_are_made_to_sum_to_one():
    table = pa.table({"x": pa.array([0.333]), "y": pa.array([0.334]), "z": pa.array([0.334])})
    found = read_soft_labels(table, {"x": 0, "y": 1, "z": 2})
    assert found.probabilities.sum() == pytest.approx(1, abs=1e-6)
