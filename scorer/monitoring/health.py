"""Whether this machine can score tonight: each check is ok, or says what to do.

Knows bundles, a store and an output folder; changes nothing but a small file that it removes.
"""

import shutil
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import pyarrow as pa

from scorer import __version__
from scorer.bundles.bundle import Bundle
from scorer.bundles.bundle_files import load_bundle
from scorer.bundles.predictor import load_predictor
from scorer.bundles.store import resolve_bundle
from scorer.errors import ScorerError

PACKAGES = ("torch", "torchtext", "spacy", "pyarrow", "numpy")
OPTIONAL = {"polars": "polars frames", "pandas": "pandas frames", "click": "the command line"}
LEAST_FREE = 1 << 30  # bytes
TEXT = "The handle came off on the second day. I would not buy it again."


@dataclass(frozen=True)
class Check:
    """One thing that was looked at."""

    name: str
    ok: bool
    found: str  # what was found, or what to do


def check_health(
    bundle: str | None = None, store: str | None = None, folder: str = "."
) -> Iterator[Check]:
    """Yield each check in turn: packages, disk, bundle, golden rows, a row scored end to end."""
    yield _checked("program", lambda: f"scorer {__version__}")
    for name in PACKAGES:
        yield _checked(name, lambda name=name: version(name))  # type: ignore[misc]
    yield from _optional_parts()
    yield _checked("disk", lambda: _disk(Path(folder)))
    loaded: list[Bundle] = []
    yield _checked("bundle", lambda: _bundle(bundle, store, loaded))
    if loaded:
        yield _checked("golden rows", lambda: _golden_rows(loaded[0]))
        yield _checked("a row", lambda: _row(loaded[0]))


def _checked(name: str, look: Callable[[], str]) -> Check:
    """Return what a look found, or its error as something to do."""
    try:
        return Check(name, True, look())
    except (ScorerError, OSError) as error:
        return Check(name, False, str(error))
    except PackageNotFoundError:
        return Check(name, False, f"not installed: pip install {name}")


def _optional_parts() -> Iterator[Check]:
    for name, use in OPTIONAL.items():
        try:
            yield Check(name, True, version(name))
        except PackageNotFoundError:
            yield Check(name, True, f"not installed; pip install {name} is needed for {use}")


def _disk(folder: Path) -> str:
    free = shutil.disk_usage(folder).free
    if free < LEAST_FREE:
        raise OSError(f"{free / 1e9:.1f} GB free in {folder.absolute()}: make room")
    with tempfile.NamedTemporaryFile(dir=folder):
        return f"{free / 1e9:.0f} GB free in {folder.absolute()}, writable"


def _bundle(bundle: str | None, store: str | None, loaded: list[Bundle]) -> str:
    loaded.append(load_bundle(resolve_bundle(bundle, store)))
    return f"{loaded[0].version}, classes {', '.join(loaded[0].classes)}"


def _golden_rows(bundle: Bundle) -> str:
    predictor = load_predictor(bundle, "auto", workers=0)
    return f"as where they were made; {predictor.precision}, {predictor.engine}"


def _row(bundle: Bundle) -> str:
    predictor = load_predictor(bundle, workers=0)
    (row,) = predictor.predict(predictor.encode(pa.array([TEXT], pa.large_string()))).probabilities
    shown = ", ".join(f"{name} {p:.2%}" for name, p in zip(bundle.classes, row, strict=True))
    return f"{TEXT!r}: {shown}"
