"""What `--explain K` costs, and how much of the exact answer it finds.

    python benchmarks/explain.py TABLE.csv.gz [--bundle FOLDER] [--text-column text]

Rows of the table are scored by the job without and with the option, in turns; the exact answer
leaves out every word of the first of them.
"""

import statistics
import tempfile
from pathlib import Path

import click
import numpy as np
import pandas as pd
import pyarrow as pa
from measured import Figure, seconds, show

from scorer.bundles.bundle import Bundle
from scorer.bundles.bundle_files import load_bundle
from scorer.bundles.predictor import load_predictor
from scorer.bundles.store import resolve_bundle
from scorer.engines.engine import load_model
from scorer.evaluation.explanation import Explainer
from scorer.jobs import source_and_target
from scorer.scoring.scoring import score_file

EVERY_WORD = 2000


@click.command()
@click.argument("table", type=click.Path(path_type=Path, exists=True))
@click.option("--bundle")
@click.option("--text-column", default="text", show_default=True)
@click.option("--rows", default=1000, show_default=True, help="Scored by the job.")
@click.option("--exact", default=60, show_default=True, help="Of which every word is left out.")
@click.option("--words", default=3, show_default=True)
@click.option("--repeats", default=3, show_default=True)
@click.option("--precision", multiple=True, default=("float32", "auto"), show_default=True)
def main(
    table: Path,
    bundle: str | None,
    text_column: str,
    rows: int,
    exact: int,
    words: int,
    repeats: int,
    precision: tuple[str, ...],
) -> None:
    """Print how many times as long a run takes, and the share of the effects that is found."""
    loaded = load_bundle(resolve_bundle(bundle))
    texts = pd.read_csv(table)[text_column].dropna().sample(rows, random_state=0)
    for name in precision:
        show([cost(loaded, texts, words, name, repeats)])
    show(found(loaded, texts.tolist()[:exact], words))


def cost(bundle: Bundle, texts: pd.Series, words: int, precision: str, repeats: int) -> Figure:
    """Return how many times as long the job takes with explanations, the model loaded before."""
    model = load_model(bundle, precision, workers=0)
    took: dict[int, list[float]] = {0: [], words: []}
    with tempfile.TemporaryDirectory() as folder:
        source, target = Path(folder) / "in.csv", Path(folder) / "out.csv"
        texts.to_frame("text").to_csv(source, index=False)
        for _ in range(repeats):
            for explain in took:
                given, wanted = source_and_target(source, target, "text", True, explain=explain)
                took[explain].append(
                    seconds(lambda g=given, w=wanted: score_file(g, w, lambda: model))
                )
    plain, explained = (statistics.median(took[explain]) for explain in took)
    name = f"--explain {words}, {precision} ({model.predictor.engine})"
    return Figure(name, f"{explained:.1f} s", explained / plain, "the run without it", 10, True)


def found(bundle: Bundle, texts: list[str], words: int) -> list[Figure]:
    """Return the share of the largest effects that is found, against leaving out every word."""
    predictor, tokens = load_predictor(bundle, "float32", workers=0), bundle.vocabulary.tokens
    encoded = predictor.encode(pa.array(texts, pa.large_string()))
    prediction = predictor.predict(encoded)
    few = Explainer(predictor, tokens, words).explain(encoded, prediction)
    every = Explainer(predictor, tokens, words, EVERY_WORD).explain(encoded, prediction)
    shares = {
        "largest effect": (few.effects[:, :1], every.effects[:, :1]),
        f"{words} largest": (few.effects, every.effects),
    }
    return [
        Figure(f"found of the {name}, {len(texts)} texts", f"{_ratio(*pair):.1%}")
        for name, pair in shares.items()
    ]


def _ratio(found: np.ndarray, exact: np.ndarray) -> float:
    return float(np.abs(found).sum() / np.abs(exact).sum())


if __name__ == "__main__":
    main()
