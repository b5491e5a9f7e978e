"""The share of the linear term, and one temperature that makes probabilities mean what they say.

softmax(logits / temperature) has the same best class as softmax(logits), but where the network is
surer than it is right, the temperature is above 1 (Guo et al. 2017, section 4.2). Both are fitted
on validation rows; the fewer there are, the nearer to what is usual (normal priors on the
logarithms). Knows logits and targets; cannot mend a class that is wrong more often than others.
"""

import math

import numpy as np

SHARES = tuple(float(2**exponent) for exponent in np.arange(-3, 4.5, 0.5))
SPREAD = 1.5  # in doublings: how far from the usual share a table's own is expected
SPREAD_OF_FEW = 1.0  # where there are fewer rows than these
FEW_ROWS = 50
MIN_ROWS_OF_SHARE = 20
USUAL_TEMPERATURE, TEMPERATURE_SPREAD = 1.6, 0.6  # of trainings on some hundred rows; in e-folds
LOWEST, HIGHEST = 0.05, 20.0  # a temperature outside would hide what is wrong with a model


def fit_temperature(logits: np.ndarray, targets: np.ndarray) -> float:
    """Return the likeliest temperature, for logits float32 (rows, classes).

    targets: int64 (rows,), or soft labels float32 (rows, classes), which the probabilities then
    come near to.
    """
    return _best_temperature(*_scored(logits, targets), TEMPERATURE_SPREAD)[0]


def fit_share(network: np.ndarray, linear: np.ndarray, targets: np.ndarray, usual: float) -> float:
    """Return the factor on the linear term's logits that makes the sum of both fit best.

    network, linear: float32 (rows, classes). What counts is the log loss at the best temperature,
    whatever that is, and how far a factor is from the usual one.
    """
    rows = count_scored(network)
    if rows < MIN_ROWS_OF_SHARE:
        return usual
    spread = SPREAD if rows >= FEW_ROWS else SPREAD_OF_FEW

    def cost(share: float) -> float:
        _, loss = _best_temperature(*_scored(network + share * linear, targets), math.inf)
        unusual: float = np.log2(share / usual) / spread
        return loss + unusual**2 / 2

    return min(SHARES, key=cost)


def _best_temperature(
    logits: np.ndarray, targets: np.ndarray, spread: float
) -> tuple[float, float]:
    """Return the likeliest temperature, and minus the logarithm of its probability."""
    from scipy.optimize import minimize_scalar

    def cost(log_temperature: float) -> float:
        unusual: float = (log_temperature - np.log(USUAL_TEMPERATURE)) / spread
        return _log_loss(logits / np.exp(log_temperature), targets) + unusual**2 / 2

    bounds = (np.log(LOWEST), np.log(HIGHEST))
    best = minimize_scalar(cost, bounds=bounds, method="bounded", options={"xatol": 1e-6})
    return float(np.exp(best.x)), float(best.fun)


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
