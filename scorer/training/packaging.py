"""A trained model as its bundle will have it: calibrated, evaluated, with its figures.

Weights are rounded as a bundle keeps them, and every figure is one of the rounded weights, by the
path that scores. Trains nothing.
"""

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from scorer.bundles.bundle import Bundle, Facts
from scorer.bundles.golden import golden_rows
from scorer.bundles.weights import rounded
from scorer.corpus.label_leakage import LabelLeakage, count_class_tokens
from scorer.corpus.labelled_rows import LabelledRows
from scorer.evaluation.baseline import Baseline, fit_baseline
from scorer.evaluation.calibration import FEW_ROWS, fit_temperature
from scorer.evaluation.evaluation import Evaluation, evaluate, is_scored
from scorer.evaluation.profile import Profile
from scorer.evaluation.report import Findings, report_html
from scorer.evaluation.row_findings import RowFindings, find_in_rows
from scorer.evaluation.warnings import Evidence, find_warnings
from scorer.network.inference import Prediction, Predictor
from scorer.network.linear import LinearTerm
from scorer.network.model import TextClassifier
from scorer.tokens.tokeniser_rules import rules_of
from scorer.training.fitting import Epoch, Fitted
from scorer.training.preprocessing import Preprocessing
from scorer.training.task import Task
from scorer.training.validation import Validator
from scorer.wording import are, counted

TELLING_WORDS = 24  # shown, dealt over the classes


@dataclass(frozen=True)
class TrainingResult:
    """A bundle not yet written, with what was found out on the way."""

    bundle: Bundle
    fitted: Fitted
    test: Evaluation
    baseline: Baseline
    warnings: tuple[str, ...]
    test_probabilities: np.ndarray  # float32 (rows, classes); NaN where the text has no token
    findings: Findings  # for a report


def calibrate(model: TextClassifier, validator: Validator, on_note: Callable[[str], None]) -> float:
    """Return the temperature of a network's probabilities, by the validation rows."""
    logits = validator.logits(_rounded(model))
    rows = int(is_scored(logits).sum())
    if rows < FEW_ROWS:
        few = f"{counted(rows, 'validation row')} {are(rows)} few"
        on_note(f"{few} to tell how sure is too sure: probabilities are calibrated roughly")
    return fit_temperature(logits, validator.rows.learned_targets)


def package(
    task: Task,
    preprocessing: Preprocessing,
    fitted: Fitted,
    linear: LinearTerm | None,
    scale: float,
    temperature: float,
) -> TrainingResult:
    """Evaluate a trained model and make its bundle; scale: of the linear term, see `Base`."""
    draft = _Draft(task, preprocessing, fitted, linear, scale)
    predictor = draft.predictor(temperature)
    results = _evaluate_all(task, fitted, predictor)
    facts = draft.facts(predictor.temperature, results.metrics())
    findings = draft.findings(facts, results)
    return TrainingResult(
        draft.bundle(predictor, findings),
        fitted,
        results.test,
        results.baseline,
        results.warnings,
        results.test_probabilities,
        findings,
    )


@dataclass(frozen=True)
class _Results:
    """Figures of the finished model, and of simpler ones."""

    valid: Evaluation
    test: Evaluation
    baseline: Baseline
    warnings: tuple[str, ...]
    test_probabilities: np.ndarray
    profile: Profile  # of the validation and test texts
    rows: RowFindings  # of the test rows
    leakage: LabelLeakage
    words: tuple[LabelLeakage, ...]  # that tell a class, of the training rows

    def metrics(self) -> Mapping[str, Any]:
        return {
            "valid": self.valid.to_json(),
            "test": self.test.to_json(),
            "majority": self.baseline.majority,
            "tf_idf": self.baseline.linear,
            "suspicions": list(self.warnings),
            "profile": self.profile.to_json(),
        }


@dataclass(frozen=True)
class _Draft:
    """A model with its weights rounded as a bundle keeps them, and read as float32."""

    task: Task
    preprocessing: Preprocessing
    fitted: Fitted
    linear: LinearTerm | None
    scale: float

    def predictor(self, temperature: float) -> Predictor:
        model, classes = _rounded(self.fitted.model), self.task.corpus.classes
        return Predictor(
            self.preprocessing.encoder, model, classes, temperature, linear=self.linear
        )

    def bundle(self, predictor: Predictor, findings: Findings) -> Bundle:
        return Bundle(
            facts=findings.facts,
            weights=rounded(self.fitted.model.state_dict()),
            vocabulary=self.preprocessing.vocabulary,
            cached_pieces=self.preprocessing.piece_cache,
            golden=golden_rows(predictor),
            history=findings.history,
            report=report_html(findings),
            linear=self.linear,
            tokeniser_rules=rules_of(self.task.recipe.rules.language),
        )

    def facts(self, temperature: float, metrics: Mapping[str, Any]) -> Facts:
        corpus = self.task.corpus
        return Facts(
            classes=corpus.classes,
            label_values=dict(corpus.label_values),
            text_column=corpus.text_column,
            label_column=corpus.label_column,
            rules=self.task.recipe.rules,
            model=self.fitted.model.config,
            temperature=temperature,
            training={
                **self.task.facts(),
                "best_epoch": self.fitted.best.epoch,
                "linear_share": self.scale if self.linear else 0.0,
                "validation_rows_trained_on": self.task.learns_validation,
                "vocabulary": self.preprocessing.facts(
                    corpus.test.texts if self.task.learns_validation else corpus.valid.texts
                ),
            },
            metrics=metrics,
        )

    def findings(self, facts: Facts, results: _Results) -> Findings:
        corpus = self.task.corpus
        return Findings(
            facts,
            [_history_row(epoch) for epoch in self.fitted.epochs],
            results.valid,
            results.test,
            corpus.class_counts(),
            results.baseline,
            results.warnings,
            corpus.notes,
            results.rows,
            results.words,
            results.leakage,
            corpus.leaks,
        )


def _rounded(model: TextClassifier) -> TextClassifier:
    """Return the model as its bundle will have it, on the CPU."""
    kept = TextClassifier(model.config)
    kept.load_state_dict({name: t.float() for name, t in rounded(model.state_dict()).items()})
    return kept


def _evaluate_all(task: Task, fitted: Fitted, predictor: Predictor) -> _Results:
    corpus, classes = task.corpus, task.corpus.classes
    profile = Profile(classes)  # of held-out texts
    valid, test = (_predict(predictor, part, profile) for part in (corpus.valid, corpus.test))
    evaluation = evaluate(test.probabilities, corpus.test.targets, classes)
    baseline = fit_baseline(task.learned_rows, corpus.test)
    tokens = count_class_tokens(corpus.train)
    leakage, words = tokens.leakage(), tokens.telling(max(1, TELLING_WORDS // len(classes)))
    accuracy = fitted.best.train_accuracy
    evidence = Evidence(classes, accuracy, evaluation, baseline, corpus.leaks, leakage)
    return _Results(
        evaluate(valid.probabilities, corpus.valid.targets, classes),
        evaluation,
        baseline,
        find_warnings(evidence),
        test.probabilities,
        profile,
        find_in_rows(corpus.test.texts, test, corpus.test.targets, classes),
        leakage,
        tuple(words),
    )


def _predict(predictor: Predictor, part: LabelledRows, profile: Profile) -> Prediction:
    """Return the prediction of a part, whose texts are counted in the profile."""
    encoded = predictor.encode(part.texts)
    prediction = predictor.predict(encoded)
    profile.count_predictions(prediction)
    profile.count_words(encoded)
    return prediction


def _history_row(epoch: Epoch) -> dict[str, float]:
    """Return an epoch without its seconds, by which bundles of the same training would differ."""
    return {name: value for name, value in asdict(epoch).items() if name != "seconds"}
