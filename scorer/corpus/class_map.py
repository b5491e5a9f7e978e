"""Map label values to classes.

    0, neg, negative, false        negative
    1, pos, positive, true         positive
    any other two values           only as `--labels VALUE=CLASS,VALUE=CLASS` says
    values that --labels leaves out  missing; of `VALUE=` alone, VALUE only
    the name of a class in --labels  that class, unless it is a VALUE too
    three values and more          a class each, named as the value is; 5.0 is 5
    a value of fewer than 5 rows   missing, beside three classes; beside two if it is one row or 1%
    blank, NaN, None, NULL, #N/A   missing, unless `--labels` gives it a class
    ?, -, unknown, -1 beside 0, 1, 2  only as `--labels` says; `VALUE=` makes it missing

Classes are ordered independently of the rows: numbers by value, then names by alphabet. Knows
nothing of tables or texts.
"""

from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from scorer.corpus.label_questions import check_classes, check_values
from scorer.corpus.label_values import (
    MISSING,
    NEGATIVE_WORDS,
    POSITIVE_WORDS,
    SHOWN,
    UNDERSTOOD,
    class_order,
    label_key,
    labels_option,
    of_keys,
    parse_labels,
    plain_name,
    quoted,
    rating_numbers,
    show_values,
    tidy,
)
from scorer.errors import InputError, UsageError

MIN_CLASS_ROWS = 5  # three for training, one each for validation and test
SENTIMENT = set(UNDERSTOOD.values())
STRAY = 0.01  # of the rows, at most, has a value that is left out beside two classes
MOST_UNKNOWN = 0.5  # of held-out rows, at most, have classes that a model of several has not met


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
        if unknown := self.unknown(labels):
            raise InputError(
                f"no class is known for the label values {quoted(unknown)}; known are: "
                f"{quoted(self.label_values)}",
                self._hint_on(unknown, labels),
            )
        index = {name: i for i, name in enumerate(self.classes)}
        keys = map(label_key, labels)
        return np.array([index[known[key]] if key in known else -1 for key in keys], np.int64)

    def _hint_on(self, unknown: Sequence[str], labels: Sequence[str]) -> str:
        """Return what can be done about values that have no class; some of the labels may."""
        same = "They have to be written as in the training files"
        if all(label_key(value) in {*map(label_key, unknown), *self._missing} for value in labels):
            return same
        left_out = dict.fromkeys(unknown if len(unknown) <= SHOWN else ["VALUE"], "")
        return f"{same}; in a training, {labels_option(left_out)} leaves their rows out"

    def missing_marks(self, counts: Mapping[str, int]) -> dict[str, int]:
        """Return which values that are not blank mean a missing label, and the rows of each."""
        named = {"", *self._class_of_key, *self.unnamed, *self.rare}
        return of_keys(counts, MISSING - named)

    def unnamed_values(self, counts: Mapping[str, int]) -> dict[str, int]:
        """Return which values `--labels` leaves out, and how many rows have each."""
        return of_keys(counts, self.unnamed)

    def rare_values(self, counts: Mapping[str, int]) -> dict[str, int]:
        """Return which values are left out as they have too few rows, and the rows of each."""
        return of_keys(counts, self.rare)

    def without(self, classes: Collection[str]) -> "ClassMap":
        """Return the map without some classes, which have too few rows."""
        kept = {value: name for value, name in self.label_values.items() if name not in classes}
        lost = {label_key(value) for value in self.label_values if value not in kept}
        names = tuple(name for name in self.classes if name not in classes)
        return ClassMap(names, kept, self.unnamed, self.rare | lost)

    def without_strays(self, counts: Mapping[str, int]) -> "ClassMap":
        """Return the map that leaves out unknown values of held-out rows, if they are few.

        Where there are many classes, rows of others that are too rare to learn are usual.
        """
        unknown = self.unknown(counts)
        rows = [counts[value] for value in unknown]
        total, stray = sum(counts.values()), sum(rows)
        if len(self.classes) > 2:
            few = max(rows, default=0) < MIN_CLASS_ROWS and stray <= MOST_UNKNOWN * total
        else:
            few = total > 2 * MIN_CLASS_ROWS > 2 * stray and stray <= max(1, STRAY * total)
        return replace(self, rare=self.rare | set(map(label_key, unknown))) if few else self

    def unknown(self, values: Iterable[str]) -> list[str]:
        """Return the values that have no class, nor are known to have none."""
        known = {*self._class_of_key, *self._missing}
        return [value for value in values if label_key(value) not in known]

    @property
    def _class_of_key(self) -> dict[str, str]:
        """The class of each key, also of other values that are understood to be a class.

        Where 0 and 1 are negative and positive, so are `neg` and `pos`; elsewhere 0 may be else.
        """
        known = {label_key(value): name for value, name in self.label_values.items()}
        usual = all(UNDERSTOOD.get(key) == name for key, name in known.items())
        keys = UNDERSTOOD.keys() if usual else NEGATIVE_WORDS | POSITIVE_WORDS
        other = {key: UNDERSTOOD[key] for key in keys if UNDERSTOOD[key] in self.classes}
        return {**{key: other[key] for key in other.keys() - self._missing}, **known}

    @property
    def _missing(self) -> frozenset[str]:
        return MISSING | self.unnamed | self.rare


def find_class_map(counts: Mapping[str, int], labels: str | None = None) -> ClassMap:
    """Return the classes of label values, given how many rows have each, and `--labels` if any.

    Raises `UsageError` where `--labels` is needed or does not fit, `InputError` where the values
    cannot be classes.
    """
    named = parse_labels(labels) if labels else {}
    found = _joined_spellings(counts, named)
    if not found:
        raise InputError("no row has a label", "--label-column names another column")
    named = _as_numbers(named, found)
    if any(named.values()):
        return _without_rare(_as_named(found, named), found)
    if named:
        return _without_values(found, frozenset(map(label_key, named)))
    if understood := _understood(found):
        return understood
    check_values(found)
    kept = _without_strays(found)
    classes = _understood(kept)
    if not classes:
        check_classes(kept, sum(of_keys(counts, {""}).values()))
        classes = _class_map({value: plain_name(value) for value in kept})
    return replace(classes, rare=frozenset(map(label_key, found.keys() - kept)))


def _as_numbers(named: Mapping[str, str], found: Counter[str]) -> dict[str, str]:
    """Return what `--labels` says, of ratings by their numbers where these are the values."""
    keys = set(map(label_key, found))
    numbers = {v: n for v, n in rating_numbers(named).items() if label_key(v) not in keys}
    return {numbers.get(value, value): name for value, name in named.items()}


def _without_values(found: Counter[str], keys: frozenset[str]) -> ClassMap:
    """Return the classes of the values that do not have the keys."""
    kept = {value: rows for value, rows in found.items() if label_key(value) not in keys}
    return replace(find_class_map(kept), unnamed=keys)


def class_map_of(names: Iterable[str]) -> ClassMap:
    """Return the map of labels that are the classes' own names."""
    return _class_map({name: name for name in names})


def _joined_spellings(counts: Mapping[str, int], named: Iterable[str]) -> Counter[str]:
    """Return the rows of each value that is not missing, by its most frequent spelling."""
    kept = set(map(label_key, named))
    spellings: dict[str, str] = {}
    found: Counter[str] = Counter()
    for value in sorted(counts, key=lambda value: (-counts[value], value)):
        key = label_key(value)
        if key in kept or key not in MISSING:
            found[spellings.setdefault(key, tidy(value))] += counts[value]
    return found


def _understood(found: Counter[str]) -> ClassMap | None:
    """Return the map of values that all mean negative or positive in a usual way."""
    understood = {value: UNDERSTOOD.get(label_key(value), "") for value in found}
    return _class_map(understood) if set(understood.values()) == SENTIMENT else None


def _without_strays(found: Counter[str]) -> Counter[str]:
    """Return the values that have rows enough for a class; all where that would leave one.

    Beside two classes a value with more than one row, or `STRAY` of them, may be a third.
    """
    rare = {value: rows for value, rows in found.items() if rows < MIN_CLASS_ROWS}
    kept = len(found) - len(rare)
    most = max(1, STRAY * found.total())
    if kept < 2 or (kept == 2 and max(rare.values(), default=0) > most):
        return found
    return Counter({value: rows for value, rows in found.items() if value not in rare})


def _without_rare(class_map: ClassMap, found: Counter[str]) -> ClassMap:
    """Return the map without classes of too few rows, where more than two are left."""
    rows: Counter[str] = Counter()
    for value, name in class_map.label_values.items():
        rows[name] += found[value]
    rare = {name for name in class_map.classes if rows[name] < MIN_CLASS_ROWS}
    return class_map.without(rare) if len(class_map.classes) - len(rare) > 2 else class_map


def _as_named(found: Counter[str], named: Mapping[str, str]) -> ClassMap:
    keys = {label_key(value): name for value, name in named.items()}
    keys = {**{label_key(name): name for name in named.values() if name}, **keys}
    unnamed = frozenset(key for key, name in keys.items() if not name)
    keys_found = set(map(label_key, found)) | unnamed
    absent = [value for value in named if label_key(value) not in keys_found]
    if absent:
        values = show_values(found)
        raise UsageError(f"--labels names {quoted(absent)}; the label values are: {values}")
    unnamed |= {label_key(value) for value in found if label_key(value) not in keys}
    if len({name for name in named.values() if name}) < 2:
        raise UsageError("--labels gives all values one class", "At least two are needed")
    kept = (value for value in found if label_key(value) not in unnamed)
    return _class_map({value: keys[label_key(value)] for value in kept}, unnamed)


def _class_map(label_values: Mapping[str, str], unnamed: frozenset[str] = frozenset()) -> ClassMap:
    classes = tuple(sorted(set(label_values.values()), key=class_order))
    ordered = {value: label_values[value] for value in sorted(label_values)}
    return ClassMap(classes, ordered, unnamed)
