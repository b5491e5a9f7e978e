from collections.abc import Mapping
from dataclasses import replace
from xml.etree import ElementTree

import numpy as np
import pyarrow as pa
import pytest
from html_page import Page, assert_self_contained

from scorer.bundles.bundle import Facts
from scorer.corpus.label_leakage import LabelLeakage
from scorer.corpus.near_duplicates import Leaks
from scorer.evaluation.baseline import Baseline
from scorer.evaluation.evaluation import Evaluation, evaluate
from scorer.evaluation.report import Findings, Release, report_html
from scorer.evaluation.row_findings import RowFindings, find_in_rows
from scorer.network.inference import Prediction
from scorer.network.model import ModelConfig
from scorer.pages.plots import Series, histogram, plot
from scorer.tokens.text import TextRules

CLASSES = ("negative", "<i>positive")


def figures(rows: int = 500) -> Evaluation:
    rng = np.random.default_rng(rows)
    second = rng.random(rows)
    targets = (rng.random(rows) < second).astype(np.int64)
    return evaluate(np.stack([1 - second, second], axis=1), targets, CLASSES)


def epochs(number: int) -> list[Mapping[str, float]]:
    return [
        {
            "epoch": i,
            "loss": 1 / i,
            "train_accuracy": 0.8,
            "valid_accuracy": 0.7,
            "valid_loss": 1 / i,
        }
        for i in range(1, number + 1)
    ]


FINDINGS = Findings(
    facts=Facts(
        classes=CLASSES,
        label_values={"0": "negative", "1": "<i>positive"},
        text_column="re&view",
        label_column="sentiment",
        rules=TextRules(),
        model=ModelConfig(vocabulary_size=20_002, classes=2),
        temperature=1.25,
        training={
            "data_sha256": "abc",
            "settings": {"learning_rate": 0.002},
            "files": [{"path": "/data/<u>rows.csv", "sha256": "abc"}],
            "preset": "accurate",
        },
        metrics={},
    ),
    history=epochs(4),
    valid=figures(300),
    test=figures(),
    counts={"train": dict.fromkeys(CLASSES, 17_000), "test": dict.fromkeys(CLASSES, 5_000)},
    baseline=Baseline(0.5012, 0.9187, 34_000, 10_000, 12.0, np.zeros(0, np.int64)),
    warnings=["141 of 10,000 test rows are <b>among</b> the training rows"],
    notes=["3 rows without a label are left out"],
    rows=find_in_rows(
        pa.array(
            ["<script>alert(1)</script> fine", "dull, dull", "", "so good"], pa.large_string()
        ),
        Prediction(
            np.array([[0.9, 0.1], [0.8, 0.2], [np.nan, np.nan], [0.4, 0.6]], np.float32),
            np.array([9, 3, 0, 700], np.int32),
            np.zeros(4, np.int32),
        ),
        np.array([1, 0, 0, 1]),
        CLASSES,
    ),
    words=[LabelLeakage("awful<b>", 0, 0.31, 0.02, 0.29)],
    leakage=LabelLeakage("label_0", 0, 0.97, 0.01, 0.96),
    leaks=Leaks(np.zeros(3, bool), 12, 345),
)
RELEASE = Release("20261125T131604Z-5f1d68fc", "in use; <em>better</em>", "scorer train 'a b.csv'")


def test_the_page_needs_no_other_file_and_runs_nothing() -> None:
    html = report_html(FINDINGS, RELEASE)
    assert_self_contained(html)
    assert not Page(html).tags & {"i", "b"}
    assert "://" not in html


@pytest.mark.parametrize(
    "shown",
    [
        "Doubt these figures",
        "141 of 10,000 test rows are <b>among</b> the training rows",
        "3 rows without a label are left out",
        "91.87%",
        "50.12%",
        "17,000",
        "34,000",
        "<i>positive",
        "'re&view'",
        "1.2500",
        "settings: learning rate",
        f"{FINDINGS.test.accuracy:.2%}",
        f"{FINDINGS.test.accuracy_low:.2%} to {FINDINGS.test.accuracy_high:.2%}",
        f"{FINDINGS.test.calibration_error:.4f}",
        f"{FINDINGS.valid.log_loss:.4f}",
        f"{FINDINGS.test.confusion[1][0]:,}",
        f"{FINDINGS.test.per_class[0].recall:.2%}",
    ],
)
def test_every_figure_is_on_the_page(shown: str) -> None:
    assert shown in Page(report_html(FINDINGS)).text


@pytest.mark.parametrize(
    "shown",
    [
        "20261125T131604Z-5f1d68fc",
        "2026-11-25 13:16:04 (UTC)",
        "/data/<u>rows.csv",
        "accurate",
        "in use; <em>better</em>",
        "scorer train 'a b.csv'",
    ],
)
def test_a_report_in_a_store_is_headed_by_what_is_known_later(shown: str) -> None:
    assert shown in Page(report_html(FINDINGS, RELEASE)).text


def test_rows_and_words_are_shown_as_text() -> None:
    page = Page(report_html(FINDINGS))
    for shown in (
        "<script>alert(1)</script> fine",
        "awful<b>",
        "12 the same, 345 nearly",
        "'label_0': in 97.0% of the rows of 'negative'",
        "from 8 tokens",
        "ROC curve",
    ):
        assert shown in page.text
    assert "dull, dull" not in page.text  # is right


def test_the_findings_of_rows_are_those_by_hand() -> None:
    (mistake,) = FINDINGS.rows.mistakes
    assert (mistake.label, mistake.predicted) == ("<i>positive", "negative")
    assert mistake.probability == pytest.approx(0.9)
    lengths = [(one.start, one.rows, one.accuracy) for one in FINDINGS.rows.lengths]
    assert lengths == [(3, 1, 1.0), (8, 1, 0.0), (480, 1, 1.0)]
    (curve,) = FINDINGS.rows.curves
    assert (curve.points[0], curve.points[-1]) == ((0.0, 0.0), (1.0, 1.0))


def test_validation_rows_that_were_trained_on_are_told() -> None:
    known = replace(
        FINDINGS.facts,
        training={**FINDINGS.facts.training, "validation_rows_trained_on": True},
    )
    told = "the validation rows were trained on too"
    assert told in Page(report_html(replace(FINDINGS, facts=known))).text
    assert told not in Page(report_html(FINDINGS)).text


def test_epochs_are_whole_numbers() -> None:
    html = report_html(replace(FINDINGS, history=epochs(2)))
    assert ">1.5<" not in html
    assert ">2<" in html


def test_a_matrix_of_very_many_classes_gives_way_to_the_pairs_confused_most() -> None:
    rng = np.random.default_rng(3)
    names = [f"class {i}" for i in range(400)]
    probabilities = rng.dirichlet(np.ones(400), 2000)
    many = evaluate(probabilities, rng.integers(0, 400, 2000), names)
    facts = replace(
        FINDINGS.facts, classes=tuple(names), label_values=dict(zip(names, names, strict=True))
    )
    findings = replace(FINDINGS, facts=facts, valid=many, test=many, rows=RowFindings((), (), ()))
    html = report_html(replace(findings, counts={"train": dict.fromkeys(names, 17)}))
    assert "Most confused classes" in Page(html).text
    assert len(html.encode()) < 2_000_000


def test_a_histogram_has_a_bar_a_bin_and_the_other_as_a_line() -> None:
    shares = {"this <run>": [0.5, 0.0, 0.5], "known": [0.2, 0.2, 0.6]}
    svg = ElementTree.fromstring(histogram(shares, ["0", "1", "2", "…"], "tokens", "share"))
    assert len(list(svg.iter("rect"))) == 2
    assert "this <run>" in "".join(svg.itertext())
    lines = [path for path in svg.iter("path") if path.attrib.get("stroke")]
    assert len(lines) == 1


def test_the_page_is_the_same_whatever_the_seconds_were() -> None:
    slower = replace(FINDINGS, baseline=replace(FINDINGS.baseline, seconds=99.0))
    assert report_html(slower) == report_html(FINDINGS)


def test_a_training_without_findings_to_doubt_says_nothing_of_doubt() -> None:
    bare = replace(FINDINGS, warnings=(), notes=(), history=epochs(1))
    assert "Doubt" not in Page(report_html(bare)).text


def test_a_test_part_of_one_row_has_a_page_too() -> None:
    one = evaluate(np.array([[0.2, 0.8]]), np.array([1]), CLASSES)
    assert "100.00%" in Page(report_html(replace(FINDINGS, test=one))).text


def test_a_plot_is_well_formed_and_inside_its_frame() -> None:
    series = [Series("a & b", [(1, 0.5), (2, 0.75)]), Series("dots", [(1.5, 0.6)], [3], ["<3>"])]
    svg = ElementTree.fromstring(plot(series, "x", "y", diagonal=True))
    circles = list(svg.iter("circle"))
    assert len(circles) == 3 + 2  # and two of the legend
    for circle in circles:
        assert 0 < float(circle.attrib["cx"]) < float(svg.attrib["width"])
        assert 0 < float(circle.attrib["cy"]) < float(svg.attrib["height"])
    assert "a & b" in "".join(svg.itertext())
