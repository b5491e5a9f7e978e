"""Files of one text a line: no text is lost, and none is made of a column's name."""

import gzip
import json
from collections.abc import Callable
from pathlib import Path

import pytest

from scorer.errors import InputError, UsageError
from scorer.jobs import score_file, score_files
from scorer.tables.csv_options import CsvOptions
from scorer.tables.formats import ReadOptions, TableFormat, format_of, format_option, open_table_as

TEXTS = ["The soup was cold, and salty.", "Great", "", '"Nice", he said; and left']
WAY_OUT = "--input-format lines reads each line as one text, --input-format csv the first one"


@pytest.fixture
def read(tmp_path: Path) -> Callable[..., tuple[dict[str, list[str]], str]]:
    """Return what reads a file of some text: its columns, and its notes."""

    def read(text: str, format: str | None = None, **options: object) -> tuple[dict, str]:
        path = tmp_path / "in.txt"
        path.write_bytes(text.encode())
        with open_table_as(str(path), ReadOptions(format, CsvOptions(**options))) as reader:
            chunks = [chunk.table for chunk in reader.chunks(100)]
            assert reader.rows_rejected == 0
            columns = {
                n: [v for c in chunks for v in c.column(n).to_pylist()] for n in reader.schema.names
            }
            return columns, " ".join(reader.notes)

    return read


@pytest.mark.parametrize("ending", ["\n", "\r\n", "\r"])
def test_each_line_of_a_txt_is_a_text_the_first_and_blank_ones_too(read, ending):
    columns, notes = read(ending.join(TEXTS) + ending)
    assert columns == {"text": TEXTS}
    assert "as --input-format lines says" in notes
    assert read(ending.join(TEXTS), "lines") == ({"text": TEXTS}, "")


@pytest.mark.parametrize(
    "first", ["Cold soup", "Great", "bewertung", '"Great, and cheap."', "What do you think?"]
)
def test_a_first_line_that_may_be_a_name_is_refused_with_both_ways_out(read, first):
    text = f"{first}\nIt was cold.\nNo, it was not\n"
    with pytest.raises(InputError, match=WAY_OUT):
        read(text)
    assert read(text, "lines")[0]["text"][0] == first
    assert list(read(text.replace(",", ""), "csv")[0]) == [first.strip('"').replace(",", "")]


TABLES = {
    "tabs": "id\ttext\n1\tgood\n2\tbad\n",
    "commas": "id,text\n1,good\n2,bad\n",
    "a space behind each comma": "id, text\n1, good\n2, bad\n",
    "and four names": "id, date, stars, text\n1, 2026-11-01, 5, good\n2, 2026-11-02, 1, bad\n",
    "a space behind each tab": "id\t date\t stars\t text\n1\t a\t 5\t good\n2\t b\t 1\t bad\n",
    "a blank name": ",text\n1,good\n2,bad\n",
    "a usual name": "Review\nIt was cold.\nOk\n",
    "a usual name in quotes": '"text"\n"It was cold."\n"Ok"\n',
    "Excel": "sep=;\nid;text\n1;good\n",
}


@pytest.mark.parametrize("text", TABLES.values(), ids=TABLES)
def test_a_txt_that_holds_a_table_is_read_as_one(read, text):
    columns, notes = read(text)
    assert "lines" not in notes
    assert columns == read(text, "csv")[0]


def test_quoted_texts_without_a_header_get_the_option_that_reads_them(read):
    text = '"The soup was cold, and salty."\n"Nice."\n'
    with pytest.raises(InputError, match="--no-header reads each quoted text as a row"):
        read(text)
    columns, _ = read(text, no_header=True)
    assert columns == {"column_1": ["The soup was cold, and salty.", "Nice."]}


def test_options_of_a_table_say_that_it_is_one(read):
    assert read("Great\nOk\n", no_header=True)[0] == {"column_1": ["Great", "Ok"]}
    assert read("Great\nOk\n", header=True)[0] == {"Great": ["Ok"]}
    assert read("Great\nOk\n", delimiter="tab")[0] == {"Great": ["Ok"]}
    assert read("Great\nOk\n", "lines", no_header=True)[0] == {"column_1": ["Great", "Ok"]}
    assert read("A title\nGreat\nOk\n", "lines", skip_rows=1)[0] == {"text": ["Great", "Ok"]}


def test_lines_of_a_txt_may_all_have_one_comma(read):
    lines = ["good food, awful service", "great soup, cold bread", "bad wine, loud music"]
    assert read("\n".join(lines))[0] == {"text": lines}


def test_lines_of_a_txt_may_have_pipes_and_dashes(read):
    log = "2024-01-01 | INFO | start\u2026\n-----+----\n2024-01-02 | INFO | end\n"
    assert read(log)[0] == {"text": log.splitlines()}


def test_a_txt_that_psql_printed_is_refused_with_the_ways_out(read):
    text = " id |  the review of it   \n----+---------------------\n  1 | good\n"
    with pytest.raises(InputError, match=r"drawn with .*; --delimiter '|' reads it as it is"):
        read(text)
    assert read(text, "lines")[0] == {"text": text.splitlines()}
    assert len(read(text.replace("+", "|"), delimiter="|")[0][" id "]) == 2


def test_a_title_above_a_table_is_no_text(read):
    with pytest.raises(InputError, match="--skip-rows 1 leaves it out"):
        read("Our customers, and what they say.\nid;text\n1;good\n2;bad\n")


def test_lines_are_read_not_written():
    assert format_of("out.txt", writing=True) == TableFormat("csv")
    with pytest.raises(UsageError, match="lines is a format that is read, not written"):
        format_of("out.csv", "lines", writing=True)


def test_the_option_that_repeats_a_run_names_the_format():
    assert format_option("in.txt", format_of("in.txt")) is None
    assert format_option("in.txt", format_of("in.txt", "csv")) == "csv"
    assert format_option("in.txt", format_of("in.txt", "lines")) == "lines"
    assert format_option("out.txt", format_of("out.txt", writing=True), writing=True) is None


def test_an_empty_file_of_lines_is_refused_as_any_other(read):
    for format in (None, "lines"):
        with pytest.raises(InputError, match=r"in\.txt is empty"):
            read("", format)


def test_a_line_that_cannot_be_read_is_rejected_and_can_be_put_right(
    tmp_path: Path, tiny_bundle: Path
) -> None:
    source, target = tmp_path / "in.txt.gz", tmp_path / "out.csv"
    source.write_bytes(gzip.compress(b'It was good.\nb\xe9d, "really"\nfine\n'))
    score_file(source, target, tiny_bundle, max_rejects=1)
    assert json.loads((tmp_path / "out.csv.run.json").read_text())["rows"] == {
        "read": 3,
        "written": 2,
        "rejected": 1,
    }
    rejects = tmp_path / "out.csv.rejects.csv"
    rejects.write_bytes(rejects.read_bytes().replace(b"\xe9", b"a"))
    score_file(rejects, tmp_path / "again.csv", tiny_bundle)
    assert (tmp_path / "again.csv").read_text().splitlines()[1].startswith('"bad, ""really""",0.')


def test_files_of_lines_among_many(tmp_path: Path, tiny_bundle: Path) -> None:
    folder = tmp_path / "in"
    folder.mkdir()
    (folder / "a.txt").write_text("It was good.\nfine\n")
    (folder / "b.csv").write_text("text\nbad\n")
    summary = score_files([folder], tmp_path / "out", tiny_bundle)
    assert [outcome.rows for outcome in summary.outcomes] == [2, 1]
    assert (tmp_path / "out" / "a.txt").read_text().startswith("text,probability_negative")


def test_a_named_column_says_that_a_txt_is_a_table(tmp_path: Path, tiny_bundle: Path) -> None:
    source, target = tmp_path / "in.txt", tmp_path / "out.csv"
    source.write_text("bewertung\nIt was good.\n")
    with pytest.raises(InputError, match="may be a text or the name of a column"):
        score_file(source, target, tiny_bundle)
    score_file(source, target, tiny_bundle, text_column="bewertung", overwrite=True)
    assert target.read_text().splitlines()[0].startswith("bewertung,probability_negative")


@pytest.mark.parametrize("option", ["delimiter", "quote", "escape", "header"])
def test_options_of_a_table_are_refused_for_lines(read, option):
    with pytest.raises(UsageError, match=f"--{option} has no meaning for lines of text"):
        read("Great, and cheap.\n", "lines", **{option: "|"})
