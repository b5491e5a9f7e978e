"""The scoring command: `score_job.py IN OUT`, `score-job`, `scorer score`.

Options, what is printed, and the exit code; the work is in `scorer.jobs`. Imports nothing
heavy.
"""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import click

from scorer import __version__
from scorer.cli.arguments import LOCAL, Command, check_characters
from scorer.cli.bundle_options import bundle_options
from scorer.cli.console import LOG_FORMATS, Progress
from scorer.cli.job import run_job
from scorer.cli.table_options import TEXT_COLUMN, WRITTEN, table_options

if TYPE_CHECKING:
    from scorer.cli.run_records import RunRecords
    from scorer.cli.scoring_lines import FilesPrinter

PRECISIONS = click.Choice(["auto", "float32", "bfloat16", "float16", "int16", "int8"])
EPILOG = """
Example: score_job.py last_night.csv scored.parquet --overwrite

Exit codes: 0 done, 1 unexpected, 2 usage, 3 input or disk, 4 bundle, 5 too many rejects, 6 drift,
75 another run holds OUT, 130/143 interrupted: the same command goes on where it stopped.
"""


@click.command(cls=Command, context_settings={"show_default": True}, epilog=EPILOG)
@click.argument("sources", nargs=-1, required=True, metavar="IN…")
@click.argument("target", metavar="OUT")
@bundle_options
@TEXT_COLUMN
@click.option(
    "--output-format", metavar="FORMAT", help=f"Format of OUT: {WRITTEN}. Default: by its name."
)
@table_options
@click.option(
    "--infer-types",
    is_flag=True,
    help="Turn CSV columns into numbers, dates and so on, where each cell stays what it is.",
)
@click.option("--prefix", default="", help="Prefix of the names of the added columns.")
@click.option("--with-label", is_flag=True, help="Add a column with the most likely class.")
@click.option(
    "--threshold",
    type=click.FloatRange(0, 1),
    metavar="SHARE",
    help="Probability from which --with-label gives the second of two classes (positive), and "
    "the first one below it. Default: the likelier class.",
)
@click.option(
    "--abstain",
    type=click.FloatRange(0, 1),
    metavar="SHARE",
    help="With --with-label: no label where the highest probability is below this.",
)
@click.option(
    "--with-status",
    is_flag=True,
    help="Add a column that says whether a row has a score, and why not.",
)
@click.option(
    "--explain",
    type=click.IntRange(1, 20),
    metavar="K",
    help="Add a column with the K words that moved the score most. Takes ten times as long.",
)
@click.option("--overwrite", is_flag=True, help="Replace OUT if it exists.")
@click.option(
    "--chunk-rows",
    type=click.IntRange(1),
    help="Rows scored at a time. Default: 8192, with --explain 1024.",
)
@click.option(
    "--max-rejects",
    default="1%",
    help="Unreadable rows with which the output is still published: a count or a share.",
)
@click.option(
    "--max-drift",
    type=click.FloatRange(0),
    metavar="LEVEL",
    help="Drift (how far the texts differ from those the bundle was evaluated on) from which the "
    "run ends with exit code 6; OUT is published. From 1 on a run warns anyway.",
)
@click.option(
    "--hold-on-drift",
    is_flag=True,
    help="Publish no output in that case; without --max-drift: from 1 on.",
)
@click.option(
    "--precision",
    type=PRECISIONS,
    default="auto",
    help="Arithmetic of the network; auto: the fastest that is exact enough here.",
)
@click.option(
    "--workers",
    type=click.IntRange(0),
    help="Processes that tokenise. Default: 0 on a CPU; beside a GPU all cores but one.",
)
@click.option("--profile", is_flag=True, help="Print where the time went.")
@click.option("--json", "as_json", is_flag=True, help="Print the run's summary as a line of JSON.")
@click.option(
    "--engine",
    default="local",
    metavar="local|ray",
    help="What runs the network: this machine, or Ray.",
)
@click.option(
    "--processes",
    type=click.IntRange(1),
    help="Processes that run the network. Default: threads of one process.",
)
@click.option(
    "--ray-address",
    metavar="ADDRESS",
    help="With --engine ray: cluster to join. Default: one is started here.",
)
@click.option(
    "--concurrency",
    type=click.IntRange(1),
    help="With --engine ray: number of actors. Default: one for each CPU or GPU.",
)
@click.option(
    "--cache",
    metavar="FILE",
    help="Remember the scores of texts across runs, in this SQLite file.",
    type=LOCAL,
)
@click.option("--report", metavar="FILE.html", help="Write an HTML page about the run.", type=LOCAL)
@click.option(
    "--history",
    metavar="FILE",
    help="Append the run's summary to this file, as a line of JSON.",
    type=LOCAL,
)
@click.option(
    "--metrics-file",
    metavar="FILE.prom",
    help="Write figures for Prometheus' textfile collector.",
    type=LOCAL,
)
@click.option(
    "--log-format",
    type=click.Choice(LOG_FORMATS),
    default="text",
    help="Format of the lines on standard error; json: one object a line.",
)
@click.option("--quiet", is_flag=True, help="Print errors and warnings only.")
@click.option("--verbose", is_flag=True, help="Show the traceback of an error.")
@click.version_option(__version__, message="%(version)s")
def main(verbose: bool, log_format: str, **options: Any) -> None:
    """Score the text column of IN; write IN's columns and the scores to OUT.

    IN and OUT are CSV, JSON Lines or Parquet, also behind URLs (s3://…), or - for a stream.
    With several IN, a folder, a quoted glob or @FILE (a file that lists inputs, one a line), OUT is
    a folder with one output for each, or s3://bucket/out/; what is up to date is not made again.
    """
    run_job(lambda: score(log_format=log_format, **options), verbose, log_format=log_format)


def score(
    sources: tuple[str, ...],
    quiet: bool,
    log_format: str,
    profile: bool,
    as_json: bool,
    history: str | None,
    metrics_file: str | None,
    **options: Any,
) -> None:
    """Score, ending at the next chunk when a signal comes."""
    from scorer.cli.interruption import Interruption
    from scorer.cli.lean_imports import lasting_objects, lean_imports

    named = {name: value for name, value in options.items() if name != "target"}
    check_characters(**named)  # names of files may be any bytes
    with Interruption() as interruption, lean_imports(options["engine"]):
        with lasting_objects():
            from scorer import jobs
            from scorer.cli.scoring_lines import FilesPrinter, ScoringPrinter
            from scorer.many_files.file_pairs import is_many
        records = _open_records(sources, history, metrics_file, options)
        printing = (Progress(quiet, log_format), options["target"], profile, as_json, records)
        options["check_cancelled"] = interruption.check
        many = is_many(sources, options["target"])
        printer = FilesPrinter(*printing) if many else ScoringPrinter(*printing)
        try:
            if isinstance(printer, FilesPrinter):
                _score_many(sources, printer, options)
            else:
                jobs.score_file(sources[0], callbacks=printer, **options)
        except Exception as error:  # of any kind: the records have to say so
            printer.end_early(error)
            raise


def _open_records(
    sources: tuple[str, ...],
    history: str | None,
    metrics_file: str | None,
    options: Mapping[str, Any],
) -> "RunRecords":
    """Return where the run is recorded; refuse a place that is another file of the run."""
    from scorer.cli.run_records import RunRecords, check_apart

    beside = {"--history": history, "--metrics-file": metrics_file, "--cache": options["cache"]}
    report = [] if options["report"] is None else [options["report"]]
    check_apart(beside, (*sources, options["target"], *report))
    return RunRecords(history, metrics_file)


def _score_many(
    sources: tuple[str, ...], printer: "FilesPrinter", options: Mapping[str, Any]
) -> None:
    from scorer import jobs

    try:
        jobs.score_files(sources, callbacks=printer, on_outcome=printer.on_outcome, **options)
    except Exception as error:  # of any kind: the records have to say so
        printer.end(error)
        raise
    printer.end()
