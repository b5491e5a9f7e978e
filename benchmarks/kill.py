"""Runs killed at random moments, each followed by the same command, until nothing is left to doubt.

For each pair of formats a run that is left alone; then rounds of one command that is killed with
SIGKILL, and given again, until it got to its end. After a kill nothing may stand under the final
name, and the journal may have lost no row. The output must have the very bytes of the run that
was left alone, and the last run must have computed no score that was in the journal. Every run is
a process of its own, forked from this one, which has loaded the bundle once.
"""

import json
import os
import random
import signal
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import cycle
from pathlib import Path

import click
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet as pq

from scorer import jobs
from scorer.bundles.bundle_files import load_bundle
from scorer.bundles.store import resolve_bundle
from scorer.cli import score
from scorer.engines.engine import load_model
from scorer.files.publish import beside
from scorer.scoring.chunks import score_dtype
from scorer.scoring.journal import Journal

PAIRS = [("csv", "csv"), ("csv", "parquet"), ("parquet", "csv"), ("parquet", "parquet")]
WORDS = "a great film and the worst plot I have seen in years ; not bad at all , really <br />"
AWKWARD = ['"quoted", twice', "two\r\nlines", " ", "😀 ok", "007", ""]
ROW = score_dtype(2)
MARGIN = 0.2  # share of kills before the first score of a run, and as many after its last
MARGIN_SECONDS = 0.5
MOST_KILLS = 5  # of a round
POLL_SECONDS = 0.001


@dataclass
class Totals:
    """What was seen in all rounds."""

    kills: int = 0
    rounds: int = 0
    resumed_rows: int = 0  # by the last run of each round
    computed_rows: int = 0


@click.command()
@click.option("--kills", default=100, show_default=True)
@click.option("--rows", default=5000, show_default=True)
@click.option("--chunk-rows", default=200, show_default=True)
@click.option("--bundle", help="Bundle that scores; else the shipped one.")
@click.option("--seed", default=0, show_default=True)
def main(kills: int, rows: int, chunk_rows: int, bundle: str | None, seed: int) -> None:
    """Kill runs and compare what the same commands make of it."""
    model = load_model(load_bundle(resolve_bundle(bundle)))
    jobs.load_model = lambda *_: model  # each process forked from here has it
    totals, rng = Totals(), random.Random(seed)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write_inputs(folder, rows, rng)
        trials = cycle([Trial(folder, *pair, chunk_rows, rng) for pair in PAIRS])
        while totals.kills < kills:
            next(trials).round(totals)
            click.echo(line(totals))


def write_inputs(folder: Path, rows: int, rng: random.Random) -> None:
    """Write the same table as CSV and as Parquet."""
    texts = [" ".join(rng.choices(WORDS.split(), k=rng.randint(1, 40))) for _ in range(rows)]
    texts = [rng.choice(AWKWARD) if rng.random() < 0.05 else text for text in texts]
    table = pa.table({"id": [f"{i:06d}" for i in range(rows)], "text": texts})
    pq.write_table(table, folder / "in.parquet", row_group_size=rows // 3)
    pyarrow.csv.write_csv(table, folder / "in.csv")


def line(totals: Totals) -> str:
    """Say where the benchmark stands."""
    return (
        f"{totals.kills} kills in {totals.rounds} rounds; every output equal byte for byte; "
        f"the last runs took {totals.resumed_rows:,} rows from journals and computed "
        f"{totals.computed_rows:,}, none that was in a journal"
    )


class Trial:
    """One pair of formats."""

    def __init__(
        self, folder: Path, source: str, target: str, chunk_rows: int, rng: random.Random
    ) -> None:
        self._source = folder / f"in.{source}"
        self._output = folder / f"from-{source}.{target}"
        self._options, self._rng = ["--quiet", "--chunk-rows", str(chunk_rows)], rng
        expected = folder / f"expected-{self._output.name}"
        check(ended(self._start(expected)) == 0, "the run that is left alone failed")
        self._expected = expected.read_bytes()
        self._rows = json.loads(beside(expected, "run.json").read_text())["rows"]["written"]

    def _start(self, output: Path) -> int:
        """Start a run in a process of its own, and return its number."""
        process = os.fork()
        if process == 0:
            status = 1
            try:
                score.main([str(self._source), str(output), *self._options])
            except SystemExit as end:
                status = int(end.code or 0)
            finally:
                os._exit(status)
        return process

    def round(self, totals: Totals) -> None:
        """Kill runs of one command until one of them got to its end, and compare."""
        for file in self._files():
            file.unlink()
        kept, most = 0, totals.kills + self._rng.randint(1, MOST_KILLS)
        while self._killed(kept, last=totals.kills >= most):
            totals.kills += 1
            before, kept = kept, self._kept_rows()
            check(kept >= before, f"the journal had {before} rows, now {kept}")
        check(self._output.read_bytes() == self._expected, f"{self._output} differs")
        summary = json.loads(beside(self._output, "run.json").read_text())
        resumed, computed = summary["resumed_rows"], summary["computed_rows"]
        check((resumed, computed) == (kept, self._rows - kept), f"{kept} kept, {resumed} resumed")
        totals.rounds += 1
        totals.resumed_rows += resumed
        totals.computed_rows += computed

    def _killed(self, kept: int, last: bool) -> bool:
        """Start a run, kill it at a random moment unless it is the last of its round.

        Return whether it had not published yet.
        """
        process = self._start(self._output)
        if not last:
            self._wait(kept)
        if not last and not self._output.exists():
            os.kill(process, signal.SIGKILL)
        code = ended(process)
        check(code in (0, -signal.SIGKILL), f"exit code {code}")
        if code == 0:
            names = {file.name for file in self._files()}
            check(names == {self._output.name, f"{self._output.name}.run.json"}, f"left: {names}")
        return not self._output.exists()

    def _wait(self, kept: int) -> None:
        """Wait until a random share of the rows that are not `kept` is scored, and a bit longer."""
        share = self._rng.uniform(-MARGIN, 1 + MARGIN)
        journal = beside(self._output, "journal")
        goal = (kept + min(max(share, 0), 1) * (self._rows - kept)) * ROW.itemsize
        while not self._output.exists() and size_of(journal) < goal:
            time.sleep(POLL_SECONDS)
        if not 0 < share < 1:
            time.sleep(self._rng.uniform(0, MARGIN_SECONDS))

    def _files(self) -> Iterator[Path]:
        """Yield the output and all that goes with it."""
        yield from self._output.parent.glob(f"{self._output.name}*")
        yield from self._output.parent.glob(f".{self._output.name}*")

    def _kept_rows(self) -> int:
        """Return how many rows the journal that a killed run left has, as the next run counts."""
        path = beside(self._output, "journal")
        header, newline, _ = path.read_bytes().partition(b"\n") if path.exists() else (b"",) * 3
        if not newline:  # killed before the journal had begun
            return 0
        binding = json.loads(header)
        del binding["format"]
        copy = path.with_name("journal-copy")
        copy.write_bytes(path.read_bytes())  # opening one cuts its torn tail
        journal = Journal(copy, binding, ROW)
        journal.close()
        return journal.rows


def ended(process: int) -> int:
    """Wait for a process; return its exit code, or the negative number of its signal."""
    return os.waitstatus_to_exitcode(os.waitpid(process, 0)[1])


def size_of(path: Path) -> int:
    """Return the bytes of a file, 0 where there is none."""
    try:
        return path.stat().st_size
    except FileNotFoundError:
        return 0


def check(holds: bool, otherwise: str) -> None:
    """End the benchmark where something does not hold."""
    if not holds:
        raise SystemExit(f"FAILED: {otherwise}")


if __name__ == "__main__":
    main()
