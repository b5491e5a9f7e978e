"""`scorer bundles`: the versions of a store, and which of them is in use."""

import json
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import click

from scorer.cli.bundle_options import STORE_FOLDER
from scorer.cli.job import run_job
from scorer.errors import ScorerError
from scorer.files.urls import without_secrets
from scorer.wording import counted

if TYPE_CHECKING:
    from pathlib import Path

    from scorer.bundles.bundle import Bundle

BY = "scorer bundles"


@click.group()
def bundles() -> None:
    """List, check and choose the versions of a store; `shipped` is the package's own bundle."""


@bundles.command("list")
@STORE_FOLDER
@click.option("--json", "as_json", is_flag=True, help="Print a line of JSON for each version.")
def list_bundles(store: str, as_json: bool) -> None:
    """List the versions with their figures; `*` is the one in use.

    Accuracies are comparable where the test rows have the same digest.
    """
    run_job(lambda: _list(store, as_json), piped=True)


@bundles.command()
@click.argument("version")
@STORE_FOLDER
def show(version: str, store: str) -> None:
    """Print what is recorded of VERSION as JSON."""
    run_job(lambda: _show(version, store), piped=True)


@bundles.command()
@click.argument("versions", nargs=-1)
@STORE_FOLDER
def verify(versions: tuple[str, ...], store: str) -> None:
    """Check the files and the golden rows of VERSIONS, or of all."""
    run_job(lambda: _verify(versions, store))


@bundles.command()
@click.argument("version")
@STORE_FOLDER
def use(version: str, store: str) -> None:
    """Put VERSION in use; `shipped` is the package's own bundle."""
    run_job(lambda: _use(version, store))


@bundles.command()
@STORE_FOLDER
def rollback(store: str) -> None:
    """Put the version back in use that was in use before the present one."""
    run_job(lambda: _roll_back(store))


@bundles.command()
@click.option(
    "--keep",
    type=click.IntRange(1),
    default=5,
    show_default=True,
    help="Number of newest versions to keep.",
)
@click.option("--dry-run", is_flag=True, help="Only print what would be removed and kept.")
@STORE_FOLDER
def prune(keep: int, dry_run: bool, store: str) -> None:
    """Remove old versions, pretrained encoders and unfinished trainings.

    The version in use and the one in use before it are always kept.
    """
    run_job(lambda: _prune(keep, dry_run, store))


def _opened(store: str) -> "Path":
    """Return the store's folder. Raises `BundleError` where there is none."""
    from pathlib import Path

    from scorer.bundles.store import opened

    return opened(Path(store))


def _list(store: str, as_json: bool) -> None:
    for facts in _versions(store):
        click.echo(json.dumps(facts) if as_json else _line(facts))


def _versions(store: str) -> Iterator[dict[str, Any]]:
    """Yield what is known of each version, oldest first, the shipped one before them."""
    from scorer.bundles.store import SHIPPED, folder_of, history, in_use, versions

    folder = _opened(store)
    since = {use.version: f"{use.since} by {use.by or 'hand'}" for use in history(folder)}
    for version in (SHIPPED, *versions(folder)):
        used = version == in_use(folder)
        facts = {"version": version, "in_use": used, "since": since.get(version) if used else None}
        yield {**facts, **_facts(folder_of(folder, version))}


def _facts(folder: "Path") -> dict[str, Any]:
    from scorer.bundles.bundle_files import load_bundle

    try:
        bundle = load_bundle(folder)
    except ScorerError as error:
        return {"damaged": str(error)}
    training, test = bundle.facts.training, bundle.facts.metrics["test"]
    return {
        "classes": list(bundle.classes),
        "rows": training.get("rows", {}),
        "accuracy": test["accuracy"],
        "macro_f1": _macro_f1(bundle),
        "test_rows": training.get("parts_sha256", {}).get("test", "")[:8],
        "data": training.get("files", []),
        "preset": training.get("preset"),
    }


def _macro_f1(bundle: "Bundle") -> float:
    per_class = bundle.facts.metrics["test"]["per_class"]
    return float(sum(one["f1"] for one in per_class) / len(per_class))


def _line(facts: dict[str, Any]) -> str:
    mark = "*" if facts["in_use"] else " "
    since = f", in use since {facts['since']}" if facts["since"] else ""
    if "damaged" in facts:
        return f"{mark} {facts['version']}  damaged: {facts['damaged']}"
    rows = facts["rows"].get("train", 0)
    data = ", ".join(file["path"].rpartition("/")[2] for file in facts["data"])
    return (
        f"{mark} {facts['version']}  test accuracy {facts['accuracy']:.2%}, macro-F1 "
        f"{facts['macro_f1']:.2%} on test rows {facts['test_rows']}; "
        f"{counted(rows, 'training row')}{f' of {data}' if data else ''}, "
        f"{counted(len(facts['classes']), 'class')}{since}"
    )


def _show(version: str, store: str) -> None:
    from dataclasses import asdict
    from pathlib import Path

    from scorer.bundles.bundle_files import load_bundle
    from scorer.bundles.store import folder_of

    bundle = load_bundle(folder_of(Path(store), version))
    facts = {"version": bundle.version, "digest": bundle.digest, **asdict(bundle.facts)}
    click.echo(json.dumps(facts, indent=1, ensure_ascii=False))


def _verify(chosen: tuple[str, ...], store: str) -> None:
    from scorer.bundles.bundle_files import load_bundle
    from scorer.bundles.predictor import load_predictor
    from scorer.bundles.store import folder_of, versions
    from scorer.errors import BundleError

    folder, failed = _opened(store), []
    checked = chosen or versions(folder)
    if not checked:
        click.echo(f"{folder} has no version to check")
    for version in checked:
        try:
            load_predictor(load_bundle(folder_of(folder, version)), workers=0)
            click.echo(f"{version}: ok")
        except BundleError as error:
            click.echo(without_secrets(f"{version}: {error}"))
            failed.append(version)
    if failed:
        raise BundleError(f"{len(failed)} of the versions failed: {', '.join(failed)}")


def _use(version: str, store: str) -> None:
    from scorer.bundles.bundle_files import load_bundle
    from scorer.bundles.store import folder_of, promote

    folder = _opened(store)
    load_bundle(folder_of(folder, version))  # a damaged one is not put in use
    promote(folder, version, f"{BY} use")
    click.echo(f"{version} is now in use in {store}")


def _roll_back(store: str) -> None:
    from scorer.bundles.store import roll_back

    click.echo(f"{roll_back(_opened(store), f'{BY} rollback')} is now in use in {store}")


def _prune(keep: int, dry_run: bool, store: str) -> None:
    from scorer.bundles.store import kept_versions
    from scorer.bundles.store import prune as prune_store

    folder = _opened(store)
    removed = prune_store(folder, keep, dry_run)
    for path in removed:
        click.echo(f"{'would remove' if dry_run else 'removed'} {path}")
    if not removed:
        click.echo("nothing to remove")
    if dry_run or not removed:
        for version, reason in kept_versions(folder, keep).items():
            click.echo(f"kept {version}: {reason}")
