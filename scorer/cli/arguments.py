"""What is typed behind a command: paths of this machine alone, and no URL's secret in a message.

Every argument of a command is looked at before click reads it, so no option can be forgotten: what
is secret in a URL is shown in no error, whoever raises it. Imports nothing heavy.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import click

from scorer.errors import UsageError
from scorer.files.urls import hide_secrets, is_url, note_secrets, without_secrets

STORE_VARIABLE = "SCORER_STORE"


class LocalPath(click.ParamType):  # type: ignore[type-arg]  # of later clicks
    """A path of this machine; `file://` is one, any other URL is refused."""

    name = "path"

    def convert(
        self, value: Any, param: click.Parameter | None, context: click.Context | None
    ) -> str:
        """Return the path."""
        try:
            path = hide_secrets(os.fspath(value))
        except UsageError as error:
            self.fail(str(error), param, context)
        if is_url(path):
            self.fail("it takes a path of this machine, no URL", param, context)
        return path


LOCAL = LocalPath()


class Command(click.Command):
    """A command whose errors of usage show no secret; its job's errors are `console`'s."""

    def make_context(
        self,
        info_name: str | None,
        args: list[str],
        parent: click.Context | None = None,
        **extra: Any,
    ) -> click.Context:
        """Read the arguments."""
        for argument in (*args, os.environ.get(STORE_VARIABLE, "")):
            note_secrets(argument)
        with _discreetly():
            return super().make_context(info_name, args, parent, **extra)

    def invoke(self, context: click.Context) -> Any:
        """Run the command."""
        with _discreetly():
            return super().invoke(context)


class Group(Command, click.Group):
    """A command with others under it."""


@contextmanager
def _discreetly() -> Iterator[None]:
    try:
        yield
    except click.UsageError as error:
        message = error.format_message()
        if without_secrets(message) == message:
            raise
        raise click.UsageError(without_secrets(message), error.ctx) from None


def check_characters(**options: Any) -> None:
    """Raise `UsageError` for an option with bytes that are no characters."""
    for name, value in options.items():
        for text in value if isinstance(value, tuple | list) else (value,):
            if isinstance(text, str) and any("\ud800" <= c <= "\udfff" for c in text):
                shown = name.replace("_", "-")
                raise UsageError(f"{shown} {text!a} has bytes that are not UTF-8")
