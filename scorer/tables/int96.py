"""INT96 timestamps of Parquet: which unit of Arrow's holds all those of a file.

Spark, Hive and Impala write a day and nanoseconds of that day. Arrow reads them as nanoseconds
since 1970, which silently wrap before 1677 and after 2262 (9999-12-31 becomes 1816-03-30). Knows
Parquet files, nothing of tables that are scored.
"""

from collections.abc import Iterator
from typing import IO

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from scorer.errors import InputError

READ_ROWS = 1 << 16
MAX_INT64 = 2**63 - 1
NANOSECONDS, MICROSECONDS = 10**9, 10**6  # in a second


def int96_unit(file: IO[bytes], columns: list[str], name: str) -> str:
    """Return "ns" if that holds every value of the INT96 `columns` (paths) of a file, else "us".

    Raises `InputError` where neither does: nanoseconds in years that "ns" does not reach.
    """
    far = fine = False
    for seconds, nanoseconds in _read_twice(file, columns):
        limit = MAX_INT64 // NANOSECONDS - 1
        far |= bool((np.abs(seconds) > limit).any())
        fraction = nanoseconds - seconds * NANOSECONDS  # wraps, and is exact again by that
        fine |= bool((fraction % 1000 != 0).any())
        if (far and fine) or (np.abs(seconds) > MAX_INT64 // MICROSECONDS - 1).any():
            listed = ", ".join(map(repr, columns))
            reason = "has timestamps before 1677 or after 2262 that microseconds do not hold"
            raise InputError(f"{name}: INT96 column {listed} {reason}")
    return "us" if far else "ns"


def _read_twice(file: IO[bytes], columns: list[str]) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Yield the values as int64 seconds, rounded down, and as nanoseconds modulo 2**64."""
    readers = [
        pq.ParquetFile(file, coerce_int96_timestamp_unit=unit, pre_buffer=False)
        for unit in ("s", "ns")
    ]
    batches = [
        reader.iter_batches(READ_ROWS, columns=columns, use_threads=False) for reader in readers
    ]
    for as_seconds, as_nanoseconds in zip(*batches, strict=True):
        yield from zip(_leaves(as_seconds), _leaves(as_nanoseconds), strict=True)


def _leaves(batch: pa.RecordBatch) -> Iterator[np.ndarray]:
    arrays = list(batch.columns)
    while arrays:
        values = arrays.pop()
        if pa.types.is_map(values.type):
            arrays += [values.keys, values.items]
        elif pa.types.is_nested(values.type):
            flat = values.flatten()
            arrays += flat if isinstance(flat, list) else [flat]
        elif pa.types.is_timestamp(values.type):
            yield values.drop_null().cast(pa.int64()).to_numpy()
