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

MIN_TEXTS = 90  # fewer are too few to compare by
PSEUDOCOUNT = 0.5  # of a histogram's bin, so that none is empty
THRESHOLDS = {  # of a measure; from there on a person should look
    "length": 0.2,
    "words": 0.015,
    "unknown tokens": 0.06,
    "empty texts": 0.2,
    "probabilities": 0.2,
}
PLAIN = {
    "length": "texts are of other lengths",
    "words": "texts have other frequent words",
    "unknown tokens": "texts have more words that the bundle does not know",
    "empty texts": "more texts are empty",
    "probabilities": "probabilities are distributed otherwise",
}


@dataclass(frozen=True)
class Drift:
    """Measures by name; `level` is the largest as a share of its threshold, 1 and above: a warning.

    None of both where there are too few texts to compare.
    """

    measures: Mapping[str, float]
    level: float | None

    @property
    def warnings(self) -> list[str]:
        """What moved beyond its threshold, in plain words."""
        return [
            f"{PLAIN[name]} than those the bundle was evaluated on ({name} {value:.2f}, "
            f"at most {THRESHOLDS[name]:g} is usual)"
            for name, value in self.measures.items()
            if value >= THRESHOLDS[name]
        ]


def measure_drift(known: Profile, found: Profile) -> Drift:
    """Return how far `found` is from `known`."""
    if min(known.texts, found.texts + found.empty) < MIN_TEXTS:
        return Drift({}, None)
    measures = {name: measure(known, found) for name, measure in MEASURES.items()}
    level = max(value / THRESHOLDS[name] for name, value in measures.items())
    return Drift(measures, level)


def _length(known: Profile, found: Profile) -> float:
    return _stability_index(known.lengths, found.lengths)


def _probabilities(known: Profile, found: Profile) -> float:
    pairs = zip(known.histograms, found.histograms, strict=True)
    return max(_stability_index(one, other) for one, other in pairs)


def _unknown_tokens(known: Profile, found: Profile) -> float:
    return _share(found.unknown, found.tokens) - _share(known.unknown, known.tokens)


def _empty_texts(known: Profile, found: Profile) -> float:
    shares = (_share(of.empty, of.texts + of.empty) for of in (found, known))
    return next(shares) - next(shares)


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


MEASURES: Mapping[str, Callable[[Profile, Profile], float]] = {
    "length": _length,
    "words": _words,
    "unknown tokens": _unknown_tokens,
    "empty texts": _empty_texts,
    "probabilities": _probabilities,
}
