"""The labels of a table as an array of values, before they are classes.

A row without a text has no label. Values that a file names otherwise (Hugging Face's numbers,
ratings in words, labels with a confidence behind them) are read as these names. Knows tables and
label values, nothing of files.
"""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

import pyarrow as pa
import pyarrow.compute as pc

from scorer.corpus.class_map import ClassMap
from scorer.corpus.label_values import (
    UNDERSTOOD,
    label_key,
    rating_numbers,
    without_confidence,
)
from scorer.corpus.labelled_table import LabelledTable
from scorer.corpus.near_duplicates import folded


@dataclass(frozen=True)
class LabelArray:
    """Label values, (rows,), null where a row has no text and "" where only its label is missing.

    names: value as written -> as it is read, where that is another one.
    """

    values: pa.LargeStringArray
    names: Mapping[str, str]

    @property
    def counts(self) -> Counter[str]:
        """How many rows each value has."""
        counted = self.values.drop_null().value_counts()
        return Counter(dict(zip(*(counted.field(i).to_pylist() for i in (0, 1)), strict=True)))


def label_array(table: LabelledTable, known: ClassMap | None = None) -> LabelArray:
    """Return the labels of a table; `known` are the classes of which held-out rows are."""
    blank = pc.equal(folded(table.texts).fill_null(""), "")
    labels = pc.if_else(blank, pa.scalar(None, pa.large_string()), table.labels.fill_null(""))
    names = _names(labels, table.class_names, known)
    return LabelArray(renamed(labels, names), names)


def _names(
    labels: pa.LargeStringArray, class_names: Mapping[str, str], known: ClassMap | None
) -> Mapping[str, str]:
    """Return the class name that the file has for each label, or what else it is read as.

    Nothing where the classes have the labels as they are. Two names that are not understood would
    be a question where 0 and 1 are none.
    """
    values = [value for value in labels.drop_null().unique().to_pylist() if value]
    if known and not known.unknown(values):
        return {}
    understood = {label_key(name) for name in class_names.values()} <= UNDERSTOOD.keys()
    if set(values) <= class_names.keys() and (len(class_names) > 2 or understood):
        return class_names
    return rating_numbers(values) or without_confidence(values)


def renamed(labels: pa.LargeStringArray, names: Mapping[str, str]) -> pa.LargeStringArray:
    """Return labels by other names, those without one as they are."""
    if not names:
        return labels
    encoded = labels.dictionary_encode()
    values = [names.get(value, value) for value in encoded.dictionary.to_pylist()]
    return pa.array(values, pa.large_string()).take(encoded.indices)
