"""The scoring job: `python score_job.py IN OUT` adds probability columns to a CSV or Parquet file.

Thin: options, what is printed, and the exit code. What is done is in `scorer.scoring.scoring`.
"""

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import IO, TYPE_CHECKING, Any

import click

from scorer.cli.table_options import csv_options, table_options
from scorer.console import Progress, check_characters, run_job
from scorer.errors import InputError, ScorerError
from scorer.scoring.watcher import Watcher

if TYPE_CHECKING:
    from scorer.scoring.destination import Destination
    from scorer.scoring.interruption import Interruption
    from scorer.scoring.request import Source, Target
    from scorer.scoring.scoring import Model
    from scorer.scoring.summary import BundleFacts, RunSummary

PRECISIONS = click.Choice(["auto", "float32", "bfloat16", "float16", "int8"])
SWITCH_SECONDS = 0.0002  # between Python's threads: the model's are many short steps


@click.command(context_settings={"show_default": True})
@click.argument("source", metavar="IN")
@click.argument("target", metavar="OUT")
@click.option("--bundle", metavar="FOLDER", help="Bundle that scores; else the store's.")
@click.option("--store", metavar="FOLDER", help="Store whose current bundle scores; else shipped.")
@click.option("--text-column", metavar="NAME", help="Column of the texts; else the bundle's.")
@click.option("--output-format", metavar="FORMAT", help="Of OUT: csv, csv.gz, parquet, …")
@table_options
@click.option("--infer-types", is_flag=True, help="Give CSV columns types where no cell changes.")
@click.option("--prefix", default="", help="Before the name of every added column.")
@click.option(
    "--with-label", "label", is_flag=True, help="Add a column with the most likely class."
)
@click.option(
    "--with-status", "status", is_flag=True, help="Add a column that says why a row has no score."
)
@click.option("--overwrite", is_flag=True, help="Replace OUT if it is there.")
@click.option("--chunk-rows", type=click.IntRange(1), default=8192, help="Rows scored at a time.")
@click.option("--max-rejects", default="1%", help="Unreadable rows allowed: a count or a share.")
@click.option("--precision", type=PRECISIONS, default="auto", help="Of the model's products.")
@click.option("--workers", type=click.IntRange(0), help="Processes that encode; else by device.")
@click.option("--profile", is_flag=True, help="Tell where the time went.")
@click.option("--json", "as_json", is_flag=True, help="Print the run's summary as a line of JSON.")
@click.option("--quiet", is_flag=True, help="Print errors and warnings only.")
@click.option("--verbose", is_flag=True, help="Show the traceback of an error.")
def main(verbose: bool, **options: Any) -> None:
    """Score the text column of IN; write IN's columns and the scores to OUT.

    IN and OUT are CSV or Parquet files (.csv, .csv.gz, .csv.zst, .tsv, .parquet), or - for a
    standard stream.
    """
    run_job(lambda: score(**options), verbose)


def score(
    bundle: str | None,
    store: str | None,
    precision: str,
    workers: int | None,
    quiet: bool,
    profile: bool,
    as_json: bool,
    **options: Any,
) -> None:
    """Refuse what can be refused at once; then load the bundle, which takes seconds, and score."""
    from scorer.files.fingerprint import check_readable
    from scorer.scoring.destination import STANDARD_STREAM, reserved
    from scorer.scoring.interruption import Interruption

    paths = ("source", "target")  # whose names may be any bytes
    check_characters(**{name: value for name, value in options.items() if name not in paths})
    source, target = _source(**options), _target(**options)
    with (
        Interruption() as interruption,
        reserved(target.path, source.file, target.overwrite) as destination,
    ):
        lines = sys.stderr if target.path == STANDARD_STREAM else sys.stdout  # where JSON goes
        printer = Printer(interruption, Progress(quiet), profile, lines if as_json else None)
        with leaving_word(destination, printer):
            check_readable(source.file)
            model = load_model(bundle, store, precision, workers)
        import pyarrow as pa

        from scorer.scoring.scoring import Run

        sys.setswitchinterval(SWITCH_SECONDS)
        pa.set_memory_pool(pa.system_memory_pool())  # Arrow's own gives back less in a long run
        try:
            Run(source, target, destination, model, printer).score()
        finally:
            model.predictor.close()


@contextmanager
def leaving_word(destination: "Destination", printer: "Printer") -> Iterator[None]:
    """Write the summary of a run that ends before there is a model: `Run` writes all others."""
    try:
        yield
    except ScorerError as error:
        from scorer.scoring.summary import as_json, unstarted

        word = unstarted(error, destination.name)
        destination.failed(word, rejects=False)
        printer.print_json(as_json(word))
        raise


def _source(
    source: str,
    input_format: str | None,
    infer_types: bool,
    text_column: str | None,
    chunk_rows: int,
    max_rejects: str,
    **options: Any,
) -> "Source":
    from scorer.scoring.ledger import RejectLimit
    from scorer.scoring.request import Source
    from scorer.tables.formats import format_of

    csv = csv_options(options, infer_types)
    limit = RejectLimit.parse(max_rejects)
    return Source(source, format_of(source, input_format), csv, text_column, chunk_rows, limit)


def _target(
    target: str,
    output_format: str | None,
    prefix: str,
    label: bool,
    status: bool,
    overwrite: bool,
    **_: Any,
) -> "Target":
    from scorer.scoring.columns import AddedColumns
    from scorer.scoring.request import Target
    from scorer.tables.formats import format_of

    added = AddedColumns(prefix, label, status)
    return Target(target, format_of(target, output_format, writing=True), added, overwrite)


def load_model(
    bundle: str | None, store: str | None, precision: str, workers: int | None = None
) -> "Model":
    """Load a bundle and check that it still scores as it did where it was made."""
    from scorer.bundles.bundle import load_bundle
    from scorer.bundles.store import resolve_bundle
    from scorer.network.inference import Predictor
    from scorer.scoring.scoring import Model
    from scorer.scoring.summary import BundleFacts

    loaded = load_bundle(resolve_bundle(bundle, store))
    predictor = Predictor.from_bundle(loaded, precision, workers=workers)
    loaded.golden.check(predictor)
    return Model(predictor, BundleFacts.of(loaded), loaded.text_column)


class Printer(Watcher):
    """Shows where a run stands, ends it when a signal came, and says what it did."""

    def __init__(
        self, interruption: "Interruption", progress: Progress, profile: bool, json: IO[str] | None
    ) -> None:
        self._interruption, self._progress = interruption, progress
        self._profile, self._json = profile, json
        self._started = time.monotonic()

    def check(self) -> None:
        """Raise if a signal has come."""
        self._interruption.check()

    def note(self, line: str) -> None:
        """Print what a person should know."""
        self._progress.warn(f"note: {line}")

    def started(self, bundle: "BundleFacts") -> None:
        """Print which bundle scores."""
        from scorer.scoring.run_lines import bundle_line

        self._started = time.monotonic()
        self._progress.say(bundle_line(bundle))

    def advance(self, rows: int) -> None:
        """Show how many rows are written."""
        rate = rows / (time.monotonic() - self._started)
        self._progress.update(f"{rows:,} rows, {rate:,.0f} rows/s")

    def ended(self, summary: "RunSummary") -> None:
        """Print the closing lines; those of a run that failed are its error's."""
        from scorer.scoring.run_lines import closing_line, profile_lines

        self._progress.clear()
        if self._profile:
            for line in profile_lines(summary):
                self._progress.warn(line)
        if summary.published:
            self._progress.say(closing_line(summary))
        self.print_json(summary.to_json())

    def print_json(self, line: str) -> None:
        """Print a summary as a line of JSON, if that was asked for."""
        if not self._json:
            return
        try:
            click.echo(line, file=self._json)
        except BrokenPipeError:
            raise
        except OSError as error:
            raise InputError(f"cannot write the summary: {error.strerror}") from error


if __name__ == "__main__":
    main()
