"""Files under a wrong name, named for what they are."""

import bz2
import gzip
import io
import lzma
import zipfile
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from scorer.errors import InputError
from scorer.tables.formats import format_of, open_table

CSV = b"id,text\n1,the soup was warm and good\n"


def zipped(**members: bytes) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in members.items():
            archive.writestr(name, data)
    return file.getvalue()


def parquet() -> bytes:
    file = io.BytesIO()
    pq.write_table(pa.table({"id": ["1"], "text": ["the soup was warm and good"]}), file)
    return file.getvalue()


PACKED = {
    "csv.gz": gzip.compress(CSV),
    "csv.zst": pa.compress(CSV, "zstd", asbytes=True),
    "csv.bz2": bz2.compress(CSV),
    "csv.xz": lzma.compress(CSV),
    "csv.zip": zipped(**{"a.csv": CSV}),
    "parquet": parquet(),
}


def rows_of(path: Path, option: str | None = None) -> list[dict]:
    with open_table(str(path), format_of(str(path), option)) as reader:
        return [row for chunk in reader.chunks(10) for row in chunk.table.to_pylist()]


EXPECTED = [{"id": "1", "text": "the soup was warm and good"}]


@pytest.mark.parametrize("option", PACKED)
@pytest.mark.parametrize("name", ["in.csv", "in.parquet", "in.csv.gz", "in.csv.bz2", "in.csv.zip"])
def test_a_wrong_name_is_refused_with_the_option_that_reads_the_file(
    tmp_path: Path, name: str, option: str
) -> None:
    path = tmp_path / name
    path.write_bytes(PACKED[option])
    if name.endswith(option):
        assert rows_of(path) == EXPECTED
        return
    with pytest.raises(InputError, match=f"--input-format {option} reads it"):
        rows_of(path)
    assert rows_of(path, option) == EXPECTED


@pytest.mark.parametrize("option", PACKED)
def test_the_right_name_is_enough(tmp_path: Path, option: str) -> None:
    (tmp_path / f"in.{option}").write_bytes(PACKED[option])
    assert rows_of(tmp_path / f"in.{option}") == EXPECTED


@pytest.mark.parametrize("name", ["in.parquet", "in.csv.gz", "in.csv.xz"])
def test_text_under_another_name_is_text(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_bytes(CSV)
    with pytest.raises(InputError, match=r"it is text. --input-format csv reads CSV"):
        rows_of(tmp_path / name)
    assert rows_of(tmp_path / name, "csv") == EXPECTED


@pytest.mark.parametrize(
    ("data", "kind"),
    [
        (
            zipped(**{"[Content_Types].xml": b"<x/>", "xl/workbook.xml": b"<x/>"}),
            "an Excel workbook",
        ),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1rest", "an Office file of the old kind"),
        (b"a.csv".ljust(257, b"\0") + b"ustar\x0000", "a tar archive"),
        (b"7z\xbc\xaf\x27\x1c\0\4", "a 7z archive"),
        (b"Rar!\x1a\x07\x01\0", "a RAR archive"),
        (b"\x04\x22\x4d\x18\x64\x40", "lz4"),
        (b"ARROW1\0\0rest", "Arrow IPC"),
        (b"ORC\x11rest", "ORC"),
        (b"Obj\x01rest", "Avro"),
        (b"SQLite format 3\0rest", "a SQLite database"),
        (b"%PDF-1.7\n", "PDF"),
        (b"$FL2@(#) SPSS DATA FILE", "an SPSS file"),
        (b"<stata_dta><header>", "a Stata file"),
        (b"\x73\x02\x01\x00\x03\0", "a Stata file"),
        (b"\0" * 12 + b"\xc2\xea\x81\x60rest", "a SAS file"),
        (b"HEADER RECORD*******LIBRARY HEADER RECORD!!!!!!!", "a SAS file"),
        (b"MATLAB 5.0 MAT-file, Platform", "a MATLAB file"),
        (b"\x89HDF\r\n\x1a\nrest", "HDF5"),
        (b"\x93NUMPY\x01\0rest", "a NumPy array"),
        (b"\x80\x04\x95\x1a\0\0\0", "a serialised Python object"),
        (b"\n<!DOCTYPE html><html>not found</html>", "a web page"),
        (b"<!-- 401 -->\n<html>sign in</html>", "a web page"),
        (b"<script>location = '/login'</script>", "a web page"),
        (b"<table border=1>\n<tr><th>id</th></tr></table>", "a web page"),
        (b'<?xml version="1.0"?>\n<rows/>', "XML"),
    ],
)
def test_what_no_option_reads_is_named(tmp_path: Path, data: bytes, kind: str) -> None:
    for name in ("in.csv", "in.csv.gz", "in.parquet"):
        (tmp_path / name).write_bytes(data)
        with pytest.raises(InputError, match=f"it is {kind}.*Save it as CSV or Parquet"):
            rows_of(tmp_path / name)


@pytest.mark.parametrize("name", ["in.csv", "in.jsonl", "in.parquet"])
def test_a_pointer_that_git_left_instead_of_the_file_is_named(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_text("version https://git-lfs.github.com/spec/v1\noid sha256:4d\n")
    with pytest.raises(InputError, match=r"it is a Git LFS pointer\. `git lfs pull` fetches"):
        rows_of(tmp_path / name)


@pytest.mark.parametrize(
    "data",
    [
        "--\n-- PostgreSQL database dump\n--\n\nSET lock_timeout = 0;\n",
        "/*!40101 SET NAMES utf8 */;\nINSERT INTO `reviews` VALUES (1,'so good');\n",
        "PRAGMA foreign_keys=OFF;\nBEGIN TRANSACTION;\n",
        "COPY public.reviews (id, text) FROM stdin;\n1\tso good\n",
        "CREATE TABLE reviews (\n  id int\n);\n",
    ],
)
def test_a_dump_in_sql_is_named(tmp_path: Path, data: str) -> None:
    (tmp_path / "in.csv").write_text(data)
    with pytest.raises(InputError, match=r"it is SQL\. Have the table written as CSV"):
        rows_of(tmp_path / "in.csv")


def test_a_mailbox_is_named(tmp_path: Path) -> None:
    (tmp_path / "in.txt").write_text("From a@b.org Thu Jan  1 00:00:00 2026\nTo: c@d.org\n\nGood\n")
    with pytest.raises(InputError, match=r"it is a mailbox\. Python's `mailbox` reads it"):
        rows_of(tmp_path / "in.txt")
    (tmp_path / "in.txt").write_text("From Rome at 10:30 with love.\nIt was so warm!\n")
    assert len(rows_of(tmp_path / "in.txt")) == 2


@pytest.mark.parametrize(
    "text", ["CREATE TABLE a (b);", "SET x = 5;", '{"a": 1}', '[{"a": 1}]', '{"a": 1} is JSON']
)
def test_lines_may_be_any_texts_where_a_user_says_so(tmp_path: Path, text: str) -> None:
    (tmp_path / "in.txt").write_text(f"{text}\nso good\n")
    assert rows_of(tmp_path / "in.txt", "lines")[0] == {"text": text}
    (tmp_path / "in.txt").write_bytes(b"<!DOCTYPE html><html>\n")
    with pytest.raises(InputError, match="it is a web page"):
        rows_of(tmp_path / "in.txt", "lines")


def test_a_csv_may_begin_with_any_word(tmp_path: Path) -> None:
    for name in ("ORC", "Obj", "BZh1", "PK", "PAR1", "%PDF", "{x}", "<b>", "--", "Copy", "set"):
        (tmp_path / "in.csv").write_text(f"{name},text\n1,good\n")
        assert rows_of(tmp_path / "in.csv") == [{name: "1", "text": "good"}]


@pytest.mark.parametrize(
    "name", ["SET x = 5 is a command", "SET x = 5;", "INSERT INTO notes what VALUES say"]
)
def test_a_text_may_begin_like_sql(tmp_path: Path, name: str) -> None:
    (tmp_path / "in.csv").write_text(f"{name},text\n1,good\n")
    assert rows_of(tmp_path / "in.csv") == [{name: "1", "text": "good"}]


def test_of_a_zip_only_its_one_file_counts(tmp_path: Path) -> None:
    path = tmp_path / "in.csv.zip"
    path.write_bytes(zipped(**{"a.csv": CSV, "__MACOSX/._a.csv": b"x", "sub/.DS_Store": b"x"}))
    assert rows_of(path) == EXPECTED
    path.write_bytes(zipped(**{"a.csv": CSV, "b.csv": CSV}))
    with pytest.raises(InputError, match=r"holds 2 files, not one: 'a\.csv', 'b\.csv'\. Unpack"):
        rows_of(path)
    path.write_bytes(zipped())
    with pytest.raises(InputError, match="holds 0 files, not one: none"):
        rows_of(path)


def test_a_damaged_or_encrypted_zip_is_an_error(tmp_path: Path) -> None:
    path, data = tmp_path / "in.csv.zip", zipped(**{"a.csv": CSV * 1000})
    path.write_bytes(data[:-30])
    with pytest.raises(InputError, match="it is not zip, or damaged"):
        rows_of(path)
    path.write_bytes(data[:60] + bytes([data[60] ^ 4]) + data[61:])
    with pytest.raises(InputError, match="damaged"):
        rows_of(path)
    flags = data.index(b"PK\x01\x02") + 8
    encrypted = bytearray(data)
    encrypted[6] |= 1
    encrypted[flags] |= 1
    path.write_bytes(encrypted)
    with pytest.raises(InputError, match=r"encrypted.*Unpack it first"):
        rows_of(path)


def test_a_packed_parquet_has_to_be_unpacked(tmp_path: Path) -> None:
    (tmp_path / "in.csv.gz").write_bytes(gzip.compress(parquet()))
    with pytest.raises(InputError, match=r"is not CSV: it is Parquet. Unpack it first"):
        rows_of(tmp_path / "in.csv.gz")


OBJECTS = b'{"id": 1, "text": "good"}\n{"id": 2, "text": "bad"}\n'
ARRAYS = [
    b'[{"id": 1}]',
    b'\xef\xbb\xbf[\n  {\n    "id": 1\n  }\n]\n',
    b'[\n{"id": 1},\n{"id": 2}\n]',
]


@pytest.mark.parametrize("name", ["in.csv", "in.jsonl", "in.parquet", "in.csv.gz", "in.jsonl.gz"])
@pytest.mark.parametrize("data", ARRAYS)
def test_a_json_array_is_named_and_how_it_becomes_json_lines(
    tmp_path: Path, name: str, data: bytes
) -> None:
    (tmp_path / name).write_bytes(data)
    with pytest.raises(
        InputError, match=r"it is a JSON array\. `jq -c '\.\[\]' IN > OUT` makes JSON Lines"
    ):
        rows_of(tmp_path / name)


@pytest.mark.parametrize("name", ["in.csv", "in.parquet", "in.csv.gz"])
def test_json_lines_under_another_name_are_read_with_the_option(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_bytes(OBJECTS)
    with pytest.raises(InputError, match=r"it is JSON Lines\. --input-format jsonl reads it"):
        rows_of(tmp_path / name)
    assert [row["text"] for row in rows_of(tmp_path / name, "jsonl")] == ["good", "bad"]


def test_an_encrypted_parquet_is_named(tmp_path: Path) -> None:
    (tmp_path / "in.parquet").write_bytes(b"PARE" + bytes(40) + b"PARE")
    with pytest.raises(InputError, match=r"it is encrypted\. Have it written without a key"):
        rows_of(tmp_path / "in.parquet")


OTHERS = {
    "gzip": (gzip.compress(OBJECTS), "it is gzip. --input-format jsonl.gz reads it, if it holds"),
    "xz": (lzma.compress(OBJECTS), "it is xz. --input-format jsonl.xz reads it, if it holds"),
    "Parquet": (parquet(), "it is Parquet. --input-format parquet reads it"),
    "Excel": (zipped(**{"xl/workbook.xml": b"<x/>"}), "it is an Excel workbook. Save it as CSV"),
    "JSON": (b'{\n "id": 1\n}\n', "it is JSON. `jq -c . IN > OUT` makes JSON Lines"),
    "UTF-16": (OBJECTS.decode().encode("utf-16"), "is UTF-16, and JSON Lines are read as UTF-8"),
    "unmarked UTF-16": (OBJECTS.decode().encode("utf-16-be"), "`iconv -f utf-16 -t utf-8`"),
}


@pytest.mark.parametrize(("data", "message"), OTHERS.values(), ids=OTHERS)
def test_what_is_no_json_lines_is_refused(tmp_path: Path, data: bytes, message: str) -> None:
    (tmp_path / "in.jsonl").write_bytes(data)
    with pytest.raises(InputError, match=message):
        rows_of(tmp_path / "in.jsonl")


def test_a_long_or_damaged_first_line_does_not_end_json_lines(tmp_path: Path) -> None:
    path = tmp_path / "in.jsonl"
    path.write_bytes(b'{"text": "' + b"good " * 5000 + b'"}\n{"text": "bad"}\n')
    assert len(rows_of(path)) == 2
    path.write_bytes(b'{"text": "cut\n{"text": "bad"}\n')
    assert rows_of(path) == [{"text": "bad"}]


def test_csv_under_the_name_of_json_lines_is_told_the_option(tmp_path: Path) -> None:
    (tmp_path / "in.jsonl").write_bytes(CSV)
    with open_table(str(tmp_path / "in.jsonl"), format_of("in.jsonl")) as reader:
        assert list(reader.chunks(9)) == []
    assert "--input-format csv reads CSV" in reader.reject_hint
