import json
import sqlite3
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from full_disk import files_of_at_most
from hypothesis import given
from hypothesis import strategies as st
from pandas.testing import assert_frame_equal
from tiny_corpora import write_csv

from scorer import score_file
from scorer.scoring import score_cache
from scorer.scoring.score_cache import ScoreCache

ROW = np.dtype([("probabilities", "<f4", (2,)), ("tokens", "<i4"), ("unknown", "<i4")])


def rows_of(count: int) -> np.ndarray:
    rows = np.zeros(count, ROW)
    rows["tokens"] = np.arange(count)
    rows["probabilities"] = np.random.default_rng(0).random((count, 2))
    return rows


def texts_of(*texts: str | None) -> pa.LargeStringArray:
    return pa.array(texts, pa.large_string())


@given(st.lists(st.text(max_size=8), unique=True, max_size=30), st.data())
def test_what_was_added_is_found_and_nothing_else(tmp_path_factory, texts, data):
    cache = ScoreCache(tmp_path_factory.mktemp("cache") / "c.db", {"bundle": "1"}, ROW)
    keys, rows = cache.keys(texts_of(*texts)), rows_of(len(texts))
    known = np.array(
        data.draw(st.lists(st.booleans(), min_size=len(texts), max_size=len(texts))), bool
    )
    cache.add([key for key, is_known in zip(keys, known, strict=True) if is_known], rows[known])
    found_rows, found = cache.find(keys)
    assert found.tolist() == known.tolist()
    assert np.array_equal(found_rows[known], rows[known])
    cache.close()


def test_another_bundle_or_precision_knows_nothing(tmp_path):
    first = ScoreCache(tmp_path / "c.db", {"bundle": "1", "precision": "int8"}, ROW)
    first.add(first.keys(texts_of("good", None)), rows_of(2))
    first.close()
    for binding in ({"bundle": "2", "precision": "int8"}, {"bundle": "1", "precision": "float32"}):
        other = ScoreCache(tmp_path / "c.db", binding, ROW)
        assert not other.find(other.keys(texts_of("good", None)))[1].any()
        other.close()


def test_the_oldest_scores_are_removed_where_there_are_too_many(tmp_path, monkeypatch):
    monkeypatch.setattr(score_cache, "MOST_ROWS", 100)
    now = [1000]
    monkeypatch.setattr(score_cache.time, "time", lambda: now[0])
    for night in range(3):
        now[0] += 1
        cache = ScoreCache(tmp_path / "c.db", {}, ROW)
        cache.add(cache.keys(texts_of(*(f"{night} {i}" for i in range(60)))), rows_of(60))
        cache.close()
    with sqlite3.connect(tmp_path / "c.db") as file:
        assert file.execute("SELECT COUNT(*) FROM scores").fetchone()[0] <= 100
    cache = ScoreCache(tmp_path / "c.db", {}, ROW)
    assert cache.find(cache.keys(texts_of("2 0", "2 59")))[1].all()
    assert not cache.find(cache.keys(texts_of("0 0")))[1].any()
    now[0] += score_cache.NOTED_SECONDS + 1
    assert cache.find(cache.keys(texts_of("1 59")))[1].all()  # used again: no longer the oldest
    cache.add(cache.keys(texts_of(*(f"3 {i}" for i in range(60)))), rows_of(60))
    cache.close()
    cache = ScoreCache(tmp_path / "c.db", {}, ROW)
    assert cache.find(cache.keys(texts_of("1 59", "1 58")))[1].tolist() == [True, False]
    cache.close()


def test_a_file_whose_description_is_damaged_is_done_without(tmp_path):
    path = tmp_path / "c.db"
    ScoreCache(path, {}, ROW).close()
    path.write_bytes(path.read_bytes().replace(b"CREATE TABLE", b"CREATE TAB\x80E"))
    damaged = ScoreCache(path, {}, ROW)
    damaged.add(damaged.keys(texts_of("good")), rows_of(1))
    assert len(damaged.doubts) == 1


@given(st.data())
def test_a_damaged_file_knows_less_and_nothing_else(tmp_path_factory, data):
    path = tmp_path_factory.mktemp("cache") / "c.db"
    cache, rows = ScoreCache(path, {}, ROW), rows_of(20)
    keys = cache.keys(texts_of(*map(str, range(20))))
    cache.add(keys, rows)
    cache.close()
    content = bytearray(path.read_bytes())
    at = data.draw(st.integers(0, len(content) - 8))
    content[at : at + 8] = data.draw(st.binary(min_size=8, max_size=8))
    path.write_bytes(content)
    damaged = ScoreCache(path, {}, ROW)
    found_rows, found = damaged.find(keys)
    assert np.array_equal(found_rows[found], rows[found])
    damaged.add(keys, rows)
    damaged.close()


def test_a_score_that_was_changed_is_not_taken(tmp_path):
    cache = ScoreCache(tmp_path / "c.db", {}, ROW)
    keys = cache.keys(texts_of("good", "bad"))
    cache.add(keys, rows_of(2))
    cache.close()
    with sqlite3.connect(tmp_path / "c.db") as file:
        (score,) = file.execute("SELECT score FROM scores WHERE key = ?", keys[:1]).fetchone()
        changed = bytes([score[0] ^ 1]) + score[1:]
        file.execute("UPDATE scores SET score = ? WHERE key = ?", (changed, keys[0]))
    assert ScoreCache(tmp_path / "c.db", {}, ROW).find(keys)[1].tolist() == [False, True]


def no_database(folder: Path) -> Path:
    (folder / "c.db").write_text("not a database, but long enough to be looked at closely" * 9)
    return folder / "c.db"


def another_database(folder: Path) -> Path:
    with sqlite3.connect(folder / "c.db") as file:
        file.execute("CREATE TABLE scores (name TEXT)")
    return folder / "c.db"


@pytest.mark.parametrize(
    ("make", "doubt"),
    [
        (no_database, "file is not a database. A cache that is damaged may be deleted"),
        (another_database, "no such column: key"),
        (lambda folder: folder / "none" / "c.db", "unable to open database file"),
        (lambda folder: folder, "unable to open database file"),
    ],
)
def test_a_run_goes_on_without_a_cache_that_cannot_be_used(
    tiny_bundle, labelled_texts, tmp_path, make, doubt
):
    write_csv(tmp_path / "in.csv", [(text,) for text in labelled_texts.texts[:40]], ("text",))
    score(tmp_path, tiny_bundle, "plain.csv")
    path = make(tmp_path)
    summary = score(tmp_path, tiny_bundle, "out.csv", cache=path)
    assert summary["notes"] == [f"--cache {path}: {doubt}; the run goes on without it"]
    assert_same_scores(tmp_path / "out.csv", tmp_path / "plain.csv")


def test_a_run_goes_on_where_the_disk_is_too_full_for_its_cache(
    tiny_bundle, labelled_texts, tmp_path
):
    write_csv(tmp_path / "in.csv", [(text,) for text in labelled_texts.texts[:40]], ("text",))
    with files_of_at_most(20_000):  # the output is smaller
        summary = score(tmp_path, tiny_bundle, "out.csv", cache=tmp_path / "c.db")
    (note,) = summary["notes"]
    assert note.startswith(f"--cache {tmp_path / 'c.db'}: ")
    assert summary["published"]


def score(folder: Path, bundle: Path, name: str, **options: object) -> dict:
    score_file(folder / "in.csv", folder / name, bundle=bundle, chunk_rows=16, **options)
    return json.loads((folder / f"{name}.run.json").read_text())


def test_a_second_run_takes_its_scores_from_the_cache_and_writes_the_same(
    tiny_bundle, labelled_texts, tmp_path, monkeypatch
):
    texts = [*labelled_texts.texts[:100], "", "<br/>"]
    write_csv(tmp_path / "in.csv", [(text,) for text in texts], ("text",))
    plain = score(tmp_path, tiny_bundle, "plain.csv")
    first = score(tmp_path, tiny_bundle, "first.csv", cache=tmp_path / "c.db")
    again = score(tmp_path, tiny_bundle, "again.csv", cache=tmp_path / "c.db")
    assert (tmp_path / "first.csv").read_bytes() == (tmp_path / "again.csv").read_bytes()
    assert_same_scores(tmp_path / "plain.csv", tmp_path / "first.csv")
    assert plain["cached_texts"] == 0
    assert again["cached_texts"] >= first["cached_texts"] + 90
    assert again["texts"] == plain["texts"]
    assert again["histogram"] == plain["histogram"]
    write_csv(tmp_path / "in.csv", [(text,) for text in ["new", *texts]], ("text",))
    more = score(tmp_path, tiny_bundle, "more.csv", cache=tmp_path / "c.db")
    assert more["published"] is True
    assert more["cached_texts"] >= 90


def assert_same_scores(one: Path, other: Path) -> None:
    """Check equality but for a last digit, which the other texts of a batch may change."""
    left, right = pd.read_csv(one), pd.read_csv(other)
    assert_frame_equal(left, right, rtol=0, atol=1e-6)


def test_two_runs_share_a_cache(tiny_bundle, labelled_texts, tmp_path):
    rows = [(text,) for text in labelled_texts.texts]
    write_csv(tmp_path / "in.csv", rows, ("text",))
    with ThreadPoolExecutor(2) as pool:
        both = [
            pool.submit(score, tmp_path, tiny_bundle, name, cache=tmp_path / "c.db")
            for name in ("one.csv", "two.csv")
        ]
        assert all(run.result()["published"] for run in both)
    score(tmp_path, tiny_bundle, "alone.csv")
    for name in ("one.csv", "two.csv"):
        assert_same_scores(tmp_path / name, tmp_path / "alone.csv")


def test_a_null_is_no_text(tmp_path):
    cache = ScoreCache(tmp_path / "c.db", {}, np.dtype(np.float32))
    keys = cache.keys(pa.array(["\0", None, "", "text:"], pa.large_string()))
    cache.close()
    assert len(set(keys)) == 4
