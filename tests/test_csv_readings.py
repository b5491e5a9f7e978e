"""Dialects that a table's first lines are plain about, and hints where they are not."""

import csv
import io
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scorer.errors import InputError
from scorer.tables.csv_dialect import detect_dialect
from scorer.tables.csv_options import CsvOptions
from scorer.tables.csv_reader import CsvReader
from scorer.tables.csv_readings import width_hint
from scorer.tables.csv_sample import CsvSample
from scorer.tables.doubts import Doubt
from scorer.tables.rejects import RejectSink
from scorer.tables.table_streams import CsvDialect

GOOD = "good, very good"
ROWS = [["1", GOOD, "a"], ["2", "fine", "b"], ["3", 'it "works", well', "c"]]
NAMES = ["id", "review", "note"]


def read(
    path: Path, data: str, rejects: RejectSink | None = None, **options: object
) -> tuple[CsvReader, list[list[str]]]:
    """Return the reader of a CSV and its rows."""
    path.write_text(data, newline="")
    with CsvReader(str(path), None, CsvOptions(**options), rejects) as reader:
        chunks = [chunk.table.to_pylist() for chunk in reader.chunks(100)]
    return reader, [list(row.values()) for chunk in chunks for row in chunk]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "in.csv"


def written(**how: object) -> str:
    text = io.StringIO(newline="")
    csv.writer(text, lineterminator="\n", **how).writerows([NAMES, *ROWS])
    return text.getvalue()


SPACED = 'id, review, note\n1, "good, very good", a\n2, fine, b\n3, "it ""works"", well", c\n'
READINGS = {
    "spaces before quotes": (SPACED, "spaces before fields are left out"),
    "single quotes": (written(quotechar="'"), '--quote "\'" says'),
    "an escape, no quote": (
        written(quoting=csv.QUOTE_NONE, escapechar="\\", quotechar=None),
        "--escape '\\' says",
    ),
    "an escape, and quotes that are text": (
        written(quoting=csv.QUOTE_NONE, escapechar="\\", quotechar=None).replace(
            "fine", '"fine" it is'
        ),
        "--escape '\\' --quote none says",
    ),
}


@pytest.mark.parametrize("ending", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize(("data", "noted"), READINGS.values(), ids=READINGS)
def test_a_dialect_is_taken_that_alone_fits_all_rows(
    path: Path, data: str, noted: str, ending: str
) -> None:
    reader, rows = read(path, data.replace("\n", ending))
    assert [[*row[:1], row[1].replace('"fine" it is', "fine"), *row[2:]] for row in rows] == ROWS
    assert (reader.schema.names, reader.rows_rejected) == (NAMES, 0)
    assert noted in reader.notes[0]


UNCHANGED = {
    "a space before quotes that hold no comma": 'id, text\n1, "good"\n2, "bad"\n',
    "single quotes that hold no comma": "id,text\n1,'good'\n2,'bad'\n",
    "paths": "id,path,text\n1,C:\\,good\n2,D:\\,bad\n",
    "apostrophes": "id,text\n1,'tis good\n2,'tis bad\n",
}


@pytest.mark.parametrize("data", UNCHANGED.values(), ids=UNCHANGED)
def test_rows_that_fit_are_read_as_csv_reads_them(path: Path, data: str) -> None:
    reader, rows = read(path, data)
    assert [reader.schema.names, *rows] == list(csv.reader(io.StringIO(data)))
    assert reader.notes == []


@given(st.lists(st.lists(st.text(" ,'\"\\a\n", max_size=5), min_size=3, max_size=3), min_size=2))
def test_a_well_formed_table_never_gets_another_dialect(rows: list[list[str]]) -> None:
    text = io.StringIO(newline="")
    csv.writer(text).writerows(rows)
    sample = CsvSample(text.getvalue().splitlines(keepends=True), complete=True)
    dialect = detect_dialect(sample, CsvOptions(delimiter=",", escape="none"))
    assert (dialect.quote == "'") <= ('"' not in sample)
    assert not dialect.skip_space


HINTS = {
    "spaces before quotes": ('{0}, "good, very good", x', "A space stands before their quotes"),
    "single quotes": ("{0},'good, very good',x", '--quote "\'" reads them'),
    "an escape": ("{0},good\\, very good,x", "--escape '\\' reads them"),
    "another delimiter": ("{0};good;x", "They have ';' between fields: two files may be joined"),
    "an unquoted delimiter": (
        "{0},a,good,x",
        "A cell that holds a delimiter or a line break needs quotes",
    ),
    "a quoted footer": ('"Made by A, B and {0}"', "If a total or a number of rows stands below"),
    "a footer": ("Total: {0}", "If a total or a number of rows stands below the table"),
}


@pytest.mark.parametrize(("row", "hint"), HINTS.values(), ids=HINTS)
def test_rows_that_do_not_fit_far_down_get_a_hint(path: Path, row: str, hint: str) -> None:
    above = "".join(f"{i},plain words,x\n" for i in range(30_000))
    reader, rows = read(path, f"id,review,note\n{above}{row.format(8)}\n{row.format(9)}\n")
    assert (len(rows), reader.rows_rejected) == (30_000, 2)
    assert reader.reject_hint.startswith(hint)


def test_fields_are_missing_where_most_rows_are_narrower(path: Path) -> None:
    reader, _ = read(path, "id,review,note\n" + "1,plain words\n" * 30)
    assert reader.reject_hint.startswith("A row has as many fields as the header has names")


@pytest.mark.parametrize("delimiter", ["|", ";", "\t"])
def test_rows_of_any_width_are_not_read_as_one_column(path: Path, delimiter: str) -> None:
    header, row = delimiter.join(["id", "text", "z"]), delimiter.join(["1", "good", "x"])
    ragged = "".join(f"{row}{f'{delimiter}more' * (i % 4)}\n" for i in range(20))
    reader, rows = read(path, f"{header}\n{ragged}")
    assert (reader.schema.names, len(rows), reader.rows_rejected) == (["id", "text", "z"], 5, 15)
    escaped = row.replace("good", f"good\\{delimiter} warm")
    reader, rows = read(path, f"{header}\n{escaped}\n{escaped}\n{row}\n")
    assert [cells[1] for cells in rows] == [f"good{delimiter} warm"] * 2 + ["good"]


def test_a_name_is_missing_where_most_rows_are_wider() -> None:
    rows = CsvSample([f"{i},a,good,x\n" for i in range(9)], complete=True)
    hints = [width_hint(rows, CsvDialect(), 3, is_most, True) for is_most in (True, False)]
    assert hints[0].startswith("If the header lacks a name (R writes none for the names")
    assert hints[1].startswith("A cell that holds a delimiter or a line break needs quotes")


def test_a_short_row_among_others_is_no_footer(path: Path) -> None:
    reader, _ = read(path, "id,review\n1,good\nfilm\n2,bad\n")
    assert reader.reject_hint.startswith("A cell that holds a delimiter or a line break needs")


TEXTS = ["Good, really good", "bad", "This is, well, fine", "Well, no"]


def test_a_column_of_texts_with_commas_is_read_as_one(path: Path, tmp_path: Path) -> None:
    rejects = RejectSink(tmp_path / "rejects.csv")
    path.write_bytes("\n".join(["review", *TEXTS, "café, nice"]).encode("latin-1"))
    with CsvReader(str(path), rejects=rejects) as reader:
        (chunk,) = reader.chunks(99)
    assert chunk.table.to_pydict() == {"review": TEXTS}
    assert isinstance(reader.notes[0], Doubt)
    assert "each line is read as one text" in reader.notes[0]
    assert reader.dialect.delimiter == ","  # of the output
    fixed = (tmp_path / "rejects.csv").read_bytes().replace(b"\xe9", b"e").decode()
    assert read(path, fixed)[1] == [["cafe, nice"]]


@pytest.mark.parametrize("texts", [["yes,no", "maybe", "a,b,c"], ["yes, no", "no, yes"]])
def test_a_column_that_may_be_several_is_not_taken_for_texts(path: Path, texts: list[str]) -> None:
    data = "\n".join(["review", *texts, ""])
    reader, _ = read(path, data)
    assert reader.rows_rejected > 0
    assert reader.reject_hint == "If each line is one text, --delimiter tab reads it so"
    assert [row[0] for row in read(path, data, delimiter="tab")[1]] == texts


def test_commas_of_texts_do_not_hide_the_delimiter(path: Path) -> None:
    reader, rows = read(path, "id;name, review\n1;good, film\n2;bad, film\n")
    assert (reader.schema.names, rows[0]) == (["id", "name, review"], ["1", "good, film"])


@pytest.mark.parametrize("delimiter", ["~|~", "|~|", "#|#", "||", "::"])
def test_a_delimiter_of_several_characters_is_refused(path: Path, delimiter: str) -> None:
    data = "\n".join(delimiter.join(row) for row in [NAMES, *ROWS])
    with pytest.raises(InputError, match="between fields, and a delimiter is a single character"):
        read(path, data)


def test_what_stands_beside_some_delimiters_is_text(path: Path) -> None:
    assert read(path, "a|b|c\n*x*|*y*|*z*\n*x*|*y*|*z*\n")[0].schema.names == ["a", "b", "c"]
    assert read(path, "a-|-b\n1-|2\n")[0].schema.names == ["a-", "-b"]
    assert read(path, "id,,text\n1,,good\n2,,bad\n")[1] == [["1", "", "good"], ["2", "", "bad"]]


def test_a_rejected_row_with_spaces_before_quotes_can_be_put_right(tmp_path: Path) -> None:
    rejects = RejectSink(tmp_path / "rejects.csv")
    above = SPACED + "".join(f'{i}, "plain, words", x\n' for i in range(30_000))
    read(tmp_path / "in.csv", f'{above}9, "good, very good", x, y\n', rejects)
    fixed = (tmp_path / "rejects.csv").read_text().replace(", y", "")
    reader, rows = read(tmp_path / "again.csv", fixed)
    assert (reader.schema.names, rows) == (NAMES, [["9", GOOD, "x"]])


@pytest.mark.parametrize(
    "data",
    [
        "review,label,notes\n1,good film,1,\n2,bad film,0,\n",  # R's numbers of the rows
        "id,review,notes\n0,100,good film,\n1,101,bad film,\n",  # pandas'
    ],
)
def test_numbers_without_a_name_do_not_shift_the_cells(path: Path, data: str) -> None:
    reader, rows = read(path, data)
    assert (rows, reader.rows_rejected) == ([], 2)
    assert reader.reject_hint.startswith("If the header lacks a name")


@pytest.mark.parametrize(
    ("data", "names"),
    [
        (",id,genre|tags,review\n0,1,a|b,good film\n1,2,c|d,bad film\n", 4),
        (",review;note\n0,good;film\n1,bad;film\n", 2),
        ("id,genre|tags,\n7,a|b,\n9,c|d,\n", 3),
    ],
)
def test_a_blank_name_does_not_make_another_delimiter_likelier(
    path: Path, data: str, names: int
) -> None:
    reader, rows = read(path, data)
    assert [len(row) for row in rows] == [names, names]
    assert reader.dialect.delimiter == ","


FITTING = {
    "double quotes": ('{0},"fine film {0}","Bob"\n', "200,'good, film',Al\n"),
    "backslashes": ("{0},C:\\\\srv\\a,good film\n", "200,x,good\\, film\n"),
    "spaces": ("{0},  indented {0},Bob\n", '200, "good, film",Al\n'),
}


@pytest.mark.parametrize(("row", "odd"), FITTING.values(), ids=FITTING)
def test_an_odd_row_does_not_change_the_cells_of_the_others(path: Path, row: str, odd: str) -> None:
    others = "".join(row.format(i) for i in range(1, 200))
    expected = list(csv.reader(io.StringIO(others)))
    reader, rows = read(path, f"id,review,user\n{others}{odd}")
    assert rows == expected
    assert reader.rows_rejected == 1


@pytest.mark.parametrize("delimiter", [";", "\t", "|"])
@pytest.mark.parametrize("quoting", [csv.QUOTE_MINIMAL, csv.QUOTE_ALL])
def test_of_two_that_fit_the_delimiter_of_more_fields_is_taken(
    path: Path, delimiter: str, quoting: int
) -> None:
    table = [["Nr", "Preis,EUR", "Bewertung"], ["1", "1,50", "gut"], ["2", "2,50", "nicht gut"]]
    text = io.StringIO(newline="")
    csv.writer(text, delimiter=delimiter, quoting=quoting).writerows(table)
    reader, rows = read(path, text.getvalue())
    assert (reader.schema.names, rows) == (table[0], table[1:])


def test_a_hint_there_is_none_for_is_the_general_one(path: Path) -> None:
    reader, _ = read(path, "text\nhello there my\nfriend of mine\na,b\t|\x1fc\n")
    assert reader.rows_rejected == 1
    assert reader.reject_hint.startswith(
        "A cell that holds a delimiter or a line break needs quotes"
    )
