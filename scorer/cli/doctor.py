"""`scorer doctor`: whether this machine can score tonight."""

import sys

import click

from scorer.cli.bundle_options import bundle_options
from scorer.cli.console import run_job

FAILED = 4


@click.command()
@bundle_options
@click.option("--output-folder", default=".", show_default=True, help="Where outputs will go.")
def doctor(bundle: str | None, store: str | None, output_folder: str) -> None:
    """Check packages, disk, bundle and golden rows, and score a row; exit 4 if a check fails."""
    run_job(lambda: _doctor(bundle, store, output_folder))


def _doctor(bundle: str | None, store: str | None, folder: str) -> None:
    from scorer.monitoring.health import check_health

    failed = False
    for check in check_health(bundle, store, folder):
        failed |= not check.ok
        click.echo(f"{'ok  ' if check.ok else 'FAIL'} {check.name}: {check.found}")
    if failed:
        sys.exit(FAILED)
