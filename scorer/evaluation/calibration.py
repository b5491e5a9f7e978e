"""One temperature that makes probabilities mean what they say: of a network, or a linear term.

softmax(logits / temperature) has the same best class as softmax(logits), but where a model is
surer than it is right, the temperature is above 1 (Guo et al. 2017, section 4.2). It is fitted on
rows the model has not learned; the fewer there are, the nearer to what is usual (a normal prior on
its logarithm). Knows logits and targets; cannot mend a class that is wrong more often than others.
"""

import numpy as np

FEW_ROWS = 50
USUAL_TEMPERATURE = 1.0  # of trainings on some hundred rows
USUAL_SHARE = 2.0  # of their linear terms
SPREAD = 0.6  # in e-folds: how far from the usual ones a table's own are expected
LOWEST, HIGHEST = 0.05, 20.0  # a temperature outside would hide what is wrong with a model


def fit_temperature(logits: np.ndarray, targets: np.ndarray) -> float:
    """Return the likeliest temperature, for logits float32 (rows, classes).

    targets: int64 (rows,), or soft labels float32 (rows, classes), which the probabilities then
    come near to.
    """
    return _best_temperature(*_scored(logits, targets), USUAL_TEMPERATURE)


def fit_share(logits: np.ndarray, targets: np.ndarray) -> float:
    """Return the factor on a linear term's logits: one over their likeliest temperature.

    logits, targets: as `fit_temperature` has them, of rows that the term was not fitted on.
    """
    return 1 / _best_temperature(*_scored(logits, targets), 1 / USUAL_SHARE)


def _best_temperature(logits: np.ndarray, targets: np.ndarray, usual: float) -> float:
    from scipy.optimize import minimize_scalar

    def cost(log_temperature: float) -> float:
        unusual: float = (log_temperature - np.log(usual)) / SPREAD
        return _log_loss(logits / np.exp(log_temperature), targets) + unusual**2 / 2

    bounds = (np.log(LOWEST), np.log(HIGHEST))
    best = minimize_scalar(cost, bounds=bounds, method="bounded", options={"xatol": 1e-6})
    return float(np.exp(best.x))


def count_scored(logits: np.ndarray) -> int:
    """Return how many rows have logits: a text without a token has none."""
    return int(_is_scored(logits).sum())


def _is_scored(logits: np.ndarray) -> np.ndarray:
    return np.asarray(~np.isnan(logits).any(axis=1))


def _scored(logits: np.ndarray, targets: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Leave out the rows of NaN: their text has no token."""
    scored = _is_scored(logits)
    return logits[scored].astype(np.float64), targets[scored]


def _log_loss(logits: np.ndarray, targets: np.ndarray) -> float:
    """Return the sum over the rows, in nats."""
    from scipy.special import log_softmax

    logs = log_softmax(logits, axis=1)
    if targets.ndim == 2:
        return float(-(targets * logs).sum())
    return float(-logs[np.arange(len(targets)), targets].sum())
