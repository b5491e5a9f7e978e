import numpy as np
import pyarrow as pa
import pytest

from scorer.corpus.labelled_rows import LabelledRows
from scorer.evaluation import baseline
from scorer.evaluation.baseline import fit_baseline


def rows(texts: list[str], targets: list[int]) -> LabelledRows:
    return LabelledRows(pa.array(texts, pa.large_string()), np.array(targets, np.int64))


def marked(number: int, classes: int = 2) -> LabelledRows:
    """Return rows whose class is told by the order of two words."""
    orders = ["not good but bad", "not bad but good", "neither bad or good"]
    targets = [i % classes for i in range(number)]
    return rows([f"{orders[target]} w{i % 7}" for i, target in enumerate(targets)], targets)


def test_word_pairs_are_learned_and_majority_is_of_the_training_rows() -> None:
    training, test = marked(60), marked(9)
    found = fit_baseline(training.take(np.arange(59)), test)
    assert found.linear == 1.0
    assert found.majority == pytest.approx(5 / 9)
    assert (found.training_rows, found.test_rows) == (59, 9)


def test_three_classes_and_figures_that_repeat() -> None:
    assert fit_baseline(marked(90, 3), marked(30, 3)) == fit_baseline(marked(90, 3), marked(30, 3))
    assert fit_baseline(marked(90, 3), marked(30, 3)).linear == 1.0


def test_texts_without_a_common_word_or_any_word_do_no_harm() -> None:
    texts = [f"only{i}" for i in range(20)] + ["!?", "。"]
    found = fit_baseline(rows(texts, [0, 1] * 11), rows(["...", "new"], [0, 1]))
    assert found.linear == 0.5


def test_of_many_rows_a_sample_is_learned_from_and_told(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(baseline, "MIN_BYTES", 500)
    monkeypatch.setattr(baseline, "MAX_BYTES", 500)
    found = fit_baseline(marked(200), marked(9))
    assert 15 < found.training_rows < 30
    assert found.test_rows == 9
    assert found.linear == 1.0
