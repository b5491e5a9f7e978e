"""A folder of bundle versions, and which of them is in use.

    <store>/<version>/             a bundle
    <store>/pretrained-<version>/  a pretrained encoder, see `pretrained_encoder`
    <store>/CURRENT                the version in use; replaced atomically
    <store>/history.jsonl          what was put in use when, and how; a line of JSON each
    <store>/rows/<version>.npy     keys of the texts that a version was trained on
    <store>/reports/<version>.html  its report, with date, version and the gate's verdict

The bundle that ships with the package is the version `shipped` of every store. Knows bundles'
names, nothing of what is in them beyond `bundle`.
"""

import json
import os
import shutil
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import numpy as np

from scorer.bundles.bundle import Bundle
from scorer.bundles.bundle_files import MANIFEST, bundle_version, load_bundle, write_bundle
from scorer.bundles.pretrained_encoder import MANIFEST as ENCODER_MANIFEST
from scorer.bundles.pretrained_encoder import PretrainedEncoder, load_encoder, write_encoder
from scorer.errors import BundleError, UsageError
from scorer.files.publish import check_free, locked, publish_text, sync, writing
from scorer.files.urls import local_file

CURRENT, HISTORY, UNFINISHED = "CURRENT", "history.jsonl", ".unfinished"
SHIPPED = "shipped"
STORE_REMEDY = "Name a store with --store, or make one with train_job.py LABELLED --store FOLDER"
CHECKPOINT = "training.safetensors"  # while a training is not finished, which holds its lock
DEFAULT_BUNDLE = Path(__file__).parents[1] / "default_bundle"


def add(store: Path, bundle: Bundle) -> Bundle:
    """Write a bundle as a new version of the store, verify it, and return it as loaded."""
    with writing(store):
        store.mkdir(parents=True, exist_ok=True)
        unfinished = store / UNFINISHED
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
    unfinished = store / UNFINISHED
    with writing(store):
        shutil.rmtree(unfinished, ignore_errors=True)
        write_encoder(encoder, unfinished)
        digest = load_encoder(unfinished).digest
        folder = store / f"pretrained-{bundle_version(created, digest)}"
        _put(unfinished, folder)
    return folder


@dataclass(frozen=True)
class Use:
    """A version put in use: when (UTC, ISO 8601) and by what."""

    version: str
    since: str
    by: str


def promote(store: Path, version: str, by: str = "") -> None:
    """Make a version of the store the one in use; `by` is kept in the history."""
    folder_of(store, version)
    now = datetime.now(UTC).isoformat(timespec="seconds")
    earlier = "".join(json.dumps(vars(use)) + "\n" for use in history(store))
    publish_text(store / HISTORY, earlier + json.dumps(vars(Use(version, now, by))) + "\n")
    publish_text(store / CURRENT, version + "\n")


def history(store: Path) -> list[Use]:
    """Return what was put in use, oldest first; a line that is damaged is left out."""
    path, uses = store / HISTORY, []
    if not path.is_file():
        return []
    for line in path.read_text(encoding="utf-8", errors="replace").splitlines():
        with suppress(ValueError, TypeError):
            uses.append(Use(**json.loads(line)))
    return uses


def roll_back(store: Path, by: str = "") -> str:
    """Put the version in use that was so before the present one, and return its name.

    Raises `BundleError` where there was none that is still there, or it is damaged.
    """
    before = _in_use_before(store)
    if before is None:
        raise BundleError(
            f"{store} has no version that was in use before {in_use(store) or 'now'}",
            f"`scorer bundles use {SHIPPED} --store {store}` puts the shipped bundle in use",
        )
    load_bundle(folder_of(store, before))  # a damaged one is not put in use
    promote(store, before, by)
    return before


def _in_use_before(store: Path) -> str | None:
    """Return the version that was in use before the present one, of those still there."""
    now, there = in_use(store), {*versions(store), SHIPPED}
    before = [use.version for use in history(store) if use.version != now and use.version in there]
    return before[-1] if before else None


def prune(store: Path, keep: int, dry_run: bool = False) -> list[Path]:
    """Remove all but the newest `keep` versions, their row keys, and what was left unfinished.

    The version in use and the one to roll back to are kept. Returns what is (or, with `dry_run`,
    would be) removed. Raises `OutputBusyError` while a training into the store is under way; a dry
    run writes nothing, not even a lock.
    """
    if dry_run:
        check_free(store / CHECKPOINT)
        return _superseded(store, keep)
    with locked(store / CHECKPOINT):
        removed = _superseded(store, keep)
        for path in removed:
            _remove(path)
    return removed


def _remove(path: Path) -> None:
    with writing(path):
        if path.is_dir() and not path.is_symlink():  # the folder of a version may be elsewhere
            shutil.rmtree(path)
        else:
            path.unlink()


def kept_versions(store: Path, keep: int) -> dict[str, str]:
    """Return the versions that pruning keeps, oldest first, each with the reason."""
    reasons: dict[str | None, str] = {
        **dict.fromkeys(versions(store)[-keep:], f"among the newest {keep}"),
        _in_use_before(store): "in use before, for `rollback`",
        in_use(store): "in use",
    }
    return {version: reasons[version] for version in versions(store) if version in reasons}


def _superseded(store: Path, keep: int) -> list[Path]:
    """Return what is not kept."""
    kept = kept_versions(store, keep)
    old = [store / version for version in versions(store) if version not in kept]
    encoders = sorted(path.parent for path in store.glob(f"pretrained-*/{ENCODER_MANIFEST}"))
    beside = [place(store, path.name) for path in old for place in (_rows_path, report_path)]
    removed = [*old, *beside, *encoders[:-keep]]
    removed += [store / UNFINISHED, store / CHECKPOINT]
    return [path for path in removed if path.exists()]


def keep_trained_rows(store: Path, version: str, keys: np.ndarray) -> None:
    """Keep the keys (uint64, see `corpus.row_keys`) of the texts a version was trained on."""
    path = _rows_path(store, version)
    with writing(path):
        path.parent.mkdir(exist_ok=True)
        np.save(path, np.unique(keys))


def trained_rows(store: Path, version: str) -> np.ndarray:
    """Return the keys of the texts a version was trained on; none where they were not kept."""
    path = _rows_path(store, version)
    return np.load(path) if path.is_file() else np.zeros(0, np.uint64)


def _rows_path(store: Path, version: str) -> Path:
    return store / "rows" / f"{version}.npy"


def keep_report(store: Path, version: str, report: str) -> Path:
    """Publish the report of a version and return its path."""
    path = report_path(store, version)
    with writing(path):
        path.parent.mkdir(exist_ok=True)
    publish_text(path, report)
    return path


def report_path(store: Path, version: str) -> Path:
    """Return where the report of a version is, or would be."""
    return store / "reports" / f"{version}.html"


def versions(store: Path) -> list[str]:
    """Return the versions of a store, oldest first."""
    return sorted(path.parent.name for path in store.glob(f"[!.]*/{MANIFEST}"))


def opened(store: Path) -> Path:
    """Return the store itself; `BundleError` where there is no such folder."""
    if not store.is_dir():
        raise BundleError(f"there is no folder {store.absolute()}", STORE_REMEDY)
    return store


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
    hint = f"`scorer bundles use VERSION --store {store}` puts one of its versions in use"
    if version is None:
        if not versions(opened(store)):
            raise BundleError(f"{store} has no {CURRENT}: it is not a store", STORE_REMEDY)
        raise BundleError(f"{store} has no {CURRENT}", hint)
    if version not in (*versions(store), SHIPPED):
        pointer = store / CURRENT
        raise BundleError(f"{pointer} names version {version!r}, which is not in the store", hint)
    return folder_of(store, version)


def folder_of(store: Path, version: str) -> Path:
    """Return the folder of a version; `BundleError` with those there are where it is not there."""
    if version == SHIPPED:
        return DEFAULT_BUNDLE
    if version not in versions(store):
        known = ", ".join([*versions(store), SHIPPED])
        raise BundleError(f"{store} has no version {version}; it has: {known}")
    return store / version


def resolve_bundle(
    bundle: str | os.PathLike[str] | None = None, store: str | os.PathLike[str] | None = None
) -> Path:
    """Return the folder to load: `bundle`, else the store's current one, else the shipped one.

    `shipped` names that one too, where there is no folder of the name.
    Raises `UsageError` where both are given, `BundleError` where the store has none in use.
    """
    if bundle is not None and store is not None:
        raise UsageError("--bundle and --store both say what scores", "Give one of them")
    if bundle is None:
        return current(local_file(store, "--store")) if store is not None else DEFAULT_BUNDLE
    folder = local_file(bundle, "--bundle")
    return DEFAULT_BUNDLE if folder == Path(SHIPPED) and not folder.exists() else folder


def load_chosen(
    bundle: str | os.PathLike[str] | None = None, store: str | os.PathLike[str] | None = None
) -> Bundle:
    """Return the bundle of `resolve_bundle`, verified. Raises `UsageError` or `BundleError`."""
    return load_bundle(resolve_bundle(bundle, store))
