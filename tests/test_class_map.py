import shlex
import unicodedata
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scorer.corpus.class_map import find_class_map
from scorer.corpus.label_values import label_key, labels_option, parse_labels
from scorer.errors import InputError, UsageError


@pytest.mark.parametrize(
    "values",
    [("0", "1"), ("neg", "POS"), ("Negative", "positive "), ("False", "true"), ("0.0", "1.0")],
)
def test_usual_values_are_understood_in_any_case(values: tuple[str, str]) -> None:
    found = find_class_map({values[1]: 3, values[0]: 3})
    assert found.classes == ("negative", "positive")
    assert found.targets([values[0], values[1]]).tolist() == [0, 1]


@given(st.permutations([("bad", 3), ("fair", 4), ("good", 5), ("Good", 2)]))
def test_the_order_of_the_rows_changes_nothing(counts: list[tuple[str, int]]) -> None:
    found = find_class_map(dict(counts))
    assert found.classes == ("bad", "fair", "good")
    assert found.label_values == {"bad": "bad", "fair": "fair", "good": "good"}


def test_number_classes_are_ordered_by_value() -> None:
    found = find_class_map({"10": 9, "9": 9, "-1": 9, "-2": 9})
    assert found.classes == ("-2", "-1", "9", "10")


def test_two_unknown_values_need_the_option() -> None:
    with pytest.raises(UsageError) as refused:
        find_class_map({"ham": 7, "spam": 5})
    assert str(refused.value) == (
        "what the label values mean is not clear: 'ham' (7), 'spam' (5). "
        "For sentiment say it with --labels ham=negative,spam=positive (or the other way round), "
        "for any other two classes with --labels ham=ham,spam=spam"
    )


def test_the_option_names_and_joins_classes() -> None:
    found = find_class_map({"1": 4, "2": 4, "5": 4}, "1=poor,2=poor,5=fine")
    assert found.classes == ("fine", "poor")
    assert found.targets(["5", "2", "1.0"]).tolist() == [0, 1, 1]


@pytest.mark.parametrize("labels", ["1", "1=a,2", "1=a,1.0=b", ""])
def test_an_option_that_is_no_mapping_is_refused(labels: str) -> None:
    with pytest.raises(UsageError, match="does not give each value one class"):
        parse_labels(labels)


@pytest.mark.parametrize(
    ("labels", "problem"),
    [
        ("a=x,b=y,c=x,d=y", "--labels names 'd'"),
        ("a=x,b=x,c=x", "--labels gives all values one class"),
    ],
)
def test_an_option_that_does_not_fit_the_values_is_refused(labels: str, problem: str) -> None:
    with pytest.raises(UsageError, match=problem):
        find_class_map({"a": 5, "b": 5, "c": 5}, labels)


def test_values_that_the_option_leaves_out_are_missing() -> None:
    stars = {"1": 5, "2": 5, "3": 7, "4": 5, "5": 5}
    found = find_class_map(stars, "1=negative,2=negative,4=positive,5=positive")
    assert found.targets(["1", "3", "5.0"]).tolist() == [0, -1, 1]
    assert (found.missing_marks(stars), found.unnamed_values(stars)) == ({}, {"3": 7})
    option = "1=negative,2=negative,3=,4=positive,5=positive"
    assert find_class_map(stars, option).unnamed_values(stars) == {"3": 7}


def test_a_class_can_be_left_out_afterwards() -> None:
    counts = {"a": 50, "b": 50, "c": 50, "rare": 2}
    found = find_class_map(counts).without({"rare"})
    assert (found.missing_marks(counts), found.rare_values(counts)) == ({}, {"rare": 2})
    assert found.classes == ("a", "b", "c")
    assert found.targets(["c", "rare"]).tolist() == [2, -1]


def test_misspelt_values_are_no_classes_of_their_own() -> None:
    counts = {"negative": 500, "positive": 480, "positve": 7, "neagtive": 6}
    with pytest.raises(UsageError) as refused:
        find_class_map(counts)
    assert str(refused.value).startswith(
        "likely misspelt: 'positve' for 'positive', 'neagtive' for 'negative'. The values are: "
    )
    option = shlex.split(refused.value.hint.partition("--labels ")[2])[0]
    assert find_class_map(counts, option).classes == ("negative", "positive")


@pytest.mark.parametrize("stray", ["300", "positve", "?", "netural"])
def test_a_value_of_too_few_rows_is_left_out(stray: str) -> None:
    for others in (("negative", "positive"), ("0", "1"), ("a", "b", "c")):
        counts = dict.fromkeys(others, 500) | {stray: 4}
        found = find_class_map(counts)
        assert len(found.classes) == len(others)
        assert found.rare_values(counts) == {stray: 4}
        assert found.targets([stray, others[-1]]).tolist() == [-1, len(others) - 1]


def test_a_third_value_of_more_than_a_stray_row_is_not_left_out() -> None:
    assert find_class_map({"0": 60, "1": 60, "2": 3}).classes == ("0", "1", "2")
    assert find_class_map({"0": 60, "1": 60, "2": 1}).classes == ("negative", "positive")
    assert find_class_map({"a": 4, "b": 4, "c": 4}).classes == ("a", "b", "c")


def test_two_values_beside_a_stray_one_still_need_the_option() -> None:
    with pytest.raises(UsageError, match="what the label values mean is not clear: 'ham'"):
        find_class_map({"ham": 70, "spam": 50, "120": 1})


@pytest.mark.parametrize(
    ("form", "separator"),
    [("{}", ";"), ("{}", " | "), ("{}", ", "), ("['{}']", "', '"), ("{}", ",")],
)
def test_several_labels_in_a_cell_are_a_question(form: str, separator: str) -> None:
    cells = [["price"], ["size"], ["price", "size"], ["size", "price"], ["price", "size", "taste"]]
    cells += [["size", "taste"]]
    counts = {form.format(separator.join(labels)): 30 for labels in cells}
    with pytest.raises(UsageError, match="120 of 180 labels are several labels in one") as refused:
        find_class_map(counts)
    option = shlex.split(refused.value.hint)[1]
    found = find_class_map(counts, option)
    assert (found.classes, len(found.unnamed)) == (("price", "size"), 4)


@pytest.mark.parametrize(
    "values",
    [
        ("1", "1,5", "2", "2,5", "3"),
        ("Movies, TV", "Home, Garden", "Food", "Garden"),
        ("Books|Fiction", "Books|History", "Books"),
        ("yes, surely", "yes, maybe", "no, surely", "no, maybe"),
        ("CARD ORDER / LOSS", "CARD ORDER", "LOSS"),
    ],
)
def test_values_with_commas_may_be_classes(values: tuple[str, ...]) -> None:
    assert set(find_class_map(dict.fromkeys(values, 30)).classes) == set(values)


@given(
    st.sampled_from(["positive", "card loss", "Straße", "é", "1", "0.5", "\uff21\uff22", "⭐⭐"]),
    st.sampled_from([str, str.upper, str.title, lambda v: v.replace(" ", " \u00a0 ")]),
    st.sampled_from(["", " ", "\t", "\ufeff", "\u200b", "\u00a0", "\n"]),
    st.sampled_from(["NFC", "NFD", "NFKC", "NFKD"]),
)
def test_a_value_in_other_clothes_is_the_same(
    value: str, case: Callable[[str], str], edge: str, form: str
) -> None:
    assert label_key(edge + unicodedata.normalize(form, case(value)) + edge) == label_key(value)


def test_missing_labels_are_no_class_unless_they_are_named() -> None:
    counts = {"": 5, "NA": 3, "nan": 1, "0": 9, "1": 9}
    assert find_class_map(counts).targets(["NA", "", " nan ", "1"]).tolist() == [-1, -1, -1, 1]
    named = find_class_map(counts, "0=no,1=yes,na=unasked")
    assert named.targets(["NA", ""]).tolist() == [named.classes.index("unasked"), -1]


@pytest.mark.parametrize("counts", [{"1": 20}, {"pos": 9, "positive": 9}])
def test_one_class_only_is_refused(counts: dict[str, int]) -> None:
    with pytest.raises(InputError, match="all labels are one class"):
        find_class_map(counts)


def test_no_label_at_all_is_refused() -> None:
    with pytest.raises(InputError, match="no row has a label"):
        find_class_map({"": 20})


def test_a_column_of_many_values_is_not_of_labels() -> None:
    with pytest.raises(InputError, match="500 different values in 5,000 rows are not labels"):
        find_class_map({f"customer {i}": 10 for i in range(500)})


def test_a_value_unknown_to_the_classes_is_refused() -> None:
    with pytest.raises(InputError, match="no class is known for the label values 'meh'"):
        find_class_map({"0": 5, "1": 5}).targets(["0", "meh"])


MARKS = ["None", "#N/A", "NULL", "null", "N/A", "<NA>", "NaN", "\\N", "#NULL!", "nil", "NaT"]


@pytest.mark.parametrize("mark", MARKS)
def test_a_usual_mark_of_a_missing_label_is_no_class(mark: str) -> None:
    counts = {"0": 90, "1": 90, mark: 20, "": 5}
    found = find_class_map(counts)
    assert found.classes == ("negative", "positive")
    assert found.targets([mark, "", "1"]).tolist() == [-1, -1, 1]
    assert found.missing_marks(counts) == {mark: 20}
    named = find_class_map(counts, f"0=no,1=yes,{mark}=unasked")
    assert named.classes == ("no", "unasked", "yes")
    assert named.missing_marks(counts) == {}


@pytest.mark.parametrize("mark", ["?", "-", "--", ".", "unknown", "Missing", "-1", "-1.0", "-999"])
@pytest.mark.parametrize("others", [("0", "1"), ("1", "2", "3")])
def test_a_doubtful_mark_needs_the_option_that_the_message_gives(
    mark: str, others: tuple[str, ...]
) -> None:
    counts = dict.fromkeys([*others, mark], 30)
    with pytest.raises(UsageError, match=r"a class, or missing\?") as refused:
        find_class_map(counts)
    option = shlex.split(refused.value.hint)[1]
    found = find_class_map(counts, option)
    assert len(found.classes) == len(others)
    assert found.targets([mark, others[0]]).tolist() == [-1, 0]
    assert (found.missing_marks(counts), found.unnamed_values(counts)) == ({}, {mark: 30})


def test_numbers_below_zero_are_classes_where_there_are_several() -> None:
    assert find_class_map(dict.fromkeys(["-2", "-1", "0", "1", "2"], 9)).classes[1] == "-1"


@pytest.mark.parametrize(
    "values",
    [("1,0", "0,0"), ('say "a"', "say b"), ("a=1", "a=2"), ("it's", "it, is"), ("$x", "y z")],
)
def test_the_option_in_a_message_works_for_any_value(values: tuple[str, str]) -> None:
    counts = dict.fromkeys(values, 30)
    with pytest.raises(UsageError) as refused:
        find_class_map(counts)
    sentiment, other = refused.value.hint.split("with ")[1:]
    for option, classes in ((sentiment, {"negative", "positive"}), (other, None)):
        words = shlex.split(option.partition(" (")[0])
        assert words[0] == "--labels"
        found = set(find_class_map(counts, words[1]).classes)
        assert found == (classes or {value.replace("=", "-") for value in values})


@given(st.dictionaries(st.text("a,\"'= $\\", min_size=1).map(str.strip).filter(bool), st.just("b")))
def test_what_labels_option_writes_is_read(named: dict[str, str]) -> None:
    if len(set(map(label_key, named))) == len(named) > 0:
        assert parse_labels(shlex.split(labels_option(named))[1]) == named


def test_names_that_differ_in_numbers_alone_are_no_misspellings() -> None:
    found = find_class_map({"type 1": 100, "type 2": 60, "type 3": 40, "type 4": 5})
    assert found.classes == ("type 1", "type 2", "type 3", "type 4")


def test_what_a_question_about_several_labels_proposes_can_be_given() -> None:
    counts = {"a": 30, "b": 30, "a,b": 20, "b,a": 20}
    with pytest.raises(UsageError) as refused:
        find_class_map(counts)
    options = [option for option in shlex.split(str(refused.value)) if "=" in option]
    classes = [find_class_map(counts, option.rstrip(";")).label_values for option in options]
    assert classes == [{"a": "a", "b": "b"}, {"a": "a", "b": "b", "a,b": "a"}]


def test_rare_classes_that_only_held_out_rows_have_are_left_out() -> None:
    trained = find_class_map({"loan": 30, "card": 30, "fee": 30})
    seen = {"loan": 3, "card": 2, "app": 2, "branch": 3}
    assert trained.without_strays(seen).rare_values(seen) == {"app": 2, "branch": 3}
    with pytest.raises(InputError, match="no class is known for the label values 'branch'"):
        trained.without_strays({**seen, "branch": 4}).targets(["branch"])


def test_a_stray_value_of_held_out_rows_is_left_out_and_more_are_refused() -> None:
    trained = find_class_map({"neg": 30, "pos": 30})
    stray = trained.without_strays({"neg": 30, "pos": 30, "total": 1})
    assert stray.targets(["neg", "total", "pos"]).tolist() == [0, -1, 1]
    assert stray.rare_values({"neg": 30, "total": 1}) == {"total": 1}
    with pytest.raises(InputError, match="no class is known for the label values 'total'"):
        trained.without_strays({"neg": 30, "pos": 30, "total": 2}).targets(["total"])
