"""`scorer predict TEXTS`: the probabilities of a few texts, for a look at a bundle."""

import click

from scorer.cli.arguments import check_characters
from scorer.cli.bundle_options import bundle_options
from scorer.cli.job import run_job


@click.command()
@click.argument("texts", nargs=-1, required=True)
@bundle_options
def predict(texts: tuple[str, ...], bundle: str | None, store: str | None) -> None:
    """Print the probability of each class for each of TEXTS."""
    run_job(lambda: _predict(texts, bundle, store))


def _predict(texts: tuple[str, ...], bundle: str | None, store: str | None) -> None:
    import numpy as np
    import pyarrow as pa

    from scorer.bundles.predictor import load_predictor
    from scorer.bundles.store import load_chosen

    check_characters(texts=texts)
    predictor = load_predictor(load_chosen(bundle, store), "auto", workers=0)
    encoded = predictor.encode(pa.array(texts, pa.large_string()))
    for text, row in zip(texts, predictor.predict(encoded).probabilities, strict=True):
        shares = ["none" if np.isnan(share) else f"{share:.2%}" for share in row]
        named = zip(predictor.classes, shares, strict=True)
        click.echo(f"{', '.join(f'{name} {share}' for name, share in named)}  {text}")
