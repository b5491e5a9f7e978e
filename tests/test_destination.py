import json

import numpy as np
import pytest

from scorer.errors import InputError, OutputBusyError, UsageError
from scorer.files.publish import beside
from scorer.scoring.destination import ENDINGS, StreamDestination, open_output

ROW = np.dtype([("tokens", "<i4")])
RUN = {"published": True, "rows": 3}


@pytest.fixture
def output(tmp_path):
    return tmp_path / "out.csv"


def names(output):
    return sorted(path.name for path in output.parent.iterdir())


def run(output, table="new", rejects="", published=True, summary=RUN):
    with open_output(str(output), None, overwrite=True) as destination:
        destination.journal({"input": "1"}, ROW, pytest.fail).append(np.zeros(2, ROW))
        destination.table.write_text(table)
        if rejects:
            destination.rejects.write_text(rejects)
        act = destination.publish if published else destination.publish_failure
        act(summary, bool(rejects))


def test_a_published_run_leaves_output_rejects_and_summary(output):
    run(output, rejects="line,raw\n")
    assert output.read_text() == "new"
    assert output.with_name("out.csv.rejects.csv").read_text() == "line,raw\n"
    assert json.loads(output.with_name("out.csv.run.json").read_text()) == RUN
    assert names(output) == ["out.csv", "out.csv.rejects.csv", "out.csv.run.json"]


def test_rejects_of_an_earlier_run_do_not_outlive_it(output):
    run(output, rejects="line,raw\n")
    run(output)
    assert names(output) == ["out.csv", "out.csv.run.json"]


def test_a_failed_run_leaves_the_old_output_its_rejects_its_word_and_the_journal(output):
    output.write_text("old")
    run(output, rejects="line,raw\n", published=False, summary={"published": False})
    assert output.read_text() == "old"
    assert names(output) == [
        "out.csv",
        "out.csv.journal",
        "out.csv.rejects.csv",
        "out.csv.run.json",
    ]


def test_the_summary_of_the_run_that_wrote_the_output_is_kept_through_failures(output):
    run(output)
    for attempt in range(2):
        failure = {"published": False, "attempt": attempt}
        run(output, published=False, summary=failure)
        kept = json.loads(output.with_name("out.csv.run.json").read_text())
        assert kept == {**failure, "published_run": RUN}


@pytest.mark.parametrize("content", ["", "no json", "[1]"])
def test_a_summary_of_another_kind_is_no_obstacle(output, content):
    output.with_name("out.csv.run.json").write_text(content)
    run(output, published=False, summary={"published": False})
    kept = json.loads(output.with_name("out.csv.run.json").read_text())
    assert kept == {"published": False}


def test_the_output_is_the_last_to_get_its_name(output, monkeypatch):
    run(output, table="old")
    with open_output(str(output), None, overwrite=True) as destination:
        destination.table.write_text("new")
        destination.rejects.write_text("line,raw\n")
        monkeypatch.setattr(destination._summary, "publish", lambda: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            destination.publish(RUN, rejects=True)
    assert output.read_text() == "old"
    assert output.with_name("out.csv.rejects.csv").exists()


def test_an_output_that_is_reserved_is_busy_for_others_and_free_again_afterwards(output):
    with open_output(str(output), None, False):
        with pytest.raises(OutputBusyError), open_output(str(output), None, False):
            pass
        assert names(output) == ["out.csv.lock"]
    assert names(output) == []


def test_nothing_is_touched_where_the_output_is_refused(output):
    output.write_text("old")
    with pytest.raises(UsageError), open_output(str(output), None, overwrite=False):
        pass
    assert names(output) == ["out.csv"]


def test_rejects_never_replace_the_input_they_came_from(tmp_path):
    source = tmp_path / "out.csv.rejects.csv"
    source.write_text("line,byte_offset,reason,raw\n")
    with (
        pytest.raises(UsageError, match="is the input itself"),
        open_output(str(tmp_path / "out.csv"), source, overwrite=True),
    ):
        pass


def test_a_link_to_an_output_stays_a_link(output):
    link = output.with_name("link.csv")
    link.symlink_to(output)
    run(link)
    assert link.is_symlink()
    assert output.read_text() == "new"


def test_a_folder_that_is_deleted_meanwhile_is_an_input_error(tmp_path):
    folder = tmp_path / "gone"
    folder.mkdir()
    with open_output(str(folder / "out.csv"), None, False) as destination:
        (folder / "out.csv.lock").unlink()
        folder.rmdir()
        with pytest.raises(InputError, match=r"cannot write .*No such file"):
            destination.publish(RUN, rejects=False)
        destination.publish_failure(RUN, rejects=False)  # says nothing more


def test_standard_output_has_nothing_beside_it(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with open_output("-", None, overwrite=False) as destination:
        assert isinstance(destination, StreamDestination)
        assert destination.journal({}, ROW, pytest.fail) is None
        destination.publish(RUN, rejects=False)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "name",
    [*(f"out.csv.{ending}" for ending in ENDINGS), ".out.csv.partial", ".out.csv.run.json.partial"],
)
def test_an_input_that_the_run_would_write_or_remove_is_refused_untouched(output, name):
    source = output.with_name(name)
    source.write_text("text\nprecious\n")
    with pytest.raises(UsageError, match=r"is a file that goes with|is the input itself"):  # noqa: SIM117
        with open_output(str(output), source, overwrite=False):
            pass
    assert source.read_text() == "text\nprecious\n"


def test_what_cannot_be_replaced_is_refused_before_any_work(output):
    beside(output, "run.json").mkdir()
    with pytest.raises(InputError, match=r"run.json: it is a folder"):  # noqa: SIM117
        with open_output(str(output), None, overwrite=False):
            pass


def test_a_name_that_is_too_long_is_an_input_error(output):
    with pytest.raises(InputError, match=r"[Ff]ile name too long"):  # noqa: SIM117
        with open_output(str(output.with_name("n" * 300)), None, overwrite=False):
            pass
