"""Options that say how a table is read, the same for every command. Imports nothing heavy."""

from collections.abc import Callable
from typing import Any, TypeVar

import click

Command = TypeVar("Command", bound=Callable[..., Any])
FORMATS = "csv, csv.gz, csv.zst, csv.bz2, csv.xz, csv.zip, tsv, …, jsonl, parquet"
OPTIONS = (  # without them, all is detected
    click.option(
        "--input-format",
        metavar="FORMAT",
        help=f"Of what is read: {FORMATS}; or lines, each of them one text. Else by the name.",
    ),
    click.option("--delimiter", help="Of a CSV: a character, `tab` or `'\\x01'`; else detected."),
    click.option("--quote", help="Of a CSV: a character or `none`; else detected."),
    click.option(
        "--escape", help="Of a CSV: a character such as `'\\'`, or `none`; else detected."
    ),
    click.option("--encoding", help="Of a CSV; else UTF-8, UTF-16 or UTF-32 by its first bytes."),
    click.option("--no-header", is_flag=True, help="A CSV has no header: column_1, column_2, …"),
    click.option(
        "--skip-rows",
        type=click.IntRange(0),
        default=0,
        metavar="N",
        help="Lines above the header of a CSV.",
    ),
    click.option(
        "--rename-duplicates", is_flag=True, help="A second column `id` of a CSV becomes `id.1`."
    ),
)
TEXT_COLUMN = click.option(
    "--text-column",
    metavar="NAME",
    multiple=True,
    callback=lambda _context, _option, names: list(names) or None,
    help="Column of the texts; several times: columns whose texts are joined; else inferred.",
)


def table_options(command: Command) -> Command:
    """Add the options to a command."""
    for option in reversed(OPTIONS):
        command = option(command)
    return command
