"""pandas reads a table with added columns as it reads the table without them."""

import datetime
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pytest

from scorer.tables.pandas_metadata import amend_pandas_metadata
from scorer.tables.parquet_table import ParquetReader, ParquetWriter

ROWS = [["a good text", 1], ["a bad one", 2]]
TIMES = pd.to_datetime(["2020-01-01", "2020-01-02"])
DATES = [datetime.date(2020, 1, 1), datetime.date(2020, 1, 2)]
SAME = {
    "strings": ["text", "n"],
    "named": pd.Index(["text", "n"], name="columns"),
    "integers": [0, 1],
    "small integers": pd.Index([3, 4], dtype="uint8"),
    "floats": [0.5, 1.0],
    "bytes": [b"text", b"n"],
    "tuples": pd.MultiIndex.from_tuples([("a", "b"), ("a", "c")], names=["x", "y"]),
    "tuples of integers": pd.MultiIndex.from_tuples([(1, 2), (1, 3)]),
}
AS_STRINGS = {
    "times": TIMES,
    "times of a zone": TIMES.tz_localize("Europe/Berlin"),
    "tuples of times": pd.MultiIndex.from_tuples([("a", TIMES[0]), ("a", TIMES[1])]),
}
INDEXES = {
    "default": None,
    "named strings": pd.Index(["r", "s"], name="key"),
    "two levels": pd.MultiIndex.from_tuples([(1, "a"), (2, "b")]),
}


def scored(frame: pd.DataFrame, folder: Path) -> pd.DataFrame:
    """Write a frame, add two columns as a run does, and read it again."""
    frame.to_parquet(folder / "in.parquet")
    with ParquetReader(str(folder / "in.parquet")) as reader:
        (chunk,) = reader.chunks(10)
    table = chunk.table.append_column("score", pa.array([0.5, 0.25], pa.float32()))
    table = table.append_column("label", pa.array(["x", "y"]))
    with ParquetWriter(folder / "out.parquet", table.schema, reader.dialect) as writer:
        writer.write(table)
    return pd.read_parquet(folder / "out.parquet")


@pytest.mark.parametrize("index", INDEXES.values(), ids=INDEXES)
@pytest.mark.parametrize("columns", SAME.values(), ids=SAME)
def test_names_of_any_type_stay(tmp_path: Path, columns: pd.Index, index: pd.Index) -> None:
    out = scored(pd.DataFrame(ROWS, columns=columns, index=index), tmp_path)
    before = pd.read_parquet(tmp_path / "in.parquet")
    assert out.columns.names == before.columns.names
    assert list(out.columns[:2]) == list(before.columns)
    pd.testing.assert_index_equal(out.index, before.index)
    assert out.iloc[:, :2].to_numpy().tolist() == ROWS
    assert out.iloc[:, 2].tolist() == [0.5, 0.25]


@pytest.mark.parametrize("columns", AS_STRINGS.values(), ids=AS_STRINGS)
def test_names_that_json_cannot_hold_become_strings(tmp_path: Path, columns: pd.Index) -> None:
    out = scored(pd.DataFrame(ROWS, columns=columns), tmp_path)
    assert [str(name).replace("Timestamp", "") for name in out.columns[:2]]
    assert "2020-01-01 00:00:00" in str(out.columns[0])
    assert out.iloc[:, :2].to_numpy().tolist() == ROWS


def test_dates_which_pandas_itself_cannot_read_can_be_read(tmp_path: Path) -> None:
    out = scored(pd.DataFrame(ROWS, columns=DATES), tmp_path)
    assert list(out.columns[:2]) == ["2020-01-01", "2020-01-02"]


def test_what_is_complete_or_not_pandas_stays_as_it_is() -> None:
    complete = pa.Table.from_pandas(pd.DataFrame(ROWS, columns=[0, 1])).schema
    assert amend_pandas_metadata(complete).metadata == complete.metadata
    added = pa.schema([("a", pa.int64())])
    for entry in (None, {"other": "x"}, {"pandas": "{"}, {"pandas": "[]"}, {"pandas": "{}"}):
        schema = added.with_metadata(entry)
        assert amend_pandas_metadata(schema).equals(schema, check_metadata=True)
