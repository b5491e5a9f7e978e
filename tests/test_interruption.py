import os
import signal
import time

import pytest

from scorer.cli import interruption
from scorer.cli.interruption import Interruption, ended_by_signals
from scorer.errors import InterruptedRunError


@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, 143), (signal.SIGINT, 130)])
def test_a_signal_is_kept_until_it_is_asked_for(number, code):
    with Interruption() as interrupted:
        interrupted.check()
        signal.raise_signal(number)
        with pytest.raises(InterruptedRunError, match=f"by {number.name}") as raised:
            interrupted.check()
    assert raised.value.exit_code == code


def test_afterwards_signals_do_what_they_did_before():
    before = signal.getsignal(signal.SIGINT)
    with Interruption():
        signal.raise_signal(signal.SIGTERM)
    assert signal.getsignal(signal.SIGINT) is before
    assert signal.alarm(0) == 0


def ended(act):
    """Act in another process under an interruption; return its exit code and the seconds."""
    started = time.monotonic()
    process = os.fork()
    if process == 0:
        with Interruption():
            signal.raise_signal(signal.SIGTERM)
            act()
        os._exit(0)
    _, status = os.waitpid(process, 0)
    return os.waitstatus_to_exitcode(status), time.monotonic() - started


def test_a_second_signal_ends_the_process_at_once():
    assert ended(lambda: signal.raise_signal(signal.SIGINT))[0] == 143


def test_what_does_not_come_to_an_end_is_ended(monkeypatch):
    monkeypatch.setattr(interruption, "GRACE_SECONDS", 1)
    code, seconds = ended(lambda: time.sleep(30))
    assert code == 143
    assert seconds < 20


@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, 143), (signal.SIGINT, 130)])
def test_a_job_that_keeps_its_state_is_ended_where_it_stands(number, code):
    before = signal.getsignal(number)
    expected = pytest.raises(InterruptedRunError, match=f"{number.name}.*last epoch")
    with expected as raised, ended_by_signals():
        signal.raise_signal(number)
        pytest.fail("went on")
    assert raised.value.exit_code == code
    assert signal.getsignal(number) is before
