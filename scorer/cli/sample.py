"""`scorer sample SCORED`: which rows to label next."""

from typing import Any

import click

from scorer.cli.arguments import LOCAL
from scorer.cli.bundle_options import bundle_options
from scorer.cli.job import run_job
from scorer.cli.table_options import TEXT_COLUMN
from scorer.wording import counted


@click.command()
@click.argument("scored", metavar="SCORED")
@click.option(
    "--rows", type=click.IntRange(1), default=200, show_default=True, help="Number of rows."
)
@click.option(
    "--by",
    default="uncertainty",
    metavar="uncertainty|disagreement|random",
    show_default=True,
    help="Which rows: the least certain ones; those to which the bundle that --bundle or --store "
    "names gives other probabilities; or random ones.",
)
@bundle_options
@TEXT_COLUMN
@click.option(
    "--seed",
    type=click.IntRange(0),
    default=0,
    show_default=True,
    help="Seed of the random choice.",
)
@click.option(
    "--output", metavar="FILE", help="CSV file to write. Default: standard output.", type=LOCAL
)
def sample(**options: Any) -> None:
    """Write rows of SCORED, a scored file, as a CSV with an empty column `label` to fill in.

    Its other columns go along, but for the scores; train_job.py takes the file as it is.
    """
    run_job(lambda: _sample(**options), piped=True)


def _sample(
    scored: str,
    output: str | None,
    by: str,
    bundle: str | None,
    store: str | None,
    text_column: list[str] | None,
    **options: Any,
) -> None:
    from pathlib import Path

    from scorer.files.byte_streams import STANDARD_STREAM
    from scorer.files.publish import check_output
    from scorer.jobs import one_name
    from scorer.monitoring.labelling import rows_to_label
    from scorer.tables.formats import FORMATS, create_table

    if output is not None:
        check_output(Path(output).absolute(), Path(scored).absolute(), overwrite=False)
    other = None
    if by == "disagreement":
        from scorer.bundles.store import load_chosen

        other = load_chosen(bundle, store)
    table = rows_to_label(scored, by=by, other=other, text_column=one_name(text_column), **options)
    with create_table(output or STANDARD_STREAM, FORMATS["csv"], table.schema) as writer:
        writer.write(table)
    if output is not None:
        click.echo(f"{output}: {counted(table.num_rows, 'row')} to label", err=True)
