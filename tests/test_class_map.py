import re
import shlex
import unicodedata
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scorer.corpus.class_map import find_class_map
from scorer.corpus.label_values import (
    label_key,
    labels_option,
    parse_labels,
    rating_numbers,
    without_confidence,
)
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
        "For classes of these names say it with --labels ham=ham,spam=spam; for sentiment with "
        "--labels ham=negative,spam=positive (or the other way round)"
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


def test_the_name_of_a_class_is_a_value_of_it() -> None:
    counts = {"x": 30, "y": 30, "Complaint": 20, "fine": 9, "so so": 9}
    found = find_class_map(counts, "x=complaint,y=fine,fine=")
    assert found.targets(["x", "complaint", "y"]).tolist() == [0, 0, 1]
    assert found.unnamed_values(counts) == {"fine": 9, "so so": 9}


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
    [
        *(("{}", ";"), ("{}", " | "), ("{}", ", "), ("['{}']", "', '"), ("{}", ","), ("{}", "#")),
        *(("{}", " / "), ("{}", "+"), ("{}", " & ")),
    ],
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
        ("do", "do#", "fa", "fa#"),
        ("A", "A+", "A-", "B+", "B-"),
        ("media/books", "media/films", "media", "goods", "goods/toys"),
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


@pytest.mark.parametrize(
    ("value", "named"),
    [("x", {"x": "x", "": "blank"}), ("1", {"1": "positive", "": "negative"})],
)
def test_blank_cells_may_be_the_other_class(value: str, named: dict[str, str]) -> None:
    counts = {value: 30, "": 20}
    with pytest.raises(InputError, match=r"are one class: .*; 20 rows are blank") as refused:
        find_class_map(counts)
    found = find_class_map(counts, shlex.split(refused.value.hint)[1])
    assert found.label_values == named


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
@pytest.mark.parametrize("others", [("1", "2"), ("1", "2", "3")])
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
    words = shlex.split(refused.value.hint.replace(";", " "))
    themselves, sentiment = (words[at + 1] for at, word in enumerate(words) if word == "--labels")
    found = set(find_class_map(counts, themselves).classes)
    assert found == {value.replace("=", "-") for value in values}
    assert find_class_map(counts, sentiment).classes == ("negative", "positive")


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
    assert classes == [{"a": "a", "b": "b"}, {"a": "a", "b": "b", "a,b": "a", "b,a": "b"}]
    with pytest.raises(UsageError) as refused:
        find_class_map({"a": 30, "[b, a]": 30})  # without those rows one class is left
    assert shlex.split(refused.value.hint)[:2] == ["--labels", 'a=a,"[b, a]=b"']
    with pytest.raises(UsageError, match="takes the most frequent of them by their first label"):
        find_class_map({f"[{at}, {at + 1}]": 9 for at in range(9)})


def test_rare_classes_that_only_held_out_rows_have_are_left_out() -> None:
    trained = find_class_map({"loan": 30, "card": 30, "fee": 30})
    seen = {"loan": 3, "card": 2, "app": 2, "branch": 3}
    assert trained.without_strays(seen).rare_values(seen) == {"app": 2, "branch": 3}
    with pytest.raises(InputError, match="no class is known for the label values 'branch'"):
        trained.without_strays({**seen, "branch": 4}).targets(["branch"])  # most rows
    with pytest.raises(InputError, match=r"no class is known for the label values 'loan\.'"):
        trained.without_strays({"loan": 0, "card": 30, "fee": 30, "loan.": 30}).targets(["loan."])


def test_a_stray_value_of_held_out_rows_is_left_out_and_more_are_refused() -> None:
    trained = find_class_map({"neg": 30, "pos": 30})
    stray = trained.without_strays({"neg": 30, "pos": 30, "total": 1})
    assert stray.targets(["neg", "total", "pos"]).tolist() == [0, -1, 1]
    assert stray.rare_values({"neg": 30, "total": 1}) == {"total": 1}
    with pytest.raises(InputError, match="no class is known for the label values 'total'"):
        trained.without_strays({"neg": 30, "pos": 30, "total": 2}).targets(["total"])


@pytest.mark.parametrize("form", ["{}", "{}.0"])
@pytest.mark.parametrize("zeros", [300, 12])
def test_minus_one_beside_zero_and_one_is_a_class_unless_it_is_rare(form: str, zeros: int) -> None:
    values = [form.format(value) for value in (-1, 0, 1)]
    counts = dict(zip(values, (300, zeros, 290), strict=True))
    assert find_class_map(counts).classes == ("-1", "0", "1")
    with pytest.raises(UsageError, match="a class, or missing"):
        find_class_map(dict(zip(values, (8, 300, 290), strict=True)))


@pytest.mark.parametrize("form", ['["{}"]', "['{}']", "[ {} ]"])
def test_a_list_of_one_label_is_that_label(form: str) -> None:
    found = find_class_map({form.format(word): 30 for word in ("Negative", "Positive")})
    assert found.label_values == {"Negative": "negative", "Positive": "positive"}
    assert found.targets([form.format("Positive"), "negative", "[]"]).tolist() == [1, 0, -1]
    assert label_key('["a, b"]') == "a, b"


def test_lists_of_several_labels_are_a_question_without_any_of_one() -> None:
    with pytest.raises(UsageError, match="60 of 60 labels are several labels in one cell"):
        find_class_map({'["price", "size"]': 30, "[1, 2]": 30})


@pytest.mark.parametrize(
    "values",
    [
        ("Yes", "No", "Y", "n"),
        ("négatif", "negatif", "positif"),
        ("pos", "positive", "neutral"),
        ("good", "bad", "good.", "bad."),
    ],
)
def test_spellings_of_one_class_are_asked_about_with_what_joins_them(values: tuple) -> None:
    counts = {value: 90 - at for at, value in enumerate(values)}
    with pytest.raises(UsageError, match="likely one class: ") as refused:
        find_class_map(counts)
    option = shlex.split(refused.value.hint.partition("--labels ")[2])[0]
    assert len(find_class_map(counts, option).classes) == 2


@pytest.mark.parametrize(
    "values",
    [
        *(("A", "B", "C"), ("n", "no", "never"), ("は", "ば", "ぱ")),
        *(("A", "B", "B-"), ("I", "II", "V", "VI"), ("A", "AA", "B", "BB")),  # grades
    ],
)
def test_single_letters_and_other_scripts_are_classes(values: tuple[str, ...]) -> None:
    assert set(find_class_map(dict.fromkeys(values, 30)).classes) == set(values)


def test_misspelt_sentiment_is_joined_to_the_understood_classes() -> None:
    counts = {"Positive": 152, "negative": 197, "negativee": 16, "neg": 15, "Pos": 10}
    with pytest.raises(
        UsageError, match=r"'neg' and 'negative', .*; likely misspelt: 'negativee' for"
    ) as r:
        find_class_map(counts)
    option = shlex.split(r.value.hint.partition("--labels ")[2])[0]
    assert find_class_map(counts, option).classes == ("negative", "positive")


@pytest.mark.parametrize("pair", [("valid", "invalid"), ("unhappy", "happy")])
def test_the_opposite_of_a_value_is_no_misspelling_of_it(pair: tuple[str, str]) -> None:
    rows = dict(zip(pair, (300, 20), strict=True))
    assert find_class_map({**rows, "other": 90}).classes == tuple(sorted({*pair, "other"}))
    with pytest.raises(UsageError, match="what the label values mean"):
        find_class_map(rows)


@pytest.mark.parametrize(
    ("negative", "positive"),
    [
        ("Nein", "Ja"),
        ("non", "oui"),
        ("bad", "good"),
        ("😡", "😀"),
        ("👎", "👍\ufe0f"),
        ("meh", "good"),
        ("负面", "正面"),
        ("плохо", "Хорошо"),
        ("2", "3"),
    ],
)
def test_the_option_for_sentiment_is_the_right_way_round(negative: str, positive: str) -> None:
    counts = {positive: 30, negative: 30}
    with pytest.raises(UsageError) as refused:
        find_class_map(counts)
    found = find_class_map(counts, shlex.split(refused.value.hint.split("with ")[1])[1])
    assert found.targets([negative, positive]).tolist() == [0, 1]


def test_an_option_that_only_leaves_values_out_leaves_the_rest_as_it_is() -> None:
    counts = {"0": 30, "1": 30, "-1": 30, "maybe": 30}
    found = find_class_map(counts, "maybe=,-1=,absent=")
    assert found.classes == ("negative", "positive")
    assert found.unnamed_values(counts) == {"-1": 30, "maybe": 30}
    assert found.targets(["1", "maybe", "absent"]).tolist() == [1, -1, -1]
    with pytest.raises(UsageError, match="what the label values mean"):
        find_class_map({"ham": 30, "spam": 30, "maybe": 30}, "maybe=")


def test_held_out_values_may_be_written_in_another_understood_way() -> None:
    for values in (("0", "1"), ("negative", "positive"), ("False", "True")):
        known = find_class_map(dict.fromkeys(values, 30))
        assert known.targets(["neg", "0", "true", "Positive"]).tolist() == [0, 0, 1, 1]
    three = find_class_map(dict.fromkeys(["negative", "neutral", "positive"], 30))
    assert three.targets(["neg", "pos"]).tolist() == [0, 2]
    assert three.unknown(["0", "1"]) == ["0", "1"]
    stars = find_class_map({"1": 30, "2": 30}, "1=negative,2=positive")
    assert (stars.targets(["positive", "1"]).tolist(), stars.unknown(["0"])) == ([1, 0], ["0"])
    left_out = find_class_map({"0": 30, "1": 30, "pos": 30}, "0=negative,1=positive")
    assert left_out.targets(["pos"]).tolist() == [-1]


def test_unknown_held_out_values_are_left_out_by_the_option_that_the_message_gives() -> None:
    counts = {"neg": 30, "pos": 30}
    with pytest.raises(InputError) as refused:
        find_class_map(counts).targets(["meh", "a, b"])
    assert refused.value.hint == "They have to be written as in the training files"
    with pytest.raises(InputError) as refused:
        find_class_map(counts).targets(["meh", "a, b", "neg"])
    option = shlex.split(refused.value.hint.partition("--labels ")[2])[0]
    assert find_class_map(counts, option).targets(["meh", "a, b", "neg"]).tolist() == [-1, -1, 0]
    with pytest.raises(InputError, match=r"and 22 more; known are: .*--labels VALUE= "):
        find_class_map(counts).targets(["neg", *(f"value {at}" for at in range(30))])


def test_ratings_in_words_and_stars_are_numbers() -> None:
    values = [
        "5 stars",
        "1 star",
        "5.0 out of 5 stars",
        "4/5",
        "★★☆",
        "3.5 stars",
        "5",
        "NA",
    ]
    assert list(rating_numbers(values).values()) == ["5", "1", "5", "4", "2", "3.5", "5"]
    for words in ("{},0 von 5 Sternen", "Rated {} out of 5 stars", "{}-star", "{},0"):
        assert list(rating_numbers(map(words.format, "15")).values()) == ["1", "5"]
    assert list(rating_numbers(["*", "***", "NA"]).values()) == ["1", "3"]
    assert rating_numbers(["1", "2", "*"]) == {}
    assert rating_numbers(["1,000", "2,000"]) == {}
    assert rating_numbers(["1", "2", "5"]) == {}
    assert rating_numbers(["1/2", "1/3"]) == {}
    assert rating_numbers(["5 stars", "no stars"]) == {}
    assert rating_numbers(["12/5", "3/5"]) == {}
    found = find_class_map({"1": 30, "3": 30, "5": 30}, "1 star=bad,5 stars=good,3 stars=")
    assert found.targets(["1", "3", "5"]).tolist() == [0, -1, 1]


def test_a_misspelling_of_another_spelling_is_joined_to_the_most_frequent_one() -> None:
    counts = {"négatif": 300, "negatif": 200, "positif": 300, "negatiff": 10}
    with pytest.raises(UsageError) as refused:
        find_class_map(counts)
    option = shlex.split(refused.value.hint.partition("--labels ")[2])[0]
    assert find_class_map(counts, option).classes == ("négatif", "positif")


@pytest.mark.parametrize("values", [("+", "-"), ("+", "-", "0"), ("++", "+", "-", "--", "o")])
def test_minus_beside_plus_is_a_class(values: tuple[str, ...]) -> None:
    if len(values) > 2:
        assert len(find_class_map(dict.fromkeys(values, 9)).classes) == len(values)
        return
    with pytest.raises(UsageError, match="say it with --labels -=negative,\\+=positive"):
        find_class_map(dict.fromkeys(values, 9))


@pytest.mark.parametrize("remark", ["?", "??", "!", ".", " (I think)", " [sure]"])
def test_a_remark_behind_a_label_is_asked_about_and_joined_by_the_option(remark: str) -> None:
    counts = {"negative": 60, "positive": 50, f"positive{remark}": 4}
    with pytest.raises(UsageError, match=r"likely (one class|misspelt): ") as refused:
        find_class_map(counts)
    (labels,) = re.findall(r"join them with --labels '?([^']*?)'? \(to keep", refused.value.hint)
    assert find_class_map(counts, labels).classes == ("negative", "positive")


@pytest.mark.parametrize(
    "values",
    [("A", "A*", "B"), ("C", "C#", "C++"), ("card", "card (lost)", "cash"), ("?!", "a", "b")],
)
def test_a_mark_or_a_remark_of_a_frequent_value_is_part_of_its_name(values: tuple) -> None:
    assert len(find_class_map(dict.fromkeys(values, 20)).classes) == 3


def test_labels_in_lines_of_their_own_are_several() -> None:
    counts = {"login": 20, "speed": 20, "login\nspeed": 9, "speed\r\nlogin": 9}
    with pytest.raises(UsageError, match=r"'login;speed' \(9\), 'speed;login' \(9\)"):
        find_class_map(counts)
    assert find_class_map({"good": 5, "bad\n": 5, "\nfair": 5}).classes == ("bad", "fair", "good")
    assert label_key('[\n  "login"\n]') == "login"


def test_a_confidence_behind_each_label_is_left_out() -> None:
    sure = ["negative:0.9", "negative: .75", "positive (87%)", "positive=1.0", "nan"]
    names = ["negative", "negative", "positive", "positive"]
    assert without_confidence(sure) == dict(zip(sure, names, strict=False))
    for values in (
        *(["low (20%)", "high (80%)"], ["food:1", "food:0"], ["a:0.5", "a:0.7", "b"]),
        *(["9:30", "9:45"], ["0.5", "0.7"], ["1:2", "1:3"], ["x 0.5", "x 0.7"], []),
    ):
        assert without_confidence(values) == {}


def test_whole_numbers_are_classes_without_a_point() -> None:
    found = find_class_map({"1.0": 9, "3.5": 9, "5.0": 9, "1.10": 9})
    assert found.classes == ("1", "1.10", "3.5", "5")
    assert found.targets(["5", "5.0", "1"]).tolist() == [3, 3, 0]
    with pytest.raises(UsageError, match=r"any other two classes with --labels 1\.0=1,5\.0=5"):
        find_class_map({"1.0": 9, "5.0": 9})
    assert find_class_map({"1.0": 9, "5.0": 9}, "1.0=1.0,5=5.0").classes == ("1.0", "5.0")


def test_lists_that_begin_alike_are_not_taken_by_their_first_label() -> None:
    with pytest.raises(UsageError, match=r"is trained on one\. Keep one of them in each cell$"):
        find_class_map({'["en", "good"]': 9, '["en", "bad"]': 9})
