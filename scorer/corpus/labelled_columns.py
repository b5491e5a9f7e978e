"""Which columns of a labelled table hold texts, labels, probabilities and groups.

A column that is named is taken. Else it has to be beyond doubt: the only column with a usual name,
or what remains and may hold labels; of several the only one that says "positive" and "negative", in
one of some languages, or the only one with a name that labels often have. Of columns that say the
same the one in words is taken. Knows the first rows of a table, nothing of files or of what labels
mean.
"""

from collections.abc import Iterable, Mapping, Sequence, Set
from dataclasses import dataclass, field

import pyarrow as pa

from scorer.corpus.column_contents import (
    LEAST_IDS,
    are_counts,
    are_label_lists,
    are_numbers,
    are_ratings,
    are_words,
    holds_else,
    holds_little,
    holds_records,
    plain_cells,
    say_the_same,
    texts_of,
)
from scorer.corpus.column_questions import (
    RecordsError,
    is_prediction,
    members_as_columns,
    no_labels,
    none_are_labels,
    records_as_labels,
    which_label,
)
from scorer.corpus.label_values import (
    MAX_CLASSES,
    NEGATIVE_WORDS,
    POSITIVE_WORDS,
    PROBABILITY,
    SAY_NEGATIVE,
    SAY_POSITIVE,
    UNDERSTOOD,
    label_key,
)
from scorer.errors import InputError, UsageError
from scorer.tables.nested_columns import flat_table, paths_of_columns
from scorer.tables.text_column import (
    JOIN,
    USUAL_NAMES,
    TextColumn,
    is_category,
    is_text,
    listed,
    locate_text,
    name_words,
    named_column,
)

LABEL_NAMES = frozenset({"label", "labels", "sentiment", "class", "target", "y", "polarity"})
OFTEN_LABELS = frozenset(
    {"category", "rating", "ratings", "stars", "overall", "intent", "emotion"}
    | {"majority", "majority_vote", "consensus"}  # of several people's labels
    | {"gold", "gold_standard", "ground_truth", "truth"}  # beside a model's
)
LAST_WORDS = frozenset({"sentiment", "polarity", "intent", "emotion"})  # of such names
BEFORE_LABEL = frozenset(  # `gold_label`, but not the `record_label` of a song
    {*LAST_WORDS, "label", "class", "category", "topic", "target"}
    | {"gold", "true", "final", "majority", "human"}
)
SUBJECT = "target"  # of a stance, or of an insult
LABEL_WORDS = (  # of the names of columns that more likely hold labels than others
    LABEL_NAMES
    | OFTEN_LABELS
    | BEFORE_LABEL
    | {"labelled", "annotation", "annotator", "rater"}
    | {"feeling", "mood", "opinion", "stance", "satisfaction", "tone", "type", "tag", "answer"}
) - {SUBJECT}
IDS = frozenset({"id", "ids", "uuid", "guid"})  # of whom or of what; not `class_id`
OF_RATINGS = frozenset({"rating", "ratings", "stars", "score", "csat"})  # if values are ratings
IN_ENGLISH = (NEGATIVE_WORDS, POSITIVE_WORDS)
IN_SOME_LANGUAGES = (frozenset(SAY_NEGATIVE.split()), frozenset(SAY_POSITIVE.split()))
TO_LABEL = ("text", "label", "guess")  # the first columns of what `scorer sample` writes
HEADLESS = "The first row, taken as the header, looks like data; --no-header reads it as a row"
PROSE_WORDS = 4  # at least, of a text where a name should be


@dataclass(frozen=True)
class Columns:
    """Which columns hold what, by name; text and label are inferred where it is None."""

    text: str | None = None
    label: str | None = None
    group: str | None = None
    labels: str | None = None  # what label values mean: VALUE=CLASS,…
    trained_text: str = ""  # of a bundle, taken where a table has it, as is the next one
    trained_label: str = ""


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
    try:
        return _find_columns(sample, columns)
    except InputError as error:
        is_named = columns.text is not None or columns.label is not None
        members = None if is_named else _find_members(sample)
        if isinstance(error, RecordsError) and not _in_object(sample, members):
            raise
        hints = [members_as_columns(*members) if members else error.hint]
        if _may_lack_header(sample):
            hints.insert(0, HEADLESS)
        raise InputError(error.args[0], ". ".join(filter(None, hints))) from error


def _find_members(sample: pa.Table) -> tuple[str, str] | None:
    """Return the paths of text and label where the columns of a table are members of objects."""
    flat = flat_table(sample)
    if flat is None:
        return None
    try:
        found = _find_columns(flat, Columns())
    except InputError:
        return None
    return None if found.label is None else (found.text.name, flat.schema.names[found.label])


def _in_object(sample: pa.Table, members: tuple[str, str] | None) -> bool:
    """Return whether a text is a member of an object, rather than a column."""
    return members is not None and members[0] not in paths_of_columns(sample)


def lacks_header(sample: pa.Table) -> bool:
    """Return whether the names of columns plainly are those of no columns: a text and its label."""
    names = sample.schema.names
    if has_usual_names(names):
        return False
    long = [i for i, name in enumerate(names) if is_long(name) and not name.istitle()]
    texts = [i for i in long if names[i] not in texts_of(sample.column(i))]  # no header again
    others = [i for i, name in enumerate(names) if name.strip() and i not in long]
    return bool(texts) and any(_is_label_in(names[i], sample.column(i)) for i in others)


def has_usual_names(names: Iterable[str]) -> bool:
    """Return whether one of the names of columns is usual for texts or labels."""
    usual = {*USUAL_NAMES, *LABEL_NAMES, *OFTEN_LABELS}
    return any(name.strip().casefold() in usual for name in names)


def is_long(name: str) -> bool:
    """Return whether a name of a column has as many words as a text, rather than a name."""
    return len(name.split()) >= PROSE_WORDS


def _is_label_in(name: str, column: pa.ChunkedArray) -> bool:
    """Return whether the name of a column is one of the values that come again and again in it.

    A word that is the only value may be an answer of several that a survey has as columns.
    """
    if not is_text(column.type) or not _repeats(column):
        return False
    values = set(filter(str.strip, texts_of(column)))
    return name in values and (len(values) > 1 or name.strip().isdecimal())


def _may_lack_header(sample: pa.Table) -> bool:
    """Return whether names of columns come again and again; where all do, files were joined."""
    names = sample.schema.names
    texts = [i for i, kind in enumerate(sample.schema.types) if is_text(kind) and names[i].strip()]
    own = [i for i in texts if sample.column(i).to_pylist().count(names[i]) > 1]
    return 0 < len(own) < len(texts)


def _find_columns(sample: pa.Table, columns: Columns) -> Positions:
    cells = sample if columns.label is not None else plain_cells(sample)
    group_at = None
    if columns.group is not None:
        group_at = named_column(sample.schema, columns.group, "--group-column")
    label_at = _label_column(cells, columns)
    probabilities = _probability_columns(sample.schema)
    others = {label_at, group_at, *probabilities.values()}
    text = _text_column(sample, columns, others)
    if label_at is None and not probabilities:
        label_at = _remaining_column(cells, {*text.positions, group_at})
    if label_at in text.positions:
        name = sample.schema.field(label_at).name
        raise UsageError(f"column {name!r} cannot be both the text and the label")
    if label_at is not None and not columns.labels and holds_records(cells.column(label_at)):
        raise records_as_labels(cells, label_at)
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
        if columns.label not in sample.schema.names and not _may_have_labels(sample, columns.text):
            missing = f"there is no column {columns.label!r}, nor another that may hold them"
            raise InputError(
                f"no labels: {missing}; the columns are: {listed(sample.schema.names)}"
            )
        return named_column(sample.schema, columns.label, "--label-column")
    trained = sample.schema.get_field_index(columns.trained_label)
    if columns.trained_label and trained >= 0:
        return int(trained)
    text = {*(columns.text or "").split(JOIN), columns.text}
    free = [i for i, name in enumerate(sample.schema.names) if name not in {*text, columns.group}]
    repeating = [i for i in free if _repeats(sample.column(i))]
    if usual := _usual_labels(sample, repeating):
        different = _different(sample, usual)
        if len(different) > 1:
            raise _which_label(sample, different)
        return _in_words(sample, different[0], repeating)
    often = _often_labels(sample, repeating)
    if len(often) != 1 or _opinions(sample, repeating):
        return None
    return _in_words(sample, often[0], repeating)


def _usual_labels(sample: pa.Table, columns: Sequence[int]) -> list[int]:
    """Return the columns of a name that labels usually have.

    A `target` in words may be what a text is about, or to whom it is written: no label then, if
    another column may be.
    """
    usual = [i for i in columns if sample.schema.names[i].strip().casefold() in LABEL_NAMES]
    subjects = [
        i
        for i in usual
        if sample.schema.names[i].strip().casefold() == SUBJECT
        and are_words(sample.column(i))
        and not _opinions(sample, [i])
    ]
    others = (sample.column(i) for i in columns if i not in subjects)
    rivals = any(not (holds_else(column) or holds_little(column)) for column in others)
    return [i for i in usual if i not in subjects] if rivals else usual


def _may_have_labels(sample: pa.Table, text: str | None) -> bool:
    left = (i for i, name in enumerate(sample.schema.names) if name != text)
    return any(not (holds_else(c) or holds_little(c)) for c in map(sample.column, left))


def _repeats(column: pa.ChunkedArray) -> bool:
    """Return whether a column has few values, again and again."""
    if pa.types.is_nested(column.type):
        return False
    values = len(column.unique())
    return values <= MAX_CLASSES and not values == len(column) >= LEAST_IDS


def _text_column(sample: pa.Table, columns: Columns, others: set[int | None]) -> TextColumn:
    if columns.text is not None:
        return locate_text(sample, columns.text, "")
    left = [i for i in range(sample.num_columns) if i not in others]
    try:
        found = locate_text(sample.select(left), None, columns.trained_text)
    except InputError:  # labels of two words look like texts, too
        left = [i for i in left if not is_category(sample.column(i))]
        if not left:
            raise
        found = locate_text(sample.select(left), None, "")
    return TextColumn(found.name, tuple(left[at] for at in found.positions))


def _remaining_column(sample: pa.Table, others: set[int | None]) -> int:
    """Return the only column that is left, or the only one of these that labels may be in."""
    left = [i for i in range(sample.num_columns) if i not in others]
    held = {i: holds_else(sample.column(i)) for i in left}
    if len(left) > 1:
        little = [i for i in left if not held[i] and holds_little(sample.column(i))]
        held |= dict.fromkeys(little, "one value at most")
    may_be = [i for i in left if not held[i]]
    if not may_be:
        return _label_lists(sample, held)
    if len(left) > 1:
        return _likely_label(sample, may_be)
    if holds := _hardly_labels(sample, left[0]):
        raise no_labels(sample, left[0], holds)
    return left[0]


def _label_lists(sample: pa.Table, held: Mapping[int, str]) -> int:
    """Return the only column of lists of labels, where none holds plain ones: a later question."""
    lists = [i for i in held if are_label_lists(sample.column(i))]
    if len(lists) == 1:
        return lists[0]
    if len(held) == 1:
        raise no_labels(sample, *next(iter(held.items())))
    raise none_are_labels(sample, held)


def _likely_label(sample: pa.Table, may_be: Sequence[int]) -> int:
    likely = [i for i in may_be if not are_numbers(sample.column(i))]
    if not likely:
        raise _which_label(sample, may_be)
    clearest = _clearest(sample, likely)
    if _hardly_labels(sample, clearest):
        raise _which_label(sample, [clearest])
    return clearest


def _hardly_labels(sample: pa.Table, at: int) -> str:
    """Return what a column holds that is labels only if a person says so; "" for any other."""
    *before, last = name_words(sample.schema.names[at]) or [""]
    if last in IDS and BEFORE_LABEL.isdisjoint(before):
        return "ids, by its name"
    return "years, or what is counted" if are_counts(sample.column(at)) else ""


def _clearest(sample: pa.Table, candidates: Sequence[int]) -> int:
    """Return the only candidate, or the one that is plainly labels; `InputError` without one."""
    different = _different(sample, candidates)
    if len(different) == 1:
        return different[0]
    opinions = _opinions(sample, different)
    plain = opinions if len(opinions) == 1 else _often_labels(sample, opinions or different)
    plain = plain or _opinions(sample, different, IN_SOME_LANGUAGES)
    if len(plain) != 1:
        raise _which_label(sample, different)
    return plain[0]


def _which_label(sample: pa.Table, candidates: Sequence[int]) -> InputError:
    return which_label(sample, candidates, min(candidates, key=lambda at: _unlikely(sample, at)))


def _unlikely(sample: pa.Table, at: int) -> tuple[bool | int, ...]:
    """Return a rank of a column, the lower the likelier it has the labels."""
    name, values = sample.schema.names[at], len(sample.column(at).unique())
    return (
        values < 2,
        is_prediction(name) or bool(_hardly_labels(sample, at)),
        not _opinions(sample, [at], IN_SOME_LANGUAGES),
        LABEL_WORDS.isdisjoint(name_words(name)),
        values,
    )


def _different(sample: pa.Table, columns: Sequence[int]) -> list[int]:
    """Return the columns that hold something, without those that say the same as one in words.

    Of those in words the one is kept whose name labels often have, else the first.
    """
    filled = [i for i in columns if not holds_little(sample.column(i))]
    candidates = filled or columns
    words = [i for i in candidates if are_words(sample.column(i))]
    often = _often_labels(sample, words)
    rank = {i: (i not in words, i not in often, i) for i in candidates}
    same = {
        at
        for at in candidates
        for i in words
        if rank[i] < rank[at] and say_the_same(sample.column(at), sample.column(i))
    }
    return [at for at in candidates if at not in same]


def _in_words(sample: pa.Table, label: int, columns: Sequence[int]) -> int:
    """Return the column that says what the label column does in words, if that has codes."""
    column = sample.column(label)
    if are_words(column) or {label_key(value) for value in texts_of(column)} <= UNDERSTOOD.keys():
        return label
    may_be = (i for i in columns if i != label and not holds_else(sample.column(i)))
    words = (i for i in may_be if are_words(sample.column(i)))
    return next((i for i in words if say_the_same(column, sample.column(i))), label)


def _often_labels(sample: pa.Table, columns: Sequence[int]) -> list[int]:
    """Return the columns with a name that labels often have, and no other values than ratings.

    A model's predictions are such only where no other column is.
    """
    names = sample.schema.names
    often = [i for i in columns if _is_often_label(names[i], sample.column(i))]
    return [i for i in often if not is_prediction(names[i])] or often


def _is_often_label(name: str, column: pa.ChunkedArray) -> bool:
    if name.strip().casefold() in LABEL_NAMES:  # and not the only one
        return False
    *before, last = name_words(name) or [""]
    if "_".join([*before, last]) in OFTEN_LABELS or last in LAST_WORDS:
        return True
    if last == "label":
        return not BEFORE_LABEL.isdisjoint(before)
    return last in OF_RATINGS and not holds_else(column) and are_ratings(column)


def _opinions(
    sample: pa.Table, columns: Sequence[int], words: tuple[Set[str], Set[str]] = IN_ENGLISH
) -> list[int]:
    """Return the columns of which some cells say "positive", and some "negative"."""
    keys = {i: set(map(label_key, texts_of(sample.column(i)))) for i in columns}
    return [i for i in columns if all(keys[i] & said for said in words)]
