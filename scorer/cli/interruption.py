"""SIGTERM and Ctrl-C: a scoring ends at its next chunk, a training where it stands.

Knows signals, nothing of what is being run.
"""

import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any

from scorer.errors import InterruptedRunError

SIGNALS = (signal.SIGINT, signal.SIGTERM)
GRACE_SECONDS = 60  # for the chunk in hand; an input that stalls would hold the run for ever
JOURNAL_HINT = "The same command goes on from its journal, where there is one"
EPOCH_HINT = "The same command goes on from its last epoch, where one was finished"


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
            raise _interrupted(self._received, JOURNAL_HINT)


@contextmanager
def ended_by_signals() -> Iterator[None]:
    """While entered, a signal raises `InterruptedRunError` from wherever the job is.

    For a job that keeps its state by itself. To be entered in the main thread.
    """
    received: list[int] = []

    def receive(number: int, _frame: FrameType | None) -> None:
        received.append(number)
        raise KeyboardInterrupt  # which no handler of errors on the way takes for one

    handlers = {number: signal.signal(number, receive) for number in SIGNALS}
    try:
        yield
    except KeyboardInterrupt:
        raise _interrupted(received[0], EPOCH_HINT) from None
    finally:
        for number, handler in handlers.items():
            signal.signal(number, handler)


def _interrupted(number: int, hint: str) -> InterruptedRunError:
    return InterruptedRunError(f"interrupted by {signal.Signals(number).name}", number, hint)
