"""`scorer explain TEXTS`: which words move the score of a text."""

import click

from scorer.cli.bundle_options import bundle_options
from scorer.cli.console import check_characters, run_job


@click.command()
@click.argument("texts", nargs=-1, required=True)
@bundle_options
@click.option("--words", type=click.IntRange(1), default=5, show_default=True, help="Words shown.")
def explain(texts: tuple[str, ...], bundle: str | None, store: str | None, words: int) -> None:
    """Print, for each of TEXTS, the words whose absence changes its probability most."""
    run_job(lambda: _explain(texts, bundle, store, words))


def _explain(texts: tuple[str, ...], bundle: str | None, store: str | None, words: int) -> None:
    from scorer.bundles.bundle_files import load_bundle
    from scorer.bundles.predictor import load_predictor
    from scorer.bundles.store import resolve_bundle
    from scorer.monitoring.explanation import explain as explain_text

    check_characters(texts=texts)
    predictor = load_predictor(load_bundle(resolve_bundle(bundle, store)), workers=0)
    for text in texts:
        found = explain_text(text, predictor, words)
        if found is None:
            click.echo(f"no score  {text}")
            continue
        effects = ", ".join(f"{one.word} {one.effect:+.2%}" for one in found.words)
        click.echo(f"{found.label} {found.probability:.2%}: {effects}")
