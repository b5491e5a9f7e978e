import bz2
import gzip
import json
import random
from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from labelled_files import Rows, labelled, write

from scorer.corpus.class_map import class_map_of, find_class_map
from scorer.corpus.labelled import Labelled, read_labelled
from scorer.corpus.labelled_columns import Columns
from scorer.corpus.labelled_notes import LeftOut
from scorer.corpus.labelled_rows import joined_rows
from scorer.errors import InputError, UsageError
from scorer.tables.csv_options import CsvOptions
from scorer.tables.doubts import Doubt
from scorer.tables.formats import ReadOptions

BINARY = find_class_map({"0": 1, "1": 1})


def read(tmp_path: Path, rows: Rows, **columns: str) -> Labelled:
    return read_labelled([write(tmp_path / "labelled.csv", rows)], Columns(**columns))


def test_texts_and_classes_come_in_the_order_of_the_rows(tmp_path: Path) -> None:
    found = read(tmp_path, labelled(120))
    assert found.rows.texts.to_pylist() == [text for text, _ in labelled(120)]
    assert found.rows.targets.tolist() == [0, 1] * 60
    assert found.class_map.classes == ("negative", "positive")
    assert found.class_counts == {"negative": 60, "positive": 60}
    assert (found.text_column, found.label_column) == ("text", "label")
    assert found.notes == ()


def test_texts_are_read_exactly(tmp_path: Path) -> None:
    odd = [' "quoted", with\r\na line ', "007", "NA", "two\nlines 😀"]
    found = read(tmp_path, [*((text, "0") for text in odd), *labelled(120)])
    assert found.rows.texts.to_pylist()[:4] == odd


def test_a_column_that_is_not_read_may_hold_what_python_cannot(tmp_path: Path) -> None:
    texts, labels = zip(*labelled(120), strict=True)
    days = pa.array([2**31 - 1] * 120, pa.int32()).cast(pa.date32())  # as Postgres' infinity
    pq.write_table(pa.table({"day": days, "text": texts, "label": labels}), tmp_path / "a.parquet")
    assert len(read_labelled([tmp_path / "a.parquet"], Columns()).rows) == 120


def test_parquet_and_compressed_csv_are_the_same_rows(tmp_path: Path) -> None:
    plain = write(tmp_path / "a.csv", labelled(120))
    packed = tmp_path / "a.csv.gz"
    packed.write_bytes(gzip.compress(plain.read_bytes()))
    texts, labels = zip(*labelled(120), strict=True)
    numbers = pa.array([int(label) for label in labels])
    pq.write_table(pa.table({"label": numbers, "text": texts}), tmp_path / "a.parquet")
    expected = read_labelled([plain], Columns()).rows
    for path in (packed, tmp_path / "a.parquet"):
        rows = read_labelled([path], Columns()).rows
        assert rows.texts.equals(expected.texts)
        assert rows.targets.tolist() == expected.targets.tolist()


@pytest.mark.parametrize(
    "labels",
    [pa.array([True, False] * 60), pa.array([1.0, 0.0] * 60), pa.array(["1", "0"] * 60)],
)
def test_labels_of_any_plain_parquet_type_are_understood(tmp_path: Path, labels: pa.Array) -> None:
    path = tmp_path / "a.parquet"
    for column in (labels, labels.dictionary_encode()):
        pq.write_table(pa.table({"text": [t for t, _ in labelled(120)], "label": column}), path)
        assert read_labelled([path], Columns()).rows.targets.tolist() == [1, 0] * 60


CLOTHES = {
    "0": ["0", "0.00", " false", "NEG", "\ufeff0"],
    "1": ["1", "1.", "TRUE\t", "Pos", "\xa01"],
}
NUMBERS = {"0": [0, 0.0, False, "0"], "1": [1, 1.0, True, "true"]}


@pytest.mark.parametrize("seed", range(5))
def test_equal_labels_in_any_clothes_are_one_class(tmp_path: Path, seed: int) -> None:
    rng, rows = random.Random(seed), labelled(120, seed)
    odd = [("no label", ""), ("none", "None"), ("blank", " \t")]
    csv = [(text, rng.choice(CLOTHES[value])) for text, value in rows]
    lines = [json.dumps({"text": text, "label": rng.choice(NUMBERS[v])}) for text, v in rows]
    lines += ['{"text": "no label"}', '{"text": "null", "label": null}']
    path = tmp_path / "a.jsonl"
    path.write_text("\n".join(rng.sample(lines, len(lines))))
    for found, missing in (
        (read(tmp_path, [*csv, *odd]), 3),
        (read_labelled([path], Columns()), 2),
    ):
        assert found.class_counts == {"negative": 60, "positive": 60}
        assert found.left_out == LeftOut(0, missing, 0)


@pytest.mark.parametrize(
    "kind",
    [pa.int8(), pa.uint64(), pa.float32(), pa.float64(), pa.bool_(), pa.decimal128(22, 2)],
    ids=str,
)
def test_labels_of_parquet_are_the_same_classes_and_nulls_are_left_out(
    tmp_path: Path, kind: pa.DataType
) -> None:
    values = pa.array([1, 0] * 60 + [None] * 3).cast(kind)
    texts = [text for text, _ in labelled(123)]
    for column in (values, values.dictionary_encode()):
        pq.write_table(pa.table({"text": texts, "label": column}), tmp_path / "a.parquet")
        found = read_labelled([tmp_path / "a.parquet"], Columns())
        assert found.class_counts == {"negative": 60, "positive": 60}
        assert found.left_out == LeftOut(0, 3, 0)


def test_several_files_are_read_as_one(tmp_path: Path) -> None:
    first = write(tmp_path / "a.csv", labelled(60))
    second = write(
        tmp_path / "b.csv", [(label, text) for text, label in labelled(60)], ["label", "text"]
    )
    both = read_labelled([first, second], Columns())
    assert len(both.rows) == 120
    assert both.rows.texts[0] == both.rows.texts[60]
    assert both.fingerprint != read_labelled([first], Columns()).fingerprint


def test_rows_that_were_sampled_have_the_label_that_was_filled_in(tmp_path: Path) -> None:
    first = write(tmp_path / "a.csv", labelled(60, values=("x", "")), ["said", "complaint"])
    rows = [(text, label, "0", "") for text, label in labelled(40, 1, values=("x", "no"))]
    sampled = write(tmp_path / "b.csv", rows, ["text", "label", "guess", "complaint"])
    both = read_labelled([first, sampled], Columns(labels="x=yes,=no"))
    assert both.class_counts == {"no": 50, "yes": 50}
    named = read_labelled([first, sampled], Columns(label="complaint", labels="x=yes,=no"))
    assert named.class_counts == both.class_counts


def test_a_column_missing_in_a_later_file_is_told_with_the_file(tmp_path: Path) -> None:
    first = write(tmp_path / "a.csv", labelled(60))
    second = write(tmp_path / "b.csv", labelled(60), ["text", "stars"])
    with pytest.raises(InputError, match=r"b\.csv: there is no column 'label'"):
        read_labelled([first, second], Columns())


def test_a_later_file_may_have_the_usual_names_unless_others_are_named(tmp_path: Path) -> None:
    first = write(tmp_path / "a.csv", labelled(60), ["feedback", "stars"])
    second = write(tmp_path / "b.csv", labelled(60), ["text", "label"])
    both = read_labelled([first, second, first], Columns())
    assert (len(both.rows), both.text_column, both.label_column) == (180, "feedback", "stars")
    with pytest.raises(InputError, match=r"b\.csv: there is no column 'stars'"):
        read_labelled([first, second], Columns(label="stars"))


def test_rows_without_a_label_or_a_text_are_left_out_and_told(tmp_path: Path) -> None:
    odd = [("no label", ""), ("none", "NA"), (" \n", "1"), ("<br />", "0"), ("", "")]
    found = read(tmp_path, [*odd, *labelled(120)])
    assert len(found.rows) == 120
    assert found.notes == (
        "left out: 3 rows without a text",
        "left out: 2 rows without a label",
        "label values read as missing: 'NA' (1). --labels gives them a class",
    )


def test_marks_of_a_missing_label_that_are_frequent_may_be_a_class(tmp_path: Path) -> None:
    rows = labelled(120, values=("anger", "fear", "joy", "none"))
    assert read(tmp_path, rows).notes[1] == (
        "label values read as missing: 'none' (30). --labels "
        "anger=anger,fear=fear,joy=joy,none=none gives them a class"
    )


def test_a_blank_label_that_is_a_class_is_none_where_there_is_no_text(tmp_path: Path) -> None:
    path = write(tmp_path / "a.csv", [("", ""), *labelled(120, values=("x", ""))])
    found = read_labelled([path], Columns(labels="x=yes,=no"))
    assert (found.class_counts, found.left_out.blank_text) == ({"no": 60, "yes": 60}, 1)
    texts, labels = zip(*labelled(120, values=("x", "")), strict=True)
    nulls = pa.table({"text": texts, "label": [label or None for label in labels]})
    pq.write_table(nulls, tmp_path / "a.parquet")
    found = read_labelled([tmp_path / "a.parquet"], Columns(labels="x=yes,=no"))
    assert found.class_counts == {"no": 60, "yes": 60}


def test_rare_values_of_most_rows_are_doubted(tmp_path: Path) -> None:
    values = ["good", "bad", "fair", *(f"good ({at}%)" for at in range(20))]
    rows = labelled(60, values=values[:3]) + labelled(80, seed=1, values=values[3:])
    (note, *_) = read(tmp_path, rows).notes
    assert isinstance(note, Doubt)
    assert note.startswith("left out (80 rows, more than are left), as fewer than 5 rows")


def test_values_that_the_option_leaves_out_are_not_called_missing(tmp_path: Path) -> None:
    rows = [("so so", "3"), ("well", "3"), ("none", "NA"), ("", "")]
    path = write(tmp_path / "a.csv", [*rows, *labelled(120, values=("1", "5"))])
    found = read_labelled([path], Columns(labels="1=negative,5=positive"))
    assert found.notes == (
        "left out: 1 row without a text",
        "left out: 1 row without a label",
        "left out, as --labels gives them no class: '3' (2)",
        "label values read as missing: 'NA' (1). --labels gives them a class",
    )


def test_a_text_with_two_labels_is_kept_and_what_can_be_right_at_most_is_told(
    tmp_path: Path,
) -> None:
    odd = [("So so.", "0"), ("so  SO.", "1"), ("so so.<br>", "1"), ("so so!", "0")]
    found = read(tmp_path, [*odd, *labelled(116)])
    assert len(found.rows) == 120
    assert found.notes == (
        "3 rows with a text that is there with another label too: no model gets more than 99.2% of "
        "all rows right",
    )


def test_a_row_of_totals_stops_nothing(tmp_path: Path) -> None:
    for odd in (("Total", "120"), ("", "120"), ("Total", ""), ("", "")):
        found = read(tmp_path, [*labelled(120), odd])
        assert found.class_counts == {"negative": 60, "positive": 60}
        assert len(found.notes) == 1
    rows = [*labelled(200, values="12345"), ("Mean", "3.0000"), ("Mean", "3.2")]
    found = read(tmp_path, rows)
    assert found.class_map.classes == ("1", "2", "3", "4", "5")
    assert found.notes[0] == "left out, as fewer than 5 rows are no class: '3.2' (1)"


def test_mixed_case_labels_are_one_class_and_told(tmp_path: Path) -> None:
    found = read(tmp_path, labelled(120, values=("pos", "neg", "POS", " Neg")))
    assert found.class_counts == {"negative": 60, "positive": 60}
    assert found.notes == (
        "label values read as one: ' Neg' (30), 'neg' (30); 'POS' (30), 'pos' (30)",
    )


def test_a_misspelt_label_is_left_out_with_the_option_that_joins_it(tmp_path: Path) -> None:
    rows = [*labelled(120, values=("positive", "negative")), ("odd", "negatve"), ("so", "?!")]
    found = read(tmp_path, rows)
    assert found.class_counts == {"negative": 60, "positive": 60}
    (note,) = found.notes
    assert isinstance(note, Doubt)
    labels = "negative=negative,positive=positive,negatve=negative"
    assert note == (
        "left out, as fewer than 5 rows are no class: '?!' (1), 'negatve' (1); likely misspelt: "
        f"'negatve' for 'negative'. Correct the file, or join them with --labels {labels}"
    )
    assert read(tmp_path, rows, labels=labels).class_counts == {"negative": 61, "positive": 60}


def test_a_misspelt_label_of_many_classes_is_told_without_a_long_option(tmp_path: Path) -> None:
    values = [f"class {letter}" for letter in "abcdefghijkl"]
    rows = [*labelled(1200, values=values), ("odd", "clas c"), ("so", "clas c")]
    note = read(tmp_path, rows).notes[0]
    assert note.endswith(
        "likely misspelt: 'clas c' for 'class c'. Correct the file, or join them with --labels"
    )


def test_a_table_that_plainly_has_no_header_is_read_without(tmp_path: Path) -> None:
    first, *rows = labelled(120, values=("pos", "neg"))
    path = write(tmp_path / "a.csv", rows, first)
    found = read_labelled([path], Columns())
    assert (len(found.rows), found.text_column, found.headless) == (120, "column_1", True)
    assert "--header says that it is the header" in found.notes[0]
    assert len(read_labelled([path], Columns("column_1", "column_2")).rows) == 120
    options = ReadOptions(csv=CsvOptions(no_header=True))
    assert not read_labelled([path], Columns(), options=options).headless
    with_header = ReadOptions(csv=CsvOptions(header=True))
    assert len(read_labelled([path], Columns(), options=with_header).rows) == 119
    assert len(read_labelled([path], Columns(label="pos")).rows) == 119
    named = write(tmp_path / "b.csv", labelled(120, values=("spam", "1")), ["mail", "spam"])
    with pytest.raises(UsageError, match="what the label values mean"):
        read_labelled([named], Columns())


def test_files_beside_one_without_a_header_have_none_either(tmp_path: Path) -> None:
    first, *rows = labelled(120)
    path = write(tmp_path / "a.csv", rows, first)
    short = write(tmp_path / "b.csv", [("dull", "0"), ("fine", "1")], ("good", "1"))
    assert len(read_labelled([path, short], Columns()).rows) == 123
    usual = write(tmp_path / "c.csv", labelled(80))
    with pytest.raises(InputError, match="no column 'column_1'"):
        read_labelled([path, usual], Columns("column_1"))
    with pytest.raises(InputError, match="no column 'label'"):
        read_labelled([usual, short], Columns())


def test_other_columns_of_texts_are_noted_where_the_text_was_not_named(tmp_path: Path) -> None:
    rows = [
        (text, f"{text} too", "a good class" if at % 3 else "bad class")
        for at, (text, _) in enumerate(labelled(240))
    ]
    path = write(tmp_path / "a.csv", rows, ("text", "summary", "label"))
    options = Columns(labels="a good class=positive,bad class=negative")
    assert read_labelled([path], options).notes == (
        f"{path}: the texts are in column 'text'; 'summary' looks like text too. --text-column "
        "names another; given for several, it joins their texts",
    )
    assert read_labelled([path], replace(options, text="text")).notes == ()


def test_texts_that_are_none_or_misread_are_doubted(tmp_path: Path) -> None:
    objects = [(json.dumps({"said": text}), label) for text, label in labelled(120)]
    misread = [(f"{text} schÃ¶n", label) for text, label in labelled(120)]
    for rows, doubted in ((objects, "look like JSON"), (misread, "look wrongly decoded")):
        path = write(tmp_path / "a.csv", rows)
        (note,) = read_labelled([path], Columns("text")).notes
        assert isinstance(note, Doubt)
        assert note.startswith(f"{path}: ") and doubted in note


def test_bytes_of_parquet_are_labels_as_they_are_texts(tmp_path: Path) -> None:
    texts, labels = zip(*labelled(60, values=("pos", "neg")), strict=True)
    columns = [pa.array(column).cast(pa.binary()) for column in (texts, labels)]
    pq.write_table(pa.table(columns, ["text", "label"]), tmp_path / "a.parquet")
    found = read_labelled([tmp_path / "a.parquet"], Columns())
    assert found.class_counts == {"negative": 30, "positive": 30}


def test_lines_of_fasttext_are_texts_with_labels(tmp_path: Path) -> None:
    path = tmp_path / "train.ft.txt.bz2"
    lines = [f"__label__{label} {text}, indeed" for text, label in labelled(120)]
    path.write_bytes(bz2.compress("\n".join([*lines, "", "no label"]).encode()))
    found = read_labelled([path], Columns())
    assert found.rows.texts.to_pylist() == [f"{text}, indeed" for text, _ in labelled(120)]
    assert (found.rows.targets.tolist(), found.left_out.blank_text) == ([0, 1] * 60, 2)
    assert (found.text_column, found.label_column) == ("text", "label")
    one, two = "__label__price", "__label__delivery"
    labels = [one, two, f"{one}  {two}", f"{two} {one}"]
    several = [f"{labels[at % 4]} {text}" for at, (text, _) in enumerate(labelled(120))]
    path.write_bytes(bz2.compress("\n".join(several).encode()))
    with pytest.raises(UsageError, match="are several labels in one cell: 'delivery;price'"):
        read_labelled([path], Columns())
    path = tmp_path / "a.txt"
    path.write_text("__label__1 good\n__label__0 bad\n" * 5000 + "\n")
    assert len(read_labelled([path], Columns()).rows) == 10_000
    rows = '"__label__1 so\ngood"\n"__label__0 so\nbad"\n' * 60
    (tmp_path / "a.csv").write_text(f"text\n{rows}")
    assert "so\ngood" in read_labelled([tmp_path / "a.csv"], Columns()).rows.texts.to_pylist()
    path.write_text("__label__1 good\n" + "no label\n" * 30)
    with pytest.raises(InputError, match="no column of labels; the columns are: 'text'"):
        read_labelled([path], Columns())


def test_a_table_in_one_json_object_is_told_so(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    path.write_text(json.dumps({"text": ["good", "bad"], "label": [1, 0]}))
    with pytest.raises(InputError, match=r"a\.json is one JSON object; JSON Lines have one"):
        read_labelled([path], Columns())
    rows = [json.dumps({"text": text, "label": int(label)}) for text, label in labelled(120)]
    path.write_text("\n".join(rows))
    assert len(read_labelled([path], Columns()).rows) == 120


def test_a_first_row_that_may_be_a_title_is_asked_about(tmp_path: Path) -> None:
    path = write(tmp_path / "a.csv", labelled(120), ("What The Guests Said", "1"))
    with pytest.raises(InputError, match=r"its label '1'\. --no-header .* --header"):
        read_labelled([path], Columns())


def test_one_class_only_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="all labels are one class: '1'"):
        read(tmp_path, labelled(120, values="1"))


def test_a_class_of_three_rows_is_refused(tmp_path: Path) -> None:
    rows = [*labelled(120, values="01"), *((f"odd {i}", "2") for i in range(3))]
    with pytest.raises(InputError, match="5 are needed: '2' has 3") as refused:
        read(tmp_path, rows)
    assert "--labels" in refused.value.hint


def test_all_texts_blank_is_refused(tmp_path: Path) -> None:
    rows = [(" ", label) for _, label in labelled(120)]
    with pytest.raises(InputError, match="no row has both a text and a label"):
        read(tmp_path, rows, text="text")


def test_few_rows_and_imbalance_are_told(tmp_path: Path) -> None:
    few = read(tmp_path, labelled(20))
    assert few.notes == (
        "classes of fewer than 50 rows, of which figures say little: 'negative' (10), "
        "'positive' (10)",
    )
    uneven = read(tmp_path, [(f"text {i}", "1" if i < 60 else "0") for i in range(2000)])
    assert uneven.notes == ("rare class, of which recall says more than accuracy: 'positive' (60)",)


def test_one_note_lists_all_rare_classes_and_none_that_are_like_the_others(tmp_path: Path) -> None:
    rows = [(f"text {i}-{j}", f"class {i}") for i in range(77) for j in range(60 + i)]
    assert read(tmp_path, rows).notes == ()
    few = read(tmp_path, rows[::2]).notes
    assert few == (
        "classes of fewer than 50 rows, of which figures say little: 'class 37' (49), "
        "'class 38' (49), 'class 39' (49), 'class 36' (48), 'class 33' (47), 'class 34' (47), "
        "'class 35' (47), 'class 32' (46) and 32 more",
    )


def test_fewer_than_ten_rows_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="9 usable rows are too few"):
        read(tmp_path, labelled(9))


def test_rows_that_cannot_be_read_are_left_out_and_told(tmp_path: Path) -> None:
    found = read(tmp_path, [("too", "many", "fields"), *labelled(120)])
    assert len(found.rows) == 120
    assert found.notes == ("left out: 1 row that cannot be read as the header says",)


def test_a_file_that_is_mostly_unreadable_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="30 of 150 rows cannot be read as the header says"):
        read(tmp_path, [*[("too", "many", "fields")] * 30, *labelled(120)])


def test_a_folder_is_told_with_its_files(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r" is a folder\. Name its files, as in .*/\*\.csv"):
        read_labelled([tmp_path], Columns())
    (tmp_path / "spark.parquet").mkdir()
    with pytest.raises(InputError, match=r"spark\.parquet/\*\.parquet"):
        read_labelled([tmp_path / "spark.parquet"], Columns())


def test_headers_of_a_survey_are_no_rows(tmp_path: Path) -> None:
    ids = tuple(f'{{"ImportId":"{name}"}}' for name in ("start", "Q1", "Q2"))
    days = [f"2026-01-{1 + at % 28:02} 10:00:{at % 60:02}" for at in range(120)]
    said = [
        (day, *row) for day, row in zip(days, labelled(120, values=("a", "b", "c")), strict=True)
    ]
    rows = [("Start Date", "How was it?", "Satisfied?"), ids, *said]
    path = write(tmp_path / "a.csv", rows, header=("StartDate", "Q1", "Q2"))
    found = read_labelled([path], Columns())
    assert (found.text_column, found.class_counts) == ("Q1", {"a": 40, "b": 40, "c": 40})
    assert "a training leaves them out" in found.notes[0]


def test_no_file_and_no_rows_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"there is no file .*nowhere\.csv"):
        read_labelled([tmp_path / "nowhere.csv"], Columns())
    with pytest.raises(InputError, match="no rows"):
        read(tmp_path, [])


def test_held_out_values_must_be_known(tmp_path: Path) -> None:
    path = write(tmp_path / "test.csv", [("good", "2")])
    with pytest.raises(InputError, match=r"test\.csv: no class is known for the label values '2'"):
        read_labelled([path], Columns("text", "label"), BINARY)


def test_a_row_without_a_group_is_a_group_of_its_own(tmp_path: Path) -> None:
    rows = [(text, label, "ab "[i % 3]) for i, (text, label) in enumerate(labelled(120))]
    path = write(tmp_path / "a.csv", rows, ["text", "label", "shop"])
    groups = read_labelled([path], Columns(group="shop")).rows.group_codes()
    assert groups is not None
    assert groups[0] == groups[3] != groups[1] == groups[4]
    assert len(np.unique(groups)) == 2 + 40


def test_rows_are_taken_by_index_or_mask_and_joined_again(tmp_path: Path) -> None:
    rows = read(tmp_path, labelled(120)).rows
    mask = rows.targets == 1
    parts = [rows.take(mask), rows.take(np.flatnonzero(~mask))]
    assert [len(part) for part in parts] == [60, 60]
    assert joined_rows(parts).targets.tolist() == [1] * 60 + [0] * 60


def encoded(path: Path, codec: str, delimiter: str = ",") -> Path:
    """Write a labelled table with `é` in each text."""
    rows = [f'"caf\u00e9 {text}"{delimiter}{label}' for text, label in labelled(60)]
    path.write_bytes("\n".join([f"text{delimiter}label", *rows, ""]).encode(codec))
    return path


@pytest.mark.parametrize(
    ("codec", "delimiter", "options"),
    [
        ("latin-1", ",", CsvOptions(encoding="latin-1")),
        ("cp1252", ";", CsvOptions(encoding="cp1252")),
        ("utf-16", ";", CsvOptions()),
        ("utf-16-le", "\t", CsvOptions()),
        ("utf-8", "^", CsvOptions(delimiter="^")),
        ("utf-8", "\x01", CsvOptions()),
    ],
)
def test_a_labelled_table_is_read_as_the_scoring_job_reads_it(
    tmp_path: Path, codec: str, delimiter: str, options: CsvOptions
) -> None:
    path = encoded(tmp_path / "in.csv", codec, delimiter)
    found = read_labelled([path], Columns(), options=ReadOptions(csv=options))
    assert found.left_out == LeftOut(0, 0, 0)
    assert found.rows.texts.to_pylist() == [f"caf\u00e9 {text}" for text, _ in labelled(60)]


def test_a_labelled_table_in_another_encoding_is_refused_with_it(tmp_path: Path) -> None:
    path = encoded(tmp_path / "in.csv", "cp1252")
    with pytest.raises(InputError, match=r"60 of 60 rows cannot be read .* --encoding cp1252"):
        read_labelled([path], Columns())


def test_other_dialects_and_formats_of_a_labelled_table(tmp_path: Path) -> None:
    rows = labelled(60)
    path = tmp_path / "in.data"
    path.write_text("Our reviews\n" + "".join(f"{text};{label}\n" for text, label in rows))
    options = ReadOptions("csv", CsvOptions(no_header=True, skip_rows=1))
    found = read_labelled([path], Columns(), options=options)
    assert found.rows.texts.to_pylist() == [text for text, _ in rows]
    path.write_text("text,label\n" + "".join(f'"\\"{text}\\"",{label}\n' for text, label in rows))
    found = read_labelled([path], Columns(), options=ReadOptions("csv"))
    assert found.rows.texts[0].as_py() == f'"{rows[0][0]}"'
    assert "is read as an escape" in found.notes[0]
    table = pa.table({"text": [text for text, _ in rows], "label": [label for _, label in rows]})
    pq.write_table(table, path)
    found = read_labelled([path], Columns(), options=ReadOptions("parquet"))
    assert len(found.rows) == 60


def test_a_rare_class_among_several_is_left_out_and_told(tmp_path):
    rows = [*labelled(60, values=("a", "b", "c")), ("some rare text", "d"), ("another one", "d")]
    found = read_labelled([write(tmp_path / "a.csv", rows)], Columns())
    assert found.class_map.classes == ("a", "b", "c")
    assert found.left_out.missing_label == 2
    assert found.notes[0] == "left out, as fewer than 5 rows are no class: 'd' (2)"
    held_out = write(tmp_path / "test.csv", [("one more text", "d"), ("and another", "a")])
    assert len(read_labelled([held_out], Columns(), found.class_map).rows) == 1


def test_a_column_without_a_name_is_not_the_text(tmp_path: Path) -> None:
    texts = [f"some {'good' if i % 2 else 'bad'} words {i}" for i in range(40)]
    rows = "".join(f"{i},{text},{i % 2}\n" for i, text in enumerate(texts))
    (tmp_path / "a.csv").write_text(f",text,label\n{rows}")  # as pandas writes its index
    found = read_labelled([tmp_path / "a.csv"], Columns())
    assert (found.text_column, found.rows.texts.to_pylist()) == ("text", texts)


def test_ratings_of_several_writings_are_one_class_and_told(tmp_path: Path) -> None:
    values = ["1 star", "5 stars", "3", "★★★★★"]
    table = read_labelled([write(tmp_path / "a.csv", labelled(80, values=values))], Columns())
    assert table.class_counts == {"1": 20, "3": 20, "5": 40}
    note = "label values read: '1 star' as '1', '5 stars' as '5', '★★★★★' as '5'"
    assert note in table.notes
    test = write(tmp_path / "b.csv", labelled(20, 1, ["1/5", "5/5"]))
    held_out = read_labelled([test], Columns(), table.class_map)
    assert held_out.class_counts == {"1": 10, "3": 0, "5": 10}


def test_classes_that_are_ratings_in_words_stay_so_in_held_out_files(tmp_path: Path) -> None:
    values = ["1 star", "3 stars", "5 stars"]
    table = write(tmp_path / "a.csv", labelled(30, values=values))
    assert read_labelled([table], Columns(), class_map_of(values)).class_map.classes == tuple(
        values
    )


def test_lists_of_parquet_are_read_as_their_one_label(tmp_path: Path) -> None:
    said = [text for text, _ in labelled(60)]
    lists = pa.table({"text": said, "labels": [["neg"], ["pos"], []] * 20})
    pq.write_table(lists, tmp_path / "one.parquet")
    assert read_labelled([tmp_path / "one.parquet"], Columns()).class_counts == {
        "negative": 20,
        "positive": 20,
    }
    several = pa.table({"text": said, "labels": [[1], [2, 3], [3]] * 20})
    pq.write_table(several, tmp_path / "several.parquet")
    with pytest.raises(UsageError, match="20 of 60 labels are several labels in one cell"):
        read_labelled([tmp_path / "several.parquet"], Columns())


def test_a_column_of_parts_is_told_where_rows_are_trained_on(tmp_path: Path) -> None:
    rows = [(*row, "test" if at % 3 else "train") for at, row in enumerate(labelled(40))]
    path = write(tmp_path / "a.csv", rows, header=("text", "label", "split"))
    note = "column 'split' says which rows are for training or testing; it is not used"
    assert any(line.startswith(note) for line in read_labelled([path], Columns()).notes)
    assert not any(note in line for line in read_labelled([path], Columns(), BINARY).notes)
    grouped = read_labelled([path], Columns(group="split")).notes
    assert not any(note in line for line in grouped)


def test_labels_that_were_not_accepted_are_told(tmp_path: Path) -> None:
    answers = ["accept", "accept", "reject"]
    rows = [(*row, answers[at % 3]) for at, row in enumerate(labelled(120))]
    path = write(tmp_path / "a.csv", rows, header=("text", "label", "answer"))
    (note, *_) = read_labelled([path], Columns()).notes
    assert isinstance(note, Doubt)
    assert note.startswith("column 'answer' says 'reject' of some rows: their labels are learned")
    verdicts = read_labelled([path], Columns(label="answer", labels="accept=yes,reject=no"))
    assert not any("says" in note for note in verdicts.notes)


def test_a_held_out_file_may_have_other_usual_names(tmp_path: Path) -> None:
    path = write(tmp_path / "test.csv", labelled(40), header=("review", "label"))
    found = Columns("text", "sentiment")
    held_out = read_labelled([path], Columns(), BINARY, found=found)
    assert (held_out.text_column, held_out.label_column) == ("review", "label")
    with pytest.raises(InputError, match="there is no column 'sentiment'"):
        read_labelled([path], Columns(label="sentiment"), BINARY, found=found)
    path = write(tmp_path / "odd.csv", labelled(40), header=("what they said", "mood"))
    with pytest.raises(InputError, match="to be called as those of the files before it"):
        read_labelled([path], Columns(), BINARY, found=found)


@pytest.mark.parametrize(
    ("names", "classes"),
    [
        (["World", "Sports", "Sci/Tech"], ["Sci/Tech", "Sports", "World"]),
        (["neg", "pos"], ["negative", "positive"]),
        (["ham", "spam"], ["negative", "positive"]),
    ],
)
def test_class_names_of_hugging_face_are_the_classes(
    tmp_path: Path, names: list[str], classes: list[str]
) -> None:
    rows = labelled(60, values=list(map(str, range(len(names)))))
    said, labels = [text for text, _ in rows], [int(label) for _, label in rows]
    features = {"text": {"dtype": "string"}, "label": {"names": names, "_type": "ClassLabel"}}
    metadata = {"huggingface": json.dumps({"info": {"features": features}})}
    table = pa.table({"text": said, "label": labels}).replace_schema_metadata(metadata)
    pq.write_table(table, tmp_path / "a.parquet")
    assert list(read_labelled([tmp_path / "a.parquet"], Columns()).class_counts) == classes
    codes = class_map_of(map(str, range(len(names))))
    held_out = read_labelled([tmp_path / "a.parquet"], Columns(), codes)
    assert list(held_out.class_counts) == list(codes.classes)


@pytest.mark.parametrize("metadata", ["{", "[]", '{"info": {"features": {"label": null}}}'])
def test_other_metadata_of_that_key_is_passed_over(tmp_path: Path, metadata: str) -> None:
    said = [text for text, _ in labelled(30)]
    table = pa.table({"text": said, "label": [0, 1, 2] * 10})
    pq.write_table(table.replace_schema_metadata({"huggingface": metadata}), tmp_path / "a.parquet")
    assert len(read_labelled([tmp_path / "a.parquet"], Columns()).class_counts) == 3
