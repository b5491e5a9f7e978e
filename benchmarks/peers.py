"""Accuracy and rows per second of bundles and of simple peers on the same test rows.

TF-IDF of words and word pairs with logistic regression (scikit-learn); fastText with word pairs;
VADER, a list of words that is not trained; and all-MiniLM-L6-v2, a transformer of 22 million
weights, fine-tuned on `--transformer-texts` of the training rows, as it takes hours on all. The
last three are of the extra `peers`, left out where it is not installed. The others are trained on
all training rows. All are timed on the test rows, from texts to classes, on one core, by its CPU
seconds: other work on the machine lengthens those less.
"""

import os
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click
import numpy as np
import pandas as pd
import pyarrow as pa
import torch
from measured import Figure, per_second, show

from scorer.bundles.bundle_files import load_bundle
from scorer.bundles.predictor import load_predictor
from scorer.bundles.store import DEFAULT_BUNDLE
from scorer.network import inference
from scorer.network.inference import Predictor
from scorer.tokens.text import TextRules, normalise

FILE = click.Path(exists=True, dir_okay=False, path_type=Path)
MINILM_TOKENS, MINILM_BATCH, MINILM_RATE = 256, 16, 5e-5
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


def vader(texts: Sequence[str], labels: np.ndarray) -> Classify:
    """Return VADER, which needs no training: positive where the words' sum is above 0."""
    from vaderSentiment.vaderSentiment import SentimentIntensityAnalyzer

    analyser = SentimentIntensityAnalyzer()
    return lambda many: np.array([analyser.polarity_scores(t)["compound"] > 0 for t in many], int)


def minilm(texts: Sequence[str], labels: np.ndarray) -> Classify:
    """Fine-tune all-MiniLM-L6-v2 with a linear layer over the mean of its states (AdamW)."""
    from all_minilm_l6_v2 import extract_model
    from transformers import AutoModel, AutoTokenizer

    torch.manual_seed(0)
    with tempfile.TemporaryDirectory() as folder:
        path = extract_model(folder)
        tokenizer, body = AutoTokenizer.from_pretrained(path), AutoModel.from_pretrained(path)
    head = torch.nn.Linear(body.config.hidden_size, 2)
    model = _Transformer(tokenizer, body, head)
    model.fit(texts, labels)
    return model.classify


@dataclass(frozen=True)
class _Transformer:
    """A transformer with a linear layer over the mean of its states."""

    tokenizer: Callable[..., Any]
    body: torch.nn.Module
    head: torch.nn.Linear

    def logits(self, texts: Sequence[str]) -> torch.Tensor:
        """Return (texts, classes)."""
        how = {"truncation": True, "max_length": MINILM_TOKENS, "padding": True}
        batch = self.tokenizer(list(texts), return_tensors="pt", **how)
        states = self.body(**batch).last_hidden_state  # (texts, time, hidden)
        mask = batch["attention_mask"][:, :, None]
        return self.head((states * mask).sum(dim=1) / mask.sum(dim=1))

    def fit(self, texts: Sequence[str], labels: np.ndarray) -> None:
        """Train all of it, once over the texts."""
        steps = -(-len(texts) // MINILM_BATCH)
        parameters = [*self.body.parameters(), *self.head.parameters()]
        optimiser = torch.optim.AdamW(parameters, MINILM_RATE)
        schedule = torch.optim.lr_scheduler.LinearLR(optimiser, 1.0, 0.0, steps)
        order = np.random.default_rng(0).permutation(len(texts))
        for rows in np.array_split(order, steps):
            targets = torch.from_numpy(labels[rows].astype(np.int64))
            logits = self.logits([texts[row] for row in rows])
            optimiser.zero_grad()
            torch.nn.functional.cross_entropy(logits, targets).backward()
            optimiser.step()
            schedule.step()

    def classify(self, texts: Sequence[str]) -> np.ndarray:
        """Return int64 (texts,), the class of each."""
        order = sorted(range(len(texts)), key=lambda row: len(texts[row]))  # little padding
        found = np.empty(len(texts), np.int64)
        with torch.inference_mode():
            for start in range(0, len(texts), MINILM_BATCH):
                rows = order[start : start + MINILM_BATCH]
                found[rows] = self.logits([texts[row] for row in rows]).argmax(dim=1).numpy()
        return found


def _line(text: str) -> str:
    return " ".join(text.lower().split())


PEERS: dict[str, Callable[[Sequence[str], np.ndarray], Classify]] = {
    "TF-IDF 1-2-grams, logistic regression": tfidf,
    "fastText, word pairs": fasttext,
    "VADER, a word list": vader,
    "all-MiniLM-L6-v2, fine-tuned": minilm,
}


@click.command()
@click.option("--data", type=FILE, required=True, help="Labelled CSV file.")
@click.option("--splits", type=FILE, required=True, help="CSV file: `split` says train or test.")
@click.option("--text-column", default="review", show_default=True)
@click.option("--label-column", default="sentiment", show_default=True, help="0 or 1.")
@click.option(
    "--bundle", "bundles", multiple=True, help="FOLDER or NAME=FOLDER; else the shipped one."
)
@click.option("--transformer-texts", default=2000, show_default=True, help="It is trained on.")
@click.option("--test-rows", type=int, help="Else all.")
def main(
    data: Path,
    splits: Path,
    text_column: str,
    label_column: str,
    bundles: tuple[str, ...],
    transformer_texts: int,
    test_rows: int | None,
) -> None:
    """Train the peers, score the test rows, and print accuracy and rows per second."""
    os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
    inference.CORES = 1
    torch.set_num_threads(1)
    frame, split = pd.read_csv(data), pd.read_csv(splits)["split"]
    train, test = frame[split == "train"], frame[split == "test"].head(test_rows or len(frame))
    labels = test[label_column].to_numpy()
    for given in bundles or (f"shipped={DEFAULT_BUNDLE}",):
        show_bundle(given, test[text_column].tolist(), labels)
    texts, held_out = (_plain(part[text_column]) for part in (train, test))
    targets = train[label_column].to_numpy()
    for name, fit in PEERS.items():
        rows, label = len(texts), name
        if fit is minilm:
            rows, label = transformer_texts, f"{name} on {transformer_texts:,}"
        try:
            classify = fit(texts[:rows], targets[:rows])
        except ImportError as error:
            click.echo(f"{name}: left out, {error}")
            continue
        _show(label, classify, held_out, labels)


def show_bundle(given: str, texts: Sequence[str], labels: np.ndarray) -> None:
    """Score with a bundle, FOLDER or NAME=FOLDER, in float32 and in the fastest precision."""
    name, _, folder = given.rpartition("=")
    loaded = load_bundle(Path(folder))
    for precision in ("float32", "auto"):
        predictor = load_predictor(loaded, precision, "cpu")
        label = f"{name or folder}, {precision} ({predictor.precision})"
        _show(label, _ours(predictor), texts, labels)


def _ours(predictor: Predictor) -> Classify:
    def classify(texts: Sequence[str]) -> np.ndarray:
        column = pa.array(texts, pa.large_string())
        return predictor.predict(predictor.encode(column)).probabilities.argmax(axis=1)

    return classify


def _plain(texts: pd.Series) -> list[str]:
    return normalise(pa.array(texts, pa.large_string()), TextRules()).to_pylist()


def _show(name: str, classify: Classify, texts: Sequence[str], labels: np.ndarray) -> None:
    before = time.process_time()
    found = classify(texts)
    taken = time.process_time() - before
    accuracy = f"accuracy {(found == labels).mean():.2%}"
    show([Figure(f"{name}, {accuracy}", per_second(len(texts) / taken, "rows"))])


if __name__ == "__main__":
    main()
