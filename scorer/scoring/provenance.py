"""Where scored tables come from: `python -m scorer provenance FILE…`.

A Parquet file says it in its footer, any other output in the `.run.json` beside it. Knows what
`summary` writes, nothing of scoring.
"""

import json
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import click

from scorer.console import run_job
from scorer.errors import InputError

SHORT_DIGEST = 8  # first digits that name a bundle well enough
FACTS = {"bundle", "input", "rows", "text_column", "texts", "score_settings", "options"}
OUTPUTS = ("*.parquet", "*.pq", "*.run.json")  # looked for in a folder


@click.command()
@click.argument("files", nargs=-1, required=True)
@click.option("--bundle", metavar="ID", help="List the files that this version or digest scored.")
@click.option("--json", "as_json", is_flag=True, help="Print a line of JSON for each file.")
@click.option("--verbose", is_flag=True, help="Show the traceback of an error.")
def provenance(files: tuple[str, ...], bundle: str | None, as_json: bool, verbose: bool) -> None:
    """Print which bundle scored FILES from which input; folders are searched."""
    run_job(lambda: _print(files, bundle, as_json), verbose)


def _print(files: Iterable[str], bundle: str | None, as_json: bool) -> None:
    found = 0
    for path, facts in origins(files):
        if bundle is not None and not scored_by(facts, bundle):
            continue
        found += 1
        if as_json:
            click.echo(json.dumps({"file": str(path), **facts}, ensure_ascii=False))
        else:
            click.echo(path if bundle is not None else "\n".join(lines(path, facts)))
    if not found:
        click.echo("no output of that bundle" if bundle else "no output here", err=True)


def origins(paths: Iterable[str]) -> Iterator[tuple[Path, dict[str, Any]]]:
    """Yield each output and its provenance; in folders, of those that have one.

    Raises `InputError` for a named file that has none.
    """
    for path in map(Path, paths):
        if path.is_dir():
            yield from _in_folder(path)
        elif (facts := read_provenance(path)) is not None:
            yield path, facts
        else:
            raise InputError(f"{path} does not say where it comes from", "Scored by another way?")


def _in_folder(folder: Path) -> Iterator[tuple[Path, dict[str, Any]]]:
    files = {file for pattern in OUTPUTS for file in folder.rglob(pattern)}
    outputs = {file.with_name(file.name.removesuffix(".run.json")) for file in files}
    for path in sorted(output for output in outputs if output.is_file()):
        try:
            facts = read_provenance(path)
        except InputError as error:  # one damaged file does not hide the others
            click.echo(f"note: {error}", err=True)
            continue
        if facts is not None:
            yield path, facts


def read_provenance(path: Path) -> dict[str, Any] | None:
    """Return what an output says of its run; None if it says nothing. Raises `InputError`."""
    from scorer.files.byte_streams import open_file

    with open_file(str(path)) as file:
        parquet = file.read(4) == b"PAR1"
    facts = _of_footer(path) if parquet else None
    return facts or _of_summary(path.with_name(path.name.removesuffix(".run.json") + ".run.json"))


def _of_footer(path: Path) -> dict[str, Any] | None:
    import pyarrow.parquet as pq

    from scorer.files.byte_streams import open_file, reading
    from scorer.scoring.summary import FOOTER_KEY

    with reading(str(path), None), open_file(str(path)) as file:
        metadata = pq.read_metadata(file).metadata or {}
    entry = metadata.get(FOOTER_KEY.encode())
    return None if entry is None else _parsed(entry, path)


def _of_summary(path: Path) -> dict[str, Any] | None:
    """Return the summary of the run that published, which a later failed one keeps inside."""
    if not path.is_file():
        return None
    summary = _parsed(path.read_bytes(), path)
    return summary if summary.get("published") else summary.get("published_run")


def _parsed(entry: bytes, path: Path) -> dict[str, Any]:
    try:
        facts = json.loads(entry)
    except ValueError as error:
        raise InputError(f"{path}: what it says of its run is not JSON: {error}") from error
    if not isinstance(facts, dict):
        raise InputError(f"{path}: what it says of its run is no object")
    told = facts if facts.get("published", True) else facts.get("published_run")
    if told and not told.keys() >= FACTS:
        raise InputError(f"{path}: it says nothing of a run of this program")
    return facts


def scored_by(facts: Mapping[str, Any], bundle: str) -> bool:
    """Return whether a version, a digest or the beginning of a digest is the bundle's."""
    version, digest = facts["bundle"]["version"], facts["bundle"]["digest"]
    return bundle in (version, digest) or (
        len(bundle) >= SHORT_DIGEST and digest.startswith(bundle)
    )


def lines(path: Path, facts: Mapping[str, Any]) -> Iterator[str]:
    """Say what a person asks of an output first."""
    bundle, read, rows = facts["bundle"], facts["input"], facts["rows"]
    size = "read once" if read["size"] is None else f"{read['size']:,} bytes"
    yield str(path)
    yield f"  bundle       {bundle['version']}, digest {bundle['digest']}"
    yield f"  classes      {', '.join(bundle['classes'])}"
    yield f"  labels       {_listed(bundle['label_values'])}"
    yield f"  input        {read['path']}, {read['format']}, {size}, sha256 {read['sha256']}"
    yield f"  text column  {facts['text_column']}"
    yield f"  rows         {_listed(rows)}"
    yield f"  texts        {_listed(facts['texts'])}"
    yield f"  settings     {_listed(facts['score_settings'])}"
    yield f"  options      {_listed(facts['options'])}"


def _listed(facts: Mapping[str, Any]) -> str:
    """Return what was set or counted."""
    return ", ".join(f"{name}={value}" for name, value in facts.items() if value not in (None, ""))
