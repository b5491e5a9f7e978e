"""The columns that are added to a scored table.

    <prefix>probability_<class>    float32, one for each class in the bundle's order; null: no text
    <prefix>label                  the class of the highest probability, or by a threshold, if asked
                                   for; null: no text, or too uncertain
    <prefix>status                 why there is or is no score (`STATUSES`), if asked for
    <prefix>explanation            the words that moved the score of the likeliest class most, if
                                   asked for: `negative: bad +0.312`

Knows Arrow tables and predictions, nothing of files or models.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from scorer.errors import UsageError
from scorer.network.inference import Prediction

SCORED, UNKNOWN, NULL, BLANK, MARKUP = STATUSES = (
    "scored",
    "no known word",  # scored too
    "null",
    "blank",
    "markup only",
)
LABEL, STATUS, EXPLANATION = BESIDE = ("label", "status", "explanation")  # in this order
MOST_WORDS = 20  # of an explanation


@dataclass(frozen=True)
class AddedColumns:
    """Which columns are added to a table."""

    prefix: str = ""
    label: bool = False
    status: bool = False
    explain: int = 0  # words of an explanation; 0: there is none
    threshold: float | None = None  # the label is the second of two classes from this probability
    abstain: float | None = None  # there is no label where the highest probability is below

    def __post_init__(self) -> None:
        for name, given in (("threshold", self.threshold), ("abstain", self.abstain)):
            if given is not None and not self.label:
                raise UsageError(f"--{name} is about the label column", "--with-label adds it")
            if given is not None and not 0 <= given <= 1:
                raise UsageError(f"--{name} {given:g}: give a probability, from 0 to 1")
        if not 0 <= self.explain <= MOST_WORDS:
            raise UsageError(f"--explain {self.explain}: give a number from 1 to {MOST_WORDS}")

    def fields(self, classes: Sequence[str]) -> list[pa.Field]:
        """Return the fields of the added columns, in their order."""
        fields = [pa.field(f"{self.prefix}probability_{name}", pa.float32()) for name in classes]
        if self.label:
            fields.append(pa.field(f"{self.prefix}{LABEL}", pa.string()))
        if self.status:
            fields.append(pa.field(f"{self.prefix}{STATUS}", pa.string()))
        if self.explain:
            fields.append(pa.field(f"{self.prefix}{EXPLANATION}", pa.string()))
        return fields

    def added_to(self, schema: pa.Schema, classes: Sequence[str]) -> pa.Schema:
        """Return the schema with the added fields; `UsageError` if it has one of them already.

        And for a threshold where there are not two classes.
        """
        if self.threshold is not None and len(classes) != 2:
            message = f"--threshold is for two classes, the bundle has {len(classes)}"
            raise UsageError(message, "--abstain leaves out uncertain labels of any number")
        fields = self.fields(classes)
        taken = [field.name for field in fields if field.name in schema.names]
        if taken:
            names = ", ".join(taken)
            raise UsageError(f"the input already has {names}", "--prefix TEXT gives other names")
        for field in fields:
            schema = schema.append(field)
        return schema

    def arrays(
        self,
        texts: pa.LargeStringArray,
        prediction: Prediction,
        classes: Sequence[str],
        explanations: Sequence[str] = (),
    ) -> list[pa.Array]:
        """Return the added columns of a chunk, each of length rows, as `explanations` are."""
        without = np.isnan(prediction.probabilities).any(axis=1)  # (rows,)
        columns = np.ascontiguousarray(prediction.probabilities.T)  # (classes, rows)
        arrays = [pa.array(column, pa.float32(), mask=without) for column in columns]
        if self.label:
            arrays.append(self._labels(prediction.probabilities, classes))
        if self.status:
            arrays.append(pc.take(pa.array(STATUSES), pa.array(statuses(texts, prediction))))
        if self.explain:
            lines = np.array(explanations, object)
            arrays.append(pa.array(lines, pa.string(), mask=without))
        return arrays

    def _labels(self, probabilities: np.ndarray, classes: Sequence[str]) -> pa.StringArray:
        """Return the class of each row, null for a row of NaN or one below `abstain`."""
        known = np.nan_to_num(probabilities)
        best = known.argmax(axis=1)
        if self.threshold is not None:
            best = (known[:, 1] >= np.float32(self.threshold)).astype(np.int64)
        without = np.isnan(probabilities).any(axis=1)
        if self.abstain is not None:
            without |= known.max(axis=1) < np.float32(self.abstain)
        return pa.array(np.array(classes, object)[best], pa.string(), mask=without)


def statuses(texts: pa.LargeStringArray, prediction: Prediction) -> np.ndarray:
    """Return int8 (rows,): the position in `STATUSES` of what each text is."""
    scored = prediction.tokens > 0
    has_known_word = prediction.unknown < prediction.tokens
    blank = pc.equal(pc.utf8_trim_whitespace(texts), "").fill_null(False)
    in_order = [scored & has_known_word, scored, _numpy(texts.is_null()), _numpy(blank)]
    return np.select(in_order, range(len(in_order)), STATUSES.index(MARKUP)).astype(np.int8)


def _numpy(mask: pa.BooleanArray) -> np.ndarray:
    return np.asarray(mask.to_numpy(zero_copy_only=False))
