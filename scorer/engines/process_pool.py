"""A predictor whose network runs in several processes of this machine.

Texts are read, encoded, written and journalled by the run that starts the pool, as without one. A
process that is killed is started again and its share of a chunk repeated; a run that is killed
takes its processes with it and goes on from its journal. So every promise of a run holds. Knows
processes and predictors, nothing of tables.
"""

import atexit
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from queue import SimpleQueue

import pyarrow as pa
import torch

from scorer.bundles.bundle import Bundle
from scorer.bundles.predictor import encoder_of
from scorer.engines.process_worker import serve
from scorer.engines.shares import joined, shares
from scorer.errors import UsageError
from scorer.network.inference import CORES, Prediction
from scorer.tokens.child_process import ChildProcess, GoneError
from scorer.tokens.encoding import Encoded
from scorer.tokens.workers import EncodingWorkers

RESTARTS = 2  # for one share: what kills three processes kills the next
HINT = "The same command goes on from its journal; with fewer --processes it takes less memory"

Facts = tuple[str, dict[str, str]]  # engine and score settings


class ProcessPool:
    """What a `Predictor` does, by `processes` of them; on several GPUs, a GPU each.

    workers: processes that encode, beside them; see `load_predictor`.
    """

    def __init__(
        self,
        bundle: Bundle,
        precision: str,
        processes: int,
        workers: int | None = None,
        fused: bool = True,
    ) -> None:
        # weights as arrays: PyTorch's tensors would be sent as files of shared memory
        weights = {name: tensor.numpy() for name, tensor in bundle.weights.items()}
        self._question = (replace(bundle, weights={}), weights, precision, fused)
        self._threads = max(1, CORES // processes)
        self._gpus = torch.cuda.device_count()
        self._closed = False
        self._processes: list[ChildProcess] = []
        atexit.register(self.close)  # before multiprocessing waits for the processes
        self._encoder = encoder_of(bundle, workers, "cuda" if self._gpus else "cpu")
        self._callers = ThreadPoolExecutor(processes, "process")
        self._idle: SimpleQueue[int] = SimpleQueue()
        try:
            for at in range(processes):  # all at once: loading takes seconds
                self._processes.append(self._start(at))
                self._idle.put(at)
            for process in self._processes:
                process.send(self._question)
            facts: list[Facts] = [process.receive() for process in self._processes]
            for other in facts:
                _check_alike(facts[0], other)
        except BaseException:  # of any kind: no process is left behind
            self.close()
            raise
        self._facts = facts[0]
        engine, self._settings = facts[0]
        self.classes = bundle.classes
        self.engine = f"{processes} processes, {engine}"

    def _start(self, at: int) -> ChildProcess:
        gpu = at % self._gpus if self._gpus else None
        return ChildProcess("scoring process", HINT, serve, self._threads, gpu)

    @property
    def score_settings(self) -> dict[str, str]:
        """Every setting that a score depends on, the same in all processes."""
        return self._settings

    def encode(self, texts: pa.LargeStringArray) -> Encoded:
        """Return the token ids of texts."""
        return self._encoder.encode(texts)

    def predict(self, encoded: Encoded) -> Prediction:
        """Return the probabilities of encoded texts, in their order."""
        return joined(list(self._callers.map(self._ask, shares(encoded, len(self._processes)))))

    def _ask(self, share: Encoded) -> Prediction:
        """Have the next process that is idle predict a share; one that dies is started again."""
        at = self._idle.get()
        try:
            for left in range(RESTARTS, -1, -1):
                try:
                    if left < RESTARTS:
                        self._restart(at)
                    return self._predicted(at, share)
                except GoneError:
                    if self._closed or not left:
                        raise
            raise AssertionError("the last one returns or raises")
        finally:
            self._idle.put(at)

    def _restart(self, at: int) -> None:
        self._processes[at].end()
        self._processes[at] = self._start(at)
        self._processes[at].send(self._question)
        _check_alike(self._facts, self._processes[at].receive())

    def _predicted(self, at: int, share: Encoded) -> Prediction:
        self._processes[at].send(share)
        prediction: Prediction = self._processes[at].receive()
        return prediction

    def close(self) -> None:
        """End the processes, at once."""
        atexit.unregister(self.close)
        self._closed = True
        self._callers.shutdown(wait=False, cancel_futures=True)
        for process in self._processes:
            process.end()
        if isinstance(self._encoder, EncodingWorkers):
            self._encoder.close()


def _check_alike(one: Facts, other: Facts) -> None:
    """Raise `UsageError` for processes that score otherwise, as on two unlike GPUs."""
    if one != other:
        raise UsageError("the processes score in other precisions", "--precision float32")
