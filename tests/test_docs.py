"""The documentation names everything there is: options, exit codes, files, commands."""

import re
import shlex
import shutil
import subprocess
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from scorer import errors
from scorer.bundles.bundle_files import load_bundle
from scorer.bundles.store import DEFAULT_BUNDLE
from scorer.cli import score, train
from scorer.cli.main import main

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")


def page(name: str) -> str:
    return (ROOT / "docs" / f"{name}.md").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("job", "name"), [(score.main, "scoring"), (train.main, "training")], ids=["score", "train"]
)
def test_every_option_of_both_jobs_has_a_line(job: click.Command, name: str) -> None:
    options = [name for option in job.params for name in option.opts if name.startswith("--")]
    assert len(options) > 10
    assert [option for option in options if f"`{option}" not in page(name)] == []


def test_every_command_is_in_the_generated_reference() -> None:
    """mkdocs-click lists what the group has; the page has to point at it."""
    assert ":module: scorer.cli.main" in page("reference")
    assert {"score", "train", "predict", "bundles", "provenance"} <= set(main.commands)


def test_every_exit_code_is_in_the_readme() -> None:
    codes = {kind.exit_code for kind in errors.ScorerError.__subclasses__()}
    assert {2, 3, 4, 5, 6, 75} <= codes
    assert [code for code in sorted(codes) if f"\n| {code} |" not in README] == []


def test_every_file_of_the_package_has_a_line() -> None:
    package, text = ROOT / "scorer", page("architecture")
    modules = [path for path in sorted(package.rglob("*.py")) if not path.stem.startswith("__")]
    packages = [path for path in package.iterdir() if (path / "__init__.py").exists()]
    names = [str(path.relative_to(package)) for path in modules]
    names += [f"{path.name}/" for path in packages]
    assert [name for name in names if f"`{name}`" not in text] == []


def test_every_line_on_a_file_is_about_one_that_is_there() -> None:
    names = re.findall(r"`([a-z_0-9]+/[a-z_0-9]+\.py)`", page("architecture"))
    assert [name for name in names if not (ROOT / "scorer" / name).exists()] == []


def test_every_benchmark_has_a_line() -> None:
    names = [f"benchmarks/{path.name}" for path in sorted((ROOT / "benchmarks").glob("*.py"))]
    assert [name for name in names if f"`{name}`" not in page("benchmarks")] == []


def test_the_test_command_is_the_one_of_continuous_integration() -> None:
    script = (ROOT / ".ci" / "run").read_text(encoding="utf-8")
    (command,) = [line for line in script.splitlines() if line.startswith("python3.11")]
    assert command in README


def test_what_the_pages_print_is_of_the_bundle_that_ships() -> None:
    version = load_bundle(DEFAULT_BUNDLE).version
    shown = re.findall(r"(\S+): '0' is negative", README + page("scoring"))
    assert shown == [version, version]


SHARE = re.compile(r"[+-]?\d+\.\d\d%")  # which another machine may compute a little otherwise


def test_a_look_inside_shows_what_the_commands_print() -> None:
    lines = page("training").partition("## Looking inside")[2].strip().splitlines()
    printed: list[str] = []
    for line in lines:
        if "$ .venv/bin/scorer " in line:
            assert printed == []
            command = shlex.split(line, comments=True)[2:]
            printed = CliRunner().invoke(main, command).stdout.splitlines()
        else:
            shown, found = line.strip().rstrip("…"), printed.pop(0)
            assert SHARE.sub("%", found).startswith(SHARE.sub("%", shown))
            shares = [float(share[:-1]) for share in SHARE.findall(found)]
            assert shares == pytest.approx([float(s[:-1]) for s in SHARE.findall(shown)], abs=0.5)
    assert printed == []


def test_links_between_pages_lead_somewhere() -> None:
    pages = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *(ROOT / "docs").glob("*.md")]
    links = [
        (file.name, link)
        for file in pages
        for link in re.findall(r"\]\(([^)#]+)[^)]*\)", file.read_text(encoding="utf-8"))
        if "://" not in link and not (file.parent / link).exists()
    ]
    assert links == []


def test_links_within_pages_lead_to_a_heading() -> None:
    pages = [ROOT / "README.md", *(ROOT / "docs").glob("*.md")]
    for file in pages:
        text = file.read_text(encoding="utf-8")
        for name, anchor in re.findall(r"\]\((?!http)([^)#]*)#([^)]+)\)", text):
            there = (file.parent / name if name else file).read_text(encoding="utf-8")
            headings = re.findall(r"^#+ (.+)$", there, re.MULTILINE)
            slugs = [re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in headings]
            assert anchor in slugs, f"{file.name}: {name}#{anchor}"


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="no systemd here")
def test_the_units_of_the_examples_are_valid(tmp_path: Path) -> None:
    for name in ("scorer.service", "scorer.timer"):
        unit = (ROOT / "examples" / name).read_text(encoding="utf-8")
        command = "/srv/reviews/.venv/bin/score-job"  # which is not on this machine
        (tmp_path / name).write_text(unit.replace(command, "/bin/true"), encoding="utf-8")
    command = ["systemd-analyze", "verify", *map(str, sorted(tmp_path.iterdir()))]
    found = subprocess.run(command, capture_output=True, text=True)
    ours = [line for line in found.stderr.splitlines() if str(tmp_path) in line]
    assert (found.returncode, ours) == (0, [])
