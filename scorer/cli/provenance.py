"""`scorer provenance FILES`: which bundle scored them, from which input."""

from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

import click

from scorer.cli.arguments import LOCAL
from scorer.cli.job import run_job
from scorer.wording import counted

if TYPE_CHECKING:
    from pathlib import Path

CHANGED = "  CHANGED      it is no longer the file that was published"


@click.command()
@click.argument("files", nargs=-1, required=True, type=LOCAL)
@click.option(
    "--bundle", metavar="ID", help="List only the files that this bundle version or digest scored."
)
@click.option("--json", "as_json", is_flag=True, help="Print a line of JSON for each file.")
@click.option("--verbose", is_flag=True, help="Show the traceback of an error.")
def provenance(files: tuple[str, ...], bundle: str | None, as_json: bool, verbose: bool) -> None:
    """Print which bundle scored FILES from which input; folders are searched."""
    run_job(lambda: _print(files, bundle, as_json), verbose, piped=True)


def _print(files: Iterable[str], bundle: str | None, as_json: bool) -> None:
    import json

    from scorer.scoring.provenance import find_provenance, is_as_published, was_scored_by

    found = 0
    for path, facts in find_provenance(files, lambda e: click.echo(f"note: {e}", err=True)):
        if bundle is not None and not was_scored_by(facts, bundle):
            continue
        found += 1
        if bundle is not None and not as_json:
            click.echo(path)
            continue
        unchanged = is_as_published(path)
        if as_json:
            line = {"file": str(path), "as_published": unchanged, **facts}
            click.echo(json.dumps(line, ensure_ascii=False))
        else:
            changed = [CHANGED] if unchanged is False else []
            click.echo("\n".join([*_lines(path, facts), *changed]))
    if not found:
        click.echo("no output of that bundle" if bundle else "no output here", err=True)


def _lines(path: "Path", facts: Mapping[str, Any]) -> Iterator[str]:
    """Yield what a person asks about an output first."""
    bundle, read, rows = facts["bundle"], facts["input"], facts["rows"]
    size = "read once" if read["size"] is None else counted(read["size"], "byte")
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
