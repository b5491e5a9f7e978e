"""A bundle's predictor: its network on a device, in the fastest precision that is exact enough.

Knows bundles and inference, nothing of what is scored.
"""

import os
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import torch

from scorer.bundles.bundle import Bundle
from scorer.network.inference import Predictor
from scorer.network.precision import to_try
from scorer.tokens.encoding import TextEncoder
from scorer.tokens.workers import EncodingWorkers


def load_predictor(
    bundle: Bundle,
    precision: str = "float32",
    device: str = "auto",
    workers: int | None = None,
    fused: bool = True,
) -> Predictor:
    """Return the predictor of a loaded bundle; it gives the golden rows their probabilities.

    precision: one of `precision.CHOICES`; `auto` takes the fastest that gives the bundle's
    golden texts their probabilities, and what this machine lacks is served by float32.
    device: `auto` takes CUDA where there is one. workers: processes that encode; None is none
    where the model needs the cores, and all cores but one beside a GPU. fused: whether int8
    and `auto` may take the fused kernel, whose library takes half a second to import.
    Raises `BundleError` where golden rows come out otherwise than on the machine they were made on.
    """
    if device == "auto":
        device = "cuda" if torch.cuda.is_available() else "cpu"
    encoder = text_encoder_of(bundle, workers, device)
    with _prepared(encoder):
        *faster, last = to_try(precision, bundle.facts.model, device, fused)
        for name, kernel in _ways(faster, fused):
            predictor = _built(bundle, encoder, name, device, kernel)
            if bundle.golden.holds(predictor):
                return predictor
        predictor = _built(bundle, encoder, last, device, fused)
        bundle.golden.check(predictor)
        return predictor


@contextmanager
def _prepared(encoder: TextEncoder | EncodingWorkers) -> Iterator[None]:
    """While entered, prepare an encoder in a thread: a network's arithmetic needs little Python."""
    with ThreadPoolExecutor(1) as beside:
        prepared = beside.submit(encoder.prepare)
        yield
        prepared.result()


def _ways(precisions: Sequence[str], fused: bool) -> Iterator[tuple[str, bool]]:
    """Yield the precisions to try, int8 first in the fused kernel if that may be taken."""
    for name in precisions:
        yield name, fused
        if fused and name == "int8":
            yield name, False


def _built(
    bundle: Bundle,
    encoder: TextEncoder | EncodingWorkers,
    precision: str,
    device: str,
    fused: bool,
) -> Predictor:
    predictor = Predictor(
        encoder,
        bundle.model(),
        bundle.classes,
        temperature=bundle.temperature,
        precision=precision,
        device=device,
        linear=bundle.linear,
        fused=fused,
    )
    predictor.narrow_near_ties(bundle.golden.encoded_by(predictor))
    return predictor


def text_encoder_of(
    bundle: Bundle, workers: int | None, device: str = "cpu"
) -> TextEncoder | EncodingWorkers:
    """Return what encodes for a bundle's network on a device; workers: see `load_predictor`."""
    if workers is None:
        workers = (os.cpu_count() or 1) - 1 if device == "cuda" else 0
    parts = (bundle.rules, bundle.vocabulary, bundle.cached_pieces, bundle.tokeniser_rules)
    return EncodingWorkers(*parts, workers) if workers else TextEncoder(*parts)
