"""What a benchmark finds: figures, ratios with what they should be, and how they are printed.

Knows nothing of what is measured.
"""

import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import click


@dataclass(frozen=True)
class Figure:
    """One line of the table. goal: what the ratio has to reach, or not to pass (`at_most`)."""

    name: str
    value: str
    ratio: float | None = None
    of: str = ""
    goal: float | None = None
    at_most: bool = False

    def line(self) -> str:
        """Return the line as it is printed."""
        ratio = "" if self.ratio is None else f"{self.ratio:8.2f} x {self.of}"
        return f"{self.name:44}{self.value:>22}  {ratio:44}{self._verdict()}".rstrip()

    def _verdict(self) -> str:
        if self.goal is None or self.ratio is None:
            return ""
        reached = self.ratio <= self.goal if self.at_most else self.ratio >= self.goal
        word = "at most" if self.at_most else "at least"
        return f"{word} {self.goal:g}: {'ok' if reached else 'NO'}"


def show(figures: Sequence[Figure]) -> None:
    """Print figures, a line each."""
    for figure in figures:
        click.echo(figure.line())


def seconds(work: Callable[[], object]) -> float:
    """Return the wall-clock seconds of one call."""
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def median_seconds(repeats: int, work: Callable[[], object]) -> float:
    """Return the median of several calls."""
    return statistics.median(seconds(work) for _ in range(repeats))


def per_second(count: float, unit: str) -> str:
    """Return a rate as it is printed."""
    return f"{count:,.0f} {unit}/s"


def agree(what: str, holds: bool) -> None:
    """Raise, so that no ratio is printed, where two sides did not give the same answers."""
    if not holds:
        raise click.ClickException(f"not the same answers: {what}")
