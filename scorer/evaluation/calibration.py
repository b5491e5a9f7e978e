"""The share of the linear term, and one temperature that makes probabilities mean what they say.

softmax(logits / temperature) has the same best class as softmax(logits), but where the network is
surer than it is right, the temperature is above 1 (Guo et al. 2017, section 4.2). Fitted on
validation rows. Knows logits and targets; cannot mend a class that is wrong more often than others.
"""

import numpy as np

from scorer.wording import are, counted

MIN_ROWS = 50
SHARES = tuple(float(2**exponent) for exponent in np.arange(-3, 4.5, 0.5))
SPREAD = 1.5  # in doublings: how far from the usual share a table's own is expected
SPREAD_OF_FEW = 1.0  # where there are fewer rows than a temperature takes
MIN_ROWS_OF_SHARE = 20  # fewer than for a temperature, as the share is held near the usual one
LOWEST, HIGHEST = 0.05, 20.0  # a temperature outside would hide what is wrong with a model


def fit_temperature(logits: np.ndarray, targets: np.ndarray) -> float:
    """Return the temperature of least log loss, for logits float32 (rows, classes).

    targets: int64 (rows,), or soft labels float32 (rows, classes), which the probabilities then
    come near to. It is 1.0 where `unfit_reason` gives a reason.
    """
    logits, targets = _scored(logits, targets)
    return 1.0 if unfit_reason(logits, targets) else _best_temperature(logits, targets)


def _best_temperature(logits: np.ndarray, targets: np.ndarray) -> float:
    from scipy.optimize import minimize_scalar

    best = minimize_scalar(
        lambda log_temperature: _log_loss(logits / np.exp(log_temperature), targets),
        bounds=(np.log(LOWEST), np.log(HIGHEST)),
        method="bounded",
        options={"xatol": 1e-6},
    )
    return float(np.exp(best.x))


def fit_share(network: np.ndarray, linear: np.ndarray, targets: np.ndarray, usual: float) -> float:
    """Return the factor on the linear term's logits that makes the sum of both fit best.

    network, linear: float32 (rows, classes). What counts is the log loss at the best temperature,
    and, as few rows tell little, how far a factor is from the usual one (a normal prior on its
    logarithm).
    """
    if unfit_reason(network + usual * linear, targets, MIN_ROWS_OF_SHARE):
        return usual

    spread = SPREAD if len(targets) >= MIN_ROWS else SPREAD_OF_FEW

    def cost(share: float) -> float:
        logits, known = _scored(network + share * linear, targets)
        loss = _log_loss(logits / _best_temperature(logits, known), known)
        unusual: float = np.log2(share / usual) / spread
        return len(known) * loss + unusual**2 / 2

    return min(SHARES, key=cost)


def unfit_reason(logits: np.ndarray, targets: np.ndarray, least: int = MIN_ROWS) -> str | None:
    """Return why these rows fit no temperature, for the user; None if they do."""
    logits, targets = _scored(logits, targets)
    if len(targets) < least:
        few = f"{counted(len(targets), 'validation row')} {are(len(targets))} too few"
        return f"{few} to calibrate on ({least} at least)"
    if targets.ndim == 2:
        return None
    if len(np.unique(targets)) < 2:
        return "all validation rows are of one class"
    if (logits.argmax(axis=1) == targets).all():
        return "every validation row is right, so they do not tell how sure is too sure"
    return None


def _scored(logits: np.ndarray, targets: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Leave out the rows of NaN: their text has no token."""
    scored = ~np.isnan(logits).any(axis=1)
    return logits[scored].astype(np.float64), targets[scored]


def _log_loss(logits: np.ndarray, targets: np.ndarray) -> float:
    from scipy.special import log_softmax

    logs = log_softmax(logits, axis=1)
    if targets.ndim == 2:
        return float(-(targets * logs).sum(axis=1).mean())
    return float(-logs[np.arange(len(targets)), targets].mean())
