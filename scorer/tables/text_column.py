"""Find the text column of a table, and return its texts as one array.

Knows Arrow tables, nothing of files or of what is done with the texts.
"""

from collections.abc import Sequence
from difflib import get_close_matches

import pyarrow as pa
import pyarrow.compute as pc

from scorer.errors import InputError

TWO_WORDS = r"\p{L}{2,}\s+\p{L}{2,}"  # what a cell of prose has and a number, code or date has not
OPTION = "--text-column names it"
TYPED = "--text-column names another; without --infer-types each column of a CSV is text"


def find_text_column(sample: pa.Table, wanted: str | None, trained_on: str) -> int:
    """Return the position of the text column of a table, of which `sample` has the first rows.

    It is the one named `wanted`, else the one named as the bundle's, else the only one that looks
    like text. Raises `InputError` with the columns there are.
    """
    if wanted is not None:
        return _named(sample.schema, wanted)
    if trained_on in sample.schema.names:
        return _named(sample.schema, trained_on)
    texts = [i for i in range(sample.num_columns) if _looks_like_text(sample.column(i))]
    strings = [i for i in range(sample.num_columns) if is_text(sample.schema.field(i).type)]
    choice = texts if len(strings) > 1 else strings
    if len(choice) != 1:
        names = _listed(sample.schema.names)
        raise InputError(f"which column is the text is not clear; the columns are: {names}", OPTION)
    return choice[0]


def _named(schema: pa.Schema, name: str) -> int:
    positions = schema.get_all_field_indices(name)
    if not positions:
        near = get_close_matches(name, schema.names, n=1, cutoff=0.3)
        suggestion = f"; did you mean {near[0]!r}?" if near else "."
        listed = f"The columns are: {_listed(schema.names)}"
        raise InputError(f"there is no column {name!r}{suggestion} {listed}", OPTION)
    if len(positions) > 1:
        raise InputError(f"{len(positions)} columns are named {name!r}", "Rename all but one")
    kind = schema.field(positions[0]).type
    if not is_text(kind):
        raise InputError(f"column {name!r} is {kind}, not text", TYPED)
    return int(positions[0])


def _listed(names: Sequence[str]) -> str:
    return ", ".join(repr(name) for name in names)


def is_text(kind: pa.DataType) -> bool:
    """Return whether a column of this type holds texts."""
    value = kind.value_type if pa.types.is_dictionary(kind) else kind
    return bool(
        pa.types.is_string(value)
        or pa.types.is_large_string(value)
        or pa.types.is_string_view(value)
        or pa.types.is_null(value)
    )


def _looks_like_text(column: pa.ChunkedArray) -> bool:
    """Return whether at least half of the cells that are not blank have two words in a row."""
    if not is_text(column.type):
        return False
    cells = as_texts(column, "")
    filled = pc.sum(pc.not_equal(pc.utf8_trim_whitespace(cells), "")).as_py() or 0
    prose = pc.sum(pc.match_substring_regex(cells, TWO_WORDS)).as_py() or 0
    return filled > 0 and prose * 2 >= filled


def as_texts(column: pa.ChunkedArray, name: str, first_row: int = 0) -> pa.LargeStringArray:
    """Return a text column of any string type as one array.

    Raises `InputError` for bytes that are not UTF-8, which a Parquet file may hold.
    """
    texts = pc.cast(column, pa.large_string()).combine_chunks()
    try:
        texts.validate(full=True)
    except pa.ArrowInvalid as error:
        raise InputError(f"column {name!r}, rows from {first_row}: {error}") from error
    return texts
