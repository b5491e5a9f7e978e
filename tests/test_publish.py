import os
import re
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from scorer.errors import InputError, OutputBusyError, UsageError
from scorer.files.publish import PendingFile, check_output, locked, publish_text, real_path, writing

HOLD = """
import sys, time
from pathlib import Path
from scorer.files.publish import locked
with locked(Path(sys.argv[1])):
    print("held", flush=True)
    time.sleep(60)
"""


@pytest.fixture
def output(tmp_path):
    return tmp_path / "out.csv"


def test_a_published_file_is_the_new_one_and_nothing_else_is_left(output):
    output.write_text("old")
    publish_text(output, "new")
    assert output.read_text() == "new"
    assert [path.name for path in output.parent.iterdir()] == ["out.csv"]


def test_a_failure_before_publishing_leaves_the_old_file_alone(output):
    output.write_text("old")
    with pytest.raises(ValueError), PendingFile(output) as pending:
        pending.temporary.write_text("half")
        assert output.read_text() == "old"
        raise ValueError
    assert output.read_text() == "old"
    assert [path.name for path in output.parent.iterdir()] == ["out.csv"]


@pytest.mark.parametrize("links", [True, False])
def test_a_file_that_appeared_meanwhile_is_kept_unless_it_may_be_replaced(
    output, monkeypatch, links
):
    def no_links(*_):
        raise PermissionError(1, "Operation not permitted")

    if not links:
        monkeypatch.setattr(os, "link", no_links)
    with PendingFile(output) as pending:
        pending.temporary.write_text("first")
        pending.publish(replace=False)
    assert [path.name for path in output.parent.iterdir()] == ["out.csv"]
    with PendingFile(output) as pending:
        pending.temporary.write_text("second")
        with pytest.raises(UsageError, match=r"appeared during the run.* --overwrite replaces it"):
            pending.publish(replace=False)
        assert output.read_text() == "first"
        pending.publish()
    assert output.read_text() == "second"


def test_a_lock_that_finds_the_disk_full_leaves_nothing(tmp_path):
    script = """
import resource, signal, sys
from pathlib import Path
from scorer.errors import InputError
from scorer.files.publish import locked
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
try:
    with locked(Path(sys.argv[1])):
        print("held")
except InputError as error:
    print(error)
"""
    command = [sys.executable, "-c", script, str(tmp_path / "out.csv")]
    found = subprocess.run(command, capture_output=True, text=True, check=True)
    assert "out.csv.lock: File too large. Make space and run" in found.stdout
    assert list(tmp_path.iterdir()) == []


def test_the_left_over_of_a_killed_run_is_removed(output):
    left_over = PendingFile(output).temporary
    left_over.write_text("half")
    PendingFile(output)
    assert not left_over.exists()


def test_the_new_file_has_the_permissions_of_the_old_one(output):
    output.write_text("old")
    output.chmod(0o640)
    publish_text(output, "new")
    assert output.stat().st_mode & 0o777 == 0o640


def test_a_folder_that_vanishes_is_an_input_error(output, tmp_path):
    folder = tmp_path / "gone"
    folder.mkdir()
    pending = PendingFile(folder / "out.csv")
    folder.rmdir()
    with pytest.raises(InputError, match=r"cannot write .*out.csv: No such file or directory"):
        pending.publish()


def test_what_the_system_says_names_the_file_and_the_hint(output):
    message = re.escape(f"{output}: No space left on device. Make space and run the same")
    with pytest.raises(InputError, match=message), writing(output):
        raise OSError(28, "Error writing bytes to file")
    with pytest.raises(InputError, match=r"Is a directory$"), writing(output):
        raise OSError(21, "Error writing bytes to file")


def test_an_existing_output_needs_overwrite(output):
    check_output(output, None, overwrite=False)
    output.write_text("old")
    check_output(output, None, overwrite=True)
    with pytest.raises(UsageError, match=r"already there\. --overwrite replaces it"):
        check_output(output, None, overwrite=False)


@pytest.mark.parametrize("link", [os.symlink, os.link])
def test_the_input_is_no_output_under_any_of_its_names(output, tmp_path, link):
    source = tmp_path / "in.csv"
    source.write_text("text\nhello\n")
    link(source, output)
    with pytest.raises(UsageError, match="is the input itself"):
        check_output(real_path(output), source, overwrite=True)


def test_a_folder_or_a_device_is_no_output(tmp_path):
    with pytest.raises(InputError, match="it is a folder"):
        check_output(tmp_path, None, overwrite=True)
    with pytest.raises(InputError, match="it is not a regular file"):
        check_output(real_path("/dev/null"), None, overwrite=True)
    with pytest.raises(InputError, match="there is no folder"):
        check_output(tmp_path / "no" / "out.csv", None, overwrite=True)


def test_the_lock_keeps_a_second_holder_out_and_names_the_first(output):
    busy = pytest.raises(OutputBusyError, match=rf"process {os.getpid()}")
    with locked(output), busy, locked(output):
        pass
    with locked(output):
        pass
    assert not list(output.parent.iterdir())


def test_a_left_over_lock_file_is_harmless(output):
    output.with_name("out.csv.lock").write_text("999999\n")
    with locked(output):
        assert output.with_name("out.csv.lock").read_text() == f"{os.getpid()}\n"


def test_the_lock_of_a_killed_process_is_free(output):
    command = [sys.executable, "-c", HOLD, str(output)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as holder:
        assert holder.stdout is not None
        holder.stdout.readline()
        with pytest.raises(OutputBusyError, match=rf"process {holder.pid}"), locked(output):
            pass
        holder.kill()
        holder.wait()
    with locked(output):
        pass


def test_whoever_locks_a_file_that_was_removed_tries_again(output, monkeypatch):
    import fcntl

    path, flock = output.with_name("out.csv.lock"), fcntl.flock
    removals = iter([path.unlink])

    def flock_late(file, flags):
        next(removals, lambda: None)()  # its holder ends between our opening and our locking
        flock(file, flags)

    monkeypatch.setattr(fcntl, "flock", flock_late)
    with locked(output), pytest.raises(OutputBusyError), locked(output):
        pass


class Synced:
    """What `os.fsync` was called for, in order; the real one is called."""

    def __init__(self, monkeypatch):
        self.paths, self._fsync = [], os.fsync
        monkeypatch.setattr(os, "fsync", self)

    def __call__(self, descriptor):
        self.paths.append(str(Path(f"/proc/self/fd/{descriptor}").readlink()))
        self._fsync(descriptor)


def test_the_file_is_on_the_disk_before_it_has_its_name_and_the_name_is_too(output, monkeypatch):
    synced = Synced(monkeypatch)
    with PendingFile(output) as pending:
        pending.temporary.write_text("new")
        pending.flush()
        assert synced.paths == [str(pending.temporary)]
        assert not output.exists()
        pending.publish()
    assert synced.paths[1:] == [str(output.parent)]


def test_of_runs_that_publish_one_small_text_at_the_same_time_one_text_stays_whole(output):
    texts = [str(number) * 1000 for number in range(8)]
    with ThreadPoolExecutor(len(texts)) as runs:
        for text in texts * 5:
            runs.submit(publish_text, output, text)
        published = [runs.submit(publish_text, output, text) for text in texts * 5]
    assert [run.result() for run in published] == [None] * len(published)
    assert output.read_text() in texts
    assert [path.name for path in output.parent.iterdir()] == [output.name]


def test_a_small_text_is_on_the_disk_too(output, monkeypatch):
    synced = Synced(monkeypatch)
    publish_text(output, "new")
    temporary, folder = synced.paths
    assert Path(temporary).name.startswith(f".{output.name}.") and temporary.endswith("partial")
    assert folder == str(output.parent)
