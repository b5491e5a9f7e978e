import subprocess
import sys

import click
import pytest

from scorer.cli import console
from scorer.cli.console import Progress, duration, run_job
from scorer.errors import BundleError, InputError, InterruptedRunError, UsageError


def raising(error):
    def job():
        raise error

    return job


def ended(capsys, error, verbose=False):
    with pytest.raises(SystemExit) as end:
        run_job(raising(error), verbose)
    return end.value.code, capsys.readouterr().err


@pytest.mark.parametrize(
    ("error", "code", "line"),
    [
        (UsageError("no such thing", "--that helps"), 2, "error: no such thing. --that helps\n"),
        (InputError("cannot read it"), 3, "error: cannot read it\n"),
        (BundleError("it is damaged"), 4, "error: it is damaged\n"),
        (InterruptedRunError("interrupted by SIGTERM", 15), 143, "error: interrupted by SIGTERM\n"),
        (KeyboardInterrupt(), 130, "interrupted\n"),
        (
            ValueError("two\nlines"),
            1,
            "unexpected error: ValueError: two lines; --verbose shows the traceback\n",
        ),
    ],
)
def test_an_error_ends_the_job_with_its_code_and_one_line(capsys, error, code, line):
    assert ended(capsys, error) == (code, line)


def test_an_error_that_spans_lines_is_still_one_line(capsys):
    assert ended(capsys, InputError("line\nbroken\r\nname.csv"))[1].count("\n") == 1


def test_verbose_shows_the_traceback_and_the_line_last(capsys):
    code, shown = ended(capsys, InputError("cannot read it"), verbose=True)
    assert code == 3
    assert shown.startswith("Traceback")
    assert shown.endswith("\nerror: cannot read it\n")


def test_usage_errors_of_click_are_left_to_click():
    with pytest.raises(click.UsageError):
        run_job(raising(click.UsageError("no such option")))


def test_a_reader_that_goes_away_ends_the_job_without_a_traceback():
    program = """
import sys
from scorer.cli.console import run_job
def job():
    while True:
        sys.stdout.write("line\\n" * 1000)
run_job(job)
"""
    command = [sys.executable, "-c", program]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as job:
        assert job.stdout is not None
        assert job.stderr is not None
        job.stdout.readline()
        job.stdout.close()
        assert job.stderr.read() == b"error: standard output was closed by its reader\n"
    assert job.returncode == 3


def test_a_log_gets_a_line_now_and_then(capsys, monkeypatch):
    now = [0.0]
    monkeypatch.setattr(console.time, "monotonic", lambda: now[0])
    progress = Progress()
    for second in range(100):
        now[0] = second
        progress.update(f"at {second}")
    assert capsys.readouterr().err == "at 30\nat 60\nat 90\n"


def test_a_terminal_gets_one_live_line_that_leaves_no_rest(capsys, monkeypatch):
    monkeypatch.setattr(console, "LIVE_SECONDS", 0)
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    progress = Progress()
    progress.update("a long line")
    progress.update("short")
    progress.say("done")
    assert capsys.readouterr().err == "\ra long line\rshort      \r     \rdone\n"


def test_quiet_keeps_warnings(capsys):
    progress = Progress(quiet=True)
    progress.say("this")
    progress.update("that")
    progress.warn("but this")
    assert capsys.readouterr().err == "but this\n"


@pytest.mark.parametrize(
    ("seconds", "said"),
    [
        (0.44, "0.4 s"),
        (12.4, "12 s"),
        (59.7, "1 min 00 s"),
        (185, "3 min 05 s"),
        (7620, "2 h 07 min"),
    ],
)
def test_a_duration_is_said_as_people_do(seconds, said):
    assert duration(seconds) == said
