"""Cells of any Arrow type as the text they are in a CSV.

    null                  blank
    numbers, decimals     shortest digits that read back to the same number
    true, false; dates, times, timestamps (with the offset of their zone) as ISO 8601
    binary                base64; a UUID as it is usually written
    nested                JSON; what JSON has no type for is a string as above

Knows columns and text, nothing of delimiters, quotes or files.
"""

import base64
import json
from collections.abc import Iterable, Iterator
from itertools import pairwise

import pyarrow as pa
import pyarrow.compute as pc

from scorer.errors import InputError
from scorer.tables.table_streams import TEXT
from scorer.tables.temporal_text import is_temporal, temporal_text

NULL = "null"  # in JSON


def as_cells(column: pa.ChunkedArray, name: str) -> pa.ChunkedArray:
    """Return a column as large_string, blank where it is null.

    Raises `InputError` for a cell that has no text, such as a string that is not UTF-8.
    """
    try:
        cells = as_text(column)
        cells.validate(full=True)
    except (pa.ArrowException, ValueError, OverflowError) as error:
        problem = f"column {name!r} cannot be written as CSV: {error}"
        raise InputError(problem, "A Parquet output can hold it") from error
    return pc.fill_null(cells, "")


def as_json_texts(column: pa.ChunkedArray, name: str) -> list[str]:
    """Return each value of a column as JSON. Raises `InputError` for one that has no text."""
    try:
        return [text for chunk in column.chunks for text in _json(chunk)]
    except (pa.ArrowException, ValueError, OverflowError) as error:
        problem = f"column {name} cannot be written as JSON: {error}"
        raise InputError(problem, "A Parquet output can hold it") from error


def as_text(column: pa.ChunkedArray) -> pa.ChunkedArray:
    """Return a column of any type as large_string, null where it is null. Raises Arrow's errors."""
    return pa.chunked_array([_text(chunk) for chunk in column.chunks], TEXT)


def _text(values: pa.Array) -> pa.Array:
    values = _plain(values)
    kind = values.type
    if pa.types.is_nested(kind):
        whole = zip(values.is_valid().to_pylist(), _json(values), strict=True)
        return pa.array([cell if valid else None for valid, cell in whole], TEXT)
    if _is_binary(kind):
        return pa.array([None if v is None else _base64(v) for v in values.to_pylist()], TEXT)
    return temporal_text(values) if is_temporal(kind) else values.cast(TEXT)


def _plain(values: pa.Array) -> pa.Array:
    """Return values without dictionary, run ends or extension type; UUIDs as texts."""
    kind = values.type
    if pa.types.is_dictionary(kind):
        return _plain(values.cast(kind.value_type))
    if pa.types.is_run_end_encoded(kind):
        return _plain(pc.run_end_decode(values))
    if isinstance(kind, pa.UuidType):
        return pa.array([None if v is None else str(v) for v in values.to_pylist()], TEXT)
    return _plain(values.storage) if isinstance(kind, pa.BaseExtensionType) else values


def _is_binary(kind: pa.DataType) -> bool:
    tests = ("is_binary", "is_large_binary", "is_fixed_size_binary", "is_binary_view")
    return any(getattr(pa.types, test)(kind) for test in tests)


def _base64(value: bytes) -> str:
    return base64.b64encode(value).decode()


def _json(values: pa.Array) -> list[str]:
    """Return each value as JSON."""
    values = _plain(values)
    kind = values.type
    if pa.types.is_struct(kind):
        names = [json.dumps(field.name, ensure_ascii=False) for field in kind]
        columns = [_json(child) for child in values.flatten()]
        found = _objects(names, columns, len(values))
    elif pa.types.is_nested(kind):
        found = _arrays(values)
    else:
        texts = _text(values).to_pylist()
        found = (NULL if text is None else _json_leaf(text, kind) for text in texts)
    valid = values.is_valid().to_pylist()
    return [one if is_valid else NULL for one, is_valid in zip(found, valid, strict=True)]


def _objects(names: list[str], columns: list[list[str]], count: int) -> Iterator[str]:
    rows: Iterable[tuple[str, ...]] = zip(*columns, strict=True) if columns else [()] * count
    for row in rows:
        members = (f"{name}: {value}" for name, value in zip(names, row, strict=True))
        yield f"{{{', '.join(members)}}}"


def _arrays(lists: pa.Array) -> Iterator[str]:
    """Yield an array for each list or map."""
    spans = _spans(lists)
    first = min((start for start, _ in spans), default=0)
    last = max((end for _, end in spans), default=0)
    members = _members(lists, first, last - first)
    for start, end in spans:
        yield f"[{', '.join(members[start - first : end - first])}]"


def _spans(lists: pa.Array) -> list[tuple[int, int]]:
    """Return where each list begins and ends in its values. (Arrow cannot flatten all types.)"""
    kind = lists.type
    if pa.types.is_fixed_size_list(kind):
        size = kind.list_size
        starts = range(lists.offset * size, (lists.offset + len(lists)) * size, size)
        return [(start, start + size) for start in starts] if size else [(0, 0)] * len(lists)
    offsets = lists.offsets.to_pylist()
    if pa.types.is_list_view(kind) or pa.types.is_large_list_view(kind):
        sizes = lists.sizes.to_pylist()
        return [(start, start + size) for start, size in zip(offsets, sizes, strict=True)]
    return list(pairwise(offsets))


def _members(lists: pa.Array, first: int, count: int) -> list[str]:
    """Return some of the values of lists; of maps pairs, as keys may repeat or be no strings."""
    if not pa.types.is_map(lists.type):
        return _json(lists.values.slice(first, count))
    keys, items = (_json(child.slice(first, count)) for child in (lists.keys, lists.items))
    return [f"[{key}, {item}]" for key, item in zip(keys, items, strict=True)]


def _json_leaf(text: str, kind: pa.DataType) -> str:
    number = pa.types.is_integer(kind) or pa.types.is_floating(kind)
    if pa.types.is_boolean(kind) or (number and text[-1].isdigit()):  # not nan or inf
        return text
    return json.dumps(text, ensure_ascii=False)
