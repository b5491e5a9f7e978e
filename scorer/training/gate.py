"""Whether a new bundle may score tomorrow's rows unseen.

Every comparison is paired: on the same test rows, by each model's guess for each row. Knows
predictions, labels and what a person asked for, nothing of how the models were trained.
"""

import shlex
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from scorer.bundles.bundle import Bundle
from scorer.bundles.bundle_files import load_bundle
from scorer.bundles.predictor import load_predictor
from scorer.bundles.store import current, in_use, trained_rows
from scorer.corpus.labelled_rows import LabelledRows
from scorer.corpus.row_keys import row_keys
from scorer.errors import GateError, UsageError
from scorer.evaluation.evaluation import is_scored
from scorer.training.comparison import Comparison, compare, guesses, sign_test
from scorer.training.packaging import TrainingResult
from scorer.wording import are, counted

POLICIES = ("if-not-worse", "if-better", "never", "always")
MIN_TEST_ROWS = 20
CLEARLY = 0.05  # significance of the sign test
CLEARLY_BETTER = 0.01  # significance of being better than guessing by class frequencies
SMALLEST = 1e-7  # a probability of 0 counts as this
HELP = "Try more rows, more texts of the same kind with --unlabelled, or a look at the labels"


@dataclass(frozen=True)
class Promotion:
    """What a new bundle has to be to be put in use.

    policy: one of `POLICIES`, against the bundle in use; max_loss: accuracy it may lose against
    that, in points, however few the rows; min_accuracy: on its test rows, between 0 and 1.
    """

    policy: str = "if-not-worse"
    max_loss: float | None = None
    min_accuracy: float | None = None

    def __post_init__(self) -> None:
        if self.policy not in POLICIES:
            choices = ", ".join(POLICIES)
            raise UsageError(f"--promote {self.policy}: choose one of: {choices}")


def check_gate(
    result: TrainingResult,
    bundle: Bundle,
    test: LabelledRows,
    store: Path,
    promotion: Promotion | None = None,
) -> str:
    """Return in a line how a bundle stands beside the one in use, which it may replace.

    Raises `GateError` for one that is written but should not be put in use unseen: it must know
    more than how frequent each class is, and not be clearly worse than always one class, than
    TF-IDF with logistic regression, or than the bundle in use; and what `promotion` asks.
    """
    promotion = promotion or Promotion()
    if promotion.policy == "always":
        return "whatever its figures (--promote always)"
    reason = (
        _too_few(test)
        or _no_better_than_frequencies(result, test)
        or _worse_than_simple(result, test)
        or _below(result, test, promotion.min_accuracy)
    )
    verdict = ""
    if not reason:
        reason, verdict = _beside_current(result, bundle, test, store, promotion)
    if reason:
        raise GateError(
            f"bundle {bundle.version} is written but not put in use: {reason}",
            f"{HELP}. `scorer bundles use {bundle.version} --store {shlex.quote(str(store))}` puts "
            "it in use all the same",
        )
    return verdict


def knows_more_than_frequencies(probabilities: np.ndarray, targets: np.ndarray) -> bool:
    """Return whether a model is significantly better than guessing by class frequencies.

    In accuracy, against as many guesses of each class on random rows; or in log loss, against
    always predicting the frequencies. Either is enough: a few confident mistakes ruin the log loss
    of a good model, and on a rare class accuracy shows nothing.
    probabilities: float32 (rows, classes), none of them NaN; targets: int64 (rows,).
    """
    from scipy.stats import binomtest, ttest_1samp

    significance = CLEARLY_BETTER / 2  # of each of the two tests
    rows, classes = probabilities.shape
    if not rows:
        return False
    guessed, frequencies = guesses(probabilities), np.bincount(targets, minlength=classes) / rows
    by_chance = float(np.bincount(guessed, minlength=classes) / rows @ frequencies)
    right = int((guessed == targets).sum())
    if binomtest(right, rows, by_chance, alternative="greater").pvalue < significance:
        return True
    given = np.maximum(probabilities[np.arange(len(targets)), targets], SMALLEST)
    gains = np.log(given.astype(np.float64)) - np.log(frequencies[targets])
    return bool(ttest_1samp(gains, 0, alternative="greater").pvalue < significance)


def _too_few(test: LabelledRows) -> str | None:
    if len(test) >= MIN_TEST_ROWS:
        return None
    few = f"{counted(len(test), 'test row')} {are(len(test))} too few to tell how good it is"
    return f"{few} ({MIN_TEST_ROWS} at least, as --test {MIN_TEST_ROWS} takes)"


def _no_better_than_frequencies(result: TrainingResult, test: LabelledRows) -> str | None:
    scored = is_scored(result.test_probabilities)
    if knows_more_than_frequencies(result.test_probabilities[scored], test.targets[scored]):
        return None
    classes = result.test_probabilities.shape[1]
    rarest = int(np.bincount(test.targets, minlength=classes).min())
    few = f" ({rarest:,} of the rarest class)" if rarest < MIN_TEST_ROWS else ""
    return (
        f"{counted(len(test), 'test row')}{few} do not show that it knows more than how frequent "
        "each class is"
    )


def _right(result: TrainingResult, test: LabelledRows) -> np.ndarray:
    """Return bool (rows,): which test rows the new bundle gives their class."""
    return np.asarray(guesses(result.test_probabilities) == test.targets)


def _worse_than_simple(result: TrainingResult, test: LabelledRows) -> str | None:
    ours, baseline = _right(result, test), result.baseline
    accuracy = f"test accuracy {ours.mean():.2%} is clearly below the "
    if sign_test(test.targets == np.bincount(test.targets).argmax(), ours) < CLEARLY:
        return f"{accuracy}{baseline.majority:.2%} of always guessing one class"
    if sign_test(baseline.guesses == test.targets, ours) < CLEARLY:
        return f"{accuracy}{baseline.linear:.2%} of TF-IDF with logistic regression"
    return None


def _beside_simple(accuracy: float, simple: float) -> str:
    """Return how far below the simple model it is, within chance; nothing where it is not."""
    points = 100 * (simple - accuracy)
    return f"{points:.1f} points below TF-IDF, which may be chance; " if points >= 0.05 else ""


def _below(result: TrainingResult, test: LabelledRows, least: float | None) -> str | None:
    accuracy = float(_right(result, test).mean())
    if least is None or accuracy >= least:
        return None
    return f"test accuracy {accuracy:.2%} is below --min-accuracy {least:.2%}"


def _beside_current(
    result: TrainingResult, bundle: Bundle, test: LabelledRows, store: Path, asked: Promotion
) -> tuple[str | None, str]:
    """Compare a bundle with the one in use: return why that one stays, or None and a verdict."""
    version = in_use(store)
    if version is None:
        accuracy = float(_right(result, test).mean())
        beside = _beside_simple(accuracy, result.baseline.linear)
        return None, f"{beside}there was no version before it"
    incumbent = load_bundle(current(store))
    if incumbent.classes != bundle.classes:
        theirs, ours = ", ".join(incumbent.classes), ", ".join(bundle.classes)
        return (
            f"its classes are {ours}, those of {version}, which is in use, are {theirs}; if this "
            "is another task, give it another --store",
            "",
        )
    found = _compare(result, incumbent, test, trained_rows(store, version))
    reason = _worse_than_current(found, f"{found}, beside {version}, which is in use", asked)
    return reason, f"not clearly worse than {version}, the version before it: {found}"


def _worse_than_current(found: Comparison, figures: str, asked: Promotion) -> str | None:
    """Return why the bundle in use stays; None where it may be replaced."""
    if found.swapped:
        names = " and ".join(map(repr, found.swapped))
        return f"the classes {names} come out swapped: {figures}"
    if asked.max_loss is not None and found.loss > asked.max_loss:
        return f"it loses more than --max-loss {asked.max_loss:g} points: {figures}"
    if found.p_worse < CLEARLY:
        return f"it is clearly worse: {figures}"
    if asked.policy == "if-better" and found.p_better >= CLEARLY:
        return f"it is not clearly better (--promote if-better): {figures}"
    return None


def _compare(
    result: TrainingResult, incumbent: Bundle, test: LabelledRows, trained: np.ndarray
) -> Comparison:
    """Compare on the test rows that the bundle in use was not trained on.

    trained: keys of the texts it was trained on. If too few rows are left, on all test rows: that
    can only favour the bundle in use.
    """
    fresh = ~np.isin(row_keys(test.texts), trained)
    if fresh.sum() < MIN_TEST_ROWS:
        fresh[:] = True
    rows = test.take(fresh)
    predictor = load_predictor(incumbent, workers=0)
    theirs = predictor.predict(predictor.encode(rows.texts)).probabilities
    return compare(result.test_probabilities[fresh], theirs, rows.targets, incumbent.classes)
