"""The job of a command: run, and ended with an exit code and at most one line.

Knows errors and exit codes, nothing of what a job does. Imports nothing heavy.
"""

import os
import sys
import traceback
from collections.abc import Callable

import click

from scorer.cli.console import JSON, LIVE_LINE, TEXT, print_line
from scorer.errors import ScorerError
from scorer.files.urls import without_secrets

UNEXPECTED, INTERRUPTED, CLOSED_PIPE = 1, 130, 3  # exit codes


def run_job(
    job: Callable[[], None],
    verbose: bool | None = None,
    piped: bool = False,
    log_format: str = TEXT,
) -> None:
    """Run a job and end the process with its exit code: one line on stderr, no traceback.

    An error that is a `ScorerError` has its own code, any other exits 1; `verbose` adds the
    traceback (None: there is no such option). With `piped` a reader such as `head` may close
    standard output early; `log_format` is that of the error's line. click's own errors (usage,
    exit 2) pass through to click.
    """
    try:
        job()
        if sys.stdout is not None:  # a daemon may have closed it
            sys.stdout.flush()
    except (click.ClickException, click.exceptions.Exit):
        raise
    except ScorerError as error:
        _end(f"error: {error}", error.exit_code, verbose, log_format)
    except KeyboardInterrupt:
        _end("interrupted", INTERRUPTED, verbose, log_format)
    except BrokenPipeError:
        discard_output()
        if piped:
            sys.exit(0)
        _end("error: standard output was closed by its reader", CLOSED_PIPE, verbose, log_format)
    except Exception as error:
        hint = "" if verbose is None else "; --verbose shows the traceback"
        what = f"{type(error).__name__}: {error}{hint}"
        _end(f"unexpected error: {what}", UNEXPECTED, verbose, log_format)


def discard_output() -> None:
    """Have what is left for standard output go nowhere, or exiting fails again."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _end(line: str, exit_code: int, verbose: bool | None, log_format: str) -> None:
    if verbose:
        LIVE_LINE.clear()
        click.echo(without_secrets(traceback.format_exc()), nl=False, err=True)
    print_line(line, "error", log_format == JSON, exit_code=exit_code)
    sys.exit(exit_code)
