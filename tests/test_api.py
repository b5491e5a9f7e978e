import inspect
import json
import multiprocessing
import pickle
import shutil
import sys
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from dataclasses import fields as fields_of
from dataclasses import replace
from pathlib import Path

import click
import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pandas.testing import assert_frame_equal
from tiny_corpora import SETTINGS, write_csv, write_labelled
from tiny_models import WORDS, write_texts

from scorer import Bundle, Scorer, score_file, train
from scorer.bundles.bundle_files import load_bundle
from scorer.bundles.store import CHECKPOINT, current, in_use, versions
from scorer.cli import score
from scorer.cli import train as train_command
from scorer.errors import BundleError, GateError, InputError, UsageError
from scorer.tables.csv_options import CsvOptions
from scorer.training.callbacks import Callbacks
from scorer.training.fitting import Epoch
from scorer.training.recipe import Recipe, TrainConfig

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
    with pytest.raises(InputError, match="column 'mixed' is struct<>, not text"):
        scorer.score(frame, "mixed")
    with pytest.raises(InputError, match="2 columns are named 'text'"):
        scorer.score(pd.concat([frame, frame[["text"]]], axis=1))


def test_a_column_that_is_there_already_is_refused_with_what_helps(scorer, table, frame):
    for scored in (scorer.score(table), scorer.score(frame)):
        with pytest.raises(
            UsageError, match=r"already has probability_negative.*\. prefix TEXT gives"
        ):
            scorer.score(scored)


def test_a_bundle_that_is_none_is_refused(tmp_path):
    with pytest.raises(BundleError, match="is not a bundle"):
        Scorer.load(str(tmp_path))
    with pytest.raises(BundleError, match="not a store"):
        Scorer.load(store=str(tmp_path))


def numbers(scored: pa.Table) -> list[tuple[float | None, ...]]:
    return list(zip(*(scored[name].to_pylist() for name in ADDED), strict=True))


def test_lists_and_series_come_back_as_tables_of_texts_and_scores(scorer, table):
    expected = numbers(scorer.score(table))
    as_list = scorer.score(TEXTS)
    assert as_list.column_names == ["text", *ADDED]
    assert numbers(as_list) == expected
    series = scorer.score(pd.Series(TEXTS, name="body", index=range(5, 13)))
    assert list(series.columns) == ["body", *ADDED]
    assert list(series.index) == list(range(5, 13))
    np.testing.assert_array_equal(series[ADDED].to_numpy(), columns_of(scorer.score(table)))


def test_polars_frames_and_series_come_back_as_polars_frames(scorer, table):
    frame = pl.DataFrame({"id": list(range(len(TEXTS))), "text": TEXTS})
    scored = scorer.score(frame)
    assert scored.columns == ["id", "text", *ADDED]
    assert scored.select("id", "text").equals(frame)
    assert numbers(scored.to_arrow()) == numbers(scorer.score(table))
    assert scorer.score(frame["text"]).columns == ["text", *ADDED]
    with pytest.raises(UsageError, match=r"collect\(\) it first"):
        scorer.score(frame.lazy())


@pytest.mark.parametrize("rows", [0, 3, len(TEXTS)])
def test_record_batches_come_back_as_such(scorer, table, rows):
    batch = table.slice(0, rows).combine_chunks().to_batches()
    given = batch[0] if rows else pa.RecordBatch.from_pylist([], schema=table.schema)
    scored = scorer.score(given)
    assert isinstance(scored, pa.RecordBatch)
    assert scored.num_rows == rows
    expected = numbers(scorer.score(table))[:rows]
    assert numbers(pa.table(scored)) == [pytest.approx(row, abs=1e-6) for row in expected]


def test_readers_and_iterators_of_batches_are_scored_as_they_are_read(scorer, table):
    batches = table.to_batches(max_chunksize=3)
    expected = [pytest.approx(row, abs=1e-6) for row in numbers(scorer.score(table))]
    read = []

    def stream():
        for batch in batches:
            read.append(batch)
            yield batch

    scored = scorer.score(stream())
    assert isinstance(scored, pa.RecordBatchReader)
    scored.read_next_batch()
    assert len(read) < len(batches)
    again = scorer.score(pa.RecordBatchReader.from_batches(table.schema, batches))
    assert numbers(again.read_all()) == expected
    nothing = pa.RecordBatchReader.from_batches(table.schema, [])
    assert scorer.score(nothing).read_all().column_names == ["id", "text", "n", *ADDED]


@pytest.mark.parametrize("other", [7, "a text", {"text": ["a"]}, [1, 2], iter(["a"]), None])
def test_anything_else_is_refused_with_what_is_taken(scorer, other):
    with pytest.raises(UsageError, match=r"score takes a list of strings, .*RecordBatchReader"):
        scorer.score(other)


def score_in_another_process(scorer: Scorer, texts: list[str]) -> list:
    return numbers(scorer.score(texts))


def test_a_pickled_scorer_gives_the_same_numbers_in_a_spawned_process(scorer, table):
    with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as pool:
        found = pool.submit(score_in_another_process, scorer, TEXTS).result()
    assert found == numbers(scorer.score(table))


def test_eight_threads_get_the_same_numbers(scorer):
    texts = [[f"good w{i}x{j} bad" for j in range(400)] for i in range(40)]
    expected = [numbers(scorer.score(some)) for some in texts]
    fresh = pickle.loads(pickle.dumps(scorer))  # whose cache of pieces knows none of them
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        with ThreadPoolExecutor(8) as pool:
            assert list(pool.map(lambda some: numbers(fresh.score(some)), texts)) == expected
    finally:
        sys.setswitchinterval(before)


def test_processes_that_encode_end_with_the_run(table, tiny_bundle, tmp_path):
    pq.write_table(table, tmp_path / "in.parquet")
    score_file(tmp_path / "in.parquet", tmp_path / "out.csv", bundle=tiny_bundle, workers=1)
    assert multiprocessing.active_children() == []


def test_messages_name_parameters(scorer, table, tmp_path):
    with pytest.raises(InputError, match=r"\. text_column names one of them$"):
        scorer.score(table, "txt")
    pq.write_table(table, tmp_path / "in.parquet")
    with pytest.raises(UsageError, match=r"^max_rejects many: give a count"):
        scorer.score_file(tmp_path / "in.parquet", tmp_path / "x.csv", max_rejects="many")
    (tmp_path / "there.csv").touch()
    with pytest.raises(UsageError, match=r"\. overwrite replaces it$"):
        score_file(tmp_path / "in.parquet", tmp_path / "there.csv")
    with pytest.raises(UsageError, match=r"^bundle and store both say what scores"):
        Scorer.load("a", "b")


def options_of(command: click.Command) -> set[str]:
    printed = {
        "profile",
        "as_json",
        "quiet",
        "log_format",
        "verbose",
        "version",
        "history",
        "metrics_file",
    }
    return {option.name for option in command.params} - printed


def test_the_functions_have_every_option_of_the_jobs(table, tiny_bundle, tmp_path):
    source = tmp_path / "in.csv"
    pa.csv.write_csv(table.select(["id", "text"]), source)
    names = options_of(score.main) - {"sources", "target", "bundle"}
    with score.main.make_context("score", ["in", "out"]) as context:
        given = {name: context.params[name] for name in names}
    summary = score_file(source, tmp_path / "out.parquet", bundle=tiny_bundle, **given)
    assert summary.published
    fields = {field.name for kind in (Recipe, TrainConfig, CsvOptions) for field in fields_of(kind)}
    named = set(inspect.signature(train).parameters)
    assert options_of(train_command.main) <= named | fields | {"passes", "language"}


def test_a_failure_leaves_its_summary_as_the_job_does(tmp_path):
    with pytest.raises(InputError, match="there is no file"):
        score_file(tmp_path / "none.csv", tmp_path / "out.csv")
    summary = json.loads((tmp_path / "out.csv.run.json").read_text())
    assert (summary["published"], summary["exit_code"]) == (False, 3)


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
    expected = ["CURRENT", "history.jsonl", "reports", "rows", *versions(store)]
    assert sorted(path.name for path in store.iterdir()) == sorted(expected)


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
        r"more than how frequent each class is\. .* `scorer bundles use \S+ --store",
        lambda: train([labelled], tmp_path / "store", test=str(turned), **HOW),
    )


def test_a_model_of_shuffled_labels_is_not_put_in_use(tmp_path):
    texts = write_texts(("negative", "positive"), 400, 10)
    shuffled = np.random.default_rng(3).permutation(texts.targets)
    path = write_labelled(tmp_path / "shuffled.csv", replace(texts, targets=shuffled))
    assert_not_in_use(
        tmp_path / "store",
        "more than how frequent each class is",
        lambda: train([path], tmp_path / "store", **SETTINGS),
    )


def test_a_model_of_thirty_rows_is_not_put_in_use(tmp_path):
    path = write_labelled(tmp_path / "few.csv", write_texts(("negative", "positive"), 30, 12))
    assert_not_in_use(
        tmp_path / "store",
        r"6 test rows are too few to tell how good it is \(20 at least, as test 20 takes\)",
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
    with pytest.raises(
        GateError, match=r"its classes are .*neutral.*, those of .*, which is in use, are "
    ):
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
