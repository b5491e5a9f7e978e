import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pandas.testing import assert_frame_equal
from tiny_corpora import SETTINGS, write_csv, write_labelled
from tiny_models import WORDS, write_texts

from scorer import Bundle, Scorer, train
from scorer.bundles.bundle import load_bundle
from scorer.bundles.store import current, in_use, versions
from scorer.errors import BundleError, GateError, InputError, UsageError
from scorer.training.callbacks import Callbacks
from scorer.training.fitting import Epoch
from scorer.training.training import CHECKPOINT

HOW = {**SETTINGS, "preset": "lecture-rnn", "learning_rate": 0.01}
ADDED = ["probability_negative", "probability_positive"]
TEXTS = ["a good film", None, "awful", " \n", "<br/>", "qzxv", "good, bad & 😀", "lovely " * 60]


@pytest.fixture(scope="module")
def scorer(tiny_bundle: Path) -> Scorer:
    return Scorer.load(str(tiny_bundle))


@pytest.fixture
def table() -> pa.Table:
    numbers = pa.array(range(len(TEXTS)), pa.int16())
    return pa.table({"id": numbers, "text": TEXTS, "n": pa.array([[1, None]] * len(TEXTS))})


@pytest.fixture
def frame() -> pd.DataFrame:
    """A frame of many kinds of columns, whose index is neither sorted nor unique."""
    rows = len(TEXTS)
    return pd.DataFrame(
        {
            "text": TEXTS,
            "whole": pd.array([1, None] * (rows // 2), "Int64"),
            "kind": pd.Categorical(["x", "y"] * (rows // 2)),
            "when": pd.date_range("2026-01-01", periods=rows, tz="Europe/Berlin"),
            "mixed": [1, "a", None, 2.5, b"b", (1, 2), {}, True],
            "objects": [object()] * rows,
        },
        index=[3, 3, 1, 0, -1, 9, 8, 7],
    )


def columns_of(table: pa.Table) -> np.ndarray:
    """Return float32 (rows, classes), NaN for null."""
    return np.stack([table[name].to_numpy() for name in ADDED], axis=1)


def test_a_table_comes_back_whole_with_a_column_a_class(scorer, table):
    scored = scorer.score(table)
    assert scored.column_names == ["id", "text", "n", *ADDED]
    assert scored.select(["id", "text", "n"]).equals(table)
    assert {scored.schema.field(name).type for name in ADDED} == {pa.float32()}
    without = [row for row, text in enumerate(TEXTS) if text in (None, " \n", "<br/>")]
    for name in ADDED:
        cells = scored[name].to_pylist()
        assert [row for row, cell in enumerate(cells) if cell is None] == without
    sums = np.nansum(columns_of(scored), axis=1)
    assert np.allclose(np.delete(sums, without), 1, atol=1e-6)


@pytest.mark.parametrize("ending", ["csv", "parquet"])
def test_a_table_gets_what_the_job_writes(scorer, table, tmp_path, ending):
    source, target = tmp_path / f"in.{ending}", tmp_path / "out.parquet"
    given = table.select(["id", "text"])
    if ending == "csv":
        pa.csv.write_csv(given, source)
    else:
        pq.write_table(given, source)
    summary = scorer.score_file(str(source), str(target))
    written, scored = pq.read_table(target), scorer.score(given)
    assert summary.provenance.rows.written == len(TEXTS)
    assert summary.provenance.bundle.digest == scorer.bundle.digest
    assert written.column_names == scored.column_names
    np.testing.assert_allclose(columns_of(written), columns_of(scored), atol=1e-6)


def test_a_file_that_is_there_is_replaced_only_when_asked(scorer, table, tmp_path):
    pq.write_table(table, tmp_path / "in.parquet")
    paths = str(tmp_path / "in.parquet"), str(tmp_path / "out.csv")
    scorer.score_file(*paths)
    with pytest.raises(UsageError, match="is already there"):
        scorer.score_file(*paths)
    scorer.score_file(*paths, text_column="text", overwrite=True)


@settings(max_examples=15)
@given(st.lists(st.sampled_from([*WORDS["positive"], *WORDS["negative"], ".", "w1"]), max_size=20))
def test_a_text_gets_the_same_number_alone_and_among_others(scorer, words):
    text = " ".join(words)
    alone = scorer.score(pa.table({"text": pa.array([text], pa.string())}))
    among = scorer.score(pa.table({"text": [*TEXTS, text, *reversed(TEXTS), text]}))
    rows = columns_of(among)[[len(TEXTS), -1]]
    np.testing.assert_allclose(rows, columns_of(alone)[[0, 0]], atol=1e-6)


def test_a_frame_gets_the_same_numbers_and_keeps_index_order_and_types(scorer, table, frame):
    before = frame.copy(deep=True)
    scored = scorer.score(frame)
    assert_frame_equal(frame, before)
    assert_frame_equal(scored[list(frame.columns)], before)
    assert list(scored.columns) == [*frame.columns, *ADDED]
    assert [str(scored[name].dtype) for name in ADDED] == ["float32", "float32"]
    np.testing.assert_array_equal(scored[ADDED].to_numpy(), columns_of(scorer.score(table)))


@pytest.mark.parametrize("kind", [object, "string", "category"])
def test_texts_of_a_frame_may_be_strings_of_any_kind(scorer, frame, kind):
    scored = scorer.score(frame[["text"]].astype(kind))
    assert_frame_equal(scored[ADDED], scorer.score(frame)[ADDED])


def test_label_status_and_prefix_are_added_when_asked_for(scorer, table, frame):
    asked = {"prefix": "my_", "label": True, "status": True}
    names = [f"my_{name}" for name in (*ADDED, "label", "status")]
    assert scorer.score(frame, "text", **asked).columns[-4:].tolist() == names
    scored = scorer.score(table, "text", **asked)
    assert scored.column_names[-4:] == names
    assert scored["my_label"].to_pylist()[:4] == ["positive", None, "negative", None]
    assert scored["my_status"].to_pylist()[:6] == [
        "scored",
        "null",
        "scored",
        "blank",
        "markup only",
        "no known word",
    ]


def test_nothing_in_is_nothing_out(scorer, table, frame):
    assert scorer.score(table.slice(0, 0)).column_names == ["id", "text", "n", *ADDED]
    empty = scorer.score(frame[:0])
    assert list(empty.columns) == [*frame.columns, *ADDED]
    assert len(empty) == 0


def test_more_rows_than_a_chunk_stay_in_order(scorer):
    texts = [f"good {'bad ' * (row % 7)}" for row in range(9000)]
    scored = columns_of(scorer.score(pa.table({"text": texts})))
    np.testing.assert_allclose(scored, scored[np.arange(9000) % 7], atol=1e-6)


def test_a_column_that_is_not_there_or_no_text_is_refused(scorer, table, frame):
    with pytest.raises(InputError, match="there is no column 'txt'; did you mean 'text'"):
        scorer.score(table, "txt")
    with pytest.raises(InputError, match="column 'id' is int16, not text"):
        scorer.score(table, "id")
    with pytest.raises(InputError, match="column 'mixed' is binary, not text"):
        scorer.score(frame, "mixed")
    with pytest.raises(InputError, match="2 columns are named 'text'"):
        scorer.score(pd.concat([frame, frame[["text"]]], axis=1))


def test_a_column_that_is_there_already_is_refused_with_what_helps(scorer, table, frame):
    for scored in (scorer.score(table), scorer.score(frame)):
        with pytest.raises(UsageError, match=r"already has probability_negative.*--prefix TEXT"):
            scorer.score(scored)


def test_a_bundle_that_is_none_is_refused(tmp_path):
    with pytest.raises(BundleError, match="is not a bundle"):
        Scorer.load(str(tmp_path))
    with pytest.raises(BundleError, match="not a store"):
        Scorer.load(store=str(tmp_path))


class Interrupting(Callbacks):
    def on_epoch(self, epoch: Epoch) -> None:
        if epoch.epoch == 5:
            raise KeyboardInterrupt


@pytest.fixture(scope="module")
def labelled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("labelled")
    return write_labelled(folder / "a.csv", write_texts(("negative", "positive"), 300, 5))


@pytest.fixture(scope="module")
def store(labelled: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store of one bundle, whose training was interrupted and run again."""
    store = tmp_path_factory.mktemp("stores") / "store"
    with pytest.raises(KeyboardInterrupt):
        train([labelled], store, callbacks=Interrupting(), **SETTINGS)
    assert (store / CHECKPOINT).is_file()
    assert versions(store) == []
    train([labelled], store, **SETTINGS)
    return store


def test_a_trained_bundle_is_in_use_and_scores(store):
    scorer = Scorer.load(store=str(store))
    assert scorer.classes == ("negative", "positive")
    assert isinstance(scorer.bundle, Bundle)
    assert scorer.bundle.facts.model.cell == "lstm"
    assert current(store).name == scorer.bundle.version
    assert scorer.bundle.facts.metrics["test"]["accuracy"] > 0.7
    good, bad = columns_of(scorer.score(pa.table({"text": ["good great lovely", "awful dull"]})))
    assert good[1] > 0.5 > bad[1]


def test_a_finished_training_leaves_no_checkpoint(store):
    assert sorted(path.name for path in store.iterdir()) == sorted(["CURRENT", *versions(store)])


def assert_not_in_use(store: Path, message: str, training: Callable[[], object]) -> None:
    """Check that a training ends with a bundle that is written, but not put in use."""
    with pytest.raises(GateError, match=message):
        training()
    assert len(versions(store)) == 1
    assert in_use(store) is None


def test_a_model_worse_than_guessing_is_written_but_not_put_in_use(labelled, tmp_path):
    texts = write_texts(("negative", "positive"), 60, 9)
    turned = write_labelled(tmp_path / "t.csv", replace(texts, targets=1 - texts.targets))
    assert_not_in_use(
        tmp_path / "store",
        r"no more than how frequent each class is\. .* `python -m scorer bundles",
        lambda: train([labelled], tmp_path / "store", test=str(turned), **HOW),
    )


def test_a_model_of_shuffled_labels_is_not_put_in_use(tmp_path):
    texts = write_texts(("negative", "positive"), 400, 10)
    shuffled = np.random.default_rng(3).permutation(texts.targets)
    path = write_labelled(tmp_path / "shuffled.csv", replace(texts, targets=shuffled))
    assert_not_in_use(
        tmp_path / "store",
        "no more than how frequent each class is",
        lambda: train([path], tmp_path / "store", **SETTINGS),
    )


def test_a_model_of_thirty_rows_is_not_put_in_use(tmp_path):
    path = write_labelled(tmp_path / "few.csv", write_texts(("negative", "positive"), 30, 12))
    assert_not_in_use(
        tmp_path / "store",
        r"6 test rows are too few to tell how good it is \(20 at least\)",
        lambda: train([path], tmp_path / "store", **SETTINGS),
    )


def test_a_model_clearly_worse_than_the_one_in_use_does_not_take_its_place(
    store, labelled, tmp_path
):
    place = Path(shutil.copytree(store, tmp_path / "store"))
    weak = {**SETTINGS, "epochs": 1, "learning_rate": 1e-6, "start_from": None, "linear": False}
    with pytest.raises(GateError, match="is written but not put in use"):
        train([labelled], place, **weak)
    assert current(place).name == current(store).name


def test_a_model_of_other_classes_does_not_take_the_place_of_the_one_in_use(store, tmp_path):
    place = Path(shutil.copytree(store, tmp_path / "store"))
    three = write_labelled(tmp_path / "three.csv", write_texts(tuple(WORDS), 300, 5))
    with pytest.raises(GateError, match=r"its classes are .*'neutral'.*, those in use "):
        train([three], place, **SETTINGS)
    assert current(place).name == current(store).name
    assert len(versions(place)) == 2


def test_a_bundle_teaches_another_one_on_unlabelled_texts(store, labelled, tmp_path):
    more = write_texts(("negative", "positive"), 60, 6).texts
    unlabelled = write_csv(tmp_path / "more.csv", [(text,) for text in more], ("text",))
    bundle = train(
        [labelled], tmp_path, unlabelled=[unlabelled], teachers=[current(store)], **SETTINGS
    )
    background = bundle.facts.training["background"]
    assert background["teachers"] == [load_bundle(current(store)).digest]
    assert background["unlabelled_rows"] == 60
    assert bundle.facts.training["rows"]["train"] < 300
