"""`scorer explain TEXTS`: which words move the score of a text."""

import click

from scorer.cli.arguments import check_characters
from scorer.cli.bundle_options import bundle_options
from scorer.cli.job import run_job

MOST_TRIED = 400  # words of a text, all but of a very long one


@click.command()
@click.argument("texts", nargs=-1, required=True)
@bundle_options
@click.option(
    "--words",
    type=click.IntRange(1),
    default=5,
    show_default=True,
    help="Number of words to print.",
)
def explain(texts: tuple[str, ...], bundle: str | None, store: str | None, words: int) -> None:
    """Print, for each of TEXTS, the words whose absence changes its probability most."""
    run_job(lambda: _explain(texts, bundle, store, words))


def _explain(texts: tuple[str, ...], bundle: str | None, store: str | None, words: int) -> None:
    import pyarrow as pa

    from scorer.bundles.predictor import load_predictor
    from scorer.bundles.store import load_chosen
    from scorer.evaluation.explanation import Explainer

    check_characters(texts=texts)
    loaded = load_chosen(bundle, store)
    predictor, tokens = load_predictor(loaded, workers=0), loaded.vocabulary.tokens
    encoded = predictor.encode(pa.array(texts, pa.large_string()))
    prediction = predictor.predict(encoded)
    found = Explainer(predictor, tokens, words, MOST_TRIED).explain(encoded, prediction)
    scored = prediction.tokens > 0
    for at, (text, moved) in enumerate(zip(texts, found.words(tokens), strict=True)):
        if not scored[at]:
            click.echo(f"no score  {text}")
            continue
        best = int(prediction.probabilities[at].argmax())
        effects = ", ".join(f"{word} {effect:+.2%}" for word, effect in moved)
        probability = prediction.probabilities[at, best]
        click.echo(f"{predictor.classes[best]} {probability:.2%}: {effects}")
