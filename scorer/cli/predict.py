"""`scorer predict TEXTS`: the probabilities of a few texts, for a look at a bundle."""

import click

from scorer.cli.bundle_options import bundle_options
from scorer.cli.console import check_characters, run_job


@click.command()
@click.argument("texts", nargs=-1, required=True)
@bundle_options
def predict(texts: tuple[str, ...], bundle: str | None, store: str | None) -> None:
    """Print the probability of each class for each of TEXTS."""
    run_job(lambda: _predict(texts, bundle, store))


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
