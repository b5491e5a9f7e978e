"""Cells of any Arrow type as the text they are in a CSV.

    null                  blank
    numbers, decimals     shortest digits that read back to the same number
    true, false; dates, times, timestamps (with the offset of their zone) as ISO 8601
    binary                base64
    nested                JSON

Knows columns and text, nothing of delimiters, quotes or files.
"""

import base64
import json
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from scorer.errors import InputError

TEXT = pa.large_string()


def as_cells(column: pa.ChunkedArray, name: str) -> pa.ChunkedArray:
    """Return a column as large_string, blank where it is null.

    Raises `InputError` for a cell that has no text, such as a string that is not UTF-8.
    """
    try:
        cells = _as_text(column)
        cells.validate(full=True)
    except (pa.ArrowException, ValueError, OverflowError) as error:
        raise InputError(f"column {name!r} cannot be written as CSV: {error}") from error
    return pc.fill_null(cells, "")


def _as_text(column: pa.ChunkedArray) -> pa.ChunkedArray:
    kind = column.type
    if pa.types.is_dictionary(kind):
        return _as_text(column.cast(kind.value_type))
    if isinstance(kind, pa.BaseExtensionType):
        return _as_text(pa.chunked_array([c.storage for c in column.chunks], kind.storage_type))
    if pa.types.is_nested(kind) or _is_binary(kind):
        return pa.chunked_array([pa.array(map(_scalar_text, column), TEXT)])
    return column.cast(TEXT)


def _is_binary(kind: pa.DataType) -> bool:
    tests = ("is_binary", "is_large_binary", "is_fixed_size_binary", "is_binary_view")
    return any(getattr(pa.types, test)(kind) for test in tests)


def _scalar_text(scalar: pa.Scalar) -> str | None:
    value = scalar.as_py()
    if value is None:
        return None
    if isinstance(value, bytes):
        return _plain(value)
    return json.dumps(value, ensure_ascii=False, default=_plain)


def _plain(value: Any) -> str:
    """Return what JSON has no form for."""
    return base64.b64encode(value).decode() if isinstance(value, bytes) else str(value)
