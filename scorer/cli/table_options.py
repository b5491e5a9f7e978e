"""Options that say how a table is read, the same for every command. Imports nothing heavy."""

from collections.abc import Callable, Mapping
from typing import Any, TypeVar

import click

from scorer.wording import command_line

Command = TypeVar("Command", bound=Callable[..., Any])
WRITTEN = "csv, csv.gz, csv.zst, csv.bz2, csv.xz, tsv, …, jsonl, …, parquet"
OPTIONS = (  # without them, all is detected
    click.option(
        "--input-format",
        metavar="FORMAT",
        help=f"Format of the files read: {WRITTEN}; csv.zip; or lines (each line is one text). "
        "Default: by the file's name.",
    ),
    click.option(
        "--delimiter",
        help="Delimiter of a CSV: a character, `tab` or `'\\x01'`. Default: detected.",
    ),
    click.option("--quote", help="Quote of a CSV: a character or `none`. Default: detected."),
    click.option(
        "--escape",
        help="Escape of a CSV: a character such as `'\\'`, or `none`. Default: detected.",
    ),
    click.option(
        "--encoding",
        help="Encoding of a CSV. Default: UTF-8, UTF-16 or UTF-32, by its first bytes.",
    ),
    click.option(
        "--header",
        is_flag=True,
        help="The first row of the CSV is its header, though it looks like data.",
    ),
    click.option(
        "--no-header",
        is_flag=True,
        help="The CSV has no header; its columns are called column_1, column_2, …",
    ),
    click.option(
        "--skip-rows",
        type=click.IntRange(0),
        default=0,
        show_default=True,
        metavar="N",
        help="Lines to skip above the header of a CSV.",
    ),
    click.option(
        "--rename-duplicates",
        is_flag=True,
        help="Rename columns of one name in a CSV: the second `id` becomes `id.1`.",
    ),
)
NAMES = (
    *("input_format", "delimiter", "quote", "escape", "encoding", "header", "no_header"),
    *("skip_rows", "rename_duplicates"),
)
TEXT_COLUMN = click.option(
    "--text-column",
    metavar="NAME",
    multiple=True,
    callback=lambda _context, _option, names: list(names) or None,
    help="Column of the texts; given several times, the texts are joined. Default: inferred.",
)


def as_typed(options: Mapping[str, Any]) -> str:
    """Return the options of reading that are given, as a shell takes them, a space before each."""
    typed = command_line([], {name: options[name] for name in NAMES if options[name]})
    return f" {typed}" if typed else ""


def table_options(command: Command) -> Command:
    """Add the options to a command."""
    for option in reversed(OPTIONS):
        command = option(command)
    return command
