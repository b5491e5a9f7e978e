"""What is imported when, and that imports point one way."""

import ast
import subprocess
import sys
from collections.abc import Iterator
from graphlib import TopologicalSorter
from pathlib import Path

import pytest
from setuptools import find_packages

import scorer

ROOT = Path(__file__).parent.parent
HEAVY = {"torch", "torchtext", "spacy", "pandas", "pyarrow", "sklearn", "scipy", "safetensors"}
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
    """Return the rooms that a room imports when it is imported itself."""
    tree = ast.parse(module.read_text(encoding="utf-8"))
    froms = [node for node in tree.body if isinstance(node, ast.ImportFrom) and node.module]
    ours = [node for node in froms if node.module.startswith("scorer.")]
    return {node.module.split(".")[-1] for node in ours}


def rooms() -> dict[str, set[str]]:
    paths = (path for path in (ROOT / "scorer").rglob("*.py") if path.stem != "__init__")
    return {path.stem: imports_of(path) for path in paths}


def reached(room: str, graph: dict[str, set[str]]) -> set[str]:
    """Return all rooms that a room stands on."""

    def walk(name: str) -> Iterator[str]:
        for other in graph[name]:
            yield other
            yield from walk(other)

    return set(walk(room))


def floors() -> dict[str, set[str]]:
    """Return which packages each package of the scorer stands on."""
    house = ROOT / "scorer"
    floor_of = {path.stem: path.parent.name for path in house.rglob("*.py")}
    graph: dict[str, set[str]] = {}
    for room, others in rooms().items():
        below = {floor_of[other] for other in others} - {floor_of[room]}
        graph.setdefault(floor_of[room], set()).update(below)
    return graph


def test_imports_point_one_way():
    graph = rooms()
    assert len(graph) > 50
    assert set(TopologicalSorter(graph).static_order()) == set(graph)


def test_packages_point_one_way_too():
    graph = {floor: below - {"scorer"} for floor, below in floors().items() if floor != "scorer"}
    assert len(graph) == 10
    assert set(TopologicalSorter(graph).static_order()) == set(graph)


@pytest.mark.parametrize(
    ("room", "strangers"),
    [
        ("errors", set(rooms())),
        ("encoding", {"model", "batching", "inference", "formats", "bundle"}),
        ("formats", {"model", "inference", "encoding", "scoring", "journal"}),
        ("inference", {"scoring", "fitting", "formats", "bundle"}),
        ("bundle", {"fitting", "training", "store", "scoring"}),
        ("scoring", {"bundle", "store", "fitting", "training"}),
        ("fitting", {"corpus", "labelled", "formats", "bundle"}),
        ("evaluation", {"model", "fitting", "bundle"}),
        ("training", {"api", "console", "training_lines"}),
    ],
)
def test_a_room_does_not_know(room, strangers):
    assert reached(room, rooms()) & strangers == set()
