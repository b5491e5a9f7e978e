"""Dates, times and timestamps as ISO 8601 text, over the whole range that Arrow's types have.

Arrow's own cast is right for years from 0 to 32767 or so; beyond, it wraps or gives up, and
`datetime` ends at 9999. Years beyond 9999 have a sign, as ISO 8601 has it: `+10000-01-01`.
Timestamps of a zone have their offset; where no zone is known so far away, or its offset had
seconds, as before 1900, they are in UTC. Knows Arrow arrays, nothing of CSV.
"""

import datetime

import pyarrow as pa
import pyarrow.compute as pc

from scorer.tables.table_streams import TEXT

EPOCH = datetime.date(1970, 1, 1)
CYCLE_YEARS, CYCLE_DAYS = 400, 146_097  # after which the Gregorian calendar repeats
DAY_SECONDS = 86_400
NEAR_SECONDS = 28_000 * 365 * DAY_SECONDS  # from 1970: where Arrow's cast is right
MAX_INT64 = 2**63 - 1
PER_SECOND = {"s": 1, "ms": 10**3, "us": 10**6, "ns": 10**9}
LONG_YEAR = r"^(\d{5,}-)"


def is_temporal(kind: pa.DataType) -> bool:
    """Return whether `temporal_text` takes a type."""
    tests = (pa.types.is_date, pa.types.is_time, pa.types.is_timestamp)
    return any(test(kind) for test in tests)


def temporal_text(values: pa.Array) -> pa.Array:
    """Return large_string of the same length, null where a value is. Raises `pa.ArrowInvalid`."""
    numbers = _numbers(values)
    far = _far(numbers, values.type)
    near = pc.if_else(far, pa.scalar(None, values.type), values)
    if pa.types.is_timestamp(values.type) and values.type.tz is not None:
        far = pc.or_(far, _odd_offset(near))
        near = pc.if_else(far, pa.scalar(None, values.type), values)
    text = pc.replace_substring_regex(near.cast(TEXT), LONG_YEAR, r"+\1")
    if not pc.any(far).as_py():
        return text
    written = [
        _far_text(n, values.type) if is_far else None
        for n, is_far in zip(numbers.to_pylist(), far.to_pylist(), strict=True)
    ]
    return pc.coalesce(pa.array(written, TEXT), text)


def _numbers(values: pa.Array) -> pa.Array:
    """Return the integers that a type counts in: days, or units of a second."""
    narrow = pa.types.is_date32(values.type) or pa.types.is_time32(values.type)
    return values.cast(pa.int32() if narrow else pa.int64()).cast(pa.int64())


def _far(numbers: pa.Array, kind: pa.DataType) -> pa.Array:
    """Return bool (rows,): whether Arrow's cast is wrong."""
    per_day = 1 if pa.types.is_date32(kind) else DAY_SECONDS * _per_second(kind)
    if pa.types.is_time(kind):
        low, high = 0, per_day - 1
    else:
        high = min(per_day * (NEAR_SECONDS // DAY_SECONDS), MAX_INT64 - per_day)  # and the zone's
        low = -high
    return pc.or_(pc.less(numbers, low), pc.greater(numbers, high))


def _odd_offset(values: pa.Array) -> pa.Array:
    """Return bool (rows,): whether the offset of the zone has seconds, as before there were zones.

    ISO 8601 has no such offsets; null counts as no.
    """
    local = pc.local_timestamp(values).cast(pa.int64())
    offset = pc.subtract(local, values.cast(pa.int64())).fill_null(0).to_numpy()
    return pa.array(offset % (60 * _per_second(values.type)) != 0)


def _per_second(kind: pa.DataType) -> int:
    return 1000 if pa.types.is_date64(kind) else PER_SECOND[kind.unit]


def _far_text(number: int, kind: pa.DataType) -> str:
    if pa.types.is_date32(kind):
        return _date_text(number)
    per_second = _per_second(kind)
    if pa.types.is_time(kind):
        return f"{'-' * (number < 0)}{_clock_text(abs(number), per_second)}"
    days, clock = divmod(number, DAY_SECONDS * per_second)
    if pa.types.is_date64(kind):
        return _date_text(days)
    zone = "" if kind.tz is None else "Z"
    return f"{_date_text(days)} {_clock_text(clock, per_second)}{zone}"


def _date_text(days: int) -> str:
    """Return the date so many days after 1970-01-01 in the proleptic Gregorian calendar."""
    cycles, day = divmod(days, CYCLE_DAYS)
    date = EPOCH + datetime.timedelta(day)
    year = date.year + cycles * CYCLE_YEARS
    sign = "-" if year < 0 else "+" * (year > 9999)
    return f"{sign}{abs(year):04d}-{date:%m-%d}"


def _clock_text(units: int, per_second: int) -> str:
    seconds, fraction = divmod(units, per_second)
    minutes, second = divmod(seconds, 60)
    hour, minute = divmod(minutes, 60)
    digits = f".{fraction:0{len(str(per_second)) - 1}d}" if per_second > 1 else ""
    return f"{hour:02d}:{minute:02d}:{second:02d}{digits}"
