"""What Ray Data makes of a CSV that it reads and writes: why the engine's reading is its own.

Nothing is scored: the same rows should come out, in their order, each cell the string it was.
"""

import csv
import tempfile
from pathlib import Path

import click
import pandas as pd
import ray
import ray.data

AWKWARD = [("007", "NA"), ("1e5", " lead"), ("+1", "two\nlines"), ("0.10", 'a "quote"'), ("1", "")]


@click.command()
@click.argument("path", type=click.Path(exists=True, path_type=Path))
@click.option("--awkward", default=200, show_default=True, help="Rows with odd cells put before.")
def main(path: Path, awkward: int) -> None:
    """Read and write the rows of a CSV file with a text, behind odd ones of two columns."""
    ray.init(include_dashboard=False, log_to_driver=False)
    with tempfile.TemporaryDirectory() as name:
        source, target = Path(name) / "in.csv", Path(name) / "out"
        texts = pd.read_csv(path, dtype=str, na_filter=False).iloc[:, -1].tolist()
        rows = AWKWARD * (awkward // len(AWKWARD)) + [
            (str(i), text) for i, text in enumerate(texts)
        ]
        with source.open("w", newline="", encoding="utf-8") as file:
            csv.writer(file).writerows([("id", "text"), *rows])
        report(rows, source, target)


def report(rows: list[tuple[str, str]], source: Path, target: Path) -> None:
    """Print what became of the rows."""
    click.echo(f"ray {ray.__version__}, {len(rows):,} rows of one file")
    try:
        ray.data.read_csv(str(source)).write_csv(str(target))
    except Exception as error:  # of any kind: it is what is found
        click.echo(f"not read: {str(error).strip().splitlines()[-1]}")
        return
    files = sorted(target.glob("*.csv"))
    parts = [pd.read_csv(part, dtype=str, na_filter=False) for part in files]
    found = pd.concat(parts).values.tolist()
    same = sum(list(row) == other for row, other in zip(rows, found, strict=False))
    click.echo(f"{len(files)} files, {len(found):,} rows, {same:,} of them as they were")


if __name__ == "__main__":
    main()
