"""Which label value is which class.

    0, neg, negative, false        negative
    1, pos, positive, true         positive
    any other two values           only as `--labels VALUE=CLASS,VALUE=CLASS` says
    three values and more          a class each, named as the value is

Values are compared trimmed and in any case, and 1.0 is 1. Classes stand in one order whatever the
order of the rows: numbers by value, then names by alphabet. Knows nothing of tables or texts.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches

import numpy as np

from scorer.errors import InputError, UsageError

UNDERSTOOD = {
    **dict.fromkeys(("0", "neg", "negative", "false"), "negative"),
    **dict.fromkeys(("1", "pos", "positive", "true"), "positive"),
}
MISSING = ("", "nan", "na", "n/a", "<na>", "null")  # unless --labels gives them a class
MAX_CLASSES = 50
RARE = 10  # a misspelling has at most this part of the rows of the value it is near to
NEAR = 0.8  # difflib's ratio: "positve" and "positive" have 0.93, "negative" and "positive" 0.5
SHOWN = 8  # values listed in a message


@dataclass(frozen=True)
class ClassMap:
    """The classes, in the order of the probability columns, and the label values of each."""

    classes: tuple[str, ...]
    label_values: Mapping[str, str]  # label value, in its most frequent spelling -> class

    def targets(self, labels: Sequence[str]) -> np.ndarray:
        """Return int64 (labels,): the index of each label's class, -1 for a missing label.

        Raises `InputError` for a value that has no class.
        """
        known = {label_key(value): name for value, name in self.label_values.items()}
        keys = [label_key(label) for label in labels]
        strange = [
            value
            for value, key in zip(labels, keys, strict=True)
            if key not in known and key not in MISSING
        ]
        if strange:
            raise InputError(
                f"no class is known for the label values {_quoted(strange)}; known are: "
                f"{_quoted(self.label_values)}",
                "--labels says what each value means when a model is trained",
            )
        index = {name: i for i, name in enumerate(self.classes)}
        return np.array([index[known[key]] if key in known else -1 for key in keys], np.int64)


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
    met = _joined_spellings(counts, named)
    if not met:
        raise InputError("no row has a label", "--label-column names another column")
    if named:
        return _as_named(met, named)
    understood = {value: UNDERSTOOD.get(label_key(value), "") for value in met}
    if set(understood.values()) == {"negative", "positive"}:
        return _class_map(understood)
    _check_number(met)
    _check_spelling(met)
    _check_several(met)
    return _class_map({value: value for value in met})


def parse_labels(labels: str) -> dict[str, str]:
    """Return label value -> class of "1=positive,0=negative"; `UsageError` if it is not that."""
    pairs = [pair.rpartition("=") for pair in labels.split(",")]
    named = {value.strip(): name.strip() for value, _, name in pairs}
    if not all(named) or not all(named.values()) or len(set(map(label_key, named))) < len(pairs):
        raise UsageError(
            f"--labels {labels!r} does not give each value one class",
            "It is written as --labels 1=positive,0=negative",
        )
    return named


def _joined_spellings(counts: Mapping[str, int], named: Iterable[str]) -> Counter[str]:
    """Return the rows of each value that is not missing, by its most frequent spelling."""
    kept = set(map(label_key, named))
    spellings: dict[str, str] = {}
    met: Counter[str] = Counter()
    for value in sorted(counts, key=lambda value: (-counts[value], value)):
        key = label_key(value)
        if key in kept or key not in MISSING:
            met[spellings.setdefault(key, value.strip())] += counts[value]
    return met


def _as_named(met: Counter[str], named: Mapping[str, str]) -> ClassMap:
    keys = {label_key(value): name for value, name in named.items()}
    unnamed = [value for value in met if label_key(value) not in keys]
    absent = [value for value in named if label_key(value) not in map(label_key, met)]
    if unnamed or absent:
        problem = f"gives {_quoted(unnamed)} no class" if unnamed else f"names {_quoted(absent)}"
        raise UsageError(f"--labels {problem}; the label values are: {show_values(met)}")
    if len(set(named.values())) < 2:
        raise UsageError("--labels gives all values one class", "At least two are needed")
    return _class_map({value: keys[label_key(value)] for value in met})


def _class_map(label_values: Mapping[str, str]) -> ClassMap:
    classes = tuple(sorted(set(label_values.values()), key=_class_order))
    return ClassMap(classes, {value: label_values[value] for value in sorted(label_values)})


def _class_order(name: str) -> tuple[bool, float, str, str]:
    try:
        return (False, float(name), "", name)
    except ValueError:
        return (True, 0.0, name.casefold(), name)


def _check_number(met: Counter[str]) -> None:
    if len(met) > MAX_CLASSES or (len(met) > 2 and 2 * len(met) > met.total()):
        raise InputError(
            f"{len(met):,} different values in {met.total():,} rows are not labels: "
            f"{show_values(met)}",
            "--label-column names the column of the labels",
        )


def _check_spelling(met: Counter[str]) -> None:
    """Refuse a rare value that is nearly a frequent one: it is no class of its own."""
    for value in met:
        frequent = [other for other in met if met[other] >= RARE * met[value]]
        near = get_close_matches(value.casefold(), map(str.casefold, frequent), 1, NEAR)
        if near and any(letter.isalpha() for letter in value):
            likely = next(other for other in frequent if other.casefold() == near[0])
            option = ",".join(f"{v}={likely if v == value else v}" for v in sorted(met))
            raise UsageError(
                f"is the label {value!r} meant to be {likely!r}? The values are: "
                f"{show_values(met)}",
                f"Correct the file, or say it with --labels {option!r}",
            )


def _check_several(met: Counter[str]) -> None:
    if len(met) == 1 or len({UNDERSTOOD.get(label_key(value), value) for value in met}) == 1:
        raise InputError(
            f"all labels are one class: {show_values(met)}",
            "Training needs rows of two classes at least",
        )
    if len(met) == 2:
        first, second = sorted(met, key=_class_order)
        raise UsageError(
            f"what the label values mean is not clear: {show_values(met)}",
            f"Say it, for instance with --labels {first}=negative,{second}=positive",
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
