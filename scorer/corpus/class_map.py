"""Map label values to classes.

    0, neg, negative, false        negative
    1, pos, positive, true         positive
    any other two values           only as `--labels VALUE=CLASS,VALUE=CLASS` says
    values that --labels leaves out  missing
    three values and more          a class each, named as the value is
    blank, NaN, None, NULL, #N/A   missing, unless `--labels` gives it a class
    ?, -, unknown, -1 beside others  only as `--labels` says; `VALUE=` makes it missing

Values are compared trimmed and in any case, and 1.0 is 1. Classes are ordered independently of the
rows: numbers by value, then names by alphabet. Knows nothing of tables or texts.
"""

import csv
import io
import shlex
from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches

import numpy as np

from scorer.errors import InputError, UsageError

UNDERSTOOD = {
    **dict.fromkeys(("0", "neg", "negative", "false"), "negative"),
    **dict.fromkeys(("1", "pos", "positive", "true"), "positive"),
}
MISSING = frozenset(
    {"", "nan", "-nan", "na", "n/a", "n.a.", "<na>", "#n/a", "#n/a n/a", "#na", "nat"}
    | {"none", "<none>", "null", "(null)", "<null>", "#null!", "nil", "\\n"}
)
DOUBTFUL = frozenset(
    {"?", "??", "???", "-", "--", "---", ".", "..", "...", "_", "unknown", "unk", "missing"}
    | {"undefined", "unlabeled", "unlabelled", "unassigned", "not available", "not labeled"}
)
NUMBERS_IN_DOUBT = frozenset({"-1", "-9", "-99", "-999", "-9999"})  # beside 0, 1, 2, …
MAX_CLASSES = 400
RARE = 10  # a misspelling has at most this part of the rows of the value it is near to
NEAR = 0.8  # difflib's ratio: "positve" and "positive" have 0.93, "negative" and "positive" 0.5
SHOWN = 8  # values listed in a message


@dataclass(frozen=True)
class ClassMap:
    """The classes, in the order of the probability columns, and the label values of each."""

    classes: tuple[str, ...]
    label_values: Mapping[str, str]  # label value, in its most frequent spelling -> class
    unnamed: frozenset[str] = frozenset()  # keys of values that --labels leaves out
    rare: frozenset[str] = frozenset()  # keys of values of too few rows, among several classes

    def targets(self, labels: Sequence[str]) -> np.ndarray:
        """Return int64 (labels,): the index of each label's class, -1 for a missing label.

        Raises `InputError` for a value that has no class.
        """
        known = self._class_of_key
        unknown = [label for label in labels if label_key(label) not in {*known, *self._missing}]
        if unknown:
            raise InputError(
                f"no class is known for the label values {_quoted(unknown)}; known are: "
                f"{_quoted(self.label_values)}",
                "--labels says what each value means when a model is trained",
            )
        index = {name: i for i, name in enumerate(self.classes)}
        keys = map(label_key, labels)
        return np.array([index[known[key]] if key in known else -1 for key in keys], np.int64)

    def missing_marks(self, counts: Mapping[str, int]) -> dict[str, int]:
        """Return which values that are not blank mean a missing label, and the rows of each."""
        named = {"", *self._class_of_key, *self.unnamed, *self.rare}
        return _of_keys(counts, MISSING - named)

    def unnamed_values(self, counts: Mapping[str, int]) -> dict[str, int]:
        """Return which values `--labels` leaves out, and how many rows have each."""
        return _of_keys(counts, self.unnamed)

    def rare_values(self, counts: Mapping[str, int]) -> dict[str, int]:
        """Return which values are left out as they have too few rows, and the rows of each."""
        return _of_keys(counts, self.rare)

    def without(self, classes: Collection[str]) -> "ClassMap":
        """Return the map without some classes, which have too few rows."""
        kept = {value: name for value, name in self.label_values.items() if name not in classes}
        lost = {label_key(value) for value in self.label_values if value not in kept}
        names = tuple(name for name in self.classes if name not in classes)
        return ClassMap(names, kept, self.unnamed, self.rare | lost)

    @property
    def _class_of_key(self) -> dict[str, str]:
        return {label_key(value): name for value, name in self.label_values.items()}

    @property
    def _missing(self) -> frozenset[str]:
        return MISSING | self.unnamed | self.rare


def label_key(value: str) -> str:
    """Return what a label value is compared by."""
    key = value.strip().casefold()
    whole, point, zeros = key.partition(".")
    return whole if point and whole.lstrip("+-").isdigit() and not zeros.strip("0") else key


def find_class_map(counts: Mapping[str, int], labels: str | None = None) -> ClassMap:
    """Return the classes of label values, given how many rows have each, and `--labels` if any.

    Raises `UsageError` where `--labels` is needed or does not fit, `InputError` where the values
    cannot be classes.
    """
    named = parse_labels(labels) if labels else {}
    found = _joined_spellings(counts, named)
    if not found:
        raise InputError("no row has a label", "--label-column names another column")
    if named:
        return _as_named(found, named)
    understood = {value: UNDERSTOOD.get(label_key(value), "") for value in found}
    if set(understood.values()) == {"negative", "positive"}:
        return _class_map(understood)
    _check_number(found)
    _check_doubtful(found)
    _check_spelling(found)
    _check_several(found)
    return _class_map({value: value for value in found})


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


def class_map_of(names: Iterable[str]) -> ClassMap:
    """Return the map of labels that are the classes' own names."""
    return _class_map({name: name for name in names})


def labels_option(named: Mapping[str, str]) -> str:
    """Return `--labels` with those classes of label values, as a shell takes it."""
    text = io.StringIO(newline="")
    csv.writer(text, lineterminator="").writerow(f"{v}={name}" for v, name in named.items())
    return f"--labels {shlex.quote(text.getvalue())}"


def _joined_spellings(counts: Mapping[str, int], named: Iterable[str]) -> Counter[str]:
    """Return the rows of each value that is not missing, by its most frequent spelling."""
    kept = set(map(label_key, named))
    spellings: dict[str, str] = {}
    found: Counter[str] = Counter()
    for value in sorted(counts, key=lambda value: (-counts[value], value)):
        key = label_key(value)
        if key in kept or key not in MISSING:
            found[spellings.setdefault(key, value.strip())] += counts[value]
    return found


def _as_named(found: Counter[str], named: Mapping[str, str]) -> ClassMap:
    keys = {label_key(value): name for value, name in named.items()}
    unnamed = frozenset(key for key, name in keys.items() if not name)
    keys_found = set(map(label_key, found)) | unnamed
    absent = [value for value in named if label_key(value) not in keys_found]
    if absent:
        values = show_values(found)
        raise UsageError(f"--labels names {_quoted(absent)}; the label values are: {values}")
    unnamed |= {label_key(value) for value in found if label_key(value) not in keys}
    if len({name for name in named.values() if name}) < 2:
        raise UsageError("--labels gives all values one class", "At least two are needed")
    kept = (value for value in found if label_key(value) not in unnamed)
    return _class_map({value: keys[label_key(value)] for value in kept}, unnamed)


def _class_map(label_values: Mapping[str, str], unnamed: frozenset[str] = frozenset()) -> ClassMap:
    classes = tuple(sorted(set(label_values.values()), key=_class_order))
    ordered = {value: label_values[value] for value in sorted(label_values)}
    return ClassMap(classes, ordered, unnamed)


def _of_keys(counts: Mapping[str, int], keys: Collection[str]) -> dict[str, int]:
    return {value: rows for value, rows in counts.items() if label_key(value) in keys}


def _class_order(name: str) -> tuple[bool, float, str, str]:
    try:
        return (False, float(name), "", name)
    except ValueError:
        return (True, 0.0, name.casefold(), name)


def _check_number(found: Counter[str]) -> None:
    if len(found) > MAX_CLASSES or (len(found) > 2 and 2 * len(found) > found.total()):
        raise InputError(
            f"{len(found):,} different values in {found.total():,} rows are not labels: "
            f"{show_values(found)}",
            "--label-column names the column of the labels",
        )


def _check_doubtful(found: Counter[str]) -> None:
    """Refuse to guess whether a value that may stand for a missing label is a class."""
    doubtful = [value for value in found if _is_doubtful(value, found)]
    if doubtful and len(found) - len(doubtful) > 1:
        others = [value for value in found if value not in doubtful]
        known = all(label_key(value) in UNDERSTOOD for value in others)
        named = {v: UNDERSTOOD[label_key(v)] if known else _class_name(v) for v in sorted(others)}
        named |= dict.fromkeys(doubtful, "")
        raise UsageError(
            f"are the labels {_quoted(doubtful)} a class, or missing? The values are: "
            f"{show_values(found)}",
            f"{labels_option(named)} leaves their rows out; a name behind the = makes a class",
        )


def _is_doubtful(value: str, found: Counter[str]) -> bool:
    key = label_key(value)
    if key in NUMBERS_IN_DOUBT:
        return all(label_key(other).isdecimal() for other in found if other != value)
    return key in DOUBTFUL


def _class_name(value: str) -> str:
    """Return a name for the class of a value that `--labels` can have."""
    return value.replace("=", "-")


def _check_spelling(found: Counter[str]) -> None:
    """Refuse a rare value that is nearly a frequent one: it is no class of its own."""
    for value in found:
        frequent = [other for other in found if found[other] >= RARE * found[value]]
        near = get_close_matches(value.casefold(), map(str.casefold, frequent), 1, NEAR)
        if near and any(letter.isalpha() for letter in value):
            likely = next(other for other in frequent if other.casefold() == near[0])
            named = {v: _class_name(likely if v == value else v) for v in sorted(found)}
            raise UsageError(
                f"is the label {value!r} meant to be {likely!r}? The values are: "
                f"{show_values(found)}",
                f"Correct the file, or say it with {labels_option(named)}",
            )


def _check_several(found: Counter[str]) -> None:
    if len(found) == 1 or len({UNDERSTOOD.get(label_key(value), value) for value in found}) == 1:
        raise InputError(
            f"all labels are one class: {show_values(found)}",
            "Training needs rows of two classes at least",
        )
    if len(found) == 2:
        named = dict(zip(sorted(found, key=_class_order), ("negative", "positive"), strict=True))
        raise UsageError(
            f"what the label values mean is not clear: {show_values(found)}",
            f"For sentiment say it with {labels_option(named)} (or the other way round), for any "
            f"other two classes with {labels_option({v: _class_name(v) for v in named})}",
        )


def show_values(counts: Mapping[str, int]) -> str:
    """Return the values with their rows for a message, the most frequent first."""
    order = sorted(counts, key=lambda value: (-counts[value], value))
    shown = ", ".join(f"{value!r} ({counts[value]:,})" for value in order[:SHOWN])
    return shown if len(order) <= SHOWN else f"{shown} and {len(order) - SHOWN:,} more"


def _quoted(values: Iterable[str]) -> str:
    values = list(values)
    shown = ", ".join(repr(value) for value in values[:SHOWN])
    return shown if len(values) <= SHOWN else f"{shown} and {len(values) - SHOWN:,} more"
