import configparser
import csv
import io
import json
import os
import re
import resource
import shutil
import subprocess
import sys
from collections import Counter
from dataclasses import replace
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from click.testing import CliRunner, Result
from html_page import Page, assert_self_contained
from tiny_corpora import tiny_learned, write_csv, write_labelled
from tiny_models import write_texts

from scorer import Scorer, score_file
from scorer.bundles.bundle import Bundle
from scorer.bundles.bundle_files import write_bundle
from scorer.bundles.store import CHECKPOINT, add, promote, versions
from scorer.cli.doctor import line_of
from scorer.cli.main import main
from scorer.corpus.labelled import read_labelled
from scorer.corpus.labelled_columns import Columns
from scorer.files.publish import locked
from scorer.monitoring.health import FOR_DEVELOPERS, optional_parts


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Bundle]:
    """A store, and the bundle that is in use there."""
    store = tmp_path_factory.mktemp("stores") / "store"
    bundle = add(store, tiny_learned().bundle)
    promote(store, bundle.version)
    return store, bundle


def run(*arguments: str | Path) -> Result:
    return CliRunner().invoke(main, [str(argument) for argument in arguments])


def test_each_text_is_shown_with_the_probability_of_each_class(bundle):
    store, _ = bundle
    found = run("predict", "--store", store, "good great lovely", "awful dull", " ")
    assert found.exit_code == 0
    good, bad, blank = found.stdout.splitlines()
    for line, likely, text in (
        (good, "positive", "good great lovely"),
        (bad, "negative", "awful dull"),
    ):
        shown = dict(part.split() for part in line.removesuffix(f"  {text}").split(", "))
        shares = {name: float(share.removesuffix("%")) for name, share in shown.items()}
        assert list(shares) == ["negative", "positive"]
        assert shares[likely] > 50
        assert sum(shares.values()) == pytest.approx(100, abs=0.011)
    assert blank == "negative none, positive none   "


def test_three_classes_are_shown_in_the_bundle_s_order(three_class_bundle):
    found = run("predict", "--bundle", three_class_bundle, "okay")
    assert [part.split()[0] for part in found.stdout.split(", ")] == [
        "negative",
        "neutral",
        "positive",
    ]


def test_the_vocabulary_is_shown_as_the_lecture_looks_at_it(bundle):
    store, loaded = bundle
    found = run("vocabulary", "--store", store, "good", "Supercalifragilistic", "<pad>")
    size, common, first, unknown, *words = found.stdout.splitlines()
    facts = loaded.facts.training["vocabulary"]
    assert size == f"92 tokens of {facts['training_tokens']:,} training tokens"
    token, count = facts["most_frequent"][0]
    assert common.startswith(f"most frequent: {token} {count:,}, ")
    assert common.count(", ") >= 19
    assert first.startswith(f"first ids: 0 <unk>, 1 <pad>, 2 {loaded.vocabulary.tokens[2]}, ")
    assert unknown == f"unknown: {facts['unknown_share']:.2%} of the validation tokens"
    number = loaded.vocabulary.tokens.index("good")
    assert words == [f"good: {number} good", "Supercalifragilistic: 0 <unk>", "<pad>: 0 <unk>"]


def bundles(store: Path, command: str, *arguments: str) -> Result:
    return run("bundles", command, *arguments, "--store", store)


def test_versions_are_listed_and_put_in_use(bundle):
    store, loaded = bundle
    accuracy = loaded.facts.metrics["test"]["accuracy"]
    shipped, line = bundles(store, "list").stdout.splitlines()
    assert shipped.startswith("  shipped  test accuracy 9")
    assert line.startswith(f"* {loaded.version}  test accuracy {accuracy:.2%}, macro-F1 ")
    assert f", in use since {datetime.now(UTC):%Y-%m-%d}T" in line
    facts = [json.loads(line) for line in bundles(store, "list", "--json").stdout.splitlines()]
    assert [one["in_use"] for one in facts] == [False, True]
    assert bundles(store, "use", "shipped").stdout == f"shipped is now in use in {store}\n"
    assert Scorer.load(store=store).bundle.digest == Scorer.load().bundle.digest
    assert bundles(store, "rollback").stdout == f"{loaded.version} is now in use in {store}\n"
    refused = bundles(store, "use", "20200101T000000Z-00000000")
    assert refused.exit_code == 4
    assert f"it has: {loaded.version}, shipped" in refused.stderr


def test_a_version_is_shown_as_json(bundle):
    store, loaded = bundle
    facts = json.loads(bundles(store, "show", loaded.version).stdout)
    assert (facts["digest"], facts["classes"]) == (loaded.digest, ["negative", "positive"])


def test_a_damaged_version_is_named_and_not_put_in_use(bundle, tmp_path):
    store = shutil.copytree(bundle[0], tmp_path / "store")
    damaged = shutil.copytree(store / bundle[1].version, store / "20250101T000000Z-00000000")
    (damaged / "weights.safetensors").write_bytes(b"")
    _, first, second = bundles(store, "list").stdout.splitlines()
    assert first.startswith("  20250101T000000Z-00000000  damaged: ")
    assert second.startswith(f"* {bundle[1].version}  test accuracy ")
    assert bundles(store, "use", damaged.name).exit_code == 4
    assert (store / "CURRENT").read_text().strip() == bundle[1].version
    checked = bundles(store, "verify")
    assert checked.exit_code == 4
    assert f"{bundle[1].version}: ok\n" in checked.stdout
    assert "1 of the versions failed: 20250101T000000Z-00000000" in checked.stderr


def test_a_store_without_a_version_in_use_says_how_to_choose(bundle, tmp_path):
    store = shutil.copytree(bundle[0], tmp_path / "store")
    (store / "CURRENT").unlink()
    assert f"\n  {bundle[1].version}  test accuracy " in bundles(store, "list").stdout
    refused = run("predict", "--store", store, "good")
    assert f"`scorer bundles use VERSION --store {store}` puts" in refused.stderr
    assert bundles(store, "use", bundle[1].version).exit_code == 0


def test_pruning_keeps_the_newest_and_what_is_in_use(bundle, tmp_path):
    store = shutil.copytree(bundle[0], tmp_path / "store")
    for year in range(2027, 2033):
        shutil.copytree(store / bundle[1].version, store / f"{year}0101T000000Z-00000000")
    (store / "training.safetensors").write_bytes(b"left")
    planned = bundles(store, "prune", "--keep", "2", "--dry-run").stdout.splitlines()
    planned, kept = planned[:5], planned[5:]
    assert all(line.startswith("would remove ") for line in planned)
    assert kept == [
        f"kept {bundle[1].version}: in use",
        "kept 20310101T000000Z-00000000: among the newest 2",
        "kept 20320101T000000Z-00000000: among the newest 2",
    ]
    removed = bundles(store, "prune", "--keep", "2").stdout.splitlines()
    assert [line.removeprefix("removed ") for line in removed] == [
        line.removeprefix("would remove ") for line in planned
    ]
    left = [bundle[1].version, "20310101T000000Z-00000000", "20320101T000000Z-00000000"]
    assert versions(store) == left
    nothing = bundles(store, "prune", "--keep", "2").stdout.splitlines()
    assert nothing == ["nothing to remove", *kept]
    assert bundles(store, "use", "shipped").exit_code == 0
    before = bundles(store, "prune", "--keep", "2", "--dry-run").stdout.splitlines()[1]
    assert before == f"kept {bundle[1].version}: in use before, for `rollback`"
    with locked(store / CHECKPOINT):  # as a training holds it
        for options in ([], ["--dry-run"]):
            assert bundles(store, "prune", *options).exit_code == 75


def test_a_dry_run_of_pruning_writes_nothing_not_even_a_lock(bundle, tmp_path):
    store = shutil.copytree(bundle[0], tmp_path / "store")
    shutil.copytree(store / bundle[1].version, store / "20200101T000000Z-00000000")
    os.utime(store, (1, 1))
    planned = bundles(store, "prune", "--keep", "1", "--dry-run")
    assert planned.exit_code == 0, planned.stderr
    assert f"would remove {store}/20200101T000000Z-00000000\n" in planned.stdout
    assert store.stat().st_mtime == 1


@pytest.mark.parametrize(
    "command",
    [("list",), ("verify",), ("prune",), ("prune", "--dry-run"), ("rollback",), ("use", "shipped")],
)
def test_a_store_that_is_not_there_is_named_and_not_made(tmp_path, command):
    refused = bundles(tmp_path / "bundels", *command)
    assert refused.exit_code == 4
    assert f"there is no folder {tmp_path}/bundels. Name a store with --store" in refused.stderr
    assert list(tmp_path.iterdir()) == []


def test_a_store_without_versions_says_that_none_was_checked(tmp_path):
    assert bundles(tmp_path, "verify").stdout == f"{tmp_path} has no version to check\n"


def test_the_environment_names_the_store_unless_a_bundle_is_named(bundle, tiny_bundle, monkeypatch):
    monkeypatch.setenv("SCORER_STORE", str(bundle[0]))
    assert run("predict", "good").stdout == run("predict", "--store", bundle[0], "good").stdout
    assert run("predict", "--bundle", tiny_bundle, "good").exit_code == 0
    assert bundles(bundle[0], "list").stdout == run("bundles", "list").stdout
    both = run("predict", "--bundle", tiny_bundle, "--store", bundle[0], "good")
    assert both.exit_code == 2


def test_the_words_that_move_a_score_are_shown(tiny_bundle):
    (line, none) = run(
        "explain", "--bundle", tiny_bundle, "--words", "2", "good film w1 and", " "
    ).stdout.splitlines()
    assert re.fullmatch(r"positive \d+\.\d\d%: good \+\d+\.\d\d%, (film|and) [+-].*", line)
    assert none == "no score   "


def test_two_bundles_are_evaluated_and_compared(bundle, tiny_bundle, tmp_path):
    labelled = write_labelled(tmp_path / "a.csv", write_texts(("negative", "positive"), 80, 9))
    found = run(
        "evaluate", labelled, "--bundle", tiny_bundle, "--bundle", bundle[0] / bundle[1].version
    )
    assert found.stdout.count(": 80 rows, accuracy ") == 2
    assert found.stdout.count("precision") == 4
    facts = json.loads(run("evaluate", labelled, "--bundle", tiny_bundle, "--json").stdout)
    assert facts["rows"] == 80
    changed = run("compare", labelled, tiny_bundle, "--store", bundle[0], "--rows", "3")
    assert re.search(r": 80 texts; \d+ \(\d+\.\d\d%\) get another class", changed.stdout)
    line = changed.stdout.splitlines()[1]
    assert re.match(r"  (nega|posi)tive \d+\.\d% -> (nega|posi)tive \d+\.\d%  \w", line)
    bare = tmp_path / "bare.csv"  # without a header
    bare.write_text("".join(Path(labelled).read_text().splitlines(keepends=True)[1:]))
    read = ["--no-header", "--text-column", "column_1"]
    assert run("compare", bare, tiny_bundle, "--store", bundle[0], *read).exit_code == 0
    same = run("compare", labelled, tiny_bundle, "--bundle", tiny_bundle)
    assert ": 80 texts; 0 (0.00%) get another class; probabilities move by 0.000" in same.stdout
    told = "no text's probabilities move by 0.001: both are the same bundle"
    assert same.stdout.splitlines()[1:] == [told]


def test_a_page_has_the_evaluated_bundles_side_by_side(bundle, tiny_bundle, tmp_path):
    labelled = write_labelled(tmp_path / "<a>.csv", write_texts(("negative", "positive"), 80, 9))
    arguments = ["evaluate", labelled, "--bundle", tiny_bundle, "--html"]
    other = bundle[0] / bundle[1].version
    found = run(*arguments, tmp_path / "page.html", "--bundle", other)
    assert found.exit_code == 0, found.stderr
    html = (tmp_path / "page.html").read_text(encoding="utf-8")
    assert_self_contained(html)
    page = Page(html)
    for shown in ("<a>.csv", f"Confusion matrix: {bundle[1].version}", "macro-F1", "is right most"):
        assert shown in page.text
    refused = run(*arguments, tmp_path / "page.txt")
    assert (refused.exit_code, refused.stdout) == (2, "")
    assert "its name has to end in .html" in refused.stderr


def test_the_doctor_finds_nothing_where_all_is_well(tiny_bundle, tmp_path):
    well = run("doctor", "--bundle", tiny_bundle, "--output-folder", tmp_path)
    assert well.exit_code == 0, well.stdout
    assert "\nok   device: " in well.stdout
    assert "\nok   golden rows: as where they were made; " in well.stdout
    assert re.search(r"\nok   a row: .*: negative [\d.]+%, positive [\d.]+%\n", well.stdout)
    assert list(tmp_path.iterdir()) == []


def ill(*arguments: str | Path) -> str:
    found = run("doctor", *arguments)
    assert found.exit_code == 4
    assert found.stderr == ""
    return found.stdout


def test_the_doctor_finds_a_damaged_bundle(tiny_bundle, tmp_path):
    damaged = shutil.copytree(tiny_bundle, tmp_path / "damaged")
    data = bytearray((damaged / "weights.safetensors").read_bytes())
    data[-1] ^= 1
    (damaged / "weights.safetensors").write_bytes(data)
    found = ill("--bundle", damaged)
    assert re.search("\nFAIL bundle: .*weights.safetensors was changed or damaged", found)
    assert "golden rows" not in found


def test_the_doctor_finds_a_store_that_cannot_be_read(bundle, tmp_path):
    assert "\nFAIL bundle: " in ill("--store", tmp_path / "none")
    store = shutil.copytree(bundle[0], tmp_path / "store")
    shutil.rmtree(store / bundle[1].version)
    assert "which is not in the store" in ill("--store", store)


def test_the_doctor_finds_a_disk_without_room(tiny_bundle, tmp_path):
    arguments = ["--bundle", tiny_bundle, "--output-folder"]
    nowhere = ill(*arguments, tmp_path / "none")
    told = (
        f"\nFAIL disk: {tmp_path / 'none'} is not there: make it, or name another --output-folder\n"
    )
    assert told in nowhere
    assert "a row: " not in nowhere
    assert "Errno" not in nowhere
    (tmp_path / "file").touch()
    assert "file is no folder: make it" in ill(*arguments, tmp_path / "file")
    assert "GB free in" in ill(*arguments, tmp_path, "--least-free", "1e9")
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (4096, before[1]))  # as a quota that is used up
    try:
        found = ill(*arguments, tmp_path)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert re.search("\nFAIL disk: .*too large", found)


def test_the_doctor_names_optional_parts_and_what_installs_them():
    requirements = [
        "torch>=2.4",
        'numba>=0.60; extra == "fast"',
        "no-such-package>=1; extra == 'ray'",
        'pytest>=8; extra == "test"',
    ]
    there, missing = optional_parts(requirements)
    assert (there.name, there.ok, there.found) == ("numba", True, version("numba"))
    assert (there.missing, missing.missing, missing.ok) == (False, True, True)
    assert line_of(there).startswith("ok   numba: ")
    assert line_of(missing).startswith("note no-such-package: not installed; pip install ")
    assert missing.found.startswith("not installed; pip install 'batch-text-scorer[ray]'")
    extras = configparser.ConfigParser()
    extras.read(Path(__file__).parents[1] / "setup.cfg")
    assert set(extras["options.extras_require"]) >= FOR_DEVELOPERS


def test_the_doctor_finds_golden_rows_that_come_out_otherwise(trained, tmp_path):
    golden = replace(trained.bundle.golden, probabilities=trained.bundle.golden.probabilities[::-1])
    write_bundle(replace(trained.bundle, golden=golden), tmp_path / "other")
    found = ill("--bundle", tmp_path / "other")
    assert "\nFAIL golden rows: golden row " in found
    assert "a row:" not in found


def test_the_least_certain_rows_are_written_to_be_labelled(tiny_bundle, tmp_path):
    labelled = write_labelled(tmp_path / "a.csv", write_texts(("negative", "positive"), 200, 9))
    for scored in ("out.csv", "out.parquet"):
        score_file(labelled, tmp_path / scored, bundle=tiny_bundle)
        output = tmp_path / f"label-{scored}.csv"
        written = run("sample", tmp_path / scored, "--rows", "20", "--output", output)
        assert (written.exit_code, written.stdout) == (0, "")
        assert written.stderr == f"{output}: 20 rows to label\n"
        rows = list(csv.DictReader(output.open(encoding="utf-8")))
        assert len(rows) == 20
        assert {row["label"] for row in rows} == {""}
        assert Counter(row["guess"] for row in rows) == {"negative": 10, "positive": 10}
    random = run("sample", tmp_path / "out.csv", "--rows", "20", "--by", "random").stdout
    assert len(list(csv.DictReader(io.StringIO(random)))) == 20
    certain = Scorer.load(tiny_bundle).score([row["text"] for row in rows])
    least = np.abs(certain["probability_positive"].to_numpy() - 0.5).mean()
    every = np.abs(pq.read_table(tmp_path / "out.parquet")["probability_positive"].to_numpy() - 0.5)
    assert least < every.mean()


def test_rows_to_label_keep_the_other_columns_and_can_be_trained_on_as_they_are(
    tiny_bundle, tmp_path
):
    rows = write_texts(("negative", "positive"), 300, 9)
    columns = ("id", "review", "class", "comment", "input_comment")
    lines = [(f"00{at}", text, "toys", f"a good {text}", "x") for at, text in enumerate(rows.texts)]
    write_csv(tmp_path / "in.csv", lines, columns)
    options = {"with_label": True, "with_status": True, "explain": 1, "text_column": "review"}
    score_file(tmp_path / "in.csv", tmp_path / "out.parquet", tiny_bundle, **options)
    output = tmp_path / "to_label.csv"
    asked = ("sample", tmp_path / "out.parquet", "--rows", "60", "--text-column", "review")
    assert run(*asked, "--output", output).exit_code == 0
    sampled = list(csv.DictReader(output.open(encoding="utf-8", newline="")))
    others = ["id", "input_class", "input_input_comment", "input_comment"]
    assert list(sampled[0]) == ["text", "label", "guess", *others]
    by_id = {line[0]: line for line in lines}
    for row in sampled:
        assert row["text"] == by_id[row["id"]][1]
    filled = [{**row, "label": row["guess"]} for row in sampled]
    with output.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, list(filled[0]))
        writer.writeheader()
        writer.writerows(filled)
    found = read_labelled([output], Columns())
    assert (found.text_column, found.label_column, len(found.rows)) == ("text", "label", 60)


def test_as_many_rows_of_a_rare_class_are_taken_as_of_the_others(tmp_path):
    positive = np.r_[np.full(3000, 0.5001), np.full(60, 0.3)]
    texts = [f"word{at} other{at} third{at} fourth{at}" for at in range(len(positive))]
    table = {"text": texts, "probability_no": 1 - positive, "probability_yes": positive}
    pq.write_table(pa.table(table), tmp_path / "scored.parquet")
    written = run("sample", tmp_path / "scored.parquet", "--rows", "20").stdout
    guesses = Counter(row["guess"] for row in csv.DictReader(io.StringIO(written)))
    assert guesses == {"no": 10, "yes": 10}


def test_rows_on_which_another_bundle_disagrees_come_first(tiny_bundle, tmp_path):
    texts = pa.array(["good great lovely", "bad awful dull", "good superb", "awful worst"])
    scored = Scorer.load(tiny_bundle).score(pa.table({"text": texts}))
    columns = {name: scored[name].to_pylist() for name in scored.column_names}
    for name in ("probability_negative", "probability_positive"):
        columns[name][2] = 1 - columns[name][2]  # as if another bundle had scored this one
    pq.write_table(pa.table(columns), tmp_path / "scored.parquet")
    asked = ("sample", tmp_path / "scored.parquet", "--rows", "1", "--by", "disagreement")
    written = run(*asked, "--bundle", tiny_bundle).stdout
    assert [row["text"] for row in csv.DictReader(io.StringIO(written))] == ["good superb"]


def test_another_bundle_s_classes_have_to_be_the_file_s(tiny_bundle, tmp_path):
    table = {"text": ["a"], "probability_no": [0.5], "probability_yes": [0.5]}
    pq.write_table(pa.table(table), tmp_path / "scored.parquet")
    asked = ("sample", tmp_path / "scored.parquet", "--by", "disagreement")
    refused = run(*asked, "--bundle", tiny_bundle)
    assert refused.exit_code == 2
    assert "classes are negative, positive, those of the file no, yes" in refused.stderr


def test_texts_that_are_nearly_the_same_are_labelled_once(tmp_path):
    story = "the kettle boils in two minutes and its handle stays cool in the hand all day long"
    texts = [f"{story} {end}" for end in ("", "!", "really", "indeed")] + ["Dull.", "dull .", "so"]
    table = {"text": texts, "probability_no": [0.5] * 7, "probability_yes": [0.5] * 7}
    pq.write_table(pa.table(table), tmp_path / "scored.parquet")
    for by in ("uncertainty", "random"):
        written = run("sample", tmp_path / "scored.parquet", "--by", by).stdout
        rows = [row["text"] for row in csv.DictReader(io.StringIO(written))]
        assert sorted(row[:4].lower() for row in rows) == ["dull", "so", "the "]


@pytest.mark.parametrize("command", [["predict", "a"], ["vocabulary"]])
def test_what_is_no_bundle_ends_with_the_code_of_bundles(tmp_path, command):
    refused = run(*command, "--bundle", tmp_path)
    assert refused.exit_code == 4
    assert refused.stderr.startswith(f"error: {tmp_path} is not a bundle: it has no bundle.json")
    assert refused.stderr.count("\n") == 1


def test_predict_needs_a_text():
    assert run("predict").exit_code == 2


def test_it_runs_as_a_module(bundle):
    command = [sys.executable, "-m", "scorer", "predict", "--store", str(bundle[0]), "good great"]
    found = subprocess.run(command, capture_output=True, text=True, check=True)
    assert found.stdout == run(*command[3:]).stdout
    assert found.stderr == ""
