"""What the columns of a labelled table hold, as far as labels are concerned.

Dates, prices, ids, addresses, records, nearly nothing, parts of the rows: none of these are labels.
Knows the cells of columns, nothing of their names.
"""

from collections.abc import Sequence

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from scorer.corpus.label_values import MAX_CLASSES, label_key, listed_labels, rating_numbers
from scorer.tables.csv_cells import as_text
from scorer.tables.text_column import as_texts, filled, holds_text, is_text
from scorer.tables.text_doubts import ADDRESS

SAMPLE_ROWS = 10_000  # first rows of a table, which show what its columns hold
MOST_RATINGS = 20  # different numbers that are no whole ones, as 3.5 stars
LEAST_RUN, HIGHEST_RATING = 5, 10  # of whole numbers: different ones, and where they begin
LEAST_IDS = 20  # rows of which most differ
LEAST_FILLED = 0.02  # of the rows; a column with fewer holds nearly nothing
LONG_LIST = 20  # values in the mean: no labels, but numbers or tokens
DIGITS = r"^\s*[-+]?\d[\d\s.,:/TZ+-]*$"  # with what stands between them in dates, times and prices
RECORDS, NUMBERS = "lists or records", "numbers, as prices are"  # what a column holds
MONTH = (
    r"(?:jan(?:uary)?|feb(?:ruary)?|mar(?:ch)?|apr(?:il)?|may|june?|july?|aug(?:ust)?"
    r"|sept?(?:ember)?|oct(?:ober)?|nov(?:ember)?|dec(?:ember)?)"
)
DATE = (  # 2026-01-31, 31.1.26 09:30; 9:30; 2026-01; Jan 31, 2026, 31/Jan/26, Sat Jan 31 09:30:00
    r"(?i)^\s*(\d{1,4}[-/.]\d{1,2}[-/.]\d{1,4}\.?([T\s].*)?|\d{1,2}:\d{2}(:\d{2})?(\.\d+)?"
    rf"|(19|20)\d\d[-/]\d{{1,2}}|([a-z]{{3,9}},?\s)?(\d{{1,2}}(st|nd|rd|th)?\W)?{MONTH}\W+\d.*)\s*$"
)
DECIMAL = r"^\s*[-+]?\d+(?:[.,]\d+)?\s*%?\s*$"
RECORD = (
    r"(?s)^\s*(\[?\s*\{\s*[\"'].*\}\s*\]?|\[\s*\[.*\]\s*\])\s*$"  # an object, or a list of such
)
CHOICES = r"(?s)^\s*\{\s*\"choices\"\s*:\s*(\[[^\]]*\])\s*\}\s*$"  # Label Studio's list
HALF = r"^\s*[-+]?\d+(?:[.,](?:0+|50*))?\s*$"  # a rating of one text; means have other parts too
WHOLE = r"^\s*\d+(?:[.,]0+)?\s*$"  # a rating, as 4 or 4.0
LETTER = r"\p{L}"
PARTS = frozenset(
    {"train", "training", "test", "testing", "valid", "validation", "val", "dev", "eval", "holdout"}
)
VERDICTS_FOR = frozenset({"accept", "accepted", "approved", "submitted", "completed"})
VERDICTS_AGAINST = frozenset(  # of Prodigy, Argilla and Mechanical Turk
    {"reject", "rejected", "ignore", "ignored", "skip", "skipped", "discarded", "draft", "pending"}
)
MOST_PARTS = 2 * len(PARTS)  # in several spellings, and blank


def holds_else(column: pa.ChunkedArray) -> str:
    """Return what a column holds that plainly is no labels; "" if it may hold labels."""
    kind = column.type.value_type if pa.types.is_dictionary(column.type) else column.type
    if pa.types.is_temporal(kind):
        return "dates or times"
    if pa.types.is_nested(kind):
        return RECORDS
    if not (is_text(kind) or pa.types.is_primitive(kind)):
        return str(kind)
    values = column.drop_null().unique()
    if len(values) > MAX_CLASSES:
        return f"more than {MAX_CLASSES} different values"
    if _all_match(values, DATE):
        return "dates or times"
    if _all_match(values, ADDRESS):
        return "addresses"
    if holds_records(column) or are_label_lists(column):
        return RECORDS
    if len(values) > MOST_RATINGS and _all_match(values, DECIMAL) and not _all_match(values, WHOLE):
        return NUMBERS
    if are_ids(column):
        return "another value in most rows"
    return "names of parts of the rows" if parts_named(column) else ""


def holds_records(column: pa.ChunkedArray) -> bool:
    """Return whether most cells of a column are objects as JSON writes them, or lists of such."""
    return is_text(column.type) and (pc.mean(_matches(column, RECORD)).as_py() or 0) > 0.5


def are_label_lists(column: pa.ChunkedArray) -> bool:
    """Return whether some cells of a column are lists of several plain values, and these are few.

    As JSON or Python writes them, see `plain_column`.
    """
    if not is_text(column.type) or len(column.unique()) > MAX_CLASSES:
        return False
    return any(len(listed_labels(value) or "") > 1 for value in texts_of(column))


def are_ids(column: pa.ChunkedArray) -> bool:
    """Return whether most cells of a column differ, as ids, names, titles and durations do."""
    cells = filled(column) if is_text(column.type) else column.drop_null()
    return len(cells) >= LEAST_IDS and 2 * len(cells.unique()) > len(cells)


def holds_little(column: pa.ChunkedArray) -> bool:
    """Return whether nearly all cells are blank, or all others the same.

    Of a long table only the first rows are known: they may be of one class.
    """
    values = column.drop_null().value_counts()
    counts = dict(
        zip(map(str, values.field(0).to_pylist()), values.field(1).to_pylist(), strict=True)
    )
    filled = [rows for value, rows in counts.items() if value.strip() not in ("", "[]")]
    same = len(filled) == 1 and len(column) < SAMPLE_ROWS
    return same or sum(filled) < LEAST_FILLED * len(column)


def are_numbers(column: pa.ChunkedArray) -> bool:
    """Return whether a column has numbers in any writing that are no ratings."""
    values = column.drop_null().unique()
    is_rating = _all_match(values, WHOLE) or (_all_match(values, DECIMAL) and len(values) > 1)
    return _all_match(values, DIGITS) and not is_rating


def are_counts(column: pa.ChunkedArray) -> bool:
    """Return whether a column has years, or what is counted or measured, as ages are.

    That is a run of whole numbers that begins above any rating (90, 91, 93, …). Codes of classes
    begin with 0 or 1, or have gaps (101, 102, 201).
    """
    values = column.drop_null().unique()
    if not _all_match(values, WHOLE):
        return False
    numbers = {int(float(value.replace(",", "."))) for value in texts_of(column)}
    low, high = min(numbers), max(numbers)
    is_run = len(numbers) >= LEAST_RUN and 2 * len(numbers) > high - low
    return 1900 <= low <= high < 2100 or (low > HIGHEST_RATING and is_run)


def are_ratings(column: pa.ChunkedArray) -> bool:
    """Return whether a column has few whole or half numbers, or ratings in words or stars."""
    values = column.drop_null().unique()
    if len(values) > MOST_RATINGS or are_counts(column):
        return False
    return _all_match(values, HALF) or bool(rating_numbers(texts_of(column)))


def are_words(column: pa.ChunkedArray) -> bool:
    """Return whether all values of a column have a letter."""
    return _all_match(column.drop_null().unique(), LETTER)


def are_flags(column: pa.ChunkedArray) -> bool:
    """Return whether a column has 0 and 1, or false and true, and nothing else."""
    return {label_key(value) for value in texts_of(column)} in ({"0", "1"}, {"false", "true"})


def are_one_hot(flags: Sequence[pa.ChunkedArray]) -> bool:
    """Return whether each row has a 1 (or true) in one of these columns of flags."""
    ones = [[label_key(str(c)) in {"1", "true"} for c in column.to_pylist()] for column in flags]
    return bool((np.sum(ones, axis=0) == 1).all())


def verdicts_named(column: pa.ChunkedArray) -> list[str]:
    """Return what else than "accept" a column of verdicts on labels says; nothing for any other."""
    if not is_text(column.type) or len(column.unique()) > MOST_PARTS:
        return []
    said = {label_key(value): value for value in texts_of(column) if value.strip()}
    known = said.keys() <= VERDICTS_FOR | VERDICTS_AGAINST and said.keys() & VERDICTS_FOR
    return [said[key] for key in sorted(said.keys() - VERDICTS_FOR)] if known else []


def parts_named(column: pa.ChunkedArray) -> list[str]:
    """Return the names of parts (train, test) if a column holds nothing else.

    One name in all rows says nothing, unless these are the first of a long table.
    """
    if not is_text(column.type) or len(column.unique()) > MOST_PARTS:
        return []
    names = [name for name in texts_of(column) if name.strip()]
    known = all(label_key(name) in PARTS for name in names)
    return names if known and (len(names) > 1 or len(column) >= SAMPLE_ROWS) else []


def say_the_same(one: pa.ChunkedArray, other: pa.ChunkedArray) -> bool:
    """Return whether each value of one column always stands beside the same one of the other."""
    first, second = _encoded(one), _encoded(other)
    values = len(first.dictionary)
    if len(one) < LEAST_IDS or len(second.dictionary) != values:
        return False
    codes = [np.asarray(column.indices).astype(np.int64) for column in (first, second)]
    return len(np.unique(codes[0] * values + codes[1])) == values


def _encoded(column: pa.ChunkedArray) -> pa.DictionaryArray:
    return pc.cast(column, pa.large_string()).combine_chunks().dictionary_encode("encode")


def texts_of(column: pa.ChunkedArray) -> list[str]:
    """Return the different values of a column as texts."""
    values = column.drop_null().unique()
    return [str(text) for text in as_text(pa.chunked_array([values])).to_pylist()]


def plain_cells(sample: pa.Table) -> pa.Table:
    """Return the table with short lists of plain values, and bytes that are texts, as texts."""
    for at, name in enumerate(sample.schema.names):
        sample = sample.set_column(at, name, plain_column(sample.column(at)))
    return sample


def plain_column(column: pa.ChunkedArray) -> pa.ChunkedArray:
    """Return a column with short lists of plain values, and bytes that are texts, as texts."""
    if holds_text(column):
        texts = pa.chunked_array([as_texts(column, "")])
        return pc.replace_substring_regex(texts, CHOICES, r"\1")
    texts = list_texts(column)
    return column if texts is None else texts


def list_texts(column: pa.ChunkedArray) -> pa.ChunkedArray | None:
    """Return short lists of plain values as JSON writes them; None for any other column."""
    if not _is_list(column.type) or pa.types.is_nested(column.type.value_type):
        return None
    if (pc.mean(pc.list_value_length(column)).as_py() or 0) > LONG_LIST:
        return None
    return as_text(column)


def _is_list(kind: pa.DataType) -> bool:
    return bool(
        pa.types.is_list(kind) or pa.types.is_large_list(kind) or pa.types.is_fixed_size_list(kind)
    )


def _all_match(values: pa.Array, form: str) -> bool:
    """Return whether there are values and all of them have a form."""
    return bool(pc.all(_matches(values, form)).as_py())


def _matches(values: pa.Array | pa.ChunkedArray, form: str) -> pa.Array | pa.ChunkedArray:
    return pc.match_substring_regex(pc.cast(values, pa.large_string()), form)
