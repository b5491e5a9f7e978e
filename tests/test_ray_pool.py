"""Scoring by Ray actors: the same numbers in the same order, also where an actor is killed."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from scored_files import assert_same
from tiny_corpora import write_csv

from scorer import score_file
from scorer.bundles.bundle_files import load_bundle
from scorer.child_process import GoneError
from scorer.engines import ray_pool, shares
from scorer.errors import UsageError
from scorer.scoring.callbacks import Callbacks

JOB = Path(__file__).parents[1] / "score_job.py"


def test_without_ray_the_option_says_what_to_install(monkeypatch, tmp_path, tiny_bundle):
    monkeypatch.setitem(__import__("sys").modules, "ray", None)
    write_csv(tmp_path / "in.csv", [("good",)], ("text",))
    with pytest.raises(UsageError, match=r"engine ray needs Ray\. pip install .*\[ray\]"):
        score_file(tmp_path / "in.csv", tmp_path / "out.csv", bundle=tiny_bundle, engine="ray")
    with pytest.raises(UsageError, match="engine dask: choose one of: local, ray"):
        score_file(tmp_path / "in.csv", tmp_path / "out.csv", bundle=tiny_bundle, engine="dask")


@pytest.fixture(scope="module")
def cluster():
    ray = pytest.importorskip("ray")
    ray.init(num_cpus=2, include_dashboard=False, log_to_driver=False)
    yield ray
    ray.shutdown()


def test_a_run_by_actors_is_a_run_like_any_other(
    cluster, tiny_bundle, labelled_texts, tmp_path, monkeypatch
):
    monkeypatch.setattr(shares, "LEAST_TOKENS", 50)
    rows = list(enumerate([*labelled_texts.texts, "", "<br/>", None]))
    write_csv(tmp_path / "in.csv", rows, ("id", "text"))
    how = {"bundle": tiny_bundle, "precision": "float32", "chunk_rows": 100}
    local = score_file(tmp_path / "in.csv", tmp_path / "local.csv", **how)
    by_ray = score_file(
        tmp_path / "in.csv", tmp_path / "ray.csv", engine="ray", concurrency=2, **how
    )
    assert by_ray.provenance.rows == local.provenance.rows
    assert by_ray.provenance.texts == local.provenance.texts
    assert by_ray.engine == "ray, 2 actors, float32"
    assert_same(tmp_path / "local.csv", tmp_path / "ray.csv")


def test_a_killed_actor_is_started_again_and_no_row_is_lost(
    cluster, tiny_bundle, labelled_texts, tmp_path, monkeypatch
):
    monkeypatch.setattr(shares, "LEAST_TOKENS", 50)
    killed = []

    class Killing(Callbacks):
        def on_chunk(self, rows: int) -> None:
            pids = [pid for pid in actor_processes() if pid not in killed]
            if len(killed) < 2 and pids:
                killed.append(pids[0])
                os.kill(pids[0], signal.SIGKILL)

    rows = list(enumerate(labelled_texts.texts * 3))
    write_csv(tmp_path / "in.csv", rows, ("id", "text"))
    how = {"bundle": tiny_bundle, "precision": "float32", "chunk_rows": 60}
    score_file(tmp_path / "in.csv", tmp_path / "local.csv", **how)
    score_file(
        tmp_path / "in.csv",
        tmp_path / "ray.csv",
        engine="ray",
        concurrency=2,
        callbacks=Killing(),
        **how,
    )
    assert len(killed) == 2
    assert_same(tmp_path / "local.csv", tmp_path / "ray.csv")


def test_an_actor_that_dies_whenever_it_loads_ends_the_run(cluster, tiny_bundle, monkeypatch):
    class Dying:
        def __init__(self, precision: str) -> None:
            pass

        def facts(self, kept: list) -> None:
            os.kill(os.getpid(), signal.SIGKILL)

    monkeypatch.setattr(ray_pool, "_Worker", Dying)
    with pytest.raises(GoneError, match=r"^a Ray actor died, and again .*\. Memory is the usual"):
        ray_pool.RayPool(load_bundle(tiny_bundle), "float32", concurrency=1)


def test_a_killed_driver_is_started_again_and_every_row_is_there_once(
    cluster, tiny_bundle, labelled_texts, tmp_path
):
    rows, output = tmp_path / "in.csv", tmp_path / "ray.csv"
    write_csv(rows, list(enumerate(labelled_texts.texts * 8)), ("id", "text"))
    address = cluster.get_runtime_context().gcs_address
    how = ["--engine", "ray", "--ray-address", address, "--concurrency", "1", "--quiet"]
    how += ["--bundle", tiny_bundle, "--precision", "float32", "--chunk-rows", "20"]
    command = [sys.executable, *map(str, (JOB, rows, output, *how))]
    driver = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
    journal = tmp_path / "ray.csv.journal"
    deadline = time.monotonic() + 60
    while not (journal.exists() and journal.stat().st_size > 4000):
        assert driver.poll() is None and time.monotonic() < deadline
        time.sleep(0.005)
    driver.kill()
    assert driver.communicate()[1] == ""  # --quiet holds for Ray too
    assert not output.exists()
    options = {"bundle": tiny_bundle, "precision": "float32"}
    done = score_file(rows, output, engine="ray", concurrency=2, **options)
    assert done.resumed_rows > 100
    assert done.computed_rows > 0
    score_file(rows, tmp_path / "local.csv", **options)
    assert_same(tmp_path / "local.csv", output)


def actor_processes() -> list[int]:
    """Return the processes of the pool's actors."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            if b"ray::_Worker" in (folder / "cmdline").read_bytes():
                found.append(int(folder.name))
        except OSError:
            continue
    return found
