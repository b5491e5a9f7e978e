import csv
import io
import tracemalloc
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from unittest.mock import patch

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from scorer.errors import InputError, ScorerError
from scorer.files.byte_streams import ByteSource
from scorer.tables.csv_options import CsvOptions
from scorer.tables.csv_reader import CsvReader
from scorer.tables.csv_writer import CsvWriter
from scorer.tables.table_streams import TEXT, CsvDialect

BREAKS = ("\n", "\r", "\r\n", "\0", "\u2028", "\x1c")
ODD = st.sampled_from(
    ["", "a", "007", "1e5", "NA", " x ", ",", ";", "\t", '"', "'", "é", "😀", "\ufeff", *BREAKS]
)
CELL = st.lists(ODD, max_size=4).map("".join)
Rows = list[list[str]]


@st.composite
def tables(draw: st.DrawFn) -> Rows:
    width = draw(st.integers(1, 4))
    row = st.lists(CELL, min_size=width, max_size=width)
    return draw(st.lists(row, min_size=2, max_size=6))


@contextmanager
def blocks_of(size: int) -> Iterator[None]:
    """Have files read a few bytes at a time, after a first block that shows what they are."""
    read_into, begun = ByteSource.readinto, set()

    def readinto(source: ByteSource, buffer: bytearray) -> int:
        limit = size if id(source) in begun else 64
        begun.add(id(source))
        return read_into(source, memoryview(buffer)[:limit])

    with patch.object(ByteSource, "readinto", readinto):
        yield


def as_table(rows: Rows) -> pa.Table:
    schema = pa.schema([pa.field(name, TEXT) for name in rows[0]])
    columns = list(zip(*rows[1:], strict=True)) or [()] * len(rows[0])
    return pa.table([pa.array(cells, TEXT) for cells in columns], schema=schema)


def as_rows(table: pa.Table) -> Rows:
    return list(map(list, zip(*(c.to_pylist() for c in table.columns), strict=True)))


def written(rows: Rows, dialect: CsvDialect | None = None) -> bytes:
    file, table = io.BytesIO(), as_table(rows)
    with CsvWriter(file, None, table.schema, dialect or CsvDialect()) as writer:
        writer.write(table.slice(0, 1))
        writer.write(table.slice(1))
    return file.getvalue()


def read(data: bytes, options: CsvOptions | None = None, rows: int = 2) -> Rows:
    """Read a CSV, header first; no row may be rejected."""
    with TemporaryDirectory() as folder:
        path = Path(folder, "in.csv")
        path.write_bytes(data)
        with CsvReader(str(path), None, options) as reader:
            found = [list(reader.schema.names)]
            for chunk in reader.chunks(rows):
                assert chunk.first_row == len(found) - 1
                assert 0 < chunk.table.num_rows <= rows
                found += as_rows(chunk.table)
        assert (reader.rows_read, reader.rows_rejected) == (len(found) - 1, 0)
        return found


@given(tables(), st.sampled_from(["\n", "\r\n", "\r"]), st.integers(1, 9), st.booleans())
def test_every_cell_read_is_what_the_standard_library_reads(
    rows: Rows, ending: str, block: int, marked: bool
) -> None:
    text = io.StringIO(newline="")
    csv.writer(text, lineterminator=ending, quoting=csv.QUOTE_ALL).writerows(rows)
    data = text.getvalue().encode("utf-8-sig" if marked else "utf-8")
    with blocks_of(block):
        found = read(data, CsvOptions(",", '"'))
    assert found == rows


@given(tables(), st.sampled_from([",", ";", "\t", "|", " ", "é"]), st.sampled_from("\"'"))
def test_every_cell_written_reads_back(rows: Rows, delimiter: str, quote: str) -> None:
    data = written(rows, CsvDialect(delimiter, quote))
    assert read(data, CsvOptions(delimiter, quote)) == rows
    text = io.StringIO(data.decode(), newline="")
    assert list(csv.reader(text, delimiter=delimiter, quotechar=quote)) == rows


ESCAPED = st.lists(
    st.sampled_from(["\\", "\\", "\\N", '"', ",", "\n", "\r", "\r\n", "a", "n"]), max_size=5
).map("".join)


@given(
    st.lists(st.lists(ESCAPED, min_size=2, max_size=2), min_size=2, max_size=5),
    st.sampled_from(['"', "'", "none"]),
    st.sampled_from([",", "\t"]),
    st.sampled_from(["\\", "^"]),
)
def test_every_cell_written_with_an_escape_reads_back(
    rows: Rows, quote: str, delimiter: str, escape: str
) -> None:
    rows = [[cell.replace("\\", escape) for cell in row] for row in rows]
    dialect = CsvDialect(delimiter, quote.replace("none", ""), escape)
    if quote == "none" and any(cell.endswith("\r") for row in rows for cell in row):
        with pytest.raises(InputError, match="ends in a carriage return, and there is no quote"):
            written(rows, dialect)
        return
    assert read(written(rows, dialect), CsvOptions(delimiter, quote, escape=escape)) == rows


@given(st.lists(st.text("ab,'\n\r\"", max_size=3), min_size=2, max_size=3))
def test_quotes_are_only_where_they_are_needed(cells: list[str]) -> None:
    expected = io.StringIO(newline="")
    csv.writer(expected, lineterminator="\r\n").writerow(cells)
    data = written([["x"] * len(cells), cells]).decode()
    assert data == "x" + ",x" * (len(cells) - 1) + "\n" + expected.getvalue()[:-2] + "\n"


@pytest.mark.parametrize(
    ("codec", "option"),
    [("utf-16", None), ("utf-16-le", "utf-16"), ("cp1252", "cp1252"), ("gb18030", "gb18030")],
)
def test_encodings_are_detected_or_named(codec: str, option: str | None) -> None:
    rows = [["é", "b"], ["ü\n", "€"]]
    data = written(rows).decode().encode(codec)
    assert read(data, CsvOptions(encoding=option)) == rows


def test_names_that_repeat_or_are_blank_stay() -> None:
    rows = [["a", "a", "", "", "x,\n"], ["1", "2", "3", "4", "5"]]
    assert read(written(rows)) == rows


def test_the_dialect_is_detected_and_can_be_given() -> None:
    assert read(b"a;b\n1;2,5\n") == [["a", "b"], ["1", "2,5"]]
    assert read(b"a;b\n1;2\n", CsvOptions(delimiter=",")) == [["a;b"], ["1;2"]]
    assert read(b'a,b\n"1,2"\n', CsvOptions(quote="none")) == [["a", "b"], ['"1', '2"']]


def test_a_chunk_is_cut_where_it_has_so_many_bytes(tmp_path: Path) -> None:
    path = tmp_path / "in.csv"
    path.write_text("a\n" + ("x" * 99 + "\n") * 10)
    with CsvReader(str(path)) as reader:
        sizes = [chunk.table.num_rows for chunk in reader.chunks(100, max_bytes=250)]
    assert sizes == [3, 3, 3, 1]


def test_rows_are_counted_without_reading_them_as_a_table(tmp_path: Path) -> None:
    path = tmp_path / "in.csv"
    path.write_text("a\n1\n\n2\n")
    with CsvReader(str(path)) as reader:
        assert reader.count_rows() == 2


def test_rejected_rows_are_counted_where_nobody_wants_them(tmp_path: Path) -> None:
    path = tmp_path / "in.csv"
    path.write_bytes(b"a,b\n1,2\n3\n4,\xff\n5,6\n")
    with CsvReader(str(path)) as reader:
        tables = [chunk.table for chunk in reader.chunks(1)]
    assert [as_rows(table)[0] for table in tables] == [["1", "2"], ["5", "6"]]
    assert (reader.rows_read, reader.rows_rejected) == (4, 2)


def test_inferred_types_are_in_the_schema_from_the_first_chunk_on(tmp_path: Path) -> None:
    path = tmp_path / "in.csv"
    path.write_text("n,zip\n1,007\n2,1\nx,2\n")
    with CsvReader(str(path), None, CsvOptions(infer_types=True)) as reader:
        chunks = reader.chunks(2)
        assert next(chunks).table.schema == pa.schema([("n", pa.int64()), ("zip", TEXT)])
        assert reader.schema.field("n").type == pa.int64()
        with pytest.raises(InputError, match="row 3, column 'n': 'x' is not int64"):
            next(chunks)


def test_a_header_without_rows_is_a_table_without_rows(tmp_path: Path) -> None:
    path = tmp_path / "in.csv"
    path.write_text("a,b\n\n")
    with CsvReader(str(path)) as reader:
        assert list(reader.chunks(10)) == []
    assert reader.schema.names == ["a", "b"]


def test_nulls_and_numbers_are_written_as_their_text() -> None:
    table = pa.table({"n": [1.5, None], "t": ["a", None]})
    file = io.BytesIO()
    with CsvWriter(file, None, table.schema, CsvDialect()) as writer:
        writer.write(table)
    assert file.getvalue() == b"n,t\n1.5,a\n,\n"
    assert writer.rows_written == 2


def test_without_a_quote_a_cell_that_needs_one_is_an_error() -> None:
    plain = CsvDialect(quote="")
    assert written([["a"], ['"b"']], plain) == b'a\n"b"\n'
    for cell in (",", "\n", "\r", ""):
        with pytest.raises(InputError, match=r"quote\. Leave --quote none out"):
            written([["a"], [cell]], plain)


def test_a_large_cell_is_read_and_written(tmp_path: Path) -> None:
    rows = [["id", "text"], ["1", 'a "line"\n' * 100_000], ["2", "é" * 3_000_000]]
    data = written(rows)
    tracemalloc.start()
    assert read(data) == rows
    assert tracemalloc.get_traced_memory()[1] < 20 * len(data)
    tracemalloc.stop()


@given(st.lists(st.tuples(st.integers(0, 10**6), st.binary(max_size=3)), min_size=1, max_size=3))
def test_a_damaged_file_is_read_as_it_is_or_refused(damages: list[tuple[int, bytes]]) -> None:
    data = written([["id", "text"], *([str(n), 'a,"\né' * n] for n in range(12))])
    for position, replacement in damages:
        position %= len(data)
        data = data[:position] + replacement + data[position + len(replacement[:1]) :]
    with TemporaryDirectory() as folder:
        path = Path(folder, "in.csv")
        path.write_bytes(data)
        try:
            with CsvReader(str(path), None, CsvOptions(",", '"')) as reader:
                found = [row for chunk in reader.chunks(100) for row in as_rows(chunk.table)]
        except ScorerError:
            return
    text = io.StringIO(data.decode("utf-8", "surrogateescape").removeprefix("\ufeff"), newline="")
    width = len(reader.schema)
    expected = [row for row in csv.reader(text) if len(row) == width][1:]
    assert all(row in expected for row in found)
    assert len(found) + reader.rows_rejected >= len(expected)
