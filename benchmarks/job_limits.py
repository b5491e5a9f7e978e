"""The scoring job as a process of its own: memory and time as rows grow, a long row."""

import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import astuple, dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from measured import Figure, agree
from setting import Setting

from scorer.files.publish import beside

SCRIPT = Path(__file__).parent.parent / "score_job.py"
WORDS = 12  # of each text where rows are many
FEW, MANY = 100_000, 1_000_000
LONG_WORDS = 2_000_000


@dataclass(frozen=True)
class Process:
    """What a process used."""

    seconds: float
    cpu: float  # seconds of all its threads
    megabytes: float  # at most


def _run_job(setting: Setting, source: Path, target: Path, precision: str = "auto") -> Process:
    command = [sys.executable, str(SCRIPT), str(source), str(target), "--overwrite", "--quiet"]
    command += ["--bundle", str(setting.bundle_folder), "--precision", precision]
    before, started = os.times(), time.perf_counter()
    code = subprocess.run([*command, "--text-column", setting.text_column]).returncode
    taken, after = time.perf_counter() - started, os.times()
    cpu = after.children_user + after.children_system
    cpu -= before.children_user + before.children_system
    agree(f"{' '.join(command)} ended with {code}", code == 0)
    summary = json.loads(beside(target, "run.json").read_text())
    return Process(taken, cpu, summary["peak_memory_mb"])


def growing(setting: Setting) -> list[Figure]:
    """Ten times the rows: as much memory, ten times the seconds beyond start-up."""
    short = setting.frame[setting.text_column].str.split().str[:WORDS].str.join(" ")
    sources = [_rows(setting, short, rows) for rows in (100, FEW, MANY)]
    rounds = [
        [_run_job(setting, source, setting.folder / "grown.parquet") for source in sources]
        for _ in range(setting.repeats)
    ]
    start, few, many = (_median(runs) for runs in zip(*rounds, strict=True))
    growth = (many.seconds - start.seconds) / (few.seconds - start.seconds)
    cpu = (many.cpu - start.cpu) / (few.cpu - start.cpu)
    memory = many.megabytes / few.megabytes
    less = f"that of {FEW:,} rows"
    name = f"{MANY:,} short rows"
    return [
        Figure(f"{name}: peak memory", f"{many.megabytes:,.0f} MB", memory, less, 1.1, True),
        Figure(f"{name}: seconds", f"{many.seconds:,.1f} s", growth, less, 10.5, True),
        Figure(f"{name}: CPU seconds", f"{many.cpu:,.1f} s", cpu, less, 10.5, True),
        Figure("peak memory", "", many.megabytes / 1500, "1.5 GB", 1.0, True),
    ]


def _median(runs: Sequence[Process]) -> Process:
    return Process(*(statistics.median(values) for values in zip(*map(astuple, runs), strict=True)))


def _rows(setting: Setting, texts: pd.Series, rows: int) -> Path:
    """Write that many rows, each text another one by its number."""
    path = setting.folder / f"{rows}.csv"
    repeated = texts.iloc[np.arange(rows) % len(texts)].reset_index(drop=True)
    numbered = repeated + " " + pd.Series(np.arange(rows)).astype(str)
    numbered.to_frame(setting.text_column).to_csv(path, index=False)
    return path


def long_row(setting: Setting) -> list[Figure]:
    """A row of two million words among normal ones: its neighbours score as without it."""
    texts = setting.frame[setting.text_column].head(500).tolist()
    words = " ".join(texts).split()
    long = " ".join(words[i % len(words)] for i in range(LONG_WORDS))
    found, middle = [], len(texts) // 2
    among = [*texts[:middle], long, *texts[middle:]]
    for name, column in (("without", texts), ("with", among)):
        source, target = setting.folder / f"{name}.csv", setting.folder / f"{name}.parquet"
        pd.DataFrame({setting.text_column: column}).to_csv(source, index=False)
        used = _run_job(setting, source, target, "float32")
        found.append(setting.probabilities(target))
    neighbours = np.delete(found[1], middle, axis=0)
    agree("neighbours of a long row", np.abs(neighbours - found[0]).max() <= 1e-6)
    agree("the long row has a score", not np.isnan(found[1]).any())
    name = f"a row of {LONG_WORDS:,} words: {used.seconds:,.0f} s"
    return [Figure(name, f"{used.megabytes:,.0f} MB", used.megabytes / 1500, "1.5 GB", 1.0, True)]
