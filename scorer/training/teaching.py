"""The examples a model learns from: labelled rows, and what teachers say of texts.

Hinton, Vinyals and Dean, "Distilling the Knowledge in a Neural Network" (2015).
"""

from collections.abc import Sequence

import numpy as np
import pyarrow as pa

from scorer.bundles.bundle import Bundle
from scorer.errors import UsageError
from scorer.network.inference import Predictor
from scorer.tokens.encoding import TextEncoder
from scorer.training.fitting import Examples
from scorer.training.task import Task

LABEL_WEIGHT = 0.5  # of a row's label, where a teacher has its say on the row too


def check_teachers(task: Task) -> None:
    """Raise `UsageError` for a teacher of other classes than the labels'."""
    for teacher in task.background.teachers:
        if teacher.classes == task.corpus.classes:
            continue
        theirs, ours = (", ".join(classes) for classes in (teacher.classes, task.corpus.classes))
        raise UsageError(
            f"the teacher's classes are {theirs}, those of the labels are {ours}",
            "--teacher takes a bundle of the same classes",
        )


def examples(task: Task, encoder: TextEncoder) -> Examples:
    """Return the training rows; with teachers, their word on them and on the unlabelled texts."""
    train, teachers = task.corpus.train, task.background.teachers
    if not teachers:
        return Examples(encoder.encode(train.texts), train.targets)
    texts = task.texts
    targets = _taught(texts, teachers)
    labelled = targets[: len(train)]
    labelled *= 1 - LABEL_WEIGHT
    labelled[np.arange(len(labelled)), train.targets] += LABEL_WEIGHT
    return Examples(encoder.encode(texts), targets)


def _taught(texts: pa.LargeStringArray, teachers: Sequence[Bundle]) -> np.ndarray:
    """Return the teachers' mean probabilities, float32 (texts, classes); 0 without a token."""
    predictors = [Predictor.from_bundle(teacher, workers=0) for teacher in teachers]
    said = [teacher.predict(teacher.encode(texts)).probabilities for teacher in predictors]
    return np.nan_to_num(np.mean(said, axis=0))
