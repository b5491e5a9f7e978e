import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pytest
from hypothesis import given
from hypothesis import strategies as st

from scorer.errors import InputError
from scorer.tables.text_column import (
    TextColumn,
    as_texts,
    find_text_column,
    locate_text,
)


def table(**columns):
    return pa.table({name: pa.array(cells, pa.large_string()) for name, cells in columns.items()})


def test_the_text_column_is_the_named_one_before_the_one_trained_on():
    both = table(review=["a b"], body=["1"])
    assert find_text_column(both, "body", trained_on="review") == 1
    assert find_text_column(both, None, trained_on="review") == 0


def test_else_the_only_one_that_looks_like_text():
    sample = table(
        id=["1", "2", "3"], code=["AB-1", "no way", "C-3"], body=["so good", "", "qué ñam"]
    )
    assert find_text_column(sample, None, trained_on="review") == 2


def test_of_several_that_look_like_text_the_one_whose_name_ends_so():
    prose = ["so good", "not for me", "a dull one"]
    for name in ("Review Text", "reviewText", "comment_text", "REVIEW_BODY"):
        sample = table(Title=prose, date_of_review=["1", "2", "3"], **{name: prose})
        assert find_text_column(sample, None, trained_on="text") == 2


@pytest.mark.parametrize(
    ("other", "name"),
    [
        ("Subject", "Description"),
        ("Ticket name", "Ticket description"),
        ("headline", "short_description"),
        ("Developer Reply Text", "Review Text"),
    ],
)
def test_a_title_or_a_reply_beside_a_text_is_not_the_text(other, name):
    prose = ["so good", "not for me", "a dull one"]
    assert find_text_column(table(**{other: prose, name: prose}), None, trained_on="text") == 1


def test_no_option_proposes_a_name_that_repeats():
    columns = [pa.array(["so good and so on"]), *[pa.array(["so good"])] * 3]
    names = ["Comment", "Remarks", "Details", "Comment"]
    with pytest.raises(InputError, match="'Comment', 'Remarks', 'Details', 'Comment'") as refused:
        find_text_column(pa.table(columns, names), None, trained_on="text")
    assert "--text-column Remarks --text-column Details joins" in refused.value.hint
    assert "Comment" not in refused.value.hint


def test_words_need_no_spaces_where_a_script_has_none():
    said = ["质量非常不错会再买", "とても良い商品です", "สินค้าดีมาก"]
    sample = table(id=["1", "2", "3"], city=["北京", "東京", "กทม"], said=said)
    assert find_text_column(sample, None, trained_on="text") == 2


def test_a_question_which_column_is_the_text_has_options_that_answer_it():
    sample = table(Pros=["so good", "not bad"], **{"What else": ["a very good soup", "not bad"]})
    with pytest.raises(InputError) as refused:
        find_text_column(sample, None, trained_on="text")
    assert str(refused.value) == (
        "which column is the text is not clear: 'Pros', 'What else' look like text. "
        "--text-column 'What else' takes the longest of them, --text-column Pros --text-column "
        "'What else' joins their texts"
    )
    assert locate_text(sample, "Pros + What else", "").positions == (0, 1)
    long = table(**{"a" * 80: ["so good"], "b": ["so bad"]})
    with pytest.raises(InputError, match=f"'{'a' * 60}…', 'b' look"):
        find_text_column(long, None, trained_on="text")


def test_odd_first_rows_do_not_make_another_column_the_text():
    codes, bodies = ["A-1"] * 500, ["ok"] * 100 + ["so very good"] * 400
    cities = ["New York"] * 100 + ["Rome"] * 400
    assert find_text_column(table(a=codes, b=bodies, c=cities), None, trained_on="text") == 1
    towns = ["so windy"] * 500
    with pytest.raises(InputError, match="which column is the text is not clear"):
        find_text_column(table(b=bodies, c=towns), None, trained_on="text")


def test_names_and_dates_are_no_texts_where_something_else_is():
    said = ["So good, my dear", "NOT FOR ME", "Sehr gut", "कमाल का खाना"]
    for names in (["Mary Smith", "New York"] * 2, ["Mon Apr 06 22:19 PDT 2009", "Tue May 05"] * 2):
        assert find_text_column(table(a=names, b=said), None, trained_on="text") == 1
        assert find_text_column(table(a=names, b=["1", "2"] * 2), None, trained_on="text") == 0


def test_texts_in_capitalised_words_are_not_left_for_a_category():
    said = [f"Good Soup {'Again ' * i}" for i in range(30)]
    sample = table(said=said, shop=["sales and service", "at the door"] * 15)
    with pytest.raises(InputError, match="not clear: 'said', 'shop' look like text"):
        find_text_column(sample, None, trained_on="text")


@pytest.mark.parametrize("text", ["这个产品非常好", "とても良い商品です", "สินค้าดีมาก"])
def test_texts_without_spaces_look_like_text_and_names_of_people_do_not(text):
    sample = table(id=["7"] * 9, name=["王小明"] * 9, opinion=[text] * 9)
    assert find_text_column(sample, None, trained_on="text") == 2
    with pytest.raises(InputError, match="not clear: 'opinion', 'answer' look like text"):
        find_text_column(sample.append_column("answer", [["a red shirt"] * 9]), None, "text")


def test_long_names_are_cut_in_a_message():
    with pytest.raises(InputError, match=f"^which column.*: '{'x' * 60}\u2026', 'id'"):
        find_text_column(table(**{"x" * 61: ["so good"], "id": ["so bad"]}), None, "text")


@pytest.mark.parametrize("kind", [pa.string_view(), pa.binary_view()])
def test_a_column_of_views_is_found_as_any_other(kind):
    codes, bodies = [pa.array(cells).cast(kind) for cells in (["A-1"] * 9, ["so good"] * 9)]
    assert find_text_column(pa.table({"code": codes, "body": bodies}), None, "text") == 1


def test_else_the_only_one_of_strings():
    sample = pa.table({"n": [1, 2], "x": ["ok", "no"]})
    assert find_text_column(sample, None, trained_on="review") == 1


@pytest.mark.parametrize("sample", [table(a=["good"], b=["bad"]), table(a=["1"], b=["2"])])
def test_no_clear_text_column_is_an_error_that_lists_them(sample):
    listed = ", ".join(repr(name) for name in sample.column_names)
    with pytest.raises(InputError, match=rf"columns are: {listed}\. --text-column"):
        find_text_column(sample, None, trained_on="review")


def test_columns_of_which_none_is_text_are_listed_with_their_types():
    sample = pa.table({"n": [1], "said": [{"text": "so good"}]})
    message = r"no column is text.*'n: int64', 'said: struct<text: string>'\. .*column of strings"
    with pytest.raises(InputError, match=message):
        find_text_column(sample, None, trained_on="review")


def test_moments_with_a_zone_are_no_text():
    moments = [f"2026/01/{day:02} 3:04:05 PM GMT+1" for day in range(1, 9)]
    sample = table(Timestamp=moments, more=["so good"] * 8)
    assert find_text_column(sample, None, trained_on="review") == 1


def test_words_of_letters_with_marks_look_like_text():
    texts = ["खाना बहुत अच्छा था", "சாப்பாடு நல்லா இருந்தது"]
    assert find_text_column(table(a=["x", "y"], b=texts), None, trained_on="review") == 1


def test_a_column_that_is_not_there_is_an_error_with_the_nearest():
    message = r"no column 'reveiw'; did you mean 'review'\? The columns are: 'id', 'review'"
    with pytest.raises(InputError, match=message):
        find_text_column(table(id=["1"], review=["a b"]), "reveiw", trained_on="text")


def test_a_name_far_off_is_not_proposed():
    with pytest.raises(InputError, match=r"no column 'sentiment'\. The columns are: 'review'"):
        find_text_column(table(review=["a b"]), "sentiment", trained_on="text")


def test_a_name_that_repeats_is_refused():
    twice = pa.Table.from_arrays([pa.array(["a"]), pa.array(["b"])], names=["text", "text"])
    with pytest.raises(InputError, match="2 columns are named 'text'"):
        find_text_column(twice, None, trained_on="text")


def test_a_column_of_numbers_is_no_text_column():
    with pytest.raises(InputError, match="column 'n' is int64, not text"):
        find_text_column(pa.table({"n": [1]}), "n", trained_on="text")


STRINGS = st.lists(st.none() | st.text(max_size=5), max_size=8)
KINDS = [
    pa.string(),
    pa.large_string(),
    pa.string_view(),
    pa.dictionary(pa.int8(), pa.string()),
    pa.dictionary(pa.int32(), pa.large_string()),
]


@pytest.mark.parametrize("kind", KINDS, ids=str)
@given(cells=STRINGS, cut=st.integers(0, 8))
def test_texts_of_any_string_type_are_the_same_cells(kind, cells, cut):
    column = pa.chunked_array([pa.array(part, kind) for part in (cells[:cut], cells[cut:])], kind)
    texts = as_texts(column, "text")
    assert isinstance(texts, pa.LargeStringArray)
    assert texts.to_pylist() == cells


def test_a_column_of_nulls_is_texts_too():
    assert as_texts(pa.chunked_array([pa.nulls(2)]), "text").to_pylist() == [None, None]


def test_bytes_that_are_no_text_are_named_with_column_and_row():
    buffers = [None, pa.py_buffer(np.array([0, 1], np.int32)), pa.py_buffer(b"\xff")]
    wrong = pa.Array.from_buffers(pa.string(), 1, buffers)
    with pytest.raises(InputError, match=r"^row 701, column 'text': it is not UTF-8\."):
        as_texts(pa.chunked_array([wrong]), "text", first_row=700)


@pytest.mark.parametrize("name", ["text", "Review", " comment", "BODY", "message"])
def test_a_usual_name_comes_before_what_looks_like_text(name):
    sample = table(note=["so good", "so bad"], **{name: ["ok", "no"]}, other=["so so", "why not"])
    assert find_text_column(sample, None, trained_on="document") == 1


def test_of_several_usual_names_the_one_that_looks_like_text():
    sample = table(text=["1", "2"], body=["so good", "so bad"], said=["so so", "why not"])
    assert find_text_column(sample, None, trained_on="review") == 1


def test_a_usual_name_of_capitalised_words_comes_before_other_texts():
    said = ["Good Soup", "Bad Soup"]
    sample = table(text=said, message=["A1", "A2"], note=["so good", "so bad"])
    assert find_text_column(sample, None, trained_on="review") == 0
    with pytest.raises(InputError, match="not clear: 'text', 'review' look like text"):
        find_text_column(table(text=said, review=["so good", "so bad"]), None, trained_on="body")


def test_a_usual_name_of_numbers_is_none():
    sample = pa.table({"text": [1, 2], "said": ["so good", "so bad"]})
    assert find_text_column(sample, None, trained_on="review") == 1


def test_a_column_that_begins_with_blanks_is_looked_at_further_down():
    blanks = [None] * 1000
    sample = pa.table({"id": ["a1"] * 1002, "said": [*blanks, "so good", "so bad"]})
    assert find_text_column(sample, None, trained_on="review") == 1


@pytest.mark.parametrize(
    ("names", "position"), [(["id", "text"], 1), (["a", "b"], 0), (["review", "text"], 0)]
)
def test_without_rows_any_column_will_do(names, position):
    sample = table(**{name: [] for name in names})
    assert find_text_column(sample, None, trained_on="review") == position
    with pytest.raises(InputError, match="there is no column 'body'"):
        find_text_column(sample, "body", trained_on="review")


def test_the_columns_of_a_wide_table_are_searched_together(monkeypatch):
    """A regular expression takes a millisecond to compile: once, not for each column."""
    columns = {f"c{i}": pa.array(["x1"] * 200) for i in range(3000)}
    sample = pa.table(
        {**columns, "said": [f"so good {i}" for i in range(200)], "last": ["x2"] * 200}
    )
    searched, search = [], pc.match_substring_regex

    def recorded(cells, *pattern):
        searched.append(len(cells))
        return search(cells, *pattern)

    monkeypatch.setattr(pc, "match_substring_regex", recorded)
    assert find_text_column(sample, None, trained_on="review") == 3000
    assert searched == [50 * 3002, 50]  # and those that look like text once more


def test_a_message_does_not_list_thousands_of_columns():
    sample = pa.table({f"c{i}": ["1"] for i in range(3000)})
    with pytest.raises(InputError, match=r"'c49' and 2,950 more\. --text-column"):
        find_text_column(sample, None, trained_on="review")


def test_texts_of_several_columns_are_joined_by_a_line_break():
    rows = pa.table(
        {"title": ["Good", None, None, " "], "n": [1, 2, 3, 4], "body": ["It is.", "b", None, ""]}
    )
    column = locate_text(rows, "title + body", trained_on="text")
    assert column == TextColumn("title + body", (0, 2))
    assert column.texts(rows).to_pylist() == ["Good\nIt is.", "\nb", "\n", " \n"]
    assert locate_text(rows, None, trained_on="title + body") == column


def test_a_column_of_that_very_name_is_one_column():
    rows = table(**{"a + b": ["x y"], "a": ["1"], "b": ["2"]})
    assert locate_text(rows, "a + b", trained_on="text") == TextColumn("a + b", (0,))


def test_of_several_named_columns_none_may_be_missing():
    rows = table(title=["x y"], body=["x y"])
    with pytest.raises(InputError, match="there is no column 'bdy'; did you mean 'body'"):
        locate_text(rows, "title + bdy", trained_on="text")
    assert locate_text(table(body=["x y"]), None, trained_on="title + body").name == "body"


BYTES = st.one_of(st.none(), st.binary(max_size=6), st.text(max_size=4).map(str.encode))
KINDS = [pa.binary(), pa.large_binary(), pa.binary_view(), pa.dictionary(pa.int32(), pa.binary())]


def is_decodable(cell: bytes | None) -> bool:
    try:
        (cell or b"").decode()
    except UnicodeDecodeError:
        return False
    return True


@given(st.lists(st.lists(BYTES, max_size=5), max_size=3), st.sampled_from(KINDS))
def test_bytes_are_the_texts_they_spell_or_the_first_row_that_spells_none_is_named(chunks, kind):
    cells = [cell for chunk in chunks for cell in chunk]
    arrays = [pa.array(chunk, pa.binary()).cast(kind) for chunk in chunks]
    column = pa.chunked_array(arrays, kind)
    wrong = next((row for row, cell in enumerate(cells) if not is_decodable(cell)), None)
    if wrong is None:
        texts = as_texts(column, "review")
        assert texts.to_pylist() == [None if cell is None else cell.decode() for cell in cells]
        return
    with pytest.raises(InputError, match=f"^row {101 + wrong}, column 'review': it is not UTF-8"):
        as_texts(column, "review", 100)


def test_a_column_of_bytes_is_the_text_where_it_is_named_or_all_of_it_is_text():
    texts = [b"so good", b"qu\xc3\xa9 \xc3\xb1am"]
    sample = pa.table({"id": [1, 2], "digest": [b"\xff\x00", b"a b"], "x": texts})
    assert find_text_column(sample, None, trained_on="review") == 2
    assert find_text_column(sample, "digest", trained_on="review") == 1
    assert find_text_column(sample, None, trained_on="digest") == 1
    with pytest.raises(InputError, match=r"^in\.parquet: row 1, column 'digest': it is not UTF-8"):
        TextColumn("digest", (1,), "in.parquet").texts(sample)


def test_a_question_proposes_to_join_three_columns_at_most():
    sample = table(**{name: ["so good, all of it"] for name in "abcd"})
    joined = "--text-column a --text-column b --text-column c joins their texts"
    with pytest.raises(InputError, match=joined):
        find_text_column(sample, None, trained_on="text")


@pytest.mark.parametrize("encoding", ["utf-16-le", "utf-16-be"])
@pytest.mark.parametrize("text", ["so good", "просто хорошо", "a"])
def test_bytes_of_utf_16_are_refused(text, encoding):
    sample = pa.table({"id": [1, 2], "review": [text.encode(encoding), None]})
    with pytest.raises(InputError, match="column 'review' is UTF-16, and texts are read as UTF-8"):
        locate_text(sample, None, trained_on="review").texts(sample)
    plain = pa.table({"review": [text.encode(), b"good\0 film", b"", None]})
    assert locate_text(plain, None, trained_on="review").texts(plain)[1].as_py() == "good\0 film"
    nothing = pa.table({"review": pa.array([None, b""], pa.binary())})
    assert locate_text(nothing, None, trained_on="review").texts(nothing).to_pylist() == [None, ""]


def test_a_column_of_bytes_that_is_no_text_is_named_where_there_is_no_other():
    sample = pa.table({"id": [1, 2], "blob": [b"so good", b"caf\xe9 noir"]})
    with pytest.raises(
        InputError, match=r"no column is text.*; row 2, column 'blob': it is not UTF-8"
    ):
        find_text_column(sample, None, trained_on="text")
    both = sample.append_column("a", [["so good"] * 2]).append_column("b", [["so bad"] * 2])
    with pytest.raises(InputError, match=r"'a', 'b' look like text\. --text-column a takes"):
        find_text_column(both, None, trained_on="text")


def test_a_usual_name_of_bytes_that_are_mostly_text_is_not_passed_over_for_another_column():
    cells = [b"so good", b"so bad", b"caf\xe9 noir"]
    sample = pa.table({"author": ["an other", "so mebody", "no body"], "review": cells})
    with pytest.raises(InputError, match=r"^row 3, column 'review': it is not UTF-8"):
        find_text_column(sample, None, trained_on="text")
    images = sample.set_column(1, "content", [[b"\x89PNG", b"\xff\xd8", b"a"]])
    assert find_text_column(images, None, trained_on="text") == 0
