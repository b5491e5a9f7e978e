"""Accuracy and rows per second of bundles and of simple peers on the same test rows.

TF-IDF of words and word pairs with logistic regression (scikit-learn), and fastText with word
pairs (extra `peers`, left out where it is not installed). Both are trained on the training rows.
All are timed on the test rows, from texts to classes, on one core.
"""

import os
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path

import click
import numpy as np
import pandas as pd
import pyarrow as pa
from measured import Figure, per_second, seconds, show

from scorer.bundles.bundle_files import load_bundle
from scorer.bundles.predictor import load_predictor
from scorer.bundles.store import DEFAULT_BUNDLE
from scorer.network import inference
from scorer.network.inference import Predictor
from scorer.tokens.text import TextRules, normalise

FILE = click.Path(exists=True, dir_okay=False, path_type=Path)
Classify = Callable[[Sequence[str]], np.ndarray]


def tfidf(texts: Sequence[str], labels: np.ndarray) -> Classify:
    """Train TF-IDF of 1-2-grams with logistic regression."""
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline

    features = TfidfVectorizer(ngram_range=(1, 2), min_df=2, sublinear_tf=True)
    model = make_pipeline(features, LogisticRegression(C=10, max_iter=1000))
    return model.fit(texts, labels).predict


def fasttext(texts: Sequence[str], labels: np.ndarray) -> Classify:
    """Train fastText with word pairs."""
    import fasttext

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "training.txt")
        lines = (
            f"__label__{label} {_line(text)}\n" for text, label in zip(texts, labels, strict=True)
        )
        path.write_text("".join(lines), encoding="utf-8")
        model = fasttext.train_supervised(str(path), wordNgrams=2, epoch=5, lr=0.5, verbose=0)

    def classify(many: Sequence[str]) -> np.ndarray:
        found, _ = model.predict([_line(text) for text in many])
        return np.array([int(labels[0].removeprefix("__label__")) for labels in found])

    return classify


def _line(text: str) -> str:
    return " ".join(text.lower().split())


PEERS: dict[str, Callable[[Sequence[str], np.ndarray], Classify]] = {
    "TF-IDF 1-2-grams, logistic regression": tfidf,
    "fastText, word pairs": fasttext,
}


@click.command()
@click.option("--data", type=FILE, required=True, help="Labelled CSV file.")
@click.option("--splits", type=FILE, required=True, help="CSV file: `split` says train or test.")
@click.option("--text-column", default="review", show_default=True)
@click.option("--label-column", default="sentiment", show_default=True, help="0 or 1.")
@click.option(
    "--bundle", "bundles", multiple=True, help="FOLDER or NAME=FOLDER; else the shipped one."
)
def main(
    data: Path, splits: Path, text_column: str, label_column: str, bundles: tuple[str, ...]
) -> None:
    """Train the peers, score the test rows, and print accuracy and rows per second."""
    os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
    inference.CORES = 1
    frame, split = pd.read_csv(data), pd.read_csv(splits)["split"]
    train, test = frame[split == "train"], frame[split == "test"]
    labels = test[label_column].to_numpy()
    for given in bundles or (f"shipped={DEFAULT_BUNDLE}",):
        name, _, folder = given.rpartition("=")
        loaded = load_bundle(Path(folder))
        for precision in ("float32", "auto"):
            predictor = load_predictor(loaded, precision, "cpu")
            label = f"{name or folder}, {precision} ({predictor.precision})"
            _show(label, _ours(predictor), test[text_column].tolist(), labels)
    texts, held_out = (_plain(part[text_column]) for part in (train, test))
    for name, fit in PEERS.items():
        try:
            classify = fit(texts, train[label_column].to_numpy())
        except ImportError as error:
            click.echo(f"{name}: left out, {error}")
            continue
        _show(name, classify, held_out, labels)


def _ours(predictor: Predictor) -> Classify:
    def classify(texts: Sequence[str]) -> np.ndarray:
        column = pa.array(texts, pa.large_string())
        return predictor.predict(predictor.encode(column)).probabilities.argmax(axis=1)

    return classify


def _plain(texts: pd.Series) -> list[str]:
    return normalise(pa.array(texts, pa.large_string()), TextRules()).to_pylist()


def _show(name: str, classify: Classify, texts: Sequence[str], labels: np.ndarray) -> None:
    found: list[np.ndarray] = []
    taken = seconds(lambda: found.append(classify(texts)))
    accuracy = f"accuracy {(found[0] == labels).mean():.2%}"
    show([Figure(f"{name}, {accuracy}", per_second(len(texts) / taken, "rows"))])


if __name__ == "__main__":
    main()
