from collections.abc import Mapping, Sequence
from dataclasses import replace
from html.parser import HTMLParser
from xml.etree import ElementTree

import numpy as np
import pytest

from scorer.bundles.bundle import Facts
from scorer.evaluation.baseline import Baseline
from scorer.evaluation.evaluation import Evaluation, evaluate
from scorer.evaluation.plots import Series, plot
from scorer.evaluation.report import Findings, report_html
from scorer.network.model import ModelConfig
from scorer.tokens.text import TextRules

CLASSES = ("negative", "<i>positive")
VOID = {"meta"}


def figures(rows: int = 500) -> Evaluation:
    rng = np.random.default_rng(rows)
    second = rng.random(rows)
    targets = (rng.random(rows) < second).astype(np.int64)
    return evaluate(np.stack([1 - second, second], axis=1), targets, CLASSES)


def epochs(number: int) -> list[Mapping[str, float]]:
    return [
        {"epoch": i, "loss": 1 / i, "train_accuracy": 0.8, "valid_accuracy": 0.7}
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
        training={"data_sha256": "abc", "settings": {"learning_rate": 0.002}},
        metrics={},
    ),
    history=epochs(4),
    valid=figures(300),
    test=figures(),
    counts={"train": dict.fromkeys(CLASSES, 17_000), "test": dict.fromkeys(CLASSES, 5_000)},
    baseline=Baseline(0.5012, 0.9187, 34_000, 10_000, 12.0, np.zeros(0, np.int64)),
    warnings=["141 of 10,000 test rows are <b>among</b> the training rows"],
    notes=["3 rows without a label are left out"],
)


class Page(HTMLParser):
    """A page read tag by tag; tags that do not match fail."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: set[str] = set()
        self.attributes: set[str] = set()
        self.text = ""
        self.feed(page)
        assert not self.open

    def handle_starttag(self, tag: str, attrs: Sequence[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.attributes |= {name for name, _ in attrs}
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: Sequence[tuple[str, str | None]]) -> None:
        self.tags.add(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text += data


def test_the_page_needs_no_other_file_and_runs_nothing() -> None:
    html = report_html(FINDINGS)
    page = Page(html)
    assert not page.tags & {"script", "link", "img", "iframe", "object", "i", "b"}
    assert not page.attributes & {"src", "href", "onload", "onclick"}
    assert "url(" not in html
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


def test_the_page_is_the_same_whatever_the_seconds_were() -> None:
    assert FINDINGS.baseline is not None
    slower = replace(FINDINGS, baseline=replace(FINDINGS.baseline, seconds=99.0))
    assert report_html(slower) == report_html(FINDINGS)


def test_a_training_without_findings_to_doubt_says_nothing_of_doubt() -> None:
    bare = replace(FINDINGS, baseline=None, warnings=(), notes=(), history=epochs(1))
    page = Page(report_html(bare))
    assert "Doubt" not in page.text
    assert "TF-IDF" not in page.text
    assert f"{FINDINGS.test.majority:.2%}" in page.text


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
