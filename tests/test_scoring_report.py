"""The page about a scoring run: what is on it, and that it is one page whatever the rows are."""

import json
import random
import re
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from click.testing import CliRunner, Result
from html_page import Page, assert_self_contained
from tiny_corpora import write_csv

import scorer
from scorer.cli.main import main
from scorer.errors import InterruptedRunError, UsageError
from scorer.files.publish import locked
from scorer.network.inference import Prediction
from scorer.scoring.callbacks import Callbacks
from scorer.scoring.certainty import KEPT, Certainty
from scorer.scoring.summary import RunSummary

HOSTILE = '<script>alert("x")</script> <img src=x onerror=alert(1)>'
ROWS = 240


@pytest.fixture
def folder(
    tmp_path: Path, labelled_texts, tiny_bundle: Path, monkeypatch: pytest.MonkeyPatch
) -> Path:
    """A file of texts, some of them hostile, with rows that are rejected."""
    monkeypatch.chdir(tmp_path)
    rng = random.Random(2)
    texts = [f"{HOSTILE} {rng.choice(labelled_texts.texts)}" for _ in range(ROWS - 2)]
    texts += ["", "qqqq zzzz"]
    path = write_csv(
        tmp_path / "in.csv", [(str(i), text) for i, text in enumerate(texts)], ("id", "text")
    )
    with path.open("ab") as file:
        file.write(b"a,<u>b</u>,c\r\nbad,\xff\xfe<b>\r\n")
    return tmp_path


def score(*options: str | Path, bundle: Path) -> Result:
    arguments = ["score", "in.csv", "out.csv", "--bundle", bundle, "--max-rejects", "9", *options]
    return CliRunner().invoke(main, [str(argument) for argument in arguments])


def page_of(path: Path) -> Page:
    html = path.read_text(encoding="utf-8")
    assert_self_contained(html)
    return Page(html)


def test_a_page_says_what_a_run_did(folder, tiny_bundle):
    command = (
        f"scorer score in.csv out.csv --bundle {tiny_bundle} --text-column text "
        "--max-rejects 9 --precision float32"
    )
    options = ["--report", "run.html", "--precision", "float32"]
    assert score(*options, bundle=tiny_bundle).exit_code == 0
    page = page_of(folder / "run.html")
    for shown in (
        f"{ROWS} rows scored, complete and in their order.",
        "2 rows were rejected, see below",
        "3 fields where the header has 2",
        "a,<u>b</u>,c",
        "bad,\\udcff\\udcfe<b>",
        HOSTILE,
        "scored, without a word that the bundle knows",
        "no score: blank",
        "tokens (words and punctuation) are unknown: the bundle's vocabulary does not have them",
        "probability of positive",
        "waiting for rows",
        command,
    ):
        assert shown in page.text
    assert not page.tags & {"script", "img", "u", "b"}


def test_a_run_that_was_interrupted_finds_the_same_rows(folder, tiny_bundle):
    options = {"bundle": tiny_bundle, "max_rejects": 9, "chunk_rows": 16}
    scorer.score_file("in.csv", "whole.csv", report="whole.html", **options)

    class Stop(Callbacks):
        def on_chunk(self, rows: int, *_: object) -> None:
            if rows >= 100:
                raise InterruptedRunError("enough", 15)

    with pytest.raises(InterruptedRunError):
        scorer.score_file("in.csv", "out.csv", report="out.html", callbacks=Stop(), **options)
    failed = page_of(folder / "out.html")
    assert "Nothing was published" in failed.text
    assert "run again, goes on from the scores" in failed.text
    summary = scorer.score_file("in.csv", "out.csv", report="out.html", **options)
    assert summary.resumed_rows >= 100
    tables = [certain_rows((folder / name).read_text()) for name in ("whole.html", "out.html")]
    assert tables[0] == tables[1]
    assert len(tables[0]) > 2 * KEPT


def test_a_report_that_cannot_be_written_loses_nothing_else_of_the_run(folder, tiny_bundle):
    (folder / "pages").mkdir()
    ended = []

    class Removing(Callbacks):
        def on_chunk(self, *_: object) -> None:
            if (folder / "pages").exists():
                (folder / "pages").rmdir()

        def on_end(self, summary: RunSummary) -> None:
            ended.append(summary.published)

    options = {"bundle": tiny_bundle, "max_rejects": 9, "callbacks": Removing()}
    summary = scorer.score_file("in.csv", "lost.csv", report="pages/run.html", **options)
    lost = r"--report: cannot write .*pages.*; the run goes on without it"
    assert re.fullmatch(lost, summary.notes[-1])
    assert ended == [True]
    assert (folder / "lost.csv").exists()


def test_a_command_that_repeats_a_run_allows_as_many_rejects(folder, tiny_bundle):
    scorer.score_file("in.csv", "a.csv", tiny_bundle, report="a.html", max_rejects="50%")
    assert "--max-rejects 50%" in page_of(folder / "a.html").text
    scorer.Scorer.load(tiny_bundle).score_file(
        "in.csv", "b.csv", report="b.html", max_rejects="50%"
    )
    assert "How to repeat" not in page_of(folder / "b.html").text  # of a bundle in memory


def certain_rows(html: str) -> list[str]:
    return re.findall("<tr>.*?</tr>", html[html.index("Least certain") : html.index("Where the")])


def test_a_run_that_fails_before_it_has_a_bundle_says_so(folder):
    result = score("--report", "run.html", bundle=folder / "nothing")
    assert result.exit_code == 4
    page = page_of(folder / "run.html").text
    assert f"there is no folder {folder / 'nothing'}" in page
    assert re.search(r"started\d{4}-\d\d-\d\d \d\d:\d\d:\d\d \(UTC\)", page)


@pytest.mark.parametrize("name", ["run.txt", "in.csv"])
def test_a_page_that_must_not_be_written_is_refused_at_once(folder, tiny_bundle, name):
    result = score("--report", name, bundle=tiny_bundle)
    assert (result.exit_code, "its name has to end in .html" in result.stderr) == (2, True)
    assert not (folder / "out.csv").exists()


def test_a_run_goes_on_without_a_page_that_has_no_folder(folder, tiny_bundle):
    result = score("--report", "nowhere/run.html", "--quiet", bundle=tiny_bundle)
    assert result.exit_code == 0
    where = f"cannot write {folder}/nowhere/run.html: there is no folder {folder}/nowhere"
    assert result.stderr.startswith(f"WARNING: --report: {where}; the run goes on without it\n")
    assert result.stderr.count("--report") == 1
    notes = json.loads((folder / "out.csv.run.json").read_text())["notes"]
    assert notes[0] == f"--report: {where}; the run goes on without it"


def test_a_link_is_told_with_the_file_it_leads_to(folder, tiny_bundle):
    (folder / "link.html").symlink_to("in.csv")
    result = score("--report", "link.html", bundle=tiny_bundle)
    assert result.exit_code == 2
    told = f"--report link.html (a link to {folder / 'in.csv'}): its name has to end in .html"
    assert told in result.stderr


def test_a_run_that_cannot_begin_takes_the_place_of_last_nights_page(folder, tiny_bundle):
    options = ("--report", "run.html", "--history", "runs.jsonl", "--metrics-file", "run.prom")
    assert score(*options, bundle=tiny_bundle).exit_code == 0
    output = (folder / "out.csv").read_bytes()
    summary = (folder / "out.csv.run.json").read_bytes()
    there = score(*options, bundle=tiny_bundle)
    assert there.exit_code == 2
    text = page_of(folder / "run.html").text
    assert "The run did not begin: nothing was scored." in text
    assert "out.csv is already there. --overwrite replaces it" in text
    with locked(folder / "out.csv"):
        assert score(*options, "--overwrite", bundle=tiny_bundle).exit_code == 75
    assert f"another run holds {folder / 'out.csv.lock'}" in page_of(folder / "run.html").text
    nowhere = ["score", "in.csv", "nowhere/out.csv", *options]
    assert CliRunner().invoke(main, nowhere).exit_code == 3
    assert "there is no folder" in page_of(folder / "run.html").text
    lines = [json.loads(line) for line in (folder / "runs.jsonl").read_text().splitlines()]
    assert [(line["exit_code"], line["published"]) for line in lines] == [
        (0, True),
        (2, False),
        (75, False),
        (3, False),
    ]
    assert len({line["output"] for line in lines[:3]}) == 1
    assert "scorer_last_run_exit_code" in (folder / "run.prom").read_text()
    assert (folder / "out.csv").read_bytes() == output
    assert (folder / "out.csv.run.json").read_bytes() == summary


def test_a_page_is_never_the_output(folder, tiny_bundle):
    with pytest.raises(UsageError, match="is another file of this run"):
        scorer.score_file(
            "in.csv", "page.html", tiny_bundle, report="page.html", output_format="csv"
        )


def test_many_files_have_no_page(folder, tiny_bundle):
    arguments = ["score", "in.csv", "in.csv", "out", "--bundle", str(tiny_bundle)]
    result = CliRunner().invoke(main, [*arguments, "--report", "run.html"])
    assert result.exit_code == 2
    assert "--report is about one file" in result.stderr


def test_a_page_is_small_however_large_the_rows_are(folder, tiny_bundle):
    rng = random.Random(1)
    rows = [(str(i), " ".join(rng.choices(["good", "bad", "<i>"], k=9_000))) for i in range(45)]
    write_csv(folder / "in.csv", rows, ("id", "text"))
    with (folder / "in.csv").open("a") as file:
        file.writelines(f"{'<' * 20_000},{'x,' * i}\r\n" for i in range(100))
    assert score("--report", "run.html", "--max-rejects", "500", bundle=tiny_bundle).exit_code == 0
    page_of(folder / "run.html")
    assert (folder / "run.html").stat().st_size < 2_000_000


@pytest.mark.parametrize("classes", [2, 3, 30])
@pytest.mark.parametrize("chunk", [7, 1000])
def test_the_rows_kept_are_those_of_all_rows_sorted(classes: int, chunk: int) -> None:
    rng = np.random.default_rng(classes)
    probabilities = rng.dirichlet(np.ones(classes), 500).astype(np.float32)
    tokens = np.where(rng.random(500) < 0.1, 0, 5).astype(np.int32)
    probabilities[tokens == 0] = np.nan
    texts = pa.array([f"text {i}" for i in range(500)], pa.large_string())
    found = Certainty([f"class {i}" for i in range(classes)])
    for start in range(0, 500, chunk):
        part = slice(start, start + chunk)
        prediction = Prediction(probabilities[part], tokens[part], tokens[part])
        found.update(start, texts.slice(start, chunk), prediction)
    scored = np.flatnonzero(tokens)
    highest = np.sort(probabilities[scored], axis=1)[:, -2:].astype(np.float64)
    nearest = scored[np.argsort(highest[:, 1] - highest[:, 0], kind="stable")][:KEPT]
    assert [row.number for row in found.least] == [at + 1 for at in nearest]
    best = probabilities[scored].argmax(axis=1)
    assert found.labels.tolist() == np.bincount(best, minlength=classes).tolist()
    most = [row.probability for row in found.most]
    if classes == 2:
        expected = [sorted(highest[best == c, 1])[::-1][: KEPT // 2] for c in range(2)]
        assert most == [p for one in expected for p in one]
    assert len(most) <= KEPT


def test_a_text_that_repeats_is_kept_once() -> None:
    texts = pa.array(["same"] * 50 + ["other"], pa.large_string())
    probabilities = np.tile(np.array([[0.4, 0.6]], np.float32), (51, 1))
    ones = np.ones(51, np.int32)
    found = Certainty(["a", "b"])
    found.update(0, texts, Prediction(probabilities, ones, ones))
    found.update(51, texts, Prediction(probabilities, ones, ones))
    assert [(row.number, row.text) for row in found.least] == [(1, "same"), (51, "other")]
