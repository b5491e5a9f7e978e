import csv
import json
import random
import subprocess
import sys
import time
from pathlib import Path

from scorer.files.publish import beside
from scorer.scoring.chunks import score_dtype

JOB = Path(__file__).parents[1] / "score_job.py"
ROWS, CHUNK_ROWS = 2000, 10
ENDS = ("", ".run.json")


def command(source, output, bundle):
    options = ["--bundle", str(bundle), "--chunk-rows", str(CHUNK_ROWS), "--quiet"]
    return [sys.executable, str(JOB), str(source), str(output), *options]


def size_of(path):
    return path.stat().st_size if path.exists() else 0


def kill_after_some_rows(run, journal, rows):
    """Kill a run with SIGKILL when its journal has at least so many rows."""
    with run:
        while run.poll() is None and size_of(journal) < rows * score_dtype(2).itemsize:
            time.sleep(0.001)
        run.kill()


def test_a_killed_run_goes_on_with_what_it_had_and_ends_as_if_it_had_not_been_killed(
    tmp_path, tiny_bundle, labelled_texts
):
    source, output = tmp_path / "in.csv", tmp_path / "out.csv"
    rng = random.Random(1)
    with source.open("w", newline="") as file:
        texts = (rng.choice([*labelled_texts.texts, ""]) for _ in range(ROWS))
        csv.writer(file).writerows([("id", "text"), *enumerate(texts)])
    run = subprocess.Popen(command(source, output, tiny_bundle))
    kill_after_some_rows(run, beside(output, "journal"), rows=rng.randrange(ROWS // 2))
    assert not output.exists()
    assert size_of(beside(output, "journal")) > 0

    subprocess.run(command(source, output, tiny_bundle), check=True)
    again = json.loads(beside(output, "run.json").read_text())
    assert again["resumed_rows"] > 0
    assert again["resumed_rows"] + again["computed_rows"] == ROWS

    whole = tmp_path / "whole.csv"
    subprocess.run(command(source, whole, tiny_bundle), check=True)
    assert output.read_bytes() == whole.read_bytes()
    left = {path.name for path in tmp_path.iterdir()}
    assert left == {"in.csv", *(f"{name}.csv{end}" for name in ("out", "whole") for end in ENDS)}
