"""Linear probing: how well a network's states predict the classes before it is trained on them.

Logistic regression over the pooled states as they are (Alain and Bengio 2016, arXiv 1610.01644).
Knows a network and encoded examples.
"""

import numpy as np
import torch

from scorer.network.batching import padded
from scorer.network.model import TextClassifier
from scorer.tokens.encoding import Encoded
from scorer.training.fitting import Examples
from scorer.training.folds import out_of_fold
from scorer.training.linear import regress

BATCH_ROWS = 64
MAX_TOKENS = 400  # of a text
SCALE = 0.05  # of standardised states: the less, the more the penalty shrinks their coefficients
SMALLEST = 1e-6  # of a deviation


def probe_logits(model: TextClassifier, examples: Examples) -> np.ndarray:
    """Return logits of the examples, float32 (rows, classes), each by a probe of other rows."""
    from scipy.sparse import csr_matrix

    states = pooled_states(model, examples.encoded)
    states -= states.mean(axis=0)
    states *= SCALE / (states.std(axis=0) + SMALLEST)

    def fit_and_predict(fitted: np.ndarray, held_out: np.ndarray) -> np.ndarray:
        targets, classes = examples.targets[fitted], model.config.classes
        (weights,), intercepts = regress([csr_matrix(states[fitted])], targets, classes)
        return np.asarray(states[held_out] @ weights + intercepts, np.float32)

    return out_of_fold(examples.targets, fit_and_predict)


def pooled_states(model: TextClassifier, encoded: Encoded) -> np.ndarray:
    """Return what the output layer reads of each text, float32 (rows, pooled_dim); 0 of none."""
    device = model.output.weight.device
    states = np.zeros((len(encoded), model.config.pooled_dim), np.float32)
    rows = np.argsort(-encoded.lengths, kind="stable")[: np.count_nonzero(encoded.lengths)]
    with torch.inference_mode():
        for start in range(0, len(rows), BATCH_ROWS):
            batch = padded(encoded, rows[start : start + BATCH_ROWS], MAX_TOKENS).to(device)
            embedded = model.embedding(batch.ids)
            pooled = model.pool(model.states(embedded, batch.lengths), batch.lengths)
            states[batch.rows] = pooled.cpu().numpy()
    return states
