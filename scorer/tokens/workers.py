"""Encoding in other processes, where it does not hold the lock that the model's threads need.

Each process has an encoder of its own and takes its share of every column. SIGINT and SIGTERM are
for the process that started them: its children leave them blocked, and end when it closes them or
is gone. Knows nothing of models or of what the ids are for.
"""

import atexit
import multiprocessing
import signal
import sys
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import pairwise
from multiprocessing import resource_tracker
from multiprocessing.connection import Connection
from multiprocessing.context import SpawnProcess

import numpy as np
import pyarrow as pa

from scorer.errors import ScorerError, UsageError
from scorer.tokens.encoding import Encoded, TextEncoder, Vocabulary
from scorer.tokens.piece_cache import CachedPieces
from scorer.tokens.text import TextRules, bytes_of

SCHEMA = pa.schema({"text": pa.large_string()})
HINT = "Run it again; --workers 0 encodes without other processes"


class EncodingWorkers:
    """Several processes behind the interface of `TextEncoder`; to be closed, or used in a `with`.

    workers: how many, at least one. One object serves one thread.
    """

    def __init__(
        self,
        rules: TextRules,
        vocabulary: Vocabulary,
        cached_pieces: CachedPieces | None = None,
        workers: int = 1,
    ) -> None:
        if workers < 1:
            raise UsageError(f"{workers} is no number of workers", "--workers takes 1, 2 …")
        with _signals_blocked():
            encoder = (rules, vocabulary, cached_pieces)
            self._workers = [_Worker(*encoder) for _ in range(workers)]
        atexit.register(self.close)  # before multiprocessing waits for the processes

    def encode(self, texts: pa.LargeStringArray) -> Encoded:
        """Return the texts' ids, as `TextEncoder.encode` gives them.

        Raises what a worker raised, and ScorerError where one is gone; all are closed then.
        """
        if not self._workers:
            raise ScorerError("the encoding workers are closed")
        try:
            for worker, part in zip(self._workers, _parts(texts, len(self._workers)), strict=True):
                worker.send(part)
            return Encoded.joined([worker.receive() for worker in self._workers])
        except BaseException:  # of any kind: a worker may be left with an answer to give
            self.close()
            raise

    def close(self) -> None:
        """End the processes, at once."""
        atexit.unregister(self.close)
        for worker in self._workers:
            worker.end()
        self._workers = []

    def __enter__(self) -> "EncodingWorkers":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


class _Worker:
    """A process and the end of the pipe to it."""

    def __init__(self, *encoder: object) -> None:
        spawn = multiprocessing.get_context("spawn")  # a fork would copy the locks of threads
        self._pipe, theirs = spawn.Pipe()
        self._process: SpawnProcess = spawn.Process(
            target=_serve, args=(theirs, *encoder), name="encoding worker", daemon=True
        )
        self._process.start()
        theirs.close()  # so that the pipe ends with the process

    def send(self, texts: pa.LargeStringArray) -> None:
        try:
            self._pipe.send_bytes(pa.record_batch([texts], schema=SCHEMA).serialize())
        except OSError as error:
            raise self._gone() from error

    def receive(self) -> Encoded:
        try:
            answer: Encoded | Exception = self._pipe.recv()
        except (EOFError, OSError) as error:
            raise self._gone() from error
        if isinstance(answer, Exception):
            raise answer
        return answer

    def end(self) -> None:
        self._process.kill()
        self._process.join()
        self._pipe.close()

    def _gone(self) -> ScorerError:
        self._process.join()
        code = self._process.exitcode or 0
        how = f"was killed by {signal.Signals(-code).name}" if code < 0 else f"ended with {code}"
        return ScorerError(f"encoding worker {self._process.pid} {how}", HINT)


def _serve(
    pipe: Connection, rules: TextRules, vocabulary: Vocabulary, cached_pieces: CachedPieces | None
) -> None:
    """Answer each column of texts with its Encoded, or with the error, while somebody asks."""
    sys.modules.setdefault("torch", None)  # type: ignore[arg-type]  # spaCy would import it unused
    encoder = TextEncoder(rules, vocabulary, cached_pieces)
    while True:
        try:
            batch = pa.ipc.read_record_batch(pa.py_buffer(pipe.recv_bytes()), SCHEMA)
            pipe.send(_answer(encoder, batch.column(0)))
        except (EOFError, ConnectionError):  # nobody is left
            return


def _answer(encoder: TextEncoder, texts: pa.LargeStringArray) -> Encoded | Exception:
    try:
        return encoder.encode(texts)
    except Exception as error:  # of any kind: it is raised where the answer is taken
        error.add_note(f"in an encoding worker:\n{traceback.format_exc()}")
        return error


def _parts(texts: pa.LargeStringArray, count: int) -> list[pa.LargeStringArray]:
    """Return the texts in so many slices of about as many bytes."""
    offsets = bytes_of(texts)[1]
    shares = np.arange(1, count) * (offsets[-1] / count)
    cuts = [0, *np.searchsorted(offsets, shares).tolist(), len(texts)]
    return [texts.slice(start, end - start) for start, end in pairwise(cuts)]


@contextmanager
def _signals_blocked() -> Iterator[None]:
    """Block SIGINT and SIGTERM here, and for good in the processes that are started meanwhile."""
    resource_tracker.ensure_running()  # its start would unblock them
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT, signal.SIGTERM})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
