"""What a Parquet file says of its leaf columns beyond Arrow's types, and what a copy loses of it.

Knows Parquet schemas, nothing of rows.
"""

import io
import json
from collections.abc import Iterator

import pyarrow as pa
import pyarrow.parquet as pq

from scorer.tables.table_streams import ParquetDialect, ParquetLeaf

INT96 = "INT96"
IMPLIED = ("None", "Int signed 32", "Int signed 64")  # the same as no annotation
SHOWN = 5  # columns named in a note


def read_leaves(schema: pq.ParquetSchema) -> tuple[ParquetLeaf, ...]:
    """Return the leaf columns of a file."""
    columns = (schema.column(i) for i in range(len(schema)))
    return tuple(
        ParquetLeaf(column.path, column.physical_type, _annotation(column)) for column in columns
    )


def _annotation(column: pq.ColumnSchema) -> str:
    """Return the logical type in words; how it is spelled in the file does not count."""
    facts = json.loads(column.logical_type.to_json())
    words = [facts.pop("Type")]
    if "isSigned" in facts:
        words += ["signed" if facts["isSigned"] else "unsigned", str(facts["bitWidth"])]
    if "isAdjustedToUTC" in facts:
        words += [facts["timeUnit"], "in UTC" if facts["isAdjustedToUTC"] else "in local time"]
    if "precision" in facts:
        words += [f"({facts['precision']}, {facts['scale']})"]
    return " ".join(words)


def written_leaves(schema: pa.Schema, time_in_utc: bool) -> tuple[ParquetLeaf, ...]:
    """Return the leaf columns of a file that `ParquetWriter` writes with a schema."""
    file = io.BytesIO()
    pq.ParquetWriter(file, schema, write_time_adjusted_to_utc=time_in_utc).close()
    return read_leaves(pq.ParquetFile(file).schema)


def time_in_utc(dialect: ParquetDialect | None) -> bool:
    """Return whether all TIME columns of a file are in UTC: Arrow writes all or none so."""
    leaves = () if dialect is None else dialect.leaves
    times = [leaf.annotation for leaf in leaves if leaf.annotation.startswith("Time ")]
    return bool(times) and all(time.endswith("in UTC") for time in times)


def lost_annotations(
    before: tuple[ParquetLeaf, ...], after: tuple[ParquetLeaf, ...]
) -> Iterator[str]:
    """Yield a note for each annotation that the leaves of a copy, in the same order, lack."""
    lost: dict[tuple[str, str], list[str]] = {}
    for old, new in zip(before, after, strict=False):  # added columns follow
        pair = _described(old), _described(new)
        if pair[0] != pair[1]:
            lost.setdefault(pair, []).append(repr(old.path))
    for (was, now), paths in lost.items():
        more = f" and {len(paths) - SHOWN:,} more" if len(paths) > SHOWN else ""
        listed = ", ".join(paths[:SHOWN])
        yield f"Parquet column {listed}{more} was {was} and is written as {now}"


def _described(leaf: ParquetLeaf) -> str:
    plain = leaf.physical == INT96 or leaf.annotation in IMPLIED
    return f"plain {leaf.physical}" if plain else leaf.annotation
