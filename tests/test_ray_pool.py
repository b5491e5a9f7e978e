"""Scoring by Ray actors: the same numbers in the same order, also where an actor is killed."""

import os
import signal
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.csv
import pytest
from tiny_corpora import write_csv

from scorer import score_file
from scorer.engines import ray_pool
from scorer.engines.ray_pool import _shares
from scorer.errors import UsageError
from scorer.scoring.callbacks import Callbacks
from scorer.tokens.encoding import Encoded

TESTS = Path(__file__).parent


@pytest.mark.parametrize(("texts", "count"), [(1, 4), (50, 3), (7, 16), (0, 2)])
def test_shares_are_all_texts_once_and_in_order(texts, count, monkeypatch):
    monkeypatch.setattr(ray_pool, "LEAST_TOKENS", 5)
    lengths = np.random.default_rng(0).integers(0, 9, texts)
    offsets = np.concatenate([[0], np.cumsum(lengths)])
    encoded = Encoded(np.arange(offsets[-1], dtype=np.int32), offsets)
    shares = list(_shares(encoded, count))
    assert np.array_equal(np.concatenate([share.ids for share in shares]), encoded.ids)
    assert np.array_equal(np.concatenate([share.lengths for share in shares]), lengths)
    assert len(shares) <= count


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
    monkeypatch.setattr(ray_pool, "LEAST_TOKENS", 50)
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
    monkeypatch.setattr(ray_pool, "LEAST_TOKENS", 50)
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


def assert_same(one: Path, other: Path) -> None:
    left, right = (pa.csv.read_csv(path) for path in (one, other))
    assert left.column_names == right.column_names
    assert left["id"].equals(right["id"])
    for name in ("probability_negative", "probability_positive"):
        expected, found = left[name].to_numpy(), right[name].to_numpy()
        np.testing.assert_allclose(found, expected, rtol=0, atol=1e-6)
