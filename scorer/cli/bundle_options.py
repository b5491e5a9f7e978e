"""Options that say which bundle a command looks at, the same for every command."""

from collections.abc import Callable
from typing import Any, TypeVar

import click

Command = TypeVar("Command", bound=Callable[..., Any])
OPTIONS = (
    click.option("--bundle", metavar="FOLDER", help="Bundle that is used."),
    click.option(
        "--store", metavar="FOLDER", help="Store whose bundle in use it is; else the shipped one."
    ),
)


def bundle_options(command: Command) -> Command:
    """Add the options to a command."""
    for option in reversed(OPTIONS):
        command = option(command)
    return command
