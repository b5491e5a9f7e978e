import json

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from click.testing import CliRunner

from scorer.cli.provenance import provenance
from scorer.scoring.provenance import read_provenance
from scorer.scoring.summary import FOOTER_KEY

VERSION, DIGEST = "20261124T000000Z-0123abcd", "0123abcd" * 8


def facts(digest=DIGEST):
    return {
        "bundle": {
            "version": f"20261124T000000Z-{digest[:8]}",
            "digest": digest,
            "classes": ["negative", "positive"],
            "label_values": {"0": "negative", "1": "positive"},
        },
        "input": {"path": "in.csv", "format": "csv", "size": 12345, "sha256": "ab" * 32},
        "text_column": "review",
        "rows": {"read": 9, "written": 8, "rejected": 1},
        "texts": {"scored": 8},
        "score_settings": {"precision": "float32"},
        "options": {"prefix": "", "chunk_rows": 8192, "quote": None},
    }


def write_parquet(path, metadata=None):
    schema = pa.schema([("a", pa.int8())], metadata)
    pq.write_table(schema.empty_table(), path)
    return path


def write_csv(path, **summary):
    path.write_text("a\n1\n")
    path.with_name(f"{path.name}.run.json").write_text(json.dumps({"published": True, **summary}))
    return path


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "night").mkdir()
    write_parquet(tmp_path / "a.parquet", {FOOTER_KEY: json.dumps(facts())})
    write_parquet(tmp_path / "foreign.parquet")
    write_csv(tmp_path / "night" / "b.csv", **facts())
    write_csv(tmp_path / "night" / "c.csv", **facts("f" * 64))
    return tmp_path


def run(*arguments):
    result = CliRunner().invoke(provenance, list(map(str, arguments)))
    return result.exit_code, result.stdout, result.stderr


def test_a_footer_is_printed_without_anything_beside_the_file(folder):
    code, shown, _ = run(folder / "a.parquet")
    assert code == 0
    for said in (
        f"{VERSION}, digest {DIGEST}",
        "negative, positive",
        f"in.csv, csv, 12,345 bytes, sha256 {'ab' * 32}",
        "read=9, written=8, rejected=1",
        "precision=float32",
        "  options      chunk_rows=8192\n",
    ):
        assert said in shown


@pytest.mark.parametrize("name", ["b.csv", "b.csv.run.json"])
def test_other_files_say_it_beside_them(folder, name):
    assert read_provenance(folder / "night" / name)["bundle"]["version"] == VERSION


def test_after_a_failed_run_the_one_that_published_counts(folder):
    output = folder / "night" / "b.csv"
    write_csv(output, published=False, published_run=facts("e" * 64))
    assert read_provenance(output)["bundle"]["digest"] == "e" * 64


@pytest.mark.parametrize("bundle", [VERSION, DIGEST, DIGEST[:8]])
def test_a_bundle_finds_the_outputs_it_touched(folder, bundle):
    code, shown, _ = run("--bundle", bundle, folder)
    assert code == 0
    assert shown.splitlines() == [str(folder / "a.parquet"), str(folder / "night" / "b.csv")]


@pytest.mark.parametrize("bundle", ["0123", "9" * 64])
def test_a_bundle_that_touched_nothing_finds_nothing(folder, bundle):
    assert run("--bundle", bundle, folder) == (0, "", "no output of that bundle\n")


def test_json_is_a_line_for_each_file(folder):
    _, shown, _ = run("--json", folder)
    read = [json.loads(line) for line in shown.splitlines()]
    names = ["a.parquet", "night/b.csv", "night/c.csv"]
    assert [line["file"] for line in read] == [str(folder / name) for name in names]


def test_a_named_file_that_says_nothing_is_an_error(folder):
    code, shown, said = run(folder / "foreign.parquet")
    assert (code, shown) == (3, "")
    assert "foreign.parquet has no provenance" in said
    assert said.count("\n") == 1


@pytest.mark.parametrize("content", ["{", "[]"])
def test_a_summary_that_is_damaged_is_an_error(folder, content):
    (folder / "night" / "b.csv.run.json").write_text(content)
    code, _, said = run(folder / "night" / "b.csv")
    assert code == 3
    assert "b.csv.run.json: its provenance is not" in said


def test_a_file_that_is_not_there_or_not_whole_is_an_error(folder):
    assert run(folder / "x.parquet")[0] == 3
    content = (folder / "a.parquet").read_bytes()
    (folder / "a.parquet").write_bytes(content[:-20])
    assert run(folder / "a.parquet")[0] == 3


def test_a_foreign_summary_does_not_hide_the_others(tmp_path):
    (tmp_path / "a.csv").write_text("a")
    (tmp_path / "a.csv.run.json").write_text('{"published": true}')
    found = CliRunner().invoke(provenance, [str(tmp_path)])
    assert found.exit_code == 0
    assert "a.csv.run.json: it is not the summary of a run of this program" in found.stderr
    alone = CliRunner().invoke(provenance, [str(tmp_path / "a.csv")])
    assert alone.exit_code == 3
