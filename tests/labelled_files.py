"""Labelled rows and the files they are written to."""

import csv
import random
from collections.abc import Sequence
from pathlib import Path

Rows = Sequence[Sequence[str]]
WORDS = [a + b for a in ("ka", "lo", "mi", "nu", "pe", "ri") for b in ("ba", "do", "fi", "gu")]


def texts(rows: int, seed: int = 0) -> list[str]:
    """Return texts of which no two are alike."""
    rng = random.Random(seed)
    return [" ".join(rng.choices(WORDS, k=15)) for _ in range(rows)]


def labelled(rows: int, seed: int = 0, values: Sequence[str] = ("0", "1")) -> list[tuple[str, str]]:
    """Return such texts, each with the next of the values."""
    return [(text, values[i % len(values)]) for i, text in enumerate(texts(rows, seed))]


def write(path: Path, rows: Rows, header: Sequence[str] = ("text", "label")) -> Path:
    """Write a CSV."""
    with path.open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows([header, *rows])
    return path
