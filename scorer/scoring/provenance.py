"""Where scored tables come from, and whether they are still the ones that were published.

A Parquet file has its provenance in its footer, any other output in the `.run.json` beside it.
Knows what `summary` writes, nothing of scoring.
"""

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from scorer.errors import InputError
from scorer.files.byte_streams import open_file, reading
from scorer.files.fingerprint import fingerprint
from scorer.scoring.summary import FOOTER_KEY, published_run

SHORT_DIGEST = 8  # first digits that name a bundle well enough
FACTS = {"bundle", "input", "rows", "text_column", "texts", "score_settings", "options"}
OUTPUTS = ("*.parquet", "*.pq", "*.run.json")  # looked for in a folder


def find_provenance(
    paths: Iterable[str], on_damaged: Callable[[InputError], None]
) -> Iterator[tuple[Path, dict[str, Any]]]:
    """Yield each output and its provenance; in folders, of those that have one.

    `on_damaged` is called with what is wrong with a file in a folder: it does not hide the others.
    Raises `InputError` for a named file that has none.
    """
    for path in map(Path, paths):
        if path.is_dir():
            yield from _in_folder(path, on_damaged)
        elif (facts := read_provenance(path)) is not None:
            yield path, facts
        else:
            raise InputError(f"{path} has no provenance", "Was it written by another program?")


def _in_folder(
    folder: Path, on_damaged: Callable[[InputError], None]
) -> Iterator[tuple[Path, dict[str, Any]]]:
    files = {file for pattern in OUTPUTS for file in folder.rglob(pattern)}
    outputs = {file.with_name(file.name.removesuffix(".run.json")) for file in files}
    for path in sorted(output for output in outputs if output.is_file()):
        try:
            facts = read_provenance(path)
        except InputError as error:
            on_damaged(error)
            continue
        if facts is not None:
            yield path, facts


def read_provenance(path: Path) -> dict[str, Any] | None:
    """Return the provenance of an output, None if it has none. Raises `InputError`."""
    with open_file(str(path)) as file:
        parquet = file.read(4) == b"PAR1"
    facts = _read_footer(path) if parquet else None
    return facts or _read_summary(_summary_of(path))


def is_as_published(path: Path) -> bool | None:
    """Return whether an output is, byte for byte, the one that was published; None: not known.

    Raises `InputError`.
    """
    facts = _read_summary(_summary_of(path))
    if facts is None or facts.get("output_sha256") is None or not path.is_file():
        return None
    if path.stat().st_size != facts["output_bytes"]:
        return False
    found = fingerprint(path)
    return found is not None and found.sha256 == facts["output_sha256"]


def _summary_of(path: Path) -> Path:
    return path.with_name(path.name.removesuffix(".run.json") + ".run.json")


def _read_footer(path: Path) -> dict[str, Any] | None:
    import pyarrow.parquet as pq

    with reading(str(path), None), open_file(str(path)) as file:
        metadata = pq.read_metadata(file).metadata or {}
    entry = metadata.get(FOOTER_KEY.encode())
    return None if entry is None else _parse(entry, path)


def _read_summary(path: Path) -> dict[str, Any] | None:
    """Return the summary of the run that published, which a later failed one keeps inside."""
    if not path.is_file():
        return None
    return published_run(_parse(path.read_bytes(), path))


def _parse(entry: bytes, path: Path) -> dict[str, Any]:
    try:
        facts = json.loads(entry)
    except ValueError as error:
        raise InputError(f"{path}: its provenance is not JSON: {error}") from error
    if not isinstance(facts, dict):
        raise InputError(f"{path}: its provenance is not an object")
    published = facts if facts.get("published", True) else facts.get("published_run")
    if published and not published.keys() >= FACTS:
        raise InputError(f"{path}: it is not the summary of a run of this program")
    return facts


def was_scored_by(facts: Mapping[str, Any], bundle: str) -> bool:
    """Return whether a version, a digest or the beginning of a digest is the bundle's."""
    version, digest = facts["bundle"]["version"], facts["bundle"]["digest"]
    return bundle in (version, digest) or (
        len(bundle) >= SHORT_DIGEST and digest.startswith(bundle)
    )
