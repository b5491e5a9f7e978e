"""A run's texts beside those that its bundle was evaluated on, as sections of the run's report.

Knows profiles and drift, nothing of rows, tables or files.
"""

from collections.abc import Iterator, Sequence

import numpy as np

from scorer.evaluation.drift import MEASURES
from scorer.evaluation.profile import BINS, LENGTHS, Profile
from scorer.pages.page import Cell, Section, cut, number
from scorer.pages.plots import histogram
from scorer.scoring.summary import RunSummary

SHOWN_CLASSES = 6  # with a histogram of their own
THIS_RUN, EVALUATED = "this run", "texts the bundle was evaluated on"
NO_PROFILE = "The bundle keeps no profile of texts to compare with."


def profile_sections(
    found: Profile, known: Profile | None, summary: RunSummary
) -> Iterator[Section]:
    """Yield probabilities, drift and lengths of a run's texts.

    known: the profile that the bundle keeps, None where it keeps none.
    """
    if found.texts:
        yield _probabilities(found, known)
    yield _drift(summary)
    yield _lengths(found, known)


def _probabilities(found: Profile, known: Profile | None) -> Section:
    """Return a histogram of each class; of two classes one says all, of many a few are shown."""
    classes = found.classes
    shown = [1] if len(classes) == 2 else _most_moved(found, known)
    edges = [f"{at / BINS:g}" for at in range(BINS + 1)]
    plots = [
        histogram(
            _beside(found.histograms[at], known.histograms[at] if known else None),
            edges,
            f"probability of {cut(classes[at], 30)}",
            "share of the texts",
        )
        for at in shown
    ]
    remark = "" if known else NO_PROFILE
    if len(classes) > SHOWN_CLASSES:
        remark += f"The {len(shown)} classes that differ most, of {len(classes)}."
    return Section("Probabilities", remark=remark, plots=plots)


def _most_moved(found: Profile, known: Profile | None) -> list[int]:
    """Return the classes whose histograms differ most from the known ones, in their order."""
    if known is None:
        return list(range(min(len(found.classes), SHOWN_CLASSES)))
    one, other = (of.histograms / max(of.texts, 1) for of in (found, known))
    order = np.argsort(-np.abs(one - other).sum(axis=1), kind="stable")
    return sorted(order[:SHOWN_CLASSES].tolist())


def _beside(found: np.ndarray, known: np.ndarray | None) -> dict[str, Sequence[float]]:
    """Return the counts of this run, and of the bundle's profile if it has one, as shares."""
    counts = {THIS_RUN: found} if known is None else {THIS_RUN: found, EVALUATED: known}
    return {name: (of / max(of.sum(), 1)).tolist() for name, of in counts.items()}


def _drift(summary: RunSummary) -> Section:
    if not summary.drift:
        return Section("Drift", remark=f"Not measured: {summary.drift_unmeasured}.")
    rows = [
        (
            Cell(measure.shown),
            number(summary.drift[measure.name], 3),
            number(measure.threshold, 3),
            Cell(measure.plain if summary.drift[measure.name] >= measure.threshold else "as usual"),
        )
        for measure in MEASURES
        if measure.name in summary.drift
    ]
    remark = (
        "How far these texts are from those the bundle was evaluated on, without any label. The "
        f"drift level is {summary.drift_level:.2f}: the largest measure as a share of its limit; "
        "from 1 on it is worth a warning."
    )
    return Section("Drift", ["measure", "found", "usual below", "in words"], rows, remark)


def _lengths(found: Profile, known: Profile | None) -> Section:
    if not found.texts:
        return Section("Lengths", remark="No text has a token.")
    shares = _beside(found.lengths, known.lengths if known else None)
    edges = [*map(str, LENGTHS), "…"]
    plot = histogram(shares, edges, "tokens of a text, at least", "share of the texts")
    return Section("Lengths", plots=[plot])
