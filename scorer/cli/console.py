"""Lines on standard error: what a command says, and how far it is.

Knows terminals and logs, nothing of training or scoring. Imports nothing heavy.
"""

import json
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import click

from scorer.files.urls import without_secrets
from scorer.tables.doubts import Doubt

LOG_FORMATS = TEXT, JSON = "text", "json"
LOG_SECONDS = 30.0  # between progress lines in a log
LIVE_SECONDS = 0.2  # between repaints of the live line on a terminal
BAR_CELLS = 20
ERASE = "\x1b[K"  # from the cursor to the end of the line


@dataclass(frozen=True)
class Standing:
    """Where a job stands: what it does, how far it is (a share, None: not known), and more of it.

    facts: the same as numbers, for programs.
    """

    what: str
    share: float | None
    details: str = ""
    facts: Mapping[str, Any] = field(default_factory=dict)

    def __str__(self) -> str:
        return f"{self.what}, {self.details}" if self.details else self.what


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

    def begin(self, what: str) -> None:
        """Show what begins and has no steps to count: on a terminal now, in a log if it is time."""
        if self._live:
            self._due = time.monotonic()
        self.update(Standing(what, None))

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
        print_line(line, level, self._json)


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


def print_line(line: str, level: str, as_json: bool, **facts: Any) -> None:
    """Print a line that stays, without breaks or a URL's secrets; `facts` stand in JSON alone."""
    LIVE_LINE.clear()
    if as_json:
        _json_line(level, _one_line(line), **facts)
    else:
        click.echo(_one_line(line), err=True)


def _one_line(text: str) -> str:
    """Return a text without breaks, which names of files and columns may have, and secrets."""
    return " ".join(without_secrets(text).splitlines())


def _json_line(level: str, message: str, **facts: Any) -> None:
    now = datetime.now(UTC).isoformat(timespec="milliseconds")
    line = {"time": now, "level": level, "message": message, **facts}
    click.echo(json.dumps(line, ensure_ascii=True), err=True)
