"""JSON Lines in and out: every other member stays as it was, to the byte."""

import gzip
import json
import os
import re
from pathlib import Path
from threading import Thread

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from scorer import score_file, train
from scorer.errors import InputError, RowsError
from scorer.tables.doubts import Doubt
from scorer.tables.formats import create_table, format_of, open_table
from scorer.tables.json_lines import LINE

ADDED = ["probability_negative", "probability_positive"]
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=6),
    lambda inner: (
        st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=3), inner, max_size=2)
    ),
    max_leaves=4,
)
OBJECTS = st.lists(st.dictionaries(st.text(max_size=4), VALUES, max_size=4), max_size=12)


def score(folder: Path, bundle: Path, text: str, output: str = "out.jsonl", **how: object):
    (folder / "in.jsonl").write_text(text, encoding="utf-8")
    score_file(folder / "in.jsonl", folder / output, bundle=bundle, overwrite=True, **how)
    return (folder / output).read_text(encoding="utf-8") if output.endswith("l") else None


def test_every_line_stays_as_it_is_and_gets_members_before_its_end(tiny_bundle, tmp_path):
    lines = [
        '{"id": 007e1, "text": "a good film"}'.replace("007e1", "1e5"),
        '{"text":"bad \\u00e9","n":1.0,"n":2,"deep":{"a":[1,null]}}',
        '  {"id": 12345678901234567890, "text": null }  ',
        '{"text": "lovely \\n two lines", "when": "2026-01-02"}',
        '{"id": 3}',
        "{}",
    ]
    out = score(tmp_path, tiny_bundle, "\n".join(lines) + "\n\n").splitlines()
    assert len(out) == len(lines)
    for before, after in zip(lines, out, strict=True):
        kept = before.strip()[:-1].rstrip()
        assert after.startswith(kept)
        added = json.loads(after)
        assert list(added)[-2:] == ADDED
    found = [json.loads(line)["probability_positive"] for line in out]
    assert [value is None for value in found] == [False, False, True, False, True, True]
    assert duckdb.sql(
        f"select count(*) from read_json_auto('{tmp_path}/out.jsonl')"
    ).fetchall() == [(6,)]


@given(OBJECTS, st.integers(1, 5))
def test_any_objects_are_read_and_written_as_they_are(tmp_path_factory, objects, rows):
    folder = tmp_path_factory.mktemp("jsonl")
    lines = [json.dumps(one, ensure_ascii=bool(i % 2)) for i, one in enumerate(objects)]
    (folder / "in.jsonl").write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
    form = format_of("in.jsonl")
    with open_table(str(folder / "in.jsonl"), form, keep_lines=True) as reader:
        chunks = [chunk.table for chunk in reader.chunks(rows)]
    assert [line for chunk in chunks for line in chunk.column(LINE).to_pylist()] == lines
    if not chunks:
        return
    schema = chunks[0].schema.append(pa.field("added", pa.float32()))
    with create_table(str(folder / "out.jsonl"), form, schema) as writer:
        for chunk in chunks:
            values = pa.array([0.25] * chunk.num_rows, pa.float32())
            writer.write(chunk.append_column(schema.field("added"), values))
    out = (folder / "out.jsonl").read_text(encoding="utf-8").split("\n")[:-1]
    assert [json.loads(line) for line in out] == [{**one, "added": 0.25} for one in objects]


def test_it_becomes_csv_and_parquet_and_they_become_it(tiny_bundle, tmp_path):
    text = '{"text": "good", "n": 1, "deep": {"a": [1]}}\n{"text": "bad", "n": null}\n'
    score(tmp_path, tiny_bundle, text, "out.parquet")
    table = pq.read_table(tmp_path / "out.parquet")
    assert table.column_names == ["text", "n", "deep", *ADDED]
    assert table["deep"].to_pylist() == ['{"a": [1]}', None]
    score_file(tmp_path / "out.parquet", tmp_path / "again.jsonl", bundle=tiny_bundle, prefix="p_")
    again = [json.loads(line) for line in (tmp_path / "again.jsonl").open(encoding="utf-8")]
    assert list(again[0]) == ["text", "n", "deep", *ADDED, "p_" + ADDED[0], "p_" + ADDED[1]]
    assert again[0][ADDED[0]] == pytest.approx(again[0]["p_" + ADDED[0]], abs=1e-6)
    typed = pa.table(
        {"text": ["good", None], "n": [1, None], "list": [[1, 2], []], "b": [True, None]}
    )
    pq.write_table(typed, tmp_path / "typed.parquet")
    score_file(tmp_path / "typed.parquet", tmp_path / "typed.jsonl", bundle=tiny_bundle)
    first, second = (json.loads(line) for line in (tmp_path / "typed.jsonl").open())
    assert (first["n"], first["list"], first["b"]) == (1, [1, 2], True)
    assert (second["text"], second["n"], second[ADDED[0]]) == (None, None, None)


def test_numbers_keep_each_digit(tmp_path):
    numbers = [
        "100.10",
        "1.10",
        "-0",
        "1e5",
        "1E+400",
        "9007199254740993",
        "0.1234567890123456789",
        "12345678901234567.89",
    ]
    deep = [f'{{"a": [{number}, true, null, "1.10"], "é": {{}}}}' for number in numbers]
    rows = zip(numbers, deep, strict=True)
    lines = [f'{{"text": "good", "n": {number}, "deep": {one}}}' for number, one in rows]
    (tmp_path / "in.jsonl").write_text("\n".join(lines))
    with open_table(str(tmp_path / "in.jsonl"), format_of("in.jsonl")) as reader:
        (chunk,) = reader.chunks(100)
    assert chunk.table["n"].to_pylist() == numbers
    assert chunk.table["deep"].to_pylist() == deep


def test_what_is_nested_too_deeply_is_rejected(tmp_path):
    rows = [f'{{"text": "good", "n": {"[" * depth}{"]" * depth}}}\n' for depth in range(5, 1500, 5)]
    (tmp_path / "in.jsonl").write_text("".join(rows))
    with open_table(str(tmp_path / "in.jsonl"), format_of("in.jsonl")) as reader:
        (chunk,) = reader.chunks(1000)
        assert chunk.table.num_rows + reader.rows_rejected == len(rows)
        assert 0 < reader.rows_rejected < len(rows)


def test_compressed_and_resumed_runs_are_the_same(tiny_bundle, tmp_path):
    text = "".join(f'{{"text": "good w{i}"}}\n' for i in range(50))
    expected = score(tmp_path, tiny_bundle, text)
    with gzip.open(tmp_path / "in.jsonl.gz", "wt") as file:
        file.write(text)
    score_file(tmp_path / "in.jsonl.gz", tmp_path / "z.jsonl.gz", bundle=tiny_bundle)
    with gzip.open(tmp_path / "z.jsonl.gz", "rt") as file:
        assert file.read() == expected


def test_lines_that_are_no_objects_are_rejected_with_their_place(tiny_bundle, tmp_path):
    text = '{"text": "good"}\n[1]\n{"text": \n{"text": "bad"}\n'
    with pytest.raises(RowsError, match="2 of 4 rows were rejected"):
        score(tmp_path, tiny_bundle, text)
    score(tmp_path, tiny_bundle, text, max_rejects="2")
    rejects = (tmp_path / "out.jsonl.rejects.csv").read_text().splitlines()
    assert rejects[2].startswith("2,17,not an object,[1]")
    assert rejects[3].startswith("3,21,")
    assert "not JSON" in rejects[3]


@pytest.mark.parametrize(
    ("text", "hint"),
    [
        ('{"text": "good"},\n{"text": "bad"},\n{"text": "fine"}\n', "A comma stands behind each"),
        ("{'text': 'good'}\n{'text': \"it's bad\"}\n", "They are Python dicts, not JSON"),
        (
            '{"text": "good"}{"text": "bad"}\n',
            "Several objects stand in one line: `jq -c . IN > OUT`",
        ),
        ('{"text": "cut o', "If the file was cut off"),
        ('"text": {"de": "gut"},\n', "Each line has to be a JSON object"),
        ("text\ngood\n", "Each line has to be a JSON object"),
    ],
)
def test_lines_that_are_nearly_objects_get_a_hint(tmp_path, text, hint):
    (tmp_path / "in.jsonl").write_text(text)
    with open_table(str(tmp_path / "in.jsonl"), format_of("in.jsonl")) as reader:
        assert reader.count_rows() < reader.rows_rejected
        assert reader.reject_hint.startswith(hint)


def test_lines_in_another_encoding_get_a_guess(tmp_path):
    line = '{"text": "Das war schön und gut für mich"}\n'
    (tmp_path / "in.jsonl").write_bytes(line.encode("cp1252") * 3)
    with open_table(str(tmp_path / "in.jsonl"), format_of("in.jsonl")) as reader:
        assert reader.count_rows() == 0
        assert re.search("perhaps cp1252 .*Have them written in UTF-8", reader.reject_hint)


@pytest.mark.parametrize(("end", "cut"), [('{"text": "cut o', True), ("no object", False)])
def test_a_file_that_ends_within_an_object_is_doubted(tmp_path, end, cut):
    (tmp_path / "in.jsonl").write_text('{"text": "good"}\n' * 200 + end)
    with open_table(str(tmp_path / "in.jsonl"), format_of("in.jsonl")) as reader:
        assert reader.count_rows() == 200
        assert [type(note) for note in reader.notes] == [Doubt] * cut
        assert all("the middle of a row, at line 201" in note for note in reader.notes)


def test_the_lines_that_go_along_are_no_column(tiny_bundle, tmp_path):
    text = "".join(f'{{"id": {i}, "answer": "it was good and warm"}}\n' for i in range(3))
    score(tmp_path, tiny_bundle, text)
    summary = json.loads((tmp_path / "out.jsonl.run.json").read_text())
    assert "looks like text" not in " ".join(summary["notes"])


def test_half_of_a_surrogate_pair_stays_in_its_line_and_is_scored(tiny_bundle, tmp_path):
    line = '{"text": "good \\ud83d film", "\\ud800": "\\udfff"}'
    out = score(tmp_path, tiny_bundle, f"{line}\n").rstrip("\n")
    assert out.startswith(line[:-1])
    assert json.loads(out)["probability_positive"] > 0.5


def test_an_empty_file_gives_an_empty_file(tiny_bundle, tmp_path):
    for text in ("\n\n", ""):
        assert score(tmp_path, tiny_bundle, text) == ""


def test_a_table_in_one_object_is_told_how_it_becomes_lines(tiny_bundle, tmp_path):
    table = json.dumps({"id": {"0": 7, "1": 8}, "text": {"0": "good", "1": "bad"}})
    with pytest.raises(InputError, match=r"is one JSON object; .* `pandas\.read_json\(IN\)"):
        score(tmp_path, tiny_bundle, table)
    assert '"meta": {}' in score(tmp_path, tiny_bundle, '{"meta": {}, "text": "good"}')


@pytest.mark.parametrize(
    ("path", "object_"),
    [
        ("'.hits.hits[]'", {"took": 3, "hits": {"total": 2, "hits": [{"_id": "a"}, {"_id": "b"}]}}),
        ("'.features[]'", {"type": "FeatureCollection", "features": [{"a": "so good"}, {"b": 1}]}),
        ("'.[\"the rows\"][]'", {"the rows": [{"a": "so good"}, {"b": 1}], "next": None}),
    ],
)
def test_rows_in_one_object_are_told_where_they_are(tiny_bundle, tmp_path, path, object_):
    told = f"is one JSON object; .* `jq -c {re.escape(path)} IN > OUT` makes JSON Lines of its rows"
    with pytest.raises(InputError, match=told):
        score(tmp_path, tiny_bundle, json.dumps(object_))


def test_an_object_whose_named_member_is_a_text_is_a_row(tiny_bundle, tmp_path):
    row = '{"id": 7, "titel": "Tee", "antwort": "gut", "tags": [{"a": 1}, {"a": 2}]}'
    for column in ("antwort", ["titel", "antwort"]):
        assert score(tmp_path, tiny_bundle, row, text_column=column).startswith(row[:-1])
    for column in (None, "tags"):
        with pytest.raises(InputError, match="if it is a row itself, text_column names its text"):
            score(tmp_path, tiny_bundle, row, text_column=column)


@pytest.mark.parametrize(
    "text", ['"text": "ok"', '"text": null', '"said": "so good"', '"said": "很好"']
)
def test_an_object_of_a_text_and_a_list_is_a_row(tiny_bundle, tmp_path, text):
    line = f'{{{text}, "tags": [{{"a": 1}}, {{"a": 2}}]}}'
    column = text.split('"')[1]
    scored = json.loads(score(tmp_path, tiny_bundle, line, text_column=column))
    assert scored["tags"] == [{"a": 1}, {"a": 2}]


LATER = '{"text": "good"}\n[1]\n{"half\n{"text": "bad", "late": 1}\n'


@pytest.mark.parametrize("packed", [False, True])
def test_a_member_that_comes_in_a_later_chunk_of_a_file_is_a_column(tiny_bundle, tmp_path, packed):
    name, data = ("in.jsonl.gz", gzip.compress) if packed else ("in.jsonl", bytes)
    (tmp_path / name).write_bytes(data(LATER.encode()))
    how = {"bundle": tiny_bundle, "chunk_rows": 1, "max_rejects": 2}
    score_file(tmp_path / name, tmp_path / "out.parquet", **how)
    table = pq.read_table(tmp_path / "out.parquet")
    assert table.column_names == ["text", "late", *ADDED]
    assert table["late"].to_pylist() == [None, "1"]


def test_a_member_that_comes_later_in_a_stream_is_refused_where_it_would_be_lost(
    tiny_bundle, tmp_path
):
    os.mkfifo(tmp_path / "in.jsonl")
    lines = LATER.replace("[1]\n", "").replace('{"half\n', "")
    writer = Thread(target=(tmp_path / "in.jsonl").write_text, args=(lines,))
    writer.start()
    with pytest.raises(InputError, match=r"row 1 has a new member 'late'\. chunk_rows makes"):
        score_file(tmp_path / "in.jsonl", tmp_path / "out.csv", tiny_bundle, chunk_rows=1)
    writer.join()
    (tmp_path / "in.jsonl").unlink()
    assert '"late": 1' in score(tmp_path, tiny_bundle, lines, chunk_rows=1)


def test_training_reads_it(tmp_path, labelled_texts):
    names = [labelled_texts.classes[target] for target in labelled_texts.targets]
    with (tmp_path / "in.jsonl").open("w") as file:
        for text, name in zip(labelled_texts.texts, names, strict=True):
            file.write(json.dumps({"id": 1, "text": text, "label": name}) + "\n")
    small = {"epochs": 1, "embedding_dim": 4, "hidden_dim": 4, "start_from": "none", "passes": 0}
    bundle = train(tmp_path / "in.jsonl", tmp_path / "store", promote="always", **small)
    assert bundle.classes == ("negative", "positive")


def test_a_line_that_is_no_utf8_is_rejected_and_the_others_are_read(tmp_path):
    lines = [b'{"text": "a"}', b'{"text": "\xed\xa0\x80"}', '{"text": "b"}'.encode("utf-16-le")]
    (tmp_path / "in.jsonl").write_bytes(b"\n".join([*lines, b'\xef\xbb\xbf{"text": "c"}', b""]))
    summary = score_file(tmp_path / "in.jsonl", tmp_path / "out.jsonl", max_rejects=5)
    assert summary.provenance.rows.written == 2
    assert summary.provenance.rows.rejected == 2
    assert b"not UTF-8" in (tmp_path / "out.jsonl.rejects.csv").read_bytes()
