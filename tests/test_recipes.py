"""The recipes of docs/recipes.md, run as they stand there."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pyarrow.csv
import pyarrow.parquet as pq
import pytest

from scorer import Scorer

ROOT = Path(__file__).parent.parent
PAGE = (ROOT / "docs" / "recipes.md").read_text(encoding="utf-8")


def blocks(heading: str) -> list[str]:
    """Return the Python blocks below a heading."""
    section = PAGE.partition(f"\n## {heading}\n")[2].partition("\n## ")[0]
    return re.findall(r"```python\n(.*?)```", section, re.DOTALL)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    shutil.copy(ROOT / "examples" / "reviews.csv", tmp_path)
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture(scope="module")
def expected() -> dict[str, float | None]:
    """The probability of each row of the example, by its id."""
    options = pyarrow.csv.ConvertOptions(column_types={"id": "string"}, strings_can_be_null=False)
    parsing = pyarrow.csv.ParseOptions(newlines_in_values=True)
    path = ROOT / "examples" / "reviews.csv"
    table = pyarrow.csv.read_csv(path, parse_options=parsing, convert_options=options)
    scored = Scorer.load().score(table, text_column="review")
    return by_id(scored)


def by_id(table) -> dict[str, float | None]:
    return dict(
        zip(table["id"].to_pylist(), table["probability_positive"].to_pylist(), strict=True)
    )


def assert_same(found: dict[str, float | None], expected: dict[str, float | None]) -> None:
    blank = [name for name, value in found.items() if value is None]
    assert blank == [name for name in found if expected[name] is None]
    pairs = [(value, expected[name]) for name, value in found.items() if value is not None]
    left, right = np.array(pairs).T
    np.testing.assert_allclose(left, right, rtol=0, atol=1e-6)


def test_duckdb_streams_through_the_scorer_and_calls_it_from_sql(folder, expected):
    duckdb = pytest.importorskip("duckdb")
    names: dict = {}
    for block in blocks("DuckDB"):
        exec(block, names)
    scored = pq.read_table("scored.parquet")
    assert scored.column_names[:3] == ["id", "review", "probability_negative"]
    counting = "SELECT count(*) FROM 'reviews.csv' WHERE date >= '2025-01-05'"
    ((count,),) = duckdb.sql(counting).fetchall()
    assert 0 < scored.num_rows == count < 300
    found = {str(name).zfill(4): value for name, value in by_id(scored).items()}
    assert_same(found, expected)
    best = {str(name).zfill(4): value for name, value in names["best"]}
    assert_same(best, expected)
    assert len(best) == 10
    assert min(best.values()) == sorted(value for value in expected.values() if value)[-10]


def test_spark_maps_batches_through_a_broadcast_scorer(folder, expected):
    pytest.importorskip("pyspark")
    if shutil.which("java") is None:
        pytest.skip("Spark needs Java, which is not here")
    (block,) = blocks("Spark")
    python = {"PYSPARK_PYTHON": sys.executable, "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-c", block]
    run = subprocess.run(command, capture_output=True, text=True, env=os.environ | python)
    assert run.returncode == 0, run.stderr[-3000:]
    scored = pq.read_table("scored")
    assert scored.num_rows == 300
    assert_same(by_id(scored), expected)
