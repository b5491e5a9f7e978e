"""A predictor whose work is done by a pool of Ray actors, on this machine or on a cluster.

Texts are read, encoded, written and journalled by the run that starts the pool, as without Ray; the
costly part, the network, runs in the actors. An actor that dies is started again and its share of a
chunk repeated; a run that dies goes on from its journal. So every promise of a run holds. The
bundle is sent to each node once. Knows Ray and predictors, nothing of tables. Needs the extra
`ray`.
"""

from collections.abc import Iterator
from typing import Any

import numpy as np
import pyarrow as pa

from scorer.bundles.bundle import Bundle
from scorer.bundles.predictor import load_predictor
from scorer.errors import UsageError
from scorer.network.inference import Prediction
from scorer.tokens.encoding import Encoded, TextEncoder

SHARES = 4  # of a chunk for each actor: the last ones to finish have little left
LEAST_TOKENS = 20_000  # of a share: less is not worth its way


class RayPool:
    """What a `Predictor` does, by actors. concurrency: how many; None is one a CPU, or a GPU."""

    def __init__(
        self,
        bundle: Bundle,
        precision: str = "auto",
        concurrency: int | None = None,
        address: str | None = None,
    ) -> None:
        self._ray = _connected(address)
        resources = self._ray.cluster_resources()
        gpus, cpus = int(resources.get("GPU", 0)), int(resources.get("CPU", 1))
        actors = concurrency or gpus or cpus
        options = {"num_gpus": 1} if gpus else {"num_cpus": max(1, cpus // actors)}
        worker = self._ray.remote(max_restarts=-1, max_task_retries=-1, **options)(_Worker)
        self._bundle = self._ray.put(bundle)  # kept: an actor that is started again needs it
        self._actors = [worker.remote(self._bundle, precision) for _ in range(actors)]
        facts = self._ray.get([actor.facts.remote() for actor in self._actors])
        self._settings: dict[str, str] = facts[0]
        if any(other != facts[0] for other in facts):
            raise UsageError("the machines score in other precisions", "--precision float32")
        self.classes = bundle.classes
        self.engine = f"ray, {actors} actors, {facts[0]['precision']}"
        self._encoder = TextEncoder(bundle.rules, bundle.vocabulary, bundle.cached_pieces)

    @property
    def score_settings(self) -> dict[str, str]:
        """Every setting that a score depends on, the same in all actors."""
        return self._settings

    def encode(self, texts: pa.LargeStringArray) -> Encoded:
        """Return the token ids of texts."""
        return self._encoder.encode(texts)

    def predict(self, encoded: Encoded) -> Prediction:
        """Return the probabilities of encoded texts, in their order."""
        shares = list(_shares(encoded, SHARES * len(self._actors)))
        work = [
            self._actors[at % len(self._actors)].predict.remote(share)
            for at, share in enumerate(shares)
        ]
        parts: list[Prediction] = self._ray.get(work)
        return Prediction(
            np.concatenate([part.probabilities for part in parts]),
            np.concatenate([part.tokens for part in parts]),
            np.concatenate([part.unknown for part in parts]),
        )

    def close(self) -> None:
        """End the actors; a cluster that was joined goes on."""
        for actor in self._actors:
            self._ray.kill(actor)
        self._actors = []


class _Worker:
    """An actor: the bundle's predictor on its node."""

    def __init__(self, bundle: Bundle, precision: str) -> None:
        self._predictor = load_predictor(bundle, precision, workers=0)

    def facts(self) -> dict[str, str]:
        """Return what its scores depend on."""
        return self._predictor.score_settings

    def predict(self, encoded: Encoded) -> Prediction:
        """Return the probabilities of encoded texts."""
        return self._predictor.predict(encoded)


def _connected(address: str | None) -> Any:
    """Return Ray, joined to the cluster at an address, or to one of its own on this machine."""
    try:
        import ray
    except ImportError:
        hint = "pip install 'batch-text-scorer[ray]'"
        raise UsageError("--engine ray needs Ray", hint) from None
    if not ray.is_initialized():
        try:
            ray.init(address=address, log_to_driver=False, include_dashboard=False)
        except (ConnectionError, ValueError) as error:
            raise UsageError(f"--ray-address {address}: {error}") from error
    return ray


def _shares(encoded: Encoded, count: int) -> Iterator[Encoded]:
    """Yield texts in so many shares of about as many tokens, fewer where there are few."""
    total = int(encoded.offsets[-1])
    count = max(1, min(count, total // LEAST_TOKENS))
    cuts = np.searchsorted(encoded.offsets, np.arange(1, count) * (total / count)).tolist()
    for start, end in zip([0, *cuts], [*cuts, len(encoded)], strict=True):
        yield encoded.rows(start, end)
