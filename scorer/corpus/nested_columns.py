"""Tables of which texts or labels are members of objects, as annotation tools write JSON Lines.

    {"data": {"text": "Good"}, "annotations": [{"result": [{"value": {"choices": ["pos"]}}]}]}

Such a table is not read; its members are found, so that a message can say how they become columns.
Knows the first rows of a table, nothing of files or of what is text or label.
"""

import json
from collections.abc import Iterator
from contextlib import suppress
from typing import Any

import pyarrow as pa

from scorer.tables.json_lines import jq_member

FIRST_ROWS = 200
MOST_ITEMS = 5  # of a list that are looked at


def flat_table(sample: pa.Table) -> pa.Table | None:
    """Return the members of a table's objects as columns of texts, named by their paths in jq.

    None where no column has objects.
    """
    rows = [dict(_members(row)) for row in sample.slice(0, FIRST_ROWS).to_pylist()]
    paths = list(dict.fromkeys(path for row in rows for path in row))
    if set(paths) <= {jq_member("", name) for name in sample.schema.names}:
        return None
    return pa.table(
        {path: pa.array([row.get(path) for row in rows], pa.string()) for path in paths}
    )


def _members(row: dict[str, Any]) -> Iterator[tuple[str, str]]:
    for name, cell in row.items():
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


def _parsed(cell: Any) -> Any:
    """Return a cell, or the object or list that it is as JSON writes it."""
    if isinstance(cell, str) and cell.lstrip()[:1] in ("{", "["):
        with suppress(ValueError):
            return json.loads(cell)
    return cell
