"""How often drift is warned of: resamples of the same texts, other texts, another language, blanks.

    python benchmarks/drift.py --bundle FOLDER domains.csv.gz [tweets.csv.gz …]

Tables have the columns text and, where they hold several kinds of texts, domain. Of each kind a
half is the profile, the other half a night: resampled (none should be warned of), then with half
of its rows blank; then nights of all the other kinds (all should be).
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import click
import numpy as np
import pandas as pd
import pyarrow as pa

from scorer.bundles.bundle_files import load_bundle
from scorer.bundles.predictor import load_predictor
from scorer.bundles.store import resolve_bundle
from scorer.evaluation.drift import Drift, measure_drift
from scorer.evaluation.profile import Profile
from scorer.network.inference import Prediction, Predictor
from scorer.tokens.encoding import Encoded

RESAMPLES = 200  # nights of the same texts


class Scored:
    """Texts of one kind, encoded and scored once, of which rows are counted."""

    def __init__(self, texts: list[str], predictor: Predictor) -> None:
        self.encoded = predictor.encode(pa.array(texts, pa.large_string()))
        self.prediction = predictor.predict(self.encoded)
        self.classes = predictor.classes

    def profile(self, rows: np.ndarray, blanks: int = 0) -> Profile:
        """Return the profile of these rows and so many blank texts."""
        profile, whole = Profile(self.classes), self.prediction
        profile.count_predictions(
            Prediction(whole.probabilities[rows], whole.tokens[rows], whole.unknown[rows])
        )
        starts = self.encoded.offsets
        ids = [self.encoded.ids[starts[row] : starts[row + 1]] for row in rows]
        profile.count_words(Encoded(np.concatenate(ids), np.array([0])))
        profile.empty += blanks
        return profile


@dataclass(frozen=True)
class Nights:
    """The drift of nights from the profile of one kind of texts."""

    same: Sequence[Drift]  # of texts of the kind
    blank: Drift  # of as many, half of them blank
    others: Mapping[str, Drift]  # of other kinds


@click.command()
@click.argument("tables", nargs=-1, required=True, type=click.Path(path_type=Path, exists=True))
@click.option("--bundle", help="Bundle that scores; else the shipped one.")
@click.option("--night", default=500, show_default=True, help="Rows of a night.")
@click.option("--known", default=1200, show_default=True, help="Texts of the profile at most.")
def main(tables: tuple[Path, ...], bundle: str | None, night: int, known: int) -> None:
    """Print, for each kind of texts, how many nights are warned of and the levels met."""
    predictor = load_predictor(load_bundle(resolve_bundle(bundle)), "auto")
    kinds = {name: Scored(texts, predictor) for name, texts in read_kinds(tables)}
    rng = np.random.default_rng(0)
    print(f"{'texts':24}{'same':>16}{'half blank':>12}{'others':>10}  least of the others")
    for name in kinds:
        print(line(name, nights_of(name, kinds, night, known, rng)), flush=True)


def nights_of(
    name: str, kinds: Mapping[str, Scored], night: int, known: int, rng: np.random.Generator
) -> Nights:
    """Measure nights of a kind, of the same half blank, and of each other kind."""
    scored = kinds[name]
    half, rest = np.array_split(rng.permutation(len(scored.encoded)), 2)
    profile = scored.profile(half[:known])
    same = (rng.choice(rest, night) for _ in range(RESAMPLES))
    return Nights(
        [measure_drift(profile, scored.profile(rows)) for rows in same],
        measure_drift(profile, scored.profile(rest[: night // 2], night // 2)),
        {
            kind: measure_drift(profile, of.profile(np.arange(min(night, len(of.encoded)))))
            for kind, of in kinds.items()
            if kind != name
        },
    )


def line(name: str, nights: Nights) -> str:
    """Return how many nights of a kind are warned of, and the levels met."""
    levels = [level_of(drift) for drift in nights.same]
    others = {kind: level_of(drift) for kind, drift in nights.others.items()}
    least = min(others, key=others.__getitem__)
    warned, told = (sum(level >= 1 for level in some) for some in (levels, others.values()))
    measures = nights.others[least].measures.items()
    return (
        f"{name:24}{warned:4} of {RESAMPLES} ({max(levels):.2f}){level_of(nights.blank):10.2f}"
        f"{told:6} of {len(others)}  {least} {others[least]:.2f} "
        f"{', '.join(f'{measure} {value:.2f}' for measure, value in measures)}"
    )


def level_of(drift: Drift) -> float:
    """Return the level; 0 where there are too few texts to measure it."""
    return drift.level or 0


def read_kinds(tables: tuple[Path, ...]) -> Iterator[tuple[str, list[str]]]:
    """Yield the name and the texts of each kind."""
    for path in tables:
        rows = pd.read_csv(path, dtype=str, keep_default_na=False)
        name = path.name.split(".")[0]
        groups = rows.groupby("domain") if "domain" in rows else [(name, rows)]
        for kind, group in groups:
            yield str(kind), group["text"].sample(frac=1, random_state=0).tolist()[:2400]


if __name__ == "__main__":
    main()
