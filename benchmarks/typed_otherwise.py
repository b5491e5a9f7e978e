"""Accuracy of a bundle on labelled texts, as they are and typed otherwise.

    python benchmarks/typed_otherwise.py benchmarks/short_texts_test.csv

A table has the columns text and label (positive or negative).
"""

from collections.abc import Callable
from pathlib import Path

import click
import pandas as pd
import pyarrow as pa

from scorer.bundles.bundle_files import load_bundle
from scorer.bundles.predictor import load_predictor
from scorer.bundles.store import resolve_bundle

TYPED: dict[str, Callable[[str], str]] = {
    "as they are": str,
    "IN CAPITALS": str.upper,
    "in lower case": str.lower,
    "Each Word Capitalised": lambda text: " ".join(
        word[:1].upper() + word[1:] for word in text.split(" ")
    ),
    "typographic apostrophes": lambda text: text.replace("'", "\u2019"),
    "backticks for apostrophes": lambda text: text.replace("'", "`"),
    "vowels drawn out": lambda text: text.replace("oo", "oooo").replace("ee", "eeee"),
}


@click.command()
@click.argument("table", type=click.Path(path_type=Path, exists=True))
@click.option("--bundle", help="Bundle that scores; else the shipped one.")
def main(table: Path, bundle: str | None) -> None:
    """Print a line for each way of typing."""
    predictor = load_predictor(load_bundle(resolve_bundle(bundle)), "auto")
    rows = pd.read_csv(table, dtype=str, keep_default_na=False)
    is_positive = (rows["label"] == "positive").to_numpy()
    for name, typed in TYPED.items():
        texts = pa.array(map(typed, rows["text"]), pa.large_string())
        probabilities = predictor.predict(predictor.encode(texts)).probabilities
        right = (probabilities[:, 1] > 0.5) == is_positive
        print(f"{name:26}{right.mean():7.1%} of {len(rows):,}")


if __name__ == "__main__":
    main()
