import datetime
from decimal import Decimal
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from scorer.errors import InputError
from scorer.tables.csv_cells import as_cells


def cells(values: list[Any], kind: pa.DataType | None = None) -> list[str]:
    return as_cells(pa.chunked_array([pa.array(values, kind)]), "a").to_pylist()


@pytest.mark.parametrize(
    ("value", "kind", "cell"),
    [
        (7, pa.int8(), "7"),
        (2**64 - 1, pa.uint64(), "18446744073709551615"),
        (True, None, "true"),
        (Decimal("-3.00"), pa.decimal128(10, 2), "-3.00"),
        (datetime.date(2026, 11, 24), None, "2026-11-24"),
        (1, pa.timestamp("us", "Europe/Berlin"), "1970-01-01 01:00:00.000001+0100"),
        (1, pa.time64("ns"), "00:00:00.000000001"),
        (b"\xff\0", None, "/wA="),
        (b"abc", pa.binary(3), "YWJj"),
        ([1, None], None, "[1, null]"),
        ({"a": "é", "b": b"x"}, None, '{"a": "é", "b": "eA=="}'),
        ([("k", 1)], pa.map_(pa.string(), pa.int64()), '[["k", 1]]'),
        ([Decimal("1.10")], None, '["1.10"]'),
        ([datetime.datetime(2026, 1, 2)], None, '["2026-01-02 00:00:00"]'),
        (b"0123456789abcdef", pa.uuid(), "MDEyMzQ1Njc4OWFiY2RlZg=="),
        ("a", pa.string_view(), "a"),
        (None, pa.null(), ""),
    ],
)
def test_each_type_has_its_text_and_null_is_blank(
    value: Any, kind: pa.DataType | None, cell: str
) -> None:
    assert cells([value, None], kind) == [cell, ""]


def test_dictionaries_are_written_as_their_values() -> None:
    column = pa.chunked_array([pa.array(["b", None, "b"]).dictionary_encode()])
    assert as_cells(column, "a").to_pylist() == ["b", "", "b"]


@given(st.lists(st.floats(width=32), min_size=1))
def test_numbers_read_back_to_the_same_numbers(values: list[float]) -> None:
    for kind in (pa.float32(), pa.float64()):
        numbers = pa.array(values, kind)
        back = pa.array([float(cell) for cell in cells(values, kind)], kind)
        assert str(back) == str(numbers)


def test_a_string_that_is_not_utf_8_is_an_error() -> None:
    bad = pa.StringArray.from_buffers(
        1, pa.array([0, 1], pa.int32()).buffers()[1], pa.py_buffer(b"\xff")
    )
    with pytest.raises(InputError, match="column 'a' cannot be written as CSV: "):
        as_cells(pa.chunked_array([bad]), "a")


def test_an_unknown_zone_is_an_error() -> None:
    with pytest.raises(InputError, match="Nowhere"):
        cells([1], pa.timestamp("us", "Nowhere"))
