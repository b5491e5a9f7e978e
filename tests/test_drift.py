"""Drift beside a profile of one kind of texts, and beside the shipped bundle's general one."""

import json
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

from scorer import score_file
from scorer.cli.main import main
from scorer.evaluation.drift import MEASURES, Drift, measure_drift
from scorer.evaluation.profile import LENGTHS, WORDS, Profile

CLASSES = ("negative", "positive")
ENGLISH = ("The kettle boils fast.", "I would not buy this film again, it was dull.", "Good fit!")
GERMAN = ("Der Wasserkocher ist schnell.", "Leider schon nach zwei Tagen kaputt.", "Gerne wieder!")


def profile(length: int, unknown: int = 0, empty: int = 0, general: bool = False) -> Profile:
    """Return the profile of 1,000 texts of so many tokens in a range, of which some are unknown."""
    found = Profile(CLASSES, empty, tokens=10_000, unknown=unknown, general=general)
    found.lengths[length] = 1000
    found.words[:] = 10_000 // WORDS
    found.histograms[:, 3] = 1000
    return found


def test_a_warning_shows_a_measure_that_is_just_beyond_its_threshold():
    (warning,) = Drift({"words": 0.0154}, 1.03).warnings
    assert "divergence 0.0154, at most 0.015 is usual" in warning


def test_beside_a_general_profile_only_unknown_words_and_empty_texts_count():
    other = profile(len(LENGTHS) - 1)
    assert measure_drift(profile(2), other).warnings == [
        "texts are of other lengths than those the bundle was evaluated on (lengths, PSI "
        f"{measure_drift(profile(2), other).measures['length']:.3g}, at most 0.2 is usual)"
    ]
    beside = measure_drift(profile(2, general=True), other)
    assert set(beside.measures) == {"unknown tokens", "empty texts"}
    assert not beside.warnings


@pytest.mark.parametrize("kept", [{"unknown": 3000}, {"empty": 1000}])
def test_unknown_words_and_empty_texts_are_warned_of_beside_any_profile(kept):
    for general in (False, True):
        drift = measure_drift(profile(2, general=general), profile(2, **kept))
        assert len(drift.warnings) == 1
        assert drift.level is not None and drift.level > 1


def few(texts: int) -> Profile:
    found = Profile(CLASSES)
    found.lengths[2] = texts
    return found


def test_drift_that_is_not_measured_says_why():
    whys = [
        measure_drift(known, found).unmeasured
        for known, found in ((None, few(90)), (few(89), few(90)), (few(90), few(1)), (few(90),) * 2)
    ]
    assert whys == [
        "the bundle keeps no profile of texts",
        "the bundle was evaluated on 89 texts, 90 are needed",
        "1 text, 90 are needed",
        None,
    ]


@pytest.mark.parametrize(("rows", "told"), [(1, "1 text, 90 are needed"), (90, None)])
def test_a_run_says_in_its_closing_line_that_drift_was_not_measured(tmp_path, rows, told):
    (tmp_path / "in.csv").write_text("text\n" + "The kettle boils fast.\n" * rows)
    page, arguments = tmp_path / "page.html", [tmp_path / "in.csv", tmp_path / "out.csv"]
    arguments += ["--report", page, "--precision", "float32"]
    result = CliRunner().invoke(main, ["score", *map(str, arguments)])
    summary = json.loads((tmp_path / "out.csv.run.json").read_text())
    assert (result.exit_code, summary["drift_unmeasured"]) == (0, told)
    assert ("drift not measured" in result.stderr) == (told is not None)
    assert ("Not measured: 1 text, 90 are needed." in page.read_text()) == (told is not None)
    assert "rise in the share of unknown tokens" in page.read_text() or told is not None


def test_a_profile_is_what_it_was_when_read_again():
    known = profile(2, unknown=5, general=True)
    again = Profile.from_json(json.loads(json.dumps(known.to_json())), CLASSES)
    assert again.general
    assert set(measure_drift(again, known).measures) < {measure.name for measure in MEASURES}
    older = {name: value for name, value in known.to_json().items() if name != "general"}
    assert not Profile.from_json(older, CLASSES).general
    assert np.array_equal(again.lengths, known.lengths)


@pytest.mark.parametrize(("texts", "warned"), [(ENGLISH, False), (GERMAN, True)])
def test_the_shipped_bundle_warns_of_another_language_but_of_no_other_kind(texts, warned, tmp_path):
    night = [f'{{"text": "{text}"}}' for text in texts * 40]
    Path(tmp_path / "night.jsonl").write_text("\n".join(night))
    summary = score_file(tmp_path / "night.jsonl", tmp_path / "out.jsonl", precision="float32")
    assert any("more words that the bundle does not know" in w for w in summary.drift_warnings) == (
        warned
    )
    assert len(summary.drift_warnings) == warned
