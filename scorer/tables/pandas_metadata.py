"""The `pandas` entry of a Parquet schema, amended where columns were added to the table.

pandas stores the type of its column names there (integers, dates, tuples of a MultiIndex),
converts every name of the file to it, and fails on one that is not of that type. The amended entry
lets the other columns keep their names; names for which JSON has no type, such as dates, become
the strings they are in the file. Knows Arrow schemas and the form of that entry, not pandas.
"""

import ast
import json
from collections.abc import Callable, Sequence
from typing import Any

import pyarrow as pa

KEY = b"pandas"
ANY_NAME = ("unicode", "string", "empty", "bytes")  # types that allow any name
CONVERSIONS: dict[str, Callable[[str], Any]] = {  # by the first letters of a type
    "int": int,
    "uint": int,
    "float": float,
    "bool": lambda name: {"True": True, "False": False}[name],
}
STRINGS = {"pandas_type": "unicode", "numpy_type": "object", "metadata": {"encoding": "UTF-8"}}
MIXED = {"pandas_type": "mixed", "numpy_type": "object", "metadata": None}
Entry = dict[str, Any]


def amend_pandas_metadata(schema: pa.Schema) -> pa.Schema:
    """Return the schema with a `pandas` entry that fits columns which it does not describe.

    Without such columns, or where the entry is not pandas', the schema stays as it is.
    """
    try:
        entry = json.loads((schema.metadata or {})[KEY])
        described = {column["field_name"] for column in entry["columns"]}
        added = [name for name in schema.names if name not in described]
        if added:
            _amend(entry, added)
    except (KeyError, TypeError, ValueError, SyntaxError):
        return schema
    return schema.with_metadata({**schema.metadata, KEY: json.dumps(entry)})


def _amend(entry: Entry, added: Sequence[str]) -> None:
    levels = entry["column_indexes"]
    index = [name for name in entry["index_columns"] if isinstance(name, str)]
    columns = [column for column in entry["columns"] if column["field_name"] not in index]
    conversions = [_conversion(level) for level in levels]
    if len(levels) == 1:
        for column in columns:
            column["name"] = conversions[0](column["name"])
    elif levels:
        for column in columns:
            names = zip(conversions, ast.literal_eval(column["name"]), strict=True)
            column["name"] = repr(tuple(convert(name) for convert, name in names))
        blank = ("",) * (len(levels) - 1)
        entry["columns"] += [_described(name, repr((name, *blank))) for name in added]
    for level in levels:
        level.update(_level_type(level))


def _conversion(level: Entry) -> Callable[[str], Any]:
    """Return what makes a name of a level from its string."""
    kind = level["pandas_type"].rstrip("0123456789")
    return CONVERSIONS.get(kind, lambda name: name)


def _level_type(level: Entry) -> Entry:
    """Return the type of a level that has the added columns' names too."""
    kind = level["pandas_type"]
    if kind in ANY_NAME or kind.startswith("mixed"):
        return {}
    return MIXED if kind.rstrip("0123456789") in CONVERSIONS else STRINGS


def _described(field_name: str, name: str) -> Entry:
    types = {"pandas_type": "float32", "numpy_type": "float32", "metadata": None}
    return {"name": name, "field_name": field_name, **types}
