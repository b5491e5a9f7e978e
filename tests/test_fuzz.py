"""The fuzzing benchmark runs, and finds nothing in a few files; thousands are its own business."""

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parent.parent


def test_a_few_random_and_damaged_files_are_read_rightly_or_refused() -> None:
    counts = ["--csv", "150", "--parquet", "60", "--damaged", "5"]
    command = [sys.executable, "-W", "ignore", str(ROOT / "benchmarks" / "fuzz.py"), *counts]
    how = {"cwd": ROOT, "env": {**os.environ, "PYTHONPATH": str(ROOT)}}
    ended = subprocess.run(command, capture_output=True, text=True, check=False, **how)
    assert ended.returncode == 0, ended.stdout + ended.stderr
    assert "random csv: right" in ended.stdout
    assert "random parquet: right" in ended.stdout
