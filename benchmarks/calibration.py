"""Calibration error of a bundle, beside what chance alone makes of so few rows.

    python benchmarks/calibration.py [--bundle FOLDER] domains.csv.gz

Tables have the columns text and label (0 or 1), and part, of which only the rows `test` are taken;
with a column domain each domain is a table. `by chance` is the calibration error of labels drawn
from the bundle's own probabilities, for which it is perfectly calibrated: mean and 95% quantile.
"""

from pathlib import Path

import click
import numpy as np
import pandas as pd
import pyarrow as pa

from scorer.bundles.bundle_files import load_bundle
from scorer.bundles.predictor import load_predictor
from scorer.bundles.store import resolve_bundle
from scorer.evaluation.evaluation import evaluate

DRAWS = 200


@click.command()
@click.argument("table", type=click.Path(path_type=Path, exists=True))
@click.option("--bundle", help="Bundle that scores; else the shipped one.")
def main(table: Path, bundle: str | None) -> None:
    """Print a line for each domain."""
    predictor = load_predictor(load_bundle(resolve_bundle(bundle)))
    rows = pd.read_csv(table, dtype=str, keep_default_na=False).query("part == 'test'")
    rng = np.random.default_rng(0)
    print(f"{'table':24}{'rows':>6}{'accuracy':>10}{'error':>8}{'by chance':>11}{'95%':>8}")
    for name, group in rows.groupby(rows.get("domain", rows["part"])):
        column = pa.array(list(group["text"]), pa.large_string())
        probabilities = predictor.predict(predictor.encode(column)).probabilities
        found = evaluate(probabilities, group["label"].astype(int).to_numpy(), predictor.classes)
        drawn = [_of_drawn_labels(probabilities, predictor.classes, rng) for _ in range(DRAWS)]
        print(
            f"{name:24}{len(group):6,}{found.accuracy:10.2%}{found.calibration_error:8.3f}"
            f"{np.mean(drawn):11.3f}{np.quantile(drawn, 0.95):8.3f}"
        )


def _of_drawn_labels(
    probabilities: np.ndarray, classes: tuple[str, ...], rng: np.random.Generator
) -> float:
    labels = (rng.random(len(probabilities)) < probabilities[:, 1]).astype(np.int64)
    return evaluate(probabilities, labels, classes).calibration_error


if __name__ == "__main__":
    main()
