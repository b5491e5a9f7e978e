"""A linear term for a network to stand on: the network learns what the term does not know.

The network's logits are added to the term's. A term is surer of the rows it was fitted on than of
any other, and would leave the network nothing to learn. So each row meets one that was fitted on
other rows (Wolpert 1992: "Stacked generalization"). They also tell how much the term is to count
beside what the network knows before it is trained. Knows no vocabulary.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from scorer.evaluation.calibration import fit_share
from scorer.network.linear import LinearTerm
from scorer.training.fitting import Examples
from scorer.training.folds import out_of_fold

WEIGHED_ROWS = 2_000  # at most, by which both are weighed: enough to tell

FitLinear = Callable[[Examples], LinearTerm]
Known = Callable[[Examples], np.ndarray]


@dataclass(frozen=True)
class Base:
    """A linear term, and what it is to the examples it was fitted on.

    term: of all examples; share: the factor that is in its logits.
    offsets: float32 (rows, classes), logits of each example by a term that has not seen it.
    """

    term: LinearTerm
    share: float
    offsets: np.ndarray

    def extended(self, examples: Examples, fit: FitLinear) -> tuple[LinearTerm, Examples]:
        """Return the term of more examples, by the same factor, and these with their offsets.

        The first of them are those that this term was fitted on; the rest it has not seen.
        """
        rest = examples.encoded.rows(len(self.offsets), len(examples.encoded))
        offsets = np.concatenate([self.offsets, self.term.logits(rest)])
        return fit(examples).scaled(self.share), replace(examples, offsets=offsets)


def fit_base(examples: Examples, fit: FitLinear, known: Known | None = None) -> Base:
    """Return the linear term of examples, by the share at which it fits their labels best.

    known: returns logits, float32 (rows, classes), that say what the network knows of examples
    before it is trained; None for a network that knows nothing.
    """

    def unseen(inside: np.ndarray, outside: np.ndarray) -> np.ndarray:
        return fit(_taken(examples, inside)).logits(examples.encoded.take(outside))

    logits = out_of_fold(examples.targets, unseen)
    rows = np.random.default_rng(0).permutation(len(logits))[:WEIGHED_ROWS]
    network = known(_taken(examples, rows)) if known else None
    share = fit_share(logits[rows], examples.targets[rows], network)
    return Base(fit(examples).scaled(share), share, np.float32(share) * logits)


def _taken(examples: Examples, rows: np.ndarray) -> Examples:
    return Examples(examples.encoded.take(rows), examples.targets[rows])
