"""Who computes a run's scores, and a loaded bundle as the model that does it.

Knows bundles and predictors, nothing of files.
"""

from dataclasses import dataclass
from importlib.metadata import version

from scorer.bundles.bundle import Bundle
from scorer.bundles.predictor import load_predictor
from scorer.engines.process_pool import ProcessPool
from scorer.errors import UsageError
from scorer.evaluation.profile import Profile
from scorer.network.inference import Predicts
from scorer.scoring.model import Model
from scorer.scoring.summary import BundleFacts

PRECISION = "auto"
ENGINES = LOCAL, RAY = "local", "ray"


@dataclass(frozen=True)
class Engine:
    """Who computes: `local` is this process, or several on this machine; `ray` a pool of actors."""

    name: str = LOCAL
    processes: int | None = None  # that compute, beside this one
    concurrency: int | None = None  # actors
    ray_address: str | None = None  # of a cluster to join

    def __post_init__(self) -> None:
        if self.name not in ENGINES:
            raise UsageError(f"--engine {self.name}: choose one of: {', '.join(ENGINES)}")
        if self.name == RAY and self.processes is not None:
            raise UsageError("--processes is of --engine local", "Ray's actors: --concurrency")
        if self.processes is not None and self.processes < 1:
            raise UsageError(f"--processes {self.processes}: give 1, 2 …")


def load_model(
    bundle: Bundle,
    precision: str = PRECISION,
    workers: int | None = None,
    fused: bool = True,
    engine: Engine | None = None,
) -> Model:
    """Return what scores with a loaded bundle. Raises `BundleError`, see `load_predictor`."""
    return model_of(bundle, _predictor(bundle, precision, workers, fused, engine or Engine()))


def model_of(bundle: Bundle, predictor: Predicts) -> Model:
    """Return a predictor of a bundle as the model of a run, with what is told of the bundle."""
    return Model(
        predictor,
        BundleFacts(bundle.version, bundle.digest, bundle.classes, dict(bundle.label_values)),
        bundle.text_column,
        _profile(bundle),
        tokens=bundle.vocabulary.tokens,
        tokeniser="" if bundle.tokeniser_rules else f"spacy {version('spacy')}",
    )


def _predictor(
    bundle: Bundle, precision: str, workers: int | None, fused: bool, engine: Engine
) -> Predicts:
    if engine.name == RAY:
        from scorer.engines.ray_pool import RayPool

        return RayPool(bundle, precision, engine.concurrency, engine.ray_address, workers)
    if engine.processes is not None:
        return ProcessPool(bundle, precision, engine.processes, workers, fused)
    return load_predictor(bundle, precision, workers=workers, fused=fused)


def _profile(bundle: Bundle) -> Profile | None:
    """Return the profile of a bundle's held-out texts; None for a bundle without one."""
    facts = bundle.facts.metrics.get("profile")
    return None if facts is None else Profile.from_json(facts, bundle.classes)
