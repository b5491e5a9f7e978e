"""Which columns of a labelled table hold texts, labels, probabilities and groups.

A column that is named is taken. Else it has to be beyond doubt: the only column with a usual name,
or what remains and may hold labels; of several the only one that says "positive" and "negative", or
the only one with a name that labels often have. Knows the first rows of a table, nothing of files
or of what labels mean.
"""

import shlex
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field

import pyarrow as pa
import pyarrow.compute as pc

from scorer.corpus.label_values import NEGATIVE_WORDS, POSITIVE_WORDS, SHOWN, label_key
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

LABEL_NAMES = frozenset({"label", "labels", "sentiment", "class", "target", "y", "polarity"})
OFTEN_LABELS = frozenset(
    {"category", "rating", "ratings", "stars", "star_rating", "star rating", "overall"}
)
PROBABILITY = "probability_"
MAX_LABELS = 400  # different values that a column of labels may have
MOST_RATINGS = 20  # different numbers that are no whole ones, as 3.5 stars
LEAST_IDS = 20  # rows that all differ
DIGITS = r"^\s*[-+]?\d[\d\s.,:/TZ+-]*$"  # with what stands between them in dates, times and prices
DATE = r"^\s*(\d{1,4}[-/.]\d{1,2}[-/.]\d{1,4}\.?([T\s].*)?|\d{1,2}:\d{2}(:\d{2})?(\.\d+)?)\s*$"
DECIMAL = r"^\s*[-+]?\d+(?:[.,]\d+)?\s*$"
OBJECT = r"^\s*\{.*\}\s*$"  # as JSON writes it
WHOLE = r"^\s*\d+(?:[.,]0+)?\s*$"  # a rating, as 4 or 4.0
FIRST, SHOWN_VALUES, SHOWN_CHARACTERS = 1000, 3, 40  # of a column in a question


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
    text = {*(columns.text or "").split(JOIN), columns.text}
    free = [i for i, name in enumerate(sample.schema.names) if name not in {*text, columns.group}]
    repeating = [i for i in free if _repeats(sample.column(i))]
    if usual := _with_names(sample, repeating, LABEL_NAMES):
        return _clearest(sample, usual)
    often = _with_names(sample, repeating, OFTEN_LABELS)
    return often[0] if len(often) == 1 and not _opinions(sample, repeating) else None


def _repeats(column: pa.ChunkedArray) -> bool:
    """Return whether a column has few values, again and again."""
    if pa.types.is_nested(column.type):
        return False
    values = len(column.unique())
    return values <= MAX_LABELS and not values == len(column) >= LEAST_IDS


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
    held = {i: _holds_else(sample.column(i)) for i in left}
    if len(left) == 1:
        if held[left[0]]:
            raise _no_labels(sample, left[0], held[left[0]])
        return left[0]
    may_be = [i for i in left if not held[i]]
    likely = [i for i in may_be if not _are_numbers(sample.column(i))]
    if not likely:
        raise _doubt(sample, may_be or left)
    return _clearest(sample, likely)


def _clearest(sample: pa.Table, candidates: Sequence[int]) -> int:
    """Return the only candidate, or the one that is plainly labels; `InputError` without one."""
    if len(candidates) == 1:
        return candidates[0]
    plain = _opinions(sample, candidates) or _with_names(sample, candidates, OFTEN_LABELS)
    if len(plain) != 1:
        raise _doubt(sample, candidates)
    return plain[0]


def _with_names(sample: pa.Table, columns: Sequence[int], names: Collection[str]) -> list[int]:
    return [i for i in columns if sample.schema.names[i].strip().casefold() in names]


def _opinions(sample: pa.Table, columns: Sequence[int]) -> list[int]:
    """Return the columns of which some cells say "positive", and some "negative"."""
    keys = {i: set(map(label_key, _texts(sample.column(i)))) for i in columns}
    return [i for i in columns if keys[i] & NEGATIVE_WORDS and keys[i] & POSITIVE_WORDS]


def _texts(column: pa.ChunkedArray) -> list[str]:
    return list(map(str, column.drop_null().unique().to_pylist()))


def _holds_else(column: pa.ChunkedArray) -> str:
    """Return what a column holds that plainly is no labels; "" if it may hold labels."""
    kind = column.type.value_type if pa.types.is_dictionary(column.type) else column.type
    if pa.types.is_temporal(kind):
        return "dates or times"
    if pa.types.is_nested(kind):
        return "lists or records"
    if not (is_text(kind) or pa.types.is_primitive(kind)):
        return str(kind)
    values = column.drop_null().unique()
    if len(values) > MAX_LABELS:
        return f"more than {MAX_LABELS} different values"
    if len(values) == len(column) >= LEAST_IDS:
        return "another value in each row"
    if _all_match(values, DATE):
        return "dates or times"
    if _all_match(values, OBJECT):
        return "objects"
    if len(values) > MOST_RATINGS and _all_match(values, DECIMAL) and not _all_match(values, WHOLE):
        return "numbers, as prices are"
    return ""


def _are_numbers(column: pa.ChunkedArray) -> bool:
    """Return whether a column has numbers in any writing that are no ratings."""
    values = column.drop_null().unique()
    is_rating = _all_match(values, WHOLE) or (_all_match(values, DECIMAL) and len(values) > 1)
    return _all_match(values, DIGITS) and not is_rating


def _all_match(values: pa.Array, form: str) -> bool:
    """Return whether there are values and all of them have a form."""
    texts = pc.cast(values, pa.large_string())
    return bool(pc.all(pc.match_substring_regex(texts, form)).as_py())


def _no_labels(sample: pa.Table, at: int, held: str) -> InputError:
    column, name = sample.column(at), sample.schema.names[at]
    values = len(column) if pa.types.is_nested(column.type) else len(column.unique())
    hint = "Training needs a column of labels that come again and again"
    if values <= min(MAX_LABELS, len(column) / 2):
        hint = f"--label-column {shlex.quote(name)} takes each value as a class all the same"
    problem = f"the only column beside the text holds {held}, not labels"
    return InputError(f"{problem}: {_values(sample, at)}", hint)


def _doubt(sample: pa.Table, candidates: Sequence[int]) -> InputError:
    if not candidates:
        return InputError(f"no column of labels; the columns are: {listed(sample.schema.names)}")
    shown = "; ".join(_values(sample, at) for at in candidates[:SHOWN])
    more = f" and {len(candidates) - SHOWN} more" if len(candidates) > SHOWN else ""
    problem = f"which column is the label is not clear: {shown}{more}"
    return InputError(problem, "--label-column names it")


def _values(sample: pa.Table, at: int) -> str:
    """Return a column and some of its values for a message."""
    cells = sample.column(at).drop_null().slice(0, FIRST).to_pylist()
    texts = list(dict.fromkeys(str(cell)[:SHOWN_CHARACTERS] for cell in cells))
    more = ", …" if len(texts) > SHOWN_VALUES else ""
    return f"{sample.schema.names[at]!r} ({', '.join(texts[:SHOWN_VALUES])}{more})"
