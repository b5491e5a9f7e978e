"""`scorer doctor`: whether this machine can score tonight."""

import sys
from typing import TYPE_CHECKING, Any

import click

from scorer.cli.arguments import LOCAL
from scorer.cli.bundle_options import bundle_options
from scorer.cli.job import run_job

if TYPE_CHECKING:
    from scorer.monitoring.health import Check

FAILED = 4
OK, NOTE, FAIL = "ok", "note", "FAIL"  # before each line; a note is no failure


@click.command()
@bundle_options
@click.option(
    "--output-folder",
    metavar="FOLDER",
    default=".",
    show_default=True,
    help="Folder that outputs will go to.",
    type=LOCAL,
)
@click.option(
    "--least-free",
    type=click.FloatRange(0),
    default=1.0,
    show_default=True,
    metavar="GB",
    help="Least free space in the output folder.",
)
def doctor(**options: Any) -> None:
    """Check packages, disk, bundle and golden rows, and score a row; exit 4 if a check fails."""
    run_job(lambda: _doctor(**options))


def _doctor(output_folder: str, **options: Any) -> None:
    from scorer.monitoring.health import check_health

    failed = False
    for check in check_health(folder=output_folder, **options):
        failed |= not check.ok
        click.echo(line_of(check))
    if failed:
        sys.exit(FAILED)


def line_of(check: "Check") -> str:
    """Return what is printed of a check."""
    mark = OK if check.ok else FAIL
    if check.missing:
        mark = NOTE
    return f"{mark:4} {check.name}: {check.found}"
