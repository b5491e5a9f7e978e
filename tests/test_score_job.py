import csv
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from scorer.files.publish import locked

JOB = Path(__file__).parents[1] / "score_job.py"
ROWS = 40
MODES = {"stdin": "r", "stdout": "w"}


@dataclass(frozen=True)
class Ended:
    """How a process ended."""

    code: int
    out: str
    err: str


@pytest.fixture(scope="module")
def folder(tiny_bundle, labelled_texts, tmp_path_factory):
    folder = tmp_path_factory.mktemp("jobs")
    rows = list(enumerate(labelled_texts.texts[:ROWS]))
    write(folder / "in.csv", rows)
    write(folder / "bad.csv", [*rows, ("too", "many", "fields")])
    write(folder / "long.csv", rows * 300)
    (folder / "there.csv").write_text("old")
    shutil.copytree(tiny_bundle, folder / "flipped")
    weights = folder / "flipped" / "weights.safetensors"
    content = bytearray(weights.read_bytes())
    content[-1] ^= 1
    weights.write_bytes(content)
    (folder / "unexpected").mkdir()  # comes first on the path of the case of that name
    (folder / "unexpected" / "torch.py").write_text("raise RuntimeError('not installed\\nwell')\n")
    return folder


def write(path, rows):
    with path.open("w", newline="") as file:
        csv.writer(file).writerows([("id", "text"), *rows])


@pytest.fixture(scope="module")
def start(folder, tiny_bundle):
    def start(*arguments, path="", **how):
        environment = {**os.environ, "PYTHONPATH": str(path)}
        named = [] if "--bundle" in arguments else ["--bundle", str(tiny_bundle)]
        return subprocess.Popen(
            [sys.executable, str(JOB), *arguments, *named],
            cwd=folder,
            env=environment,
            text=True,
            **{"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, **how},
        )

    return start


NOTHING = ("--text-column", "nothing")
CASES = {
    "done": (["in.csv", "done.parquet", "--json", "--profile"], {}),
    "streams": (["-", "-", "--json", "--quiet"], {"stdin": "in.csv"}),
    "no header": (["in.csv", "x5.csv", "--no-header", "--skip-rows", "1", *NOTHING], {}),
    "both ways": (["in.csv", "x6.csv", "--header", "--no-header"], {}),
    "unexpected": (["in.csv", "x1.csv"], {}),
    "no such option": (["in.csv", "x.csv", "--prefixx", "y"], {}),
    "no such precision": (["in.csv", "x.csv", "--precision", "float8"], {}),
    "no such format": (["in.csv", "x.xls"], {}),
    "no such limit": (["in.csv", "x.csv", "--max-rejects", "many"], {}),
    "output there": (["in.csv", "there.csv"], {}),
    "same file": (["in.csv", "./in.csv", "--overwrite"], {}),
    "no input": (["im.csv", "x2.csv", "--verbose"], {}),
    "flipped byte": (["in.csv", "x3.csv", "--bundle", "flipped"], {}),
    "too many rejects": (["bad.csv", "x4.csv"], {}),
    "busy": (["in.csv", "busy.csv"], {}),
    "full disk": (["long.csv", "-", "--quiet"], {"stdout": "/dev/full"}),
}


@pytest.fixture(scope="module")
def ended(folder, start):
    """What became of each of the runs of `CASES`, two of them at a time."""

    def run(name):
        arguments, streams = CASES[name]
        how = {stream: (folder / path).open(MODES[stream]) for stream, path in streams.items()}
        process = start(*arguments, path=folder / name, **how)
        out, err = process.communicate(timeout=120)
        return name, Ended(process.returncode, out or "", err)

    with locked(folder / "busy.csv"), ThreadPoolExecutor(2) as pool:
        return dict(pool.map(run, CASES))


def test_a_run_that_succeeds_says_what_it_did_and_exits_0(ended, folder):
    done = ended["done"]
    assert done.code == 0
    *_, closing = done.err.splitlines()
    assert f"done.parquet: {ROWS} rows in " in closing
    assert (
        " rows/s), 0 without a score (null, blank or markup only), 0 rejected; texts of column "
        "'text'; drift not measured (the bundle keeps no profile of texts); bundle "
    ) in closing
    assert pq.read_metadata(folder / "done.parquet").num_rows == ROWS


def test_the_bundle_and_what_its_labels_mean_are_shown(ended):
    assert ": 'negative' is negative, 'positive' is positive\n" in ended["done"].err


def test_the_profile_says_where_the_time_went(ended):
    for stage in ("read:", "encode:", "model:", "write:", "texts:", "memory:"):
        assert f"\n{stage}" in ended["done"].err


def test_json_is_one_line_on_standard_output_and_what_the_file_says(ended, folder):
    (line,) = ended["done"].out.splitlines()
    assert json.loads(line) == json.loads((folder / "done.parquet.run.json").read_text())


def test_standard_output_has_the_table_alone_where_it_is_the_output(ended, folder):
    streams = ended["streams"]
    assert streams.code == 0
    header, *rows = streams.out.splitlines()
    assert header == "id,text,probability_negative,probability_positive"
    assert len(rows) == ROWS
    (line,) = streams.err.splitlines()
    assert json.loads(line)["output"] == "standard output"


LINES = {
    "unexpected": (
        1,
        "unexpected error: RuntimeError: not installed well; --verbose shows the traceback",
    ),
    "no such format": (
        2,
        "error: the name of x.xls does not end in one of: .csv, .tsv, .txt, .jsonl (also with "
        ".gz, .zst, .bz2, .xz or .zip behind it), .parquet, .pq. --output-format names its format",
    ),
    "no header": (
        3,
        "error: there is no column 'nothing'. The columns are: 'column_1', 'column_2'. "
        "--text-column names one of them",
    ),
    "both ways": (2, "error: --header and --no-header exclude each other"),
    "no such limit": (2, "error: --max-rejects many: give a count or a share like 1%"),
    "output there": (2, "error: {folder}/there.csv is already there. --overwrite replaces it"),
    "same file": (2, "error: {folder}/in.csv is the input itself. Choose another output"),
    "no input": (3, "error: there is no file {folder}/im.csv; did you mean {folder}/in.csv?"),
    "flipped byte": (
        4,
        "error: flipped/weights.safetensors was changed or damaged: its digest differs. Use "
        "another bundle (--bundle, or `scorer bundles rollback` in a store), or make a new one "
        "with train_job.py",
    ),
    "too many rejects": (
        5,
        "error: 1 of 41 rows was rejected, more than 1%: see {folder}/x4.csv.rejects.csv. "
        "A cell that holds a delimiter or a line break needs quotes; if those are others than "
        "usual, --delimiter, --quote and --escape say so; --max-rejects raises the limit",
    ),
    "busy": (75, "error: another run holds {folder}/busy.csv.lock (process {process})"),
}


@pytest.mark.parametrize("case", LINES)
def test_a_failure_is_one_line_and_a_documented_exit_code(ended, folder, case):
    code, line = LINES[case]
    said = ended[case].err.splitlines()
    if case == "no input":
        assert said[0].startswith("Traceback")  # --verbose shows it, and the line last
    else:
        assert len(said) == 1 + said[0].startswith("bundle ")
    assert said[-1] == line.format(folder=folder, process=os.getpid())
    assert ended[case].code == code
    assert ended[case].out == ""


@pytest.mark.parametrize("case", ["no such option", "no such precision"])
def test_options_that_do_not_exist_are_told_with_those_that_do(ended, case):
    assert ended[case].code == 2
    assert ended[case].out == ""
    *_, last = ended[case].err.splitlines()
    assert "--prefix" in last or "bfloat16" in last


def test_a_full_disk_behind_standard_output_is_one_line(ended):
    full = ended["full disk"]
    assert full.code == 3
    assert full.err == "error: cannot write standard output: no space left on device\n"


def test_nothing_is_left_of_a_run_that_was_refused(ended, folder):
    assert (folder / "there.csv").read_text() == "old"
    left = {path.name for path in folder.iterdir() if path.name.startswith((".", "x"))}
    words = {f"x{number}.csv.run.json" for number in (2, 3, 4, 5)}
    assert left == {*words, "x4.csv.rejects.csv", "x4.csv.journal"}


def test_a_run_that_ends_before_it_has_a_model_leaves_word_too(folder, ended):
    assert ended["flipped byte"].code == 4
    word = json.loads((folder / "x3.csv.run.json").read_text())
    assert (word["published"], word["exit_code"]) == (False, 4)
    assert "weights.safetensors was changed" in word["error"]


@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, 143), (signal.SIGINT, 130)])
def test_a_signal_ends_a_run_within_a_chunk_and_keeps_the_journal(start, folder, number, code):
    output = folder / f"{code}.csv"
    run = start("long.csv", output.name, "--chunk-rows", "4", "--quiet")
    wait_for(folder / f"{code}.csv.journal", run)
    run.send_signal(number)
    _, err = run.communicate(timeout=60)
    assert run.returncode == code
    name = signal.Signals(number).name
    hint = "The same command goes on from its journal, where there is one"
    assert err == f"error: interrupted by {name}. {hint}\n"
    assert not output.exists()
    assert (folder / f"{code}.csv.journal").stat().st_size > 0
    word = json.loads((folder / f"{code}.csv.run.json").read_text())
    assert (word["published"], word["exit_code"]) == (False, code)
    assert word["computed_rows"] < 300 * ROWS


def wait_for(path, run):
    while run.poll() is None and not path.exists():
        time.sleep(0.01)


def test_help_needs_nothing_heavy():
    heavy = "numpy torch pyarrow spacy pandas"
    program = (
        f"import sys, scorer.cli.main; print([m for m in '{heavy}'.split() if m in sys.modules])"
    )
    found = subprocess.run(
        [sys.executable, "-c", program], cwd=JOB.parent, capture_output=True, text=True, check=True
    )
    assert found.stdout == "[]\n"
