"""Texts in objects: the command that makes a column of them, and whether it does."""

import json
import re
import shutil
import subprocess
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from scorer import score_file
from scorer.errors import InputError
from scorer.tables.nested_columns import text_member_hint

SAID = ["the soup was warm and good", "a dull evening with no point"] * 3


def hint(*rows: dict, wanted: str | None = None, kind: str = "jsonl") -> str:
    return text_member_hint(pa.Table.from_pylist(list(rows)), kind, wanted)


@pytest.mark.parametrize(
    ("path", "name", "make"),
    [
        (".review.text", "review_text", lambda said: {"review": {"text": said, "lang": "en"}}),
        ('.data.e["a b"]', "data_e_a_b", lambda said: {"data": {"e": {"a b": said}}}),
        (".n[0].said", "n_0_said", lambda said: {"n": [{"said": said}]}),
        (".text.en", "text_en", lambda said: {"id": "a7", "text": {"en": said}}),
    ],
)
def test_the_member_that_holds_the_texts_becomes_a_column(tmp_path, path, name, make):
    rows = [make(said) for said in SAID]
    written = [{key: json.dumps(cell) for key, cell in row.items()} for row in rows]
    told = hint(*rows)
    assert told == hint(*written)  # as JSON Lines are read
    assert told == (
        f"`jq -c '.{name} = {path}' IN > OUT` makes a column of its texts, which --text-column "
        f"{name} names"
    )
    if shutil.which("jq") is None:
        return
    lines = "\n".join(map(json.dumps, rows))
    program = re.search("'(.*)'", told)[1]
    made = subprocess.run(["jq", "-c", program], input=lines, text=True, stdout=subprocess.PIPE)
    assert [json.loads(line)[name] for line in made.stdout.splitlines()] == SAID


def test_a_named_member_is_told_and_no_other():
    rows = [{"said": "so good", "user": {"bio": "a nice person"}, "id": 7}] * 3
    assert hint(*rows) == ""  # another text
    for wanted in ("bio", "user", "user.bio"):
        assert "'.user_bio = .user.bio'" in hint(*rows, wanted=wanted)
    assert hint(*rows, wanted="titel") == ""
    assert hint({"id": 7, "my col": "so good it was"}) == ""


def test_texts_in_a_struct_of_parquet_are_told_in_sql(tiny_bundle: Path, tmp_path: Path):
    table = pa.table({"id": range(6), "review": [{"text": said, "n": 1} for said in SAID]})
    pq.write_table(table, tmp_path / "IN")
    with pytest.raises(InputError, match=r"no column is text.* makes a column of its") as raised:
        score_file(tmp_path / "IN", tmp_path / "o.csv", bundle=tiny_bundle, input_format="parquet")
    query = re.search('duckdb -c "(.*)"', str(raised.value))[1]
    paths = {f"'{name}'": f"'{tmp_path / name}'" for name in ("IN", "OUT")}
    duckdb.sql(re.sub("'(IN|OUT)'", lambda found: paths[found[0]], query))
    assert pq.read_table(tmp_path / "OUT")["review_text"].to_pylist() == SAID


def test_an_object_is_no_text_beside_other_columns(tiny_bundle: Path, tmp_path: Path):
    rows = [{"id": i, "said so": said, "user": {"bio": "a b c"}} for i, said in enumerate(SAID)]
    (tmp_path / "in.jsonl").write_text("\n".join(map(json.dumps, rows)))
    summary = score_file(tmp_path / "in.jsonl", tmp_path / "out.csv", bundle=tiny_bundle)
    assert summary.provenance.text_column == "said so"
    with pytest.raises(InputError, match=r"'\.user_bio = \.user\.bio'"):
        score_file(
            tmp_path / "in.jsonl", tmp_path / "o.csv", bundle=tiny_bundle, text_column="user.bio"
        )
