import io
from itertools import product
from pathlib import Path
from types import SimpleNamespace

import pyarrow as pa
import pytest

from scorer.errors import InputError, UsageError
from scorer.files import byte_streams
from scorer.tables.csv_options import CsvOptions
from scorer.tables.formats import TableFormat, check_table, create_table, format_of, open_table
from scorer.tables.table_streams import CsvDialect

ENDINGS = ("csv", "csv.gz", "csv.zst", "csv.bz2", "csv.xz", "tsv", "tsv.gz", "parquet")
TEXT = pa.large_string()
TABLE = pa.Table.from_arrays(
    [
        pa.array(["007", "", "1e5"], TEXT),
        pa.array(['a "b",\r\nc\td', "\r", "é;😀"], TEXT),
        pa.array([" ", "NA", "\0"], TEXT),
    ],
    names=["id", "", "note"],
)


def store(path: Path, table: pa.Table = TABLE, dialect: CsvDialect | None = None) -> None:
    with create_table(path, format_of(str(path)), table.schema, dialect) as writer:
        writer.write(table)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("a.csv", TableFormat("csv")),
        ("A.CSV.GZ", TableFormat("csv", "gzip")),
        ("dir.parquet/a.csv.zst", TableFormat("csv", "zstd")),
        ("a.tsv", TableFormat("csv", None, "\t")),
        ("a.txt", TableFormat("csv", lines=None)),
        ("a.pq", TableFormat("parquet")),
        ("a.json", TableFormat("jsonl")),
        ("a.json.gz", TableFormat("jsonl", "gzip")),
        ("a.ndjson.bz2", TableFormat("jsonl", "bz2")),
        ("-", TableFormat("csv")),
    ],
)
def test_the_name_tells_the_format(name: str, expected: TableFormat) -> None:
    assert format_of(name) == expected


def test_the_option_comes_before_the_name() -> None:
    assert format_of("a.csv", "parquet") == format_of("-", "parquet") == TableFormat("parquet")


def test_an_unknown_format_is_refused_with_those_there_are() -> None:
    with pytest.raises(UsageError, match=r"a\.xlsx .* one of: \.csv, .*\. --input-format names"):
        format_of("a.xlsx")
    with pytest.raises(UsageError, match=r"a\.json .* one of: \.csv, .*\. --output-format names"):
        format_of("a.json", writing=True)
    with pytest.raises(UsageError, match=r"no format 'xlsx'.* csv, csv.gz, csv.zst, csv.bz2"):
        format_of("a.csv", "xlsx")


@pytest.mark.parametrize(("first", "second"), list(product(ENDINGS, ENDINGS)))
def test_a_table_goes_through_every_pair_of_formats(
    tmp_path: Path, first: str, second: str
) -> None:
    source, target = tmp_path / f"in.{first}", tmp_path / f"out.{second}"
    store(source)
    with (
        open_table(str(source), format_of(str(source))) as reader,
        create_table(target, format_of(str(target)), reader.schema, reader.dialect) as writer,
    ):
        for chunk in reader.chunks(2):
            writer.write(chunk.table)
    assert check_table(target, format_of(str(target)), TABLE.schema, reader.dialect) == 3
    with open_table(str(target), format_of(str(target))) as reader:
        tables = [chunk.table for chunk in reader.chunks(2)]
    assert pa.concat_tables(tables).equals(TABLE)


def test_a_csv_keeps_the_delimiter_of_its_input_unless_its_name_tells(tmp_path: Path) -> None:
    table = pa.table({"a": ["1"], "b": ["2"]})
    store(tmp_path / "out.csv", table, CsvDialect(";"))
    store(tmp_path / "out.tsv", table, CsvDialect(";"))
    assert (tmp_path / "out.csv").read_text() == "a;b\n1;2\n"
    assert (tmp_path / "out.tsv").read_text() == "a\tb\n1\t2\n"


def test_options_of_a_csv_come_before_its_name(tmp_path: Path) -> None:
    (tmp_path / "in.tsv").write_text("a;b\n1;2\n")
    path = str(tmp_path / "in.tsv")
    for delimiter, names in ((";", ["a", "b"]), ("tab", ["a;b"])):
        with open_table(path, format_of(path), CsvOptions(delimiter)) as reader:
            assert reader.schema.names == names
    with pytest.raises(
        InputError, match=r"stands for tab .* have ';'\. --delimiter ';' reads them"
    ):
        open_table(path, format_of(path))


def test_columns_of_one_name_are_refused_but_for_csv_unless_they_are_renamed(
    tmp_path: Path,
) -> None:
    path, output = str(tmp_path / "in.csv"), tmp_path / "out.parquet"
    Path(path).write_text("id,text,id,id.1\n1,good,2,3\n")
    with open_table(path, format_of(path)) as reader:
        with pytest.raises(UsageError, match=r"of one name: 'id'\. --rename-duplicates"):
            create_table(output, format_of(str(output)), reader.schema, reader.dialect)
        with pytest.raises(UsageError, match=r"JSON cannot have .*'id'\. --rename-duplicates"):
            create_table(
                tmp_path / "out.jsonl", format_of("a.jsonl"), reader.schema, reader.dialect
            )
        create_table(tmp_path / "out.csv", format_of("out.csv"), reader.schema, reader.dialect)
    with open_table(path, format_of(path), CsvOptions(rename_duplicates=True)) as reader:
        assert reader.schema.names == ["id", "text", "id.2", "id.1"]
        assert reader.notes == [f"{path}: column 3, 'id', is renamed 'id.2'"]
        create_table(output, format_of(str(output)), reader.schema, reader.dialect)


def test_columns_without_a_name_are_no_reason_against_json(tmp_path: Path) -> None:
    path = str(tmp_path / "in.csv")
    Path(path).write_text("id,text,,\n1,good,,\n2,bad,,\n")
    with open_table(path, format_of(path)) as reader:
        create_table(tmp_path / "out.jsonl", format_of("a.jsonl"), reader.schema, reader.dialect)
        with pytest.raises(UsageError, match=r"Parquet cannot have .*: ''"):
            create_table(
                tmp_path / "a.parquet", format_of("a.parquet"), reader.schema, reader.dialect
            )


def test_a_zip_archive_is_read_but_not_written() -> None:
    assert format_of("in.csv.zip") == format_of("in.zip") == TableFormat("csv", "zip")
    with pytest.raises(UsageError, match=r"read, not written\. csv.gz is written"):
        format_of("out.csv.zip", writing=True)


@pytest.mark.parametrize("ending", ENDINGS)
def test_a_table_without_rows_is_written_and_checked(tmp_path: Path, ending: str) -> None:
    path = tmp_path / f"out.{ending}"
    store(path, TABLE.slice(0, 0))
    assert check_table(path, format_of(str(path)), TABLE.schema) == 0


@pytest.mark.parametrize("ending", ENDINGS)
def test_a_file_with_other_columns_does_not_pass_the_check(tmp_path: Path, ending: str) -> None:
    path = tmp_path / f"out.{ending}"
    store(path)
    with pytest.raises(InputError, match="has other columns than were written"):
        check_table(path, format_of(str(path)), TABLE.schema.append(pa.field("more", TEXT)))


@pytest.mark.parametrize("ending", ENDINGS)
def test_a_file_that_is_cut_short_does_not_pass_the_check(tmp_path: Path, ending: str) -> None:
    path = tmp_path / f"out.{ending}"
    store(path)
    path.write_bytes(path.read_bytes()[:-6])
    try:
        assert check_table(path, format_of(str(path)), TABLE.schema) < 3
    except InputError:
        assert ending != "csv"


@pytest.mark.parametrize("ending", ["csv", "parquet"])
def test_standard_streams_are_read_and_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, ending: str
) -> None:
    stream = SimpleNamespace(buffer=io.BytesIO())
    monkeypatch.setattr(byte_streams.sys, "stdout", stream)
    with create_table("-", format_of("-", ending), TABLE.schema) as writer:
        writer.write(TABLE)
    stream.buffer.seek(0)
    monkeypatch.setattr(byte_streams.sys, "stdin", stream)
    with open_table("-", format_of("-", ending)) as reader:
        assert reader.name == "standard input"
        assert next(reader.chunks(10)).table.equals(TABLE)
    assert not stream.buffer.closed


def test_an_output_is_checked_as_utf_8_whatever_is_in_it(tmp_path: Path) -> None:
    table = pa.table({"a": ["\0\0", "b\0"] * 9, "b": ["\0", ""] * 9})
    store(tmp_path / "out.csv", table)
    assert check_table(tmp_path / "out.csv", format_of("out.csv"), table.schema) == 18
