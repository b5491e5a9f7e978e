"""SIGTERM and Ctrl-C: a run ends at the next chunk instead of in the middle of one.

Knows signals, nothing of what is being run.
"""

import os
import signal
from types import FrameType
from typing import Any

from scorer.errors import InterruptedRunError

SIGNALS = (signal.SIGINT, signal.SIGTERM)
GRACE_SECONDS = 60  # for the chunk in hand; an input that stalls would hold the run for ever
HINT = "The same command goes on from its journal, where there is one"


class Interruption:
    """While entered, the first signal only sets a flag.

    A second one, or the end of the grace, ends the process at once: the journal is safe, and what
    lies about is removed by the next run. To be entered in the main thread, the only one in which
    Python runs signal handlers.
    """

    def __init__(self) -> None:
        self._received: int | None = None
        self._handlers: dict[signal.Signals, Any] = {}

    def __enter__(self) -> "Interruption":
        numbers = (*SIGNALS, signal.SIGALRM)
        self._handlers = {number: signal.signal(number, self._receive) for number in numbers}
        return self

    def __exit__(self, *_: object) -> None:
        signal.alarm(0)
        for number, handler in self._handlers.items():
            signal.signal(number, handler)

    def _receive(self, number: int, _frame: FrameType | None) -> None:
        if self._received is not None:
            os._exit(128 + self._received)
        self._received = number
        signal.alarm(GRACE_SECONDS)

    def check(self) -> None:
        """Raise `InterruptedRunError` if a signal has come; to be called between chunks."""
        if self._received is not None:
            name = signal.Signals(self._received).name
            raise InterruptedRunError(f"interrupted by {name}", self._received, HINT)
