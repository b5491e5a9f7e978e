"""Whether a new bundle may score tomorrow's rows unseen.

Every comparison is paired: on the same test rows, by what each model says of each row. Knows
predictions and labels, nothing of how the models were trained.
"""

from pathlib import Path

import numpy as np

from scorer.bundles.bundle import Bundle, load_bundle
from scorer.bundles.predictor import load_predictor
from scorer.bundles.store import current, in_use
from scorer.corpus.labelled import LabelledRows
from scorer.errors import GateError
from scorer.training.packaging import TrainingResult

MIN_TEST_ROWS = 20
CLEARLY_WORSE = 0.05  # significance of the sign test (McNemar's, exact, one-sided)
CLEARLY_BETTER = 0.01  # significance of knowing more than how frequent each class is
SMALLEST = 1e-7  # a probability of 0 counts as this
HELP = "Try more rows, more texts of the same kind with --unlabelled, or a look at the labels"


def check_gate(result: TrainingResult, bundle: Bundle, test: LabelledRows, store: Path) -> None:
    """Raise `GateError` for a bundle that is written but should not be put in use unseen.

    It must know more than how frequent each class is, and not be clearly worse on the test rows
    than always one class, than TF-IDF with logistic regression, or than the bundle in use.
    """
    reason = (
        _too_few(test)
        or _no_better_than_frequencies(result, test)
        or _worse_than_simple(result, test)
        or _worse_than_current(result, bundle, test, store)
    )
    if reason:
        raise GateError(
            f"bundle {bundle.version} is written but not put in use: {reason}",
            f"{HELP}. `python -m scorer bundles {store} --use {bundle.version}` puts it in use "
            "all the same",
        )


def clearly_worse(ours: np.ndarray, theirs: np.ndarray) -> bool:
    """Return whether guesses that are right less often are so by more than chance.

    ours, theirs: bool (rows,), whether each guess on the same row is right.
    """
    from scipy.stats import binomtest

    lost, won = int((theirs & ~ours).sum()), int((ours & ~theirs).sum())
    if lost <= won:
        return False
    return bool(binomtest(lost, lost + won, alternative="greater").pvalue < CLEARLY_WORSE)


def knows_more_than_frequencies(probabilities: np.ndarray, targets: np.ndarray) -> bool:
    """Return whether the log loss is lower, by more than chance, than that of class frequencies.

    probabilities: float32 (rows, classes), none of them NaN; targets: int64 (rows,).
    """
    from scipy.stats import ttest_1samp

    classes = probabilities.shape[1]
    frequencies = np.bincount(targets, minlength=classes) / len(targets)
    said = np.maximum(probabilities[np.arange(len(targets)), targets], SMALLEST)
    gains = np.log(said.astype(np.float64)) - np.log(frequencies[targets])
    return bool(ttest_1samp(gains, 0, alternative="greater").pvalue < CLEARLY_BETTER)


def _too_few(test: LabelledRows) -> str | None:
    if len(test) >= MIN_TEST_ROWS:
        return None
    return f"{len(test)} test rows are too few to tell how good it is ({MIN_TEST_ROWS} at least)"


def _no_better_than_frequencies(result: TrainingResult, test: LabelledRows) -> str | None:
    scored = ~np.isnan(result.test_probabilities).any(axis=1)
    if knows_more_than_frequencies(result.test_probabilities[scored], test.targets[scored]):
        return None
    return "on the test rows it tells no more than how frequent each class is"


def _worse_than_simple(result: TrainingResult, test: LabelledRows) -> str | None:
    ours, baseline = _right(result.test_probabilities, test), result.baseline
    accuracy = f"test accuracy {ours.mean():.2%} is clearly below the "
    if clearly_worse(ours, test.targets == np.bincount(test.targets).argmax()):
        return f"{accuracy}{baseline.majority:.2%} of always guessing one class"
    if clearly_worse(ours, baseline.guesses == test.targets):
        return f"{accuracy}{baseline.linear:.2%} of TF-IDF with logistic regression"
    return None


def _worse_than_current(
    result: TrainingResult, bundle: Bundle, test: LabelledRows, store: Path
) -> str | None:
    if in_use(store) is None:
        return None
    now = load_bundle(current(store))
    if now.classes != bundle.classes:
        return f"its classes are {bundle.classes}, those in use {now.classes}"
    predictor = load_predictor(now, workers=0)
    theirs = _right(predictor.predict(predictor.encode(test.texts)).probabilities, test)
    ours = _right(result.test_probabilities, test)
    if not clearly_worse(ours, theirs):
        return None
    return (
        f"test accuracy {ours.mean():.2%} is clearly below the {theirs.mean():.2%} of "
        f"{now.version}, which is in use"
    )


def _right(probabilities: np.ndarray, test: LabelledRows) -> np.ndarray:
    """Return bool (rows,): whether the most likely class is the true one; not for a row of NaN."""
    scored = ~np.isnan(probabilities).any(axis=1)
    right = np.zeros(len(test), bool)
    right[scored] = probabilities[scored].argmax(axis=1) == test.targets[scored]
    return right
