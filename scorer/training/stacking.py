"""Stacking the network on a linear term: it learns what the term does not know.

The network's logits are added to the term's. A linear term fits its own training rows nearly
perfectly, which would leave the network nothing to learn from them. So the network is trained on
out-of-fold logits: those of each row come from a term fitted on other rows (Wolpert 1992, "Stacked
generalization"). The same logits tell how much the term should count beside a pretrained network.
Knows no vocabulary.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from scorer.evaluation.calibration import fit_scale
from scorer.network.linear import LinearTerm
from scorer.training.fitting import Examples
from scorer.training.folds import out_of_fold

SCALE_ROWS = 2_000  # at most, from which the scale is fitted

FitLinear = Callable[[Examples], LinearTerm]
NetworkLogits = Callable[[Examples], np.ndarray]  # float32 (rows, classes)


@dataclass(frozen=True)
class Base:
    """The linear term that a network is stacked on.

    term: fitted on all examples, its logits already multiplied by `scale`.
    logits: float32 (rows, classes), the scaled out-of-fold logits of the examples.
    """

    term: LinearTerm
    scale: float
    logits: np.ndarray

    def extended(self, examples: Examples, fit: FitLinear) -> tuple[LinearTerm, Examples]:
        """Return a term fitted on more examples, by the same scale, and these with base logits.

        examples: those that this base was fitted on, then new ones. The new ones get their logits
        from this base's term, which has not seen them.
        """
        new = examples.encoded.rows(len(self.logits), len(examples.encoded))
        logits = np.concatenate([self.logits, self.term.logits(new)])
        return fit(examples).scaled(self.scale), replace(examples, base_logits=logits)


def fit_base(
    examples: Examples, fit: FitLinear, network_logits: NetworkLogits | None = None
) -> Base:
    """Return the linear term of examples, scaled so that it fits their labels best.

    network_logits: what the network predicts for examples before it is trained on them; None for
    a network of random weights.
    """

    def fit_and_predict(fitted: np.ndarray, held_out: np.ndarray) -> np.ndarray:
        return fit(_taken(examples, fitted)).logits(examples.encoded.take(held_out))

    logits = out_of_fold(examples.targets, fit_and_predict)
    rows = np.random.default_rng(0).permutation(len(logits))[:SCALE_ROWS]
    network = network_logits(_taken(examples, rows)) if network_logits else None
    scale = fit_scale(logits[rows], examples.targets[rows], network)
    return Base(fit(examples).scaled(scale), scale, np.float32(scale) * logits)


def _taken(examples: Examples, rows: np.ndarray) -> Examples:
    return Examples(examples.encoded.take(rows), examples.targets[rows])
