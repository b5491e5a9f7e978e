"""Everything that is claimed of speed, measured in one run and printed as a table of ratios.

The machine's own ceilings are measured in the same run. Both sides of a ratio must have given the
same answers before it is printed.
"""

import tempfile
from collections.abc import Callable
from pathlib import Path

import click
import front_end
import job_limits
import job_speed
import pandas as pd
import pyarrow as pa
import start_up
import training_speed
from measured import Figure, show
from setting import Setting

from scorer.bundles.bundle_files import load_bundle
from scorer.bundles.store import resolve_bundle
from scorer.tables.text_column import locate_text

MEASUREMENTS: dict[str, Callable[[Setting], list[Figure]]] = {
    "ceilings": lambda setting: setting.ceilings.figures(),
    "front-end": front_end.against_plain_spacy,
    "job": job_speed.against_the_lecture,
    "free-model": job_speed.with_a_free_model,
    "growing": job_limits.growing,
    "long-row": job_limits.long_row,
    "start": start_up.start,
    "training": training_speed.to_the_lectures_accuracy,
}


@click.command()
@click.option("--data", type=click.Path(exists=True, path_type=Path), required=True)
@click.option("--bundle", help="Bundle folder; else the one that is shipped.")
@click.option("--text-column", help="Else found as the job does.")
@click.option("--rows", default=10_000, show_default=True, help="Rows that the job scores.")
@click.option("--repeats", default=3, show_default=True, help="Runs of which the median counts.")
@click.option("--only", multiple=True, type=click.Choice(list(MEASUREMENTS)), help="Else all.")
def main(
    data: Path,
    bundle: str | None,
    text_column: str | None,
    rows: int,
    repeats: int,
    only: tuple[str, ...],
) -> None:
    """Measure on the texts of a labelled CSV file."""
    folder = resolve_bundle(bundle)
    loaded = load_bundle(folder)
    with tempfile.TemporaryDirectory() as place:
        frame = pd.read_csv(data)
        head = pa.Table.from_pandas(frame.head(100))
        column = locate_text(head, text_column, loaded.text_column).name
        setting = Setting(frame, column, loaded, folder, Path(place), rows, repeats)
        for name in only or MEASUREMENTS:
            show(MEASUREMENTS[name](setting))


if __name__ == "__main__":
    main()
