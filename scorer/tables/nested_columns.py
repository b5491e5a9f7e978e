"""Tables of which texts or labels are members of objects, as many programs write JSON Lines.

    {"data": {"text": "Good"}, "annotations": [{"result": [{"value": {"choices": ["pos"]}}]}]}

Such a member is not read; it is found, so that a message can say how it becomes a column.
Knows the first rows of a table, nothing of files or labels.
"""

import json
import re
import shlex
from collections.abc import Iterable, Iterator
from contextlib import suppress
from typing import Any

import pyarrow as pa

from scorer.errors import InputError
from scorer.tables.csv_cells import as_text
from scorer.tables.json_lines import jq_member
from scorer.tables.text_column import locate_text

FIRST_ROWS = 200
MOST_ITEMS = 5  # of a list that are looked at
DOTTED = re.compile(r"(?:\.[A-Za-z_]\w*)+")  # a path that SQL has, too


def text_member_hint(sample: pa.Table, kind: str, wanted: str | None = None) -> str:
    """Return the command that makes a column of the texts in a table's objects; "" for none.

    kind: of its file, jsonl or parquet. wanted: the member that a user names, as in `review.text`.
    """
    path = _text_member(sample, wanted)
    if path is None:
        return ""
    name = re.sub(r"\W+", "_", path).strip("_")
    if kind == "jsonl":
        command = f"jq -c {shlex.quote(f'.{name} = {path}')} IN > OUT"
    elif kind == "parquet" and DOTTED.fullmatch(path):
        table = f"SELECT *, {path[1:]} AS {name} FROM read_parquet('IN')"
        command = f"duckdb -c \"COPY ({table}) TO 'OUT' (FORMAT parquet)\""
    else:
        return ""
    return f"`{command}` makes a column of its texts, which --text-column {name} names"


def _text_member(sample: pa.Table, wanted: str | None) -> str | None:
    """Return the path of the member of objects that is the text; `wanted` is in its path."""
    flat = flat_table(sample)
    if flat is None:
        return None
    names = flat.schema.names
    names = [name for name in names if wanted is None or f".{wanted}." in f"{name}."]
    try:
        path = locate_text(flat.select(names), None, "").name
    except InputError:
        return None
    return None if path in paths_of_columns(sample) else path


def flat_table(sample: pa.Table) -> pa.Table | None:
    """Return the members of a table's objects as columns of texts, named by their paths in jq.

    None where no column has objects.
    """
    columns = [as_text(column).to_pylist() for column in sample.slice(0, FIRST_ROWS).columns]
    rows = [dict(_members(sample.schema.names, cells)) for cells in zip(*columns, strict=True)]
    paths = list(dict.fromkeys(path for row in rows for path in row))
    if paths_of_columns(sample).issuperset(paths):
        return None
    return pa.table(
        {path: pa.array([row.get(path) for row in rows], pa.string()) for path in paths}
    )


def paths_of_columns(sample: pa.Table) -> set[str]:
    """Return the path of each column, which its members' paths begin with."""
    return {jq_member("", name) for name in sample.schema.names}


def _members(names: Iterable[str], cells: Iterable[str | None]) -> Iterator[tuple[str, str]]:
    for name, cell in zip(names, cells, strict=True):
        yield from _leaves(jq_member("", name), _parsed(cell))


def _leaves(path: str, value: Any) -> Iterator[tuple[str, str]]:
    """Yield the plain values in a value, with the path of each."""
    if isinstance(value, dict):
        for name, member in value.items():
            yield from _leaves(jq_member(path, name), member)
    elif isinstance(value, list):
        for at, item in enumerate(value[:MOST_ITEMS]):
            yield from _leaves(f"{path}[{at}]", item)
    elif value is not None:
        yield path, str(value)


def _parsed(cell: str | None) -> Any:
    """Return a cell, or the object or list that it is as JSON writes it."""
    if cell and cell.lstrip()[:1] in ("{", "["):
        with suppress(ValueError):
            return json.loads(cell)
    return cell
