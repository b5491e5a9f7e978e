import csv
import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scorer.tables.escaped_csv import EscapedReader
from scorer.tables.table_streams import CsvDialect

DIALECT = CsvDialect(",", '"', "\\")
CELL = st.lists(
    st.sampled_from(["\\", '"', ",", "\n", "\r\n", "a", "é", " "]), min_size=1, max_size=5
).map("".join)


def read(text: str, dialect: CsvDialect = DIALECT, strict: bool = False) -> list[list[str]]:
    return list(EscapedReader(io.StringIO(text, newline=""), dialect, strict))


@given(st.lists(st.lists(CELL, min_size=2, max_size=3), max_size=4), st.booleans())
def test_what_the_standard_library_writes_with_an_escape_is_read(
    rows: list[list[str]], quoted: bool
) -> None:
    text = io.StringIO(newline="")
    quoting = csv.QUOTE_ALL if quoted else csv.QUOTE_MINIMAL
    how = {"quoting": quoting, "doublequote": False, "lineterminator": "\n"}
    csv.writer(text, escapechar="\\", **how).writerows(rows)
    assert read(text.getvalue()) == rows
    assert read(text.getvalue(), strict=True) == rows


@pytest.mark.parametrize(
    ("text", "rows"),
    [
        ('"a\\"b",c\n', [['a"b', "c"]]),
        ('"a""b",""\n', [['a"b', ""]]),
        ("a\\,b,c\n", [["a,b", "c"]]),
        ("a\\\nb,c\r\nd,e", [["a\nb", "c"], ["d", "e"]]),
        ("C:\\temp,\\N\n", [["C:\\temp", "\\N"]]),
        ("a\\\\,b\\", [["a\\", "b\\"]]),
        ("\n\r\n,\n", [[], [], ["", ""]]),
        ('a"b,"c"d\n', [['a"b', "cd"]]),
        ('"open', [["open"]]),
        ("", []),
    ],
)
def test_what_an_escape_acts_on(text: str, rows: list[list[str]]) -> None:
    assert read(text) == rows


@pytest.mark.parametrize("text", ['a,"b"c\n', '"a" ,b\n', '"a"\\",b\n', 'x\n"open\n'])
def test_strictly_a_quoted_field_ends_with_its_quote(text: str) -> None:
    with pytest.raises(csv.Error):
        read(text, strict=True)


def test_without_a_quote_quotes_are_text() -> None:
    assert read('"a\\,b","c\n', CsvDialect(",", "", "\\")) == [['"a,b"', '"c']]


def test_lines_are_counted_and_taken_one_by_one() -> None:
    lines = iter(["a\n", '"b\n', 'c"\n', "d\n"])
    reader = EscapedReader(lines, DIALECT, strict=True)
    assert [(next(reader), reader.line_num) for _ in range(2)] == [(["a"], 1), (["b\nc"], 3)]
    assert list(lines) == ["d\n"]


def test_a_cell_without_end_is_an_error_before_memory_is_full() -> None:
    limit = csv.field_size_limit(1000)
    try:
        with pytest.raises(csv.Error, match="larger than field limit"):
            read('"' + "b\n" * 1000)
    finally:
        csv.field_size_limit(limit)
