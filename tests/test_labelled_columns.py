import datetime
import json

import pyarrow as pa
import pytest

from scorer.corpus.labelled_columns import Columns, Positions, find_columns, lacks_header
from scorer.errors import InputError, UsageError
from scorer.tables.text_column import TextColumn

PROSE = ["a long sentence of words", "another one of them"]


def table(**columns: list) -> pa.Table:
    return pa.table(columns)


def test_usual_names_are_found_in_any_order_and_case() -> None:
    found = find_columns(table(id=["1", "2"], Sentiment=["0", "1"], Review=PROSE), Columns())
    assert found == Positions(text=TextColumn("Review", (2,)), label=1, group=None)


def test_of_two_columns_the_one_that_is_prose_is_the_text() -> None:
    assert find_columns(table(stars=["1", "5"], said=PROSE), Columns()) == Positions(
        TextColumn("said", (1,)), 0, None
    )


def test_named_columns_are_taken_and_a_group_is_never_inferred() -> None:
    columns = table(text=PROSE, label=["0", "1"], note=PROSE, mark=["x", "y"], shop=["a", "b"])
    assert find_columns(columns, Columns("note", "mark", "shop")) == Positions(
        TextColumn("note", (2,)), 3, 4
    )
    assert find_columns(columns, Columns()).group is None


def test_two_usual_label_names_need_the_option() -> None:
    with pytest.raises(InputError) as refused:
        find_columns(table(text=PROSE, label=["0", "1"], y=["a", "b"]), Columns())
    assert str(refused.value) == (
        "which column is the label is not clear: 'label' (0, 1); 'y' (a, b). "
        "--label-column names it, for example --label-column label"
    )


def test_no_usual_label_name_among_several_columns_needs_the_option() -> None:
    with pytest.raises(InputError, match="--label-column names it"):
        find_columns(table(text=PROSE, one=["0", "1"], two=["a", "b"]), Columns())


@pytest.mark.parametrize(
    ("label", "values"),
    [
        ("feeling", ["Positive", "negative "]),
        ("polarity", ["neg", "pos"]),
        ("Rating", ["1", "5"]),
        ("overall", [1.0, 4.0]),
        ("Stimmung", ["Negativ", "positiv"]),
        ("情感", ["负面", "正面"]),
    ],
)
def test_of_several_columns_the_one_that_is_plainly_labels_is_taken(
    label: str, values: list
) -> None:
    columns = {"text": PROSE, "shop": ["a", "b"], "helpful": [0, 1], label: values}
    found = find_columns(
        table(**columns, category=["x", "y"]), Columns(label=None, group="category")
    )
    assert found.label == 3


@pytest.mark.parametrize(
    "rivals",
    [
        {"mood": ["negative", "neutral"], "topic": ["a", "b"]},
        {"mood": ["positive", "neutral"], "topic": ["a", "b"]},
        {"stars": ["1", "5"], "rating": ["1", "2"]},
    ],
)
def test_columns_of_which_none_is_plainly_the_label_need_the_option(rivals: dict) -> None:
    with pytest.raises(InputError, match="--label-column names it"):
        find_columns(table(text=PROSE, **rivals), Columns())


def test_two_columns_that_are_plainly_labels_need_the_option() -> None:
    columns = table(text=PROSE, before=["pos", "neg"], after=["pos", "neg"], mood=["x", "y"])
    with pytest.raises(InputError, match=r"'before' .*; 'after' .*; 'mood' .*; 'rating'"):
        find_columns(columns.append_column("rating", pa.array(["1", "2"])), Columns())


def test_of_several_people_s_labels_the_majority_s_are_taken() -> None:
    moods = ["neg", "pos", "neutral"] * (ROWS // 3)
    people = table(text=SAID, anna=moods, bob=moods[::-1], Majority=[*moods[1:], "pos"])
    assert find_columns(people, Columns()).label == 3


def test_of_columns_that_say_the_same_the_name_of_labels_is_taken() -> None:
    moods = ["neg", "pos", "neutral"] * (ROWS // 3)
    people = table(text=SAID, anna=moods, bob=moods[::-1], majority_label=moods)
    assert find_columns(people, Columns()).label == 3


def test_columns_of_a_bundle_are_taken_where_they_are_there() -> None:
    moods = ["neg", "pos", "neutral"] * (ROWS // 3)
    columns = table(**{"": list(range(ROWS))}, said=SAID, more=SAID[::-1], a=moods, b=sorted(moods))
    trained = Columns(trained_text="said + more", trained_label="b")
    found = find_columns(columns, trained)
    assert (found.text.name, found.label) == ("said + more", 4)
    assert find_columns(columns.select([0, 1, 3]), trained).label == 2


@pytest.mark.parametrize("gold", ["gold", "Ground Truth", "human_sentiment"])
def test_a_model_s_predictions_are_no_labels_beside_such(gold: str) -> None:
    moods = ["neg", "pos", "neutral"] * (ROWS // 3)
    guesses = sorted(moods)
    models = table(text=SAID, predicted_sentiment=guesses, **{gold: moods})
    assert find_columns(models, Columns()).label == 2
    asked = table(text=SAID, prediction=guesses, mine=moods)
    with pytest.raises(InputError, match="for example --label-column mine"):
        find_columns(asked, Columns())
    assert find_columns(table(text=SAID, predicted_sentiment=guesses), Columns()).label == 1


def test_a_column_that_is_not_there_is_answered_with_the_nearest_and_all() -> None:
    with pytest.raises(InputError) as refused:
        find_columns(table(text=PROSE, label=["0", "1"]), Columns(label="lable"))
    assert str(refused.value) == (
        "there is no column 'lable'; did you mean 'label'? The columns are: 'text', 'label'. "
        "--label-column names one of them"
    )


def test_a_column_name_that_repeats_is_refused() -> None:
    twice = pa.Table.from_arrays([pa.array(PROSE)] * 2, names=["label", "label"])
    with pytest.raises(InputError, match="2 columns are named 'label'"):
        find_columns(twice, Columns(label="label"))


def test_text_and_label_cannot_be_one_column() -> None:
    with pytest.raises(UsageError, match="'text' cannot be both"):
        find_columns(table(text=PROSE, label=["0", "1"]), Columns("text", "text"))


def test_a_title_and_a_body_are_one_text() -> None:
    both = table(title=PROSE, body=PROSE, label=["0", "1"])
    found = find_columns(both, Columns("title + body"))
    assert found.text == TextColumn("title + body", (0, 1))
    with pytest.raises(UsageError, match="column 'label' cannot be both"):
        find_columns(both, Columns("title + label", "label"))


def test_what_cannot_be_labels_is_passed_over() -> None:
    rows = 40
    columns = table(
        tweet_id=[str(10**12 + i) for i in range(rows)],
        created_at=[f"2025-01-{1 + i % 9:02} 00:00:00" for i in range(rows)],
        tweet=[f"{word} word of prose" for word in "abcdefghijklmnopqrstuvwxyzabcdefghijklmn"],
        price=[f"{i % 30},50" for i in range(rows)],
        happy=["no", "yes"] * (rows // 2),
    )
    found = find_columns(columns, Columns())
    assert (found.text.name, found.label) == ("tweet", 4)
    binary = pa.array([b"\xff", b"a"] * (rows // 2), pa.binary())
    assert find_columns(columns.append_column("image", binary), Columns()).label == 4
    assert (
        find_columns(columns.append_column("a", binary.dictionary_encode()), Columns()).label == 4
    )


@pytest.mark.parametrize(
    "rival",
    [["1.0", "4.0"], ["0.5", "3.5"], [1.5, 2.0], [2024, 2025]],
)
def test_what_might_be_labels_keeps_it_unclear(rival: list) -> None:
    prose = [f"{word} word of prose" for word in "abcdefghijklmnopqrstuvwxyzabcdefghijklmn"]
    columns = pa.table({"text": prose, "country": ["DE", "FR"] * 20, "rival": sorted(rival * 20)})
    with pytest.raises(InputError, match="--label-column names it"):
        find_columns(columns, Columns())


ROWS = 60
SAID = [f"{word} word of prose {word}" for word in map(str, range(ROWS))]


@pytest.mark.parametrize(
    ("values", "held"),
    [
        ([f"2025-{1 + i % 12:02}-01" for i in range(ROWS)], "dates or times"),
        ([f"{1 + i % 9}.{1 + i % 12}.25" for i in range(ROWS)], "dates or times"),
        ([f"{i % 9}:30" for i in range(ROWS)], "dates or times"),
        ([f"2025-{1 + i % 12:02}" for i in range(ROWS)], "dates or times"),
        ([f"May {1 + i % 28}, 2025" for i in range(ROWS)], "dates or times"),
        ([f"{1 + i % 28}th March 2025" for i in range(ROWS)], "dates or times"),
        ([f"{1 + i % 28}/Jan/25 3:04 PM" for i in range(ROWS)], "dates or times"),
        ([f"Mon Apr {1 + i % 28:02} 22:19:45 2025" for i in range(ROWS)], "dates or times"),
        ([f"https://a.example/{i % 3}" for i in range(ROWS)], "addresses"),
        ([f"agent{i % 3}@a.example" for i in range(ROWS)], "addresses"),
        ([f"{i % 30}%" for i in range(ROWS)], "numbers, as prices are"),
        ([datetime.date(2025, 1 + i % 12, 1) for i in range(ROWS)], "dates or times"),
        ([f"{i % 30},99" for i in range(ROWS)], "numbers, as prices are"),
        ([i % 30 + 0.99 for i in range(ROWS)], "numbers, as prices are"),
        ([f"customer {i}" for i in range(ROWS)], "another value in most rows"),
        (list(range(ROWS)), "another value in most rows"),
        ([f"customer {i % 40}" for i in range(ROWS)], "another value in most rows"),
        ([f"{30 + i % 40}" for i in range(ROWS)], "another value in most rows"),
        ([{"name": "a"}, {"name": "b"}] * (ROWS // 2), "lists or records"),
        (SAID, "another value in most rows"),
        ([2019 + i % 3 for i in range(ROWS)], "years, or what is counted"),
        ([f"{90 + i % 11}" for i in range(ROWS)], "years, or what is counted"),
        ([2**31 - 1 - i for i in range(ROWS)], "another value in most rows"),
        (pa.array([2**31 - 1] * ROWS, pa.int32()).cast(pa.date32()), "dates or times"),
        (pa.array([[*range(30), 2**60]] * ROWS, pa.list_(pa.timestamp("s"))), "lists or records"),
    ],
)
def test_the_only_column_beside_the_text_may_hold_no_labels(values: list, held: str) -> None:
    columns = table(text=SAID, other=values)
    with pytest.raises(InputError, match=f"beside the text holds {held}, not labels: 'other'"):
        find_columns(columns, Columns())
    assert find_columns(columns, Columns(label="other")).label == 1


@pytest.mark.parametrize(
    "values",
    [
        *(["18-24", "25-34"], ["1/5", "4/5"], ["0.5", "3.5"], ["4711", "1234"], [None, "a"]),
        *(["0%", "50%"], ["May", "June"], ["Market 1", "Market 2"], [b"spam", b"ham"]),
        *(["[some]", "{other}"], ["101", "201"], ["20", "40"], [3, 12], ["0", "1900"]),
    ],
)
def test_numbers_that_may_be_classes_are_labels(values: list) -> None:
    columns = table(said=SAID, other=values * (ROWS // 2))
    assert find_columns(columns, Columns()).label == 1


def test_a_column_of_texts_is_no_labels_whatever_its_name() -> None:
    columns = table(text=["good", "bad"] * (ROWS // 2), label=SAID)
    with pytest.raises(InputError, match="holds another value in most rows, not labels: 'label'"):
        find_columns(columns, Columns())
    more = columns.append_column("tags", pa.array([[["a"]], [["b"]]] * (ROWS // 2)))
    with pytest.raises(InputError, match=r"most rows; 'tags' holds lists or records\. Training"):
        find_columns(more, Columns())
    shares = [at / ROWS for at in range(ROWS)]
    with pytest.raises(InputError, match="name columns of probabilities probability_CLASS"):
        find_columns(table(text=SAID, bad=shares, good=shares[::-1]), Columns())
    with pytest.raises(InputError, match=r"'bad' holds numbers.*; 'shop' holds one value at most"):
        find_columns(table(text=SAID, bad=shares, shop=["a"] * ROWS), Columns())


def test_ids_and_counts_are_labels_only_if_they_are_named() -> None:
    moods = ["sad", "glad", "calm"] * (ROWS // 3)
    for name, values in {
        "user_id": moods,
        "SellerRating": [90 + i % 9 for i in range(ROWS)],
    }.items():
        column = table(said=SAID, **{name: values})
        with pytest.raises(InputError, match=f"--label-column {name} takes each value as a class"):
            find_columns(column, Columns())
        dated = column.append_column("day", pa.array([datetime.date(2025, 1, 1)] * ROWS))
        with pytest.raises(InputError, match=f"for example --label-column {name}"):
            find_columns(dated, Columns())
        both = column.append_column("mood", pa.array(sorted(moods)))
        with pytest.raises(InputError, match="for example --label-column mood"):
            find_columns(both, Columns())
    assert find_columns(table(said=SAID, class_id=moods), Columns()).label == 1


def test_a_target_in_words_may_be_what_a_text_is_about() -> None:
    people = [f"@{name}" for name in "abcde"] * (ROWS // 5)
    stance = ["against", "favour", "neither"] * (ROWS // 3)
    for name, values, option in (
        ("Stance", stance, "Stance$"),
        ("hate", ["0", "1"] * (ROWS // 2), "hate$"),
    ):
        columns = table(target=people, text=SAID, **{name: values})
        with pytest.raises(InputError, match=f"for example --label-column {option}"):
            find_columns(columns, Columns())
    assert find_columns(table(target=people, text=SAID), Columns()).label == 0
    for known in (["0", "4"], ["negative", "positive"]):
        columns = table(target=known * (ROWS // 2), text=SAID, flag=stance)
        assert find_columns(columns, Columns()).label == 0


def test_a_question_proposes_the_column_that_likely_has_the_labels() -> None:
    moods = ["angry", "calm", "glad"] * (ROWS // 3)
    two = ["a", "b"] * (ROWS // 2)
    for columns, option in (
        ({"is_test": ["0", "1"] * (ROWS // 2), "mood": moods}, "mood$"),
        ({"source": two, "Stimmung": ["positiv", "negativ", "neutral"] * (ROWS // 3)}, None),
        ({"shop": two, "a": moods, "b": sorted(moods)}, "shop --labels a=a,b=b$"),
        ({"shop": moods, "opinion": ["bad", "good"] * (ROWS // 2)}, "opinion --labels bad=neg"),
        ({"one": two, "two": sorted([0, 1] * (ROWS // 2))}, "one --labels a=a,b=b$"),
    ):
        if option is None:
            assert find_columns(table(said=SAID, **columns), Columns()).label == 2
            continue
        with pytest.raises(InputError, match=f"for example --label-column {option}"):
            find_columns(table(said=SAID, **columns), Columns())


def test_a_question_about_columns_shows_what_may_be_labels() -> None:
    columns = table(
        date=[f"2025-01-{1 + i % 9:02}" for i in range(ROWS)],
        marks=[str(1 + i % 5) for i in range(ROWS)],
        said=SAID,
        team=["sales", "support"] * (ROWS // 2),
    )
    with pytest.raises(InputError) as refused:
        find_columns(columns, Columns())
    assert str(refused.value) == (
        "which column is the label is not clear: 'marks' (1, 2, 3, …); 'team' (sales, support). "
        "--label-column names it, for example --label-column team "
        "--labels sales=sales,support=support"
    )
    flags = {f"flag {i}": ["0"] * (i + 1) + ["1"] * (ROWS - i - 1) for i in range(30)}
    with pytest.raises(InputError, match=r"'flag 7' \(0, 1\) and 22 more\. --label-column"):
        find_columns(table(said=SAID, **flags), Columns())
    with pytest.raises(InputError, match="no column of labels; the columns are: 'said'"):
        find_columns(table(said=SAID), Columns())


def test_columns_of_0_and_1_are_labels_one_by_one_or_together() -> None:
    toxic = table(said=SAID, toxic=["0", "1"] * (ROWS // 2), threat=["1", "0", "0"] * (ROWS // 3))
    with pytest.raises(InputError) as refused:
        find_columns(toxic, Columns())
    assert refused.value.hint == (
        "--label-column toxic trains on one; each column of 0 and 1 takes a --store of its own"
    )
    joy = [1, 0] * (ROWS // 2)
    one_hot = table(said=SAID, id=[1, 2, 3] * (ROWS // 3), joy=joy, fear=[1 - one for one in joy])
    fear, rage = (["True" if at % 3 == rest else "False" for at in range(ROWS)] for rest in (1, 2))
    flags = table(said=SAID, joy=[at % 3 == 0 for at in range(ROWS)], fear=fear, rage=rage)
    for each in (one_hot, flags):
        with pytest.raises(InputError, match="has one 1: columns renamed to 'probability_joy'"):
            find_columns(each, Columns())
    names = ["said", "id", "probability_joy", "probability_fear"]
    assert find_columns(one_hot.rename_columns(names), Columns()).probabilities == {
        "joy": 2,
        "fear": 3,
    }


def test_labels_of_two_words_are_no_texts() -> None:
    groups = ["REFUND REQUEST", "CARD PAYMENT", "OTHER QUESTIONS", "CARD LOSS"]
    questions = [f"is my card of {word} number {i} lost" for i, word in enumerate(groups * 10)]
    sample = table(group=groups * 10, question=questions)
    found = find_columns(sample, Columns())
    assert (found.text.name, found.label) == ("question", 0)
    with pytest.raises(InputError, match="which column is the text is not clear"):
        find_columns(sample.slice(0, 8), Columns())


def test_texts_in_capitalised_words_are_the_text_beside_labels_of_two_words() -> None:
    said = [f"Good Soup {'Again ' * i}" for i in range(ROWS)]
    found = find_columns(table(said=said, grade=["very good", "very bad"] * (ROWS // 2)), Columns())
    assert (found.text.name, found.label) == ("said", 1)


def test_a_text_of_one_word_is_asked_about_by_the_columns_there_are() -> None:
    columns = table(word=["great", "awful"] * (ROWS // 2), mood=["good", "bad"] * (ROWS // 2))
    with pytest.raises(InputError, match=r"columns are: 'word', 'mood'\. --text-column names it"):
        find_columns(columns, Columns())


def test_columns_that_hold_little_are_no_candidates() -> None:
    columns = table(
        v1=["ham", "spam"] * (ROWS // 2),
        v2=SAID,
        blank=[" ", None] * (ROWS // 2),
        constant=["same", ""] * (ROWS // 2),
        nothing=pa.nulls(ROWS),
        empty=["[]"] * ROWS,
        split=["train", "Test "] * (ROWS // 2),
    )
    assert find_columns(columns, Columns()).label == 0
    label = columns.append_column("label", columns["blank"]).append_column("y", columns["v1"])
    assert find_columns(label, Columns()).label == 8


def test_a_constant_column_of_a_long_table_may_be_its_sorted_labels() -> None:
    rows = 10_000
    said = [f"number {i} of words" for i in range(rows)]
    columns = table(said=said, mood=["good"] * rows, shop=["a", "b"] * (rows // 2))
    with pytest.raises(InputError, match=r"not clear: 'mood' \(good\); 'shop'"):
        find_columns(columns, Columns())


@pytest.mark.parametrize(
    ("label", "values"),
    [
        ("airline_sentiment", ["a", "b"]),
        ("reviewRating", [4, 5]),
        ("Review Rating", ["4.0 out of 5 stars", "1.0 out of 5 stars"]),
        ("Score", ["1", "3.5"]),
        ("user_score", [-1, 1]),
        ("intent", ["a", "b"]),
        ("gold_label", ["a", "b"]),
        ("sentimentLabel", ["a", "b"]),
        ("human_label", ["a", "b"]),
        ("majority_vote", ["a", "b"]),
    ],
)
def test_a_name_that_ends_as_names_of_labels_do_is_taken(label: str, values: list) -> None:
    columns = {"text": SAID, "shop": ["a", "a", "b"] * (ROWS // 3), label: values * (ROWS // 2)}
    columns["airline_sentiment_confidence"] = [0.5, 1.0, 0.7] * (ROWS // 3)
    assert find_columns(table(**columns, gold=[None] * ROWS), Columns()).label == 2


@pytest.mark.parametrize(
    ("name", "values"),
    [
        ("content_rating", ["PG", "R"]),
        ("seller_rating", [4.5, 4.7]),
        ("record_label", ["a", "b"]),
        ("upvote_score", list(range(30))),
        ("vehicle class", [1, 2]),
    ],
)
def test_a_name_alone_is_no_label(name: str, values: list) -> None:
    repeated = (values * ROWS)[:ROWS]
    columns = table(text=SAID, shop=["a", "a", "b"] * (ROWS // 3), **{name: repeated})
    with pytest.raises(InputError, match="not clear"):
        find_columns(columns, Columns())


@pytest.mark.parametrize("name", ["label", "code", "category"])
def test_of_columns_that_say_the_same_the_one_in_words_is_taken(name: str) -> None:
    codes, words = ["0", "2", "1"] * (ROWS // 3), ["bad", "good", "fair"] * (ROWS // 3)
    found = find_columns(table(text=SAID, **{name: codes}, meant=words), Columns())
    assert found.label == 2
    other = table(text=SAID, **{name: codes}, meant=sorted(words))
    assert name != "label" or find_columns(other, Columns()).label == 1


def test_understood_labels_and_a_named_column_stay_beside_words_for_the_same() -> None:
    columns = table(text=SAID, label=["0", "1"] * (ROWS // 2), meant=["ham", "spam"] * (ROWS // 2))
    assert find_columns(columns, Columns()).label == 1
    codes, words = ["0", "2", "1"] * (ROWS // 3), ["bad", "good", "fair"] * (ROWS // 3)
    three = table(text=SAID, label=codes, meant=words)
    assert find_columns(three, Columns(label="label")).label == 1
    image = pa.array([b"\xff", b"\xfe", b"\xfd"] * (ROWS // 3), pa.binary())
    assert (
        find_columns(table(text=SAID, label=codes, image=image, score=image), Columns()).label == 1
    )


@pytest.mark.parametrize("lists", [[["a"], ["b"], []], ['["a"]', '["b"]', "[]"]])
def test_lists_of_one_label_may_be_the_labels(lists: list) -> None:
    columns = table(text=SAID, answer=lists * (ROWS // 3), vector=[[0.5] * 30] * ROWS)
    assert find_columns(columns, Columns()).label == 1


@pytest.mark.parametrize(
    ("form", "program"),
    [
        ('{{"id": 1, "name": "{}"}}', '(.["mood"] | objects) |= .["name"]'),
        ('[{{"id": 1, "displayName": "{}"}}]', '(.["mood"] | arrays) |= map(.["displayName"])'),
        (
            '{{"{}": 0.2, "other": 0.8}}',
            '(.["mood"] | objects) |= (to_entries | max_by(.value).key)',
        ),
        ("{{'name': '{}'}}", ""),
    ],
)
@pytest.mark.parametrize("named", [None, "mood"])
def test_labels_that_are_records_are_refused_with_what_makes_them_plain(
    form: str, program: str, named: str | None
) -> None:
    moods = ["plain", *map(form.format, ["bad", "good", "fair"] * (ROWS // 3))][:ROWS]
    with pytest.raises(InputError, match="the labels are records, not plain values: 'mood'") as r:
        find_columns(table(text=SAID, mood=moods), Columns(label=named))
    using = f". In JSON Lines, `jq -c '{program}' IN > OUT` makes them so" if program else ""
    assert r.value.hint == f"Training needs a column of plain values{using}"
    with pytest.raises(InputError, match="records"):
        find_columns(table(text=SAID, label=moods, shop=["a", "b"] * (ROWS // 2)), Columns())


def test_lists_of_several_labels_are_labels_where_no_column_holds_plain_ones() -> None:
    for lists in ([["a"], ["a", "b"]], ['{"choices": ["a", "b"]}', "a"], ["['a', 'b']", "['b']"]):
        tags = lists * (ROWS // 2)
        columns = table(id=list(range(ROWS)), text=SAID, tags=tags, by=["me"] * ROWS)
        assert find_columns(columns.select([1, 2]), Columns()).label == 1
        assert find_columns(columns, Columns()).label == 2
        moods = columns.append_column("mood", pa.array(["sad", "glad"] * (ROWS // 2)))
        assert find_columns(moods, Columns()).label == 4
        two = columns.append_column("more", pa.array(tags))
        with pytest.raises(InputError, match="'tags' holds lists or records; 'by' holds one"):
            find_columns(two, Columns())


def test_members_of_members_are_told_by_their_paths() -> None:
    moods = ["bad", "good", "fair"] * (ROWS // 3)
    results = [json.dumps([{"result": [{"value": {"choices": [mood]}}]}]) for mood in moods]
    with pytest.raises(InputError, match="the labels are records") as refused:
        find_columns(table(text=SAID, annotations=results), Columns())
    program = "{text: .text, label: [.annotations[]?.result[]?.value.choices[]?]}"
    assert f"`jq -c '{program}' IN > OUT`" in refused.value.hint
    texts = [json.dumps({"text": text}) for text in SAID]
    plain = [json.dumps([{"value": mood}]) for mood in moods]
    with pytest.raises(InputError, match="the labels are records") as refused:
        find_columns(table(document=texts, labels=plain), Columns())
    assert "{text: .document.text, label: [.labels[]?.value]}" in refused.value.hint
    days = pa.array([2**31 - 1] * ROWS, pa.int32()).cast(pa.date32())
    columns = table(document=texts, labels=plain).append_column("day", days)
    with pytest.raises(InputError, match=r"text: \.document\.text"):
        find_columns(columns, Columns())


def test_members_of_objects_are_told_as_columns() -> None:
    moods = ["bad", "good", "fair"] * (ROWS // 3)
    results = [[{"id": at, "value": {"choices": [mood]}}] for at, mood in enumerate(moods)]
    texts = [{"a b": text} for text in SAID]
    nested = {"id": list(range(ROWS)), "data": texts, "results": results}
    written = {name: list(map(json.dumps, cells)) for name, cells in nested.items()}
    for columns in (nested, written):  # as Parquet and as JSON Lines have them
        with pytest.raises(
            InputError, match=r"column is the text is not clear|no column is text"
        ) as r:
            find_columns(table(**columns), Columns())
        program = '{text: .data["a b"], label: [.results[]?.value.choices[]?]}'
        assert f"`jq -c '{program}' IN > OUT`" in r.value.hint
    with pytest.raises(InputError) as refused:  # no labels in them
        find_columns(table(id=written["id"], data=written["data"]), Columns())
    assert "jq" not in refused.value.hint


def test_one_record_is_of_a_row_that_describes_the_columns() -> None:
    marks = ["How was it?", '{"ImportId": "QID1"}', *["good", "bad"] * (ROWS // 2 - 1)]
    assert find_columns(table(text=SAID, mark=marks), Columns()).label == 1


def test_a_question_about_a_table_without_a_header_says_so() -> None:
    said = {"it works well": SAID, "some more words": SAID}
    columns = table(**{"1": ["0", "1"] * (ROWS // 2)}, **said)
    header = r"\. The first row, taken as the header, looks like data; --no-header reads it as a"
    with pytest.raises(InputError, match=r"look like text" + header):
        find_columns(columns, Columns())
    two = table(said=SAID, a=["a", "b", "a"] * (ROWS // 3), b=["x", "y"] * (ROWS // 2))
    with pytest.raises(InputError, match=rf"'b' \(x, y\){header} row\. --label-column names it"):
        find_columns(two, Columns())
    once = two.set_column(2, "once", [["once", *["x", "y"] * (ROWS // 2 - 1), "x"]])
    with pytest.raises(InputError, match=r"'once' .*header"):
        find_columns(once, Columns())  # as `a` is there again and again
    with pytest.raises(InputError, match=r"example --label-column other --labels a=a,b=b$"):
        find_columns(once.rename_columns(["said", "other", "once"]), Columns())
    joined = pa.concat_tables([two, table(said=["said"], a=["a"], b=["b"])])
    with pytest.raises(InputError, match=r"example --label-column a --labels a=a,b=b$"):
        find_columns(joined, Columns())


@pytest.mark.parametrize(
    ("names", "values"),
    [
        (("the soup was cold", "b"), ["a", "b"]),
        (("when does my card come?", "1"), ["1", "1"]),
        (("42", "the soup was cold", "b"), ["a", "b"]),
    ],
)
def test_a_text_with_its_label_is_no_header(names: tuple[str, ...], values: list) -> None:
    columns = [*[SAID] * (len(names) - 1), values * (ROWS // 2)]
    assert lacks_header(pa.table(columns, names=names))


@pytest.mark.parametrize(
    ("names", "values"),
    [
        (("the soup was cold", "label"), ["label", "b"]),
        (("how was it for you", "Email"), ["Email", ""]),
        (("How Was It Yesterday", "b"), ["a", "b"]),
        (("the soup was cold", "was it cold at all"), ["was it cold at all", "b"]),
        (("soup", "b"), ["a", "b"]),
        (("the soup was cold", "c"), ["a", "b"]),
    ],
)
def test_names_that_may_be_names_are_a_header(names: tuple[str, ...], values: list) -> None:
    assert not lacks_header(pa.table([SAID, values * (ROWS // 2)], names=names))


def test_a_header_that_comes_again_is_one() -> None:
    names = ("the soup was cold", "verdict")
    columns = [[*SAID, names[0]], [*["a", "b"] * (ROWS // 2), names[1]]]
    assert not lacks_header(pa.table(columns, names=names))


def test_a_file_without_labels_is_told_so() -> None:
    columns = table(id=list(range(ROWS)), text=SAID)
    with pytest.raises(InputError) as refused:
        find_columns(columns, Columns("text", "sentiment"))
    assert str(refused.value) == (
        "no labels: there is no column 'sentiment', nor another that may hold them; the columns "
        "are: 'id', 'text'"
    )
    with pytest.raises(InputError, match="there is no column 'sentiment'"):
        more = columns.append_column("emotion", pa.array(["a", "b"] * (ROWS // 2)))
        find_columns(more, Columns("text", "sentiment"))


def test_of_two_columns_of_the_same_words_the_first_is_taken() -> None:
    moods = ["bad", "good", "fair"] * (ROWS // 3)
    columns = table(text=SAID, mood=moods, again=[mood.upper() for mood in moods])
    assert find_columns(columns, Columns()).label == 1


def test_a_column_with_next_to_no_cell_or_of_bytes_is_no_candidate() -> None:
    rest = ["a", "b"] + [""] * 198
    said = [f"number {i} of words" for i in range(200)]
    image = pa.array([b"\xff", b"\xfe"] * 100, pa.binary())
    columns = table(said=said, verdict=["x", "y"] * 100, rest=rest, score=image)
    assert find_columns(columns, Columns()).label == 1


def test_the_first_rows_of_a_long_table_may_all_be_training_rows() -> None:
    rows = 10_000
    said = [f"number {i} of words" for i in range(rows)]
    columns = table(said=said, part=["train"] * rows, verdict=["a", "b"] * (rows // 2))
    assert find_columns(columns, Columns()).label == 2
