"""A predictor whose work is done by a pool of Ray actors, on this machine or on a cluster.

Texts are read, encoded, written and journalled by the run that starts the pool, as without Ray; the
costly part, the network, runs in the actors. An actor that dies is started again and its share of a
chunk repeated; a run that dies goes on from its journal. So every promise of a run holds. The
bundle is sent to each node once. Knows Ray and predictors, nothing of tables. Needs the extra
`ray`.
"""

import logging
from typing import Any

from scorer.bundles.bundle import Bundle
from scorer.bundles.predictor import load_predictor, text_encoder_of
from scorer.child_process import GoneError
from scorer.engines.shares import RESTARTS, SharingPredictor, check_alike, joined, shares
from scorer.errors import UsageError
from scorer.network.inference import Prediction, Predictor
from scorer.tokens.encoding import Encoded

HINT = (
    "Memory is the usual cause: a smaller --concurrency takes less. The same command goes on from "
    "its journal"
)


class RayPool(SharingPredictor):
    """What a `Predictor` does, by actors. concurrency: how many; None is one a CPU, or a GPU."""

    def __init__(
        self,
        bundle: Bundle,
        precision: str = "auto",
        concurrency: int | None = None,
        address: str | None = None,
        workers: int | None = None,
    ) -> None:
        self._ray = _connected(address)
        resources = self._ray.cluster_resources()
        gpus, cpus = int(resources.get("GPU", 0)), int(resources.get("CPU", 1))
        actors = concurrency or gpus or cpus
        options = {"num_gpus": 1} if gpus else {"num_cpus": max(1, cpus // actors)}
        worker = self._ray.remote(max_restarts=-1, max_task_retries=RESTARTS, **options)(_Worker)
        self._kept = [self._ray.put(bundle)]  # an actor that is started again needs it
        self._actors = [worker.remote(precision) for _ in range(actors)]
        settings = self._answers([actor.facts.remote(self._kept) for actor in self._actors])
        check_alike(settings, "machines")
        super().__init__(bundle, text_encoder_of(bundle, workers))
        self._settings = settings[0]
        self.engine = f"ray, {actors} actors, {settings[0]['precision']}"

    def predict(self, encoded: Encoded) -> Prediction:
        """Return the probabilities of encoded texts, in their order."""
        actors = self._actors
        work = [
            actors[at % len(actors)].predict.remote(self._kept, share)
            for at, share in enumerate(shares(encoded, len(actors)))
        ]
        return joined(self._answers(work))

    def _answers(self, work: list[Any]) -> Any:
        """Return what actors answer. Raises `GoneError` for one that died each time it tried."""
        try:
            return self._ray.get(work)
        except self._ray.exceptions.RayActorError as error:
            first = str(error).strip().partition("\n")[0]
            message = f"a Ray actor died, and again when it was started again: {first}"
            raise GoneError(message, HINT) from error

    def close(self) -> None:
        """End the actors; a cluster that was joined goes on."""
        for actor in self._actors:
            self._ray.kill(actor)
        self._actors = []
        super().close()


class _Worker:
    """An actor: the bundle's predictor on its node, loaded when it is first asked for.

    kept: a list of a reference to the bundle; Ray would resolve one that is no list at each call.
    """

    def __init__(self, precision: str) -> None:
        self._precision = precision
        self._predictor: Predictor | None = None

    def facts(self, kept: list[Any]) -> dict[str, str]:
        """Return what its scores depend on."""
        return self._loaded(kept).score_settings

    def predict(self, kept: list[Any], encoded: Encoded) -> Prediction:
        """Return the probabilities of encoded texts."""
        return self._loaded(kept).predict(encoded)

    def _loaded(self, kept: list[Any]) -> Predictor:
        if self._predictor is None:
            import ray

            self._predictor = load_predictor(ray.get(kept[0]), self._precision, workers=0)
        return self._predictor


def _connected(address: str | None) -> Any:
    """Return Ray, joined to the cluster at an address, or to one of its own on this machine."""
    try:
        import ray
    except ImportError:
        hint = "pip install 'batch-text-scorer[ray]'"
        raise UsageError("--engine ray needs Ray", hint) from None
    if not ray.is_initialized():
        try:
            ray.init(
                address=address,
                log_to_driver=False,
                include_dashboard=False,
                logging_level=logging.ERROR,
            )
        except (ConnectionError, ValueError) as error:
            raise UsageError(f"--ray-address {address}: {error}") from error
    return ray
