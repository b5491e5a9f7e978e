"""The labelled files that the bundle in use was trained on, for a training on more rows.

Each is read as it was read then: a bundle records the options. One that does not (of an earlier
program) has the columns and what the labels mean. Knows what a bundle records of its training,
nothing of what is in the files.
"""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from itertools import groupby
from pathlib import Path

from scorer.bundles.bundle import Bundle
from scorer.bundles.bundle_files import load_bundle
from scorer.bundles.store import current
from scorer.corpus.label_values import UNDERSTOOD, label_key, written_labels
from scorer.corpus.labelled_columns import Columns
from scorer.corpus.source import Source, source_of
from scorer.errors import InputError
from scorer.files.fingerprint import check_readable, fingerprint
from scorer.files.urls import Location, absolute, location

HINT = "Name the files that are to be trained on instead of --with-previous"
OPTIONS = "options"


def with_previous(store: Path, given: Source) -> list[Source]:
    """Return the files of the bundle in use as they were read then, then those given, each once.

    Those that are read alike are one source; the given ones are in the last. Raises `BundleError`
    where no bundle is in use, `InputError` for a file that is gone or was changed since, and for a
    bundle that does not record its files.
    """
    bundle = load_bundle(current(store))
    if not bundle.facts.training.get("files"):
        raise InputError(f"bundle {bundle.version} does not record its labelled files", HINT)
    *earlier, last = _sources(bundle, given)
    known = [path for source in (*earlier, last) for path in source.paths]
    new = [path for path in dict.fromkeys(map(absolute, given.paths)) if path not in known]
    if last.found is None and last.told() == given.told():
        return [*earlier, replace(given, paths=[*last.paths, *new])]
    return [*earlier, last, replace(given, paths=new)] if new else [*earlier, last]


def _sources(bundle: Bundle, given: Source) -> Iterator[Source]:
    """Yield the files of a bundle, neighbours that were read alike as one source."""
    for options, files in groupby(bundle.facts.training["files"], lambda file: file.get(OPTIONS)):
        paths = [_unchanged(location(file["path"]), file["sha256"]) for file in files]
        yield (
            source_of(paths, options) if options is not None else _unrecorded(bundle, paths, given)
        )


def _unrecorded(bundle: Bundle, paths: list[Location], given: Source) -> Source:
    """Return files of which no options were recorded, nor needed if none are now."""
    told = given.told()
    labels = _labels(bundle.label_values)
    if not told and labels is None:
        return Source(paths, options=given.options)
    found = Columns(bundle.text_column, bundle.facts.label_column, labels=labels)
    return Source(paths, Columns(labels=labels), given.options, found)


def _labels(values: Mapping[str, str]) -> str | None:
    """Return `--labels` of a bundle's label values; None where they are read so without it."""
    understood = all(UNDERSTOOD.get(label_key(value)) == name for value, name in values.items())
    themselves = all(label_key(value) == label_key(name) for value, name in values.items())
    if understood or (themselves and len(values) > 2):
        return None
    return written_labels(values)


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
