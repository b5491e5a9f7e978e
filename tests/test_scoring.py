import csv
import hashlib
import io
import json
import os
import random
import sys
from dataclasses import dataclass, replace

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from full_disk import files_of_at_most

import scorer
from scorer.bundles.bundle_files import load_bundle
from scorer.engines.engine import load_model
from scorer.errors import InputError, InterruptedRunError, RowsError, UsageError
from scorer.scoring.callbacks import Callbacks
from scorer.scoring.columns import AddedColumns
from scorer.scoring.provenance import read_provenance
from scorer.scoring.reject_limit import RejectLimit
from scorer.scoring.request import Source, Target
from scorer.scoring.scoring import score_file, score_table
from scorer.tables.csv_options import CsvOptions
from scorer.tables.doubts import Doubt
from scorer.tables.formats import format_of, open_table
from scorer.tables.table_streams import TableWriter
from scorer.tables.text_column import TextColumn

ROWS, CHUNK_ROWS = 200, 16
PROBABILITIES = ["probability_negative", "probability_positive"]
FORMATS = ["csv", "csv.gz", "parquet"]
TEXT = TextColumn("text", (1,))


@pytest.fixture(scope="session")
def model(tiny_bundle):
    return load_model(load_bundle(tiny_bundle), "float32")


@pytest.fixture(scope="module")
def rows(labelled_texts):
    rng = random.Random(5)
    awkward = ["", "  ", "<br />", "qqq zzz", 'a "quoted", good\r\nline', "lone \r here 😀", "007"]
    texts = [rng.choice(labelled_texts.texts + tuple(awkward) * 10) for _ in range(ROWS)]
    return [{"id": f"{i:04d}", "text": text, "n": "1e5"} for i, text in enumerate(texts)]


@pytest.fixture
def inputs(rows, tmp_path):
    table = pa.Table.from_pylist(rows)
    pq.write_table(table, tmp_path / "in.parquet", row_group_size=70)
    write_csv(tmp_path / "in.csv", rows)
    return tmp_path


def write_csv(path, rows):
    with path.open("w", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)


def source(path, **how):
    how = {"format": format_of(str(path)), "chunk_rows": CHUNK_ROWS} | how
    return Source(str(path), **how)


def target(path, **where):
    return Target(str(path), format_of(str(path)), **where)


def read(path):
    """Return the rows of a scored file, probabilities as numbers or None."""
    if path.suffix == ".parquet":
        return pq.read_table(path).to_pylist()
    with pa.input_stream(path, compression="detect") as file:
        text = file.read().decode()
    found = list(csv.DictReader(io.StringIO(text, newline="")))
    for row in found:
        row.update({name: float(row[name]) if row[name] else None for name in PROBABILITIES})
    return found


@pytest.mark.parametrize("suffix", ["csv", "csv.gz", "jsonl", "parquet"])
def test_a_file_without_rows_is_doubted_and_gives_one(model, tmp_path, suffix):
    before, after = tmp_path / f"in.{suffix}", tmp_path / f"out.{suffix}"
    if suffix == "parquet":
        pq.write_table(pa.table({"text": pa.array([], pa.string())}), before)
    else:
        with pa.output_stream(before, compression="detect") as file:
            file.write(b"" if suffix == "jsonl" else b"id,text\n")
    notes = []
    callbacks = Callbacks()
    callbacks.on_note = notes.append
    score_file(source(before), target(after), lambda: model, callbacks)
    (doubt,) = notes
    assert isinstance(doubt, Doubt)
    assert "it has no rows, as after an export or a transfer that failed" in doubt


def run(given, wanted, model, callbacks=None):
    check = callbacks.check if isinstance(callbacks, Interrupting) else lambda: None
    return score_file(given, wanted, lambda: model, callbacks, check)


def names(folder, output):
    return sorted(path.name for path in folder.iterdir() if output in path.name)


@dataclass
class Interrupting(Callbacks):
    """Ends a run after some chunks, as a signal would."""

    chunks: int
    notes: str = ""

    def check(self):
        self.chunks -= 1
        if self.chunks < 0:
            raise InterruptedRunError("interrupted by SIGTERM", 15)

    def on_note(self, line):
        self.notes += line


@pytest.mark.parametrize("written", FORMATS)
@pytest.mark.parametrize("given", ["csv", "parquet"])
def test_all_formats_keep_rows_columns_and_order_and_get_the_same_scores(
    inputs, rows, model, given, written
):
    output = inputs / f"out.{written}"
    summary = run(source(inputs / f"in.{given}"), target(output), model)
    found = read(output)
    assert [{name: row[name] for name in rows[0]} for row in found] == rows
    assert list(found[0]) == [*rows[0], *PROBABILITIES]
    texts = pa.array([row["text"] for row in rows], pa.large_string())
    expected = model.predictor.predict(model.predictor.encode(texts)).probabilities
    scores = np.array([[row[name] for name in PROBABILITIES] for row in found], float)
    np.testing.assert_allclose(scores, expected, rtol=0, atol=1e-6)
    assert summary.provenance.rows.written == ROWS
    assert names(inputs, "out.") == [f"out.{written}", f"out.{written}.run.json"]


def test_texts_as_bytes_are_scored_and_stay_bytes(inputs, rows, model):
    table = pq.read_table(inputs / "in.parquet")
    texts = table["text"].cast(pa.binary())
    pq.write_table(table.set_column(1, "text", texts), inputs / "bytes.parquet")
    run(source(inputs / "bytes.parquet"), target(inputs / "out.parquet"), model)
    run(source(inputs / "in.parquet"), target(inputs / "plain.parquet"), model)
    scored, plain = (pq.read_table(inputs / f"{name}.parquet") for name in ("out", "plain"))
    assert scored["text"].equals(texts)
    assert scored.select(PROBABILITIES).equals(plain.select(PROBABILITIES))


def test_a_text_that_is_not_utf8_is_named_with_its_file_and_row(inputs, rows, model):
    texts = pa.array([row["text"].encode() for row in rows[:-1]] + [b"caf\xe9"], pa.binary())
    wrong = pa.Array.from_buffers(pa.string(), ROWS, texts.buffers())
    pq.write_table(pa.table({"text": wrong}), inputs / "wrong.parquet")
    named = rf"wrong\.parquet: row {ROWS}, column 'text': it is not UTF-8"
    with pytest.raises(InputError, match=named):
        run(source(inputs / "wrong.parquet"), target(inputs / "out.parquet"), model)


def test_a_parquet_keeps_its_schema_and_metadata(inputs, rows, model):
    table = pa.table(
        {
            "text": pa.array([row["text"] for row in rows]).dictionary_encode(),
            "when": pa.array(range(ROWS), pa.timestamp("us", "Europe/Berlin")),
            "deep": pa.array([{"a": [i, None]} for i in range(ROWS)]),
        }
    ).replace_schema_metadata({"team": "reviews"})
    pq.write_table(table, inputs / "typed.parquet")
    run(source(inputs / "typed.parquet"), target(inputs / "out.parquet"), model)
    scored = pq.read_table(inputs / "out.parquet")
    assert scored.select(table.column_names).equals(table)
    assert scored.schema.metadata[b"team"] == b"reviews"
    assert scored.schema.types[3:] == [pa.float32()] * 2


def test_label_status_and_prefix(inputs, model):
    added = AddedColumns("x_", label=True, status=True)
    run(source(inputs / "in.csv"), target(inputs / "out.parquet", added=added), model)
    for row in pq.read_table(inputs / "out.parquet").to_pylist():
        negative, positive = row["x_probability_negative"], row["x_probability_positive"]
        if row["x_status"] in ("scored", "no known word"):
            assert row["x_label"] == ("negative" if negative > positive else "positive")
        else:
            assert (negative, positive, row["x_label"]) == (None, None, None)


def test_a_table_in_memory_gets_the_same_columns_as_a_file(inputs, model):
    run(source(inputs / "in.parquet"), target(inputs / "out.parquet"), model)
    added = AddedColumns()
    table = score_table(pq.read_table(inputs / "in.parquet"), model, TEXT, added)
    scored = pq.read_table(inputs / "out.parquet")
    assert table.select(range(3)).equals(scored.select(range(3)))
    for name in PROBABILITIES:
        np.testing.assert_allclose(table[name], scored[name], rtol=0, atol=1e-6)
    empty = score_table(table.slice(0, 0).select(range(3)), model, TEXT, added)
    assert empty.schema == table.schema


def test_the_summary_counts_what_was_there(inputs, rows, model):
    run(source(inputs / "in.csv"), target(inputs / "out.csv"), model)
    summary = json.loads((inputs / "out.csv.run.json").read_text())
    texts = [row["text"] for row in rows]
    assert summary["published"] is True
    assert summary["rows"] == {"read": ROWS, "written": ROWS, "rejected": 0}
    assert summary["texts"]["blank"] == sum(not text.strip() for text in texts)
    assert summary["texts"]["markup only"] == texts.count("<br />")
    assert sum(summary["texts"].values()) == ROWS
    scored = summary["texts"]["scored"] + summary["texts"]["no known word"]
    assert list(summary["histogram"]) == ["negative", "positive"]
    assert [sum(counts) for counts in summary["histogram"].values()] == [scored, scored]
    content = (inputs / "out.csv").read_bytes()
    assert summary["output_bytes"] == len(content)
    assert summary["output_sha256"] == hashlib.sha256(content).hexdigest()
    assert summary["program"] == scorer.__version__
    chunks = [texts[i : i + CHUNK_ROWS] for i in range(0, ROWS, CHUNK_ROWS)]
    assert summary["duplicates"] == sum(len(chunk) - len(set(chunk)) for chunk in chunks)
    assert (summary["computed_rows"], summary["resumed_rows"]) == (ROWS, 0)


@pytest.mark.parametrize("written", ["csv", "parquet"])
def test_an_output_says_where_it_comes_from(inputs, model, written):
    output = inputs / f"out.{written}"
    run(source(inputs / "in.csv"), target(output), model)
    if written == "parquet":
        (inputs / "out.parquet.run.json").unlink()
    facts = read_provenance(output)
    assert facts["bundle"]["digest"] == model.bundle.digest
    assert facts["bundle"]["classes"] == ["negative", "positive"]
    assert facts["input"]["size"] == (inputs / "in.csv").stat().st_size
    assert facts["options"]["chunk_rows"] == CHUNK_ROWS


def test_an_output_scored_again_says_so_of_the_last_run_only(inputs, model):
    run(source(inputs / "in.csv"), target(inputs / "one.parquet"), model)
    added = AddedColumns("again_")
    run(source(inputs / "one.parquet"), target(inputs / "two.parquet", added=added), model)
    (inputs / "two.parquet.run.json").unlink()
    assert read_provenance(inputs / "two.parquet")["options"]["prefix"] == "again_"


def test_the_same_run_writes_the_same_bytes_again(inputs, model):
    for name in ("one.parquet", "two.parquet"):
        run(source(inputs / "in.csv"), target(inputs / name), model)
    assert (inputs / "one.parquet").read_bytes() == (inputs / "two.parquet").read_bytes()


def test_rejected_rows_are_kept_beside_the_output_and_counted(inputs, model):
    with (inputs / "in.csv").open("a") as file:
        file.write("too,many,fields,here\n")
    summary = run(source(inputs / "in.csv"), target(inputs / "out.csv"), model)
    assert summary.provenance.rows.rejected == 1
    assert summary.provenance.rows.read == ROWS + 1
    assert "too,many,fields,here" in (inputs / "out.csv.rejects.csv").read_text()
    assert len(read(inputs / "out.csv")) == ROWS


def test_too_many_rejects_publish_nothing_but_themselves(inputs, model):
    with (inputs / "in.csv").open("a") as file:
        file.write("too,many,fields,here\n")
    limited = source(inputs / "in.csv", limit=RejectLimit(0))
    with pytest.raises(RowsError, match=r"1 of 201 rows was rejected, more than 0: see .*rejects"):
        run(limited, target(inputs / "out.csv"), model)
    assert names(inputs, "out.") == [
        "out.csv.journal",
        "out.csv.rejects.csv",
        "out.csv.run.json",
    ]
    raised = replace(limited, limit=RejectLimit(1))
    summary = run(raised, target(inputs / "out.csv"), model)
    assert (summary.resumed_rows, summary.computed_rows) == (ROWS, 0)


def test_a_failure_keeps_the_old_output_and_leaves_word(inputs, model):
    output = inputs / "out.csv"
    output.write_text("old")
    nowhere = source(inputs / "in.csv", text_column="body")
    with pytest.raises(InputError, match="no column 'body'"):
        run(nowhere, target(output, overwrite=True), model)
    assert output.read_text() == "old"
    word = json.loads((inputs / "out.csv.run.json").read_text())
    assert (word["published"], word["exit_code"]) == (False, 3)
    assert "no column 'body'" in word["error"]


def test_an_added_column_that_is_there_stops_the_run_before_it_starts(inputs, model):
    run(source(inputs / "in.csv"), target(inputs / "one.csv"), model)
    with pytest.raises(UsageError, match="--prefix"):
        run(source(inputs / "one.csv"), target(inputs / "two.csv"), model)
    assert names(inputs, "two") == ["two.csv.run.json"]


@pytest.mark.parametrize("given", ["csv", "parquet"])
def test_an_input_that_changes_while_it_is_read_publishes_nothing(inputs, model, given):
    path = inputs / f"in.{given}"

    class Changing(Callbacks):
        def on_chunk(self, rows):
            os.utime(path)

    with pytest.raises(InputError, match="changed while it was read"):
        run(source(path), target(inputs / "out.csv"), model, Changing())
    assert not (inputs / "out.csv").exists()


def test_a_link_that_is_turned_while_its_file_is_hashed_is_read_where_it_was(inputs, model, rows):
    other, link = inputs / "other.csv", inputs / "link.csv"
    write_csv(other, rows[::-1])
    link.symlink_to(inputs / "in.csv")

    class Turning(Callbacks):
        def on_start(self, bundle):
            link.unlink()
            link.symlink_to(other)

    run(source(link), target(inputs / "out.csv"), model, Turning())
    hashed = json.loads((inputs / "out.csv.run.json").read_text())["input"]["sha256"]
    scored = other if read(inputs / "out.csv")[0]["id"] == rows[-1]["id"] else inputs / "in.csv"
    assert hashed == hashlib.sha256(scored.read_bytes()).hexdigest()


def test_rejects_of_a_run_that_was_interrupted_do_not_replace_the_published_ones(inputs, model):
    path, output = inputs / "in.csv", inputs / "out.csv"
    before_rows = path.read_bytes()
    path.write_bytes(before_rows + b"one,too,many,fields\n")
    limit = RejectLimit(count=5)
    run(source(path, limit=limit), target(output), model)
    rejects = inputs / "out.csv.rejects.csv"
    before = rejects.read_bytes()
    header, newline, rows = before_rows.partition(b"\n")
    path.write_bytes(header + newline + b"one,too,many,fields\n" + rows)

    class Stopping(Callbacks):
        def on_chunk(self, rows):
            raise InterruptedRunError("stopped", 15)

    with pytest.raises(InterruptedRunError):
        run(source(path, limit=limit), target(output, overwrite=True), model, Stopping())
    assert rejects.read_bytes() == before


def test_a_pipe_behind_a_link_is_read(inputs):
    os.mkfifo(inputs / "pipe")
    (inputs / "in.csv.link").symlink_to(inputs / "pipe")
    link = Source(str(inputs / "in.csv.link"), format_of("in.csv"))
    assert link.file == inputs / "in.csv.link"


def test_a_name_that_is_no_utf8_is_written_down_all_the_same(inputs, model):
    path = inputs / "caf\udce9.csv"
    (inputs / "in.csv").rename(path)
    for output in (inputs / "out\udcff.parquet", inputs / "out\udcff.csv"):
        run(source(path), target(output), model)
        word = json.loads(output.with_name(output.name + ".run.json").read_text())
        assert word["input"]["path"] == str(path)
        assert read_provenance(output)["input"]["path"] == str(path)


@pytest.mark.parametrize("lost", ["lost", "doubled"])
def test_rows_lost_or_doubled_by_a_writer_are_found_out(inputs, model, monkeypatch, lost):
    from scorer.scoring import scoring

    create = scoring.create_table

    def wrong_writer(*arguments) -> TableWriter:
        writer = create(*arguments)
        write, calls = writer.write, []

        def wrong(table):
            calls.append(table)
            if len(calls) == 3:
                table = table.slice(1) if lost == "lost" else pa.concat_tables([table, table])
            write(table)

        writer.write = wrong
        return writer

    monkeypatch.setattr(scoring, "create_table", wrong_writer)
    with pytest.raises(RowsError, match=r"rows from row 32 on, \d+ were written"):
        run(source(inputs / "in.csv"), target(inputs / "out.csv"), model)
    assert not (inputs / "out.csv").exists()


def test_a_finished_file_that_is_not_whole_is_found_when_it_is_opened_again(
    inputs, model, monkeypatch
):
    from scorer.scoring import scoring

    check = scoring.check_table

    def cut_then_check(path, *arguments):
        content = path.read_bytes().splitlines(keepends=True)
        path.write_bytes(b"".join(content[:-1]))
        return check(path, *arguments)

    monkeypatch.setattr(scoring, "check_table", cut_then_check)
    with pytest.raises(RowsError, match=r"200 rows were written, \d+ are in the file"):
        run(source(inputs / "in.csv"), target(inputs / "out.csv"), model)


@pytest.mark.parametrize("pair", ["csv csv", "csv parquet", "parquet csv", "parquet parquet"])
def test_a_run_goes_on_where_it_was_interrupted_and_computes_nothing_twice(
    inputs, model, monkeypatch, pair
):
    given, written = pair.split()
    read_from, output = source(inputs / f"in.{given}"), inputs / f"out.{written}"
    run(read_from, target(inputs / f"whole.{written}"), model)
    computed = []
    predict = model.predictor.predict
    monkeypatch.setattr(
        model.predictor,
        "predict",
        lambda encoded: computed.append(len(encoded)) or predict(encoded),
    )
    kept = 0
    for chunks in (7, 12, 3, 21):
        with pytest.raises(InterruptedRunError):
            run(read_from, target(output), model, Interrupting(chunks))
        assert not output.exists()
        word = json.loads((inputs / f"{output.name}.run.json").read_text())
        assert word["resumed_rows"] <= kept
        kept += word["computed_rows"]
    calls = len(computed)
    summary = run(read_from, target(output), model)
    assert (summary.resumed_rows, summary.computed_rows) == (kept, ROWS - kept)
    assert len(computed) - calls == -(-(ROWS - kept) // CHUNK_ROWS)
    assert output.read_bytes() == (inputs / f"whole.{written}").read_bytes()
    assert names(inputs, "out.") == [output.name, f"{output.name}.run.json"]


CHANGES = {
    "input": lambda read_from, model: (_touched(read_from), model),
    "bundle": lambda read_from, model: (
        read_from,
        replace(model, bundle=replace(model.bundle, digest="0" * 64)),
    ),
    "text column": lambda read_from, model: (replace(read_from, text_column="n"), model),
    "input format": lambda read_from, model: (
        replace(read_from, csv=CsvOptions(encoding="latin-1")),
        model,
    ),
}


def _touched(read_from):
    with read_from.file.open("a") as file:
        file.write("9,one more,1\n")
    return read_from


def test_a_run_that_ends_unexpectedly_before_there_is_a_model_is_told_of(inputs):
    def load():
        raise MemoryError("cannot allocate")

    told: list[dict] = []
    callbacks = Callbacks()
    callbacks.on_failure = told.append
    with pytest.raises(MemoryError):
        score_file(source(inputs / "in.csv"), target(inputs / "out.csv"), load, callbacks)
    summary = json.loads((inputs / "out.csv.run.json").read_text())
    assert told == [summary]
    assert (summary["exit_code"], summary["error"]) == (1, "cannot allocate")


@pytest.mark.parametrize("what", CHANGES)
def test_the_scores_of_another_run_are_set_aside_and_said_so(inputs, model, what):
    read_from, output = source(inputs / "in.csv"), inputs / "out.csv"
    with pytest.raises(InterruptedRunError):
        run(read_from, target(output), model, Interrupting(8))
    other, other_model = CHANGES[what](read_from, model)
    callbacks = Interrupting(8)
    with pytest.raises(InterruptedRunError):
        run(other, target(output), other_model, callbacks)
    assert f"of another run (other {what})" in callbacks.notes
    assert names(inputs, ".journal.old") == ["out.csv.journal.old"]
    assert run(other, target(output), other_model).resumed_rows > 0
    assert names(inputs, ".journal") == names(inputs, ".journal.old") == []


@pytest.mark.parametrize(
    ("limit", "named"),
    [
        (100, r"out\.csv\.journal"),
        (1000, r"out\.csv\.journal"),
        (4500, r"out\.csv\.partial|out\.csv:"),
    ],
)
def test_a_disk_that_is_full_is_one_line_and_a_rerun_with_space_succeeds(
    inputs, model, limit, named
):
    output = inputs / "out.csv"
    output.write_text("old")
    whole = target(output, overwrite=True)
    with files_of_at_most(limit), pytest.raises(InputError, match=f"cannot write .*{named}"):
        run(source(inputs / "in.csv"), whole, model)
    assert output.read_text() == "old"
    assert not names(inputs, ".partial")
    run(source(inputs / "in.csv"), whole, model)
    assert len(read(output)) == ROWS


def test_a_disk_that_is_full_when_the_summary_is_written_publishes_nothing(inputs, rows, model):
    write_csv(inputs / "few.csv", rows[:5])
    with files_of_at_most(1200), pytest.raises(InputError, match=r"cannot write .*run\.json"):
        run(source(inputs / "few.csv"), target(inputs / "out.csv"), model)
    assert names(inputs, "out.csv") == ["out.csv.journal"]
    summary = run(source(inputs / "few.csv"), target(inputs / "out.csv"), model)
    assert (summary.resumed_rows, summary.computed_rows) == (5, 0)


def test_a_parquet_without_rows_gives_one_with_the_columns(inputs, model):
    table = pq.read_table(inputs / "in.parquet").slice(0, 0)
    pq.write_table(table, inputs / "none.parquet")
    run(source(inputs / "none.parquet"), target(inputs / "out.parquet"), model)
    scored = pq.read_table(inputs / "out.parquet")
    assert scored.num_rows == 0
    assert scored.column_names == ["id", "text", "n", *PROBABILITIES]


def test_an_input_without_rows_gives_a_csv_with_its_header(inputs, model):
    table = pq.read_table(inputs / "in.parquet").slice(0, 0)
    pq.write_table(table, inputs / "none.parquet")
    run(source(inputs / "none.parquet"), target(inputs / "out.csv"), model)
    header = ",".join(["id", "text", "n", *PROBABILITIES])
    assert (inputs / "out.csv").read_text() == f"{header}\n"


def test_a_pipe_is_scored_without_a_journal(inputs, model):
    pipe = inputs / "pipe.csv"
    os.mkfifo(pipe)
    content = (inputs / "in.csv").read_bytes()
    if os.fork() == 0:
        pipe.write_bytes(content)
        os._exit(0)
    summary = run(source(pipe), target(inputs / "out.csv"), model)
    os.wait()
    assert summary.provenance.input.sha256 is None
    run(source(inputs / "in.csv"), target(inputs / "whole.csv"), model)
    assert (inputs / "out.csv").read_bytes() == (inputs / "whole.csv").read_bytes()


def test_rows_that_the_reader_counts_otherwise_are_found_out(inputs, model, monkeypatch):
    from scorer.scoring import scoring

    def open_miscounting(*arguments):
        reader = open_table(*arguments)
        chunks = reader.chunks

        def one_more(*how):
            yield from chunks(*how)
            reader.rows_read += 1

        reader.chunks = one_more
        return reader

    monkeypatch.setattr(scoring, "open_table", open_miscounting)
    with pytest.raises(RowsError, match=r"not accounted for: 201 read, 0 rejected, 200 written"):
        run(source(inputs / "in.csv"), target(inputs / "out.csv"), model)
    assert not (inputs / "out.csv").exists()


def test_long_runs_have_settings_of_their_own_that_end_with_them(inputs, model):
    seen = []

    class Looking(Callbacks):
        def on_chunk(self, rows):
            seen.append((sys.getswitchinterval(), pa.default_memory_pool().backend_name))

    before = sys.getswitchinterval(), pa.default_memory_pool().backend_name
    run(source(inputs / "in.csv"), target(inputs / "out.csv"), model, Looking())
    assert {interval < 0.001 for interval, _ in seen} == {True}
    assert {pool for _, pool in seen} == {"system"}
    assert (sys.getswitchinterval(), pa.default_memory_pool().backend_name) == before


def test_scores_of_another_version_of_the_program_are_set_aside(inputs, model, monkeypatch):
    from scorer.scoring import kept_scores

    read_from, output = source(inputs / "in.csv"), inputs / "out.csv"
    with pytest.raises(InterruptedRunError):
        run(read_from, target(output), model, Interrupting(8))
    monkeypatch.setattr(kept_scores, "__version__", "99.0")
    assert run(read_from, target(output), model).resumed_rows == 0


def test_scores_by_another_spacy_are_set_aside_where_the_bundle_has_no_rules(
    inputs, model, tiny_bundle
):
    read_from, output = source(inputs / "in.csv"), inputs / "out.csv"
    older = load_model(replace(load_bundle(tiny_bundle), tokeniser_rules=None), "float32")
    assert older.tokeniser.startswith("spacy 3.")
    with pytest.raises(InterruptedRunError):
        run(read_from, target(output), older, Interrupting(8))
    other = replace(older, tokeniser="spacy 3.9")
    assert run(read_from, target(output, overwrite=True), other).resumed_rows == 0
    assert model.tokeniser == ""


def test_a_text_column_of_ids_is_scored_with_a_warning(inputs, model):
    summary = run(source(inputs / "in.csv", text_column="id"), target(inputs / "out.csv"), model)
    assert any("look like dates, numbers or ids" in note for note in summary.notes)
    assert run(source(inputs / "in.csv"), target(inputs / "two.csv"), model).notes == []


def test_a_bundle_of_files_without_a_header_asks_whether_a_file_has_one(inputs, model):
    (inputs / "rows.csv").write_text("good and not bad,1\nso bad,0\n")
    numbered = replace(model, text_column="column_1")
    asked = source(inputs / "rows.csv")
    with pytest.raises(InputError, match=r"has it a header\?.*'good and not bad', '1'\. --no"):
        run(asked, target(inputs / "out.csv"), numbered)
    run(asked, target(inputs / "named.csv"), replace(model, text_column="column_1_en"))
    answered = {
        replace(asked, csv=CsvOptions(no_header=True)): 2,
        replace(asked, csv=CsvOptions(header=True)): 1,
        replace(asked, text_column="good and not bad"): 1,
        source(inputs / "in.csv"): ROWS,
    }
    for at, (given, rows) in enumerate(answered.items()):
        summary = run(given, target(inputs / f"out{at}.csv"), numbered)
        assert summary.provenance.rows.written == rows


def test_a_column_that_was_not_named_is_noted_beside_another_of_texts(inputs, model):
    write_csv(inputs / "two.csv", [{"title": "so good", "body": "good and not bad"}] * 5)
    trained = replace(model, text_column="body")
    cases = [
        (model, None, True),
        (trained, None, False),
        (replace(trained, folder=""), None, True),  # the shipped bundle: its name is no choice
        (model, "body", False),
    ]
    for at, (by, named, noted) in enumerate(cases):
        given = source(inputs / "two.csv", text_column=named)
        notes = run(given, target(inputs / f"out{at}.csv"), by).notes
        assert [
            f"{inputs / 'two.csv'}: the texts are in column 'body'; 'title' looks" in note
            for note in notes
        ] == [True] * noted


def test_texts_that_stand_for_none_are_scored_and_counted_in_a_note(inputs, model):
    texts = ["NULL", "good", "\\N", "null", "", "-", "banana", "NULL"]
    write_csv(inputs / "none.csv", [{"id": "1", "text": text} for text in texts])
    summary = run(source(inputs / "none.csv"), target(inputs / "out.csv"), model)
    assert summary.notes == [
        f"{inputs / 'none.csv'}: 5 texts are what some programs write for none: 'NULL' (2), "
        "'\\N' (1), 'null' (1), '-' (1). Such a text is scored like any other, an empty cell is not"
    ]
    scored = [row["probability_positive"] is not None for row in read(inputs / "out.csv")]
    assert scored == [text != "" for text in texts]


@pytest.mark.parametrize(
    ("name", "kind"),
    [("in.csv", "csv"), ("in.parquet", "parquet"), ("in.txt", "lines"), ("in.jsonl", "jsonl")],
)
def test_a_summary_has_the_format_that_was_read(inputs, model, name, kind):
    (inputs / "in.txt").write_text("A good film.\nAnother one was bad.\n")
    (inputs / "in.jsonl").write_text('{"text": "good"}\n')
    summary = run(source(inputs / name), target(inputs / "out.csv"), model)
    assert summary.provenance.input.format == kind
