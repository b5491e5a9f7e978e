"""The labelled files that the bundle in use was trained on, for a training on more rows.

Knows what a bundle records of its training, nothing of what is in the files.
"""

from collections.abc import Sequence
from pathlib import Path

from scorer.bundles.bundle_files import load_bundle
from scorer.bundles.store import current
from scorer.errors import InputError
from scorer.files.fingerprint import check_readable, fingerprint
from scorer.files.urls import Location, absolute, location

HINT = "Name the files that are to be trained on instead of --with-previous"


def with_previous(store: Path, labelled: Sequence[Location]) -> list[Location]:
    """Return the files of the bundle in use, then those given, each once.

    Raises `BundleError` where no bundle is in use, `InputError` for a file that is gone or was
    changed since, and for a bundle that does not record its files.
    """
    bundle = load_bundle(current(store))
    files = bundle.facts.training.get("files")
    if not files:
        raise InputError(f"bundle {bundle.version} does not record its labelled files", HINT)
    previous = [_unchanged(location(file["path"]), file["sha256"]) for file in files]
    return list(dict.fromkeys([*previous, *map(absolute, labelled)]))


def _unchanged(path: Location, sha256: str) -> Location:
    try:
        check_readable(path)
    except InputError as error:
        gone = f"{error.args[0]}; the bundle in use was trained on it"
        raise InputError(gone, HINT) from error
    found = fingerprint(path)
    if found is None or found.sha256 != sha256:
        raise InputError(f"{path} was changed since the bundle in use was trained on it", HINT)
    return path
