"""Folders, globs and lists of files: one output each, failures apart, nothing done twice."""

import csv
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from click.testing import CliRunner, Result

from scorer import score_file, score_files
from scorer.cli.main import main
from scorer.errors import InputError, InterruptedRunError, UsageError
from scorer.files.publish import locked
from scorer.many_files.file_pairs import find_files
from scorer.many_files.many_files import FAILED, FilesError, FilesSummary, Outcome

JOB = Path(__file__).parents[1] / "score_job.py"
FILES, ROWS = 12, 15
RECORDS = ("--history", "runs.jsonl", "--metrics-file", "run.prom")


@pytest.fixture
def folder(labelled_texts, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Twelve CSV files in partitions of three days, and a file that is no table."""
    monkeypatch.chdir(tmp_path)
    for number in range(FILES):
        texts = labelled_texts.texts[number * ROWS : (number + 1) * ROWS]
        write(tmp_path / "in" / f"day={number % 3}" / f"{number:03}.csv", texts)
    (tmp_path / "in" / "notes.md").write_text("no table")
    return tmp_path


def write(path: Path, texts) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows([("id", "text"), *enumerate(texts)])


@pytest.fixture
def score(tiny_bundle):
    def score(*arguments: str) -> Result:
        command = ["score", *map(str, arguments), "--bundle", str(tiny_bundle)]
        return CliRunner().invoke(main, command)

    return score


def made(folder: Path) -> dict[str, int]:
    """Return each output below a folder and when it was made."""
    files = (path for path in folder.rglob("*.*") if path.suffix in (".csv", ".parquet"))
    return {str(path.relative_to(folder)): path.stat().st_mtime_ns for path in files}


def test_a_folder_is_mirrored_file_by_file_with_its_partitions(folder, score, tiny_bundle):
    done = score("in", "out")
    assert done.exit_code == 0, done.stderr
    assert f"{FILES} files: {FILES} scored, 0 unchanged, {FILES * ROWS} rows in all" in done.stderr
    assert sum(line.startswith("bundle ") for line in done.stderr.splitlines()) == 1
    names = {str(path.relative_to("in")) for path in Path("in").rglob("*.csv")}
    assert set(made(Path("out"))) == names
    score_file("in/day=1/004.csv", "alone.csv", bundle=tiny_bundle)
    assert Path("out/day=1/004.csv").read_bytes() == Path("alone.csv").read_bytes()
    facts = json.loads(Path("out/scorer-run.json").read_text())
    assert (facts["scored"], len(facts["files"])) == (FILES, FILES)


def test_a_rerun_does_what_is_new_or_changed_and_nothing_else(folder, score):
    assert score("in", "out").exit_code == 0
    before = made(Path("out"))
    write(Path("in/day=3/new.csv"), ["good"])
    write(Path("in/day=0/000.csv"), ["bad", "awful"])
    os.utime("in/day=0/003.csv")  # touched, but the same
    Path("out/day=1/001.csv").unlink()
    again = score("in", "out", "--json")
    assert again.exit_code == 0, again.stderr
    after = made(Path("out"))
    redone = {name for name in after if after[name] != before.get(name)}
    assert redone == {"day=3/new.csv", "day=0/000.csv", "day=1/001.csv"}
    facts = json.loads(again.stdout)
    assert (facts["scored"], facts["unchanged"], facts["failed"]) == (3, FILES - 2, 0)
    assert score("in", "out", "--prefix", "p_").exit_code == 0
    assert {name for name, when in made(Path("out")).items() if when == after[name]} == set()


def test_options_that_shape_no_output_make_none_anew(folder, score):
    assert score("in", "out").exit_code == 0
    before = made(Path("out"))
    others = ["--cache", "scores.db", "--max-drift", "9", "--hold-on-drift"]
    assert score("in", "out", *others).exit_code == 0
    assert made(Path("out")) == before


def test_metrics_say_how_the_last_run_of_many_files_ended(folder, score):
    Path("in/day=0/000.csv").rename("kept.csv")
    Path("in/day=0/000.csv").write_bytes(b"\x89PNG not a table")

    def exit_code_of(*options):
        ended = score("in", "out", "--metrics-file", "run.prom", *options).exit_code
        (line,) = re.findall("(?m)^scorer_last_run_exit_code.*", Path("run.prom").read_text())
        assert line == f'scorer_last_run_exit_code{{output="{Path("out").resolve()}"}} {ended}.0'
        return ended

    assert exit_code_of() == 3  # of the first file; the others are well
    Path("kept.csv").replace("in/day=0/000.csv")
    assert exit_code_of() == 0
    Path("run.prom").unlink()
    assert exit_code_of() == 0  # all are up to date
    assert exit_code_of("--store", "nowhere") == 2  # no file was begun


def figures_of(path: str) -> dict[str, float]:
    lines = Path(path).read_text().splitlines()
    found = (re.fullmatch(r"scorer_last_run_(\w+)\{.*\} (\S+)", line) for line in lines)
    return {match[1]: float(match[2]) for match in found if match}


def test_figures_of_many_files_are_those_of_all_that_were_scored(folder, score):
    write(Path("in/day=0/odd.csv"), ["qqq zzz xyz"] * 5)
    assert score("in", "out", *RECORDS).exit_code == 0
    *files, whole = map(json.loads, Path("runs.jsonl").read_text().splitlines())
    figures = figures_of("run.prom")
    assert figures["rows_written"] == whole["rows"]["written"] == FILES * ROWS + 5
    unknown, tokens = (sum(file[name] for file in files) for name in ("unknown_tokens", "tokens"))
    assert figures["unknown_token_ratio"] == whole["unknown_token_share"] == unknown / tokens > 0
    assert figures["texts_without_known_word"] == 5
    assert score("in", "out", "--metrics-file", "run.prom").exit_code == 0
    assert figures_of("run.prom")["rows_written"] == 0
    assert "unknown_token_ratio" not in figures_of("run.prom")  # a share of no tokens


def records(code: int) -> dict[str, object]:
    """Return the summary of the last run, once history and metrics have said the same."""
    summary = json.loads(Path("out/scorer-run.json").read_text())
    recorded = json.loads(Path("runs.jsonl").read_text().splitlines()[-1])
    assert figures_of("run.prom")["exit_code"] == code
    for name in ("exit_code", "error", "output", "scored", "unchanged", "failed"):
        assert summary[name] == recorded[name]
    assert summary["exit_code"] == code
    return summary


def test_a_file_that_drifts_counts_as_written_where_it_is_published(folder, score):
    write(Path("drifted/a.csv"), ["xyz qrst uvw"] * 300)
    command = ["score", "drifted", "out", *RECORDS, "--bundle", "shipped"]
    for option, failed, published in ((["--hold-on-drift"], 1, 0), (["--max-drift", "1"], 0, 300)):
        assert CliRunner().invoke(main, [*command, *option]).exit_code == 6
        figures = figures_of("run.prom")
        assert (records(6)["failed"], figures["rows_written"]) == (failed, published)
        assert figures["drift_level"] > 1


def test_summary_history_metrics_and_exit_code_say_the_same_however_a_run_ends(
    folder, score, monkeypatch
):
    Path("in/day=2/bad.csv").write_bytes(b"\x89PNG not a table")
    assert score("in", "out", *RECORDS, "--json").exit_code == 3
    assert records(3)["scored"] == FILES
    Path("in/day=2/bad.csv").unlink()
    assert score("in", "out", *RECORDS).exit_code == 0  # nothing to do
    assert records(0)["unchanged"] == FILES
    assert score("in", "out", *RECORDS, "--store", "nowhere").exit_code == 2  # refused at once
    assert "both say what scores" in str(records(2)["error"])
    assert score("nothing/*.csv", "out", *RECORDS).exit_code == 3
    assert records(3)["files"] == []
    with locked(Path("out/.scorer")):
        assert score("in", "out", *RECORDS).exit_code == 75
    assert json.loads(Path("out/scorer-run.json").read_text())["exit_code"] == 3  # the holder's

    def stop(self: object) -> None:
        if Path("out/day=3/one.csv").exists():
            raise InterruptedRunError("interrupted by SIGTERM", signal.SIGTERM)

    monkeypatch.setattr("scorer.cli.interruption.Interruption.check", stop)
    for name in ("one", "two"):
        write(Path(f"in/day=3/{name}.csv"), ["good"])
    assert score("in", "out", *RECORDS).exit_code == 143
    assert records(143)["scored"] == 1


def test_a_file_that_was_sent_twice_or_renamed_is_warned_of(folder, score):
    Path("in/empty.csv").write_text("id,text\n")
    shutil.copy("in/empty.csv", "in/empty_too.csv")
    scored = score("in", "out", "--quiet")
    assert scored.exit_code == 0
    assert scored.stderr.count("it has no rows") == len(scored.stderr.splitlines()) == 2
    shutil.copy("in/day=0/000.csv", "in/day=0/copy.csv")
    again = score("in", "out", "--quiet")
    (line,) = again.stderr.splitlines()
    first = Path("in/day=0/000.csv").absolute()
    assert line.startswith(f"WARNING: in/day=0/copy.csv is byte for byte {first}, whose output ")
    assert score("in", "out", "--quiet").stderr == ""


def test_one_file_that_fails_is_counted_as_one():
    outcome = Outcome("a.csv", "out/a.csv", FAILED, error="not a table", exit_code=3)
    assert str(FilesError(FilesSummary((outcome,)))).startswith("1 of 1 file failed: a.csv")


def test_files_that_fail_do_not_stop_the_rest_and_are_done_again(folder, score):
    for name in ("day=0/003.csv", "day=2/005.csv"):
        Path("in", name).write_bytes(b"\x89PNG not a table")
    Path("in/day=1/001.csv").write_text("a,b\nx y,v w\n")
    some = score("in", "out", "--quiet", "--history", "runs.jsonl")
    assert some.exit_code == 3
    *files, run = [json.loads(line) for line in lines(Path("runs.jsonl"))]
    published = [facts["published"] for facts in files]
    assert (published.count(True), published.count(False)) == (FILES - 3, 3)
    assert (run["output"], run["exit_code"], run["failed"]) == (str(Path("out").resolve()), 3, 3)
    assert run["rows"] == {"written": (FILES - 3) * ROWS, "rejected": 0}
    failed = ["in/day=0/003.csv", "in/day=1/001.csv", "in/day=2/005.csv"]
    assert some.stderr.splitlines()[-1] == (
        f"error: 3 of {FILES} files failed: {', '.join(failed)}. The same command does those "
        "again, and only those"
    )
    assert [line.split(" failed: ")[0] for line in some.stderr.splitlines()[:3]] == [
        f"WARNING: {name}" for name in failed
    ]
    before = made(Path("out"))
    assert len(before) == FILES - 3
    for name in failed:
        write(Path(name), ["good", "bad"])
    assert score("in", "out").exit_code == 0
    after = made(Path("out"))
    assert {name for name in after if name not in before} == {
        name.removeprefix("in/") for name in failed
    }
    assert all(after[name] == when for name, when in before.items())


def test_files_without_a_byte_get_no_output_and_fail_only_where_they_had_one(folder, score):
    for name in ("e.csv", "e.tsv", "e.txt", "e.jsonl", "e.csv.gz", "e.parquet"):
        Path("in", name).write_bytes(b"")
    Path("in/header.csv").write_text("id,text\n")
    run = score("in", "out", "--quiet")
    assert run.exit_code == 0
    assert run.stderr.count("is empty: it has no output") == 6
    assert "in/header.csv: it has no rows" in run.stderr
    assert "WARNING: in/e.jsonl is empty: it has no output" in run.stderr
    assert len(made(Path("out"))) == FILES + 1
    summary = json.loads(Path("out/scorer-run.json").read_text())
    assert (summary["scored"], summary["empty"], summary["failed"]) == (FILES + 1, 6, 0)
    Path("in/e.csv").write_text("id,text\n1,good\n")
    Path("in/day=0/000.csv").write_bytes(b"")
    run = score("in", "out", "--quiet")
    assert run.exit_code == 3
    assert "in/day=0/000.csv failed" in run.stderr
    assert "in/e.csv " not in run.stderr


def test_an_input_that_leads_to_no_table_fails_by_itself(folder, score):
    Path("empty").mkdir()
    Path("list.txt").write_text(
        "in/day=0/000.csv\nnowhere\nin/notes.md\nin/none/*.csv\n@none.txt\nempty\n"
        "https://ho st:x/a.csv\nin/day=1/001.csv\n",
        encoding="utf-8-sig",
    )
    some = score("@list.txt", "out", "--quiet")
    assert some.exit_code == 3
    assert set(made(Path("out"))) == {"000.csv", "001.csv"}
    *warnings, error = some.stderr.splitlines()
    for line, told in zip(
        warnings,
        [
            "WARNING: nowhere failed: there is no file nowhere",
            "WARNING: in/notes.md failed: the name of notes.md does not end in one of",
            "WARNING: in/none/*.csv failed: no CSV or Parquet file is in in/none/*.csv",
            "WARNING: @none.txt failed: there is no file none.txt",
            "WARNING: empty failed: no CSV or Parquet file is in empty",
            "WARNING: https://… failed: the https:// URL has no host",
        ],
        strict=True,
    ):
        assert line.startswith(told)
    assert error.startswith("error: 6 of 8 files failed: nowhere, in/notes.md, in/none/*.csv, ")
    facts = json.loads(Path("out/scorer-run.json").read_text())
    assert [file["status"] for file in facts["files"]] == ["scored", *["failed"] * 6, "scored"]
    again = score("@list.txt", "out", "--json")
    assert json.loads(again.stdout)["unchanged"] == 2


@pytest.mark.parametrize("source", ["in", "in/day=[0-9]/*.csv"])
def test_a_link_that_leads_nowhere_is_a_file_that_failed(folder, score, source):
    Path("in/day=1/gone.csv").symlink_to("none.csv")
    Path("in/day=1/loop.csv").symlink_to("loop.csv")
    some = score(source, "out")
    assert some.exit_code == 3
    assert "WARNING: in/day=1/gone.csv failed: there is no file " in some.stderr
    assert "WARNING: in/day=1/loop.csv failed: cannot read " in some.stderr
    assert len(made(Path("out"))) == FILES


def test_globs_lists_and_several_files_go_into_a_folder(folder, score):
    assert score("in/day=[01]/*.csv", "globbed", "--output-format", "parquet").exit_code == 0
    assert set(made(Path("globbed"))) == {
        f"day={number % 3}/{number:03}.parquet" for number in range(FILES) if number % 3 < 2
    }
    assert pq.read_table("globbed/day=0/000.parquet").num_rows == ROWS
    Path("list.txt").write_text("in/day=0/000.csv\n\nin/day=2/002.csv\n")
    assert score("@list.txt", "listed").exit_code == 0
    assert set(made(Path("listed"))) == {"000.csv", "002.csv"}
    assert score("in/day=0/000.csv", "in/day=1/001.csv", "several").exit_code == 0
    assert set(made(Path("several"))) == {"000.csv", "001.csv"}


@pytest.mark.parametrize(
    ("name", "format", "output"),
    [
        ("a.json", None, "a.jsonl"),
        ("A.JSON.gz", None, "A.jsonl.gz"),
        ("a.json", "parquet", "a.parquet"),
        ("a.csv.zip", None, "a.csv.gz"),
        ("a.json.zip", None, "a.jsonl.gz"),
        ("a.csv", None, "a.csv"),
    ],
)
def test_an_output_has_an_ending_that_is_written(tmp_path, name, format, output):
    (tmp_path / name).write_text('{"text": "good"}\n')
    (pair,) = find_files([str(tmp_path / name)], tmp_path / "out", format)
    assert pair.target == tmp_path / "out" / output


def test_what_cannot_be_mirrored_is_refused(folder, score):
    shutil.copy("in/day=0/000.csv", "in/day=1/000.csv")
    with pytest.raises(UsageError, match=r"would both become out/000\.csv"):
        find_files(["in/day=0/000.csv", "in/day=1/000.csv"], Path("out"))
    Path("empty").mkdir()
    with pytest.raises(InputError, match="no CSV or Parquet file is in empty"):
        find_files(["empty"], Path("out"))
    for target in ("file.csv", "-"):
        refused = score("in", target)
        assert refused.exit_code == 2
        assert f"{target} is no folder" in refused.stderr
    assert not Path("file.csv").exists()
    assert score("in", "out", "--output-format", "xls").exit_code == 2


def test_outputs_of_others_are_not_replaced_unless_asked(folder, score):
    write(Path("out/day=0/000.csv"), ["mine"])
    refused = score("in", "out")
    assert refused.exit_code == 2
    assert "000.csv is already there. --overwrite replaces it" in refused.stderr
    assert "mine" in Path("out/day=0/000.csv").read_text()
    assert score("in", "out", "--overwrite").exit_code == 0
    assert "mine" not in Path("out/day=0/000.csv").read_text()


def test_a_file_that_appears_while_the_run_is_under_way_is_never_taken_for_its_own(
    folder, tiny_bundle
):
    def appear(outcome: Outcome) -> None:
        Path("out/day=2").mkdir(exist_ok=True)
        Path("out/day=2/011.csv").write_text("mine")  # the last of them, not scored yet

    with pytest.raises(FilesError, match="1 of 12"):
        score_files(["in"], "out", tiny_bundle, on_outcome=appear)
    for _ in range(2):
        with pytest.raises(FilesError, match="1 of 12"):
            score_files(["in"], "out", tiny_bundle)
        assert Path("out/day=2/011.csv").read_text() == "mine"


@pytest.mark.parametrize("noted", ["place", "target"])  # as now, and up to version 0.2.0
def test_a_folder_is_the_same_however_it_is_spelled(folder, score, monkeypatch, noted):
    assert score("in", "out").exit_code == 0
    if noted == "target":
        manifest = Path("out/.scorer-manifest.jsonl")
        manifest.write_text(manifest.read_text().replace('"place": "', '"target": "out/'))
    spelled = [("in", "out"), (folder / "in", folder / "out"), (folder / "in", "../out")]
    for source, target in [*spelled, ("in", "out")]:
        monkeypatch.chdir("in" if target == "../out" else folder)
        again = score(source, target, "--json")
        assert json.loads(again.stdout)["unchanged"] == FILES, again.stderr


def test_entries_that_lead_elsewhere_are_kept(folder, score):
    assert score("in", "out").exit_code == 0
    manifest = Path("out/.scorer-manifest.jsonl")
    entry = {**json.loads(lines(manifest)[0]), "target": "../there/out/a.csv"}
    del entry["place"]
    with manifest.open("a") as file:
        file.write(json.dumps(entry) + "\n")
    assert score("in", "out").exit_code == 0
    assert entry in map(json.loads, lines(manifest))


@pytest.mark.parametrize(
    "damage", [{"binding": ...}, {"rows": ...}, {"source": ...}, {"rows": None}, {"time": None}]
)
def test_lines_of_a_manifest_that_are_not_whole_are_passed_over(folder, score, damage):
    assert score("in", "out").exit_code == 0
    manifest = Path("out/.scorer-manifest.jsonl")
    whole = json.loads(lines(manifest)[0])
    entry = {name: value for name, value in (whole | damage).items() if value is not ...}
    with manifest.open("a") as file:
        file.write(json.dumps(entry) + "\n7\n{\n")
    again = score("in", "out", "--json")
    assert json.loads(again.stdout)["unchanged"] == FILES, again.stderr


def test_what_failed_is_told_even_where_the_folder_cannot_be_written(folder, score):
    Path("out/scorer-run.json").mkdir(parents=True)
    Path("out/day=1").write_text("no folder")
    run = score("in", "out", "--json")
    assert f"error: 4 of {FILES} files failed: in/day=1/" in run.stderr
    assert json.loads(run.stdout)["failed"] == 4


def test_outputs_inside_the_input_folder_are_not_taken_for_inputs(folder, score, monkeypatch):
    assert score("in", "in/scored").exit_code == 0
    again = score("in", "in/scored", "--json")
    assert json.loads(again.stdout)["unchanged"] == FILES
    Path("link").symlink_to("in")
    monkeypatch.chdir("in")
    for source in (folder / "in", folder / "link"):
        again = score(source, "scored", "--json")
        assert json.loads(again.stdout)["unchanged"] == FILES
        assert len(json.loads(again.stdout)["files"]) == FILES


def test_inputs_below_the_folder_of_the_outputs_are_inputs(folder, score):
    Path("out").mkdir()
    shutil.move("in", "out/in")
    Path("link").symlink_to("out")
    for out in ("out", "link"):
        run = score("out/in", out, "--json")
        assert run.exit_code == 0, run.stderr
        assert len(json.loads(run.stdout)["files"]) == FILES
    assert len(made(Path("out/day=0"))) > 0


def test_only_what_is_hidden_below_the_folder_is_left_out(folder, score):
    Path(".nightly").mkdir()
    shutil.move("in", ".nightly/in")
    Path(".nightly/in/.old").mkdir()
    shutil.copy(".nightly/in/day=0/000.csv", ".nightly/in/.old/x.csv")
    assert score(".nightly/in", "out").exit_code == 0
    assert len(made(Path("out"))) == FILES


@pytest.mark.parametrize("kept", ["_delta_log", "_temporary/0"])
def test_what_a_program_keeps_beside_its_tables_is_left_out(folder, score, kept):
    Path("in", kept).mkdir(parents=True)
    shutil.copy("in/day=0/000.csv", Path("in", kept, "x.csv"))
    for source in ("in", "in/**/*.csv"):
        assert score(source, f"out{len(source)}").exit_code == 0
        assert len(made(Path(f"out{len(source)}"))) == FILES


@pytest.mark.parametrize("command", [("", "out"), ("in/day=0/000.csv", ""), ("", "out.csv")])
def test_an_empty_name_is_refused_and_never_the_folder_that_a_run_is_in(folder, score, command):
    run = score(*command)
    assert run.exit_code == 2
    assert "the name of a file is empty" in run.stderr
    assert not Path("out").exists()


def test_an_output_that_was_published_before_its_file_failed_is_replaced(tmp_path):
    """With the shipped bundle, which knows the texts it was evaluated on."""
    command = ["score", str(tmp_path / "in"), str(tmp_path / "out"), "--max-drift", "0"]
    write(tmp_path / "in/a.csv", [f"qzx{at} is wqx{at}" for at in range(100)])
    moved = CliRunner().invoke(main, command)
    assert moved.exit_code == 6, moved.stderr
    assert (tmp_path / "out/a.csv").exists()
    write(tmp_path / "in/a.csv", ["a good film", "a bad film"])  # too few to compare
    again = CliRunner().invoke(main, command)
    assert again.exit_code == 0, again.stderr
    assert len(lines(tmp_path / "out/a.csv")) == 3


def test_an_output_that_drifted_and_is_published_is_told_of_once(tmp_path, monkeypatch):
    """With the shipped bundle, which knows the texts it was evaluated on."""
    monkeypatch.chdir(tmp_path)
    write(Path("in/a.csv"), [f"qzx{at} is wqx{at}" for at in range(100)])
    write(Path("in/b.csv"), ["a good film", "a bad film"])
    command = ["score", "in", "out", "--max-drift", "1", "--metrics-file", "run.prom"]
    moved = CliRunner().invoke(main, command)
    assert moved.exit_code == 6
    assert moved.stderr.splitlines()[-1] == (
        "error: 1 of 2 files is beyond --max-drift, and published all the same: in/a.csv"
    )
    metrics = Path("run.prom").read_text()
    assert [figure_of(metrics, name) for name in ("exit_code", "rows_written")] == [6, 102]
    first = json.loads(Path("out/scorer-run.json").read_text())["files"][0]
    assert (first["status"], first["rows"], first["exit_code"]) == ("scored", 100, 6)
    again = CliRunner().invoke(main, command)
    assert again.exit_code == 0, again.stderr
    assert "2 files: 0 scored, 2 unchanged" in again.stderr


def test_metrics_of_many_files_have_the_unknown_words_of_all(folder, score):
    assert score("in", "out", "--metrics-file", "run.prom").exit_code == 0
    runs = [json.loads(path.read_text()) for path in Path("out").rglob("*.run.json")]
    tokens, unknown = (sum(run[name] for run in runs) for name in ("tokens", "unknown_tokens"))
    metrics = Path("run.prom").read_text()
    assert 0 < unknown < tokens
    assert figure_of(metrics, "unknown_token_ratio") == pytest.approx(unknown / tokens)
    assert figure_of(metrics, "texts_without_known_word") == sum(
        run["texts"]["no known word"] for run in runs
    )
    assert score("in", "out", "--metrics-file", "run.prom").exit_code == 0  # nothing to do
    assert figure_of(Path("run.prom").read_text(), "unknown_token_ratio") is None


def figure_of(metrics: str, name: str) -> float | None:
    found = re.search(rf"(?m)^scorer_last_run_{name}{{.*}} (.*)", metrics)
    return float(found[1]) if found else None


def test_an_option_that_is_wrong_for_all_files_is_told_once(folder, score):
    run = score("in", "out", "--max-rejects", "few", "--history", "runs.jsonl")
    assert run.exit_code == 2
    assert run.stderr == "error: --max-rejects few: give a count or a share like 1%\n"
    (line,) = lines(Path("runs.jsonl"))
    assert json.loads(line)["exit_code"] == 2
    assert not Path("out").exists()


def test_a_folder_that_is_not_there_tonight_is_no_wrong_command(folder, score):
    run = score("mounted/in", "out", "--quiet")
    assert run.exit_code == 3
    assert run.stderr.startswith("error: there is no file ")
    assert not Path("out").exists()


def test_of_many_files_that_fail_the_last_line_names_some():
    failed = [Outcome(f"{at}.csv", "", FAILED, error="no", exit_code=3) for at in range(500)]
    message = str(FilesError(FilesSummary(tuple(failed))))
    assert "500 of 500 files failed: 0.csv, 1.csv" in message
    assert "9.csv and 490 more" in message
    assert len(message) < 200


def test_a_run_that_is_killed_goes_on_after_the_last_file(folder, tiny_bundle):
    for number in range(60):
        shutil.copy("in/day=0/000.csv", f"in/day=0/more{number:02}.csv")
    command = [sys.executable, str(JOB), "in", "out", "--bundle", str(tiny_bundle), "--quiet"]
    process = subprocess.Popen(command, stderr=subprocess.DEVNULL)
    manifest = Path("out/.scorer-manifest.jsonl")
    while process.poll() is None and not (manifest.exists() and len(finished(manifest)) >= 3):
        time.sleep(0.005)
    process.send_signal(signal.SIGKILL)
    process.wait()
    before = made(Path("out"))
    known = {line["place"] for line in finished(manifest)}
    assert known <= set(before)
    ended = subprocess.run([*command, "--json"], capture_output=True, text=True, check=True)
    facts = json.loads(ended.stdout)
    assert facts["scored"] + facts["unchanged"] == FILES + 60
    assert facts["unchanged"] >= len(known)
    after = made(Path("out"))
    assert {name: after[name] for name in known} == {name: before[name] for name in known}


def finished(manifest: Path) -> list[dict]:
    """Return a manifest's complete lines, but for those of outputs that are only claimed."""
    whole = [json.loads(line) for line in manifest.read_text().split("\n")[:-1]]
    return [line for line in whole if line["binding"]]


def lines(path: Path) -> list[str]:
    return path.read_text().splitlines()


def test_a_list_that_lists_itself_fails_by_itself(folder):
    (folder / "l.txt").write_text(f"@{folder}/l.txt\n{folder}/a.csv\n")
    pairs = find_files([f"@{folder}/l.txt"], folder / "out")
    assert [str(pair.error or "") for pair in pairs] == [
        f"the list {folder}/l.txt lists itself",
        "",
    ]
