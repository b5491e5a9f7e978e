"""Looking at bundles and outputs from the command line: `python -m scorer COMMAND`.

Thin: options and what is printed. The two jobs are `train_job.py` and `score_job.py`.
"""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import click

from scorer.console import check_characters, run_job
from scorer.errors import ScorerError
from scorer.scoring.provenance import provenance

if TYPE_CHECKING:
    from pathlib import Path

FIRST_IDS = 10


@click.group()
def main() -> None:
    """Look at bundles and at what they have scored."""


main.add_command(provenance)


def _bundle_options(command: Callable[..., Any]) -> Callable[..., Any]:
    for name, text in (
        ("store", "Store whose current bundle is used; else the shipped one."),
        ("bundle", "Bundle that is used; else the store's."),
    ):
        command = click.option(f"--{name}", metavar="FOLDER", help=text)(command)
    return command


@main.command()
@click.argument("texts", nargs=-1, required=True)
@_bundle_options
def predict(texts: tuple[str, ...], bundle: str | None, store: str | None) -> None:
    """Print the probability of each class for each of TEXTS."""
    run_job(lambda: _predict(texts, bundle, store))


@main.command()
@click.argument("words", nargs=-1)
@_bundle_options
def vocabulary(words: tuple[str, ...], bundle: str | None, store: str | None) -> None:
    """Print what a bundle's vocabulary holds, and the ids of WORDS."""
    run_job(lambda: _vocabulary(words, bundle, store))


@main.command()
@click.argument("store", metavar="STORE")
@click.option("--use", metavar="VERSION", help="Put this version in use: go back, or forward.")
def bundles(store: str, use: str | None) -> None:
    """List the versions of STORE with their test accuracy; `*` is the one in use."""
    run_job(lambda: _bundles(store, use))


def _predict(texts: tuple[str, ...], bundle: str | None, store: str | None) -> None:
    import pyarrow as pa

    from scorer.api import Scorer

    check_characters(texts=texts)
    scorer = Scorer.load(bundle, store)
    table = pa.table({scorer.bundle.text_column: pa.array(texts, pa.large_string())})
    for row in scorer.score(table, scorer.bundle.text_column).to_pylist():
        text = row.pop(scorer.bundle.text_column)
        shown = ", ".join(f"{_class_of(column)} {_percent(row[column])}" for column in row)
        click.echo(f"{shown}  {text}")


def _class_of(column: str) -> str:
    return column.removeprefix("probability_")


def _percent(probability: float | None) -> str:
    return "none" if probability is None else f"{probability:.2%}"


def _vocabulary(words: tuple[str, ...], bundle: str | None, store: str | None) -> None:
    from scorer.bundles.bundle import load_bundle
    from scorer.bundles.store import resolve_bundle

    loaded = load_bundle(resolve_bundle(bundle, store))
    tokens, facts = loaded.vocabulary.tokens, loaded.facts.training["vocabulary"]
    click.echo(f"{len(tokens):,} tokens of {facts['training_tokens']:,} training tokens")
    common = ", ".join(f"{token} {count:,}" for token, count in facts["most_frequent"])
    click.echo(f"most frequent: {common}")
    click.echo(f"first ids: {', '.join(f'{i} {t}' for i, t in enumerate(tokens[:FIRST_IDS]))}")
    click.echo(f"unknown: {facts['unknown_share']:.2%} of the validation tokens")
    for word, token_id in zip(words, loaded.vocabulary.ids_of(words).tolist(), strict=True):
        click.echo(f"{word}: {token_id} {tokens[token_id]}")


def _bundles(store: str, use: str | None) -> None:
    from pathlib import Path

    from scorer.bundles.bundle import load_bundle
    from scorer.bundles.store import current, in_use, promote, versions

    folder = Path(store)
    if use is not None:
        if use in versions(folder):
            load_bundle(folder / use)  # a damaged one is not put in use
        promote(folder, use)
    for version in versions(folder):
        click.echo(
            f"{'*' if version == in_use(folder) else ' '} {version}  {_state(folder / version)}"
        )
    current(folder)  # says what is wrong where none is in use


def _state(folder: "Path") -> str:
    from scorer.bundles.bundle import load_bundle

    try:
        metrics = load_bundle(folder).facts.metrics
    except ScorerError as error:
        return f"damaged: {error}"
    return f"test accuracy {metrics['test']['accuracy']:.2%}"


if __name__ == "__main__":
    main()
