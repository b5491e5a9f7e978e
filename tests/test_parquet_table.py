import datetime
import io
import random
from decimal import Decimal
from pathlib import Path
from tempfile import TemporaryDirectory

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from scorer.errors import InputError, ScorerError
from scorer.tables import parquet_table
from scorer.tables.parquet_table import ParquetReader, ParquetWriter

RICH = pa.table(
    {
        "text": pa.array(["good", None, "é😀"]),
        "large": pa.array(["a", "b", None], pa.large_string()),
        "kind": pa.array(["x", None, "x"]).dictionary_encode(),
        "tags": pa.array([["a"], [], None], pa.list_(pa.string())),
        "who": pa.array([{"id": 1, "names": ["n"]}, None, {"id": None, "names": None}]),
        "map": pa.array([[("k", 1)], [], None], pa.map_(pa.string(), pa.int64())),
        "price": pa.array([Decimal("1.10"), None, Decimal("-3.00")], pa.decimal128(10, 2)),
        "when": pa.array([0, 1, None], pa.timestamp("us", "Europe/Berlin")),
        "day": pa.array([datetime.date(2026, 1, 2)] * 3),
        "blob": pa.array([b"\xff", b"", None]),
        "half": pa.array([1.5, None, 2], pa.float16()),
        "none": pa.nulls(3),
    }
)


def stored(path: Path, table: pa.Table, **options: object) -> str:
    pq.write_table(table, path, **options)
    return str(path)


def read(
    path: str, max_rows: int = 2, max_bytes: int = 1 << 20
) -> tuple[pa.Schema, list[pa.Table]]:
    with ParquetReader(path) as reader:
        tables = []
        for chunk in reader.chunks(max_rows, max_bytes):
            assert chunk.first_row == sum(table.num_rows for table in tables)
            assert 0 < chunk.table.num_rows <= max_rows
            tables.append(chunk.table)
        assert reader.rows_read == reader.count_rows() == sum(t.num_rows for t in tables)
        assert reader.rows_rejected == 0
    return reader.schema, tables


def test_rows_are_fewer_at_a_time_where_cells_are_large(tmp_path):
    table = pa.table({"text": [f"{i}" + "x" * 50_000 for i in range(300)]})
    path = stored(tmp_path / "large.parquet", table, use_dictionary=False)
    schema, tables = read(path, max_rows=8192, max_bytes=1 << 20)
    assert max(part.nbytes for part in tables) < 3 << 20
    assert pa.concat_tables(tables).equals(table.cast(schema))


def write(path: Path, tables: list[pa.Table], schema: pa.Schema, **metadata: str) -> None:
    with ParquetWriter(path, schema) as writer:
        for table in tables:
            writer.write(table)
        writer.add_metadata(metadata)
    assert writer.rows_written == sum(table.num_rows for table in tables)


@pytest.mark.parametrize("rows", [1, 2, 3, 10])
def test_every_type_is_read_and_written_as_it_is(tmp_path: Path, rows: int) -> None:
    schema, tables = read(stored(tmp_path / "in.parquet", RICH), rows)
    write(tmp_path / "out.parquet", tables, schema)
    again, tables = read(str(tmp_path / "out.parquet"), 100)
    assert again == schema
    assert pa.concat_tables(tables).equals(RICH.cast(schema))
    assert schema == RICH.schema


def test_metadata_of_schema_fields_and_file_stays_and_facts_are_added(tmp_path: Path) -> None:
    field = pa.field("n", pa.int64(), nullable=False, metadata={"unit": "m"})
    schema = pa.schema([field], metadata={"pandas": "{}", "scorer": "old"})
    path = stored(tmp_path / "in.parquet", pa.table([[1]], schema=schema))
    found, tables = read(path)
    write(tmp_path / "out.parquet", tables, found, scorer="new")
    written = pq.read_metadata(tmp_path / "out.parquet")
    assert (written.metadata[b"pandas"], written.metadata[b"scorer"]) == (b"{}", b"new")
    kept = pq.read_schema(tmp_path / "out.parquet").field("n")
    assert (kept.metadata[b"unit"], kept.nullable) == (b"m", False)


def test_names_that_repeat_or_are_blank_stay(tmp_path: Path) -> None:
    names = ["a", "a", "", ""]
    table = pa.Table.from_arrays([pa.array([str(i)]) for i in range(4)], names=names)
    write(tmp_path / "out.parquet", [table], table.schema)
    schema, tables = read(str(tmp_path / "out.parquet"))
    assert schema.names == names
    assert tables[0].equals(table)


def test_a_file_without_rows_has_no_chunks(tmp_path: Path) -> None:
    for name, groups in (("none.parquet", 0), ("empty.parquet", 1)):
        with pq.ParquetWriter(tmp_path / name, RICH.schema) as writer:
            for _ in range(groups):
                writer.write_table(RICH.slice(0, 0))
        schema, tables = read(str(tmp_path / name))
        assert (schema, tables) == (RICH.schema, [])
        write(tmp_path / "out.parquet", tables, schema)
        assert read(str(tmp_path / "out.parquet")) == (schema, [])


def test_row_groups_are_gathered_into_chunks(tmp_path: Path) -> None:
    path = stored(tmp_path / "in.parquet", pa.table({"n": range(9000)}), row_group_size=300)
    _, tables = read(path, 4096)
    assert len(tables) == 3
    assert pa.concat_tables(tables).column("n").to_pylist() == list(range(9000))
    _, again = read(path, 4096)
    assert [table.num_rows for table in again] == [table.num_rows for table in tables]


def test_a_chunk_is_cut_where_it_has_so_many_bytes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(parquet_table, "READ_ROWS", 10)
    path = stored(tmp_path / "in.parquet", pa.table({"t": ["x" * 100] * 100}))
    _, tables = read(path, 1000, max_bytes=2500)
    assert {table.num_rows for table in tables[:-1]} == {30}


def test_a_large_row_group_is_read_in_bounded_memory(tmp_path: Path) -> None:
    rng = random.Random(0)
    table = pa.table({"t": [rng.randbytes(1000).hex() for _ in range(20_000)]})
    path = stored(tmp_path / "in.parquet", table, row_group_size=20_000, compression="none")
    size = table.nbytes
    del table
    before = pa.total_allocated_bytes()
    with ParquetReader(path) as reader:
        peak = max(pa.total_allocated_bytes() - before for _ in reader.chunks(1024, 4 << 20))
    assert 0 < peak < size / 3


def test_row_groups_are_bounded_by_rows_and_by_bytes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(parquet_table, "ROW_GROUP_ROWS", 100)
    monkeypatch.setattr(parquet_table, "ROW_GROUP_BYTES", 5000)
    for text, groups in (("x", 3), ("x" * 300, 10)):
        table = pa.table({"t": [text] * 30})
        write(tmp_path / "out.parquet", [table] * 10, table.schema)
        metadata = pq.read_metadata(tmp_path / "out.parquet")
        sizes = [metadata.row_group(i).num_rows for i in range(metadata.num_row_groups)]
        assert (sum(sizes), len(sizes)) == (300, groups)


def test_what_is_not_parquet_is_an_error(tmp_path: Path) -> None:
    for data in (b"", b"a", b"id,review\n1,good\n", b"PAR1", b"PAR1" * 3):
        (tmp_path / "in.parquet").write_bytes(data)
        with pytest.raises(InputError, match=r"cannot read .*in\.parquet: "):
            ParquetReader(str(tmp_path / "in.parquet"))


@pytest.mark.parametrize("kind", [pa.string(), pa.struct([("name", pa.int64())])])
def test_a_name_that_is_not_utf_8_is_an_error(tmp_path: Path, kind: pa.DataType) -> None:
    outer = "other" if pa.types.is_struct(kind) else "name"
    table = pa.table([pa.array([None], kind)], names=[outer])
    stored(tmp_path / "in.parquet", table, store_schema=False)
    data = (tmp_path / "in.parquet").read_bytes()
    (tmp_path / "in.parquet").write_bytes(data.replace(b"name", b"nam\x9c"))
    with pytest.raises(InputError, match="a column's name is not UTF-8"):
        ParquetReader(str(tmp_path / "in.parquet"))


def test_a_full_disk_is_an_error() -> None:
    table = pa.table({"t": ["x"]})
    with pytest.raises(InputError, match="cannot write /dev/full: no space left on device"):
        write(Path("/dev/full"), [table], table.schema)


def test_an_abandoned_file_does_not_read_as_complete(tmp_path: Path) -> None:
    table = pa.table({"t": ["x"]})

    def fail() -> None:
        with ParquetWriter(tmp_path / "out.parquet", table.schema) as writer:
            writer.write(table)
            raise KeyError("why")

    with pytest.raises(KeyError, match="why"):
        fail()
    with pytest.raises(InputError):
        ParquetReader(str(tmp_path / "out.parquet"))


def original() -> bytes:
    file = io.BytesIO()
    table = pa.table({"t": [f"row {number}, " * (number % 7) for number in range(500)]})
    with ParquetWriter(file, table.schema) as writer:
        writer.write(table)
    return file.getvalue()


@given(st.integers(4, len(original()) - 1), st.integers(1, 255))
def test_a_damaged_file_is_read_as_it_was_or_refused(position: int, flip: int) -> None:
    data = original()
    damaged = data[:position] + bytes([data[position] ^ flip]) + data[position + 1 :]
    footer = len(data) - 8 - int.from_bytes(data[-8:-4], "little")
    with TemporaryDirectory() as folder:
        path = Path(folder, "in.parquet")
        path.write_bytes(damaged)
        try:
            _, tables = read(str(path), 1000)
        except ScorerError:
            return
    if position < footer:  # the pages have checksums
        assert pa.concat_tables(tables).equals(pq.read_table(io.BytesIO(data)))


def in_and_out(path: Path) -> tuple[ParquetWriter, pa.Table]:
    """Read a file and write it again beside it; return the writer and the table."""
    with ParquetReader(str(path)) as reader:
        table = pa.concat_tables(
            [reader.schema.empty_table(), *(chunk.table for chunk in reader.chunks(100))]
        )
        with ParquetWriter(path.with_name("out.parquet"), table.schema, reader.dialect) as writer:
            writer.write(table)
    return writer, table


FAR = [253_402_300_799_000_000, -77_000_000_000_000_000, 0, None]  # 9999-12-31 23:59:59, 471 B. C.
INT96 = {"use_deprecated_int96_timestamps": True, "store_schema": False}


@pytest.mark.parametrize("kind", ["flat", "list", "struct", "map"])
def test_int96_beyond_nanoseconds_is_read_and_written_exactly(tmp_path: Path, kind: str) -> None:
    unit = pa.timestamp("us")
    flat = pa.array(FAR, unit)
    column = {
        "flat": flat,
        "list": pa.array([FAR, [], None, FAR[:1]], pa.list_(unit)),
        "struct": pa.StructArray.from_arrays([flat, flat], ["from", "to"]),
        "map": pa.array([[("k", FAR[0])], [], None, []], pa.map_(pa.string(), unit)),
    }[kind]
    stored(tmp_path / "in.parquet", pa.table({"text": ["a"] * 4, "at": column}), **INT96)
    writer, table = in_and_out(tmp_path / "in.parquet")
    for found in (table, pq.read_table(tmp_path / "out.parquet")):
        assert found["at"].combine_chunks().cast(column.type).equals(column)
    assert "was plain INT96 and is written as Timestamp microseconds" in writer.notes[0]


def test_int96_keeps_its_nanoseconds_where_they_reach(tmp_path: Path) -> None:
    times = pa.array([-1, 1_700_000_000_123_456_789], pa.timestamp("ns"))
    stored(tmp_path / "in.parquet", pa.table({"at": times}), **INT96)
    _, table = in_and_out(tmp_path / "in.parquet")
    assert table["at"].combine_chunks() == times


@pytest.mark.parametrize("days", [2_488_070, 2**31 - 1])  # 2100 and the last day there is
def test_int96_that_no_unit_holds_is_refused(tmp_path: Path, days: int) -> None:
    far = pa.array([FAR[0]], pa.timestamp("us"))
    options = {**INT96, "compression": "none", "use_dictionary": False, "write_statistics": False}
    stored(tmp_path / "in.parquet", pa.table({"at": pa.concat_arrays([far, far])}), **options)
    data = (tmp_path / "in.parquet").read_bytes()
    one = data.index((5_373_484).to_bytes(4, "little")) - 8  # the Julian day of 9999-12-31
    odd = (1).to_bytes(8, "little") + days.to_bytes(4, "little")
    (tmp_path / "in.parquet").write_bytes(data[:one] + odd + data[one + 12 :])
    with pytest.raises(InputError, match="INT96 column 'at' has timestamps before 1677 or after"):
        ParquetReader(str(tmp_path / "in.parquet"))


@pytest.mark.parametrize("in_utc", [True, False])
def test_a_time_keeps_whether_it_is_in_utc(tmp_path: Path, in_utc: bool) -> None:
    table = pa.table(
        {"at": pa.array([1], pa.time32("ms")), "n": pa.array([[1]], pa.list_(pa.time64("ns")))}
    )
    stored(tmp_path / "in.parquet", table, write_time_adjusted_to_utc=in_utc)
    writer, _ = in_and_out(tmp_path / "in.parquet")
    written = pq.ParquetFile(tmp_path / "out.parquet").schema
    for column in (written.column(0), written.column(1)):
        assert f'"isAdjustedToUTC":{str(in_utc).lower()}' in column.logical_type.to_json()
    assert writer.notes == ()


def test_json_and_uuid_keep_their_annotation(tmp_path: Path) -> None:
    ids = pa.ExtensionArray.from_storage(pa.uuid(), pa.array([b"0123456789abcdef"], pa.binary(16)))
    table = pa.table({"facts": pa.array(["{}"], pa.json_()), "id": ids})
    stored(tmp_path / "in.parquet", table, store_schema=False)
    in_and_out(tmp_path / "in.parquet")
    written = pq.ParquetFile(tmp_path / "out.parquet").schema
    assert [str(written.column(i).logical_type) for i in (0, 1)] == ["JSON", "UUID"]


class Geometry(pa.ExtensionType):
    """What Arrow writes with the annotation GEOMETRY, if this type is registered."""

    def __init__(self) -> None:
        super().__init__(pa.binary(), "geoarrow.wkb")

    def __arrow_ext_serialize__(self) -> bytes:
        return b"{}"

    @classmethod
    def __arrow_ext_deserialize__(cls, _storage: pa.DataType, _facts: bytes) -> "Geometry":
        return cls()


def test_an_annotation_that_arrow_does_not_carry_is_named(tmp_path: Path) -> None:
    pa.register_extension_type(Geometry())
    point = bytes.fromhex("0101000000000000000000f03f0000000000000040")
    places = pa.ExtensionArray.from_storage(Geometry(), pa.array([point]))
    try:
        stored(tmp_path / "in.parquet", pa.table({"place": places}), store_schema=False)
    finally:
        pa.unregister_extension_type("geoarrow.wkb")
    writer, table = in_and_out(tmp_path / "in.parquet")
    assert table["place"].to_pylist() == [point]
    note = "Parquet column 'place' was Geometry and is written as plain BYTE_ARRAY"
    assert writer.notes == (note,)
