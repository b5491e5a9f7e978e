"""Options that say which bundle or store a command works on, the same for every command."""

from collections.abc import Callable
from typing import Any, TypeVar

import click
from click.core import ParameterSource

from scorer.cli.arguments import LOCAL, STORE_VARIABLE

Command = TypeVar("Command", bound=Callable[..., Any])


class _UnlessBundle(click.Option):
    """An option whose environment variable is not looked at where a bundle is named."""

    def resolve_envvar_value(self, ctx: click.Context) -> str | None:
        """Return the variable's value."""
        if ctx.get_parameter_source("bundle") is ParameterSource.COMMANDLINE:  # it is read before
            return None
        return super().resolve_envvar_value(ctx)


BUNDLE = click.option(
    "--bundle", metavar="FOLDER", type=LOCAL, help="Model bundle to use: a folder, or `shipped`."
)
STORE = click.option(
    "--store",
    cls=_UnlessBundle,
    envvar=STORE_VARIABLE,
    show_envvar=True,
    metavar="FOLDER",
    type=LOCAL,
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
