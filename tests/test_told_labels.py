from pathlib import Path

import pytest
from labelled_files import labelled, write

from scorer.corpus.labelled import read_labelled
from scorer.corpus.labelled_columns import Columns
from scorer.corpus.source import Source, source_of
from scorer.errors import InputError, UsageError
from scorer.tables.csv_options import CsvOptions
from scorer.tables.formats import ReadOptions


def test_each_source_is_read_as_it_was_told(tmp_path: Path) -> None:
    old = write(tmp_path / "old.csv", labelled(60, 1, ("2", "1")), ("review", "mark"))
    rows = [(text, "x", label) for text, label in labelled(40, 2, ("1", "5"))]
    new = write(tmp_path / "new.csv", rows, ("body", "mark", "stars"))
    told = Source([old], Columns(labels="2=negative,1=positive"))
    columns = Columns("body", "stars", labels="1=negative,5=positive")
    found = read_labelled([new], columns, earlier=[told])
    assert found.rows.targets.tolist() == [0, 1] * 50
    assert found.class_map.label_values["1"] == "negative"  # as the newest files have it
    assert [*found.files] == [str(old), str(new)]


@pytest.mark.parametrize(
    ("values", "targets"),
    [
        *((("2", "1"), [0, 1]), (("0", "1"), [0, 1]), (("neg", "Positive"), [0, 1])),
        (("false", "true"), [0, 1]),
    ],
)
def test_what_was_told_holds_for_files_of_which_nothing_is(
    tmp_path: Path, values: tuple[str, str], targets: list[int]
) -> None:
    old = write(tmp_path / "old.csv", labelled(60, 1, ("2", "1")), ("review", "mark"))
    few = write(tmp_path / "few.csv", labelled(4, 2, values))  # too few for a training of their own
    told = Source([old], Columns(labels="2=negative,1=positive"))
    found = read_labelled([few], Columns(), earlier=[told])
    assert found.rows.targets.tolist()[60:] == targets * 2


def test_two_classes_that_were_named_need_no_naming_again(tmp_path: Path) -> None:
    old = write(tmp_path / "old.csv", labelled(60, 1, ("s", "h", "?")))
    new = write(tmp_path / "new.csv", labelled(60, 2, ("spam", "ham")), ("text", "kind"))
    told = Source([old], Columns(labels="s=spam,h=ham"))
    found = read_labelled([new], Columns(label="kind"), earlier=[told])
    assert found.class_counts == {"ham": 50, "spam": 50}
    assert "left out, as --labels gives them no class: '?' (20)" in found.notes
    assert found.left_out.missing_label == 20
    other = write(tmp_path / "other.csv", labelled(60, 2, ("spam", "eggs")))
    more = read_labelled([other], Columns(), earlier=[told])
    assert more.class_counts == {"eggs": 30, "ham": 20, "spam": 50}


def test_an_option_that_does_not_fit_names_the_files_it_was_told_of(tmp_path: Path) -> None:
    old = write(tmp_path / "old.csv", labelled(60, 1, ("2", "1")))
    new = write(tmp_path / "new.csv", labelled(60, 2, ("a", "b")))
    told = Source([old], Columns(labels="2=negative,1=positive"))
    with pytest.raises(UsageError, match=r"^\S*new.csv: --labels names '5'"):
        read_labelled([new], Columns(labels="5=negative,a=positive"), earlier=[told])
    with pytest.raises(InputError, match=r"^\S*new.csv: there is no column 'stars'"):
        read_labelled([new], Columns(label="stars"), earlier=[told])


def test_files_without_groups_stand_beside_files_with_them(tmp_path: Path) -> None:
    rows = [(text, label, f"shop {i % 5}") for i, (text, label) in enumerate(labelled(60))]
    grouped = write(tmp_path / "a.csv", rows, ("text", "label", "shop"))
    plain = write(tmp_path / "b.csv", labelled(60, 3))
    found = read_labelled([plain], Columns(), earlier=[Source([grouped], Columns(group="shop"))])
    codes = found.rows.group_codes()
    assert codes is not None
    assert len(set(codes.tolist())) == 5 + 60


def test_what_was_told_comes_back(tmp_path: Path) -> None:
    columns = Columns("a + b", "label", "shop", "1=x,2=y")
    source = Source([tmp_path], columns, ReadOptions("csv", CsvOptions(delimiter=";", skip_rows=2)))
    assert source_of([tmp_path], source.told()) == source
    assert Source([tmp_path]).told() == {}
