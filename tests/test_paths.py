"""Options that take a path: which may be a URL, and that none shows a URL's secret."""

import json
from collections.abc import Iterator
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from scorer import Scorer, score_file, train
from scorer.cli import score
from scorer.cli.arguments import LOCAL
from scorer.cli.main import main
from scorer.errors import UsageError
from scorer.files.urls import without_secrets

KEY, SECRET, TOKEN = "AKIAKNOWNTOALL", "pass-word-of-nobody", "to-ken-of-nobody"
HIDDEN = (KEY, SECRET, TOKEN)
PLACE = (
    f"s3://{KEY}:{SECRET}@no-such-place/x.csv?token={TOKEN}"  # S3 has no such option: no request
)
MAY_BE_URLS = {  # of commands that read and write tables
    ("score", "sources"),
    ("score", "target"),
    ("train", "labelled"),
    ("train", "valid"),
    ("train", "test"),
    ("evaluate", "labelled"),
    ("compare", "source"),
    ("sample", "scored"),
}
TEXTS = {"texts", "words"}  # arguments that are shown: a URL among them is a text
Parameter = tuple[list[str], click.Command, click.Parameter]


def parameters(command: click.Command, words: tuple[str, ...] = ()) -> Iterator[Parameter]:
    """Yield every parameter of every command that takes a value, with the command's words."""
    if isinstance(command, click.Group):
        for name, below in command.commands.items():
            yield from parameters(below, (*words, name))
        return
    for parameter in command.params:
        if not getattr(parameter, "is_flag", False) and parameter.name not in TEXTS:
            yield list(words), command, parameter


ALL = list(parameters(main))
NAMES = [f"{' '.join(words)} {parameter.name}" for words, _, parameter in ALL]


def with_value(words: list[str], command: click.Command, chosen: click.Parameter, value: str):
    """Return a command line with a value for one parameter, and none but what it has to have."""
    line = list(words)
    for parameter in command.params:
        if parameter is chosen and isinstance(parameter, click.Option):
            line.append(f"{parameter.opts[0]}={value}")
        elif isinstance(parameter, click.Argument) and (parameter.required or parameter is chosen):
            line.append(value if parameter is chosen else "none.csv")
    return line


@pytest.mark.parametrize(("words", "command", "parameter"), ALL, ids=NAMES)
def test_no_parameter_shows_the_secret_of_a_url(words, command, parameter, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for value in (PLACE, f"s3://{KEY}:{SECRET}/{TOKEN}@host:9/x"):  # a / in it, and not as %2F
        ended = CliRunner().invoke(main, with_value(words, command, parameter, value))
        assert isinstance(ended.exception, SystemExit | None), ended.exception
        shown = ended.output + ended.stderr
        assert [word for word in HIDDEN if word in shown] == [], shown
        if parameter.type is LOCAL:
            assert ended.exit_code == 2
            assert "it takes a path of this machine, no URL" in shown or "%2F" in shown
    written = "".join(path.read_text("latin-1") for path in tmp_path.rglob("*") if path.is_file())
    assert [word for word in HIDDEN if word in written] == []


def test_every_parameter_that_is_a_path_is_local_or_known_to_take_urls():
    paths = {"FILE", "FOLDER", "FILE.html", "IN", "IN…", "OUT", "BUNDLE", "SCORED"}
    named = {(words[-1], p.name) for words, _, p in ALL if p.type is LOCAL or p.metavar in paths}
    local = {(words[-1], p.name) for words, _, p in ALL if p.type is LOCAL}
    assert {(words[-1], p.name) for words, _, p in ALL} >= MAY_BE_URLS
    assert named - local <= MAY_BE_URLS
    assert {name for _, name in local} >= {"bundle", "store", "history", "metrics_file", "files"}


def test_a_local_url_is_the_path_it_stands_for(tiny_bundle, tmp_path):
    source, history = tmp_path / "in.csv", tmp_path / "runs.jsonl"
    source.write_text("text\ngood\n")
    options = [f"--bundle=file://{tiny_bundle}", f"--history=file://{history}"]
    done = CliRunner().invoke(main, ["score", str(source), f"{tmp_path}/out.csv", *options])
    assert done.exit_code == 0, done.stderr
    assert json.loads(history.read_text())["published"]
    elsewhere = CliRunner().invoke(main, ["doctor", "--output-folder=file://other/tmp"])
    assert elsewhere.exit_code == 2
    assert "file://other/… is not on this machine" in elsewhere.stderr


def test_the_store_of_the_environment_is_a_path_too(monkeypatch):
    monkeypatch.setenv("SCORER_STORE", PLACE)
    ended = CliRunner().invoke(score.main, ["none.csv", "out.csv"])
    assert ended.exit_code == 2
    assert "it takes a path of this machine, no URL" in ended.stderr
    assert [word for word in HIDDEN if word in ended.stderr] == []


def test_the_store_of_the_environment_is_not_looked_at_where_a_bundle_is_named(
    monkeypatch, tiny_bundle, tmp_path
):
    (tmp_path / "in.csv").write_text("text\ngood\n")
    monkeypatch.setenv("SCORER_STORE", PLACE)
    line = [f"{tmp_path}/in.csv", f"{tmp_path}/out.csv", "--bundle", str(tiny_bundle)]
    done = CliRunner().invoke(score.main, line)
    assert done.exit_code == 0, done.stderr
    both = CliRunner().invoke(score.main, [*line, "--overwrite", "--store", str(tmp_path)])
    assert both.exit_code == 2  # of the command line it is, and is not dropped


def test_a_secret_that_click_quotes_is_not_shown():
    given = "s3://KEYID123:pa\\ss'wd9@b/x"
    ended = CliRunner().invoke(score.main, ["in.csv", "out.csv", "--explain", given])
    assert ended.exit_code == 2
    assert "s3://b/x" in ended.stderr
    assert "wd9" not in ended.stderr


def test_what_is_too_much_is_not_shown_either():
    for line in (["doctor", PLACE], ["bundles", "use", PLACE], [PLACE], ["doctor", f"--{PLACE}"]):
        ended = CliRunner().invoke(main, line)
        assert ended.exit_code in (2, 4), ended.output
        assert [word for word in HIDDEN if word in ended.output + ended.stderr] == [], line


def test_a_traceback_has_no_secret(tmp_path):
    ended = CliRunner().invoke(main, ["score", PLACE, f"{tmp_path}/out.csv", "--verbose"])
    assert "Traceback" in ended.stderr
    assert [word for word in HIDDEN if word in ended.stderr] == []


def test_programs_are_refused_in_the_same_way(tmp_path):
    source = tmp_path / "in.csv"
    source.write_text("text\ngood\n")
    for call in (
        lambda: score_file(source, tmp_path / "out.csv", bundle=PLACE),
        lambda: score_file(source, tmp_path / "out.csv", store=PLACE),
        lambda: Scorer.load(PLACE),
        lambda: train(Path("none.csv"), PLACE),
    ):
        with pytest.raises(UsageError, match="takes a path of this machine, no URL") as refused:
            call()
        assert [word for word in HIDDEN if word in str(refused.value)] == []


def test_short_words_are_looked_for_in_their_url_alone():
    CliRunner().invoke(main, ["doctor", "--bundle=s3://k:s@box/x"])
    assert without_secrets("skulks at s3://k:s@box/x") == "skulks at s3://box/x"
