"""Options that say which bundle or store a command works on, the same for every command."""

from collections.abc import Callable
from typing import Any, TypeVar

import click
from click.core import ParameterSource

from scorer.cli.paths import LOCAL, STORE_VARIABLE

Command = TypeVar("Command", bound=Callable[..., Any])


def _unless_bundle(context: click.Context, option: click.Parameter, store: str | None) -> Any:
    """Leave out the environment's store where a bundle is named."""
    source = context.get_parameter_source(option.name or "")
    named = context.params.get("bundle") is not None
    return None if named and source is ParameterSource.ENVIRONMENT else store


BUNDLE = click.option(
    "--bundle", metavar="FOLDER", type=LOCAL, help="Model bundle to use: a folder, or `shipped`."
)
STORE = click.option(
    "--store",
    envvar=STORE_VARIABLE,
    show_envvar=True,
    metavar="FOLDER",
    type=LOCAL,
    callback=_unless_bundle,
    help="Store of bundles: its bundle in use is used. Default: the shipped bundle.",
)
STORE_FOLDER = click.option(
    "--store",
    default="bundles",
    envvar=STORE_VARIABLE,
    show_default=True,
    show_envvar=True,
    metavar="FOLDER",
    type=LOCAL,
    help="Store: the folder of bundle versions.",
)


def bundle_options(command: Command) -> Command:
    """Add the options that choose a bundle to a command."""
    return BUNDLE(STORE(command))
