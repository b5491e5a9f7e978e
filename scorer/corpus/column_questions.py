"""What a person is asked where the label column of a table is not clear.

Each question shows the columns with some of their values, and has an option that answers it. Knows
the first rows of a table, nothing of files or of what labels mean.
"""

import json
import shlex
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Any

import pyarrow as pa

from scorer.corpus.column_contents import NUMBERS, are_flags, are_one_hot, holds_records, texts_of
from scorer.corpus.label_questions import option_of_two
from scorer.corpus.label_values import MAX_CLASSES, PROBABILITY, SHOWN
from scorer.errors import InputError
from scorer.tables.csv_cells import as_text
from scorer.tables.text_column import listed, name_words

AGAIN = "Training needs a column of labels that come again and again; cut numbers into a few first"
PREDICTED = {"predicted", "prediction", "predictions", "pred", "preds", "model", "suggestion"}
LABEL_MEMBERS = {"label", "name", "value", "choices"}  # words of the names of members
PLAIN = "Training needs a column of plain values"
FIRST, SHOWN_VALUES, SHOWN_CHARACTERS = 1000, 3, 40  # of a column in a question


class RecordsError(InputError):
    """Labels that are records; the hint has what makes plain values of them."""


def is_prediction(name: str) -> bool:
    """Return whether the name of a column says that a model wrote it."""
    return not PREDICTED.isdisjoint(name_words(name))


def no_labels(sample: pa.Table, at: int, held: str) -> InputError:
    """Return what is said of the only column beside the text, which holds no labels."""
    column = sample.column(at)
    if holds_records(column):
        return records_as_labels(sample, at)
    problem = f"the only column beside the text holds {held}, not labels: {_values(sample, at)}"
    if pa.types.is_nested(column.type):
        return InputError(problem, PLAIN)
    few = len(column.unique()) <= min(MAX_CLASSES, len(column) / 2)
    option = _option(sample, at)
    hint = f"{option} takes each value as a class all the same" if few else AGAIN
    return InputError(problem, hint)


def records_as_labels(sample: pa.Table, at: int) -> InputError:
    """Return what is said of labels that are records, with what keeps one member of each."""
    problem = f"the labels are records, not plain values: {_values(sample, at)}"
    record = _first_record(sample.column(at))
    program = record and _keeping_one(sample.schema.names[at], record)
    if not program:
        return InputError(problem, PLAIN)
    return RecordsError(problem, f"{PLAIN}. In JSON Lines, {_jq(program)} makes them so")


def members_as_columns(text: str, label: str) -> str:
    """Return what is said of a text and a label that are members of objects, by their paths.

    Where the label is in lists, all labels of a row are kept: several are a question of their own.
    """
    labels = label.replace("[0]", "[]?")
    program = f"{{text: {text}, label: {label if labels == label else f'[{labels}]'}}}"
    return f"{PLAIN}. In JSON Lines, {_jq(program)} makes such columns of them"


def _jq(program: str) -> str:
    return f"`jq -c {shlex.quote(program)} IN > OUT`"


def _first_record(column: pa.ChunkedArray) -> dict[str, Any] | list[dict[str, Any]] | None:
    """Return the first cell that is an object in JSON, or a list of such."""
    for cell in column.drop_null().slice(0, FIRST).to_pylist():
        with suppress(ValueError):
            record: dict[str, Any] | list[dict[str, Any]] = json.loads(cell)
            first = record[0] if record and isinstance(record, list) else record
            if first and isinstance(first, dict):
                return record
    return None


def _keeping_one(name: str, record: dict[str, Any] | list[dict[str, Any]]) -> str:
    """Return the program for jq that keeps a member: the likely label, of numbers the highest.

    "" where that member has members itself.
    """
    one = record[0] if isinstance(record, list) else record
    member = next((each for each in one if LABEL_MEMBERS & {*name_words(each)}), next(iter(one)))
    kept = f".[{json.dumps(member)}]"
    if len(one) > 1 and all(isinstance(value, int | float) for value in one.values()):
        kept = "(to_entries | max_by(.value).key)"
    elif _has_members(one[member]):
        return ""
    path = f".[{json.dumps(name)}]"
    if isinstance(record, list):
        return f"({path} | arrays) |= map({kept})"
    return f"({path} | objects) |= {kept}"


def _has_members(value: Any) -> bool:
    return isinstance(value, dict) or (isinstance(value, list) and any(map(_has_members, value)))


def none_are_labels(sample: pa.Table, held: Mapping[int, str]) -> InputError:
    """Return what is said of columns of which each holds something else than labels."""
    names = sample.schema.names
    if not held:
        return InputError(f"no column of labels; the columns are: {listed(names)}")
    shown = "; ".join(f"{names[at]!r} holds {held[at]}" for at in [*held][:SHOWN])
    more = f" and {len(held) - SHOWN} more" if len(held) > SHOWN else ""
    numbers = [*held.values()].count(NUMBERS) > 1
    hint = f"{AGAIN}; or name columns of probabilities {PROBABILITY}CLASS" if numbers else AGAIN
    return InputError(f"no column of labels: {shown}{more}", hint)


def which_label(sample: pa.Table, candidates: Sequence[int], likeliest: int) -> InputError:
    """Return the question which of some columns has the labels; one of them likely has."""
    shown = "; ".join(_values(sample, at) for at in candidates[:SHOWN])
    more = f" and {len(candidates) - SHOWN} more" if len(candidates) > SHOWN else ""
    flags = [at for at in candidates if are_flags(sample.column(at))]
    hint = f"--label-column names it, for example {_option(sample, likeliest)}"
    if len(flags) > 1:
        hint = _naming_flag(sample, flags)
    return InputError(f"which column is the label is not clear: {shown}{more}", hint)


def _naming_flag(sample: pa.Table, flags: Sequence[int]) -> str:
    """Return how flags are trained on: one by one, or as the classes of one label."""
    names = [sample.schema.names[at] for at in flags]
    one = _option(sample, flags[0])
    hint = f"{one} trains on one; each column of 0 and 1 takes a --store of its own"
    if not are_one_hot([sample.column(at) for at in flags]):
        return hint
    renamed = ", ".join(f"'{PROBABILITY}{name}'" for name in names[:SHOWN_VALUES])
    more = ", …" if len(names) > SHOWN_VALUES else ""
    return (
        f"{hint}. Each row has one 1: columns renamed to {renamed}{more} are classes of one label"
    )


def _option(sample: pa.Table, at: int) -> str:
    """Return the option that names a column, and the one that says what its two values mean."""
    named = f"--label-column {shlex.quote(sample.schema.names[at])}"
    return f"{named} {option_of_two(texts_of(sample.column(at)))}".rstrip()


def _values(sample: pa.Table, at: int) -> str:
    """Return a column and some of its values for a message."""
    cells = as_text(sample.column(at).drop_null().slice(0, FIRST)).to_pylist()
    texts = list(dict.fromkeys(cell[:SHOWN_CHARACTERS] for cell in cells))
    more = ", …" if len(texts) > SHOWN_VALUES else ""
    return f"{sample.schema.names[at]!r} ({', '.join(texts[:SHOWN_VALUES])}{more})"
