"""How a CSV begins: its encoding, its dialect, its header. Expected values are written by hand."""

import codecs
import re
import subprocess
from pathlib import Path

import pytest

from scorer.errors import InputError, UsageError
from scorer.tables.csv_options import CsvOptions, shown
from scorer.tables.csv_reader import CsvReader
from scorer.tables.doubts import Doubt
from scorer.tables.formats import format_of, open_table
from scorer.tables.rejects import RejectSink

GOOD, DULL = "the soup was warm and good", "a dull evening with no point"
ROWS = [["1", "2020-01-01", GOOD], ["2", "2020-01-02", DULL]]
NAMES = ["id", "date", "text"]


def lines(delimiter: str, ending: str = "\n") -> str:
    return "".join(delimiter.join(row) + ending for row in [NAMES, *ROWS])


def read(
    folder: Path, data: str | bytes, **options: object
) -> tuple[list[str], list[list[str]], list[str]]:
    """Return the names, the rows and the notes of a CSV of which no row is rejected."""
    path = folder / "in.csv"
    path.write_bytes(data if isinstance(data, bytes) else data.encode())
    with CsvReader(str(path), None, CsvOptions(**options)) as reader:
        rows = [list(row.values()) for chunk in reader.chunks(3) for row in chunk.table.to_pylist()]
        assert (reader.rows_read, reader.rows_rejected) == (len(rows), 0)
        return reader.schema.names, rows, [note.removeprefix(f"{path}: ") for note in reader.notes]


@pytest.mark.parametrize("ending", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("delimiter", [";", ",", "\t", "|", "^", "é"])
def test_a_sep_line_says_what_separates_fields(tmp_path: Path, delimiter: str, ending: str) -> None:
    names, rows, notes = read(tmp_path, f"SEP={delimiter}{ending}{lines(delimiter, ending)}")
    assert (names, rows) == (NAMES, ROWS)
    assert "`sep=" in notes[0]


def test_a_sep_line_is_skipped_where_the_delimiter_is_given(tmp_path: Path) -> None:
    assert read(tmp_path, f"sep=;\n{lines(',')}", delimiter=",")[:2] == (NAMES, ROWS)
    marked = codecs.BOM_UTF8 + f"sep=;\r\n{lines(';')}".encode()
    assert read(tmp_path, marked)[:2] == (NAMES, ROWS)


@pytest.mark.parametrize("line", ['"sep=;"', "sep=; ", "Sep=;", "sep=;;;;", '"sep=;";;'])
def test_a_sep_line_may_be_quoted_or_padded(tmp_path: Path, line: str) -> None:
    assert read(tmp_path, f"{line}\r\n{lines(';')}")[:2] == (NAMES, ROWS)


@pytest.mark.parametrize("delimiter", ["::", "~~", "^^", "||"])
def test_a_delimiter_of_two_characters_is_refused(tmp_path: Path, delimiter: str) -> None:
    with pytest.raises(InputError, match="between fields, and a delimiter is a single character"):
        read(tmp_path, lines(delimiter))


def test_a_column_may_be_called_sep(tmp_path: Path) -> None:
    assert read(tmp_path, "sep=,b\n1,2\n")[0] == ["sep=", "b"]


PREAMBLES = {
    "a title": ("Customer reviews\n", 1),
    "two lines and a blank one": ("Customer reviews\nof 2020\n\n", 3),
    "a title with fields": ("Customer reviews{0}2020\n", 1),
    "a comment of more fields": ("# Reviews{0}of{0}2020{0}by{0}us\n", 1),
    "a quoted title": ('"Customer\nreviews"\n', 2),
    "a title as wide as the table": ("Customer reviews{0}{0}\n", 1),
    "several such lines": ("Customer reviews{0}{0}\n{0}{0}\n2020-01-01{0}{0}\n", 3),
}


@pytest.mark.parametrize("delimiter", [";", ",", "\t", "|"])
@pytest.mark.parametrize("preamble", PREAMBLES.values(), ids=PREAMBLES)
def test_lines_above_the_header_are_refused_with_the_option_that_skips_them(
    tmp_path: Path, preamble: tuple[str, int], delimiter: str
) -> None:
    text, skipped = preamble
    data = text.format(delimiter) + lines(delimiter)
    with pytest.raises(InputError, match=f"--skip-rows {skipped} leaves it out"):
        read(tmp_path, data)
    assert read(tmp_path, data, skip_rows=skipped)[:2] == (NAMES, ROWS)
    with pytest.raises(InputError, match="--skip-rows"):
        read(tmp_path, data, delimiter=delimiter)


@pytest.mark.parametrize("delimiter", ["\x01", "\x02", "\x1f"])
def test_a_control_character_is_a_delimiter_beyond_doubt(tmp_path: Path, delimiter: str) -> None:
    names, rows, notes = read(tmp_path, lines(delimiter))
    assert (names, rows) == (NAMES, ROWS)
    assert f"fields are separated by {shown(delimiter)}" in notes[0]


def test_a_broken_line_does_not_hide_a_control_character(tmp_path: Path) -> None:
    data = lines("\x01") + "".join(f"{i}\x012020-01-03\x01fine words\n" for i in range(30))
    (tmp_path / "in.csv").write_text(data + "broken\n")
    with CsvReader(str(tmp_path / "in.csv")) as reader:
        assert reader.schema.names == NAMES


def test_a_header_may_lack_names(tmp_path: Path) -> None:
    assert read(tmp_path, ",text\n0,good\n1,bad\n")[0] == ["", "text"]
    assert read(tmp_path, "text,\ngood,1\nbad,0\n")[0] == ["text", ""]
    assert read(tmp_path, "id,,\n1,2,3\n4,5,6\n")[0] == ["id", "", ""]


@pytest.mark.parametrize(("numbers", "options"), [("", ""), ('"7" ', " --skip-rows 1 --no-header")])
@pytest.mark.parametrize("name", ["in.csv", "in.txt"])
def test_names_in_quotes_with_spaces_between_them_are_refused(
    tmp_path: Path, name: str, numbers: str, options: str
) -> None:
    (tmp_path / name).write_text('"text" "stars"\n' + f'{numbers}"warm, good" 5\n' * 9)
    with (
        pytest.raises(InputError, match=f"--delimiter space{options} reads "),
        open_table(str(tmp_path / name), format_of(name)),
    ):
        pass


def test_quotes_with_spaces_between_them_may_be_of_a_name(tmp_path: Path) -> None:
    for name in ('Is it "warm" "good"?', 'Which "one" "two", if any'):
        quoted = '"' + name.replace('"', '""') + '"'
        assert read(tmp_path, f"{quoted}\ngood\nbad\n")[0] == [name]


@pytest.mark.parametrize("delimiter", ["^", ":", "~", "#", "§", "¦"])
def test_any_other_delimiter_is_refused_with_the_option_that_names_it(
    tmp_path: Path, delimiter: str
) -> None:
    data = lines(delimiter)
    with pytest.raises(InputError) as refused:
        read(tmp_path, data)
    option = f"--delimiter '{delimiter}'" if delimiter.isascii() else "--delimiter '"
    assert option in refused.value.hint
    assert read(tmp_path, data, delimiter=delimiter)[:2] == (NAMES, ROWS)
    assert read(tmp_path, data, delimiter=",")[0] == [delimiter.join(NAMES)]


TEXTS = {
    "commas and colons": ["text", "note: good; really", "note: bad", "so: so"],
    "one semicolon each": ["text", "good; really", "bad; really", "fair; really"],
    "a question": ["What do you think?", "I think so?", "Do you?", "Why?"],
    "hyphens": ["review-text", "so-so", "well-made"],
    "plain": ["text", GOOD, DULL],
    "some with semicolons": ["text", "a;b", "c", "d;e", "f;g", "h"],
}


@pytest.mark.parametrize("texts", TEXTS.values(), ids=TEXTS)
def test_a_single_column_that_is_text_stays_one(tmp_path: Path, texts: list[str]) -> None:
    names, rows, _ = read(tmp_path, "\n".join(texts) + "\n")
    assert (names, [row[0] for row in rows]) == (texts[:1], texts[1:])


def test_texts_with_a_comma_each_are_refused_with_the_option_that_reads_them(
    tmp_path: Path,
) -> None:
    data = "text\nyes,no\nno,yes\nno,no\n"
    with pytest.raises(InputError, match="if each line is one text, --delimiter tab reads it so"):
        read(tmp_path, data)
    assert read(tmp_path, data, delimiter="tab")[1] == [["yes,no"], ["no,yes"], ["no,no"]]


@pytest.mark.parametrize("given", ["\\x01", "\\u0001", "\x01"])
def test_a_delimiter_may_be_written_as_an_escape(tmp_path: Path, given: str) -> None:
    assert read(tmp_path, lines("\x01"), delimiter=given)[:2] == (NAMES, ROWS)


def test_what_a_message_shows_is_taken_back(tmp_path: Path) -> None:
    for character in ("\x01", "\t", ";", "^", " ", "é"):
        given = shown(character).strip("'")
        assert CsvOptions(delimiter=given).delimiter_character == character


def test_without_a_header_columns_are_numbered(tmp_path: Path) -> None:
    data = lines(",").partition("\n")[2]
    names, rows, notes = read(tmp_path, data, no_header=True)
    assert (names, rows, notes) == (["column_1", "column_2", "column_3"], ROWS, [])
    names, rows, _ = read(tmp_path, f"title\n\n{GOOD}\n{DULL}\n", no_header=True, skip_rows=1)
    assert (names, rows) == (["column_1"], [[GOOD], [DULL]])
    with pytest.raises(InputError, match="is empty"):
        read(tmp_path, "\n", no_header=True)


DATA_FIRST = {
    "prose": f"{GOOD}\n{DULL}\nkind staff\n",
    "a short sentence": "It was good!\nNo.\nBad\n",
    "small words alone": "I was so sad\nNo\nBad\n",
    "a title that ends as a sentence": "Best Film Ever!\nNo\nBad\n",
    "a longer one": "Worst Purchase I Ever Made.,a\nNo,b\nBad,c\n",
    "a title beside a number of its kind": "id7,Best Movie of the Year\nid8,No\nid9,Bad\n",
    "a title beside a label": "Best Movie of the Year,pos\nBad,neg\nWow,pos\n",
    "a number": "7,good food\n8,bad food\n",
    "a date": "2020-01-01;good\n2020-01-02;bad\n",
    "a label": f"1,{GOOD}\n0,{DULL}\n",
}
NAMES_FIRST = {
    "names": "id,text\n1,good\n",
    "a question": "What did you like about it?,stars\nnothing,1\n",
    "a title": "Full Text Of The Review,stars\nnothing,1\n",
    "a title with small words": "Review Submit Date and Time,Customer's Text of the Review\na,b\n",
    "a title beside a blank column": "Full Text of the Review,\ngood,\nbad,\n",
    "a name that recurs": "text,label\ntext,1\ngood,0\n",
    "numbers as pandas writes them": "0,1\n5,good\n6,bad\n",
    "a year": "2020,text\nabc,good\n",
}


@pytest.mark.parametrize("data", DATA_FIRST.values(), ids=DATA_FIRST)
def test_a_first_row_that_looks_like_data_is_noted(tmp_path: Path, data: str) -> None:
    _, rows, notes = read(tmp_path, data)
    assert len(rows) == data.count("\n") - 1
    assert "--no-header reads it as a row, --header says that it is the header" in notes[0]
    assert read(tmp_path, data, header=True)[1:] == (rows, [])


def test_a_header_that_is_confirmed_is_no_title(tmp_path: Path) -> None:
    data = "review, ,\ngood,ann,a\nbad,bob,b\n"
    with pytest.raises(InputError, match=r"the header has 1 name for 3 columns.*--header says"):
        read(tmp_path, data)
    assert read(tmp_path, data, header=True)[1] == [["good", "ann", "a"], ["bad", "bob", "b"]]


def test_a_column_whose_rows_end_in_a_delimiter_is_read(tmp_path: Path) -> None:
    names, rows, notes = read(tmp_path, 'review\ngood film,\n"so, so",\nbad,\n')
    assert (names, rows) == (["review", ""], [["good film", ""], ["so, so", ""], ["bad", ""]])
    assert "its rows end in a delimiter and its header does not" in notes[0]


def test_lines_that_end_in_another_delimiter_are_noted(tmp_path: Path) -> None:
    names, _, notes = read(tmp_path, 'id,review;\n1,good film;\n2,"so, so";\n')
    assert (names, notes[0]) == (
        ["id", "review;"],
        "each line ends in ';', which is read as part of the last column",
    )
    assert read(tmp_path, "id,review;\n1,good film;\n2,so\n")[2] == []


DRAWN = {
    "psql": " id |  review   \n----+-----------\n  1 | good film\n(1 row)\n",
    "mysql": "+----+------+\n| id | text |\n+----+------+\n|  1 | good |\n+----+------+\n",
    "mysql, one column": "+--------+\n| review |\n+--------+\n| good   |\n+--------+\n",
    "Markdown": "| id | review |\n|----|:-------|\n| 1 | good, sour |\n",
    "Markdown, not aligned": "| id | review |\n|---|---|\n| 1 | good, sour |\n",
    "sqlcmd": "id   |review   \n-----|---------\n    1|good film\n",
}


BOXED = {
    "DuckDB": "┌────┬──────┐\n│ id │ text │\n├────┼──────┤\n│  1 │ good │\n└────┴──────┘\n",
    "polars": "shape: (1, 2)\n┌─────┬──────┐\n│ id  ┆ text │\n│ --- ┆ ---  │\n╞═════╪══════╡\n",
    "ClickHouse": "┌─id─┬─text─┐\n│  1 │ good │\n└────┴──────┘\n",
    "double lines": "╔════╦══════╗\n║ id ║ text ║\n╠════╬══════╣\n║  1 ║ good ║\n╚════╩══════╝\n",
}


@pytest.mark.parametrize("name", [*DRAWN, *BOXED])
def test_a_table_that_is_drawn_is_refused(tmp_path: Path, name: str) -> None:
    said = r"drawn with \| and -.*`psql --csv` writes CSV"
    if name in BOXED:
        said = r"drawn with lines, as DuckDB, polars.*`duckdb -csv`"
    with pytest.raises(InputError, match=said):
        read(tmp_path, {**DRAWN, **BOXED}[name])


LISTED = {
    "psql -x": "-[ RECORD 1 ]------\nid     | 1\nreview | good film\n",
    "mysql -E": f"{'*' * 27} 1. row {'*' * 27}\n    id: 1\nreview: good film\n",
    "ClickHouse": "Row 1:\n──────\nid:     1\nreview: good film\n",
}


@pytest.mark.parametrize("name", ["in.csv", "in.txt"])
@pytest.mark.parametrize("data", LISTED.values(), ids=LISTED)
def test_cells_in_a_line_each_are_refused(tmp_path: Path, data: str, name: str) -> None:
    path = tmp_path / name
    path.write_text(data, encoding="utf-8")
    with pytest.raises(InputError, match=r"each cell in a line of its own.*`psql --csv`"):
        open_table(str(path), format_of(name))


def test_a_text_may_begin_like_a_table_for_the_screen(tmp_path: Path) -> None:
    for first in ("┌─ a note", "Row 1:", "***"):
        assert read(tmp_path, f"{first}\nso good\nso bad\n")[1] == [["so good"], ["so bad"]]


@pytest.mark.parametrize("data", ["id\x1ftext\x1e1\x1fso good\x1e", "id,text\x851,so good\x85"])
def test_rows_without_line_breaks_are_refused(tmp_path: Path, data: str) -> None:
    with pytest.raises(InputError, match=r"all of it would be the header, 'id.*line break"):
        read(tmp_path, data)
    assert read(tmp_path, data, header=True)[1] == []


@pytest.mark.parametrize(
    "data", ["id,text\n", "id\x01text\r\n", "id,\x0btext\n", f"id,{'Do you agree? ' * 200}\n"]
)
def test_a_header_alone_is_a_table_without_rows(tmp_path: Path, data: str) -> None:
    assert read(tmp_path, data)[1] == []


def test_lines_above_rows_without_a_header_are_refused_with_both_options(tmp_path: Path) -> None:
    data = "Our reviews\nof 2026\n" + "1\tso good\n2\tso bad\n" * 5
    with pytest.raises(InputError, match="--skip-rows 2 --no-header reads them"):
        read(tmp_path, data)
    assert len(read(tmp_path, data, skip_rows=2, no_header=True)[1]) == 10


def test_a_title_above_two_columns_is_refused(tmp_path: Path) -> None:
    data = "Our reviews,\nid,review\n1,so good\n2,so bad\n3,so so\n"
    with pytest.raises(InputError, match=r"the header has 1 name for 2 columns.*--skip-rows 1"):
        read(tmp_path, data)
    assert read(tmp_path, "id,\na1,so good\na2,so bad\na3,so so\n")[0] == ["id", ""]
    assert len(read(tmp_path, "review,\nGreat,unknown\nAwful,1\nFine,3\nLovely,5\n")[1]) == 4


def test_a_moment_below_a_name_is_a_date(tmp_path: Path) -> None:
    rows = "".join(f"1/{day}/2026 3:04:05 PM GMT+1,so good\n" for day in range(1, 9))
    assert read(tmp_path, f"Timestamp,How do you like it [Food]\n{rows}")[2] == []


@pytest.mark.parametrize(
    ("encoding", "text"), [("iso2022_jp", "とても良い"), ("iso2022_kr", "정말 좋아요")]
)
def test_encodings_with_escapes_are_refused_with_the_option_that_reads_them(
    tmp_path: Path, encoding: str, text: str
) -> None:
    data = f"id,review\n1,{text}\n2,{text}\n".encode(encoding)
    with pytest.raises(InputError, match=f"it is ISO-2022.*--encoding {encoding} reads it"):
        read(tmp_path, data)
    assert read(tmp_path, data, encoding=encoding)[1] == [["1", text], ["2", text]]
    assert read(tmp_path, b"id,review\n1,\x1b[31mgood\x1b[0m\n")[1] == [
        ["1", "\x1b[31mgood\x1b[0m"]
    ]


def test_ebcdic_is_refused_with_the_option_that_reads_it(tmp_path: Path) -> None:
    data = f"id,review\n1,{GOOD}\n2,{GOOD}\n"
    with pytest.raises(InputError, match=r"it is EBCDIC.*--encoding cp037 reads it"):
        read(tmp_path, data.encode("cp037"))
    assert read(tmp_path, data.encode("cp037"), encoding="cp037")[1] == [["1", GOOD], ["2", GOOD]]


def test_a_delimiter_that_is_given_reads_a_drawn_table(tmp_path: Path) -> None:
    names, rows, _ = read(tmp_path, DRAWN["Markdown"].replace("id", "a"), delimiter="^")
    assert (names, len(rows)) == (["| a | review |"], 2)


PADDED = {
    "names": ["id    review", *[f"{i:<5} so, good {i}" for i in range(8)]],
    "a drawn line": ["   ID REVIEW", "----- ------", *[f"{i:>5} good {i}" for i in range(8)]],
}


@pytest.mark.parametrize("lines", PADDED.values(), ids=PADDED)
def test_a_table_that_is_filled_up_with_spaces_is_refused(tmp_path: Path, lines: list) -> None:
    data = "\n".join([*lines, ""])
    with pytest.raises(InputError, match=r"filled up with spaces.*--input-format lines reads"):
        read(tmp_path, data)
    assert len(read(tmp_path, data, delimiter="tab")[1]) >= 8


def test_a_few_lines_with_a_gap_at_one_place_are_not_filled_up(tmp_path: Path) -> None:
    texts = ["so good  and long", "so poor  and slow", "no idea  what for"]
    assert read(tmp_path, "\n".join(["as said  by all", *texts, ""]))[1] == [[t] for t in texts]


def test_prose_with_two_spaces_is_not_filled_up(tmp_path: Path) -> None:
    texts = [f"{'x' * i} a good  film as any" for i in range(8)]
    assert len(read(tmp_path, "\n".join(["my  review of it", *texts, ""]))[1]) == 8
    assert len(read(tmp_path, "id  ,review  of\n" + "1   ,good  film\n" * 8)[1]) == 8


def test_cells_of_dashes_are_no_drawing(tmp_path: Path) -> None:
    assert read(tmp_path, "id|review\n--|--\n1|good\n")[1] == [["--", "--"], ["1", "good"]]
    assert read(tmp_path, "id | text\n-- | --\n1 | good\n")[1][0] == ["-- ", " --"]
    assert read(tmp_path, "id|review\n---|---\n1|good\n")[1][0] == ["---", "---"]
    assert read(tmp_path, "review\n-----\ngood\n")[1] == [["-----"], ["good"]]


WRAPPED = '"1,""good film"",5"\n"2,""bad, very bad"",1"\n"3,so ""so"",3"\n'


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
def test_rows_that_are_quoted_as_a_whole_are_told(tmp_path: Path, delimiter: str) -> None:
    rows = WRAPPED.replace(",", delimiter)
    header = "id,review,stars".replace(",", delimiter)
    with pytest.raises(InputError, match=r"each of its rows is quoted as a whole\. Unless"):
        read(tmp_path, f'"{header}"\n{rows}')
    names, _, _ = read(tmp_path, f'"{header}"\n{rows}', delimiter="^")
    assert names == [header]
    (tmp_path / "in.csv").write_text(f"{header}\n{rows}")
    with CsvReader(str(tmp_path / "in.csv"), None, CsvOptions(delimiter)) as reader:
        assert reader.count_rows() == 0
        assert reader.reject_hint.startswith("They are quoted as a whole. Unless")
        (command,) = re.findall("`(.*)`", reader.reject_hint)
    subprocess.run(f"{command} in.csv > out.csv", shell=True, cwd=tmp_path, check=True)
    text = '1,"good film",5\n2,"bad, very bad",1\n3,so "so",3\n'.replace(",", delimiter)
    assert (tmp_path / "out.csv").read_text() == f"{header}\n{text}"


def test_quoted_texts_with_commas_are_no_rows(tmp_path: Path) -> None:
    data = '"review, as given"\n"good, sour"\n"bad, very bad"\n"so, so"\n'
    assert len(read(tmp_path, data)[1]) == 3
    assert len(read(tmp_path, '"review"\n"a,b"\n"c,d"\n"e,f"\n')[1]) == 3
    assert read(tmp_path, '"a,b"\n"c,d"\n')[1] == [["c,d"]]
    assert len(read(tmp_path, '"a,b"\n"c,d\ne"\n"f,g\nh"\n')[1]) == 2
    assert len(read(tmp_path, '"review"\n"a\nb"\n"c\n\nd"\n"\n"\n""\n')[1]) == 4


def test_texts_with_a_comma_each_are_read_without_a_header(tmp_path: Path) -> None:
    data = '"a b,c d"\n"e f,g h"\n"i,k"\n'
    with pytest.raises(InputError, match="--no-header the first one too"):
        read(tmp_path, data)
    assert read(tmp_path, data, no_header=True)[1] == [["a b,c d"], ["e f,g h"], ["i,k"]]


def test_a_quoted_header_above_rows_that_are_not_is_told_as_it_is(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="the header 'id;review' has 1 field, but the lines from"):
        read(tmp_path, '"id;review"\n1;good\n2;bad\n3;so\n')


SURVEYS = {
    "ClickHouse": (
        "id,text\nUInt32,LowCardinality(Nullable(String))\n1,good\n2,bad\n",
        "1 row below the header holds no data but what ClickHouse writes there (types)",
    ),
    "sqlcmd": (
        "id,review\n--,------\n1,good\n2,bad\n",
        "1 row below the header holds no data but what sqlcmd writes there (dashes)",
    ),
    "Qualtrics": (
        'Start,Q1\nStart Date,"How satisfied are you, overall?"\n'
        '"{""ImportId"":""start"",""timeZone"":""x""}","{""ImportId"":""QID1""}"\n7,good\n8,bad\n',
        "2 rows below the header hold no data but what Qualtrics writes there",
    ),
    "Qualtrics without questions": (
        'Start,Q1\n"{""ImportId"":""start""}",\n7,good\n8,bad\n',
        "1 row below the header holds no data but what Qualtrics writes there",
    ),
    "SurveyMonkey": (
        "Respondent ID,Satisfied?,What else?\n,Response,Open-Ended Response\n7,yes,no\n8,no,more\n",
        "1 row below the header holds no data but what SurveyMonkey writes there",
    ),
}


def test_a_first_row_of_a_word_that_is_a_type_is_a_row(tmp_path: Path) -> None:
    assert read(tmp_path, "id,text\nUInt32,String theory was hard\n1,good\n")[2] == []
    assert read(tmp_path, "id,text\n7,String\n8,good\n")[2] == []
    assert read(tmp_path, "text\nString\ngood\n")[2] == []


def test_a_first_row_of_dashes_may_be_one_without_answers(tmp_path: Path) -> None:
    assert read(tmp_path, "id,review\n--,--\n1,good\n2,bad\n")[2] == []


@pytest.mark.parametrize(("data", "told"), SURVEYS.values(), ids=SURVEYS)
def test_more_headers_of_a_survey_are_warned_of(tmp_path: Path, data: str, told: str) -> None:
    (tmp_path / "in.csv").write_text(data)
    with CsvReader(str(tmp_path / "in.csv")) as reader:
        (note,) = reader.notes
    assert isinstance(note, Doubt)
    assert told in note


def test_answers_that_look_like_more_headers_are_not_warned_of(tmp_path: Path) -> None:
    responses = ("id,kind\n,Response\n,Response\n", "kind,text\nResponse,good\nRequest,bad\n")
    for data in (*responses, 'id,text\n1,"{""ImportId"": 1}"\n', "id\n"):
        assert read(tmp_path, data)[2] == []


def test_a_header_cannot_be_confirmed_and_denied() -> None:
    with pytest.raises(UsageError, match="--header and --no-header exclude each other"):
        CsvOptions(header=True, no_header=True)


QUESTION = "Please tell us about your visit."


@pytest.mark.parametrize("numbers", [["7", "8", "9"], ["1/2/2026 10:00", "", "1.3.2026", "4-5-26"]])
def test_a_question_beside_a_name_above_numbers_is_no_data(tmp_path: Path, numbers: list) -> None:
    rows = "".join(f"{number},good film\n" for number in numbers)
    assert read(tmp_path, f"When,{QUESTION}\n{rows}")[2] == []
    for first in ("NA", "", "12"):
        assert "looks like data" in read(tmp_path, f"{first},{QUESTION}\n{rows}")[2][0]
    assert "looks like data" in read(tmp_path, f"When,{QUESTION}\n{rows}soon,fine\n")[2][0]


def test_numbers_that_pandas_names_columns_by_are_no_data(tmp_path: Path) -> None:
    assert read(tmp_path, ",0,1\n0,7,good\n1,8,bad\n")[2] == []


@pytest.mark.parametrize("data", NAMES_FIRST.values(), ids=NAMES_FIRST)
def test_a_first_row_of_names_is_not_noted(tmp_path: Path, data: str) -> None:
    assert read(tmp_path, data)[2] == []


@pytest.mark.parametrize("marked", [True, False])
@pytest.mark.parametrize("codec", ["utf-16-le", "utf-16-be", "utf-32-le", "utf-32-be"])
@pytest.mark.parametrize("text", [GOOD, "очень хороший отель", "很好的酒店 食物也很好", "ok"])
def test_utf_16_and_utf_32_are_recognised_with_and_without_a_mark(
    tmp_path: Path, text: str, codec: str, marked: bool
) -> None:
    data = ("\ufeff" * marked + f"текст,id\n{text},1\n{text},2\n").encode(codec)
    names, rows, notes = read(tmp_path, data)
    assert (names, rows) == (["текст", "id"], [[text, "1"], [text, "2"]])
    assert any(f"--encoding {codec}" in note for note in notes) != marked
    assert read(tmp_path, data, encoding=codec[:6])[1] == rows


NO_WIDE_TEXT = {
    "line breaks are not": b"\r,\x00\r\n'',''\xc3,\x01\x02\x03",
    "few bytes are wrong": "text,id\nqu\xe9\0,1\nfine words here,2\n".encode("cp1252"),
    "characters that are none": b"\t\t\x00\n\t\t\xff\xee\xff\xee\x00\n\xff\xff",
}


@pytest.mark.parametrize("data", NO_WIDE_TEXT.values(), ids=NO_WIDE_TEXT)
def test_damaged_utf_8_is_not_taken_for_utf_16(tmp_path: Path, data: bytes) -> None:
    (tmp_path / "in.csv").write_bytes(data)
    try:
        with CsvReader(str(tmp_path / "in.csv")) as reader:
            assert reader.schema.names != []
            assert "utf-16" not in str(reader.notes)
    except InputError as error:
        assert "--encoding" in error.hint


def test_long_lines_of_chinese_in_utf_16_are_recognised(tmp_path: Path) -> None:
    text = "\u4e0d\u4e0a" + "\u5f88\u597d\u7684\u9152\u5e97" * 30  # with bytes of line breaks
    data = f"text,id\n{text},1\n{text},2\n".encode("utf-16-le")
    assert read(tmp_path, data)[1] == [[text, "1"], [text, "2"]]


def test_bytes_that_are_mostly_nul_are_refused_with_the_option(tmp_path: Path) -> None:
    data = b"a\0b\0\0,c\0\n" * 5
    with pytest.raises(InputError, match=r"in\.csv: it is not UTF-8, .*NULs\. --encoding names"):
        read(tmp_path, data)
    assert read(tmp_path, data, encoding="utf-8")[0] == ["a\0b\0\0", "c\0"]


def test_nul_in_utf_8_is_text(tmp_path: Path) -> None:
    data = b"a,b\nx\0y,1\n\0,2\nplain,3\n"
    assert read(tmp_path, data)[:2] == (["a", "b"], [["x\0y", "1"], ["\0", "2"], ["plain", "3"]])


def test_bytes_of_another_encoding_are_rejected_with_a_guess(tmp_path: Path) -> None:
    path = tmp_path / "in.csv"
    path.write_bytes("id,text\n0,it\u2019s good\n1,it\u2019s bad\n2,plain\n".encode("cp1252"))
    with CsvReader(str(path)) as reader:
        list(reader.chunks(10))
    assert reader.rows_rejected == 2
    assert reader.reject_hint == "--encoding cp1252 or cp1257 may be the right one"
    assert reader.notes == [
        f"{path}: 2 rejected rows are not utf-8. --encoding cp1252 or cp1257 may be the right one"
    ]
    path.write_bytes("id,kommentär\n1,gut\n".encode("cp1252"))
    with pytest.raises(
        InputError, match=r"in the header, byte 0xE4 is not utf-8. --encoding cp1252"
    ):
        CsvReader(str(path))


ESCAPED = r"id,text" + "\n" + r'1,"a \"quiet\" room"' + "\n" + r"2,plain words here" + "\n"


@pytest.mark.parametrize("options", [{}, {"escape": "\\"}, {"escape": "backslash"}])
def test_an_escaped_quote_is_read_as_a_quote(tmp_path: Path, options: dict[str, str]) -> None:
    _, rows, notes = read(tmp_path, ESCAPED, **options)
    assert rows == [["1", 'a "quiet" room'], ["2", "plain words here"]]
    assert len(notes) == (not options)
    assert options or "--escape none reads it otherwise" in notes[0]


def test_an_escape_is_detected_among_delimiters_and_line_breaks(tmp_path: Path) -> None:
    data = 'id;text\n1;"she said \\"no; really\\"\nand left"\n2;"C:\\\\"\n3;C:\\temp\n'
    assert read(tmp_path, data)[1] == [
        ["1", 'she said "no; really"\nand left'],
        ["2", "C:\\"],
        ["3", "C:\\temp"],
    ]


@pytest.mark.parametrize(
    "data", ['id,text\n1,"C:\\"\n2,"D:\\"\n', 'id,text\n1,a\\b\n2,"x ""y"""\n']
)
def test_a_backslash_that_may_be_text_is_no_escape(tmp_path: Path, data: str) -> None:
    assert "\\" in str(read(tmp_path, data)[1][0][1])
    assert read(tmp_path, data)[2] == []


def test_what_an_escape_acts_on(tmp_path: Path) -> None:
    data = "a\tb\n1\tx\\\ty\n2\t\\N\n3\tline\\\nbreak\n4\tline\\\r\nbreak\n5\tC:\\new\n6\tend\\\\\n"
    rows = read(tmp_path, data, escape="\\", delimiter="tab", quote="none")[1]
    assert [row[1] for row in rows] == [
        "x\ty", "\\N", "line\nbreak", "line\r\nbreak", "C:\\new", "end\\",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"escape": "ab"}, "--escape 'ab': give one character, or one of: backslash, none"),
        ({"escape": '"'}, "--escape '\"' is the delimiter or the quote too"),
        ({"escape": ",", "delimiter": ","}, "--escape ',' is the delimiter or the quote too"),
        ({"delimiter": '"'}, "--delimiter '\"' is the quote too"),
    ],
)
def test_options_that_do_not_fit_are_refused(
    tmp_path: Path, options: dict[str, str], message: str
) -> None:
    with pytest.raises(UsageError, match=message):
        read(tmp_path, "a,b\n1,2\n", **options)


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
def test_a_delimiter_at_the_end_of_rows_alone_is_a_blank_column(
    tmp_path: Path, delimiter: str
) -> None:
    header, *rows = lines(delimiter).splitlines()
    data = "\n".join([header, *(row + delimiter for row in rows)])
    names, found, notes = read(tmp_path, data)
    assert (names, found) == ([*NAMES, ""], [[*row, ""] for row in ROWS])
    assert "its rows end in a delimiter and its header does not" in notes[0]
    names, found, notes = read(tmp_path, "\n".join([header + delimiter, *rows]))
    assert (names, found) == (NAMES, ROWS)
    assert "its header ends in a delimiter and its rows do not" in notes[0]


def test_a_field_more_that_is_not_blank_is_no_end_of_a_row(tmp_path: Path) -> None:
    data = "text,label\n" + "1,good,\n" * 30 + "2,bad,x\n"  # names that are perhaps shifted
    (tmp_path / "in.csv").write_text(data)
    with CsvReader(str(tmp_path / "in.csv")) as reader:
        assert list(reader.chunks(99)) == []
    assert (reader.schema.names, reader.rows_rejected) == (["text", "label"], 31)


def test_a_name_that_is_not_blank_is_never_left_out(tmp_path: Path) -> None:
    (tmp_path / "in.csv").write_text("id,text,label\n" + "1,good\n" * 30)
    with CsvReader(str(tmp_path / "in.csv")) as reader:
        assert list(reader.chunks(99)) == []
    assert (reader.schema.names, reader.rows_rejected) == (["id", "text", "label"], 30)


@pytest.mark.parametrize(("header", "row"), [("id,text", "1,good,"), ("id,text,", "1,good")])
def test_a_rejected_row_of_such_a_table_can_be_put_right(
    tmp_path: Path, header: str, row: str
) -> None:
    rejects = RejectSink(tmp_path / "rejects.csv")
    broken = row.replace("good", "bad, really, it is")
    (tmp_path / "in.csv").write_text(f"{header}\n" + f"{row}\n" * 30 + broken)
    with CsvReader(str(tmp_path / "in.csv"), rejects=rejects) as reader:
        list(reader.chunks(99))
    written = (tmp_path / "rejects.csv").read_text().replace("bad, really, it is", "bad")
    names, rows, _ = read(tmp_path, written)
    assert (names, rows[0][:2]) == (list(reader.schema.names), ["1", "bad"])


JOINED = {
    "another delimiter": "id;text\n" + "1;good\n" * 20 + "id,date,text\n" + "3,2020,good\n" * 300,
    "another width": "id,text\n" + "1,good\n" * 20 + "id,date,text\n" + "3,2020,good\n" * 300,
    "many rows of words": "a;b\n" + "good;bad\n" * 12 + "a,b,c\n" + "good,bad,fair\n" * 200,
}


@pytest.mark.parametrize("data", JOINED.values(), ids=JOINED)
def test_rows_above_another_header_are_not_to_be_skipped(tmp_path: Path, data: str) -> None:
    with pytest.raises(InputError, match=r"If two files are joined, split them before line") as no:
        read(tmp_path, data)
    assert "--skip-rows" not in no.value.hint


def test_a_few_lines_above_a_header_may_be_rows_or_a_title(tmp_path: Path) -> None:
    title = "Report,Reviews\nDate,2020-01-01\nRows,2\n"
    with pytest.raises(InputError, match="--skip-rows 3 leaves it out") as no:
        read(tmp_path, title + lines(","))
    assert "joined" not in no.value.hint
    with pytest.raises(InputError, match=r"joined.*If a title .* --skip-rows 4 leaves it out"):
        read(tmp_path, f"{title}Stars,5\n{lines(',')}" + "3,2020-01-01,fine\n" * 50)


@pytest.mark.parametrize(
    ("data", "hint"),
    [
        ("id,text\n" + "1,good\n" * 5 + "1,good,x\n" * 200, "add it there"),
        ("id,text\n" + "1,good\n" * 5 + "1,good,x,y\n" * 200, "mend the file, or split it"),
        ("text,label\n" + "1,good,x\n" * 5, "If the header lacks a name"),
    ],
)
def test_wider_rows_are_not_taken_for_a_header(tmp_path: Path, data: str, hint: str) -> None:
    with pytest.raises(InputError, match=hint) as refused:
        read(tmp_path, data)
    assert "--skip-rows" not in refused.value.hint.replace("--skip-rows 1 --no-header", "")
