"""The life of a model between nights, with real files and the commands a person types."""

import csv
import errno
import json
import os
import random
import re
import sys
from dataclasses import replace
from io import StringIO
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from click.testing import CliRunner, Result
from full_disk import files_of_at_most
from html_page import Page
from tiny_corpora import write_csv, write_labelled
from tiny_models import write_texts

from scorer import Scorer
from scorer.bundles.bundle import Bundle
from scorer.bundles.store import add, in_use, promote, versions
from scorer.cli.main import main
from scorer.cli.run_records import append_history
from scorer.cli.score import score
from scorer.errors import InputError

OPTIONS = [
    *("--start-from", "none", "--passes", "0", "--epochs", "8", "--batch-size", "32"),
    *("--learning-rate", "0.02", "--embedding-dim", "8", "--hidden-dim", "12"),
    *("--vocabulary-size", "90", "--seed", "3"),
]
CLASSES = ("negative", "positive")


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    rows = write_texts(CLASSES, 300, 5)
    write_labelled(tmp_path / "first.csv", rows)
    write_labelled(tmp_path / "more.csv", write_texts(CLASSES, 400, 6))
    shuffled = random.Random(0).sample(list(rows.targets), len(rows.targets))
    write_labelled(tmp_path / "shuffled.csv", replace(rows, targets=shuffled))
    write_labelled(tmp_path / "swapped.csv", replace(rows, targets=1 - rows.targets))
    noisy = rows.targets.copy()
    noisy[::10] = 1 - noisy[::10]  # a tenth of the labels is wrong: no model is right on all
    write_labelled(tmp_path / "noisy.csv", replace(rows, targets=noisy))
    write_csv(tmp_path / "in.csv", [(text,) for text in rows.texts[:150]], ("text",))
    return tmp_path


def run(*arguments: str | Path) -> Result:
    return CliRunner().invoke(main, [str(argument) for argument in arguments])


def train(name: str, *options: str) -> Result:
    return run("train", name, "--store", "store", *OPTIONS, *options)


def version_of_a_night(name: str) -> str:
    scored = run("score", "in.csv", name, "--store", "store", "--workers", "0")
    assert scored.exit_code == 0, scored.stderr
    facts = json.loads(run("provenance", name, "--json").stdout)
    assert facts["as_published"] is True
    return facts["bundle"]["version"]


def report_of(folder: Path, version: str) -> str:
    report = folder / "store" / "reports" / f"{version}.html"
    page = Page(report.read_text(encoding="utf-8"))
    assert version in page.text
    return page.text


def test_a_model_is_trained_replaced_guarded_and_taken_back(folder):
    trained = train("first.csv")
    assert trained.exit_code == 0
    assert "\ngate: in use; there was no version before it\n" in trained.stderr
    first = in_use(folder / "store")
    assert version_of_a_night("one.parquet") == first
    trained = train("more.csv")
    assert trained.exit_code == 0
    beside = f"gate: in use; not clearly worse than {first}, the version before it: accuracy "
    assert beside in trained.stderr
    second = in_use(folder / "store")
    assert second != first
    refused = train("shuffled.csv")
    assert refused.exit_code == 6
    assert "more than how frequent each class is" in refused.stderr
    refused = train("swapped.csv")
    assert refused.exit_code == 6
    assert "\ngate:" not in refused.stderr  # the error says it
    assert "are the classes swapped?" not in refused.stderr  # it is for a first training
    assert "the classes 'negative' and 'positive' come out swapped: accuracy " in refused.stderr
    assert version_of_a_night("two.csv") == second
    verdicts = [report_of(folder, version) for version in versions(folder / "store")]
    assert first in verdicts[0]
    assert "in use; there was no version before it" in verdicts[0]
    before = f"in use; not clearly worse than {first}, the version before it: accuracy "
    assert before in verdicts[1]
    assert "more than how frequent each class is" in verdicts[2]
    assert "scorer train swapped.csv --store store" in verdicts[3]
    assert run("bundles", "rollback", "--store", "store").stdout.startswith(f"{first} is now in")
    assert version_of_a_night("three.csv") == first
    listed = run("bundles", "list", "--store", "store").stdout.splitlines()
    assert len(listed) == 1 + len(versions(folder / "store")) == 5
    assert [line for line in listed if line.startswith("* ")] == [
        line for line in listed if first in line and "in use since" in line
    ]


def test_what_is_asked_of_a_new_bundle_is_held(folder):
    noisy = ["noisy.csv", "--valid", "0.3"]
    refused = train(*noisy, "--min-accuracy", "0.99")
    assert refused.exit_code == 6
    found = r"test accuracy [789]\d\.\d\d% is below --min-accuracy 99\.00%"
    assert re.search(found, refused.stderr), refused.stderr
    assert in_use(folder / "store") is None
    assert train(*noisy, "--min-accuracy", "0.6").exit_code == 0
    refused = train(*noisy, "--max-loss", "-50", "--seed", "4")
    assert refused.exit_code == 6
    assert "it loses more than --max-loss -50 points: accuracy " in refused.stderr
    (folder / "store" / "CURRENT").unlink()
    written = train("first.csv", "--promote", "never")
    assert written.exit_code == 0
    assert "is written, not put in use, in store" in written.stderr
    assert in_use(folder / "store") is None
    assert train("shuffled.csv", "--promote", "always").exit_code == 0
    assert in_use(folder / "store") is not None
    again = train("first.csv", "--promote", "if-better")
    assert again.exit_code == 0, again.stderr
    same = train("first.csv", "--promote", "if-better", "--seed", "4")
    assert same.exit_code == 6
    assert "it is not clearly better (--promote if-better): accuracy " in same.stderr
    assert train("first.csv", "--promote", "sometimes").exit_code == 2


def test_a_night_that_drifts_is_warned_of_and_held_when_asked(folder):
    assert train("first.csv").exit_code == 0
    plain = run("score", "in.csv", "same.csv", "--store", "store", "--max-drift", "1")
    assert plain.exit_code == 0, plain.stderr
    assert "WARNING" not in plain.stderr
    night = [(text if row % 2 else " ",) for row, text in enumerate(["xyz qrst uvw"] * 300)]
    write_csv(folder / "other.csv", night, ("text",))
    warned = run("score", "other.csv", "warned.csv", "--store", "store", "--quiet")
    assert warned.exit_code == 0
    for words in ("more texts are empty than", "more words that the bundle does not know"):
        assert words in warned.stderr
    options = ["--max-drift", "1", "--history", "runs.jsonl", "--report", "night.html"]
    after = run("score", "other.csv", "after.csv", "--store", "store", *options)
    assert after.exit_code == 6
    assert "WARNING" not in after.stderr  # the error says it once
    (line,) = (folder / "runs.jsonl").read_text().splitlines()
    told = json.loads(line)
    assert (told["published"], told["exit_code"]) == (True, 6)
    assert told["error"].startswith("drift beyond --max-drift 1: ")
    assert json.loads((folder / "after.csv.run.json").read_text())["exit_code"] == 6
    page = (folder / "night.html").read_text()
    assert "300 rows scored, complete" in page
    assert f"The drift level is {told['drift_level']:.2f}: " in page
    assert page.count("texts are empty than") == 1
    assert "before still stands there" not in page
    assert "; the output is published all the same. Look at the input" in after.stderr
    assert (folder / "after.csv").exists()
    held = run("score", "other.csv", "held.csv", "--store", "store", "--hold-on-drift")
    assert held.exit_code == 6
    assert "; nothing is published. " in held.stderr
    assert not (folder / "held.csv").exists()
    released = run("score", "other.csv", "held.csv", "--store", "store")
    assert "300 of them resumed" in released.stderr
    summary = json.loads((folder / "held.csv.run.json").read_text())
    assert summary["drift"]["empty texts"] == 0.5
    assert summary["drift_level"] > 2


def test_the_metrics_of_an_output_whose_name_is_no_text_are_written(folder):
    output = os.fsdecode(b"\xff.csv")
    scored = run("score", "in.csv", output, "--bundle", "shipped", "--metrics-file", "run.prom")
    assert scored.exit_code == 0, scored.stderr
    assert "\\udcff.csv" in (folder / "run.prom").read_text(encoding="utf-8")


def test_a_title_and_a_body_are_joined_in_training_and_in_scoring(folder):
    rows = write_texts(CLASSES, 300, 5)
    names = [CLASSES[target] for target in rows.targets]
    halves = [(*text.split(" ", 1), "")[:2] for text in rows.texts]
    lines = [(a, name, b) for (a, b), name in zip(halves, names, strict=True)]
    write_csv(folder / "split.csv", lines, ("title", "label", "body"))
    both = ["--text-column", "title", "--text-column", "body"]
    assert train("split.csv", *both).exit_code == 0
    bundle = Scorer.load(store=folder / "store").bundle
    assert bundle.text_column == "title + body"
    scored = run("score", "split.csv", "out.csv", "--store", "store")
    assert scored.exit_code == 0, scored.stderr
    assert json.loads((folder / "out.csv.run.json").read_text())["text_column"] == "title + body"
    assert "texts of column 'title + body'; " in scored.stderr
    table = {"title": [a for a, _ in halves], "body": [b for _, b in halves]}
    frame = Scorer.load(store=folder / "store").score(pa.table(table), ["title", "body"])
    given = [float(row["probability_positive"]) for row in read_csv(folder / "out.csv")]
    np.testing.assert_allclose(frame["probability_positive"].to_numpy(), given, atol=1e-6)
    sampled = run("sample", "out.csv", "--rows", "300", *both)
    assert "\n".join(halves[0]) in {row["text"] for row in csv.DictReader(StringIO(sampled.stdout))}


def test_a_bundle_is_evaluated_on_the_columns_it_was_trained_on(folder):
    rows = write_texts(CLASSES, 300, 5)
    names = [CLASSES[target] for target in rows.targets]
    other = ["so it is", "or not so"] * 150
    lines = list(zip(other, rows.texts, names, other[::-1], strict=True))
    header = ("asked", "said", "mood", "agent")
    write_csv(folder / "split.csv", lines, header)
    assert train("split.csv", "--text-column", "said", "--label-column", "mood").exit_code == 0
    write_csv(folder / "new.csv", [line[::-1] for line in lines[:99]], header[::-1])
    found = run("evaluate", "new.csv", "--store", "store")
    assert (found.exit_code, found.stdout.count("99 rows")) == (0, 1)
    assert found.stderr.startswith("texts in 'said', labels in 'mood'\n")
    assert "was trained on" not in found.stderr
    encoded = (folder / "new.csv").read_text().replace("so it is", "schön").encode("cp1252")
    (folder / "new.csv").write_bytes(encoded)
    found = run("evaluate", "new.csv", "--store", "store", "--encoding", "cp1252")
    assert found.stdout.count("99 rows") == 1
    known = run("evaluate", "split.csv", "--store", "store").stderr
    assert "WARNING: " in known and "was trained on rows of it: figures get too good" in known


def read_csv(path: Path) -> list[dict[str, str]]:
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


@pytest.mark.parametrize(
    "options",
    [
        ("--history", "in.csv"),
        ("--history", "out.csv"),
        ("--cache", "out.csv.run.json"),
        ("--history", "same", "--cache", "same"),
    ],
)
def test_a_file_beside_the_output_is_no_other_file_of_the_run(folder, options):
    before = (folder / "in.csv").read_bytes()
    refused = run("score", "in.csv", "out.csv", *options)
    assert (refused.exit_code, refused.stderr.count("is another file of this run")) == (2, 1)
    assert (folder / "in.csv").read_bytes() == before
    assert not (folder / "out.csv").exists()


def test_a_report_whose_name_is_too_long_costs_no_night(folder, tiny_bundle):
    report = "x" * 300 + ".html"
    done = run("score", "in.csv", "out.csv", "--bundle", str(tiny_bundle), "--report", report)
    assert done.exit_code == 0, done.stderr
    assert "WARNING: --report: cannot write " in done.stderr
    assert (folder / "out.csv").exists()


def test_runs_are_recorded_in_a_history_and_for_prometheus(folder, tiny_bundle):
    options = ["--bundle", tiny_bundle, "--history", "runs.jsonl", "--metrics-file", "scorer.prom"]
    assert run("score", "in.csv", "one.csv", *options).exit_code == 0
    assert run("score", "none.csv", "two.csv", *options).exit_code == 3
    first, second = (json.loads(line) for line in (folder / "runs.jsonl").open())
    assert first == json.loads((folder / "one.csv.run.json").read_text())
    assert (second["exit_code"], second["published"]) == (3, False)
    output = str(folder / "two.csv")
    metrics = (folder / "scorer.prom").read_text()
    assert f'scorer_last_run_exit_code{{output="{output}"}} 3.0' in metrics
    assert run("score", "in.csv", "three.csv", *options).exit_code == 0
    metrics = (folder / "scorer.prom").read_text()
    output = str(folder / "three.csv")
    assert f'scorer_last_run_rows_written{{output="{output}"}} 150.0' in metrics
    refused = run("score", "in.csv", "four.csv", "--metrics-file", "scorer.txt")
    assert refused.exit_code == 2
    assert "has to end in .prom" in refused.stderr


def test_records_that_cannot_be_written_are_warned_of_and_the_run_is_done(folder, tiny_bundle):
    options = ["--bundle", tiny_bundle, "--quiet", "--metrics-file", "none/scorer.prom"]
    done = run("score", "in.csv", "one.csv", *options, "--history", "/dev/full")
    assert (done.exit_code, (folder / "one.csv").exists()) == (0, True)
    assert done.stderr.splitlines() == [
        "WARNING: --history: cannot write /dev/full: No space left on device; the run goes on "
        "without it",
        "WARNING: --metrics-file: cannot write none/scorer.prom: No such file or directory; the "
        "run goes on without it",
    ]
    failed = run("score", "none.csv", "two.csv", *options)
    assert failed.exit_code == 3
    assert failed.stderr.splitlines()[-1].startswith("error: there is no file ")


@pytest.mark.parametrize(
    "wrong", [("--max-rejects", "few"), ("--threshold", "0.5"), ("--input-format", "xls")]
)
def test_a_run_that_an_option_ends_is_recorded(folder, tiny_bundle, wrong):
    options = ["--bundle", tiny_bundle, "--history", "runs.jsonl", "--metrics-file", "scorer.prom"]
    assert run("score", "in.csv", "one.csv", *options, *wrong).exit_code == 2
    (line,) = (json.loads(line) for line in (folder / "runs.jsonl").open())
    assert (line["exit_code"], line["published"]) == (2, False)
    assert line["output"] == str(folder / "one.csv")
    assert "} 2.0" in (folder / "scorer.prom").read_text()


class FullOutput(StringIO):
    def flush(self) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def test_a_run_whose_summary_cannot_be_printed_is_recorded_as_it_ends(
    folder, tiny_bundle, monkeypatch
):
    options = dict.fromkeys(("cache", "report", "store", "metrics_file"))
    with monkeypatch.context() as patched:
        patched.setattr(sys, "stdout", FullOutput())
        with pytest.raises(InputError, match="cannot write the summary: No space left"):
            score(
                sources=("in.csv",),
                target="one.csv",
                bundle=str(tiny_bundle),
                quiet=True,
                log_format="text",
                profile=False,
                as_json=True,
                history="runs.jsonl",
                engine="local",
                **options,
            )
    (line,) = (json.loads(line) for line in (folder / "runs.jsonl").open())
    assert (line["exit_code"], line["published"]) == (3, True)
    assert line["error"].startswith("cannot write the summary")


def test_half_a_line_is_never_left_in_a_history(tmp_path):
    path = tmp_path / "runs.jsonl"
    append_history(path, {"rows": 1})
    within_a_line = files_of_at_most(20)
    with within_a_line, pytest.raises(InputError, match=r"cannot write .*runs\.jsonl: No space"):
        append_history(path, {"rows": 2})
    append_history(path, {"rows": 3})
    assert path.read_text() == '{"rows": 1}\n{"rows": 3}\n'


FAST = ("--epochs", "1", "--promote", "always")
LABELS = "ab=negative,zw=positive"


def rows_of(count: int, seed: int, values: tuple[str, str]) -> list[tuple[str, str, str]]:
    rows = write_texts(CLASSES, count, seed)
    return [(values[at], text, "x") for text, at in zip(rows.texts, rows.targets, strict=True)]


def in_use_bundle(folder: Path) -> Bundle:
    return Scorer.load(store=folder / "store").bundle


def test_earlier_files_are_read_as_they_were_then(folder):
    write_csv(folder / "marks.csv", rows_of(60, 7, ("ab", "zw")), ("mark", "said", "label"))
    told = ("--text-column", "said", "--label-column", "mark", "--labels", LABELS)
    assert train("marks.csv", *told, *FAST).exit_code == 0
    write_csv(folder / "few.csv", rows_of(20, 8, ("0", "1")), ("label", "text", "mark"))
    assert train("few.csv", "--with-previous", *FAST).exit_code == 0
    facts = in_use_bundle(folder).facts
    options = {"text_column": "said", "label_column": "mark", "labels": LABELS}
    assert [file["options"] for file in facts.training["files"]] == [options, {}]
    assert sum(facts.training["rows"].values()) == 80
    assert {**facts.label_values, "ab": "negative", "zw": "positive"} == facts.label_values


def test_a_bundle_that_does_not_record_options_has_columns_and_labels(folder):
    write_csv(folder / "old.csv", rows_of(60, 7, ("zw", "ab")), ("mark", "said", "one"))
    assert train("old.csv", "--label-column", "mark", "--labels", LABELS, *FAST).exit_code == 0
    bundle = in_use_bundle(folder)
    files = [{**file} for file in bundle.facts.training["files"]]
    del files[0]["options"]
    facts = replace(bundle.facts, training={**bundle.facts.training, "files": files})
    older = add(folder / "store", replace(bundle, facts=facts)).version
    promote(folder / "store", older, by="test")
    write_csv(folder / "new.csv", rows_of(60, 8, ("4", "5")), ("stars", "said", "mark"))
    told = ("--label-column", "stars", "--labels", "4=negative,5=positive")
    joined = train("new.csv", "--with-previous", *told, *FAST)
    assert joined.exit_code == 0
    meaning = {"4": "negative", "5": "positive", "ab": "negative", "zw": "positive"}
    values = in_use_bundle(folder).facts.label_values
    assert {value: values[value] for value in meaning} == meaning
    assert sum(in_use_bundle(folder).facts.training["rows"].values()) == 120


def test_classes_keep_the_names_that_they_have_in_use(folder):
    rows = write_texts(("negative", "neutral", "positive"), 90, 5)
    for name, values in {"old": ("1.0", "3.0", "5.0"), "new": ("1", "3", "5")}.items():
        cells = [(text, values[at]) for text, at in zip(rows.texts, rows.targets, strict=True)]
        write_csv(folder / f"{name}.csv", cells, ("text", "label"))
    assert train("old.csv", "--labels", "1=1.0,3=3.0,5=5.0", *FAST).exit_code == 0
    again = train("new.csv", *FAST)
    assert again.exit_code == 0
    assert "labels: '1' is 1.0, '3' is 3.0, '5' is 5.0" in again.stderr
    assert in_use_bundle(folder).classes == ("1.0", "3.0", "5.0")


def test_a_training_joins_the_files_of_the_bundle_in_use(folder):
    refused = train("more.csv", "--with-previous")
    assert refused.exit_code == 4
    assert train("first.csv", "--promote", "always").exit_code == 0
    joined = train("more.csv", "--with-previous", "--promote", "always")
    assert joined.exit_code == 0
    added = f"trained on too, as --with-previous says: {folder / 'first.csv'}\n"
    assert f"note: {added}" in joined.stderr
    bundle = Scorer.load(store=folder / "store").bundle
    paths = [file["path"] for file in bundle.facts.training["files"]]
    assert paths == [str(folder / "first.csv"), str(folder / "more.csv")]
    assert sum(bundle.facts.training["rows"].values()) > 600
    with (folder / "first.csv").open("a") as file:
        file.write("good,positive\n")
    changed = train("more.csv", "--with-previous")
    assert changed.exit_code == 3
    assert "first.csv was changed since the bundle in use was trained on it" in changed.stderr
    (folder / "first.csv").unlink()
    gone = train("more.csv", "--with-previous")
    assert gone.exit_code == 3
    assert (
        "first.csv; the bundle in use was trained on it. Name the files that are to be trained on "
        "instead of --with-previous"
    ) in gone.stderr
