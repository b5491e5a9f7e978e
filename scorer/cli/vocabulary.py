"""`scorer vocabulary WORDS`: what a bundle's vocabulary holds, as the lecture looks at it."""

import click

from scorer.cli.bundle_options import bundle_options
from scorer.cli.job import run_job
from scorer.wording import counted

FIRST_IDS = 10


@click.command()
@click.argument("words", nargs=-1)
@bundle_options
def vocabulary(words: tuple[str, ...], bundle: str | None, store: str | None) -> None:
    """Print the size of a bundle's vocabulary, its first tokens, and the ids of WORDS."""
    run_job(lambda: _vocabulary(words, bundle, store))


def _vocabulary(words: tuple[str, ...], bundle: str | None, store: str | None) -> None:
    from scorer.bundles.store import load_chosen

    loaded = load_chosen(bundle, store)
    tokens, facts = loaded.vocabulary.tokens, loaded.facts.training["vocabulary"]
    click.echo(f"{counted(len(tokens), 'token')} of {facts['training_tokens']:,} training tokens")
    common = ", ".join(f"{token} {count:,}" for token, count in facts["most_frequent"])
    click.echo(f"most frequent: {common}")
    click.echo(f"first ids: {', '.join(f'{i} {t}' for i, t in enumerate(tokens[:FIRST_IDS]))}")
    click.echo(f"unknown: {facts['unknown_share']:.2%} of the validation tokens")
    for word, token_id in zip(words, loaded.vocabulary.ids_of(words).tolist(), strict=True):
        click.echo(f"{word}: {token_id} {tokens[token_id]}")
