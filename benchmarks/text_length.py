"""Accuracy against length of text: a bundle on labelled files, as they are and cut to N words.

    python benchmarks/text_length.py --bundle FOLDER films.csv domains.csv.gz

Tables have the columns text (or review) and label (or sentiment: 0 or 1); with a column part or
split only its rows `test` are taken. A cut text keeps N words in a row, from a random place.
"""

from pathlib import Path

import click
import numpy as np
import pandas as pd
import pyarrow as pa

from scorer.bundles.bundle_files import load_bundle
from scorer.bundles.predictor import load_predictor
from scorer.bundles.store import resolve_bundle

WORDS = (5, 10, 20, 40, 80, 160)


@click.command()
@click.argument("tables", nargs=-1, required=True, type=click.Path(path_type=Path, exists=True))
@click.option("--bundle", help="Bundle that scores; else the shipped one.")
@click.option("--rows", default=4000, show_default=True, help="Of a table at most.")
def main(tables: tuple[Path, ...], bundle: str | None, rows: int) -> None:
    """Print a line for each table."""
    predictor = load_predictor(load_bundle(resolve_bundle(bundle)), "auto")
    print(f"{'table':24}" + "".join(f"{words:>5} words" for words in WORDS) + "      whole")
    for path in tables:
        table = _read(path).sample(frac=1, random_state=0)[:rows]
        targets = table["label"].astype(int).to_numpy()
        shares = []
        for words in (*WORDS, None):
            texts = [_cut(text, words, row) for row, text in enumerate(table["text"])]
            encoded = predictor.encode(pa.array(texts, pa.large_string()))
            probabilities = predictor.predict(encoded).probabilities
            guesses = np.nan_to_num(probabilities).argmax(axis=1)
            shares.append(float((guesses == targets).mean()))
        print(f"{path.name.split('.')[0]:24}" + "".join(f"{share:11.1%}" for share in shares))


def _read(path: Path) -> pd.DataFrame:
    table = pd.read_csv(path, dtype=str, keep_default_na=False)
    table = table.rename(columns={"review": "text", "sentiment": "label", "split": "part"})
    if "part" in table:
        table = table[table["part"] == "test"]
    return table[table["label"].isin(["0", "1"])]


def _cut(text: str, words: int | None, seed: int) -> str:
    pieces = text.split()
    if words is None or len(pieces) <= words:
        return text
    start = np.random.default_rng(seed).integers(len(pieces) - words + 1)
    return " ".join(pieces[start : start + words])


if __name__ == "__main__":
    main()
