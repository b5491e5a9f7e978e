"""A trained model as its bundle will have it: calibrated, evaluated, with all there is to say.

Weights are rounded to float16, and every figure is one of the rounded weights, by the path that
scores. Trains nothing.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import torch

from scorer.bundles.bundle import Bundle, Facts
from scorer.bundles.golden import golden_rows
from scorer.corpus.labelled import LabelledRows
from scorer.corpus.telltale import find_telltale
from scorer.evaluation.baseline import Baseline, fit_baseline
from scorer.evaluation.calibration import fit_temperature, unfit_reason
from scorer.evaluation.evaluation import Evaluation, evaluate
from scorer.evaluation.report import Findings, report_html
from scorer.evaluation.suspicions import Evidence, find_suspicions
from scorer.network.inference import Predictor
from scorer.network.model import TextClassifier
from scorer.training.fitting import Epoch, Fitted
from scorer.training.listener import Listener
from scorer.training.task import Task
from scorer.training.text_side import TextSide


@dataclass(frozen=True)
class Learned:
    """A bundle not yet written, with what was found out on the way."""

    bundle: Bundle
    fitted: Fitted
    test: Evaluation
    baseline: Baseline
    suspicions: tuple[str, ...]


def finish(task: Task, text: TextSide, fitted: Fitted, listener: Listener) -> Learned:
    """Calibrate and evaluate a trained model and make a bundle of it."""
    draft = _Draft(task, text, fitted)
    predictor = draft.predictor(_temperature(draft, listener))
    results = _results(task, fitted, predictor)
    bundle = draft.bundle(predictor, results)
    return Learned(bundle, fitted, results.test, results.baseline, results.suspicions)


@dataclass(frozen=True)
class _Results:
    """What the finished model came to."""

    valid: Evaluation
    test: Evaluation
    baseline: Baseline
    suspicions: tuple[str, ...]

    def metrics(self) -> Mapping[str, Any]:
        return {
            "valid": self.valid.to_json(),
            "test": self.test.to_json(),
            "majority": self.baseline.majority,
            "tf_idf": self.baseline.linear,
            "suspicions": list(self.suspicions),
        }


@dataclass(frozen=True)
class _Draft:
    """A model with its weights rounded to float16, and read as float32."""

    task: Task
    text: TextSide
    fitted: Fitted

    @cached_property
    def weights(self) -> dict[str, torch.Tensor]:
        state = self.fitted.model.state_dict()
        return {name: tensor.half().cpu() for name, tensor in state.items()}

    def predictor(self, temperature: float) -> Predictor:
        model = TextClassifier(self.fitted.model.config)
        model.load_state_dict({name: tensor.float() for name, tensor in self.weights.items()})
        return Predictor(self.text.encoder, model, self.task.corpus.classes, temperature)

    def bundle(self, predictor: Predictor, results: _Results) -> Bundle:
        facts = self._facts(predictor.temperature, results.metrics())
        history = [_history_row(epoch) for epoch in self.fitted.epochs]
        return Bundle(
            facts=facts,
            weights=self.weights,
            vocabulary=self.text.vocabulary,
            remembered=self.text.remembered,
            golden=golden_rows(predictor),
            history=history,
            report=report_html(self._findings(facts, history, results)),
        )

    def _facts(self, temperature: float, metrics: Mapping[str, Any]) -> Facts:
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
                "vocabulary": self.text.facts(corpus.valid.texts),
            },
            metrics=metrics,
        )

    def _findings(
        self, facts: Facts, history: Sequence[Mapping[str, float]], results: _Results
    ) -> Findings:
        corpus = self.task.corpus
        return Findings(
            facts,
            history,
            results.valid,
            results.test,
            corpus.class_counts(),
            results.baseline,
            results.suspicions,
            corpus.notes,
        )


def _temperature(draft: _Draft, listener: Listener) -> float:
    predictor, valid = draft.predictor(temperature=1.0), draft.task.corpus.valid
    logits = predictor.logits(predictor.encode(valid.texts))
    if reason := unfit_reason(logits, valid.targets):
        listener.on_note(f"probabilities are not calibrated: {reason}")
    return fit_temperature(logits, valid.targets)


def _results(task: Task, fitted: Fitted, predictor: Predictor) -> _Results:
    corpus = task.corpus
    valid, test = (_evaluate(predictor, part) for part in (corpus.valid, corpus.test))
    baseline = fit_baseline(corpus.train, corpus.test)
    telltale = find_telltale(corpus.train)
    accuracy = fitted.best.train_accuracy
    evidence = Evidence(corpus.classes, accuracy, test, baseline, corpus.leaks, telltale)
    return _Results(valid, test, baseline, find_suspicions(evidence))


def _evaluate(predictor: Predictor, part: LabelledRows) -> Evaluation:
    prediction = predictor.predict(predictor.encode(part.texts))
    return evaluate(prediction.probabilities, part.targets, predictor.classes)


def _history_row(epoch: Epoch) -> dict[str, float]:
    """Return an epoch without its seconds, which would make each bundle another one."""
    return {
        "epoch": epoch.epoch,
        "loss": epoch.loss,
        "train_accuracy": epoch.train_accuracy,
        "valid_accuracy": epoch.valid_accuracy,
    }
