from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from labelled_files import labelled
from test_corpus import read

from scorer.corpus.label_leakage import LabelLeakage, count_class_tokens
from scorer.corpus.labelled_rows import LabelledRows
from scorer.corpus.near_duplicates import Leaks
from scorer.evaluation.baseline import Baseline
from scorer.evaluation.evaluation import Evaluation, evaluate
from scorer.evaluation.warnings import Evidence, find_warnings

CLASSES = ("negative", "positive")
TEXTS = [text for text, _ in labelled(300)]


def figures(accuracy: float, rows: int = 10_000, classes: tuple[str, ...] = CLASSES) -> Evaluation:
    targets = np.arange(rows) % len(classes)
    right = np.arange(rows) < round(accuracy * rows)
    guesses = np.where(right, targets, (targets + 1) % len(classes))
    sure = np.eye(len(classes))[guesses]
    return evaluate(0.8 * sure + 0.2 / len(classes), targets, classes)


def baseline(linear: float, majority: float = 0.5) -> Baseline:
    return Baseline(majority, linear, 34_000, 10_000, 1.0, np.zeros(0, np.int64))


NO_LEAKAGE = LabelLeakage("awful", 0, 0.31, 0.02, 0.29)
HONEST = Evidence(CLASSES, 0.96, figures(0.942), baseline(0.919), None, NO_LEAKAGE)


def test_honest_figures_raise_no_suspicion() -> None:
    assert find_warnings(HONEST) == ()
    easy = replace(HONEST, train_accuracy=0.995, test=figures(0.99), baseline=baseline(0.985))
    assert find_warnings(easy) == ()


def test_accuracy_far_above_the_baseline_is_doubted() -> None:
    (line,) = find_warnings(replace(HONEST, test=figures(0.99)))
    assert line == (
        "test accuracy 99.0% is implausibly far above the 91.9% of TF-IDF with logistic "
        "regression on the same rows: look for a leak"
    )


def test_a_few_test_rows_prove_nothing() -> None:
    assert find_warnings(replace(HONEST, test=figures(1.0, rows=30))) == ()
    assert find_warnings(replace(HONEST, test=figures(1.0, 60), baseline=baseline(0.75))) == ()


def test_a_pretrained_network_may_be_far_above_the_baseline() -> None:
    assert find_warnings(replace(HONEST, test=figures(0.955), baseline=baseline(0.79))) == ()


def test_accuracy_equal_to_that_of_the_training_rows_is_doubted() -> None:
    evidence = replace(HONEST, train_accuracy=0.99, test=figures(0.99), baseline=baseline(0.98))
    (line,) = find_warnings(evidence)
    assert "is as high as on the training rows (99.0%)" in line
    rare = replace(evidence, baseline=baseline(0.99, majority=0.99))
    assert [line.partition(" is ")[2][:20] for line in find_warnings(rare)] == [
        "not clearly above th"
    ]


def test_leaking_duplicates_are_told_with_their_number() -> None:
    leaks = Leaks(np.zeros(0, bool), same=132, near=9)
    (line,) = find_warnings(replace(HONEST, leaks=leaks))
    assert line == (
        "test rows that are among the training rows: 141 of 10,000 (132 the same, 9 nearly): "
        "the test figures are too good"
    )


def test_planted_duplicates_that_are_kept_are_suspicious(tmp_path: Path) -> None:
    test = labelled(30, 2)
    corpus = read(tmp_path, labelled(90) + test[:4], labelled(10, 1), test, keep=True)
    (line,) = find_warnings(replace(HONEST, test=figures(0.9, 30), leaks=corpus.leaks))
    assert line.startswith("test rows that are among the training rows: 4 of 30 (4 the same,")


def test_a_test_file_that_is_the_training_file_is_suspicious(tmp_path: Path) -> None:
    rows = labelled(60)
    corpus = read(tmp_path, rows, labelled(10, 1), rows, keep=True)
    (line,) = find_warnings(replace(HONEST, test=figures(0.95, 60), leaks=corpus.leaks))
    assert line.startswith("every test row is among the training rows")


@pytest.mark.parametrize("classes", [("negative", "positive"), ("low", "middle", "high")])
def test_a_label_written_in_the_text_is_found(classes: tuple[str, ...]) -> None:
    targets = np.arange(200) % len(classes)
    plain = [text for text, _ in labelled(200)]
    texts = [f"{text} [{classes[t]}]" for text, t in zip(plain, targets, strict=True)]
    rows = LabelledRows(pa.array(texts, pa.large_string()), targets)
    label_leakage = count_class_tokens(rows).leakage()
    assert label_leakage.token == classes[label_leakage.target]
    evidence = replace(HONEST, classes=classes, label_leakage=label_leakage)
    (line,) = find_warnings(replace(evidence, test=figures(0.942, classes=classes)))
    assert line == (
        f"the token {label_leakage.token!r} is in 100.0% of the rows of {label_leakage.token!r} "
        "and in 0.0% of the others: is the label written in the text?"
    )


@pytest.mark.parametrize(("accuracy", "lines"), [(0.9, 0), (0.98, 1)])
def test_one_topic_of_many_may_have_a_word_of_its_own(accuracy: float, lines: int) -> None:
    classes = tuple(f"topic {i}" for i in range(10))
    targets = np.arange(300) % 10
    texts = [
        f"{text} refund" if target == 4 else text
        for text, target in zip(TEXTS, targets, strict=True)
    ]
    rows = LabelledRows(pa.array(texts, pa.large_string()), targets)
    leakage = count_class_tokens(rows).leakage()
    assert leakage.token == "refund"
    test = figures(accuracy, classes=classes)
    evidence = Evidence(classes, 0.99, test, baseline(0.97), None, leakage)
    assert sum("'refund'" in line for line in find_warnings(evidence)) == lines


@pytest.mark.parametrize("rows", [20, 300])
def test_texts_that_hide_no_label_have_no_telltale(rows: int) -> None:
    texts = pa.array([text for text, _ in labelled(rows)], pa.large_string())
    label_leakage = count_class_tokens(LabelledRows(texts, np.arange(rows) % 2)).leakage()
    assert find_warnings(replace(HONEST, label_leakage=label_leakage)) == ()


def test_a_model_no_better_than_simpler_ones_is_told() -> None:
    (line,) = find_warnings(replace(HONEST, test=figures(0.89)))
    assert "is below the 91.9% of TF-IDF with logistic regression" in line
    (line,) = find_warnings(replace(HONEST, test=figures(0.503), baseline=baseline(0.9)))
    assert "is not clearly above the 50.0% of always guessing one class" in line


def test_a_rare_class_is_no_matter_of_accuracy() -> None:
    targets = (np.arange(1000) < 60).astype(np.int64)
    probabilities = np.tile(np.array([0.9, 0.1]), (1000, 1))
    test = evaluate(probabilities, targets, CLASSES)
    assert not test.is_balanced
    assert figures(0.9).is_balanced
    (line,) = find_warnings(replace(HONEST, test=test, baseline=baseline(0.94, majority=0.94)))
    assert line.endswith("of always guessing one class: of so rare a class see the recall")
