"""A folder of bundle versions, and which of them is in use.

    <store>/<version>/             a bundle
    <store>/pretrained-<version>/  a pretrained encoder, see `pretrained_encoder`
    <store>/CURRENT                the version in use; replaced atomically

Knows bundles' names, nothing of what is in them beyond `bundle`.
"""

import os
import shutil
from datetime import UTC, datetime
from pathlib import Path

from scorer.bundles.bundle import (
    MANIFEST,
    REMEDY,
    Bundle,
    bundle_version,
    load_bundle,
    write_bundle,
)
from scorer.bundles.pretrained_encoder import PretrainedEncoder, load_encoder, write_encoder
from scorer.errors import BundleError, UsageError
from scorer.files.publish import publish_text, sync, writing

CURRENT = "CURRENT"
DEFAULT_BUNDLE = Path(__file__).parents[1] / "default_bundle"


def add(store: Path, bundle: Bundle) -> Bundle:
    """Write a bundle as a new version of the store, verify it, and return it as loaded."""
    with writing(store):
        store.mkdir(parents=True, exist_ok=True)
        unfinished = store / ".unfinished"
        shutil.rmtree(unfinished, ignore_errors=True)
        write_bundle(bundle, unfinished)
        written = load_bundle(unfinished)
        _put(unfinished, store / written.version)
    return written


def _put(unfinished: Path, folder: Path) -> None:
    """Have the disk take a folder's files, then give it its name."""
    if folder.exists():  # the same bundle, written in the same second
        shutil.rmtree(unfinished)
        return
    for path in (*unfinished.iterdir(), unfinished):
        sync(path)
    unfinished.rename(folder)
    sync(folder.parent)


def add_encoder(store: Path, encoder: PretrainedEncoder) -> Path:
    """Write a pretrained encoder into the store and return its folder."""
    created = datetime.now(UTC).strftime("%Y%m%dT%H%M%SZ")
    unfinished = store / ".unfinished"
    with writing(store):
        shutil.rmtree(unfinished, ignore_errors=True)
        write_encoder(encoder, unfinished)
        digest = load_encoder(unfinished).digest
        folder = store / f"pretrained-{bundle_version(created, digest)}"
        _put(unfinished, folder)
    return folder


def promote(store: Path, version: str) -> None:
    """Make a version of the store the one in use."""
    if version not in versions(store):
        known = ", ".join(versions(store)) or "none"
        raise BundleError(f"{store} has no version {version}; it has: {known}")
    publish_text(store / CURRENT, version + "\n")


def versions(store: Path) -> list[str]:
    """Return the versions of a store, oldest first."""
    return sorted(path.parent.name for path in store.glob(f"[!.]*/{MANIFEST}"))


def in_use(store: Path) -> str | None:
    """Return the version that CURRENT names; None where there is none."""
    pointer = store / CURRENT
    if not pointer.is_file():
        return None
    try:
        return pointer.read_text(encoding="utf-8", errors="replace").strip()
    except OSError as error:
        raise BundleError(f"cannot read {pointer}: {error.strerror}") from error


def current(store: Path) -> Path:
    """Return the folder of the version in use; `BundleError` where there is none."""
    version = in_use(store)
    if version is None:
        if not versions(store):
            raise BundleError(f"{store} has no {CURRENT}: it is not a store of bundles", REMEDY)
        hint = f"`python -m scorer bundles {store} --use VERSION` puts one of its versions in use"
        raise BundleError(f"{store} has no {CURRENT}", hint)
    if version not in versions(store):
        pointer = store / CURRENT
        raise BundleError(f"{pointer} names version {version!r}, which is not in the store")
    return store / version


def resolve_bundle(
    bundle: str | os.PathLike[str] | None = None, store: str | os.PathLike[str] | None = None
) -> Path:
    """Return the folder to load: `bundle`, else the store's current one, else the shipped one.

    Raises `UsageError` where both are given, `BundleError` where the store has none in use.
    """
    if bundle is not None and store is not None:
        raise UsageError("--bundle and --store both say what scores", "Give one of them")
    if bundle is not None:
        return Path(bundle)
    return current(Path(store)) if store is not None else DEFAULT_BUNDLE
