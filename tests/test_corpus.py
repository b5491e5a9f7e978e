from pathlib import Path

import pytest
from labelled_files import Rows, labelled, texts, write

from scorer.corpus.corpus import Corpus, read_corpus
from scorer.corpus.labelled_columns import Columns
from scorer.corpus.labelled_rows import LabelledRows
from scorer.errors import InputError, UsageError
from scorer.tables.csv_options import CsvOptions
from scorer.tables.formats import ReadOptions


def header(rows: Rows) -> tuple[str, ...]:
    return ("text", "label", "shop")[: len(rows[0])]


def read(
    tmp_path: Path,
    train: Rows,
    valid: Rows | str = "0.1",
    test: Rows | str = "0.2",
    columns: Columns | None = None,
    keep: bool = False,
) -> Corpus:
    """Read rows written to files; a part given as a string is handed on as it is."""
    sizes = [
        part if isinstance(part, str) else str(write(tmp_path / f"{name}.csv", part, header(part)))
        for name, part in (("valid", valid), ("test", test))
    ]
    path = write(tmp_path / "train.csv", train, header(train))
    return read_corpus([path], *sizes, columns or Columns(), seed=0, keep_duplicates=keep)


def members(rows: LabelledRows) -> set[str]:
    return set(rows.texts.to_pylist())


def test_shares_give_exact_disjoint_parts_that_the_seed_decides(tmp_path: Path) -> None:
    corpus = read(tmp_path, labelled(200))
    assert corpus.class_counts() == {
        "train": {"negative": 70, "positive": 70},
        "valid": {"negative": 10, "positive": 10},
        "test": {"negative": 20, "positive": 20},
    }
    parts = [members(part) for part in (corpus.train, corpus.valid, corpus.test)]
    assert set.union(*parts) == set(texts(200))
    assert members(read(tmp_path, labelled(200)).test) == parts[2]
    assert corpus.notes == ()


def test_given_files_are_the_parts(tmp_path: Path) -> None:
    corpus = read(tmp_path, labelled(200), labelled(20, 1), labelled(30, 2))
    sizes = [len(part) for part in (corpus.train, corpus.valid, corpus.test)]
    assert sizes == [200, 20, 30]
    assert corpus.test.texts.to_pylist() == texts(30, 2)
    assert corpus.notes == ()


@pytest.mark.parametrize(("valid", "test"), [("20", labelled(30, 2)), (labelled(30, 2), "20")])
def test_a_file_and_a_number_of_rows_go_together(
    tmp_path: Path, valid: Rows | str, test: Rows | str
) -> None:
    corpus = read(tmp_path, labelled(200), valid, test)
    assert len(corpus.train) == 180
    assert {len(corpus.valid), len(corpus.test)} == {20, 30}


def test_twenty_rows_in_all_are_enough_for_three_parts(tmp_path: Path) -> None:
    corpus = read(tmp_path, labelled(20))
    assert [len(part) for part in (corpus.train, corpus.valid, corpus.test)] == [14, 2, 4]


def test_shares_of_twenty_rows_of_three_classes_grow_and_numbers_are_refused(
    tmp_path: Path,
) -> None:
    corpus = read(tmp_path, labelled(20, values="abc"))
    assert [len(part) for part in (corpus.train, corpus.valid, corpus.test)] == [13, 3, 4]
    assert any("13 / 3 / 4 rows, more than their shares" in note for note in corpus.notes)
    with pytest.raises(UsageError, match="3 classes with 6 to 7 rows cannot all be in") as refused:
        read(tmp_path, labelled(20, values="abc"), "2")
    assert "--valid and --test take 3 at least" in refused.value.hint


def test_a_test_file_may_have_other_usual_names(tmp_path: Path) -> None:
    train = write(tmp_path / "train.csv", labelled(40), ("text", "sentiment"))
    test = write(tmp_path / "test.csv", labelled(10, 1), ("review", "label"))
    corpus = read_corpus([train], "0.2", str(test), Columns(), seed=0)
    assert len(corpus.test) == 10


def test_the_columns_of_the_training_files_are_found_among_more(tmp_path: Path) -> None:
    train = write(tmp_path / "train.csv", labelled(40), ("said", "verdict"))
    more = [(text, "ab"[at % 3 > 0], label) for at, (text, label) in enumerate(labelled(12, 1))]
    test = write(tmp_path / "test.csv", more, ("said", "shop", "verdict"))
    corpus = read_corpus([train], "0.2", str(test), Columns(), seed=0)
    assert corpus.class_counts()["test"] == {"negative": 6, "positive": 6}


def almost(text: str) -> str:
    return text.rsplit(" ", 1)[0] + " otherwise"


def test_alike_texts_never_straddle_parts_that_are_split_off(tmp_path: Path) -> None:
    rows = labelled(150)
    rows += [(almost(text).upper(), label) for text, label in rows[:50]]
    corpus = read(tmp_path, rows)
    for part in (corpus.train, corpus.valid, corpus.test):
        found = members(part)
        for text in texts(150)[:50]:
            assert (text in found) == (almost(text).upper() in found)
    assert corpus.notes == (
        "kept in the same part: 100 rows with 50 texts that are the same, or nearly",
    )
    assert corpus.leaks is not None
    assert corpus.leaks.held_out == 0


def test_planted_duplicates_are_taken_out_of_the_part_before(tmp_path: Path) -> None:
    train, valid, test = labelled(200), labelled(20, 1), labelled(30, 2)
    train[:3] = [(text.upper(), label) for text, label in test[:3]]
    train[3:5] = [(almost(text), label) for text, label in test[3:5]]
    train[5] = valid[6]
    valid[0] = test[10]
    corpus = read(tmp_path, train, valid, test)
    assert [len(part) for part in (corpus.train, corpus.valid, corpus.test)] == [194, 19, 30]
    assert members(corpus.train) == {text for text, _ in train[6:]}
    assert corpus.notes == (
        "taken out of training: 5 rows with the text of 5 rows of the test file (3 the same, 2 "
        "nearly). --keep-duplicates keeps them",
        "taken out of validation: 1 row with the text of 1 row of the test file (1 the same, 0 "
        "nearly). --keep-duplicates keeps them",
        "taken out of training: 1 row with the text of 1 row of the validation file (1 the same, "
        "0 nearly). --keep-duplicates keeps them",
    )
    assert corpus.leaks is not None
    assert corpus.leaks.held_out == 0


def test_duplicates_are_kept_when_asked_for_and_still_told(tmp_path: Path) -> None:
    test = labelled(30, 2)
    corpus = read(tmp_path, labelled(200) + test[:4], labelled(20, 1), test, keep=True)
    assert len(corpus.train) == 204
    assert corpus.notes == (
        "kept: 4 rows of the test file with a text of the training rows (4 the same, 0 nearly): "
        "figures get too good",
    )
    assert corpus.leaks is not None
    assert (corpus.leaks.same, corpus.leaks.near) == (4, 0)


def test_the_training_file_as_test_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError) as refused:
        read(tmp_path, labelled(60), "0.1", labelled(60))
    assert str(refused.value) == (
        "no training row is left: all are in the test file too. "
        "Give other files; --keep-duplicates takes these all the same"
    )


def test_a_class_that_only_the_test_file_is_left_with_is_refused(tmp_path: Path) -> None:
    rows = labelled(60)
    with pytest.raises(InputError, match="no training row of some class is left"):
        read(tmp_path, rows, labelled(10, 1), [row for row in rows if row[1] == "1"])


def test_a_test_file_of_one_class_is_told(tmp_path: Path) -> None:
    corpus = read(tmp_path, labelled(60), "10", labelled(10, 1, values="1"))
    assert "no test row is 'negative': the figures say nothing about it" in corpus.notes


def shops(rows: list[tuple[str, str]], number: int) -> list[tuple[str, str, str]]:
    return [(*row, f"shop {i // 2 % number}") for i, row in enumerate(rows)]


def test_groups_never_straddle_parts_that_are_split_off(tmp_path: Path) -> None:
    corpus = read(tmp_path, shops(labelled(240), 40), columns=Columns(group="shop"))
    parts = [set(part.groups.to_pylist()) for part in (corpus.train, corpus.valid, corpus.test)]
    assert not parts[0] & parts[1]
    assert not parts[2] & (parts[0] | parts[1])
    assert len(set.union(*parts)) == 40


def test_groups_of_a_given_file_are_taken_out_of_training(tmp_path: Path) -> None:
    test = [(text, label, "shop 3") for text, label in labelled(20, 2)]
    rows = shops(labelled(240), 40)
    corpus = read(tmp_path, rows, "0.1", test, columns=Columns(group="shop"))
    assert "shop 3" not in corpus.train.groups.to_pylist() + corpus.valid.groups.to_pylist()
    assert "taken out of training: 6 rows of a group of the test file" in corpus.notes


def test_texts_and_groups_keep_rows_together_at_once(tmp_path: Path) -> None:
    rows = shops(labelled(240), 40)
    rows[0] = (rows[100][0], *rows[0][1:])  # joins their two shops
    corpus = read(tmp_path, rows, columns=Columns(group="shop"))
    for part in (corpus.train, corpus.valid, corpus.test):
        found = part.groups.to_pylist()
        assert (rows[0][2] in found) == (rows[100][2] in found)


@pytest.mark.parametrize("size", ["0", "1.0", "1.5", "-0.1", "-3", "nan", "inf", "20%", "0,2"])
def test_a_size_that_is_none_is_refused_before_anything_is_read(size: str) -> None:
    with pytest.raises(UsageError, match=f"--test {size} is no size of a part"):
        read_corpus([Path("nowhere.csv")], "0.1", size, Columns(), seed=0)


def test_a_part_with_a_letter_is_a_file(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"there is no file .*tset\.csv"):
        read(tmp_path, labelled(60), "0.1", str(tmp_path / "tset.csv"))


def test_all_files_are_read_as_the_options_say(tmp_path: Path) -> None:
    paths = [write(tmp_path / f"{i}.csv", labelled(60, seed=i)) for i in range(3)]
    for path in paths:
        text = path.read_text().replace(",", "^").replace("text^", "caf\u00e9^", 1)
        path.write_bytes(text.encode("latin-1"))
    options = ReadOptions(csv=CsvOptions("^", encoding="latin-1"))
    columns = Columns("caf\u00e9", "label")
    train, valid, test = map(str, paths)
    corpus = read_corpus([Path(train)], valid, test, columns, seed=0, options=options)
    assert (len(corpus.train), len(corpus.valid), len(corpus.test)) == (60, 60, 60)
