"""One temperature that makes probabilities mean what they say; the share of a linear term.

softmax(logits / temperature) has the same best class as softmax(logits), but where a model is
surer than it is right, the temperature is above 1 (Guo et al. 2017, section 4.2). Both are fitted
on rows the models have not learned; the fewer there are, the nearer to what is usual (normal
priors on the logarithms). Knows logits and targets; cannot mend a class that is wrong more often
than others.
"""

import numpy as np

FEW_ROWS = 50
USUAL_TEMPERATURE, SPREAD = 1.0, 0.6  # of trainings on some hundred rows; in e-folds
USUAL_SHARE, SPREAD_OF_SHARES = 1.5, 1.0  # of their linear terms; in e-folds
LOWEST, HIGHEST = 0.05, 20.0  # a temperature outside would hide what is wrong with a model


def fit_temperature(logits: np.ndarray, targets: np.ndarray) -> float:
    """Return the likeliest temperature, for logits float32 (rows, classes).

    targets: int64 (rows,), or soft labels float32 (rows, classes), which the probabilities then
    come near to.
    """
    from scipy.optimize import minimize_scalar

    logits, targets = _scored(logits, targets)

    def cost(log_temperature: float) -> float:
        unusual: float = (log_temperature - np.log(USUAL_TEMPERATURE)) / SPREAD
        return _log_loss(logits / np.exp(log_temperature), targets) + unusual**2 / 2

    bounds = (np.log(LOWEST), np.log(HIGHEST))
    best = minimize_scalar(cost, bounds=bounds, method="bounded", options={"xatol": 1e-6})
    return float(np.exp(best.x))


def fit_share(linear: np.ndarray, targets: np.ndarray, network: np.ndarray | None = None) -> float:
    """Return the factor on a linear term's logits in the sum with a network's that fits best.

    linear, network, targets: as `fit_temperature` has them, of rows that neither was fitted on.
    The network's logits have a factor of their own, which is not told; None: it knows nothing.
    """
    from scipy.optimize import minimize

    known = np.zeros_like(linear) if network is None else network
    scored = _is_scored(known)
    known, linear, targets = known[scored].astype(np.float64), linear[scored], targets[scored]

    def cost(logs: np.ndarray) -> float:
        of_network, share = np.exp(logs)
        unusual: float = (logs[1] - np.log(USUAL_SHARE)) / SPREAD_OF_SHARES
        return _log_loss(of_network * known + share * linear, targets) + unusual**2 / 2

    bounds = [(np.log(1 / HIGHEST), np.log(HIGHEST))] * 2
    best = minimize(cost, np.log([1.0, USUAL_SHARE]), method="L-BFGS-B", bounds=bounds)
    return float(np.exp(best.x[1]))


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
