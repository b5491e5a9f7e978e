"""Quotes that are part of the text: what they swallow is told."""

from pathlib import Path

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
