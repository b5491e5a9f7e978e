"""Quotes that are part of the text: what they swallow is told."""

import csv
import io
from pathlib import Path
from typing import Literal

import pytest

from scorer.tables.csv_options import CsvOptions
from scorer.tables.csv_reader import CsvReader
from scorer.tables.doubts import Doubt


def notes_of(path: Path, text: str, **options: str) -> tuple[int, list[str]]:
    """Return how many rows a CSV has, and what is noted."""
    path.write_text(text, newline="")
    with CsvReader(str(path), None, CsvOptions(**options)) as reader:
        rows = sum(chunk.table.num_rows for chunk in reader.chunks(100))
    return rows + reader.rows_rejected, [note.removeprefix(f"{path}: ") for note in reader.notes]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "in.csv"


SWALLOWING = {
    "a quote later in a line": '2{0}"starts and ends not\n3{0}fine\n4{0}a 5" pipe, more "words"\n',
    "a quote at the end": '2{0}"starts and ends not\n3{0}fine\n4{0}a pipe of 5"\n',
    "a quote at another start": '2{0}"starts\n3{0}fine\n4{0}"starts again\n5{0}fine\n',
}


@pytest.mark.parametrize("delimiter", ["\t", ";", "|", ","])
@pytest.mark.parametrize("text", SWALLOWING.values(), ids=SWALLOWING)
def test_a_quote_that_swallows_rows_is_noted(path: Path, text: str, delimiter: str) -> None:
    text = f"id{delimiter}text\n1{delimiter}plain\n{text.format(delimiter)}"
    rows, notes = notes_of(path, text, delimiter=delimiter)
    assert rows < text.count("\n") - 1
    assert "over 3 lines because of a quote (the first at line 3)" in notes[0]
    assert "--quote none reads them so" in notes[0]
    rows, notes = notes_of(path, text, delimiter=delimiter, quote="none")
    assert (rows, notes) == (text.count("\n") - 1, [])


def test_a_quote_that_swallows_texts_of_a_single_column_is_noted(path: Path) -> None:
    rows, notes = notes_of(path, 'text\n"starts\nfine\nwords "in" quotes\nlast\n')
    assert rows == 2
    assert "1 row runs over 3 lines because of a quote" in notes[0]


@pytest.mark.parametrize(
    "cell", ["two\nlines", 'with ""quotes""\nand, commas\nin it', "\n\n", "a\r\nb, c"]
)
def test_line_breaks_in_quoted_texts_are_no_matter(path: Path, cell: str) -> None:
    assert notes_of(path, f'id,text\n1,"{cell}"\n2,plain\n') == (2, [])
    assert notes_of(path, f'text,label\n"{cell}",1\nplain,0\n') == (2, [])
    assert notes_of(path, f'id,text,label\n1,"{cell}",1\n2,plain,0\n') == (2, [])


LETTER = """Dear team,
my order:
kettle,29
- milk,eggs
def total(a,b):
    return a,b
Please send it, if you can, to
Main Street 5,10115 Berlin

Thanks,
Ana"""
LETTERS = {
    "a letter": LETTER,
    "a list between prose": "Bought twice:\nkettle,29\nlamp,15\nBoth broke. Never again.",
    "a greeting and a name": "Hi,\nthanks,\nBob",
    "two lines": "Hi,\nAna",
    "two lines of a list": "milk,eggs\nbread",
    "a list, its end apart": "milk,eggs\n\nbread",
    "an end with a comma and a space": "milk,eggs\nBest, Bob",
    "mostly closed quotes": 'Said "no",twice\n"never",he said\n"ever",he said\nso,so',
    "a table": "name,price\nkettle,29\nlamp,15",
    "a row at the end": "The kettle broke.\nIt was new.\nWith kind regards\nAna Silva,Berlin",
}


@pytest.mark.parametrize("quoting", [csv.QUOTE_MINIMAL, csv.QUOTE_ALL])
@pytest.mark.parametrize("columns", ["text,label", "label,text", "id,text,label", "id,label,text"])
@pytest.mark.parametrize("text", LETTERS.values(), ids=LETTERS)
def test_letters_with_lines_like_rows_are_no_matter(
    path: Path, text: str, columns: str, quoting: Literal[0, 1]
) -> None:
    names = columns.split(",")
    if text == LETTERS["a table"] and columns == "label,text":
        text += "\nThat is all"  # else it is as many rows of two fields as lines
    row = {"id": "7", "text": text, "label": "complaint"}
    file = io.StringIO(newline="")
    csv.writer(file, quoting=quoting).writerows([names, *[[row[name] for name in names]] * 9])
    assert notes_of(path, file.getvalue()) == (9, [])


@pytest.mark.parametrize("columns", ["id,text", "text,id", "id,text,label", "id,text,remark"])
@pytest.mark.parametrize("swallowed", [1, 2, 5, 40])
def test_rows_swallowed_as_a_whole_are_a_doubt(path: Path, columns: str, swallowed: int) -> None:
    def row(number: int, text: str) -> str:
        cells = {"id": str(number), "text": text, "label": "1", "remark": ""}
        return ",".join(cells[name] for name in columns.split(",")) + "\n"

    texts = ['"starts', *["fine", "good, very good"] * swallowed, 'a pipe of 5"', "last"]
    path.write_text(f"{columns}\n" + "".join(map(row, range(len(texts)), texts)), newline="")
    (note,) = kinds_of(path)
    assert type(note) is Doubt
    assert f"1 row runs over {len(texts) - 1} lines because of a quote" in note


SWALLOWED = {
    "a column that is always blank": 'text\tnote\nfine\t\n"starts\t\ngood\t\nends"\t\n',
    "such a column behind pipes": 'text|note\nfine|\n"starts|\ngood|\nends"|\n',
    "texts that begin with a space": 'id\ttext\n1\t good\n2\t"starts\n3\t fine\n4\t ends"\n',
    "blank lines": 'id,text,stars\n1,"good film,5\n\n\n\n9,bad",4\n',
    "blank lines between rows": 'text,stars\n"good film,5\n\n\nso,3\n\nbad",4\n',
    "a comma of the text": 'text,stars\n"Amazing, really,1\nso so,3\nbad, very bad",4\n',
    "spaces before fields": "id, text\n" + '1, "a, b"\n' * 30_000 + '2, "a\n3, b\n4, c"\n',
}


@pytest.mark.parametrize("text", SWALLOWED.values(), ids=SWALLOWED)
def test_swallowed_rows_are_a_doubt_however_they_are_spaced(path: Path, text: str) -> None:
    path.write_text(text, newline="")
    doubts = [note for note in kinds_of(path) if type(note) is Doubt]
    assert any("1 row runs over" in note for note in doubts)


def test_lines_of_a_single_column_are_no_rows(path: Path) -> None:
    assert notes_of(path, 'text\n"one\ntwo\nthree"\nfour\n', delimiter="tab") == (2, [])


def test_a_field_that_goes_on_after_its_closing_quote_is_noted(path: Path) -> None:
    rows, notes = notes_of(path, 'id,text\n1,"Up" is good\n2,"Alien" and "Aliens"\n3,fine\n')
    assert rows == 3
    assert notes == [
        "2 rows with a quoted field that goes on after its closing quote (the first at line 2): "
        "those quotes are left out. If quotes are part of the text, --quote none reads them so"
    ]


def test_an_escape_too_late_to_be_detected_is_noted(path: Path) -> None:
    rows = "".join(f"{i},plain words\n" for i in range(30_000))
    found, notes = notes_of(path, f'id,text\n{rows}7,"a \\"quiet\\" room"\n')
    assert found == 30_001
    assert notes == [
        '1 row with \\" inside quotes (the first at line 30,002). '
        "--escape '\\' reads them as escaped quotes"
    ]
    assert notes_of(path, f'id,text\n{rows}7,"a \\"quiet\\" room"\n', escape="\\")[1] == []


def kinds_of(path: Path) -> list[str]:
    """Return the notes after the whole file, as they are."""
    with CsvReader(str(path), None, CsvOptions()) as reader:
        list(reader.chunks(100))
    return reader.notes


def test_rows_that_are_swallowed_are_a_doubt_unless_several_lines_are_usual(path: Path) -> None:
    rows = 'id,text\n1,plain\n2,"starts\n3,fine\n4,"starts again\n'
    path.write_text(rows, newline="")
    assert [type(note) for note in kinds_of(path)] == [Doubt]
    usual = "".join(f'{i},"one\ntwo, and\nthree"\n' for i in range(9))
    path.write_text(f'id,text\n{usual}10,"said\nA,yes\nB,no"\n', newline="")
    (note,) = kinds_of(path)
    assert type(note) is str
    assert "where other rows have one line each" not in note
    many = "".join(f"{i},fine\n" for i in range(100))
    path.write_text(f'id,text\n{usual}10,"starts\n{many}11,"again\n', newline="")
    assert [type(note) for note in kinds_of(path)] == [Doubt]
