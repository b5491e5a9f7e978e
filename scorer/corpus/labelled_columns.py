"""Which columns of a labelled table hold texts, labels, probabilities and groups.

A column that is named is taken. Else it has to be beyond doubt: the only column with a usual name,
or what remains. Knows the first rows of a table, nothing of files or of what labels mean.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import pyarrow as pa
import pyarrow.compute as pc

from scorer.errors import InputError, UsageError
from scorer.tables.text_column import (
    JOIN,
    TextColumn,
    is_category,
    is_text,
    listed,
    locate_text,
    named_column,
)

LABEL_NAMES = frozenset(
    {"label", "labels", "sentiment", "class", "target", "y", "polarity", "category"}
)
PROBABILITY = "probability_"
MAX_LABELS = 400  # different values that a column of labels may have
MOST_RATINGS = 20  # different numbers that are no whole ones, as 3.5 stars
LEAST_IDS = 20  # rows that all differ
DIGITS = r"^\s*[-+]?\d[\d\s.,:/TZ+-]*$"  # with what stands between them in dates, times and prices
DECIMAL = r"^\s*[-+]?\d+(?:[.,]\d+)?\s*$"
WHOLE = r"^\s*\d+(?:[.,]0+)?\s*$"  # a rating, as 4 or 4.0


@dataclass(frozen=True)
class Columns:
    """Which columns hold what, by name; text and label are inferred where it is None."""

    text: str | None = None
    label: str | None = None
    group: str | None = None
    labels: str | None = None  # what label values mean: VALUE=CLASS,…


@dataclass(frozen=True)
class Positions:
    """Where the columns are in a table."""

    text: TextColumn
    label: int | None  # None where probabilities are all there is
    group: int | None
    probabilities: Mapping[str, int] = field(default_factory=dict)  # by class; none or all


def find_columns(sample: pa.Table, columns: Columns) -> Positions:
    """Return where the columns are in a table, of which `sample` has the first rows.

    Raises `InputError` with the columns there are and the option that names one.
    """
    group_at = None
    if columns.group is not None:
        group_at = named_column(sample.schema, columns.group, "--group-column")
    label_at = _label_column(sample, columns)
    probabilities = _probability_columns(sample.schema)
    others = {label_at, group_at, *probabilities.values()}
    text = _text_column(sample, columns.text, others)
    if label_at is None and not probabilities:
        label_at = _remaining_column(sample, {*text.positions, group_at})
    if label_at in text.positions:
        name = sample.schema.field(label_at).name
        raise UsageError(f"column {name!r} cannot be both the text and the label")
    return Positions(text, label_at, group_at, probabilities)


def _probability_columns(schema: pa.Schema) -> dict[str, int]:
    """Return where each class's column `probability_<class>` is; one alone is none."""
    found = {
        name.removeprefix(PROBABILITY): at
        for at, name in enumerate(schema.names)
        if name.startswith(PROBABILITY) and name != PROBABILITY
    }
    return found if len(found) > 1 else {}


def _label_column(sample: pa.Table, columns: Columns) -> int | None:
    if columns.label is not None:
        return named_column(sample.schema, columns.label, "--label-column")
    usual = [
        i
        for i, name in enumerate(sample.schema.names)
        if name.strip().casefold() in LABEL_NAMES
        and name not in (*(columns.text or "").split(JOIN), columns.text, columns.group)
        and _has_few_values(sample.column(i))
    ]
    if len(usual) > 1:
        raise _doubt("label", sample.schema.names)
    return usual[0] if usual else None


def _has_few_values(column: pa.ChunkedArray) -> bool:
    if pa.types.is_nested(column.type):
        return False
    return len(column.unique()) <= MAX_LABELS


def _text_column(sample: pa.Table, text: str | None, others: set[int | None]) -> TextColumn:
    if text is not None:
        return locate_text(sample, text, "")
    left = [i for i in range(sample.num_columns) if i not in others]
    try:
        found = locate_text(sample.select(left), None, "")
    except InputError:  # labels of two words look like texts, too
        left = [i for i in left if not is_category(sample.column(i))]
        found = locate_text(sample.select(left), None, "")
    return TextColumn(found.name, tuple(left[at] for at in found.positions))


def _remaining_column(sample: pa.Table, others: set[int | None]) -> int:
    """Return the only column that is left, or the only one of these that labels may be in."""
    left = [i for i in range(sample.num_columns) if i not in others]
    if len(left) > 1:
        left = [i for i in left if not _is_no_label(sample.column(i))]
    if len(left) != 1:
        raise _doubt("label", sample.schema.names)
    return left[0]


def _is_no_label(column: pa.ChunkedArray) -> bool:
    """Return whether no values of a column could be labels: ids, dates, times, prices, bytes."""
    kind = column.type.value_type if pa.types.is_dictionary(column.type) else column.type
    if not (is_text(kind) or pa.types.is_primitive(kind)) or pa.types.is_temporal(kind):
        return True
    values = column.drop_null().unique()
    if len(values) > MAX_LABELS or (len(values) == len(column) >= LEAST_IDS):
        return True
    texts = pc.cast(values, pa.large_string())
    digits, decimal, whole = (
        pc.all(pc.match_substring_regex(texts, form)).as_py() for form in (DIGITS, DECIMAL, WHOLE)
    )
    is_rating = whole or (decimal and 1 < len(values) <= MOST_RATINGS)
    return bool(digits and not is_rating)


def _doubt(kind: str, names: Sequence[str]) -> InputError:
    return InputError(
        f"which column is the {kind} is not clear; the columns are: {listed(names)}",
        f"--{kind}-column names it",
    )
