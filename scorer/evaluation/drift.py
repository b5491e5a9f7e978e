"""How far scored texts have moved from those a bundle was evaluated on, without any label.

The population stability index (PSI: the symmetric Kullback-Leibler divergence of two histograms)
of lengths and of each class's probabilities, the Jensen-Shannon divergence of frequent words, and
plain differences of shares. Thresholds are chosen by `benchmarks/drift.py`. Knows profiles,
nothing of what follows from a warning.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np

from scorer.evaluation.profile import Profile
from scorer.wording import counted

MIN_TEXTS = 90  # fewer are too few to compare by
WARNING_LEVEL = 1.0  # of drift: a measure is at its threshold
PSEUDOCOUNT = 0.5  # of a histogram's bin, so that none is empty


@dataclass(frozen=True)
class Measure:
    """A measure, the value from which on a person should look, and what that means."""

    name: str  # as summaries and metrics have it
    shown: str  # what is measured, for people
    threshold: float
    plain: str
    value: Callable[[Profile, Profile], float]  # of the profile known, and of the one found
    general: bool = False  # it says something beside a general profile too


@dataclass(frozen=True)
class Drift:
    """Measures by name; `level` is the largest as a share of its threshold.

    From `WARNING_LEVEL` on there are warnings.
    None of both where drift was not measured; `unmeasured` says why.
    """

    measures: Mapping[str, float]
    level: float | None
    unmeasured: str | None = None

    @property
    def warnings(self) -> list[str]:
        """What moved beyond its threshold, in plain words."""
        return [
            f"{measure.plain} than those the bundle was evaluated on ({measure.shown} "
            f"{self.measures[measure.name]:.3g}, at most {measure.threshold:g} is usual)"
            for measure in MEASURES
            if self.measures.get(measure.name, 0.0) >= measure.threshold
        ]


def measure_drift(known: Profile | None, found: Profile) -> Drift:
    """Return how far `found` is from `known`, the profile that a bundle keeps if it has one."""
    if known is None:
        return Drift({}, None, "the bundle keeps no profile of texts")
    if known.texts < MIN_TEXTS:
        few = f"the bundle was evaluated on {counted(known.texts, 'text')}"
        return Drift({}, None, f"{few}, {MIN_TEXTS} are needed")
    if found.texts + found.empty < MIN_TEXTS:
        few = counted(found.texts + found.empty, "text")
        return Drift({}, None, f"{few}, {MIN_TEXTS} are needed")
    compared = [measure for measure in MEASURES if measure.general or not known.general]
    measures = {measure.name: measure.value(known, found) for measure in compared}
    level = max(measures[measure.name] / measure.threshold for measure in compared)
    return Drift(measures, level)


def _length(known: Profile, found: Profile) -> float:
    return _stability_index(known.lengths, found.lengths)


def _probabilities(known: Profile, found: Profile) -> float:
    pairs = zip(known.histograms, found.histograms, strict=True)
    return max(_stability_index(one, other) for one, other in pairs)


def _unknown_tokens(known: Profile, found: Profile) -> float:
    return _share(found.unknown, found.tokens) - _share(known.unknown, known.tokens)


def _empty_texts(known: Profile, found: Profile) -> float:
    before = _share(known.empty, known.texts + known.empty)
    return _share(found.empty, found.texts + found.empty) - before


def _words(known: Profile, found: Profile) -> float:
    """Return the Jensen-Shannon divergence in bits, less what chance alone makes of few tokens."""
    one, other = (_distribution(of.words) for of in (known, found))
    middle = (one + other) / 2
    divergence = (_entropy(middle) - (_entropy(one) + _entropy(other)) / 2) / np.log(2)
    chance = len(one) / (8 * np.log(2)) * sum(1 / max(of.words.sum(), 1) for of in (known, found))
    return max(0.0, float(divergence - chance))


def _stability_index(known: np.ndarray, found: np.ndarray) -> float:
    """Return the PSI, less what chance alone makes of few texts."""
    one, other = _distribution(known), _distribution(found)
    index = ((one - other) * np.log(one / other)).sum()
    chance = (len(known) - 1) * sum(1 / max(of.sum(), 1) for of in (known, found))
    return max(0.0, float(index - chance))


def _distribution(counts: np.ndarray) -> np.ndarray:
    smoothed = counts + PSEUDOCOUNT
    return np.asarray(smoothed / smoothed.sum())


def _entropy(distribution: np.ndarray) -> float:
    return float(-(distribution * np.log(distribution)).sum())


def _share(part: int, whole: int) -> float:
    return part / max(whole, 1)


MEASURES = (
    Measure("length", "lengths, PSI", 0.2, "texts are of other lengths", _length),
    Measure(
        "words",
        "frequent words, Jensen-Shannon divergence",
        0.015,
        "texts have other frequent words",
        _words,
    ),
    Measure(
        "unknown tokens",
        "rise in the share of unknown tokens",
        0.06,
        "texts have more words that the bundle does not know",
        _unknown_tokens,
        general=True,
    ),
    Measure(
        "empty texts",
        "rise in the share of empty texts",
        0.2,
        "more texts are empty",
        _empty_texts,
        general=True,
    ),
    Measure(
        "probabilities",
        "probabilities, PSI",
        0.2,
        "probabilities are distributed otherwise",
        _probabilities,
    ),
)
