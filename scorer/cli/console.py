"""What all commands share: ending with an exit code, and showing progress.

Knows standard error and exit codes, nothing of training or scoring. Imports nothing heavy.
"""

import os
import sys
import time
import traceback
from collections.abc import Callable
from typing import Any

import click

from scorer.errors import ScorerError, UsageError

LOG_SECONDS = 30.0  # between progress lines in a log
LIVE_SECONDS = 0.2  # between repaints of the live line on a terminal
UNEXPECTED, INTERRUPTED, CLOSED_PIPE = 1, 130, 3  # exit codes


def run_job(job: Callable[[], None], verbose: bool | None = None, piped: bool = False) -> None:
    """Run a job and end the process with its exit code: one line on stderr, no traceback.

    An error that is a `ScorerError` has its own code, any other exits 1; `verbose` adds the
    traceback (None: there is no such option). With `piped` a reader such as `head` may close
    standard output early. click's own errors (usage, exit 2) pass through to click.
    """
    try:
        job()
        if sys.stdout is not None:  # a daemon may have closed it
            sys.stdout.flush()
    except (click.ClickException, click.exceptions.Exit):
        raise
    except ScorerError as error:
        _end(f"error: {error}", error.exit_code, verbose)
    except KeyboardInterrupt:
        _end("interrupted", INTERRUPTED, verbose)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # or exiting fails again
        if piped:
            sys.exit(0)
        _end("error: standard output was closed by its reader", CLOSED_PIPE, verbose)
    except Exception as error:
        hint = "" if verbose is None else "; --verbose shows the traceback"
        what = f"{type(error).__name__}: {error}{hint}"
        _end(f"unexpected error: {what}", UNEXPECTED, verbose)


def _end(line: str, exit_code: int, verbose: bool | None) -> None:
    if verbose:
        traceback.print_exc()
    click.echo(_one_line(line), err=True)
    sys.exit(exit_code)


def _one_line(text: str) -> str:
    """Return a text without breaks, which names of files and columns may have."""
    return " ".join(text.splitlines())


def check_characters(**options: Any) -> None:
    """Raise `UsageError` for an option with bytes that are no characters."""
    for name, value in options.items():
        for text in value if isinstance(value, tuple | list) else (value,):
            if isinstance(text, str) and any("\ud800" <= c <= "\udfff" for c in text):
                shown = name.replace("_", "-")
                raise UsageError(f"{shown} {text!a} has bytes that are not UTF-8")


class Progress:
    """Lines on standard error: one live line on a terminal, a plain line now and then in a log."""

    def __init__(self, quiet: bool = False) -> None:
        self._quiet = quiet
        self._live = sys.stderr is not None and sys.stderr.isatty()
        self._shown = 0  # width of the live line on the screen
        self._due = time.monotonic() + (0 if self._live else LOG_SECONDS)

    def update(self, line: str) -> None:
        """Show where the job stands, if it is time to: `line` replaces the last live line."""
        now = time.monotonic()
        if self._quiet or now < self._due:
            return
        self._due = now + (LIVE_SECONDS if self._live else LOG_SECONDS)
        if not self._live:
            click.echo(line, err=True)
            return
        click.echo("\r" + line.ljust(self._shown), nl=False, err=True)
        self._shown = len(line)

    def say(self, line: str) -> None:
        """Print a line that stays, unless quiet."""
        if not self._quiet:
            self.warn(line)

    def warn(self, line: str) -> None:
        """Print a line that stays, quiet or not."""
        self.clear()
        click.echo(_one_line(line), err=True)

    def clear(self) -> None:
        """Take the live line off the screen."""
        if self._shown:
            click.echo("\r" + " " * self._shown + "\r", nl=False, err=True)
            self._shown = 0


def duration(seconds: float) -> str:
    """Return seconds as people say them: `0.4 s`, `12 s`, `3 min 05 s`, `2 h 07 min`."""
    if seconds < 10:
        return f"{seconds:.1f} s"
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60:02d} s"
    return f"{whole // 3600} h {whole % 3600 // 60:02d} min"
