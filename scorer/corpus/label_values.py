"""Label values: what they are compared by, which are understood, how a message shows them.

Values are compared in any case, spacing and Unicode form; 1.0 is 1, and a list of one label is that
label. Knows values and how many rows have each, nothing of classes.
"""

import csv
import io
import json
import re
import shlex
import unicodedata
from collections.abc import Collection, Iterable, Mapping, Sequence

from scorer.errors import UsageError

NEGATIVE_WORDS, POSITIVE_WORDS = frozenset({"neg", "negative"}), frozenset({"pos", "positive"})
UNDERSTOOD = {
    **dict.fromkeys((*NEGATIVE_WORDS, "0", "false"), "negative"),
    **dict.fromkeys((*POSITIVE_WORDS, "1", "true"), "positive"),
}
SAY_NEGATIVE = (  # in some languages
    "neg negative negativ negativo negativa négatif negatif negatief negatywny olumsuz "
    "отрицательный негативный негатив 负面 负 消极 差评 ネガティブ 否定 부정 سلبي"
)
SAY_POSITIVE = (
    "pos positive positiv positivo positiva positif positief pozytywny olumlu "
    "положительный позитивный позитив 正面 正 积极 好评 ポジティブ 肯定 긍정 إيجابي"
)
MISSING = frozenset(
    {"", "nan", "-nan", "na", "n/a", "n.a.", "<na>", "#n/a", "#n/a n/a", "#na", "nat"}
    | {"none", "<none>", "null", "(null)", "<null>", "#null!", "nil", "\\n"}
)
INVISIBLE = dict.fromkeys(map(ord, "\ufeff\ufe0f\u200b\u200e\u200f\u2060\u00ad"))  # without width
LINE_BREAK = ";"
CONFIDENCE = re.compile(  # behind a label: `positive:0.9`, `positive (87%)`
    r"(.+?)\s*[:=(\[|]\s*(?:[01]?\.\d+|\d{1,3}(?:\.\d+)?\s*%)\s*[)\]]?"
)
RATING = re.compile(  # of a label's key
    r"(?:rated )?(\d+(?:\.\d+|,\d)?)(?: ?(?:/|out of|von|sur|su|van|de|из|z) ?(\d+))?"
    r"(?:[ -]?(?:stars?|sterne?n?|étoiles?|estrellas?|stelle?|sterren|звезд\w*|星)(?: rating)?)?"
)
STARS = re.compile(r"[★⭐]+☆*")
MOST_STARS = 10
PROBABILITY = "probability_"  # before a class, of the column that has its probabilities
MAX_CLASSES = 400  # different values that labels may have
SMALL_SHARE = 0.2  # of the rows that a class has in the mean; a class with fewer is rare
SHOWN, SHOWN_CHARACTERS = 8, 60  # values listed in a message, and what is shown of one


def tidy(value: str) -> str:
    """Return a value without invisible marks, and with single spaces; of a list of one, the one.

    Labels in lines of their own have a semicolon between them.
    """
    lines = [" ".join(line.split()) for line in value.translate(INVISIBLE).splitlines()]
    items = listed_labels(" ".join(lines).strip())
    if items is None or len(items) > 1:
        return LINE_BREAK.join(filter(None, lines))
    return tidy("".join(items))


def listed_labels(value: str) -> list[str] | None:
    """Return the labels of a list as JSON or Python writes it; None for any other value."""
    if not (value.startswith("[") and value.endswith("]")):
        return None
    try:
        items = json.loads(value)
    except ValueError:
        items = [part.strip(" '\"") for part in value[1:-1].split(",") if part.strip()]
    return None if any(isinstance(item, dict | list) for item in items) else list(map(str, items))


def label_key(value: str) -> str:
    """Return what a label value is compared by."""
    return plain_name(tidy(unicodedata.normalize("NFKC", value)).casefold())


def plain_name(value: str) -> str:
    """Return a value as a class is named by it: a whole number without `.0`."""
    whole, point, zeros = value.partition(".")
    return whole if point and whole.lstrip("+-").isdigit() and not zeros.strip("0") else value


def rating_numbers(values: Iterable[str]) -> dict[str, str]:
    """Return the number of each value where all are ratings of one scale, and some are in words.

    As `5 stars`, `★★★★★`, `5/5` or `5.0 out of 5 stars` has 5; a missing value is passed over.
    """
    kept = [value for value in values if label_key(value) not in MISSING]
    are_asterisks = {*"".join(kept)} <= {*"* "}  # beside others, one is a mark of something else
    ratings = {v: _rating(v.replace("*", "★") if are_asterisks else v) for v in kept}
    scales = {scale for _, scale in filter(None, ratings.values()) if scale}
    if not all(ratings.values()) or len(scales) > 1:
        return {}
    numbers = {value: rating[0] for value, rating in ratings.items() if rating}
    most = min(scales, default=MOST_STARS)
    in_words = any(label_key(value) != number for value, number in numbers.items())
    return numbers if in_words and all(float(n) <= most for n in numbers.values()) else {}


def without_confidence(values: Iterable[str]) -> dict[str, str]:
    """Return the label in each value where all have a confidence behind it, as `positive:0.9` has.

    Nothing where no label has several: `low (20%)` and `high (80%)` are names.
    """
    kept = [value for value in values if label_key(value) not in MISSING]
    found = {value: CONFIDENCE.fullmatch(tidy(value)) for value in kept}
    labels = {value: match[1] for value, match in found.items() if match}
    return labels if len(set(labels.values())) < len(labels) == len(kept) else {}


def _rating(value: str) -> tuple[str, int] | None:
    """Return a rating's number and the highest of its scale, 0 where it does not say."""
    key = label_key(value)
    if STARS.fullmatch(key):
        return str(len(key) - key.count("☆")), 0
    found = RATING.fullmatch(key)
    return (label_key(found[1].replace(",", ".")), int(found[2] or 0)) if found else None


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
    """Return `--labels` with those classes of label values, as a shell takes it."""
    return f"--labels {shlex.quote(written_labels(named))}"


def written_labels(named: Mapping[str, str]) -> str:
    """Return classes of label values as `parse_labels` reads them.

    A class has `-` for `=`, which ends a value.
    """
    pairs = (f"{value}={name.replace('=', '-')}" for value, name in named.items())
    text = io.StringIO(newline="")
    csv.writer(text, lineterminator="").writerow(pairs)
    return text.getvalue()


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
