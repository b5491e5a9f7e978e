"""Scoring by processes: the same numbers in the same order, whoever is killed or interrupted."""

import multiprocessing
import os
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import pyarrow as pa
import pytest
from click.testing import CliRunner
from scored_files import assert_same
from tiny_corpora import write_csv

from scorer import score_file, score_files
from scorer.bundles.bundle_files import load_bundle
from scorer.child_process import ChildProcess
from scorer.cli.main import main
from scorer.engines import engine, shares
from scorer.engines.process_pool import ProcessPool
from scorer.engines.shares import RESTARTS
from scorer.errors import BundleError, ScorerError, UsageError
from scorer.scoring.callbacks import Callbacks

JOB = Path(__file__).parents[1] / "score_job.py"
HOW = {"precision": "float32", "chunk_rows": 60}


@pytest.fixture
def rows(labelled_texts, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A CSV file of a few chunks, each of several shares."""
    monkeypatch.setattr(shares, "LEAST_TOKENS", 50)
    texts = [*labelled_texts.texts, "", "<br/>", None]
    write_csv(tmp_path / "in.csv", list(enumerate(texts)), ("id", "text"))
    return tmp_path / "in.csv"


class Killing(Callbacks):
    """Kills a process of the pool after the first chunk."""

    def __init__(self) -> None:
        self.killed: list[int] = []

    def on_chunk(self, rows: int) -> None:
        if not self.killed:
            self.killed.append(multiprocessing.active_children()[0].pid)
            os.kill(self.killed[0], signal.SIGKILL)


def test_a_run_by_processes_is_a_run_like_any_other_also_where_one_is_killed(rows, tiny_bundle):
    alone, shared, killing = rows.with_name("alone.csv"), rows.with_name("shared.csv"), Killing()
    by_one = score_file(rows, alone, bundle=tiny_bundle, **HOW)
    by_two = score_file(rows, shared, bundle=tiny_bundle, processes=2, callbacks=killing, **HOW)
    assert by_two.provenance.rows == by_one.provenance.rows
    assert by_two.provenance.texts == by_one.provenance.texts
    assert by_two.provenance.score_settings == by_one.provenance.score_settings
    assert by_two.engine == f"2 processes, {by_one.engine}"
    assert len(killing.killed) == 1
    assert multiprocessing.active_children() == []
    assert_same(alone, shared)


def test_a_share_whose_processes_all_die_ends_the_run_by_name(rows, tiny_bundle):
    pool = ProcessPool(load_bundle(tiny_bundle), "float32", 1)
    start, started = pool._start, []

    def start_and_kill(at: int):
        process = start(at)
        started.append(process.pid)
        os.kill(process.pid, signal.SIGKILL)
        return process

    pool._start = start_and_kill
    os.kill(pool._processes[0].pid, signal.SIGKILL)
    with pytest.raises(ScorerError, match=r"process \d+ was killed by SIGKILL.*--processes"):
        pool.predict(pool.encode(pa.array(["good"], pa.large_string())))
    assert len(started) == RESTARTS
    pool.close()
    assert multiprocessing.active_children() == []


class Doomed(ProcessPool):
    """A pool of whom the first so many processes that are started are killed while they load."""

    victims = 0

    def _start(self, at: int) -> ChildProcess:
        process = super()._start(at)
        if Doomed.victims:
            Doomed.victims -= 1
            os.kill(process.pid, signal.SIGKILL)
        return process


def test_a_process_that_is_killed_while_it_loads_is_started_again(rows, tiny_bundle, monkeypatch):
    monkeypatch.setattr(engine, "ProcessPool", Doomed)
    monkeypatch.setattr(Doomed, "victims", 2)
    score_file(rows, rows.with_name("shared.csv"), bundle=tiny_bundle, processes=2, **HOW)
    score_file(rows, rows.with_name("alone.csv"), bundle=tiny_bundle, **HOW)
    assert_same(rows.with_name("alone.csv"), rows.with_name("shared.csv"))


def test_processes_that_are_killed_each_time_they_load_end_the_run(rows, tiny_bundle, monkeypatch):
    monkeypatch.setattr(engine, "ProcessPool", Doomed)
    monkeypatch.setattr(Doomed, "victims", 99)
    command = ["score", str(rows), str(rows.with_name("out.csv")), "--bundle", str(tiny_bundle)]
    ended = CliRunner().invoke(main, [*command, "--processes", "1", "--quiet"])
    assert ended.exit_code == 1
    assert ended.stderr.startswith("error: scoring process ")
    assert "was killed by SIGKILL, as those before it (3 in all). Memory is the" in ended.stderr
    assert Doomed.victims == 99 - 1 - RESTARTS
    assert multiprocessing.active_children() == []
    assert not rows.with_name("out.csv").exists()


def test_a_pool_that_closes_while_it_starts_a_process_again_leaves_none(tiny_bundle):
    pool = ProcessPool(load_bundle(tiny_bundle), "float32", 1)
    start = pool._start

    def start_and_close(at: int):
        process = start(at)
        pool.close()  # as another thread may
        return process

    pool._start = start_and_close
    os.kill(pool._processes[0].pid, signal.SIGKILL)
    with pytest.raises(ScorerError, match=r"process \d+ was killed"):
        pool.predict(pool.encode(pa.array(["good"], pa.large_string())))
    assert multiprocessing.active_children() == []


def test_a_bundle_that_scores_otherwise_here_is_refused_and_no_process_is_left(tiny_bundle):
    bundle = load_bundle(tiny_bundle)
    weights = {name: -tensor for name, tensor in bundle.weights.items()}
    with pytest.raises(BundleError, match="golden"):
        ProcessPool(replace(bundle, weights=weights), "float32", 1)
    assert multiprocessing.active_children() == []


def test_many_files_are_shared_out_too(rows, tiny_bundle):
    folder = rows.parent / "in"
    folder.mkdir()
    for number in range(3):
        write_csv(folder / f"{number}.csv", [(0, "good"), (1, "bad film")], ("id", "text"))
    for out, processes in (("alone", None), ("shared", 1)):
        score_files([folder], rows.parent / out, bundle=tiny_bundle, processes=processes)
    for number in range(3):
        assert_same(rows.parent / f"alone/{number}.csv", rows.parent / f"shared/{number}.csv")
    assert multiprocessing.active_children() == []


def start(rows: Path, output: Path, bundle: Path) -> subprocess.Popen:
    command = [sys.executable, JOB, rows, output, "--bundle", bundle, "--quiet"]
    options = ["--processes", "1", "--precision", "float32", "--chunk-rows", "20"]
    return subprocess.Popen([*map(str, command), *options], start_new_session=True)


def children_of(pid: int) -> list[int]:
    """Return the scoring processes of a run, of whom multiprocessing has a helper too."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            parent = (folder / "stat").read_text().rpartition(")")[2].split()[1]
            if int(parent) == pid and b"spawn_main" in (folder / "cmdline").read_bytes():
                found.append(int(folder.name))
        except OSError:
            continue
    return found


def wait_for(condition) -> None:
    deadline = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.005)


def end_in_the_middle(rows: Path, output: Path, bundle: Path, number: int) -> int:
    """Start a run, end it once its journal grows, wait for its process; return its exit code."""
    journal = output.with_name(f"{output.name}.journal")
    size = journal.stat().st_size if journal.exists() else 0
    run = start(rows, output, bundle)
    wait_for(lambda: journal.exists() and journal.stat().st_size > size + 2000)
    children = children_of(run.pid)
    assert len(children) == 1
    if number == signal.SIGKILL:
        run.kill()
    else:
        os.killpg(run.pid, number)  # as a terminal does
    code = run.wait(60)
    wait_for(lambda: not any(Path(f"/proc/{child}").exists() for child in children))
    assert not output.exists()
    return code


def test_a_run_that_is_interrupted_and_killed_goes_on_from_its_journal(
    labelled_texts, tiny_bundle, tmp_path
):
    rows, output = tmp_path / "in.csv", tmp_path / "out.csv"
    write_csv(rows, list(enumerate(labelled_texts.texts * 8)), ("id", "text"))
    assert end_in_the_middle(rows, output, tiny_bundle, signal.SIGINT) == 130
    assert end_in_the_middle(rows, output, tiny_bundle, signal.SIGKILL) == -signal.SIGKILL
    done = score_file(rows, output, bundle=tiny_bundle, **HOW)  # one process takes up their scores
    assert done.resumed_rows > 200
    assert done.provenance.rows.written == 8 * len(labelled_texts.texts)
    score_file(rows, tmp_path / "alone.csv", bundle=tiny_bundle, **HOW)
    assert_same(output, tmp_path / "alone.csv")


def test_options_that_do_not_fit_are_refused(tmp_path, tiny_bundle):
    write_csv(tmp_path / "in.csv", [("good",)], ("text",))
    command = ["score", str(tmp_path / "in.csv"), str(tmp_path / "out.csv"), "--processes", "2"]
    refused = CliRunner().invoke(main, [*command, "--engine", "ray"])
    assert refused.exit_code == 2
    assert "--processes is of --engine local. Ray's actors: --concurrency" in refused.stderr
    with pytest.raises(UsageError, match="processes 0: give 1, 2"):
        score_file(tmp_path / "in.csv", tmp_path / "out.csv", bundle=tiny_bundle, processes=0)
