"""Labelled files of the tiny texts, and a recipe by which a training of them takes a second."""

import csv
from collections.abc import Sequence
from dataclasses import replace
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from tiny_models import LabelledTexts, write_texts

from scorer.corpus.corpus import Corpus, read_corpus
from scorer.corpus.labelled_columns import Columns
from scorer.training.callbacks import Callbacks
from scorer.training.packaging import TrainingResult
from scorer.training.recipe import Recipe, make_recipe
from scorer.training.task import Task
from scorer.training.training import build

SETTINGS: dict[str, Any] = {
    "epochs": 8,
    "batch_size": 32,
    "learning_rate": 0.02,
    "embedding_dim": 8,
    "hidden_dim": 12,
    "vocabulary_size": 90,
    "dropout": 0.1,
    "passes": 0,
}


def tiny_recipe(preset: str = "accurate", **settings: Any) -> Recipe:
    """Return a preset's recipe, made small."""
    recipe = make_recipe(preset, **{**SETTINGS, **settings})
    return replace(recipe, linear=False, refit=False, starts_pretrained=False)


def write_csv(path: Path, rows: Sequence[Sequence[str]], header: Sequence[str]) -> Path:
    """Write a CSV file."""
    with path.open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows([header, *rows])
    return path


def write_labelled(path: Path, labelled: LabelledTexts) -> Path:
    """Write a CSV with the columns text and label; labels are class names."""
    names = [labelled.classes[target] for target in labelled.targets]
    return write_csv(path, list(zip(labelled.texts, names, strict=True)), ("text", "label"))


@cache
def tiny_corpus() -> Corpus:
    """Return four hundred labelled texts in three parts."""
    with TemporaryDirectory() as folder:
        path = write_labelled(Path(folder) / "a.csv", write_texts(("negative", "positive"), 400, 5))
        return read_corpus([path], "0.2", "0.2", Columns(), seed=0)


@cache
def tiny_learned() -> TrainingResult:
    """Return what is learned of it by the tiny recipe."""
    return build(Task(tiny_corpus(), tiny_recipe()), Callbacks())
