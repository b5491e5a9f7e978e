"""The README names everything there is: options, exit codes, files and the test command."""

from pathlib import Path

import click
import pytest

import score_job
import train_job
from scorer import errors

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("job", [score_job.main, train_job.main], ids=["score", "train"])
def test_every_option_of_both_jobs_is_in_the_readme(job: click.Command) -> None:
    options = [name for option in job.params for name in option.opts if name.startswith("--")]
    assert len(options) > 10
    assert [name for name in options if f"`{name}" not in README] == []


def test_every_exit_code_is_in_the_readme() -> None:
    codes = {kind.exit_code for kind in errors.ScorerError.__subclasses__()}
    assert {2, 3, 4, 5, 6, 75} <= codes
    assert [code for code in sorted(codes) if f"\n| {code} |" not in README] == []


def test_every_file_of_the_package_has_a_line_in_the_readme() -> None:
    package = ROOT / "scorer"
    modules = [path for path in sorted(package.rglob("*.py")) if path.name != "__init__.py"]
    packages = [path for path in package.iterdir() if (path / "__init__.py").exists()]
    names = [str(path.relative_to(package)) for path in modules]
    names += [f"{path.name}/" for path in packages]
    assert [name for name in names if f"`{name}`" not in README] == []


def test_every_benchmark_has_a_line_in_the_readme() -> None:
    names = [f"benchmarks/{path.name}" for path in sorted((ROOT / "benchmarks").glob("*.py"))]
    assert [name for name in names if f"`{name}`" not in README] == []


def test_the_test_command_is_the_one_of_continuous_integration() -> None:
    script = (ROOT / ".ci" / "run").read_text(encoding="utf-8")
    commands = [line for line in script.splitlines() if line.startswith("python3.11")]
    assert len(commands) == 1
    assert commands[0] in README
