"""A process that answers whatever it is sent, one question at a time.

SIGINT and SIGTERM are for the process that started it: it leaves them blocked, and ends when it
is ended or its owner is gone. Knows pipes and signals, nothing of what is asked.
"""

import multiprocessing
import signal
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from multiprocessing import resource_tracker
from multiprocessing.connection import Connection
from multiprocessing.context import SpawnProcess
from typing import Any

from scorer.errors import ScorerError


class GoneError(ScorerError):
    """A process ended, or was killed, before it gave its answer."""


class ChildProcess:
    """A process that runs `serve(pipe, *arguments)`, and the end of the pipe to it."""

    def __init__(
        self, name: str, hint: str, serve: Callable[..., None], *arguments: object
    ) -> None:
        """Start it. name, hint: of the error that is raised when it is gone.

        arguments: small ones, as they have to fit into a pipe. If the owner is killed while larger
        ones are on their way, the new process ends in a traceback. `send` those: `asked` ends in
        silence.
        """
        spawn = multiprocessing.get_context("spawn")  # a fork would copy the locks of threads
        self._name, self._hint = name, hint
        self._pipe, theirs = spawn.Pipe()
        with _signals_blocked():
            self._process: SpawnProcess = spawn.Process(
                target=serve, args=(theirs, *arguments), name=name, daemon=True
            )
            self._process.start()
        theirs.close()  # so that the pipe ends with the process

    @property
    def pid(self) -> int | None:
        """Its number."""
        return self._process.pid

    def send(self, question: object) -> None:
        """Ask it. Raises `GoneError`."""
        try:
            self._pipe.send(question)
        except OSError as error:
            raise self._gone() from error

    def receive(self) -> Any:
        """Return the answer to what it was asked, or raise it; `GoneError` where it has none."""
        try:
            answer = self._pipe.recv()
        except (EOFError, OSError) as error:
            raise self._gone() from error
        if isinstance(answer, Exception):
            raise answer
        return answer

    def end(self) -> None:
        """End it, at once."""
        self._process.kill()
        self._process.join()
        self._pipe.close()

    def _gone(self) -> GoneError:
        self._process.join()
        code = self._process.exitcode or 0
        how = f"was killed by {signal.Signals(-code).name}" if code < 0 else f"ended with {code}"
        return GoneError(f"{self._name} {self.pid} {how}", self._hint)


def answer_each(pipe: Connection, name: str, answer: Callable[[Any], object]) -> None:
    """Answer each question, or give back the error it leads to, while somebody asks."""
    for question in asked(pipe):
        with suppress(OSError):  # nobody is left
            pipe.send(_answer(name, answer, question))


def asked(pipe: Connection) -> Iterator[Any]:
    """Yield each question until nobody is left to ask, if only since the middle of a question."""
    while True:
        try:
            question = pipe.recv()
        except (EOFError, OSError):
            return
        yield question


def _answer(name: str, answer: Callable[[Any], object], question: object) -> object:
    try:
        return answer(question)
    except Exception as error:  # of any kind: it is raised where the answer is taken
        error.add_note(f"in {name}:\n{traceback.format_exc()}")
        return error


@contextmanager
def _signals_blocked() -> Iterator[None]:
    """Block SIGINT and SIGTERM here, and for good in the processes that are started meanwhile."""
    resource_tracker.ensure_running()  # its start would unblock them
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT, signal.SIGTERM})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
