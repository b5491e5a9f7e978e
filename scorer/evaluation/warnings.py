"""Figures that a person should doubt: too good to be true, or no better than a simpler model's.

Works on what training and testing found; a warning is no proof, and no warning is none either.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from scorer.corpus.label_leakage import LabelLeakage
from scorer.corpus.near_duplicates import Leaks
from scorer.evaluation.baseline import Baseline
from scorer.evaluation.evaluation import Evaluation

FAR_ABOVE = 0.04  # of the linear baseline's accuracy
FEW_ERRORS = 1 / 6  # of the baseline's: a pretrained network may well have a quarter of them
NEARLY_ALL = 0.97  # of the training rows right: a model that has memorised them
LEAKING = 0.75  # strength of a token: single words of reviews have 0.3 at most
LARGE_CLASS = 0.2  # of the rows: a smaller class may well have a word of its own, as topics do


@dataclass(frozen=True)
class Evidence:
    """What was measured.

    leaks: texts of test rows that are in the training rows after all, not those that were taken
    out; None where that was not looked for. label_leakage: the word that tells a class best.
    train_accuracy: on the training rows, between 0 and 1.
    """

    classes: Sequence[str]
    train_accuracy: float
    test: Evaluation
    baseline: Baseline
    leaks: Leaks | None
    label_leakage: LabelLeakage


def find_warnings(evidence: Evidence) -> tuple[str, ...]:
    """Return one line for each reason to doubt the test figures."""
    return (
        *_leaking(evidence),
        *_too_far_above(evidence),
        *_as_good_as_training(evidence),
        *_label_in_text(evidence),
        *_no_better(evidence),
    )


def _leaking(evidence: Evidence) -> Iterator[str]:
    leaks, rows = evidence.leaks, evidence.test.rows + evidence.test.unscored
    if leaks is None or not leaks.held_out:
        return
    if leaks.held_out == rows:
        yield (
            "every test row is among the training rows: is the test file a training file? "
            "The test figures say nothing about new texts"
        )
    else:
        yield (
            f"test rows that are among the training rows: {leaks.held_out:,} of {rows:,} "
            f"({leaks.same:,} the same, {leaks.near:,} nearly): the test figures are too good"
        )


def _too_far_above(evidence: Evidence) -> Iterator[str]:
    linear, test = evidence.baseline.linear, evidence.test
    few_errors = 1 - test.accuracy_low < FEW_ERRORS * (1 - linear)
    if few_errors and test.accuracy_low > linear + FAR_ABOVE:
        yield (
            f"test accuracy {test.accuracy:.1%} is implausibly far above the {linear:.1%} of "
            "TF-IDF with logistic regression on the same rows: look for a leak"
        )


def _as_good_as_training(evidence: Evidence) -> Iterator[str]:
    train, test = evidence.train_accuracy, evidence.test
    if _is_like_one_class(evidence):  # of a rare other one, accuracy is the same everywhere
        return
    if train >= NEARLY_ALL and test.accuracy >= train and test.accuracy_low >= NEARLY_ALL - 0.02:
        yield (
            f"test accuracy {test.accuracy:.1%} is as high as on the training rows "
            f"({train:.1%}): are they truly other rows?"
        )


def _label_in_text(evidence: Evidence) -> Iterator[str]:
    label_leakage, test = evidence.label_leakage, evidence.test
    if label_leakage.strength < LEAKING:
        return
    rows = test.per_class[label_leakage.target].support
    if rows >= LARGE_CLASS * test.rows or test.accuracy >= NEARLY_ALL:
        yield (
            f"the token {label_leakage.token!r} is in {label_leakage.in_class:.1%} of the rows of "
            f"{evidence.classes[label_leakage.target]!r} and in {label_leakage.elsewhere:.1%} of "
            "the others: is the label written in the text?"
        )


def _is_like_one_class(evidence: Evidence) -> bool:
    return evidence.test.accuracy_low <= evidence.baseline.majority


def _no_better(evidence: Evidence) -> Iterator[str]:
    baseline, test = evidence.baseline, evidence.test
    rare = "" if test.is_balanced else ": of so rare a class see the recall"
    if _is_like_one_class(evidence):
        yield (
            f"test accuracy {test.accuracy:.1%} is not clearly above the {baseline.majority:.1%} "
            f"of always guessing one class{rare}"
        )
    elif test.accuracy_high < baseline.linear:
        yield (
            f"test accuracy {test.accuracy:.1%} is below the {baseline.linear:.1%} of TF-IDF with "
            "logistic regression on the same rows, which costs less"
        )
