"""Whether this machine can score tonight: each check is ok, or says what to do.

Knows bundles, a store and an output folder; leaves nothing behind.
"""

import re
import shutil
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from importlib.metadata import PackageNotFoundError, requires, version
from pathlib import Path
from typing import Any, TypeVar

import torch

from scorer import __version__
from scorer.bundles.bundle import Bundle
from scorer.bundles.predictor import load_predictor
from scorer.bundles.store import load_chosen
from scorer.engines.engine import model_of
from scorer.errors import InputError, ScorerError
from scorer.files.publish import writing
from scorer.network.inference import CORES, Predictor
from scorer.scoring.request import Source, Target
from scorer.scoring.scoring import score_file
from scorer.tables.formats import format_of
from scorer.wording import counted

DISTRIBUTION = "batch-text-scorer"
PACKAGES = ("torch", "torchtext", "spacy", "pyarrow", "numpy")
EXTRA = re.compile(r"([\w.-]+).*extra == ['\"](\w+)['\"]")
FOR_DEVELOPERS = frozenset({"test", "dev", "docs", "peers"})  # extras that no run needs
LEAST_FREE = 1.0  # GB
WRITTEN = 1 << 20  # bytes, of a file that is tried
Part = TypeVar("Part")
TEXT = "The handle came off on the second day. I would not buy it again."


@dataclass(frozen=True)
class Check:
    """One thing that was looked at."""

    name: str
    ok: bool
    found: str  # what was found, or what to do
    missing: bool = False  # an optional part that is not there


def check_health(
    bundle: str | None = None,
    store: str | None = None,
    folder: str = ".",
    least_free: float = LEAST_FREE,
) -> Iterator[Check]:
    """Yield each check in turn: packages, disk, bundle, golden rows, a row scored end to end.

    least_free: GB that the disk of the output folder needs.
    """
    yield _checked("program", lambda: f"scorer {__version__}")
    for name in PACKAGES:
        yield _checked(name, partial(version, name))
    yield from optional_parts(_requirements())
    yield _checked("device", _device)
    yield _checked("disk", lambda: _disk(Path(folder), least_free))
    check, loaded = _loaded("bundle", lambda: load_chosen(bundle, store), _of_bundle)
    yield check
    if loaded is None:
        return
    load = partial(load_predictor, loaded, "auto", workers=0)
    check, predictor = _loaded("golden rows", load, _of_predictor)
    yield check
    if predictor is not None and Path(folder).is_dir():
        yield _checked("a row", lambda: _row(loaded, predictor, Path(folder)))


def _checked(name: str, look: Callable[[], str]) -> Check:
    """Return what a look found, or its error as something to do."""
    return _loaded(name, look, str)[0]


def _loaded(
    name: str, load: Callable[[], Part], describe: Callable[[Any], str]
) -> tuple[Check, Part | None]:
    """Return a check of what is loaded, and that; None where it cannot be."""
    try:
        part = load()
        return Check(name, True, describe(part)), part
    except (ScorerError, OSError) as error:
        return Check(name, False, str(error)), None
    except PackageNotFoundError:
        return Check(name, False, f"not installed: pip install {name}"), None


def _of_bundle(bundle: Bundle) -> str:
    return f"{bundle.version}, classes {', '.join(bundle.classes)}"


def _of_predictor(predictor: Predictor) -> str:
    return f"as where they were made; {predictor.precision}, {predictor.engine}"


def _requirements() -> Sequence[str]:
    """Return what the installed program says it needs; nothing where it runs from a clone."""
    try:
        return requires(DISTRIBUTION) or ()
    except PackageNotFoundError:
        return ()


def optional_parts(requirements: Sequence[str]) -> Iterator[Check]:
    """Yield the packages of each extra that a run may use; a missing one is no failure.

    requirements: as a distribution has them, `numba>=0.60; extra == "fast"`.
    """
    for requirement in requirements:
        found = EXTRA.match(requirement)
        if found is None or found[2] in FOR_DEVELOPERS:
            continue
        try:
            yield Check(found[1], True, version(found[1]))
        except PackageNotFoundError:
            hint = f"not installed; pip install '{DISTRIBUTION}[{found[2]}]' where it is wanted"
            yield Check(found[1], True, hint, missing=True)


def _device() -> str:
    if torch.cuda.is_available():
        return f"{torch.cuda.get_device_name()}, {counted(CORES, 'core')} beside it"
    return (
        f"CPU, {counted(CORES, 'core')}, {torch.backends.cpu.get_cpu_capability()}; no CUDA device"
    )


def _disk(folder: Path, least_free: float) -> str:
    if not folder.is_dir():
        what = "is no folder" if folder.exists() else "is not there"
        raise InputError(f"{folder.absolute()} {what}: make it, or name another --output-folder")
    with writing(folder.absolute()):
        free = shutil.disk_usage(folder).free / 1e9
        if free < least_free:
            raise InputError(f"{free:.1f} GB free in {folder.absolute()}: make room")
        with tempfile.TemporaryFile(dir=folder) as file:
            file.write(bytes(WRITTEN))  # a quota is not in what is free
    return f"{free:.0f} GB free in {folder.absolute()}, writable"


def _row(bundle: Bundle, predictor: Predictor, folder: Path) -> str:
    """Score a file of one row in the output folder, as the job does."""
    model = model_of(bundle, predictor)
    with ExitStack() as stack:
        with writing(folder.absolute()):
            place = tempfile.TemporaryDirectory(prefix=".scorer-doctor-", dir=folder)
            name = stack.enter_context(place)
        source, target = Path(name) / "in.csv", Path(name) / "out.csv"
        source.write_text(f'text\n"{TEXT}"\n', encoding="utf-8")
        read = Source(str(source), format_of(source.name), text_column="text")
        score_file(read, Target(str(target), format_of(target.name)), lambda: model)
        probabilities = target.read_text(encoding="utf-8").splitlines()[1].split(",")[1:]
    pairs = zip(bundle.classes, map(float, probabilities), strict=True)
    return f"{TEXT!r}: {', '.join(f'{name} {p:.2%}' for name, p in pairs)}"
