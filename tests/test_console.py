import fcntl
import json
import os
import pty
import re
import struct
import subprocess
import sys
import termios
from collections.abc import Callable, Iterator
from dataclasses import replace

import click
import pytest
from tiny_corpora import tiny_corpus, tiny_recipe, write_csv

from scorer import score_file
from scorer.cli import console
from scorer.cli.console import Progress, Standing
from scorer.cli.job import run_job
from scorer.cli.scoring_lines import ScoringPrinter
from scorer.cli.training_lines import TrainingPrinter
from scorer.errors import BundleError, InputError, InterruptedRunError, UsageError
from scorer.tables.doubts import Doubt
from scorer.training.task import Task
from scorer.training.training import build
from scorer.wording import duration


def raising(error):
    def job():
        raise error

    return job


def ended(capsys, error, verbose=False):
    with pytest.raises(SystemExit) as end:
        run_job(raising(error), verbose)
    return end.value.code, capsys.readouterr().err


def test_a_terminal_shows_at_once_what_begins_and_a_log_when_it_is_time(capsys, monkeypatch):
    progress = Progress()
    progress.begin("fitting the linear term")
    assert capsys.readouterr().err == ""
    monkeypatch.setattr("scorer.cli.console.LOG_SECONDS", 0.0)
    Progress().begin("fitting the linear term")
    assert re.fullmatch(r"\d\d:\d\d:\d\d fitting the linear term\n", capsys.readouterr().err)
    monkeypatch.setattr("sys.stderr.isatty", lambda: True, raising=False)
    live = Progress()
    for what in ("counting words", "fitting the linear term"):  # within one repaint
        live.begin(what)
        assert what in capsys.readouterr().err
    console.LIVE_LINE.clear()


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
from scorer.cli.job import run_job
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


def at(second: int) -> Standing:
    return Standing(f"{second} rows", second / 100, "9 rows/s", {"rows": second})


def test_a_log_gets_a_line_now_and_then_with_the_time(capsys, monkeypatch):
    now = [0.0]
    monkeypatch.setattr(console.time, "monotonic", lambda: now[0])
    progress = Progress()
    for second in range(100):
        now[0] = second
        progress.update(at(second))
    lines = capsys.readouterr().err.splitlines()
    assert [line[9:] for line in lines] == [f"{n} rows, 9 rows/s" for n in (30, 60, 90)]
    assert all(re.fullmatch(r"\d\d:\d\d:\d\d", line[:8]) for line in lines)


def test_a_log_of_json_has_an_object_a_line(capsys, monkeypatch):
    now = [0.0]
    monkeypatch.setattr(console.time, "monotonic", lambda: now[0])
    progress = Progress(log_format="json")
    progress.say("with\nbreak")
    progress.warn("look")
    now[0] = 31
    progress.update(at(31))
    with pytest.raises(SystemExit):
        run_job(raising(InputError("cannot read \U0001f600")), log_format="json")
    lines = [json.loads(line) for line in capsys.readouterr().err.splitlines()]
    assert [(line["level"], line["message"]) for line in lines] == [
        ("info", "with break"),
        ("warning", "look"),
        ("progress", "31 rows, 9 rows/s"),
        ("error", "error: cannot read \U0001f600"),
    ]
    assert (lines[2]["rows"], lines[3]["exit_code"]) == (31, 3)
    assert all(line["time"].endswith("+00:00") for line in lines)


@pytest.fixture
def attach(monkeypatch) -> Iterator[Callable[[], Callable[[], str]]]:
    """Makes standard error a real terminal of 100 columns; gives what is written to it."""
    master, slave = pty.openpty()
    fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 30, 100, 0, 0))
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.delenv("COLUMNS", raising=False)
    monkeypatch.setattr(console, "LIVE_SECONDS", 0)
    with os.fdopen(slave, "w", encoding="utf-8") as stream:

        def written() -> str:
            stream.flush()
            os.set_blocking(master, False)
            parts = []
            while True:
                try:
                    parts.append(os.read(master, 1 << 16))
                except BlockingIOError:
                    return b"".join(parts).decode()

        def attached() -> Callable[[], str]:  # in the test: pytest has its own before
            monkeypatch.setattr(sys, "stderr", stream)
            return written

        yield attached
    os.close(master)


def screen(written: str) -> list[str]:
    """Return the lines as a terminal shows them in the end."""
    lines, line = [], ""
    for part in re.split(r"(\r\n|\r)", re.sub(r"\x1b\[[0-9;]*[mK]", "", written)):
        if part == "\r\n":
            lines.append(line)
            line = ""
        elif part != "\r":
            line = part
    return [*lines, line]


def test_a_terminal_has_a_live_bar_that_leaves_no_rest(attach):
    terminal = attach()
    progress = Progress()
    progress.update(Standing("1,234 rows", 0.25, "25% of the input, 900 rows/s, 3 s left"))
    shown = terminal()
    assert "1,234 rows" in shown
    assert "━━━" in shown
    assert "25% of the input, 900 rows/s, 3 s left" in shown
    assert "\n" not in shown
    progress.update(Standing("9,999 rows", None, "x" * 500))
    progress.say("done")
    after = terminal()
    assert screen(after)[0] == "done"
    assert all(len(line) <= 100 for line in screen(after.replace("\r", "\r\n")))
    assert "\x1b[?25" not in shown + after  # the cursor is never hidden


def test_an_error_takes_the_bar_off_the_terminal(attach):
    terminal = attach()
    Progress().update(at(5))
    with pytest.raises(SystemExit):
        run_job(raising(InputError("cannot read it")))
    assert screen(terminal()) == ["error: cannot read it", ""]


def test_a_scoring_run_shows_its_bar(attach, labelled_texts, tiny_bundle, tmp_path):
    terminal = attach()
    write_csv(tmp_path / "in.csv", [(text,) for text in labelled_texts.texts], ("text",))
    printer = ScoringPrinter(Progress(), "out.csv", profile=False, json=False)
    for name in ("out.csv", "out.parquet"):
        target = tmp_path / name
        score_file(tmp_path / "in.csv", target, tiny_bundle, chunk_rows=50, callbacks=printer)
        shown = terminal()
        assert re.search(r"100 rows .*2\d% of the input, [\d,]+ rows/s, [\d.]+ s left", shown)
        assert "100% of the input" in shown
    again = tmp_path / "again.csv"
    score_file(target, again, tiny_bundle, chunk_rows=50, prefix="x_", callbacks=printer)
    assert "50% of the input" in terminal()


def test_a_training_shows_its_epochs_and_batches(attach, tmp_path):
    terminal = attach()
    build(Task(tiny_corpus(), tiny_recipe(epochs=2)), TrainingPrinter(Progress(), tmp_path))
    shown = terminal()
    assert re.search(r"epoch 1 of 2 .*batch 3 of \d, [\d.]+ s left, .* loss [\d.]+", shown)
    assert "epoch 2 of 2" in shown


def test_a_training_shows_what_it_does_where_there_are_no_steps(attach, tmp_path):
    terminal = attach()
    recipe = replace(tiny_recipe(epochs=1), linear=True)
    build(Task(tiny_corpus(), recipe), TrainingPrinter(Progress(), tmp_path))
    counting, fitting, epoch, evaluating = map(
        terminal().index,
        ("counting words", "fitting the linear term", "epoch 1 of 1", "evaluating, and fitting"),
    )
    assert counting < fitting < epoch < evaluating


def test_quiet_keeps_warnings(capsys):
    progress = Progress(quiet=True)
    progress.say("this")
    progress.update(at(9))
    progress.note("nor this")
    progress.warn("but this")
    progress.note(Doubt("and this"))
    assert capsys.readouterr().err == "WARNING: but this\nWARNING: and this\n"


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
