"""A predictor whose network runs in several processes of this machine.

Texts are read, encoded, written and journalled by the run that starts the pool, as without one. A
process that is killed is started again, its share of a chunk repeated; a run that is killed
takes its processes with it and goes on from its journal. So every promise of a run holds. Knows
processes and predictors, nothing of tables.
"""

import atexit
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import replace
from queue import SimpleQueue

import torch

from scorer.bundles.bundle import Bundle
from scorer.bundles.predictor import text_encoder_of
from scorer.child_process import ChildProcess, GoneError
from scorer.engines.process_worker import serve
from scorer.engines.shares import RESTARTS, SharingPredictor, check_alike, joined, shares
from scorer.network.inference import CORES, Prediction
from scorer.tokens.encoding import Encoded

HINT = (
    "Memory is the usual cause: fewer --processes take less. The same command goes on from its "
    "journal"
)

Facts = tuple[str, dict[str, str]]  # engine and score settings


class ProcessPool(SharingPredictor):
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
        super().__init__(bundle, text_encoder_of(bundle, workers, "cuda" if self._gpus else "cpu"))
        self._callers = ThreadPoolExecutor(processes, "process")
        self._idle: SimpleQueue[int] = SimpleQueue()
        try:
            engine, self._settings = self._load(processes)
        except BaseException:  # of any kind: no process is left behind
            self.close()
            raise
        self.engine = f"{processes} processes, {engine}"

    def _load(self, processes: int) -> Facts:
        """Start the processes, all at once, as loading takes seconds; return what they agree on."""
        for at in range(processes):
            self._processes.append(self._start(at))
            self._idle.put(at)
        for at in range(processes):
            self._send_bundle(at)
        facts = [self._loaded(at, RESTARTS) for at in range(processes)]
        check_alike([settings for _, settings in facts], "processes")
        return facts[0]

    def _start(self, at: int) -> ChildProcess:
        gpu = at % self._gpus if self._gpus else None
        return ChildProcess("scoring process", HINT, serve, self._threads, gpu)

    def _send_bundle(self, at: int) -> None:
        with suppress(GoneError):  # it is asked for its answer next
            self._processes[at].send(self._question)

    def _loaded(self, at: int, restarts: int) -> Facts:
        """Return the facts of a process that has loaded; one that dies is started again."""
        try:
            facts: Facts = self._processes[at].receive()
        except GoneError as error:
            if self._closed or not restarts:
                raise _given_up(error) from error
            self._replace(at)
            return self._loaded(at, restarts - 1)
        return facts

    def _replace(self, at: int) -> None:
        self._processes[at].end()
        self._processes[at] = self._start(at)
        if self._closed:  # meanwhile, and `close` may have ended the old one alone
            self._processes[at].end()  # whoever asks it raises `GoneError`
        self._send_bundle(at)

    def predict(self, encoded: Encoded) -> Prediction:
        """Return the probabilities of encoded texts, in their order."""
        return joined(list(self._callers.map(self._ask, shares(encoded, len(self._processes)))))

    def _ask(self, share: Encoded) -> Prediction:
        """Have the next process that is idle predict a share; one that dies is started again."""
        at = self._idle.get()
        try:
            return self._predicted(at, share, RESTARTS)
        finally:
            self._idle.put(at)

    def _predicted(self, at: int, share: Encoded, restarts: int, gone: bool = False) -> Prediction:
        """Return a process's prediction; `gone`: it has to be started again before."""
        try:
            if gone:
                self._restart(at)
            self._processes[at].send(share)
            prediction: Prediction = self._processes[at].receive()
        except GoneError as error:
            if self._closed or not restarts:
                raise _given_up(error) from error
            return self._predicted(at, share, restarts - 1, gone=True)
        return prediction

    def _restart(self, at: int) -> None:
        self._replace(at)
        _, settings = self._processes[at].receive()
        check_alike([self._settings, settings], "processes")

    def close(self) -> None:
        """End the processes, at once."""
        atexit.unregister(self.close)
        self._closed = True
        self._callers.shutdown(wait=False, cancel_futures=True)
        for process in self._processes:
            process.end()
        super().close()


def _given_up(error: GoneError) -> GoneError:
    """Return the error of the last process that was tried."""
    return GoneError(f"{error.args[0]}, as those before it ({RESTARTS + 1} in all)", error.hint)
