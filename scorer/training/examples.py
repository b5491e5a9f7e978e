"""The examples a model learns from: labelled rows, and the soft labels of teachers.

Hinton, Vinyals and Dean, "Distilling the Knowledge in a Neural Network" (2015). Probabilities that
stand in the labelled table itself are learned like a teacher's, alone.
"""

from collections.abc import Sequence

import numpy as np
import pyarrow as pa

from scorer.bundles.bundle import Bundle
from scorer.bundles.predictor import load_predictor
from scorer.corpus.labelled_rows import LabelledRows
from scorer.errors import UsageError
from scorer.tokens.encoding import TextEncoder
from scorer.training.auxiliary import AuxiliaryInputs
from scorer.training.fitting import Examples

LABEL_WEIGHT = 0.5  # of a row's label, where a teacher has probabilities for the row too


def check_teachers(teachers: Sequence[Bundle], classes: tuple[str, ...]) -> None:
    """Raise `UsageError` for a teacher of other classes than the labels'."""
    for teacher in teachers:
        if teacher.classes == classes:
            continue
        theirs, ours = ", ".join(teacher.classes), ", ".join(classes)
        raise UsageError(
            f"the teacher's classes are {theirs}, those of the labels are {ours}",
            "--teacher takes a bundle of the same classes",
        )


def encode_examples(
    rows: LabelledRows, auxiliary: AuxiliaryInputs, encoder: TextEncoder
) -> Examples:
    """Return labelled rows; with teachers, soft labels of them and of the unlabelled texts."""
    teachers = auxiliary.teachers
    if not teachers:
        return Examples(encoder.encode(rows.texts), rows.learned_targets)
    texts = auxiliary.with_unlabelled(rows.texts)
    probabilities = _teacher_probabilities(texts, teachers)
    labels = _one_hot(rows.learned_targets, len(teachers[0].classes))
    labelled = probabilities[: len(rows)]
    probabilities[: len(rows)] = LABEL_WEIGHT * labels + (1 - LABEL_WEIGHT) * labelled
    return Examples(encoder.encode(texts), probabilities)


def _one_hot(targets: np.ndarray, classes: int) -> np.ndarray:
    return np.eye(classes, dtype=np.float32)[targets] if targets.ndim == 1 else targets


def _teacher_probabilities(texts: pa.LargeStringArray, teachers: Sequence[Bundle]) -> np.ndarray:
    """Return the teachers' mean probabilities, float32 (rows, classes).

    A text that no teacher can score has equal ones.
    """
    total = np.zeros((len(texts), len(teachers[0].classes)), np.float32)
    for teacher in teachers:
        predictor = load_predictor(teacher, workers=0)
        total += predictor.predict(predictor.encode(texts)).probabilities
    return np.nan_to_num(total / len(teachers), nan=1 / total.shape[1])
