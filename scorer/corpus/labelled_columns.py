"""Which columns of a labelled table hold texts, labels, probabilities and groups.

A column that is named is taken. Else it has to be beyond doubt: the only column with a usual name,
or what remains. Knows the first rows of a table, nothing of files or of what labels mean.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import pyarrow as pa
import pyarrow.compute as pc

from scorer.errors import InputError, UsageError
from scorer.tables.text_column import JOIN, TextColumn, listed, locate_text, named_column

LABEL_NAMES = frozenset(
    {"label", "labels", "sentiment", "class", "target", "y", "polarity", "category"}
)
PROBABILITY = "probability_"
MAX_LABELS = 400  # different values that a column of labels may have
DIGITS = r"^\s*\d[\d\s.,:/TZ+-]*$"  # with what stands between them in dates, times and prices
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
    found = locate_text(sample.select(left), None, "")
    return TextColumn(found.name, tuple(left[at] for at in found.positions))


def _remaining_column(sample: pa.Table, others: set[int | None]) -> int:
    """Return the only column that is left, or the only one of these that labels may be in."""
    left = [i for i in range(sample.num_columns) if i not in others]
    if len(left) > 1:
        left = [i for i in left if _may_be_labels(sample.column(i))]
    if len(left) != 1:
        raise _doubt("label", sample.schema.names)
    return left[0]


def _may_be_labels(column: pa.ChunkedArray) -> bool:
    """Return whether values come again and again, and are no dates, times or prices."""
    kind = column.type
    if pa.types.is_nested(kind) or pa.types.is_floating(kind) or pa.types.is_temporal(kind):
        return False
    values = column.drop_null().unique()
    if not 1 < len(values) <= min(MAX_LABELS, len(column) / 2):
        return False
    texts = pc.cast(values, pa.large_string())
    digits, whole = (pc.all(pc.match_substring_regex(texts, r)).as_py() for r in (DIGITS, WHOLE))
    return not digits or bool(whole)


def _doubt(kind: str, names: Sequence[str]) -> InputError:
    return InputError(
        f"which column is the {kind} is not clear; the columns are: {listed(names)}",
        f"--{kind}-column names it",
    )
