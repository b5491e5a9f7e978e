"""The errors a user can meet, each with the exit code that a job ends with.

Raised in the library, printed only by the jobs. Knows nothing of how they are shown.
"""

from collections.abc import Iterator
from contextlib import contextmanager


class ScorerError(Exception):
    """An expected failure: what happened, where, and (`hint`) the option or command that helps."""

    exit_code = 1
    published = False  # whether the run's output is, or may be, at its place all the same

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.hint = hint

    def __str__(self) -> str:
        message = super().__str__()
        return f"{message}. {self.hint}" if self.hint else message


@contextmanager
def prefix_errors(where: str) -> Iterator[None]:
    """Prefix the message of a `ScorerError` with `where`."""
    try:
        yield
    except ScorerError as error:
        raise type(error)(f"{where}: {error.args[0]}", error.hint) from error


class UsageError(ScorerError):
    """Options that do not fit each other or the data they are used on."""

    exit_code = 2


class InputError(ScorerError):
    """An input that cannot be read, or an output that cannot be written."""

    exit_code = 3


class BundleError(ScorerError):
    """A bundle that is damaged, foreign, too new, or does not score as it should."""

    exit_code = 4


class RowsError(ScorerError):
    """Too many rejected rows, or rows that are not accounted for."""

    exit_code = 5


class GateError(ScorerError):
    """A gate that was not passed: promotion or drift."""

    exit_code = 6


class OutputBusyError(ScorerError):
    """Another run holds the output."""

    exit_code = 75


class InterruptedRunError(ScorerError):
    """A signal ended the run; `exit_code` is 128 + the signal's number."""

    def __init__(self, message: str, signal_number: int, hint: str = "") -> None:
        super().__init__(message, hint)
        self.exit_code = 128 + signal_number
