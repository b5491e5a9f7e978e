"""Everything about a CUDA card in one command: is it right, how fast is it, what does it wait for.

    python benchmarks/cuda_card.py --data movie_data.csv

Needs a card and this project, nothing else; without a card it says so and ends with 2. The last
lines are a table for docs/benchmarks.md. `--device cpu` runs all that needs no card. (A file
`cuda.py` here would stand before the package `cuda`, which PyTorch imports.)
"""

import os
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import click
import numpy as np
import pandas as pd
import pyarrow as pa
import torch
from lecture_way import LectureWay
from measured import Figure, agree, median_seconds, per_second, seconds, show

from scorer import jobs
from scorer.bundles.bundle import Bundle
from scorer.bundles.bundle_files import load_bundle
from scorer.bundles.golden import TOLERANCES, probabilities_of
from scorer.bundles.predictor import load_predictor, text_encoder_of
from scorer.bundles.store import resolve_bundle
from scorer.engines.engine import model_of
from scorer.network.cuda_batches import CudaBatches
from scorer.network.inference import Predictor
from scorer.network.model import TextClassifier
from scorer.network.precision import fast_precisions
from scorer.scoring import scoring
from scorer.scoring.summary import RunSummary
from scorer.tokens.encoding import Encoded
from scorer.training.fitting import Examples, Fitted, Validation, fit
from scorer.training.recipe import TrainConfig

EXACT, ALONE = 1e-5, 1e-6  # from the CPU's float32; of a text alone and among others
CHECKED, LECTURE_ROWS = 2000, 300  # rows
SMALL_MEMORY = 0.02  # of the card's, for the trial of running out
NO_CARD = "no CUDA card: PyTorch finds none here (`nvidia-smi` says what the machine has)"


@dataclass(frozen=True)
class Trial:
    """What is measured with: texts with their labels as class indices, and where."""

    bundle: Bundle
    texts: pa.LargeStringArray
    labels: np.ndarray  # int64 (rows,)
    source: Path  # a CSV file of the texts
    folder: Path
    device: str
    repeats: int

    def predictor(self, precision: str, device: str | None = None, workers: int = 0) -> Predictor:
        """Return a predictor, which has passed the golden rows."""
        return load_predictor(self.bundle, precision, device or self.device, workers)

    def precisions(self) -> list[str]:
        """Return what the device can, float32 first."""
        return ["float32", *fast_precisions(self.bundle.facts.model, self.device)]

    @property
    def checked(self) -> pa.LargeStringArray:
        """The texts whose probabilities are compared."""
        return self.texts.slice(0, CHECKED)


def is_right(trial: Trial) -> Iterator[Figure]:
    """Compare every precision with the CPU's float32, golden rows and batches."""
    exact = trial.predictor("float32", "cpu")
    encoded = exact.encode(trial.checked)
    expected = exact.predict(encoded).probabilities
    for precision in trial.precisions():
        predictor = trial.predictor(precision)
        found = predictor.predict(encoded).probabilities
        away = float(np.nanmax(np.abs(found - expected)))
        limit = EXACT if precision == "float32" else TOLERANCES[precision]
        yield _at_most(f"{precision}: from the CPU's float32", away, limit)
        golden = probabilities_of(trial.bundle.golden.texts, predictor)
        off = float(np.abs(golden - trial.bundle.golden.probabilities).max())
        yield _at_most(f"{precision}: golden rows", off, TOLERANCES[precision])
        apart = _largest_change(predictor, encoded, found)
        yield _at_most(
            f"{precision}: alone, reversed, other batches", apart, max(limit / 10, ALONE)
        )
        same = (found.argmax(axis=1) == expected.argmax(axis=1)).mean()
        yield Figure(f"{precision}: same class", f"{same:.3%}", same / 0.999, "99.9%", 1.0)


def _at_most(name: str, value: float, limit: float) -> Figure:
    return Figure(name, f"{value:.2e}", value / limit, f"{limit:g}", 1.0, True)


def _largest_change(predictor: Predictor, encoded: Encoded, found: np.ndarray) -> float:
    """Return how far probabilities move with the batches: reversed, in tens, and one by one."""
    rows = np.arange(len(found))
    parts = [[rows[::-1]], np.array_split(rows[:200], 20), np.array_split(rows[:40], 40)]
    changes = [
        np.nanmax(np.abs(predictor.predict(encoded.take(part)).probabilities - found[part]))
        for several in parts
        for part in several
    ]
    return float(max(changes))


def runs_out_of_memory(trial: Trial) -> Iterator[Figure]:
    """Score with far too large batches where little memory may be used: halved until they fit."""
    predictor = trial.predictor("float32")
    encoded = predictor.encode(trial.checked)
    expected = predictor.predict(encoded).probabilities
    asked = int(encoded.lengths.max()) * len(encoded)
    predictor._cuda_batches = CudaBatches(asked)
    with _little_memory():
        found = predictor.predict(encoded).probabilities
    agree("scores after running out of memory", np.nanmax(np.abs(found - expected)) <= EXACT)
    left = predictor._cuda_batches.tokens
    yield Figure("memory out: tokens a batch", f"{left:,}", left / asked, "asked for", 1.0, True)
    if left == asked:
        click.echo(f"memory did not run out: {SMALL_MEMORY:.0%} of this card's is enough")


@contextmanager
def _little_memory() -> Iterator[None]:
    torch.cuda.empty_cache()
    torch.cuda.set_per_process_memory_fraction(SMALL_MEMORY)
    try:
        yield
    finally:
        torch.cuda.set_per_process_memory_fraction(1.0)


def trains(trial: Trial, rows: int) -> Iterator[Figure]:
    """Train a new network for an epoch on the device; validate by the path that scores."""
    bundle, cut = trial.bundle, rows * 3 // 4
    encoder = text_encoder_of(bundle, 0)
    parts = (trial.texts.slice(0, cut), trial.texts.slice(cut, rows - cut))
    known, held_out = (encoder.encode(part) for part in parts)
    wanted = trial.labels[cut:rows]

    def validate(model: TextClassifier) -> Validation:
        predictor = Predictor(encoder, model, bundle.classes, device=trial.device)
        found = predictor.predict(held_out).probabilities
        loss = -np.log(np.clip(found[np.arange(len(wanted)), wanted], 1e-9, 1)).mean()
        return Validation(float((found.argmax(axis=1) == wanted).mean()), float(loss))

    torch.manual_seed(0)
    model = TextClassifier(bundle.facts.model).to(trial.device)
    examples = Examples(known, trial.labels[:cut])
    fitted: list[Fitted] = []
    config = TrainConfig(epochs=1)
    taken = seconds(lambda: fitted.append(fit(model, examples, validate, config)))
    epoch = fitted[0].best
    yield Figure("training, an epoch", per_second(cut / taken, "texts"))
    yield Figure(
        "training: loss, validation accuracy", f"{epoch.loss:.3f}, {epoch.valid_accuracy:.2%}"
    )


def stages(trial: Trial) -> Iterator[Figure]:
    """Rows a second of encoding, of the model, and of the job with every number of workers."""
    encoder = trial.predictor("float32", "cpu")
    encoded = encoder.encode(trial.texts)
    rows = len(trial.texts)
    taken = median_seconds(trial.repeats, lambda: encoder.encode(trial.texts))
    yield Figure("encode, one core, pieces known", per_second(rows / taken, "rows"))
    for precision in trial.precisions():
        predictor = trial.predictor(precision)
        predictor.predict(encoded)
        taken = median_seconds(trial.repeats, partial(predictor.predict, encoded))
        yield Figure(f"model, {precision}", per_second(rows / taken, "rows"))


def job(trial: Trial) -> Iterator[Figure]:
    """The whole job, from 0 to all encoding workers, against the lecture's way."""
    lecture = LectureWay(trial.bundle, trial.device)
    texts = trial.texts.slice(0, LECTURE_ROWS).to_pylist()
    lecture.probabilities(texts[:5])
    rate = len(texts) / seconds(lambda: lecture.probabilities(texts))
    yield Figure("lecture's way, the same device", per_second(rate, "rows"))
    for workers in range((os.cpu_count() or 1) + 1):
        predictor = trial.predictor("auto", workers=workers)
        try:
            summary, taken = _scored(trial, predictor)
        finally:
            predictor.close()
        speed = summary.provenance.rows.written / taken
        name = f"job, auto ({predictor.precision}), {workers} workers"
        yield Figure(name, per_second(speed, "rows"), speed / rate, "the lecture's way")
        yield Figure("  the model waits for rows", f"{_waiting(summary):.0%} of its time")


def _scored(trial: Trial, predictor: Predictor) -> tuple[RunSummary, float]:
    model = model_of(trial.bundle, predictor)
    asked = jobs.source_and_target(
        trial.source, trial.folder / "out.parquet", "text", overwrite=True
    )
    summaries: list[RunSummary] = []

    def run() -> None:
        summaries.append(scoring.score_file(*asked, lambda: model))

    taken = median_seconds(trial.repeats, run)
    return summaries[-1], taken


def _waiting(summary: RunSummary) -> float:
    clock = summary.stages["model"]
    return clock.starved / max(clock.busy + clock.starved + clock.blocked, 1e-9)


def card() -> Figure:
    """Return which card it is, with what drives it."""
    facts = torch.cuda.get_device_properties(0)
    versions = f"torch {torch.__version__}, CUDA {torch.version.cuda}"
    cudnn = f"cuDNN {torch.backends.cudnn.version()}"
    memory = f"{facts.total_memory / 2**30:.0f} GB"
    return Figure(f"{facts.name}, {memory}", f"{versions}, {cudnn}")


def table(figures: Sequence[Figure]) -> str:
    """Return figures as a Markdown table."""
    rows = [
        f"| {f.name.strip()} | {f.value} | {'' if f.ratio is None else f'{f.ratio:.2f} x {f.of}'} |"
        for f in figures
    ]
    return "\n".join(["| | | |", "| --- | --- | --- |", *rows])


@click.command()
@click.option("--data", type=click.Path(exists=True, path_type=Path), required=True)
@click.option("--text-column", default="review", show_default=True)
@click.option("--label-column", default="sentiment", show_default=True, help="0 or 1.")
@click.option("--bundle", help="Bundle folder; else the one that is shipped.")
@click.option("--rows", default=20_000, show_default=True, help="Rows that are scored.")
@click.option("--repeats", default=3, show_default=True, help="Runs of which the median counts.")
@click.option("--device", type=click.Choice(["cuda", "cpu"]), default="cuda", show_default=True)
def main(
    data: Path,
    text_column: str,
    label_column: str,
    bundle: str | None,
    rows: int,
    repeats: int,
    device: str,
) -> None:
    """Check and time a CUDA card on the texts of a labelled CSV file."""
    if device == "cuda" and not torch.cuda.is_available():
        click.echo(NO_CARD, err=True)
        sys.exit(2)
    frame = pd.read_csv(data).dropna(subset=[text_column]).head(rows)
    with tempfile.TemporaryDirectory() as place:
        source = Path(place) / "rows.csv"
        frame.rename(columns={text_column: "text"})[["text"]].to_csv(source, index=False)
        texts = pa.array(frame[text_column].tolist(), pa.large_string())
        labels = frame[label_column].to_numpy(np.int64)
        loaded = load_bundle(resolve_bundle(bundle))
        trial = Trial(loaded, texts, labels, source, Path(place), device, repeats)
        show_all(trial, len(frame))


def show_all(trial: Trial, rows: int) -> None:
    """Print every figure as it comes, and all of them as a table."""
    parts: list[Callable[[], Iterator[Figure]]] = [
        lambda: is_right(trial),
        lambda: runs_out_of_memory(trial),
        lambda: trains(trial, rows),
        lambda: stages(trial),
        lambda: job(trial),
    ]
    if trial.device == "cpu":
        del parts[1]
    found = [card()] if trial.device == "cuda" else []
    show(found)
    for part in parts:
        for figure in part():
            show([figure])
            found.append(figure)
    click.echo("\n" + table(found))


if __name__ == "__main__":
    main()
