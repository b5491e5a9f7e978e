from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from tiny_corpora import write_csv

from scorer.bundles.bundle import load_bundle
from scorer.bundles.starting_point import starting_point, write_starting_point
from scorer.errors import BundleError, InputError, UsageError
from scorer.network.model import ModelConfig, TextClassifier
from scorer.tables.formats import CsvOptions, ReadOptions
from scorer.tokens.encoding import SPECIALS, Vocabulary
from scorer.training import background
from scorer.training.background import Background, read_background

TEXTS = ["good film", 'two\nlines, and "quotes"', "", "naïve 😀", "the end of it"]


@pytest.fixture
def csv_file(tmp_path) -> Path:
    rows = [(str(i), text) for i, text in enumerate(TEXTS)]
    return write_csv(tmp_path / "a.csv", rows, ("id", "text"))


@pytest.fixture
def parquet_file(tmp_path) -> Path:
    path = tmp_path / "b.parquet"
    pq.write_table(pa.table({"n": [1, 2, 3], "said": ["more of it", None, "and more"]}), path)
    return path


@pytest.mark.parametrize("chunk_rows", [1, 2, 10_000])
def test_texts_of_all_files_are_read_in_order_without_nulls(
    csv_file, parquet_file, monkeypatch, chunk_rows
):
    monkeypatch.setattr(background, "CHUNK_ROWS", chunk_rows)
    found = read_background([csv_file, parquet_file], "text")
    assert found.unlabelled.type == pa.large_string()
    assert found.unlabelled.to_pylist() == [*TEXTS, "more of it", "and more"]


def test_the_column_of_the_training_texts_is_taken_before_any_other(tmp_path):
    rows = [("some other words", "the text itself"), ("and more words", "another text here")]
    path = write_csv(tmp_path / "two.csv", rows, ("title", "review"))
    assert read_background([path], "review").unlabelled.to_pylist() == [row[1] for row in rows]
    write_csv(path, rows, ("one", "two"))
    with pytest.raises(InputError, match="which column is the text is not clear"):
        read_background([path], "text")


def test_with_nothing_given_there_is_nothing():
    assert read_background([], "text") == Background(None, None, None, ())


def test_a_file_that_is_not_there_is_named(tmp_path):
    with pytest.raises(InputError, match=r"nothing\.csv"):
        read_background([tmp_path / "nothing.csv"], "text")


def test_files_without_a_text_are_refused(tmp_path):
    header = write_csv(tmp_path / "header.csv", [], ("text",))
    nulls = tmp_path / "nulls.parquet"
    pq.write_table(pa.table({"text": pa.nulls(3, pa.string())}), nulls)
    for path, what in ((header, "has no texts"), (nulls, "has no texts")):
        with pytest.raises(InputError, match=f"{path.name} {what}"):
            read_background([path], "text")


def test_a_starting_point_and_a_teacher_are_verified_and_loaded(tmp_path, tiny_bundle):
    vocabulary = Vocabulary((*SPECIALS, "good"))
    model = TextClassifier(ModelConfig(len(vocabulary), 2, 3, 4))
    write_starting_point(starting_point(model, vocabulary, {}), tmp_path / "start")
    found = read_background([], "text", start=tmp_path / "start", teachers=[tiny_bundle])
    assert found.start.vocabulary.tokens == vocabulary.tokens
    assert [t.digest for t in found.teachers] == [load_bundle(tiny_bundle).digest]
    with pytest.raises(BundleError, match="is not a starting point"):
        read_background([], "text", start=tiny_bundle)
    with pytest.raises(BundleError, match="is not a bundle"):
        read_background([], "text", teachers=[tmp_path / "start"])


@pytest.mark.parametrize("option", ["start", "vectors"])
def test_unlabelled_texts_that_nothing_looks_at_are_refused(csv_file, tiny_bundle, option):
    given = {option: Path("nothing")}
    with pytest.raises(UsageError, match=r"--unlabelled texts are of no use\. Give --\S+ or"):
        read_background([csv_file], "text", **given)
    with_teacher = {"vectors": Path("nothing"), "teachers": [tiny_bundle]}
    assert read_background([csv_file], "text", **with_teacher).unlabelled is not None


def test_texts_are_read_as_the_options_say(tmp_path):
    path = tmp_path / "in.data"
    path.write_bytes("Our texts\nid^text\n1^caf\u00e9 noir\n".encode("latin-1"))
    options = ReadOptions("csv", CsvOptions("^", encoding="latin-1", skip_rows=1))
    found = read_background([path], "text", options=options)
    assert found.unlabelled.to_pylist() == ["caf\u00e9 noir"]
    with pytest.raises(InputError, match=r"1 of 1 rows cannot be read .* --encoding"):
        read_background([path], "text", options=ReadOptions("csv", CsvOptions("^", skip_rows=1)))
