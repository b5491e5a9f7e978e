"""What a person is asked where the label column of a table is not clear.

Each question shows the columns with some of their values, and has an option that answers it. Knows
the first rows of a table, nothing of files or of what labels mean.
"""

import shlex
from collections.abc import Mapping, Sequence

import pyarrow as pa

from scorer.corpus.column_contents import are_flags, are_one_hot
from scorer.corpus.label_values import MAX_CLASSES, PROBABILITY, SHOWN
from scorer.errors import InputError
from scorer.tables.text_column import listed

AGAIN = "Training needs a column of labels that come again and again; cut numbers into a few first"
FIRST, SHOWN_VALUES, SHOWN_CHARACTERS = 1000, 3, 40  # of a column in a question


def no_labels(sample: pa.Table, at: int, held: str) -> InputError:
    """Return what is said of the only column beside the text, which holds no labels."""
    column, name = sample.column(at), sample.schema.names[at]
    values = len(column) if pa.types.is_nested(column.type) else len(column.unique())
    hint = AGAIN
    if values <= min(MAX_CLASSES, len(column) / 2):
        hint = f"{_option(name)} takes each value as a class all the same"
    problem = f"the only column beside the text holds {held}, not labels"
    return InputError(f"{problem}: {_values(sample, at)}", hint)


def none_are_labels(sample: pa.Table, held: Mapping[int, str]) -> InputError:
    """Return what is said of columns of which each holds something else than labels."""
    names = sample.schema.names
    if not held:
        return InputError(f"no column of labels; the columns are: {listed(names)}")
    shown = "; ".join(f"{names[at]!r} holds {held[at]}" for at in [*held][:SHOWN])
    more = f" and {len(held) - SHOWN} more" if len(held) > SHOWN else ""
    return InputError(f"no column of labels: {shown}{more}", AGAIN)


def which_label(sample: pa.Table, candidates: Sequence[int]) -> InputError:
    """Return the question which of some columns has the labels."""
    shown = "; ".join(_values(sample, at) for at in candidates[:SHOWN])
    more = f" and {len(candidates) - SHOWN} more" if len(candidates) > SHOWN else ""
    flags = [at for at in candidates if are_flags(sample.column(at))]
    hint = _naming(sample, candidates) if len(flags) < 2 else _naming_flag(sample, flags)
    return InputError(f"which column is the label is not clear: {shown}{more}", hint)


def _naming(sample: pa.Table, candidates: Sequence[int]) -> str:
    values = {at: len(sample.column(at).unique()) for at in candidates}
    fewest = min(candidates, key=lambda at: (values[at] < 2, values[at]))
    return f"--label-column names it, for example {_option(sample.schema.names[fewest])}"


def _naming_flag(sample: pa.Table, flags: Sequence[int]) -> str:
    """Return how columns of 0 and 1 are trained on: one by one, or as the classes of one label."""
    names = [sample.schema.names[at] for at in flags]
    hint = f"{_option(names[0])} trains on one; each column of 0 and 1 takes a --store of its own"
    if not are_one_hot([sample.column(at) for at in flags]):
        return hint
    renamed = ", ".join(f"'{PROBABILITY}{name}'" for name in names[:SHOWN_VALUES])
    return f"{hint}. Each row has one 1: columns renamed to {renamed}, … are classes of one label"


def _option(name: str) -> str:
    return f"--label-column {shlex.quote(name)}"


def _values(sample: pa.Table, at: int) -> str:
    """Return a column and some of its values for a message."""
    cells = sample.column(at).drop_null().slice(0, FIRST).to_pylist()
    texts = list(dict.fromkeys(str(cell)[:SHOWN_CHARACTERS] for cell in cells))
    more = ", …" if len(texts) > SHOWN_VALUES else ""
    return f"{sample.schema.names[at]!r} ({', '.join(texts[:SHOWN_VALUES])}{more})"
