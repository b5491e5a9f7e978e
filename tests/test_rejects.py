import csv
from pathlib import Path

import pytest

from scorer.errors import InputError
from scorer.tables.csv_options import CsvOptions
from scorer.tables.csv_reader import CsvReader
from scorer.tables.rejects import RejectSink, rejects_dialect
from scorer.tables.table_streams import CsvDialect

DATA = b'id;review\r\n1;good\r\n2;a;b\r\n3;caf\xe9\r\n4;"x\r\ny";z\r\n5;fine\r\n6;"open\r\n'


def read(path: Path, options: CsvOptions | None = None) -> tuple[list[dict], int]:
    """Read a CSV next to its rejects; return its rows and how many were rejected."""
    sink = RejectSink(rejects_of(path))
    with CsvReader(str(path), None, options, sink) as reader:
        rows = [row for chunk in reader.chunks(10) for row in chunk.table.to_pylist()]
    assert sink.count == reader.rows_rejected
    return rows, sink.count


def rejects_of(path: Path) -> Path:
    return path.with_name(f"{path.name}.rejects.csv")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "in.csv"
    path.write_bytes(DATA)
    return path


def test_rejected_rows_are_written_with_their_place_and_reason(path: Path) -> None:
    rows, count = read(path)
    assert ([row["id"] for row in rows], count) == (["1", "5"], 4)
    with rejects_of(path).open(newline="", encoding="utf-8", errors="surrogateescape") as file:
        assert list(csv.reader(file, delimiter=";")) == [
            ["line", "byte_offset", "reason", "raw"],
            ["1", "0", "header", "id;review"],
            ["3", "19", "3 fields where the header has 2", "2;a;b"],
            ["4", "26", "column 'review': byte 0xE9 is not utf-8", "3;caf\udce9"],
            ["5", "34", "3 fields where the header has 2", '4;"x\r\ny";z'],
            ["8", "54", "a quote opened from line 8 on has no end", '6;"open'],
        ]


def test_what_is_not_put_right_is_rejected_again_word_for_word(path: Path) -> None:
    read(path)
    assert read(rejects_of(path)) == ([], 4)
    assert rejects_of(rejects_of(path)).read_bytes() == rejects_of(path).read_bytes()


def test_what_is_put_right_is_read(path: Path) -> None:
    read(path)
    wrong = rejects_of(path)
    data = wrong.read_bytes()
    for before, after in {
        b'"2;a;b"': b'"2;""a;b"""',
        b"caf\xe9": "café".encode(),
        b'""open"': b'""open"""',
    }.items():
        assert before in data
        data = data.replace(before, after)
    wrong.write_bytes(data)
    rows, count = read(wrong, CsvOptions(delimiter=",", encoding="latin-1"))
    assert rows == [
        {"id": "2", "review": "a;b"},
        {"id": "3", "review": "café"},
        {"id": "6", "review": "open"},
    ]
    assert count == 1


@pytest.mark.parametrize("ending", ["\n", "\r\n", "\r"])
def test_a_rejects_file_may_be_saved_with_other_line_endings(path: Path, ending: str) -> None:
    path.write_bytes(b"id;review\n1\n2;ok\n")
    read(path)
    wrong = rejects_of(path)
    wrong.write_bytes(wrong.read_bytes().replace(b"\n1", b"\n1;ok").replace(b"\n", ending.encode()))
    text = wrong.read_bytes().replace(b"header has 2;1", b'header has 2;"1;ok"')
    wrong.write_bytes(b"\xef\xbb\xbf" + text.replace(b"1;ok;0;header", b"1;0;header"))
    assert read(wrong) == ([{"id": "1", "review": "ok"}], 0)


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|", "x", "é"])
@pytest.mark.parametrize("quote", ['"', "'", "none"])
def test_the_dialect_of_the_input_is_kept(path: Path, delimiter: str, quote: str) -> None:
    path.write_text(delimiter.join("ab") + "\n1\n", encoding="utf-8")
    assert read(path, CsvOptions(delimiter, quote)) == ([], 1)
    assert rejects_dialect(rejects_of(path).read_bytes()) == CsvDialect(
        delimiter, quote.replace("none", "")
    )
    assert read(rejects_of(path)) == ([], 1)


@pytest.mark.parametrize(
    "start", [b"", b"id,line\n", b"line,byte_offset,reason,raw,more\n", b"\xff"]
)
def test_other_files_are_no_rejects(start: bytes) -> None:
    assert rejects_dialect(start) is None


def test_without_rejects_there_is_no_file(path: Path) -> None:
    path.write_text("a\n1\n")
    assert read(path) == ([{"a": "1"}], 0)
    assert not rejects_of(path).exists()


def test_a_rejects_file_without_its_header_row_is_refused(path: Path) -> None:
    path.write_text('"line","byte_offset","reason","raw"\n3,19,why,"2,a"\n')
    with pytest.raises(InputError, match="its first row is not the input's header"):
        read(path)


def test_a_rejects_file_of_another_form_is_refused(path: Path) -> None:
    path.write_text('"line","byte_offset","reason","raw"\n1,0,header,"a,b"\n3,19,why,2,a\n')
    with pytest.raises(InputError, match="line 3: not a row of rejects any more"):
        read(path)


def test_a_full_disk_is_an_error(path: Path) -> None:
    with CsvReader(str(path), None, None, RejectSink("/dev/full")) as reader:
        list(reader.chunks(10))
        with pytest.raises(InputError, match="cannot write /dev/full: no space left"):
            reader.close()


def test_the_escape_of_the_input_is_kept(path: Path) -> None:
    path.write_text('id,review\n1,"a \\"quiet\\" room"\n2,"a, \\"b\\"",c\n')
    assert read(path) == ([{"id": "1", "review": 'a "quiet" room'}], 1)
    wrong = rejects_of(path)
    assert ',"header, escape \\",' in wrong.read_text()
    assert read(wrong) == ([], 1)
    wrong.write_text(wrong.read_text().replace(',c"', '"'))
    assert read(wrong) == ([{"id": "2", "review": 'a, "b"'}], 0)


def test_an_escaped_line_break_at_the_end_of_a_row_stays_part_of_it(path: Path) -> None:
    rows = "".join(f'{i},"a \\"b\\""\n' for i in range(4))
    path.write_text(f"id,review\n{rows}8,x\\\nz,y\\\n\n9,x\\\r\nz,y\\\r\n\r\n", newline="")
    accepted = [{"id": str(i), "review": 'a "b"'} for i in range(4)]
    assert read(path, CsvOptions(escape="\\")) == (accepted, 2)
    assert read(rejects_of(path)) == ([], 2)
