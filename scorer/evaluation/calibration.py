"""Temperature scaling, and the scale of a linear term beside a network.

softmax(logits / temperature) has the same best class as softmax(logits); an overconfident model
gets a temperature above 1 (Guo et al. 2017, section 4.2). Temperature and scale are fitted on rows
that the models were not trained on, with a normal prior on their logarithms: the fewer rows, the
nearer they stay to the usual value. Knows logits and targets; cannot mend a class that is wrong
more often than others.
"""

import numpy as np

from scorer.evaluation.evaluation import is_scored

FEW_ROWS = 50
# the prior, from trainings on some hundred rows: its mean, and its deviation on the logarithm
USUAL_TEMPERATURE, TEMPERATURE_SPREAD = 1.0, 0.6
USUAL_SCALE, SCALE_SPREAD = 1.5, 1.0
LOWEST, HIGHEST = 0.05, 20.0  # a temperature outside would hide what is wrong with a model


def fit_temperature(logits: np.ndarray, targets: np.ndarray) -> float:
    """Return the likeliest temperature, for logits float32 (rows, classes).

    targets: int64 (rows,), or soft labels float32 (rows, classes), to which the
    probabilities then come near.
    """
    from scipy.optimize import minimize_scalar

    scored = is_scored(logits)
    logits, targets = logits[scored].astype(np.float64), targets[scored]

    def cost(log_temperature: float) -> float:
        unusual: float = (log_temperature - np.log(USUAL_TEMPERATURE)) / TEMPERATURE_SPREAD
        return _log_loss(logits / np.exp(log_temperature), targets) + unusual**2 / 2

    bounds = (np.log(LOWEST), np.log(HIGHEST))
    best = minimize_scalar(cost, bounds=bounds, method="bounded", options={"xatol": 1e-6})
    return float(np.exp(best.x))


def fit_scale(linear: np.ndarray, targets: np.ndarray, network: np.ndarray | None = None) -> float:
    """Return the factor on a linear term's logits that fits best when a network's are added.

    linear, network: logits float32 (rows, classes) of rows that neither was fitted on; None for a
    network that knows nothing. targets: as `fit_temperature` has them. The network's logits get a
    factor of their own while this one is fitted; it is not returned, as training will change them.
    """
    from scipy.optimize import minimize

    network = np.zeros_like(linear) if network is None else network
    scored = is_scored(network)
    network, linear, targets = network[scored].astype(np.float64), linear[scored], targets[scored]

    def cost(logs: np.ndarray) -> float:
        of_network, of_linear = np.exp(logs)
        unusual: float = (logs[1] - np.log(USUAL_SCALE)) / SCALE_SPREAD
        return _log_loss(of_network * network + of_linear * linear, targets) + unusual**2 / 2

    bounds = [(np.log(1 / HIGHEST), np.log(HIGHEST))] * 2
    best = minimize(cost, np.log([1.0, USUAL_SCALE]), method="L-BFGS-B", bounds=bounds)
    return float(np.exp(best.x[1]))


def _log_loss(logits: np.ndarray, targets: np.ndarray) -> float:
    """Return the sum over the rows, in nats."""
    from scipy.special import log_softmax

    logs = log_softmax(logits, axis=1)
    if targets.ndim == 2:
        return float(-(targets * logs).sum())
    return float(-logs[np.arange(len(targets)), targets].sum())
