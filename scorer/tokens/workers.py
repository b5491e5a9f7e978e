"""Encoding in other processes, where it does not hold the lock that the model's threads need.

Each process has an encoder of its own and takes its share of every column. Knows nothing of models
or of what the ids are for.
"""

import atexit
import sys
from contextlib import suppress
from itertools import pairwise
from multiprocessing.connection import Connection

import numpy as np
import pyarrow as pa

from scorer.child_process import ChildProcess, GoneError, answer_each, asked
from scorer.errors import ScorerError, UsageError
from scorer.tokens.encoding import Encoded, TextEncoder
from scorer.tokens.piece_cache import CachedPieces
from scorer.tokens.text import TextRules, bytes_of
from scorer.tokens.tokeniser_rules import TokeniserRules
from scorer.tokens.vocabulary import Vocabulary

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
        tokeniser_rules: TokeniserRules | None = None,
        workers: int = 1,
    ) -> None:
        if workers < 1:
            raise UsageError(f"{workers} is no number of workers", "--workers takes 1, 2 …")
        encoder = (rules, vocabulary, cached_pieces, tokeniser_rules)
        self._workers = [ChildProcess("encoding worker", HINT, _serve) for _ in range(workers)]
        for worker in self._workers:
            with suppress(GoneError):  # it is raised where its answer is taken
                worker.send(encoder)
        atexit.register(self.close)  # before multiprocessing waits for the processes

    def prepare(self) -> None:
        """Do nothing: no process has to wait for another one's tokeniser."""

    def encode(self, texts: pa.LargeStringArray) -> Encoded:
        """Return the texts' ids, as `TextEncoder.encode` gives them.

        Raises what a worker raised, and ScorerError where one is gone; all are closed then.
        """
        if not self._workers:
            raise ScorerError("the encoding workers are closed")
        try:
            for worker, part in zip(self._workers, _parts(texts, len(self._workers)), strict=True):
                worker.send(_question(part))
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


def _question(texts: pa.LargeStringArray) -> bytes:
    """Return a column as Arrow's IPC has it: of a slice only what is in it."""
    return bytes(pa.record_batch([texts], schema=SCHEMA).serialize().to_pybytes())


def _serve(pipe: Connection) -> None:
    """Answer each column of texts with its Encoded, by the encoder whose parts come first."""
    sys.modules.setdefault("torch", None)  # type: ignore[arg-type]  # spaCy would import it
    parts = next(asked(pipe), None)
    if parts is None:
        return
    encoder = TextEncoder(*parts)

    def encode(column: bytes) -> Encoded:
        return encoder.encode(pa.ipc.read_record_batch(pa.py_buffer(column), SCHEMA).column(0))

    answer_each(pipe, "an encoding worker", encode)


def _parts(texts: pa.LargeStringArray, count: int) -> list[pa.LargeStringArray]:
    """Return the texts in so many slices of about as many bytes."""
    offsets = bytes_of(texts)[1]
    shares = np.arange(1, count) * (offsets[-1] / count)
    cuts = [0, *np.searchsorted(offsets, shares).tolist(), len(texts)]
    return [texts.slice(start, end - start) for start, end in pairwise(cuts)]
