"""Label values: what they are compared by, which are understood, how a message shows them.

Values are compared in any case, spacing and Unicode form, and 1.0 is 1. Knows single values and how
many rows have each, nothing of classes as a whole.
"""

import csv
import io
import shlex
import unicodedata
from collections.abc import Collection, Iterable, Mapping, Sequence

from scorer.errors import UsageError

NEGATIVE_WORDS, POSITIVE_WORDS = frozenset({"neg", "negative"}), frozenset({"pos", "positive"})
UNDERSTOOD = {
    **dict.fromkeys((*NEGATIVE_WORDS, "0", "false"), "negative"),
    **dict.fromkeys((*POSITIVE_WORDS, "1", "true"), "positive"),
}
MISSING = frozenset(
    {"", "nan", "-nan", "na", "n/a", "n.a.", "<na>", "#n/a", "#n/a n/a", "#na", "nat"}
    | {"none", "<none>", "null", "(null)", "<null>", "#null!", "nil", "\\n"}
)
INVISIBLE = dict.fromkeys(map(ord, "\ufeff\u200b\u200e\u200f\u2060\u00ad"))  # marks without width
SMALL_SHARE = 0.2  # of the rows that a class has in the mean; a class with fewer is rare
SHOWN, SHOWN_CHARACTERS = 8, 60  # values listed in a message, and what is shown of one


def tidy(value: str) -> str:
    """Return a value without invisible marks, and with single spaces."""
    return " ".join(value.translate(INVISIBLE).split())


def label_key(value: str) -> str:
    """Return what a label value is compared by."""
    key = tidy(unicodedata.normalize("NFKC", value)).casefold()
    whole, point, zeros = key.partition(".")
    return whole if point and whole.lstrip("+-").isdigit() and not zeros.strip("0") else key


def of_keys(counts: Mapping[str, int], keys: Collection[str]) -> dict[str, int]:
    """Return those of the values that are compared by one of the keys, with their rows."""
    return {value: rows for value, rows in counts.items() if label_key(value) in keys}


def show_values(counts: Mapping[str, int]) -> str:
    """Return the values with their rows for a message, the most frequent first."""
    order = sorted(counts, key=lambda value: (-counts[value], value))
    return show_some([f"{_cut(value)!r} ({counts[value]:,})" for value in order])


def _cut(value: str) -> str:
    return value if len(value) <= SHOWN_CHARACTERS else f"{value[:SHOWN_CHARACTERS]}…"


def quoted(values: Iterable[str]) -> str:
    """Return the values for a message, in their order."""
    return show_some([repr(_cut(value)) for value in values])


def show_some(values: Sequence[str]) -> str:
    """Return the first few for a message, and how many more there are."""
    shown = ", ".join(values[:SHOWN])
    return shown if len(values) <= SHOWN else f"{shown} and {len(values) - SHOWN:,} more"


def class_order(name: str) -> tuple[bool, float, str, str]:
    """Return what classes are ordered by: numbers by value, then names by alphabet."""
    try:
        return (False, float(name), "", name)
    except ValueError:
        return (True, 0.0, name.casefold(), name)


def labels_option(named: Mapping[str, str]) -> str:
    """Return `--labels` with those classes of label values, as a shell takes it.

    A class has `-` for `=`, which ends a value.
    """
    pairs = (f"{value}={name.replace('=', '-')}" for value, name in named.items())
    text = io.StringIO(newline="")
    csv.writer(text, lineterminator="").writerow(pairs)
    return f"--labels {shlex.quote(text.getvalue())}"


def parse_labels(labels: str) -> dict[str, str]:
    """Return label value -> class of "1=positive,0=negative"; `UsageError` if it is not that.

    A class that is "" makes a value missing; a pair with a comma is quoted as in a CSV.
    """
    pairs = [pair.rpartition("=") for pair in next(csv.reader([labels]), [])]
    named = {value.strip(): name.strip() for value, _, name in pairs}
    keys = set(map(label_key, named))
    if not named or not all(equals for _, equals, _ in pairs) or len(keys) < len(pairs):
        raise UsageError(
            f"--labels {labels!r} does not give each value one class",
            "It is written as --labels 1=positive,0=negative",
        )
    return named
