"""`scorer sample SCORED`: which rows to label next."""

import sys
from typing import Any

import click

from scorer.cli.bundle_options import bundle_options
from scorer.cli.console import run_job
from scorer.cli.paths import LOCAL


@click.command()
@click.argument("scored", metavar="SCORED")
@click.option("--rows", type=click.IntRange(1), default=200, show_default=True, help="How many.")
@click.option(
    "--by",
    default="uncertainty",
    metavar="uncertainty|disagreement|random",
    show_default=True,
    help="Which; of disagreement: with the bundle that is named.",
)
@bundle_options
@click.option("--text-column", metavar="NAME", help="Column of the texts; else inferred.")
@click.option("--seed", type=click.IntRange(0), default=0, show_default=True, help="Of chance.")
@click.option("--output", metavar="FILE", type=LOCAL, help="A new CSV file; else standard output.")
def sample(**options: Any) -> None:
    """Write rows of SCORED, a scored file, as a CSV with an empty column `label` to fill in."""
    run_job(lambda: _sample(**options), piped=True)


def _sample(
    scored: str, output: str | None, by: str, bundle: str | None, store: str | None, **options: Any
) -> None:
    import csv
    from pathlib import Path

    from scorer.files.publish import check_output, writing
    from scorer.monitoring.labelling import rows_to_label

    other = None
    if by == "disagreement":
        from scorer.bundles.store import load_chosen

        other = load_chosen(bundle, store)
    table = rows_to_label(scored, by=by, other=other, **options)
    lines = [("text", "label", "guess")]
    lines += [(row["text"], "", row["guess"]) for row in table.to_pylist()]
    if output is None:
        csv.writer(sys.stdout).writerows(lines)
        return
    path = Path(output).absolute()
    check_output(path, Path(scored).absolute(), overwrite=False)
    with writing(path), path.open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows(lines)
