import pytest
from hypothesis import given
from hypothesis import strategies as st

from scorer.corpus.class_map import find_class_map, parse_labels
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
    assert find_class_map({"10": 9, "9": 9, "-1": 9}).classes == ("-1", "9", "10")


def test_two_unknown_values_need_the_option() -> None:
    with pytest.raises(UsageError) as refused:
        find_class_map({"ham": 7, "spam": 5})
    assert str(refused.value) == (
        "what the label values mean is not clear: 'ham' (7), 'spam' (5). "
        "Say it, for instance with --labels ham=negative,spam=positive"
    )


def test_the_option_names_and_joins_classes() -> None:
    found = find_class_map({"1": 4, "2": 4, "5": 4}, "1=poor,2=poor,5=fine")
    assert found.classes == ("fine", "poor")
    assert found.targets(["5", "2", "1.0"]).tolist() == [0, 1, 1]


@pytest.mark.parametrize("labels", ["1", "1=", "=a,2=b", "1=a,1.0=b", ""])
def test_an_option_that_is_no_mapping_is_refused(labels: str) -> None:
    with pytest.raises(UsageError, match="does not give each value one class"):
        parse_labels(labels)


@pytest.mark.parametrize(
    ("labels", "problem"),
    [
        ("a=x,b=y", "--labels gives 'c' no class"),
        ("a=x,b=y,c=x,d=y", "--labels names 'd'"),
        ("a=x,b=x,c=x", "--labels gives all values one class"),
    ],
)
def test_an_option_that_does_not_fit_the_values_is_refused(labels: str, problem: str) -> None:
    with pytest.raises(UsageError, match=problem):
        find_class_map({"a": 5, "b": 5, "c": 5}, labels)


def test_a_misspelt_value_is_no_class_of_its_own() -> None:
    with pytest.raises(UsageError) as refused:
        find_class_map({"negative": 500, "positive": 480, "positve": 2})
    assert "is the label 'positve' meant to be 'positive'?" in str(refused.value)
    option = "negative=negative,positive=positive,positve=positive"
    assert option in refused.value.hint
    joined = find_class_map({"negative": 500, "positive": 480, "positve": 2}, option)
    assert joined.classes == ("negative", "positive")


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
    with pytest.raises(InputError, match="60 different values in 600 rows are not labels"):
        find_class_map({f"customer {i}": 10 for i in range(60)})


def test_a_value_unknown_to_the_classes_is_refused() -> None:
    with pytest.raises(InputError, match="no class is known for the label values 'meh'"):
        find_class_map({"0": 5, "1": 5}).targets(["0", "meh"])
