"""What a process of a `ProcessPool` does: it loads the predictor it is sent, then predicts.

Imports nothing heavy: the number of threads is set before the network is imported.
"""

from dataclasses import replace
from multiprocessing.connection import Connection
from typing import TYPE_CHECKING, Any

from scorer.child_process import answer_each

if TYPE_CHECKING:
    from scorer.network.inference import Predictor


class _Worker:
    """The first question is a bundle with its weights apart, the others are encoded texts."""

    def __init__(self) -> None:
        self._predictor: Predictor | None = None

    def answer(self, question: Any) -> object:
        """Return what the predictor's scores depend on, then predictions."""
        if self._predictor is not None:
            return self._predictor.predict(question)
        import torch

        from scorer.bundles.predictor import load_predictor

        bundle, arrays, precision, fused = question
        weights = {name: torch.from_numpy(array) for name, array in arrays.items()}
        bundle = replace(bundle, weights=weights)
        self._predictor = load_predictor(bundle, precision, workers=0, fused=fused)
        return self._predictor.engine, self._predictor.score_settings


def serve(pipe: Connection, threads: int, gpu: int | None) -> None:
    """Answer while somebody asks, with so many threads, or on a GPU of its own."""
    import torch

    torch.set_num_threads(threads)
    if gpu is not None:
        torch.cuda.set_device(gpu)
    answer_each(pipe, "a scoring process", _Worker().answer)
