"""Random Parquet: each value read and written is the one it was, or the file is refused.

Tables of random Arrow types, flat and nested, with nulls and extreme values, as Arrow, Spark
(INT96) and pandas (any column index and row index) write them. What our Parquet has must be what
Arrow was given; what our CSV has must be it too, read by a parser written here. Where DuckDB and
pandas can open the input, they must open the output and see the same.
"""

import base64
import json
import math
import random
from collections.abc import Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any
from uuid import UUID

import duckdb
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
from fuzz_csv import WrongTableError

from scorer.tables.formats import check_table, create_table, format_of, open_table

UNITS = {"s": 10**9, "ms": 10**6, "us": 10**3, "ns": 1}  # nanoseconds
DAY = 86_400 * 10**9
MICROSECONDS = 2**63 - 1  # of a timestamp
WORDS = ["", "good", "a b", "é😀", 'say "no"', "x,y\r\nz", "null", "NaN", " ", "\ufeff"]
FLOATS = [0.0, -0.0, 1.5, 1e300, 5e-324, 0.1, math.inf, -math.inf, math.nan, 2.0**53]
INTEGERS = [kind() for kind in (pa.int8, pa.int16, pa.int32, pa.int64)]
UNSIGNED = [kind() for kind in (pa.uint8, pa.uint16, pa.uint32, pa.uint64)]
TIMES = [
    pa.date32(),
    pa.date64(),
    *[pa.timestamp(unit, zone) for unit in UNITS for zone in (None, "UTC", "Europe/Berlin")],
    *[pa.time32("s"), pa.time32("ms"), pa.time64("us"), pa.time64("ns"), pa.duration("us")],
]
LEAVES = [
    *INTEGERS,
    *UNSIGNED,
    *TIMES,
    *[pa.float16(), pa.float32(), pa.float64(), pa.bool_(), pa.null()],
    *[pa.string(), pa.large_string(), pa.binary(), pa.binary(3), pa.uuid(), pa.json_()],
    *[pa.decimal128(20, 3), pa.decimal256(50, 5), pa.dictionary(pa.int32(), pa.string())],
]
NAMES = ["text", "id", "a.b", "é", "x y", "", "n", "ID"]
COLUMN_INDEXES = [
    ["text", "n"],
    [0, 1],
    [0.5, 2.0],
    list(pd.to_datetime(["2020-01-01", "2020-01-02"])),
    pd.MultiIndex.from_tuples([("a", "b"), ("a", "c")], names=["x", None]),
    pd.MultiIndex.from_tuples([(1, "b"), (2, "c")]),
    pd.Index(["text", "n"], name="columns"),
]


def check_random_parquet(folder: Path, rng: random.Random) -> str:
    """Write a random file, read it, write it again as Parquet and CSV; return how that ended."""
    given = folder / "case.parquet"
    options = writer_options(rng)
    try:
        plain = rng.random() < 0.2
        table = pandas_table(rng) if plain else random_table(rng)
        pq.write_table(table, given, **options)
    except (pa.ArrowException, OverflowError):
        return "not written by Arrow"
    with open_table(str(given), format_of(str(given))) as reader:
        chunks = [chunk.table for chunk in reader.chunks(rng.choice([1, 3, 100]))]
        found = pa.concat_tables([pa.Table.from_batches([], reader.schema), *chunks])
    scored = with_scores(found)
    for ending in ("parquet", "csv"):
        path = folder / f"written.{ending}"
        with create_table(path, format_of(str(path)), scored.schema, reader.dialect) as writer:
            writer.write(scored)
        if check_table(path, format_of(str(path)), scored.schema, reader.dialect) != len(table):
            raise WrongTableError("rows are missing")
    check_values(table, pq.ParquetFile(folder / "written.parquet").read())
    check_cells(table, folder / "written.csv")
    int96 = bool(options.get("use_deprecated_int96_timestamps"))
    check_duckdb(given, folder / "written.parquet", table.num_columns, int96)
    check_pandas(given, folder / "written.parquet", plain, int96)
    return "right"


def writer_options(rng: random.Random) -> dict[str, Any]:
    """Return options of Arrow's writer."""
    return {
        "store_schema": rng.random() < 0.5,
        "version": rng.choice(["1.0", "2.4", "2.6"]),
        "data_page_version": rng.choice(["1.0", "2.0"]),
        "compression": rng.choice(["none", "snappy", "gzip", "zstd"]),
        "use_dictionary": rng.random() < 0.5,
        "row_group_size": rng.choice([1, 2, 100]),
        "write_time_adjusted_to_utc": rng.random() < 0.5,
        "use_deprecated_int96_timestamps": rng.random() < 0.2,
    }


def pandas_table(rng: random.Random) -> pa.Table:
    """Return a table as pandas makes it."""
    rows = [[rng.choice(WORDS), rng.randrange(100)] for _ in range(rng.randrange(4))]
    index = rng.choice([None, [f"r{i}" for i in range(len(rows))]])
    columns = rng.choice(COLUMN_INDEXES)
    return pa.Table.from_pandas(pd.DataFrame(rows, columns=columns, index=index))


def random_table(rng: random.Random) -> pa.Table:
    """Return a table of random types."""
    rows = rng.randrange(6)
    names = rng.sample(NAMES, rng.randrange(1, 5))
    arrays = [random_array(random_type(rng, 2), rows, rng) for _ in names]
    return pa.Table.from_arrays(arrays, names)


def random_type(rng: random.Random, depth: int) -> pa.DataType:
    if depth == 0 or rng.random() < 0.6:
        return rng.choice(LEAVES)
    inner = random_type(rng, depth - 1)
    other = random_type(rng, depth - 1)
    return rng.choice(
        [
            pa.list_(inner),
            pa.large_list(inner),
            pa.list_(inner, 2),
            pa.struct([("a", inner), ("b c", other)]),
            pa.map_(rng.choice([pa.string(), pa.int32()]), inner),
        ]
    )


def random_array(kind: pa.DataType, rows: int, rng: random.Random) -> pa.Array:
    """Return values of a type, some of them null."""
    absent = pa.array([rng.random() < 0.2 for _ in range(rows)], pa.bool_())
    if pa.types.is_struct(kind):
        children = [random_array(field.type, rows, rng) for field in kind]
        return pa.StructArray.from_arrays(children, fields=list(kind), mask=absent)
    if pa.types.is_fixed_size_list(kind):
        child = random_array(kind.value_type, rows * 2, rng)
        return pa.FixedSizeListArray.from_arrays(child, type=kind, mask=absent)
    if pa.types.is_map(kind) or pa.types.is_list(kind) or pa.types.is_large_list(kind):
        return random_lists(kind, rows, absent, rng)
    storage = kind.storage_type if isinstance(kind, pa.BaseExtensionType) else kind
    values = [None if no else random_value(storage, rng) for no in absent.to_pylist()]
    if storage in TIMES:
        narrow = pa.types.is_date32(kind) or pa.types.is_time32(kind)
        return pa.array(values, pa.int32() if narrow else pa.int64()).view(kind)
    array = pa.array(values, storage)
    return array if storage == kind else pa.ExtensionArray.from_storage(kind, array)


def random_lists(kind: pa.DataType, rows: int, absent: pa.Array, rng: random.Random) -> pa.Array:
    lengths = [0 if no else rng.randrange(4) for no in absent.to_pylist()]
    offsets = [sum(lengths[:i]) for i in range(rows + 1)]
    if pa.types.is_map(kind):
        keys = pa.array([str(i) for i in range(offsets[-1])]).cast(kind.key_type)
        items = random_array(kind.item_type, offsets[-1], rng)
        return pa.MapArray.from_arrays(offsets, keys, items)
    child = random_array(kind.value_type, offsets[-1], rng)
    if pa.types.is_large_list(kind):
        return pa.LargeListArray.from_arrays(offsets, child, mask=absent)
    return pa.ListArray.from_arrays(offsets, child, mask=absent)


def random_value(kind: pa.DataType, rng: random.Random) -> Any:
    """Return a value of a leaf type, an integer for dates and times; often an extreme one."""
    if kind in TIMES:
        return random_moment(kind, rng)
    if pa.types.is_integer(kind):
        low, high = integer_range(kind)
        return rng.choice([low, high, 0, rng.randint(low, high)])
    if pa.types.is_floating(kind):
        value = rng.choice(FLOATS)
        return value if kind != pa.float16() or not 0 < abs(value) < math.inf else 1.5
    if pa.types.is_decimal(kind):
        digits = rng.choice([1, kind.precision])
        return Decimal(rng.randrange(-(10**digits) + 1, 10**digits)).scaleb(-kind.scale)
    if pa.types.is_boolean(kind):
        return rng.random() < 0.5
    if pa.types.is_null(kind):
        return None
    if pa.types.is_fixed_size_binary(kind):
        return rng.randbytes(kind.byte_width)
    return rng.randbytes(rng.randrange(4)) if pa.types.is_binary(kind) else rng.choice(WORDS)


def integer_range(kind: pa.DataType) -> tuple[int, int]:
    signed = pa.types.is_signed_integer(kind)
    return (-(2 ** (kind.bit_width - 1)) * signed, 2 ** (kind.bit_width - signed) - 1)


def random_moment(kind: pa.DataType, rng: random.Random) -> int:
    if pa.types.is_time(kind):
        return rng.choice([0, DAY // UNITS[kind.unit] - 1, rng.randrange(DAY // UNITS[kind.unit])])
    reach = rng.choice([2 ** (kind.bit_width - 1) - 1, 2**30, 4 * 10**5])
    if pa.types.is_timestamp(kind) and kind.unit in ("s", "ms"):
        reach = min(reach, MICROSECONDS // (UNITS[kind.unit] // 1000))  # what Arrow's INT96 holds
    number = rng.choice([0, -1, reach, -reach, rng.randint(-reach, reach)])
    if pa.types.is_date64(kind):  # Arrow writes it as 32 bits of days
        return number // 2**32 * 86_400_000
    return number


def with_scores(table: pa.Table) -> pa.Table:
    """Return the table with columns as a run adds them."""
    for name in ("probability_negative", "probability_positive"):
        table = table.append_column(name, pa.array([0.25] * len(table), pa.float32()))
    return table


def check_values(table: pa.Table, written: pa.Table) -> None:
    """Raise unless a written table begins with the columns of the one that was given."""
    if written.column_names[: table.num_columns] != table.column_names:
        raise WrongTableError(f"{written.column_names} is not {table.column_names}")
    for i, name in enumerate(table.column_names):
        expected, found = normal(table.column(i)), normal(written.column(i))
        if found != expected:
            raise WrongTableError(f"{name!r} {table.column(i).type}: {found} is not {expected}")


def normal(column: pa.ChunkedArray) -> list[Any]:
    return [value for chunk in column.chunks for value in normal_values(chunk)]


def normal_values(values: pa.Array) -> list[Any]:
    """Return what values are, whatever the type that holds them: times as nanoseconds."""
    kind = values.type
    if pa.types.is_dictionary(kind):
        return normal_values(values.cast(kind.value_type))
    if isinstance(kind, pa.BaseExtensionType):
        return normal_values(values.storage)
    valid = values.is_valid().to_pylist()
    if pa.types.is_struct(kind):
        children = [normal_values(child) for child in values.flatten()]
        found: Sequence[Any] = [list(row) for row in zip(*children, strict=True)]
    elif pa.types.is_nested(kind):
        found = [normal_list(values, i) if valid[i] else None for i in range(len(values))]
    elif pa.types.is_duration(kind) or kind in TIMES or pa.types.is_timestamp(kind):
        found = [None if n is None else n * nanoseconds(kind) for n in numbers(values)]
    elif pa.types.is_floating(kind):
        found = [None if value is None else str(value) for value in values.to_pylist()]
    else:
        found = values.to_pylist()
    return [value if there else None for value, there in zip(found, valid, strict=True)]


def normal_list(values: pa.Array, i: int) -> list[Any]:
    if pa.types.is_map(values.type):
        entries = values.slice(i, 1)
        start, end = entries.offsets.to_pylist()[:2]
        keys, items = (
            entries.keys.slice(start, end - start),
            entries.items.slice(start, end - start),
        )
        pairs = zip(normal_values(keys), normal_values(items), strict=True)
        return [list(pair) for pair in pairs]
    return normal_values(values[i].values)


def numbers(values: pa.Array) -> list[int | None]:
    narrow = values.type.bit_width == 32
    return values.view(pa.int32() if narrow else pa.int64()).to_pylist()


def nanoseconds(kind: pa.DataType) -> int:
    if pa.types.is_duration(kind):
        return 1  # a plain count where the file does not say more
    if pa.types.is_date32(kind):
        return DAY
    return UNITS["ms" if pa.types.is_date64(kind) else kind.unit]


def check_cells(table: pa.Table, path: Path) -> None:
    """Raise unless the cells of a CSV say what the columns have."""
    with open_table(str(path), format_of(str(path))) as reader:
        chunks = [chunk.table for chunk in reader.chunks(100)]
    found = pa.concat_tables([pa.Table.from_batches([], reader.schema), *chunks])
    for i, name in enumerate(table.column_names):
        kind = table.column(i).type
        cells = found.column(i).to_pylist()
        for cell, value in zip(cells, normal(table.column(i)), strict=True):
            blank = value is None or value in ("", b"")
            if (cell == "") != blank or not (blank or says(cell, value, kind)):
                raise WrongTableError(f"{name!r} {kind}: {cell!r} does not say {value!r}")


def says(cell: Any, value: Any, kind: pa.DataType) -> bool:
    """Return whether a cell, or a part of its JSON, says a value."""
    if pa.types.is_dictionary(kind):
        return says(cell, value, kind.value_type)
    if kind == pa.uuid():
        return bool(cell == str(UUID(bytes=value)))
    if isinstance(kind, pa.BaseExtensionType):
        return says(cell, value, kind.storage_type)
    if pa.types.is_nested(kind):
        return said_in_json(json.loads(cell, parse_int=str, parse_float=str), value, kind)
    if pa.types.is_boolean(kind):
        return cell == str(value).lower()
    if pa.types.is_floating(kind):
        return same_float(float(cell), float(value), kind)
    if pa.types.is_integer(kind) or pa.types.is_decimal(kind) or pa.types.is_duration(kind):
        return Decimal(cell) == value
    if pa.types.is_binary(kind) or pa.types.is_fixed_size_binary(kind):
        return base64.b64decode(cell) == value
    return moment(cell) == value if kind in TIMES else cell == value


def same_float(found: float, value: float, kind: pa.DataType) -> bool:
    exact = pa.scalar(found, kind).as_py() if kind != pa.float16() else found
    return str(exact) == str(value)


def said_in_json(found: Any, value: Any, kind: pa.DataType) -> bool:
    if value is None or found is None:
        return found is value
    if pa.types.is_struct(kind):
        parts = zip(found.values(), value, kind, strict=True)
        return all(said_in_json(one, part, field.type) for one, part, field in parts)
    if pa.types.is_map(kind):
        pairs = zip(found, value, strict=True)
        kinds = (kind.key_type, kind.item_type)
        return all(
            said_in_json(one, part, inner)
            for pair in pairs
            for one, part, inner in zip(*pair, kinds, strict=True)
        )
    if pa.types.is_nested(kind):
        parts = zip(found, value, strict=True)
        return all(said_in_json(one, part, kind.value_type) for one, part in parts)
    text = str(found).lower() if isinstance(found, bool) else str(found)
    return says(text, value, kind)


def moment(text: str) -> int:
    """Return the nanoseconds since 1970 (or midnight) of a date, a time or both in ISO 8601."""
    date, _, clock = text.partition(" ") if "-" in text[1:] else ("", "", text)
    zone = 0
    if clock.endswith("Z"):
        clock = clock[:-1]
    elif "+" in clock or "-" in clock:
        sign = "+" if "+" in clock else "-"
        clock, _, offset = clock.partition(sign)
        zone = int(f"{sign}1") * (int(offset[:2]) * 3600 + int(offset[2:]) * 60)
    hours, minutes, seconds = (clock or "0:0:0").split(":")
    whole, _, fraction = seconds.partition(".")
    total = int(hours) * 3600 + int(minutes) * 60 + int(whole) - zone
    days = days_since_1970(date) if date else 0
    return days * DAY + total * 10**9 + int(fraction.ljust(9, "0") or 0)


def days_since_1970(date: str) -> int:
    """Return the days of a date by its day number in the proleptic Gregorian calendar."""
    year, month, day = date.rsplit("-", 2)
    y, m = int(year) - (int(month) < 3), (int(month) + 9) % 12  # years begin in March
    return 365 * y + y // 4 - y // 100 + y // 400 + (153 * m + 2) // 5 + int(day) - 1 - 719_468


def check_duckdb(given: Path, written: Path, columns: int, int96: bool) -> None:
    """Raise unless DuckDB opens the output if it opens the input, and sees the same."""
    try:
        expected = duckdb.read_parquet(str(given)).fetchall()
    except (duckdb.Error, OverflowError, ValueError):
        return
    found = [row[:columns] for row in duckdb.read_parquet(str(written)).fetchall()]
    if not int96 and repr(found) != repr(expected):
        raise WrongTableError(f"to DuckDB {found} is not {expected}")


def check_pandas(given: Path, written: Path, plain: bool, int96: bool) -> None:
    """Raise unless pandas opens the output if it opens the input, and sees the same.

    Values are compared if they are `plain`: nested ones it makes differently of other row groups.
    """
    try:
        expected = pd.read_parquet(given)
    except Exception:  # whatever pandas says of such types
        return
    try:
        found = pd.read_parquet(written)
    except ValueError as error:
        if int96 and "out of range" in str(error):  # what it read before had wrapped
            return
        raise
    index, same_index = found.index, found.index.equals(expected.index)
    names = [[str(name) for name in frame.columns] for frame in (found, expected)]
    if names[0][: len(names[1])] != names[1] or not same_index:
        raise WrongTableError(f"to pandas {names[0]} {index} is not {names[1]} {expected.index}")
    values = found.iloc[:, : len(names[1])].to_numpy().tolist() if plain else []
    if plain and values != expected.to_numpy().tolist():
        raise WrongTableError(f"to pandas {values} is not {expected}")
