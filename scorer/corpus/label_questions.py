"""What a person is asked about label values that are not plainly classes.

Several labels in a cell, too many values, marks that may mean a missing label, several spellings of
a class, one class only, two values of unknown meaning: each is an error that says which option
answers it.
Knows values and their rows, nothing of tables or texts.
"""

import re
import unicodedata
from collections import Counter
from collections.abc import Iterable, Mapping
from difflib import get_close_matches

from scorer.corpus.label_values import (
    MAX_CLASSES,
    MISSING,
    NEGATIVE_WORDS,
    POSITIVE_WORDS,
    SAY_NEGATIVE,
    SAY_POSITIVE,
    SHOWN,
    SMALL_SHARE,
    UNDERSTOOD,
    class_order,
    label_key,
    labels_option,
    listed_labels,
    plain_name,
    quoted,
    show_values,
    tidy,
)
from scorer.errors import InputError, UsageError
from scorer.wording import are, counted

DOUBTFUL = frozenset(
    {"?", "??", "???", "-", "--", "---", ".", "..", "...", "_", "unknown", "unk", "missing"}
    | {"undefined", "unlabeled", "unlabelled", "unassigned", "not available", "not labeled"}
    | {"unsup"}  # of the Large Movie Review Dataset
)
NUMBERS_IN_DOUBT = frozenset({"-1", "-9", "-99", "-999", "-9999"})  # beside 0, 1, 2, …
SIGNS = {"-1", "0", "1"}  # negative, neutral, positive
LIKELY_NEGATIVE = (
    f"{SAY_NEGATIVE} no n nein non nej não bad schlecht mauvais malo unhappy unsatisfied "
    "dissatisfied dislike плохо 差 坏 سيء 👎 😡 😠 🙁 ☹ 😞 😢 😭 ❌ ☐ - :( :-("
)
LIKELY_POSITIVE = (
    f"{SAY_POSITIVE} yes y ja oui si sí sì sim good gut bon bueno happy satisfied like recommended "
    "хорошо 好 جيد 👍 😀 😃 😄 😊 🙂 😍 ❤ ✅ ☑ + :) :-) p"
)
GRADE = re.compile(r"(.)\1+|[ivx]+")  # one letter again and again, or a Roman number
REMARK = r"\s*[(\[].*[)\]]$"  # behind a label: `positive (I think)`
MARKS = ".?!"  # of doubt, or of an end
ACCENTS = r"[\u0300-\u036f]"  # of Latin letters, after a decomposition
RARE = 10  # a misspelling has at most this part of the rows of the value it is near to
NEAR = 0.8  # difflib's ratio: "positve" and "positive" have 0.93, "negative" and "positive" 0.5
OPPOSITE = {"negative": "positive", "positive": "negative"}
SEPARATORS = (";", "|", ",", "#", "/", "+", "&")  # of several labels in a cell
DECIMAL = r"\s*\d+,\d+\s*"  # 3,5 stars are no two labels
WRAPPING = " []'\""  # around labels, as a Python list has them


def check_values(found: Counter[str]) -> None:
    """Refuse values that are no labels at all, or several in a cell."""
    _check_single(found)
    if len(found) > MAX_CLASSES or (len(found) > 2 and 2 * len(found) > found.total()):
        raise InputError(
            f"{len(found):,} different values in {found.total():,} rows are not labels: "
            f"{show_values(found)}",
            "--label-column names the column of the labels; numbers are to be cut into a few first",
        )


def check_classes(found: Counter[str], blank: int) -> None:
    """Refuse to guess of which values that are frequent enough the classes are made.

    blank: rows with a blank label.
    """
    _check_doubtful(found)
    if len(found) == 1 or len({UNDERSTOOD.get(label_key(value), value) for value in found}) == 1:
        _refuse_one_class(found, blank)
    _check_spelling(found)
    if len(found) == 2:
        _ask_what_two_mean(found)


def likely_spellings(values: Iterable[str], found: Counter[str]) -> dict[str, str]:
    """Return which frequent value a rare one is nearly, for those of the values that are."""
    likely = {}
    for value in values:
        frequent = {v.casefold(): v for v in found if found[v] >= RARE * found[value]}
        plain = re.sub(REMARK, "", value.casefold())
        near = [plain] if plain in frequent else get_close_matches(plain, frequent, 1, NEAR)
        if near and any(letter.isalpha() for letter in value) and not _differ(value, near[0]):
            likely[value] = frequent[near[0]]
    return likely


def _differ(value: str, other: str) -> bool:
    """Return whether two values that are nearly the same differ in meaning.

    In numbers alone, as `type 1` and `type 2`, or by what precedes one, as `valid` and `invalid`.
    """
    bare, other_bare = (re.sub(r"\d+", "", text.casefold()) for text in (value, other))
    shorter, longer = sorted((bare, other_bare), key=len)
    return bare == other_bare or (longer.endswith(shorter) and len(longer) > len(shorter) + 1)


def misspelt(likely: Mapping[str, str]) -> str:
    """Return what is said of values that are nearly frequent ones."""
    return "likely misspelt: " + ", ".join(f"{v!r} for {other!r}" for v, other in likely.items())


def _check_single(found: Counter[str]) -> None:
    several = _several_labels(found)
    if not several:
        return
    single = [value for value in found if value not in several]
    named = {value: value.strip(WRAPPING) for value in sorted(single)}
    cells = Counter({value: found[value] for value in several})
    first = {value: several[value][0] for value, _ in cells.most_common(SHOWN)}
    which = "them" if len(cells) <= SHOWN else "the most frequent of them"
    hints = []
    if len(named) > 1:
        hints.append(f"{labels_option(named)} leaves those rows out")
    if len({*named.values(), *first.values()}) > 1:
        hints.append(f"{labels_option({**named, **first})} takes {which} by their first label")
    raise UsageError(
        f"{cells.total():,} of {counted(found.total(), 'label')} are several labels in one cell: "
        f"{show_values(cells)}; a row is trained on one",
        "; ".join(hints) or "Keep one of them in each cell",
    )


def _several_labels(found: Iterable[str]) -> dict[str, list[str]]:
    """Return the values that are several labels, with these: lists, or by the first separator."""
    lists = {value: listed_labels(value) or [] for value in found}
    if several := {value: labels for value, labels in lists.items() if len(labels) > 1}:
        return several
    for separator in SEPARATORS:
        labels = {value: [p.strip(WRAPPING) for p in value.split(separator)] for value in found}
        several = _repeating(labels)
        if len(several) > 1 and not all(re.fullmatch(DECIMAL, value) for value in several):
            return several
    return {}


def _repeating(labels: Mapping[str, list[str]]) -> dict[str, list[str]]:
    """Return the cells of which each label is in another cell too.

    Nothing where most cells are not so, or fewer than two labels are ever alone in theirs: cells
    may be classes as they are then.
    """
    uses = Counter(key for parts in labels.values() for key in {*map(label_key, parts)} if key)
    cells = {value: parts for value, parts in labels.items() if len(parts) > 1}
    repeating = {
        v: parts for v, parts in cells.items() if all(uses[label_key(p)] > 1 for p in parts)
    }
    alone = {label_key(parts[0]) for parts in labels.values() if len(parts) == 1}
    known = alone & {label_key(part) for parts in repeating.values() for part in parts}
    return repeating if known and len(alone) > 1 and 2 * len(repeating) >= len(cells) else {}


def _check_doubtful(found: Counter[str]) -> None:
    """Refuse to guess whether a value that may stand for a missing label is a class."""
    doubtful = [value for value in found if _is_doubtful(value, found)]
    if doubtful and len(found) - len(doubtful) > 1:
        named = _class_names({v: v for v in sorted(found) if v not in doubtful})
        named |= dict.fromkeys(doubtful, "")
        raise UsageError(
            f"are the labels {quoted(doubtful)} a class, or missing? The values are: "
            f"{show_values(found)}",
            f"{labels_option(named)} leaves their rows out; a name behind the = makes a class",
        )


def _is_doubtful(value: str, found: Counter[str]) -> bool:
    key = label_key(value)
    if not key.strip("-") and key.replace("-", "+") in map(label_key, found):
        return False  # `-` beside `+`
    if key in NUMBERS_IN_DOUBT:
        rare = found[value] < SMALL_SHARE * found.total() / len(found)
        counted_on = all(label_key(other).isdecimal() for other in found if other != value)
        return counted_on and (rare or set(map(label_key, found)) != SIGNS)
    return key in DOUBTFUL


def _refuse_one_class(found: Counter[str], blank: int) -> None:
    problem = f"all labels are one class: {show_values(found)}"
    column = "--label-column names another column"
    if not blank:
        raise InputError(problem, f"Training needs rows of two classes at least; {column}")
    named = _class_names({value: value for value in found})
    named[""] = OPPOSITE.get(next(iter(named.values())), "blank")
    raise InputError(
        f"{problem}; {counted(blank, 'row')} {are(blank)} blank",
        f"{labels_option(named)} says that blank is the other class; {column}",
    )


def _class_names(named: Mapping[str, str]) -> dict[str, str]:
    """Return value -> class with `negative` and `positive` where all classes are understood."""
    known = all(label_key(name) in UNDERSTOOD for name in named.values())
    return {v: UNDERSTOOD[label_key(name)] if known else name for v, name in named.items()}


def _check_spelling(found: Counter[str]) -> None:
    """Refuse values that likely are others, misspelt or short: no classes of their own."""
    same = _same_in_other_writing(found)
    likely = {v: o for v, o in likely_spellings(found, found).items() if v not in same}
    problems = []
    if same:
        pairs = ", ".join(f"{value!r} and {other!r}" for value, other in same.items())
        problems.append(f"likely one class: {pairs}")
    if likely:
        problems.append(misspelt(likely))
    if problems:
        joined = {**{value: same.get(other, other) for value, other in likely.items()}, **same}
        named = _class_names({value: joined.get(value, value) for value in sorted(found)})
        raise UsageError(
            f"{'; '.join(problems)}. The values are: {show_values(found)}",
            f"Correct the file, or join them with {labels_option(named)} (to keep them apart, "
            "name each as itself)",
        )


def _same_in_other_writing(found: Counter[str]) -> dict[str, str]:
    """Return which values are more frequent ones without accents, or their first letter alone."""
    frequent = sorted(found, key=lambda value: (-found[value], value))
    first: dict[str, str] = {}
    same = {v: other for v in frequent if (other := first.setdefault(_bare(v), v)) != v}
    words = [value for value in frequent if value not in same and len(value) > 1]
    for letter in filter(_is_letter, found):
        begun = [word for word in words if _is_begun(_bare(word), _bare(letter))]
        if len(begun) == 1:
            same[letter] = begun[0]
    return same


def _is_letter(value: str) -> bool:
    return len(value) == 1 and value.isalpha()


def _is_begun(word: str, letter: str) -> bool:
    """Return whether a letter may stand for a word; beside `B-`, `BB` or `VI` it is a grade."""
    return word.startswith(letter) and word.isalpha() and not GRADE.fullmatch(word)


def _bare(value: str) -> str:
    """Return a value's key without accents and a mark at its end; `positive` for `pos`."""
    key = label_key(value)
    key = key.rstrip(MARKS) or key
    word = UNDERSTOOD[key] if key in NEGATIVE_WORDS | POSITIVE_WORDS else key
    return re.sub(ACCENTS, "", unicodedata.normalize("NFKD", word))


def option_of_two(values: Iterable[str]) -> str:
    """Return the `--labels` that two values likely need; "" for others, and for understood ones."""
    kept = {label_key(value): tidy(value) for value in values}
    kept = {key: value for key, value in kept.items() if key not in MISSING}
    if len(kept) != 2 or kept.keys() <= UNDERSTOOD.keys():
        return ""
    sentiment, themselves = _meanings(kept.values())
    return sentiment if any(map(_says_something, kept.values())) else themselves


def _meanings(two: Iterable[str]) -> tuple[str, str]:
    """Return the options that make two values negative and positive, and classes as they are."""
    in_order = sorted(two, key=lambda value: (_leaning(value), class_order(value)))
    named = dict(zip(in_order, ("negative", "positive"), strict=True))
    return labels_option(named), labels_option({v: plain_name(v) for v in named})


def _says_something(value: str) -> bool:
    return bool(_leaning(value)) or not class_order(value)[0]


def _ask_what_two_mean(found: Counter[str]) -> None:
    sentiment, themselves = _meanings(found)
    hint = (
        f"For sentiment say it with {sentiment} (or the other way round), for any other two "
        f"classes with {themselves}"
    )
    if not any(map(_says_something, found)):
        hint = (
            f"For classes of these names say it with {themselves}; for sentiment with {sentiment} "
            "(or the other way round)"
        )
    raise UsageError(f"what the label values mean is not clear: {show_values(found)}", hint)


def _leaning(value: str) -> int:
    """Return -1 for a word that likely is negative, 1 for a positive one, 0 for any other."""
    key = label_key(value)
    return (key in LIKELY_POSITIVE.split()) - (key in LIKELY_NEGATIVE.split())
