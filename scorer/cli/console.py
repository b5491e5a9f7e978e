"""What all commands share: ending with an exit code, and showing progress.

Knows standard error and exit codes, nothing of training or scoring. Imports nothing heavy.
"""

import json
import os
import sys
import time
import traceback
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import click

from scorer.errors import ScorerError, UsageError
from scorer.files.urls import without_secrets
from scorer.tables.doubts import Doubt

LOG_FORMATS = TEXT, JSON = "text", "json"
LOG_SECONDS = 30.0  # between progress lines in a log
LIVE_SECONDS = 0.2  # between repaints of the live line on a terminal
BAR_CELLS = 20
ERASE = "\x1b[K"  # from the cursor to the end of the line
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
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # or exiting fails again
        if piped:
            sys.exit(0)
        _end("error: standard output was closed by its reader", CLOSED_PIPE, verbose, log_format)
    except Exception as error:
        hint = "" if verbose is None else "; --verbose shows the traceback"
        what = f"{type(error).__name__}: {error}{hint}"
        _end(f"unexpected error: {what}", UNEXPECTED, verbose, log_format)


def _end(line: str, exit_code: int, verbose: bool | None, log_format: str) -> None:
    LIVE_LINE.clear()
    if verbose:
        click.echo(without_secrets(traceback.format_exc()), nl=False, err=True)
    if log_format == JSON:
        _json_line("error", _one_line(line), exit_code=exit_code)
    else:
        click.echo(_one_line(line), err=True)
    sys.exit(exit_code)


def _one_line(text: str) -> str:
    """Return a text without breaks, which names of files and columns may have, and secrets."""
    return " ".join(without_secrets(text).splitlines())


def check_characters(**options: Any) -> None:
    """Raise `UsageError` for an option with bytes that are no characters."""
    for name, value in options.items():
        for text in value if isinstance(value, tuple | list) else (value,):
            if isinstance(text, str) and any("\ud800" <= c <= "\udfff" for c in text):
                shown = name.replace("_", "-")
                raise UsageError(f"{shown} {text!a} has bytes that are not UTF-8")


@dataclass(frozen=True)
class Standing:
    """Where a job stands: what it does, how far it is (a share, None: not known), and more of it.

    facts: the same as numbers, for programs.
    """

    what: str
    share: float | None
    details: str
    facts: Mapping[str, Any] = field(default_factory=dict)

    def __str__(self) -> str:
        return f"{self.what}, {self.details}"


class Progress:
    """Lines on standard error: a live bar on a terminal, in a log some lines with the time.

    log_format: `text`, or `json` for a JSON object a line, also on a terminal.
    """

    def __init__(self, quiet: bool = False, log_format: str = TEXT) -> None:
        self._quiet, self._json = quiet, log_format == JSON
        self._live = sys.stderr is not None and sys.stderr.isatty() and not self._json
        self._due = time.monotonic() + (0 if self._live else LOG_SECONDS)
        self._bar: Callable[[Standing], str] | None = None
        self._warned: set[str] = set()

    def update(self, standing: Standing) -> None:
        """Show where the job stands, if it is time to; on a terminal in place of the last one."""
        now = time.monotonic()
        if self._quiet or now < self._due:
            return
        self._due = now + (LIVE_SECONDS if self._live else LOG_SECONDS)
        if self._live:
            self._bar = self._bar or _bar()
            LIVE_LINE.show(self._bar(standing))
        elif self._json:
            _json_line("progress", str(standing), **standing.facts)
        else:
            click.echo(f"{datetime.now():%H:%M:%S} {standing}", err=True)

    def say(self, line: str) -> None:
        """Print a line that stays, unless quiet."""
        if not self._quiet:
            self.show(line)

    def note(self, line: str) -> None:
        """Print a note; a doubt as a warning, quiet or not."""
        if isinstance(line, Doubt):
            self.warn(line)
        else:
            self.say(f"note: {line}")

    def warn(self, line: str) -> None:
        """Print a warning, quiet or not; the same one once, as many files may have it."""
        if line not in self._warned:
            self._warned.add(line)
            self.show(line if self._json else f"WARNING: {line}", "warning")

    def show(self, line: str, level: str = "info") -> None:
        """Print a line that stays, quiet or not."""
        LIVE_LINE.clear()
        if self._json:
            _json_line(level, _one_line(line))
        else:
            click.echo(_one_line(line), err=True)


def _bar() -> Callable[[Standing], str]:
    """Return what makes a line of a standing, as wide as the terminal; imports rich."""
    from rich.console import Console
    from rich.progress_bar import ProgressBar

    console = Console(file=sys.stderr)

    def line(standing: Standing) -> str:
        if standing.share is None:
            return str(standing)[: console.width - 1]
        bar = ProgressBar(total=1.0, completed=standing.share, width=BAR_CELLS)
        with console.capture() as captured:
            console.print(bar, end="")
        room = console.width - len(standing.what) - BAR_CELLS - 3
        return f"{standing.what} {captured.get()} {standing.details[: max(room, 0)]}"

    return line


class _LiveLine:
    """The line at the bottom of a terminal that is painted over again and again."""

    def __init__(self) -> None:
        self._is_shown = False

    def show(self, line: str) -> None:
        """Replace what stands in it."""
        click.echo(f"\r{line}{ERASE}", nl=False, err=True, color=True)
        self._is_shown = True

    def clear(self) -> None:
        """Take it off the screen, if it is there."""
        if self._is_shown:
            click.echo(f"\r{ERASE}", nl=False, err=True, color=True)
            self._is_shown = False


LIVE_LINE = _LiveLine()  # there is one standard error


def _json_line(level: str, message: str, **facts: Any) -> None:
    now = datetime.now(UTC).isoformat(timespec="milliseconds")
    line = {"time": now, "level": level, "message": message, **facts}
    click.echo(json.dumps(line, ensure_ascii=True), err=True)


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
