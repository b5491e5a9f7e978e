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
        ([datetime.datetime(2026, 1, 2)], None, '["2026-01-02 00:00:00.000000"]'),
        (b"0123456789abcdef", pa.uuid(), "30313233-3435-3637-3839-616263646566"),
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


DAY = 86_400


@pytest.mark.parametrize(
    ("number", "kind", "cell"),
    [
        (2_932_896, pa.date32(), "9999-12-31"),
        (2_932_897, pa.date32(), "+10000-01-01"),
        (2**31 - 1, pa.date32(), "+5881580-07-11"),
        (-(2**31), pa.date32(), "-5877641-06-23"),
        (-719_529, pa.date32(), "-0001-12-31"),
        (2_932_897 * DAY * 1000, pa.date64(), "+10000-01-01"),
        (2**40 * DAY, pa.timestamp("s"), "+3010362559-12-15 00:00:00"),
        (2**63 - 1, pa.timestamp("us"), "+294247-01-10 04:00:54.775807"),
        (-(2**63), pa.timestamp("us"), "-290308-12-21 19:59:05.224192"),
        (-(2**63), pa.timestamp("ns"), "1677-09-21 00:12:43.145224192"),
        (2**63 - 1, pa.timestamp("us", "UTC"), "+294247-01-10 04:00:54.775807Z"),
        (2**63 - 1, pa.timestamp("us", "Europe/Berlin"), "+294247-01-10 04:00:54.775807Z"),
        (253_402_300_799, pa.timestamp("s", "+01:00"), "+10000-01-01 00:59:59+0100"),
        (2**63 - 1, pa.timestamp("ns", "Europe/Berlin"), "2262-04-11 23:47:16.854775807Z"),
        (-3_000_000_000, pa.timestamp("s", "Europe/Berlin"), "1874-12-07 18:40:00Z"),
        (DAY, pa.time32("s"), "24:00:00"),
        (-1, pa.time64("ns"), "-00:00:00.000000001"),
        (90_061_000_001, pa.time64("us"), "25:01:01.000001"),
    ],
)
def test_dates_and_times_are_written_over_the_whole_range(
    number: int, kind: pa.DataType, cell: str
) -> None:
    narrow = kind in (pa.date32(), pa.time32("s"))
    numbers = pa.array([number, None, 0], pa.int32() if narrow else pa.int64())
    flat = numbers.cast(kind)
    assert as_cells(pa.chunked_array([flat]), "a").to_pylist()[:2] == [cell, ""]
    nested = pa.ListArray.from_arrays(pa.array([0, 1, 3]), flat)
    first, second = as_cells(pa.chunked_array([nested]), "a").to_pylist()
    assert first == f'["{cell}"]'
    assert second.startswith("[null, ")


@pytest.mark.parametrize(
    ("values", "kind", "expected"),
    [
        ([{"a": [1, None]}, None, {"a": None}], pa.struct([("a", pa.list_(pa.int8()))]),
         ['{"a": [1, null]}', "", '{"a": null}']),
        ([[0.1, float("nan")], None], pa.list_(pa.float32(), 2), ['[0.1, "nan"]', ""]),
        ([[True], []], pa.list_view(pa.bool_()), ["[true]", "[]"]),
        ([{}, None], pa.struct([]), ["{}", ""]),
        ([['a "b"', "é\n"]], pa.list_(pa.dictionary(pa.int8(), pa.string())),
         ['["a \\"b\\"", "é\\n"]']),
        ([[(1, None), (1, b"x")]], pa.map_(pa.int8(), pa.binary()), ['[[1, null], [1, "eA=="]]']),
        ([[("a", [None])], None, [("b", [None, None]), ("c", [])]],
         pa.map_(pa.string(), pa.list_(pa.null())),
         ['[["a", [null]]]', "", '[["b", [null, null]], ["c", []]]']),
    ],
)  # fmt: skip
def test_nested_cells_are_json(values: list[Any], kind: pa.DataType, expected: list[str]) -> None:
    column = pa.chunked_array([pa.array([*values, *values], kind).slice(1, len(values))])
    rotated = [*expected[1:], expected[0]]
    assert as_cells(column, "a").to_pylist() == rotated


def test_nested_values_of_extension_types_are_written() -> None:
    ids = pa.ExtensionArray.from_storage(
        pa.uuid(), pa.array([b"0123456789abcdef", None] * 2, pa.binary(16))
    )
    lists = pa.ListArray.from_arrays([0, 1, 4], ids)
    text = "30313233-3435-3637-3839-616263646566"
    expected = [f'["{text}"]', f'[null, "{text}", null]']
    assert as_cells(pa.chunked_array([lists]), "a").to_pylist() == expected
    pairs = pa.FixedSizeListArray.from_arrays(ids, 2).slice(1)
    assert as_cells(pa.chunked_array([pairs]), "a").to_pylist() == [f'["{text}", null]']
