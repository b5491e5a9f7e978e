import multiprocessing
import os
import signal
import struct
import subprocess
import sys
import time
from itertools import chain
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from scorer.child_process import asked
from scorer.errors import ScorerError, UsageError
from scorer.tokens.encoding import TextEncoder
from scorer.tokens.piece_cache import CachedPieces, PieceIds
from scorer.tokens.text import TextRules
from scorer.tokens.vocabulary import Vocabulary
from scorer.tokens.workers import EncodingWorkers, _parts, _question

RULES = TextRules()
VOCABULARY = Vocabulary(("<unk>", "<pad>", "so", "the", "film", "n't", "was", "."))
PIECES = {"so": [2], "the": [3], "film.": [4, 7], "wasn't": [6, 5], "odd": [0]}  # spaCy's tokens
REMEMBERED = CachedPieces(
    pa.array(PIECES, pa.large_string()),
    PieceIds(
        np.array(list(chain(*PIECES.values())), np.int32),
        np.cumsum([0, *map(len, PIECES.values())]),
        np.zeros(len(PIECES), np.uint8),
    ),
)
TEXTS = pa.array(
    ["so the film.", None, "", "<br />the film. wasn't  odd", *["wasn't so odd"] * 50],
    pa.large_string(),
)
ROOT = Path(__file__).parents[1]


def pids_of(workers: EncodingWorkers) -> list[int]:
    return [worker.pid for worker in workers._workers]


def is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


@pytest.fixture(scope="module")
def two_workers():
    with EncodingWorkers(RULES, VOCABULARY, REMEMBERED, workers=2) as workers:
        yield workers


def test_workers_keep_the_n_grams_of_unknown_words():
    spelled = Vocabulary(VOCABULARY.tokens, ("<od", "odd>"))
    with EncodingWorkers(RULES, spelled, workers=2) as workers:
        found = workers.encode(TEXTS)
    expected = TextEncoder(RULES, spelled).encode(TEXTS)
    assert np.array_equal(found.ngrams.ids, expected.ngrams.ids)
    assert np.array_equal(found.ngrams.offsets, expected.ngrams.offsets)


@pytest.mark.parametrize("rows", [0, 1, 3, 54])
def test_workers_give_the_ids_of_an_encoder_in_their_order(two_workers, rows):
    texts = TEXTS.slice(0, rows)
    expected = TextEncoder(RULES, VOCABULARY, REMEMBERED).encode(texts)
    found = two_workers.encode(texts)
    assert np.array_equal(found.ids, expected.ids)
    assert np.array_equal(found.offsets, expected.offsets)
    assert found.ids.dtype == np.int32
    assert found.offsets.dtype == np.int64


def test_more_than_a_pipe_holds_goes_to_both_workers_and_back(two_workers):
    texts = pa.concat_arrays([TEXTS] * 2000)
    expected = TextEncoder(RULES, VOCABULARY, REMEMBERED).encode(texts)
    assert np.array_equal(two_workers.encode(texts).ids, expected.ids)


@pytest.mark.parametrize("count", [1, 2, 3, 9])
def test_parts_are_the_texts_in_their_order_and_of_about_one_size(count):
    texts = pa.array([str(i) * (1 + i % 7) for i in range(500)], pa.large_string())
    parts = _parts(texts.slice(3), count)
    assert pa.concat_arrays(parts).equals(texts.slice(3))
    sizes = [part.nbytes for part in parts]
    assert len(parts) == count
    assert max(sizes) - min(sizes) < 500


def test_an_error_in_a_worker_reaches_the_caller_and_closes_all():
    with EncodingWorkers(TextRules("klingon"), VOCABULARY, workers=2) as workers:
        pids = pids_of(workers)
        with pytest.raises(UsageError, match="klingon") as raised:
            workers.encode(TEXTS)
        assert "in an encoding worker" in raised.value.__notes__[0]
        assert not any(map(is_alive, pids))
        with pytest.raises(ScorerError, match="closed"):
            workers.encode(TEXTS)


@pytest.mark.parametrize("busy", [False, True])
def test_a_killed_worker_is_an_error_and_no_hang(busy):
    with EncodingWorkers(RULES, VOCABULARY, REMEMBERED, workers=2) as workers:
        workers.encode(TEXTS)
        pids = pids_of(workers)
        if busy:
            workers._workers[0].send(_question(pa.concat_arrays([TEXTS] * 5000)))
        os.kill(pids[0], signal.SIGKILL)
        with pytest.raises(ScorerError, match=f"{pids[0]} was killed by SIGKILL.*--workers 0"):
            workers.encode(TEXTS)
        assert not any(map(is_alive, pids))


def test_signals_to_the_group_leave_the_workers_to_their_owner(tmp_path):
    script = tmp_path / "job.py"
    script.write_text(
        f"""
import signal, sys, time
sys.path[:0] = [{str(ROOT)!r}, {str(ROOT / "tests")!r}]

if __name__ == "__main__":
    from test_workers import RULES, TEXTS, VOCABULARY, REMEMBERED, EncodingWorkers, pids_of
    received = []
    signal.signal(signal.SIGTERM, lambda *_: received.append(1))
    signal.signal(signal.SIGINT, lambda *_: received.append(2))
    workers = EncodingWorkers(RULES, VOCABULARY, REMEMBERED, workers=1)
    print(*pids_of(workers), flush=True)
    while len(received) < 2:
        time.sleep(0.01)
    assert len(workers.encode(TEXTS)) == len(TEXTS)
    sys.exit(143)  # not closed by hand
"""
    )
    job = subprocess.Popen(
        [sys.executable, script], stdout=subprocess.PIPE, text=True, start_new_session=True
    )
    pid = int(job.stdout.readline())
    os.killpg(job.pid, signal.SIGTERM)
    os.killpg(job.pid, signal.SIGINT)
    assert job.wait(30) == 143
    assert not is_alive(pid)


def test_workers_end_when_their_owner_is_killed(tmp_path):
    script = tmp_path / "job.py"
    script.write_text(
        f"""
import sys, time
sys.path[:0] = [{str(ROOT)!r}, {str(ROOT / "tests")!r}]

if __name__ == "__main__":
    from test_workers import RULES, TEXTS, VOCABULARY, REMEMBERED, EncodingWorkers, pids_of
    workers = EncodingWorkers(RULES, VOCABULARY, REMEMBERED, workers=1)
    workers.encode(TEXTS)
    print(*pids_of(workers), flush=True)
    time.sleep(60)
"""
    )
    job = subprocess.Popen([sys.executable, script], stdout=subprocess.PIPE, text=True)
    pid = int(job.stdout.readline())
    job.kill()
    job.wait()
    deadline = time.monotonic() + 10
    while is_alive(pid) and time.monotonic() < deadline:
        time.sleep(0.02)
    assert not is_alive(pid)


def test_workers_end_in_silence_when_their_owner_is_killed_while_they_start(tmp_path):
    script = tmp_path / "job.py"
    script.write_text(
        f"""
import multiprocessing, os, signal, sys, threading, time
sys.path[:0] = [{str(ROOT)!r}, {str(ROOT / "tests")!r}]

def kill():
    while not multiprocessing.active_children():
        time.sleep(0.01)
    time.sleep(0.05)
    os.kill(os.getpid(), signal.SIGKILL)

if __name__ == "__main__":
    from test_workers import RULES, VOCABULARY, EncodingWorkers, Vocabulary
    large = Vocabulary((*VOCABULARY.tokens, *map(str, range(500_000))))  # no pipe holds it
    threading.Thread(target=kill).start()
    EncodingWorkers(RULES, large, workers=2)
"""
    )
    ended = subprocess.run([sys.executable, script], stderr=subprocess.PIPE, text=True, timeout=60)
    assert (ended.returncode, ended.stderr) == (-signal.SIGKILL, "")


def test_a_question_that_was_cut_off_ends_the_questions():
    ours, theirs = multiprocessing.Pipe()
    ours.send("whole")
    os.write(ours.fileno(), struct.pack("!i", 1000) + b"half")
    ours.close()
    assert list(asked(theirs)) == ["whole"]


def test_no_number_of_workers_is_refused():
    with pytest.raises(UsageError, match="--workers"):
        EncodingWorkers(RULES, VOCABULARY, workers=0)
