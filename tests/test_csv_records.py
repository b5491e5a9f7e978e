import csv
import io
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scorer.errors import InputError
from scorer.tables import csv_parser, csv_records
from scorer.tables.csv_encoding import Encoding
from scorer.tables.csv_options import CsvOptions
from scorer.tables.csv_reader import CsvReader
from scorer.tables.csv_records import Lines, Records, read_header
from scorer.tables.doubts import Doubt
from scorer.tables.rejects import RejectSink
from scorer.tables.table_streams import CsvDialect, Reject

SOUP = st.text(
    st.sampled_from(['"', '"', ",", ",", "\n", "\r", "\0", "é", "😀", " ", "\u2028", "a"])
)


def lines_of(text: str) -> Lines:
    return Lines(io.StringIO(text, newline=""), Encoding(), "in.csv")


def records(text: str, width: int, dialect: CsvDialect | None = None) -> tuple[list, list[Reject]]:
    rejects: list[Reject] = []
    names = [f"c{i}" for i in range(width)]
    rows = list(Records([lines_of(text)], dialect or CsvDialect(), names, rejects.append))
    return rows, rejects


@given(SOUP)
def test_records_are_those_of_the_standard_library(text: str) -> None:
    text += '\n"'  # the last line has an open quote, unless it closes one
    expected = [row for row in csv.reader(io.StringIO(text, newline="")) if row]
    for width in {len(row) for row in expected}:
        rows, rejects = records(text, width)
        assert rows == [row for row in expected if len(row) == width][: len(rows)]
        assert len(rows) + len(rejects) >= len(expected)


@given(SOUP)
def test_every_reject_stands_where_it_says(text: str) -> None:
    _, rejects = records(text, 3)
    data = text.encode()
    for reject in rejects:
        raw = reject.raw.encode()
        assert data[reject.byte_offset :].startswith(raw)
        before = data[: reject.byte_offset].decode()
        assert len(list(io.StringIO(before, newline=""))) == reject.line - 1


def test_blank_lines_are_no_records_and_blank_cells_are() -> None:
    assert records('a\n\n""\n\r\n \n', 1) == ([["a"], [""], [" "]], [])


@pytest.mark.parametrize(
    "footer",
    [
        "(2 rows)",
        "\n(2 Zeilen)\r\n\n\x1a",
        "2 rows selected.\n",
        "(2 rows affected)",
        "2 rows in set (0.01 sec)\n",
        "\\.\n",
    ],
)
@pytest.mark.parametrize("table", ["1,good\n2,bad\n", "good\nbad\n"])
def test_a_line_below_the_table_is_no_row(tmp_path: Path, footer: str, table: str) -> None:
    header = "id,text\n" if "," in table else "text\n"
    (tmp_path / "in.csv").write_text(header + table + footer, newline="")
    with CsvReader(str(tmp_path / "in.csv")) as reader:
        (chunk,) = reader.chunks(100)
        assert chunk.table["text"].to_pylist() == ["good", "bad"]
        assert (reader.rows_read, reader.rows_rejected) == (2, 0)
        (note,) = reader.notes
    assert f"{footer.strip().splitlines()[0]!r}, ends the table and is no row" in note


@pytest.mark.parametrize(
    "lines", ["(3 rows)", "3 rows selected.", f"(2 rows){90 * chr(10)}good", "2 rows", "\\.\nbad"]
)
def test_a_wrong_number_of_rows_and_what_is_not_the_last_line_are_rows(lines: str) -> None:
    rows, _ = records(f"good\nbad\n{lines}\n", 1)
    assert rows[2:] == [[line] for line in lines.split("\n") if line]
    _, rejects = records(f"1,good\n2,bad\n{lines}\n", 2)
    assert len(rejects) == len(rows) - 2


def test_a_quoted_text_is_no_line_below_the_table() -> None:
    assert records('good\nbad\n"(2 rows)"\n', 1)[0][2:] == [["(2 rows)"]]
    assert records('good\nbad\n"\\."\n', 1)[0][2:] == [["\\."]]


def test_a_table_without_rows_may_have_a_line_below_it(tmp_path: Path) -> None:
    (tmp_path / "in.csv").write_text("id,text\n(0 rows)\n")
    with CsvReader(str(tmp_path / "in.csv")) as reader:
        assert [*reader.chunks(100)] == []
        assert reader.rows_read == 0


def test_a_row_of_another_width_is_rejected_with_its_place() -> None:
    rows, rejects = records('é,b\n"c\nd"\ne,f,g\nh,i\n', 2)
    assert rows == [["é", "b"], ["h", "i"]]
    assert rejects == [
        Reject(2, 5, "1 field where the header has 2", '"c\nd"'),
        Reject(4, 11, "3 fields where the header has 2", "e,f,g"),
    ]


def test_a_row_with_an_undecodable_byte_is_rejected() -> None:
    rows, rejects = records("a,b\nc\udce9,d\n", 2)
    assert rows == [["a", "b"]]
    assert rejects == [Reject(2, 4, "column 'c0': byte 0xE9 is not utf-8", "c\udce9,d")]


def test_a_quote_without_end_rejects_line_by_line_what_it_swallowed() -> None:
    rows, rejects = records('a,b\nc,"d\ne,f\ng,h\n', 2)
    assert rows == [["a", "b"]]
    assert [(reject.line, reject.byte_offset, reject.raw) for reject in rejects] == [
        (2, 4, 'c,"d'),
        (3, 9, "e,f"),
        (4, 13, "g,h"),
    ]
    assert rejects[0].reason == "a quote opened from line 2 on has no end"


def test_a_quote_without_end_in_the_last_line_is_rejected() -> None:
    for end in ('"', '"open', '"open\n', '"open""\r'):
        rows, rejects = records(f"a\n{end}", 1)
        assert rows == [["a"]]
        assert [reject.raw for reject in rejects] == [end.rstrip("\r\n")]


def test_without_a_quote_all_quotes_are_text() -> None:
    assert records('"a,b"\n', 2, CsvDialect(quote="")) == ([['"a', 'b"']], [])


def test_lines_that_were_looked_at_are_still_read() -> None:
    lines = lines_of("a\nb\nc\n")
    assert lines.peek(3) == ["a\n", "b\n"]
    assert lines.peek(100) == ["a\n", "b\n", "c\n"]
    assert list(Records([lines], CsvDialect(), ["c"], pytest.fail)) == [["a"], ["b"], ["c"]]


def test_the_header_is_the_first_record() -> None:
    lines = lines_of('\n\r\na,"b\n",,a\n1,2,3,4\n')
    assert read_header(lines, CsvDialect())[0] == ["a", "b\n", "", "a"]
    assert (lines.line, lines.offset) == (5, 13)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "in.csv is empty"),
        ("\n\r\n", "in.csv is empty"),
        ('a,"b\n', "the header's quote is never closed. .*--quote none"),
        ("a,\udce9\n", "in the header, byte 0xE9 is not utf-8"),
    ],
)
def test_a_header_that_cannot_be_read_is_an_error(text: str, message: str) -> None:
    with pytest.raises(InputError, match=message):
        read_header(lines_of(text), CsvDialect())


def test_a_cell_without_end_is_an_error_before_memory_is_full(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    limit = csv.field_size_limit()
    monkeypatch.setattr(csv_parser, "MAX_CELL", 0)
    monkeypatch.setattr(csv_records, "MAX_CELL", 1000)
    csv.field_size_limit(1000)
    try:
        with pytest.raises(InputError, match=r"in\.csv, from line 2 on: a quote is never closed"):
            records('a\n"' + "b\n" * 1000, 1)
        with pytest.raises(InputError, match="a line of more than 1,000 characters"):
            records("a\n" + "b" * 1001, 1)
    finally:
        csv.field_size_limit(limit)


def ending_notes(text: str, width: int, dialect: CsvDialect | None = None) -> list[str]:
    names = [f"c{i}" for i in range(width)]
    records = Records([lines_of(text)], dialect or CsvDialect(), names, lambda reject: None)
    list(records)
    return [note for note in records.notes() if "ends in" in note]


CELLS = st.text(st.sampled_from('",\né a'), max_size=5)


@given(st.lists(st.tuples(CELLS, CELLS), min_size=1, max_size=4), st.data())
def test_a_file_that_is_cut_off_within_a_line_is_noted(rows, data) -> None:
    file = io.StringIO(newline="")
    csv.writer(file, quoting=csv.QUOTE_ALL, lineterminator="\r\n").writerows(rows)
    whole = file.getvalue()
    assert ending_notes(whole, 2) == []
    cut = whole[: data.draw(st.integers(1, len(whole) - 1))]
    if cut.endswith(("\r", "\n")):
        return
    notes = ending_notes(cut, 2)
    assert notes or cut.endswith(('"', '",'))  # else it has two whole fields
    assert all(isinstance(note, Doubt) for note in notes)


def test_what_may_be_missing_at_the_end_of_a_file_is_told() -> None:
    (short,) = ending_notes("a,b\n\n1", 2)
    told = (
        "it ends in the middle of a row, at line 3: it was probably cut off, and rows are missing"
    )
    assert (short, type(short)) == (told, Doubt)
    assert ending_notes('a,b\n1,"open', 2) == [told.replace("line 3", "line 2")]
    assert ending_notes("a,b\n1,2,3\n1,2", 2) == []  # as Google Sheets ends a file
    assert ending_notes("a text\nanother", 1, CsvDialect("", "", "")) == []


ROWS = '1,"A good film, really",5\n' * 3
CUT, QUOTES = "If the file was cut off, have it written or sent again", "If quotes are part of the"


@pytest.mark.parametrize(
    ("end", "hints", "notes"),
    [
        ('2,"A film that', [CUT], 1),
        ("2,", [CUT], 1),
        ('2,"Dear all,\nthank you.\nBest,\nAn', [CUT, QUOTES], 1),
        ('2,"starts,5\n3,fine,5\n4,good,5\n5,and', [CUT, QUOTES], 2),  # it swallows rows too
        ('2,"starts,5\n3,fine,5\n', [QUOTES], 1),
        ('2,"ok" then,5\n2,"A film that', [CUT], 2),
    ],
)
def test_a_file_that_is_cut_off_is_not_said_to_have_odd_quotes(
    tmp_path: Path, end: str, hints: list[str], notes: int
) -> None:
    (tmp_path / "in.csv").write_text(f"id,review,stars\n{ROWS}{end}")
    with CsvReader(str(tmp_path / "in.csv")) as reader:
        list(reader.chunks(99))
    assert [hint for hint in (CUT, QUOTES) if hint in reader.reject_hint] == hints
    assert len(reader.notes) == notes


def test_rejected_rows_that_are_read_again_end_as_they_like(tmp_path) -> None:
    (tmp_path / "in.csv").write_text("id,text\n1,good,bad\n2,so\n3")
    with CsvReader(str(tmp_path / "in.csv"), rejects=RejectSink(tmp_path / "r.csv")) as reader:
        assert [chunk.table.num_rows for chunk in reader.chunks(9)] == [1]
        assert "in.csv: it ends in the middle of a row, at line 4" in reader.notes[0]
    with CsvReader(str(tmp_path / "r.csv")) as again:
        assert list(again.chunks(9)) == []
        assert again.notes == []


@pytest.mark.parametrize("mark", ["", "\ufeff"])
def test_a_header_among_the_rows_is_counted_and_stays_a_row(tmp_path: Path, mark: str) -> None:
    part = "id,text\n1,good\n2,text\n"
    (tmp_path / "in.csv").write_text(f"{part}{mark}{part}{mark}{part}")
    with CsvReader(str(tmp_path / "in.csv")) as reader:
        (chunk,) = reader.chunks(99)
    texts = ["good", "text", "text", "good", "text", "text", "good", "text"]
    assert chunk.table["text"].to_pylist() == texts
    assert [note.partition(": ")[2] for note in reader.notes] == [
        "2 rows are equal to the header (the first at line 4), as where files were joined: "
        "read as any other row"
    ]


def test_a_header_in_another_order_is_doubted(tmp_path: Path) -> None:
    (tmp_path / "in.csv").write_text("id,text\n1,good\ntext,id\nbad,2\ntext,id\nid,id\n")
    with CsvReader(str(tmp_path / "in.csv")) as reader:
        assert [chunk.table.num_rows for chunk in reader.chunks(9)] == [5]
    (note,) = reader.notes
    assert isinstance(note, Doubt)
    assert "line 3 has the names of the columns in another order" in note


@pytest.mark.parametrize("ending", ["", "\n", "\r\n", "\r\n\r\n", "\x1a\x1a\n\n"])
def test_the_mark_that_dos_ends_a_file_with_is_no_row(tmp_path: Path, ending: str) -> None:
    for width, row in ((1, "good"), (2, "1,good")):
        header = ",".join("ab"[:width])
        (tmp_path / "in.csv").write_text(f"{header}\n{row}\n\x1a{ending}", newline="")
        with CsvReader(str(tmp_path / "in.csv")) as reader:
            assert [chunk.table.num_rows for chunk in reader.chunks(9)] == [1]
            assert (reader.notes, reader.rows_rejected) == ([], 0)
    assert records(f"a\n\x1a\nb\n\x1a{ending}", 1)[0] == [["a"], ["\x1a"], ["b"]]


@pytest.mark.parametrize(
    ("data", "doubted"),
    [
        ("text\n" + "good\n" * 20 + "cut\rhere\n", True),
        ("text,id\r\n" + "good,1\r\n" * 20 + "cut\rhere,2\r\n", True),
        ("text\r" + "good\r" * 20, False),  # old Mac
        ("text\n" + "good\n" * 20 + "kept\r\r\nas it was\n", False),
        ("text\n" + "good\n" * 20 + '"quoted\rthere"\n', False),
    ],
)
def test_a_cell_that_a_carriage_return_cuts_in_two_is_doubted(tmp_path, data, doubted) -> None:
    (tmp_path / "in.csv").write_text(data, newline="")
    with CsvReader(str(tmp_path / "in.csv")) as reader:
        assert list(reader.chunks(99))
        told = [note for note in reader.notes if "1 row ends in a carriage return alone" in note]
        assert [type(note) for note in told] == [Doubt] * doubted
        assert all("(the first at line 22)" in note for note in told)


def test_a_last_row_that_is_whole_but_in_another_encoding_is_not_cut_off(tmp_path: Path) -> None:
    (tmp_path / "in.csv").write_bytes(b"id,text\n1,ok fine\n2,caf\xe9 noir")
    with CsvReader(str(tmp_path / "in.csv")) as reader:
        list(reader.chunks(9))
    assert reader.rows_rejected == 1
    assert not any("cut off" in note for note in reader.notes)


def test_only_a_header_that_was_read_is_counted_among_the_rows(tmp_path: Path) -> None:
    (tmp_path / "in.csv").write_text("1,column_2\ncolumn_1,column_2\n")
    with CsvReader(str(tmp_path / "in.csv"), options=CsvOptions(no_header=True)) as reader:
        list(reader.chunks(9))
    assert reader.notes == []
