import pyarrow as pa
import pytest

from scorer.tables.doubts import Doubt, about
from scorer.tables.text_column import TextColumn, locate_text
from scorer.tables.text_doubts import doubt_text, note_escapes, note_other_texts

PLAIN = ["the soup was warm", "a dull evening", "never again"] * 10


def table(**columns):
    return pa.table({name: pa.array(cells, pa.large_string()) for name, cells in columns.items()})


def doubt(cells):
    return doubt_text(pa.array(cells, pa.large_string()), "review")


def test_a_doubt_about_a_file_stays_one():
    assert about("a.csv", Doubt("cut off")) == "a.csv: cut off"
    assert isinstance(about("a.csv", Doubt("cut off")), Doubt)
    assert not isinstance(about("a.csv", "read as UTF-16"), Doubt)


def test_other_columns_that_look_like_text_are_noted():
    title, body = ["so nice", "not for me", "a dull one"], ["the soup was warm"] * 3
    sample = table(title=title, body=body, city=["Rome"] * 3, summary=title)
    found = locate_text(sample, None, trained_on="text")
    assert note_other_texts(sample, found) == (
        "the texts are in column 'body'; 'title', 'summary' look like text too. --text-column "
        "names another; given for several, it joins their texts"
    )
    both = locate_text(sample, "title + body", trained_on="text")
    assert note_other_texts(sample.select([0, 1, 2]), both) is None
    place = ["New York", "Home Kitchen"] * 60
    assert note_other_texts(table(body=title * 40, place=place), TextColumn("body", (0,))) is None


@pytest.mark.parametrize("cells", [["en", "de"] * 15, ["True", "False"] * 15, ["", None, " "] * 10])
def test_a_blank_column_or_a_category_beside_one_of_texts_is_doubted(cells):
    sample = table(comment=cells, feedback=[f"{text}, {i}" for i, text in enumerate(PLAIN)])
    note = note_other_texts(sample, locate_text(sample, None, trained_on="text"))
    assert isinstance(note, Doubt)
    assert note.startswith("the texts are in column 'comment', which is blank or a category; 'feed")
    plain = note_other_texts(sample, TextColumn("feedback", (1,)))
    assert not isinstance(plain, Doubt)
    longer = [f"{text}, {i}" for i, text in enumerate(PLAIN * 7)]
    short = table(comment=[f"good{i % 21}" for i in range(210)], feedback=longer)
    note = note_other_texts(short, locate_text(short, None, trained_on="text"))
    assert note is not None and not isinstance(note, Doubt)


@pytest.mark.parametrize(
    ("cells", "doubted"),
    [
        (["2026-01-02", "2026-01-03 10:00:00", "03.01.2026"] * 4, True),
        (["A-1029", "B-77", "x_12", "b0c4de9a-1f"] * 4, True),
        (["12", "3.5", "1,000"] * 4, True),
        (["neg/1021_3.txt", "b.PDF", "c d.html"] * 4, False),
        (["good", "bad", "so-so"] * 4, False),
        (["Broke on day 2", "Works", "10/10"] * 4, False),
        (["2026-01-02"] * 3, False),
        ([None, " "] * 10, False),
    ],
)
def test_dates_numbers_and_ids_are_doubted_as_texts(cells, doubted):
    warning = doubt_text(pa.array(cells, pa.large_string()), "when")
    assert warning is None or isinstance(warning, Doubt)
    assert (warning is not None) == doubted
    assert not doubted or warning == (
        "the texts of column 'when' look like dates, numbers or ids: is it the text column?"
    )


def test_json_is_doubted_as_text_and_marks_around_a_text_are_not():
    objects = ['{"title": "Good", "body": "A good film"}', '["good",\n"bad"]', "{'a': 1}"] * 4
    warning = doubt_text(pa.array(objects, pa.large_string()), "review")
    assert isinstance(warning, Doubt)
    assert "'review' look like JSON, read as it is written: is it the text column?" in warning
    assert doubt_text(pa.array(objects[:1], pa.large_string()), "review") == warning
    marked = ["[removed]", "{so} good {film}", "[sic] a film [really]", "{}", "a [b] c"] * 4
    assert doubt_text(pa.array(marked, pa.large_string()), "review") is None


@pytest.mark.parametrize(
    ("cells", "what"),
    [
        (["https://a.com/x?id=1", "www.b.org", "ann.lee@mail.com"] * 4, "addresses"),
        (["gs://bucket/a", "s3://bucket/b.gz"] * 6, "addresses"),
        (["neg/1021_3.txt", "b.PDF", "texts/c.html"] * 4, "names of files"),
        (["???? ?? ????, ???", "?????!"] * 4, "question marks, as where characters were lost"),
    ],
)
def test_addresses_and_lost_characters_are_doubted_as_texts(cells, what):
    assert f"'review' look like {what}: is it the text column?" in doubt(cells)
    assert doubt([*cells, "What?", "see www.b.org", "ok???"]) is None


PUNCTUATION, EMOJI, GERMAN, RUSSIAN, CHINESE = (
    "it\u2019s",
    "\U0001f600",
    "sch\u00f6n",
    "\u043f\u0440\u0438\u0432\u0435\u0442",
    "\u4f60\u597d",
)


@pytest.mark.parametrize(
    ("mark", "encoding"),
    [
        *[(mark, "latin-1") for mark in (PUNCTUATION, EMOJI, GERMAN, RUSSIAN, CHINESE)],
        *[(mark, "cp1252") for mark in (PUNCTUATION, EMOJI, GERMAN, RUSSIAN, CHINESE)],
        *[(mark, "ascii") for mark in (GERMAN, RUSSIAN)],
        (RUSSIAN, "cp1251"),
        *[(GERMAN, encoding) for encoding in ("cp850", "mac-roman")],
    ],
)
def test_texts_that_were_read_in_a_wrong_encoding_are_doubted(mark, encoding):
    misread = mark.encode().decode(encoding, "replace")
    warning = doubt([*PLAIN, *[f"so {misread} it is"] * 3])
    assert isinstance(warning, Doubt)
    assert warning.startswith("3 of the first 33 texts of column 'review' look wrongly decoded")
    assert doubt([*PLAIN, *[f"so {misread} it is"] * 2]) is None  # copied from elsewhere
    assert doubt([*PLAIN * 6, *[f"so {misread} it is"] * 3]) is None  # 3 of 183
    assert doubt([*[f"so {mark} it is"] * 3, *[f"so {misread} it is"] * 3]) is None


def test_escapes_in_place_of_line_breaks_are_noted():
    def note(*texts: str) -> str | None:
        return note_escapes(pa.array(texts, pa.large_string()), "review")

    found = note(*PLAIN, *[r"Great!\nLoved it", r"No.\r\n\r\nNever again", r"a\nb", r"c\nd"])
    assert found is not None
    assert found.startswith(
        f"4 of the first {len(PLAIN) + 4} texts of column 'review' have `\\n` in"
    )
    assert not isinstance(found, Doubt)
    assert note(*PLAIN, *[r"a\nb"] * 3) is None
    assert note(r"a\nb", "good", "a\nb") is None


@pytest.mark.parametrize(
    "text",
    [
        " ".join([PUNCTUATION, EMOJI, GERMAN, RUSSIAN, CHINESE]),
        "\u00ab\u00a0d\u00e9j\u00e0 vu\u2026\u00a0\u00bb, caf\u00e9\u00a0!",
        "\u201eGro\u00df\u201c \u2013 \u00dcbel\u2026 5\u00a0\u00b0C, \u00a320",
        "\u00abSSSR\u00bb \u2014 \u0421\u0421\u0421\u0420\u2026 \u0411\u043e\u0440\u0438\u0421",
        "N\u00c3O, \u00c2NGELA, \u015ei\u015fli, \u0141\u00f3d\u017a",
        "NESCAF\u00c9\u00ae, \u00abCAF\u00c9\u00bb, QUALIT\u00c9\u00a0! VOC\u00ca\u201d",
        "\u00ab\u00a0rat\u00e9\u00a0\u00bb",
    ],
)
def test_texts_of_any_language_are_not_taken_for_misread(text):
    assert doubt([text] * 30) is None


def test_cp1252_that_was_read_as_latin_1_is_doubted():
    assert "look wrongly decoded" in doubt(
        ["\u201cso\u201d".encode("cp1252").decode("latin-1")] * 3
    )
