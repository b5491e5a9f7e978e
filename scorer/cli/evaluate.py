"""`scorer evaluate LABELLED` and `scorer compare IN`: bundles side by side."""

import json
from typing import TYPE_CHECKING, Any

import click

from scorer.cli.arguments import LOCAL, STORE_VARIABLE
from scorer.cli.bundle_options import bundle_options
from scorer.cli.console import Progress
from scorer.cli.job import run_job
from scorer.cli.table_options import TEXT_COLUMN, table_options
from scorer.wording import counted, plural

if TYPE_CHECKING:
    from scorer.corpus.labelled import Labelled
    from scorer.evaluation.evaluation import Evaluation


@click.command()
@click.argument("labelled", nargs=-1, required=True)
@click.option(
    "--bundle",
    "bundles",
    multiple=True,
    metavar="FOLDER",
    help="Bundle to evaluate: a folder, or `shipped`; given several times, side by side.",
    type=LOCAL,
)
@click.option(
    "--store",
    envvar=STORE_VARIABLE,
    show_envvar=True,
    metavar="FOLDER",
    help="Store whose bundle in use is evaluated, without --bundle. Default: the shipped bundle.",
    type=LOCAL,
)
@TEXT_COLUMN
@click.option("--label-column", metavar="NAME", help="Column of the labels. Default: inferred.")
@table_options
@click.option("--labels", metavar="V=C,…", help="Class of each label value: 1=positive,0=negative.")
@click.option("--json", "as_json", is_flag=True, help="Print a line of JSON for each bundle.")
@click.option(
    "--html",
    metavar="FILE.html",
    help="Write an HTML page with the bundles side by side.",
    type=LOCAL,
)
def evaluate(**options: Any) -> None:
    """Evaluate bundles on the rows of LABELLED files; they should not have been trained on them.

    Columns are those of a bundle's training, where the files have them.
    """
    run_job(lambda: _evaluate(**options), piped=True)


def _evaluate(
    labelled: tuple[str, ...],
    bundles: tuple[str, ...],
    store: str | None,
    text_column: list[str] | None,
    label_column: str | None,
    labels: str | None,
    as_json: bool,
    html: str | None,
    input_format: str | None,
    **options: Any,
) -> None:
    from scorer.bundles.store import load_chosen
    from scorer.corpus.labelled_columns import Columns
    from scorer.evaluation.figures import evaluation_html
    from scorer.files.urls import hide_secrets, location
    from scorer.jobs import one_name
    from scorer.monitoring.held_out import evaluate_bundle, read_held_out
    from scorer.pages.page import check_page, publish_page
    from scorer.tables.csv_options import CsvOptions
    from scorer.tables.formats import ReadOptions

    if html is not None:
        check_page(html, "--html", labelled)
    labelled = tuple(map(hide_secrets, labelled))
    paths = [location(path) for path in labelled]
    columns = Columns(one_name(text_column), label_column, labels=labels)
    reading = ReadOptions(input_format, CsvOptions(**options))
    evaluated: dict[str, Evaluation] = {}
    told: set[str] = set()
    for chosen in bundles or (None,):
        bundle = load_chosen(chosen, None if chosen else store)
        rows = read_held_out(bundle, paths, columns, reading)
        _tell(rows, told)
        found = evaluated[bundle.version] = evaluate_bundle(bundle, rows.rows)
        facts = {"bundle": bundle.version, "macro_f1": found.macro_f1, **found.to_json()}
        click.echo(json.dumps(facts) if as_json else _table(bundle.version, found))
    if html is not None:
        publish_page(html, evaluation_html(evaluated, labelled))


def _tell(read: "Labelled", told: set[str]) -> None:
    """Print which columns were read, and notes, on standard error: each line once."""
    progress = Progress()
    columns = f"texts in {read.text_column!r}, labels in {read.label_column!r}"
    for line in (columns, *read.notes):
        if line not in told:
            (progress.say if line is columns else progress.note)(line)
        told.add(line)


def _table(version: str, found: "Evaluation") -> str:
    low, high = found.accuracy_low, found.accuracy_high
    lines = [
        f"{version}: {counted(found.rows, 'row')}, accuracy {found.accuracy:.2%} (95% interval "
        f"{low:.2%} to {high:.2%}), macro-F1 {found.macro_f1:.2%}, log loss {found.log_loss:.4f}, "
        f"calibration error {found.calibration_error:.4f}"
    ]
    for one in found.per_class:
        lines.append(
            f"  {one.name:20} {one.support:7,} {plural('row', one.support)}, precision "
            f"{one.precision:.2%}, recall {one.recall:.2%}, F1 {one.f1:.2%}"
        )
    return "\n".join(lines)


@click.command()
@click.argument("source", metavar="IN")
@click.argument("other", metavar="BUNDLE", type=LOCAL)
@bundle_options
@TEXT_COLUMN
@table_options
@click.option(
    "--rows",
    type=click.IntRange(1),
    default=10,
    show_default=True,
    help="Number of rows to print, of those that change most.",
)
def compare(**options: Any) -> None:
    """Print what BUNDLE would change about the scores of IN; no labels are needed.

    Scores now are those by --bundle or --store. Then the texts that change most, each with its
    most likely class now and by BUNDLE.
    """
    run_job(lambda: _compare(**options), piped=True)


def _compare(
    source: str,
    other: str,
    bundle: str | None,
    store: str | None,
    text_column: list[str] | None,
    rows: int,
    input_format: str | None,
    **options: Any,
) -> None:
    from scorer.bundles.store import load_chosen
    from scorer.jobs import one_name
    from scorer.monitoring.shadow import compare_on
    from scorer.pages.page import cut
    from scorer.tables.csv_options import CsvOptions
    from scorer.tables.formats import ReadOptions

    now, new = load_chosen(bundle, store), load_chosen(other)
    reading = ReadOptions(input_format, CsvOptions(**options))
    found = compare_on(source, now, new, one_name(text_column), reading)
    click.echo(
        f"{now.version} -> {new.version}: {counted(found.rows, 'text')}; {found.flipped:,} "
        f"({found.flipped / max(found.rows, 1):.2%}) get another class; probabilities move by "
        f"{found.mean_change:.3f} on average"
    )
    if not found.largest:
        same = ": both are the same bundle" if now.digest == new.digest else ""
        click.echo(f"no text's probabilities move by 0.001{same}")
    for change in found.largest[:rows]:
        before = f"{change.before} {change.before_probability:.1%}"
        after = f"{change.after} {change.after_probability:.1%}"
        click.echo(f"  {before} -> {after}  {cut(change.text)}")
