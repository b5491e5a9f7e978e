import re
from dataclasses import replace
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from tiny_corpora import write_csv

from scorer.bundles.bundle_files import load_bundle
from scorer.bundles.pretrained_encoder import extract_encoder, write_encoder
from scorer.bundles.store import DEFAULT_BUNDLE
from scorer.errors import BundleError, InputError, UsageError
from scorer.network.model import ModelConfig, TextClassifier
from scorer.tables.csv_options import CsvOptions
from scorer.tables.formats import ReadOptions
from scorer.tokens.vocabulary import SPECIALS, Vocabulary
from scorer.training import auxiliary
from scorer.training.auxiliary import (
    NOTHING,
    AuxiliaryFiles,
    AuxiliaryInputs,
    check_auxiliary,
    read_auxiliary,
    without_foreign_start,
)
from scorer.training.recipe import make_recipe
from scorer.training.word_vectors import shipped_vectors

LECTURE = make_recipe("lecture-packed")  # which starts from random weights
ACCURATE = make_recipe("accurate")
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
    monkeypatch.setattr(auxiliary, "CHUNK_ROWS", chunk_rows)
    found = read_auxiliary(AuxiliaryFiles([csv_file, parquet_file]), LECTURE, "text")
    assert found.unlabelled.type == pa.large_string()
    assert found.unlabelled.to_pylist() == [*TEXTS, "more of it", "and more"]


def test_the_column_of_the_training_texts_is_taken_before_any_other(tmp_path):
    rows = [("some other words", "the text itself"), ("and more words", "another text here")]
    path = write_csv(tmp_path / "two.csv", rows, ("title", "review"))
    assert read_auxiliary(AuxiliaryFiles([path]), LECTURE, "review").unlabelled.to_pylist() == [
        row[1] for row in rows
    ]
    write_csv(path, rows, ("one", "two"))
    with pytest.raises(InputError, match="which column is the text is not clear"):
        read_auxiliary(AuxiliaryFiles([path]), LECTURE, "text")


def test_with_nothing_given_there_is_nothing():
    assert read_auxiliary(AuxiliaryFiles([]), LECTURE, "text") == AuxiliaryInputs()


def test_a_file_that_is_not_there_is_named(tmp_path):
    with pytest.raises(InputError, match=r"nothing\.csv"):
        read_auxiliary(AuxiliaryFiles([tmp_path / "nothing.csv"]), LECTURE, "text")


def test_files_without_a_text_are_refused(tmp_path):
    header = write_csv(tmp_path / "header.csv", [], ("text",))
    nulls = tmp_path / "nulls.parquet"
    pq.write_table(pa.table({"text": pa.nulls(3, pa.string())}), nulls)
    for path, what in ((header, "has no texts"), (nulls, "has no texts")):
        with pytest.raises(InputError, match=f"{path.name} {what}"):
            read_auxiliary(AuxiliaryFiles([path]), LECTURE, "text")


def encoder_folder(folder: Path, hidden_dim: int = 4) -> Path:
    vocabulary = Vocabulary((*SPECIALS, "good"))
    model = TextClassifier(ModelConfig(len(vocabulary), 2, 3, hidden_dim))
    write_encoder(extract_encoder(model, vocabulary, {}), folder)
    return folder


def test_an_encoder_and_a_teacher_are_verified_and_loaded(tmp_path, tiny_bundle):
    folder = encoder_folder(tmp_path / "start")
    recipe = replace(LECTURE, embedding_dim=3, hidden_dim=4)
    found = read_auxiliary(AuxiliaryFiles((), folder, teachers=[tiny_bundle]), recipe, "text")
    assert found.encoder.vocabulary.tokens == (*SPECIALS, "good")
    assert [t.digest for t in found.teachers] == [load_bundle(tiny_bundle).digest]
    with pytest.raises(BundleError, match="is not a pretrained encoder"):
        read_auxiliary(AuxiliaryFiles((), tmp_path), recipe, "text")
    with pytest.raises(BundleError, match="is not a bundle"):
        read_auxiliary(AuxiliaryFiles(teachers=[folder]), recipe, "text")


def test_a_bundle_is_an_encoder_with_its_output_layer(tiny_bundle):
    recipe = replace(LECTURE, embedding_dim=8, hidden_dim=12)
    found = read_auxiliary(AuxiliaryFiles((), tiny_bundle), recipe, "text").encoder
    assert found.digest == load_bundle(tiny_bundle).digest
    assert found.classes == ("negative", "positive")
    assert "output.weight" in found.weights


def test_training_starts_from_the_shipped_bundle_unless_told_otherwise():
    found = read_auxiliary(AuxiliaryFiles(), ACCURATE, "text")
    assert found.encoder.digest == load_bundle(DEFAULT_BUNDLE).digest
    assert found.notes == ()
    for files, recipe in (
        (AuxiliaryFiles(start_from=NOTHING), ACCURATE),
        (AuxiliaryFiles(vectors=DEFAULT_BUNDLE / "bundle.json"), ACCURATE),
        (AuxiliaryFiles(), LECTURE),
    ):
        assert read_auxiliary(files, recipe, "text").encoder is None


def test_word_vectors_of_the_language_are_there_unless_nothing_that_ships_is_wanted():
    small = make_recipe("accurate", hidden_dim=128)  # which the shipped bundle does not fit
    for recipe in (ACCURATE, small):
        vectors = read_auxiliary(AuxiliaryFiles(), recipe, "text").word_vectors
        assert vectors.digest == shipped_vectors("en").digest
    for files, recipe in (
        (AuxiliaryFiles(start_from=NOTHING), ACCURATE),
        (AuxiliaryFiles(), LECTURE),
        (AuxiliaryFiles(), make_recipe("accurate", language="de")),
    ):
        assert read_auxiliary(files, recipe, "text").word_vectors is None


FOREIGN = "Der Wasserkocher ist nach zwei Tagen kaputt gegangen, das Geld war er nicht wert."
ENGLISH = "The kettle broke after two days, it was not worth the money that I had paid for it."


@pytest.mark.parametrize("text", [FOREIGN, "Чайник сломался через два дня, жаль денег."])
def test_training_does_not_start_from_a_bundle_that_lacks_the_words(text):
    texts, files = pa.array([text] * 50, pa.large_string()), AuxiliaryFiles()
    found = read_auxiliary(files, ACCURATE, "text")
    left = without_foreign_start(found, files, texts, ACCURATE.rules)
    assert left.encoder is left.word_vectors is None
    assert re.search(r"not from the shipped bundle: it knows \d+% of the words", left.notes[0])
    assert "--language" in left.notes[0]
    named = AuxiliaryFiles(start_from=DEFAULT_BUNDLE)
    found = read_auxiliary(named, ACCURATE, "text")
    assert without_foreign_start(found, named, texts, ACCURATE.rules) is found


@pytest.mark.parametrize("texts", [[ENGLISH] * 50, [FOREIGN], ["0815 4711 :-)"] * 500])
def test_training_starts_from_a_bundle_that_knows_the_words_or_may(texts):
    files = AuxiliaryFiles()
    found = read_auxiliary(files, ACCURATE, "text")
    column = pa.array(texts, pa.large_string())
    assert without_foreign_start(found, files, column, ACCURATE.rules) is found


@pytest.mark.parametrize(
    ("settings", "reason"),
    [
        ({"hidden_dim": 128}, "its hidden dim is 256, this training's 128"),
        ({"cell": "gru"}, "its cell is lstm, this training's gru"),
        ({"language": "de"}, "its language is en, this training's de"),
    ],
)
def test_where_the_shipped_bundle_does_not_fit_a_note_says_why(settings, reason):
    found = read_auxiliary(AuxiliaryFiles(), make_recipe("accurate", **settings), "text")
    assert found.encoder is None
    assert found.notes == (f"starts from random weights, not from the shipped bundle: {reason}",)


def test_an_encoder_that_was_named_has_to_fit(tmp_path):
    folder = encoder_folder(tmp_path / "start", hidden_dim=5)
    files = AuxiliaryFiles((), folder)
    for look in (check_auxiliary, lambda *given: read_auxiliary(*given, "text")):
        with pytest.raises(UsageError, match="is no start for this training: its embedding dim is"):
            look(files, ACCURATE)


def test_unlabelled_texts_that_nothing_looks_at_are_refused(csv_file, tiny_bundle):
    vectors = DEFAULT_BUNDLE / "bundle.json"
    with pytest.raises(UsageError, match=r"--unlabelled texts are of no use\. Give --vectors or"):
        read_auxiliary(AuxiliaryFiles([csv_file], vectors=vectors), LECTURE, "text")
    files = AuxiliaryFiles([csv_file], vectors=vectors, teachers=[tiny_bundle])
    assert read_auxiliary(files, LECTURE, "text").unlabelled is not None


def test_texts_are_read_as_the_options_say(tmp_path):
    path = tmp_path / "in.data"
    path.write_bytes("Our texts\nid^text\n1^caf\u00e9 noir\n".encode("latin-1"))
    options = ReadOptions("csv", CsvOptions("^", encoding="latin-1", skip_rows=1))
    found = read_auxiliary(AuxiliaryFiles([path]), LECTURE, "text", options=options)
    assert found.unlabelled.to_pylist() == ["caf\u00e9 noir"]
    with pytest.raises(InputError, match=r"1 of 1 row cannot be read .* --encoding"):
        read_auxiliary(
            AuxiliaryFiles([path]),
            LECTURE,
            "text",
            options=ReadOptions("csv", CsvOptions("^", skip_rows=1)),
        )


def test_a_start_can_forget_its_classes(tiny_bundle):
    recipe = replace(LECTURE, embedding_dim=8, hidden_dim=12)
    found = read_auxiliary(AuxiliaryFiles((), tiny_bundle), recipe, "text")
    assert found.encoder.classes
    assert found.without_output_layer().encoder.classes == ()
    nothing = replace(found, encoder=None)
    assert nothing.without_output_layer() is nothing
