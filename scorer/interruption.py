"""SIGTERM and Ctrl-C: a run ends at the next chunk instead of in the middle of one.

Knows signals, nothing of what is being run.
"""

import os
import signal
from types import FrameType

from scorer.errors import InterruptedRunError

SIGNALS = (signal.SIGINT, signal.SIGTERM)


class Interruption:
    """While entered, the first signal only sets a flag; a second one ends the process at once.

    To be entered in the main thread, the only one in which Python runs signal handlers.
    """

    def __init__(self) -> None:
        self._received: int | None = None
        self._handlers: dict[signal.Signals, object] = {}

    def __enter__(self) -> "Interruption":
        self._handlers = {number: signal.signal(number, self._receive) for number in SIGNALS}
        return self

    def __exit__(self, *_: object) -> None:
        for number, handler in self._handlers.items():
            signal.signal(number, handler)  # type: ignore[arg-type]

    def _receive(self, number: int, _frame: FrameType | None) -> None:
        if self._received is not None:
            os._exit(128 + number)
        self._received = number

    def check(self) -> None:
        """Raise `InterruptedRunError` if a signal has come; to be called between chunks."""
        if self._received is not None:
            name = signal.Signals(self._received).name
            raise InterruptedRunError(f"interrupted by {name}", self._received)
