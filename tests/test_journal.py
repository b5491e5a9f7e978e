import json
import os

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scorer.errors import InputError
from scorer.scoring import journal as journal_module
from scorer.scoring.journal import open_journal

ROW = np.dtype([("probabilities", "<f4", (2,)), ("tokens", "<i4")])
BINDING = {"input": "sha256 1", "bundle": "sha256 2", "precision": "float32"}


def rows_of(start: int, count: int) -> np.ndarray:
    rows = np.zeros(count, ROW)
    rows["tokens"] = np.arange(start, start + count)
    rows["probabilities"] = rows["tokens"][:, None] / np.array([2, 3])
    return rows


def write(output, counts, binding=BINDING):
    journal = open_journal(output, binding, ROW, pytest.fail)
    for count in counts:
        journal.append(rows_of(journal._next_row, count))
    journal.close()
    return journal.path


@pytest.fixture
def output(tmp_path):
    return tmp_path / "out.parquet"


@given(
    st.lists(st.integers(0, 9), max_size=8), st.lists(st.integers(1, 9), min_size=1, max_size=30)
)
@settings(max_examples=50)
def test_any_chunks_in_any_other_chunks_out(tmp_path_factory, written, wanted):
    output = tmp_path_factory.mktemp("journal") / "out"
    write(output, written)
    journal = open_journal(output, BINDING, ROW, pytest.fail)
    assert journal.rows == sum(written)
    start = 0
    for count in wanted:
        count = min(count, journal.rows - start)
        assert np.array_equal(journal.take(count), rows_of(start, count))
        start += count
    journal.close()


def test_a_journal_goes_on_after_its_last_row(output):
    write(output, [3, 2])
    write(output, [4])
    journal = open_journal(output, BINDING, ROW, pytest.fail)
    assert np.array_equal(journal.take(2), rows_of(0, 2))
    journal.append(rows_of(9, 1))  # appending does not disturb taking
    assert np.array_equal(journal.take(7), rows_of(2, 7))
    assert journal.rows == 9
    journal.close()


def test_nan_is_kept(output):
    rows = rows_of(0, 2)
    rows["probabilities"][1] = np.nan
    journal = open_journal(output, BINDING, ROW, pytest.fail)
    journal.append(rows)
    journal.close()
    taken = open_journal(output, BINDING, ROW, pytest.fail).take(2)
    assert np.isnan(taken["probabilities"]).tolist() == [[False, False], [True, True]]


@given(st.data())
@settings(max_examples=100)
def test_after_any_cut_or_flipped_byte_only_whole_records_are_taken(tmp_path_factory, data):
    output = tmp_path_factory.mktemp("journal") / "out"
    path = write(output, [3, 2, 4])
    content = bytearray(path.read_bytes())
    header = content.index(b"\n") + 1
    place = data.draw(st.integers(header, len(content) - 1))
    if data.draw(st.booleans()):
        content = content[:place]
    else:
        content[place] ^= data.draw(st.integers(1, 255))
    path.write_bytes(content)
    ends = [header + 16 * records + 12 * rows for records, rows in ((1, 3), (2, 5), (3, 9))]
    whole = sum(end <= place for end in ends)
    journal = open_journal(output, BINDING, ROW, pytest.fail)
    assert journal.rows == [0, 3, 5, 9][whole]
    assert np.array_equal(journal.take(journal.rows), rows_of(0, journal.rows))
    journal.append(rows_of(journal.rows, 5))
    journal.close()
    again = open_journal(output, BINDING, ROW, pytest.fail)
    assert np.array_equal(again.take(again.rows), rows_of(0, journal.rows + 5))
    again.close()


@pytest.mark.parametrize("key", BINDING)
def test_a_journal_of_another_run_is_set_aside_and_said_so(output, key):
    path = write(output, [3])
    before = path.read_bytes()
    notes: list[str] = []
    journal = open_journal(output, {**BINDING, key: "other"}, ROW, notes.append)
    journal.close()
    assert journal.rows == 0
    assert path.with_name("out.parquet.journal.old").read_bytes() == before
    (note,) = notes
    assert f"(other {key}): set aside as " in note


@pytest.mark.parametrize("content", [b"a letter\n", b"[]\n", b"\x80\x05}\n"])
def test_a_file_that_is_no_journal_is_set_aside(output, content):
    output.with_name("out.parquet.journal").write_bytes(content)
    notes: list[str] = []
    assert open_journal(output, BINDING, ROW, notes.append).rows == 0
    assert "not a journal" in notes[0]


@pytest.mark.parametrize("length", [0, 1, 20])
def test_a_header_that_was_cut_is_written_anew(output, length):
    path = write(output, [3])
    path.write_bytes(path.read_bytes()[:length])
    write(output, [2])
    assert open_journal(output, BINDING, ROW, pytest.fail).rows == 2


def test_the_binding_can_be_read_with_a_text_editor(output):
    path = write(output, [])
    assert json.loads(path.read_text()) == {"format": "scorer-journal-1", **BINDING}


def test_a_journal_set_aside_goes_with_that_of_the_run_that_is_published(output):
    write(output, [3])
    journal = open_journal(output, {**BINDING, "bundle": "other"}, ROW, lambda note: None)
    assert output.with_name("out.parquet.journal.old").exists()
    journal.remove()
    journal.close()
    assert list(output.parent.iterdir()) == []


def test_removing_leaves_nothing(output):
    write(output, [3])
    journal = open_journal(output, BINDING, ROW, pytest.fail)
    journal.close()
    journal.remove()
    assert not list(output.parent.iterdir())


def test_a_journal_that_cannot_be_opened_is_an_input_error(output):
    output.with_name("out.parquet.journal").mkdir()
    with pytest.raises(InputError, match=r"out\.parquet\.journal: Is a directory"):
        open_journal(output, BINDING, ROW, pytest.fail)


def test_records_are_flushed_to_the_disk_once_a_second(output, monkeypatch):
    flushed, now = [], [100.0]
    fsync = os.fsync
    monkeypatch.setattr(os, "fsync", lambda file: (flushed.append(file), fsync(file)))
    monkeypatch.setattr(journal_module.time, "monotonic", lambda: now[0])
    journal = open_journal(output, BINDING, ROW, pytest.fail)
    journal.append(rows_of(0, 3))
    before = len(flushed)
    now[0] += 1.5
    journal.append(rows_of(3, 3))
    assert flushed[before:] == [journal._file.fileno()]
    journal.append(rows_of(6, 3))
    assert len(flushed) == before + 1
    journal.close()
