"""What is imported when, and that imports point one way."""

import ast
import subprocess
import sys
from functools import cache
from graphlib import TopologicalSorter
from pathlib import Path

import pytest
from setuptools import find_packages

import scorer

ROOT = Path(__file__).parent.parent
HEAVY = {
    "torch",
    "torchtext",
    "spacy",
    "pandas",
    "pyarrow",
    "sklearn",
    "scipy",
    "safetensors",
    "jinja2",
    "rich",
}
SHOW = f"import sys; print(*sorted({HEAVY} & set(sys.modules)))"


def loaded_by(program: str, *arguments: str) -> str:
    """Return the heavy packages that a program has loaded when it ends."""
    command = [
        sys.executable,
        "-c",
        f"import atexit; atexit.register(lambda: exec({SHOW!r}))\n{program}",
    ]
    found = subprocess.run(
        [*command, *arguments], capture_output=True, text=True, check=True, cwd=ROOT
    )
    return found.stdout.splitlines()[-1]


def test_importing_the_package_loads_nothing_heavy():
    assert loaded_by("import scorer; scorer.__all__") == ""
    assert "torch" in loaded_by("from scorer import Scorer")  # so the test would notice


@pytest.mark.parametrize("program", ["score_job.py", "train_job.py", "scorer"])
def test_help_loads_nothing_heavy(program):
    run = "import runpy, sys; sys.argv[0] = {0!r}; runpy.run_{1}({0!r}, run_name='__main__')"
    how = "path" if program.endswith(".py") else "module"
    assert loaded_by(run.format(program, how), "--help") == ""


def test_scoring_loads_neither_pandas_nor_spacy(tmp_path):
    source, target = tmp_path / "in.csv", tmp_path / "out.csv"
    source.write_text("text\nAn awesome (mövïe)! e.g. 3.5km; zqxv :-) )\nbad\n", encoding="utf-8")
    run = "import runpy; runpy.run_path('score_job.py', run_name='__main__')"
    loaded = loaded_by(run, str(source), str(target), "--quiet")
    assert loaded == "pyarrow safetensors torch"
    assert target.read_text(encoding="utf-8").count("\n") == 3


def test_all_that_is_public_is_there_and_nothing_else():
    for name in scorer.__all__:
        assert getattr(scorer, name).__name__ == name
    with pytest.raises(AttributeError, match="module 'scorer' has no attribute 'nothing'"):
        scorer.nothing  # noqa: B018


def test_every_package_is_installed_with_the_program():
    folders = {path.parent for path in (ROOT / "scorer").rglob("*.py")}
    names = {".".join(folder.relative_to(ROOT).parts) for folder in folders}
    assert names == set(find_packages(str(ROOT), include=["scorer*"]))


def imports_of(module: Path) -> set[str]:
    """Return the rooms that a room imports anywhere in it, also for types alone."""
    tree = ast.parse(module.read_text(encoding="utf-8"))
    found: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and (node.module or "").partition(".")[0] == "scorer":
            inner = {f"{node.module}.{alias.name}" for alias in node.names} & names()
            found |= inner or ({node.module} & names())
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names} & names()
    return found


def name_of(path: Path) -> str:
    return ".".join(path.relative_to(ROOT).with_suffix("").parts)


@cache
def names() -> set[str]:
    paths = (ROOT / "scorer").rglob("*.py")
    return {name_of(path) for path in paths if path.stem not in ("__init__", "__main__")}


@cache
def rooms() -> dict[str, set[str]]:
    """Return what each room imports, by dotted names."""
    paths = {name_of(path): path for path in (ROOT / "scorer").rglob("*.py")}
    return {name: imports_of(paths[name]) for name in names()}


def reached(room: str) -> set[str]:
    """Return all rooms that a room stands on, directly or not."""
    found: set[str] = set()
    waiting = [room]
    while waiting:
        new = rooms()[waiting.pop()] - found
        found |= new
        waiting += new
    return found


FLOORS = (  # each may import what stands before it
    "errors",
    "wording",
    "child_process",
    "files",
    "pages",
    "tables",
    "tokens",
    "network",
    "bundles",
    "corpus",
    "evaluation",
    "scoring",
    "training",
    "engines",
    "many_files",
    "monitoring",
    "jobs",
    "api",
    "cli",
)


def floor_of(room: str) -> int:
    return FLOORS.index(room.split(".")[1])


def test_every_room_stands_on_a_floor():
    assert {name.split(".")[1] for name in names()} == set(FLOORS)


def test_imports_point_one_way():
    assert len(rooms()) > 50
    assert set(TopologicalSorter(rooms()).static_order()) == names()


def test_packages_point_one_way_too():
    upwards = {
        (room, other)
        for room, others in rooms().items()
        for other in others
        if floor_of(other) > floor_of(room)
    }
    assert upwards == set()


def test_imports_inside_functions_and_for_types_alone_are_seen():
    assert "scorer.jobs" in rooms()["scorer.cli.score"]  # inside a function
    assert "scorer.training.callbacks" in rooms()["scorer.cli.training_lines"]


@pytest.mark.parametrize(
    ("room", "strangers"),
    [
        ("tokens.encoding", {"network.model", "network.inference", "tables.formats"}),
        ("tables.formats", {"network.model", "tokens.encoding", "scoring.journal"}),
        ("network.inference", {"bundles.bundle", "tables.formats", "training.fitting"}),
        ("bundles.bundle", {"bundles.store", "training.training", "scoring.scoring"}),
        ("scoring.scoring", {"bundles.bundle", "bundles.store", "training.training"}),
        ("scoring.journal", {"network.model", "tokens.encoding"}),
        ("training.fitting", {"corpus.corpus", "tables.formats", "bundles.bundle"}),
        ("evaluation.evaluation", {"network.model", "training.fitting", "bundles.bundle"}),
    ],
)
def test_a_room_does_not_know(room, strangers):
    strangers = {f"scorer.{name}" for name in strangers}
    assert strangers <= names()
    assert reached(f"scorer.{room}") & strangers == set()
