"""`scorer bundles STORE`: the versions of a store, and which of them is in use."""

from typing import TYPE_CHECKING

import click

from scorer.cli.console import run_job
from scorer.errors import ScorerError

if TYPE_CHECKING:
    from pathlib import Path


@click.command()
@click.argument("store", metavar="STORE")
@click.option("--use", metavar="VERSION", help="Put this version in use: go back, or forward.")
def bundles(store: str, use: str | None) -> None:
    """List the versions of STORE with their test accuracy; `*` is the one in use."""
    run_job(lambda: _bundles(store, use), piped=True)


def _bundles(store: str, use: str | None) -> None:
    from pathlib import Path

    from scorer.bundles.bundle import load_bundle
    from scorer.bundles.store import current, in_use, promote, versions

    folder = Path(store)
    if use is not None:
        if use in versions(folder):
            load_bundle(folder / use)  # a damaged one is not put in use
        promote(folder, use)
    for version in versions(folder):
        click.echo(
            f"{'*' if version == in_use(folder) else ' '} {version}  {_state(folder / version)}"
        )
    current(folder)  # says what is wrong where none is in use


def _state(folder: "Path") -> str:
    from scorer.bundles.bundle import load_bundle

    try:
        metrics = load_bundle(folder).facts.metrics
    except ScorerError as error:
        return f"damaged: {error}"
    return f"test accuracy {metrics['test']['accuracy']:.2%}"
