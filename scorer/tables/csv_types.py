"""Infer types of CSV columns: number, date or boolean, if no cell changes by it.

A column has a type only if each of its cells, written again, is the same text: `007`,
`1.50`, `1e5` and `True` stay text. Blank cells become nulls, which are written as blank. Knows
columns of cells, nothing of files.
"""

import pyarrow as pa
import pyarrow.compute as pc

from scorer.errors import InputError
from scorer.tables.csv_cells import as_text
from scorer.tables.table_streams import TEXT

TYPES = (pa.int64(), pa.float64(), pa.bool_(), pa.date32())


def infer_schema(table: pa.Table) -> pa.Schema:
    """Return the narrowest lossless schema of a table of texts."""
    fields = zip(table.schema, table.columns, strict=True)
    return pa.schema([pa.field(field.name, _inferred(cells)) for field, cells in fields])


def _inferred(cells: pa.ChunkedArray) -> pa.DataType:
    if pc.all(pc.equal(cells, "")).as_py():
        return TEXT
    return next((kind for kind in TYPES if _typed(cells, kind) is not None), TEXT)


def typed(table: pa.Table, schema: pa.Schema, first_row: int) -> pa.Table:
    """Return a table of texts in a schema; `first_row` (from 0) is for the message.

    Raises `InputError` for a cell that would change.
    """
    columns = []
    for field, cells in zip(schema, table.columns, strict=True):
        column = _typed(cells, field.type)
        if column is None:
            raise InputError(_misfit(cells, field, first_row), "Leave --infer-types out")
        columns.append(column)
    return pa.table(columns, schema=schema)


def _typed(cells: pa.ChunkedArray, kind: pa.DataType) -> pa.ChunkedArray | None:
    """Cast the cells to a type; None if one of them does not read back the same."""
    if kind == TEXT:
        return cells
    filled = pc.if_else(pc.equal(cells, ""), pa.scalar(None, TEXT), cells)
    try:
        column = filled.cast(kind)
    except pa.ArrowInvalid:
        return None
    same = pc.all(pc.equal(as_text(column), filled)).as_py()
    return column if same is not False else None  # None: all of them are null


def _misfit(cells: pa.ChunkedArray, field: pa.Field, first_row: int) -> str:
    """Describe the first cell that does not fit."""
    for row, cell in enumerate(cells):
        if _typed(pa.chunked_array([[cell.as_py()]], TEXT), field.type) is None:
            where = f"row {first_row + row + 1}, column {field.name!r}"
            return f"{where}: {cell.as_py()[:40]!r} is not {field.type} as the cells before it"
    raise AssertionError("each cell fits by itself")
