"""A first training is asked about its labels where the shipped bundle says the opposite."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner, Result
from html_page import Page
from tiny_corpora import SETTINGS, tiny_corpus, write_csv
from tiny_models import write_texts

from scorer.bundles.bundle_files import load_bundle
from scorer.cli.main import main
from scorer.corpus.corpus import Corpus
from scorer.corpus.labelled_rows import LabelledRows
from scorer.training.label_meaning import MIN_ROWS, doubt_labels


@pytest.fixture(scope="module")
def corpus() -> Corpus:
    return tiny_corpus()


def with_targets(corpus: Corpus, targets: np.ndarray, classes: tuple[str, ...] = ()) -> Corpus:
    rows = LabelledRows(corpus.train.texts, targets)
    return replace(corpus, train=rows, classes=classes or corpus.classes)


def test_labels_that_mean_what_they_say_are_not_doubted(corpus):
    assert doubt_labels(corpus, "en") is None


def test_swapped_labels_are_asked_about_with_the_option_that_swaps_them(corpus):
    swapped = with_targets(corpus, 1 - corpus.train.targets)
    doubt = doubt_labels(swapped, "en")
    assert doubt is not None
    assert "rows only (chance: 50%): are the classes swapped? 'negative' is negative, " in doubt
    assert "--labels negative=positive,positive=negative swaps them" in doubt


def test_it_is_not_asked_where_the_shipped_bundle_cannot_tell(corpus):
    swapped = 1 - corpus.train.targets
    assert doubt_labels(with_targets(corpus, swapped), "de") is None
    assert doubt_labels(with_targets(corpus, swapped, ("no", "yes")), "en") is None
    chance = np.random.default_rng(0).permutation(swapped)
    assert doubt_labels(with_targets(corpus, chance), "en") is None
    one_class = np.zeros_like(swapped)
    one_class[: MIN_ROWS - 1] = 1
    assert doubt_labels(with_targets(corpus, one_class), "en") is None


def train(name: str) -> Result:
    options = [
        part
        for option, value in SETTINGS.items()
        for part in (f"--{option.replace('_', '-')}", str(value))
    ]
    wrong = ["--labels", "0=positive,1=negative", "--start-from", "none", "--quiet"]
    return CliRunner().invoke(main, ["train", name, *wrong, *options])


def test_a_first_training_warns_and_its_report_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    rows = write_texts(("negative", "positive"), 300, 5)
    lines = [(text, int(target)) for text, target in zip(rows.texts, rows.targets, strict=True)]
    write_csv(tmp_path / "a.csv", lines, ("text", "label"))
    first = train("a.csv")
    assert first.exit_code == 0
    assert "WARNING: the shipped bundle, which tells negative from positive" in first.stderr
    assert "--labels 0=negative,1=positive swaps them" in first.stderr
    (report,) = (tmp_path / "bundles" / "reports").iterdir()
    assert "are the classes swapped?" in Page(report.read_text(encoding="utf-8")).text


def test_a_training_forgets_the_classes_that_the_shipped_bundle_has_otherwise(tmp_path):
    rows = write_texts(("negative", "positive"), 150, 5)
    for name, flip in (("right", False), ("swapped", True)):
        lines = [(text, int(at) ^ flip) for text, at in zip(rows.texts, rows.targets, strict=True)]
        file, store = write_csv(tmp_path / f"{name}.csv", lines, ("text", "label")), tmp_path / name
        options = ["--store", str(store), "--epochs", "1", "--promote", "never"]
        told = CliRunner().invoke(main, ["train", str(file), *options])
        assert told.exit_code in (0, 6)
        (bundle,) = (path for path in store.iterdir() if (path / "bundle.json").is_file())
        knows = load_bundle(bundle).facts.training["background"]["start_knows"]
        assert knows == ([] if flip else ["negative", "positive"])
        note = "note: training starts without what the shipped bundle knows of these classes"
        assert (note in told.stderr) == flip


def test_a_shipped_bundle_that_cannot_be_used_stops_no_training(corpus, tmp_path, monkeypatch):
    swapped = with_targets(corpus, 1 - corpus.train.targets)
    monkeypatch.setattr("scorer.training.label_meaning.DEFAULT_BUNDLE", tmp_path)
    assert doubt_labels(swapped, "en") is None
