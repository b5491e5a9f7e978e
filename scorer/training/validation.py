"""How well a model does on the validation rows, by the path that scores."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from scorer.corpus.labelled_rows import LabelledRows
from scorer.evaluation.evaluation import is_scored, log_loss
from scorer.network.inference import Predictor
from scorer.network.linear import LinearTerm
from scorer.network.model import TextClassifier
from scorer.tokens.encoding import Encoded, TextEncoder
from scorer.training.fitting import Validation


@dataclass(frozen=True)
class Validator:
    """The validation rows, encoded once, and the linear term beside the networks to come."""

    encoder: TextEncoder
    classes: tuple[str, ...]
    rows: LabelledRows
    linear: LinearTerm | None = None

    @cached_property
    def encoded(self) -> Encoded:
        """The token ids of the rows."""
        return self.encoder.encode(self.rows.texts)

    def __call__(self, model: TextClassifier) -> Validation:
        """Return the figures of a model; texts without a token are wrong, and have no loss."""
        probabilities = self._predictor(model).predict(self.encoded).probabilities
        scored = is_scored(probabilities)
        right = probabilities[scored].argmax(axis=1) == self.rows.targets[scored]
        learned = self.rows.learned_targets[scored]
        loss = log_loss(probabilities[scored], learned) if scored.any() else 0.0
        return Validation(float(right.sum() / len(scored)), loss)

    def logits(self, model: TextClassifier) -> np.ndarray:
        """Return the logits of the rows, float32 (rows, classes); NaN of a text without a token."""
        return self._predictor(model).logits(self.encoded)

    def _predictor(self, model: TextClassifier) -> Predictor:
        device = next(model.parameters()).device.type
        return Predictor(self.encoder, model, self.classes, device=device, linear=self.linear)
