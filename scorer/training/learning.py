"""The training flow: labelled rows -> vocabulary -> model -> evaluation -> bundle.

Only training rows shape the vocabulary and the weights, validation rows pick the epoch and the
temperature, test rows give the final figures, by the path that scores. Knows no command line.
"""

import hashlib
import json
import platform
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import torch

from scorer.bundles.bundle import Bundle, Facts
from scorer.bundles.golden import golden_rows
from scorer.bundles.starting_point import StartingPoint, start_from, starting_point
from scorer.corpus.corpus import PARTS, Corpus
from scorer.corpus.labelled import LabelledRows
from scorer.corpus.telltale import find_telltale
from scorer.errors import UsageError
from scorer.evaluation.baseline import Baseline, fit_baseline
from scorer.evaluation.calibration import fit_temperature, unfit_reason
from scorer.evaluation.evaluation import Evaluation, evaluate
from scorer.evaluation.report import Findings, report_html
from scorer.evaluation.suspicions import Evidence, find_suspicions
from scorer.files.fingerprint import fingerprint
from scorer.network.inference import Predictor
from scorer.network.model import ModelConfig, TextClassifier
from scorer.tokens.encoding import (
    UNKNOWN_ID,
    TextEncoder,
    Vocabulary,
    build_vocabulary,
    count_tokens,
    remember,
)
from scorer.tokens.memory import PieceMemory
from scorer.tokens.text import TextRules
from scorer.training.background import Background
from scorer.training.checkpoint import Checkpoint
from scorer.training.fitting import Epoch, Examples, Fitted, Step, TrainConfig, fit
from scorer.training.pretraining import PretrainConfig, PretrainStep, enough_tokens, pretrain
from scorer.training.word_vectors import use_vectors

PACKAGES = ("torch", "torchtext", "spacy", "pyarrow", "numpy")
REMEMBERED_PIECES = 100_000
MOST_FREQUENT = 20  # tokens told of in the bundle
LABEL_WEIGHT = 0.5  # of a row's label, where a teacher has its say on the row too


@dataclass(frozen=True)
class Recipe:
    """How to make a model of a corpus."""

    training: TrainConfig
    pretraining: PretrainConfig = field(default_factory=PretrainConfig)
    rules: TextRules = field(default_factory=TextRules)
    vocabulary_size: int = 20_000
    embedding_dim: int = 128
    hidden_dim: int = 256
    cell: str = "lstm"
    pooling: str = "concat"
    dropout: float = 0.5

    def model_config(self, vocabulary: Vocabulary, classes: int) -> ModelConfig:
        """Return the network's configuration for a vocabulary and a number of classes."""
        return ModelConfig(
            len(vocabulary),
            classes,
            self.embedding_dim,
            self.hidden_dim,
            self.cell,
            self.pooling,
            self.dropout,
        )


class Listener:
    """Who is told of a training while it runs; does nothing here."""

    def on_corpus(self, corpus: Corpus) -> None:
        """Be told of the labelled rows."""

    def on_note(self, line: str) -> None:
        """Be told what a person should know."""

    def on_vocabulary(self, vocabulary: Vocabulary, counts: Counter[str]) -> None:
        """Be told of the vocabulary and how often each training token occurs."""

    def on_pretraining(self, step: PretrainStep) -> None:
        """Be told of each step of the pretraining."""

    def on_start(self, point: StartingPoint) -> None:
        """Be told of a finished pretraining."""

    def on_step(self, step: Step) -> None:
        """Be told of each step."""

    def on_epoch(self, epoch: Epoch) -> None:
        """Be told of each epoch's end."""

    def on_learned(self, learned: "Learned") -> None:
        """Be told of the result."""


@dataclass(frozen=True)
class Learned:
    """A bundle not yet written, with what was found out on the way."""

    bundle: Bundle
    fitted: Fitted
    test: Evaluation
    baseline: Baseline
    suspicions: tuple[str, ...]


def learn(
    corpus: Corpus,
    recipe: Recipe,
    listener: Listener,
    background: Background,
    checkpoint: Path | None = None,
) -> Learned:
    """Train on the corpus as the recipe says and evaluate the result.

    With the path of a checkpoint an interrupted training goes on where it stood.
    """
    listener.on_corpus(corpus)
    _check_teachers(corpus, background.teachers)
    text = _TextSide.of(corpus, recipe, listener)
    fitted = _fit(corpus, recipe, text, background, listener, checkpoint)
    draft = _Draft(corpus, recipe, text, fitted)
    temperature = draft.fit_temperature(listener)
    predictor = draft.predictor(temperature)
    results = _results(corpus, fitted, predictor)
    facts = draft.facts(temperature, background, results.metrics())
    bundle = draft.bundle(facts, predictor, results)
    learned = Learned(bundle, fitted, results.test, results.baseline, results.suspicions)
    listener.on_learned(learned)
    return learned


def _check_teachers(corpus: Corpus, teachers: Sequence[Bundle]) -> None:
    for teacher in teachers:
        if teacher.classes == corpus.classes:
            continue
        theirs, ours = (", ".join(classes) for classes in (teacher.classes, corpus.classes))
        raise UsageError(
            f"the teacher's classes are {theirs}, those of the labels are {ours}",
            "--teacher takes a bundle of the same classes",
        )


@dataclass(frozen=True)
class _TextSide:
    """What turns texts into token ids; shaped by training rows alone."""

    counts: Counter[str]
    vocabulary: Vocabulary
    remembered: PieceMemory
    encoder: TextEncoder

    @classmethod
    def of(cls, corpus: Corpus, recipe: Recipe, listener: Listener) -> "_TextSide":
        texts, rules = corpus.train.texts, recipe.rules
        counts = count_tokens(texts, rules)
        vocabulary = build_vocabulary(counts, recipe.vocabulary_size)
        listener.on_vocabulary(vocabulary, counts)
        remembered = remember(texts, rules, vocabulary, REMEMBERED_PIECES)
        return cls(counts, vocabulary, remembered, TextEncoder(rules, vocabulary, remembered))

    def facts(self, held_out: pa.LargeStringArray) -> dict[str, Any]:
        """Return what the lecture looks at; unknown tokens are those of `held_out` texts."""
        ids = self.encoder.encode(held_out).ids
        return {
            "training_tokens": self.counts.total(),
            "most_frequent": self.counts.most_common(MOST_FREQUENT),
            "unknown_share": float((ids == UNKNOWN_ID).mean()),
        }


def _fit(
    corpus: Corpus,
    recipe: Recipe,
    text: _TextSide,
    background: Background,
    listener: Listener,
    checkpoint: Path | None,
) -> Fitted:
    device = "cuda" if torch.cuda.is_available() else "cpu"
    kept = Checkpoint(checkpoint, training_key(corpus, recipe, background)) if checkpoint else None
    torch.manual_seed(recipe.training.seed)
    model = TextClassifier(recipe.model_config(text.vocabulary, len(corpus.classes))).to(device)
    if kept is None or kept.load() is None:  # else the checkpoint has later weights
        _prepare(model, corpus, recipe, text, background, listener)
    valid = text.encoder.encode(corpus.valid.texts)

    def valid_accuracy(candidate: TextClassifier) -> float:
        predictor = Predictor(text.encoder, candidate, corpus.classes, device=device)
        guesses = predictor.logits(valid).argmax(axis=1)
        return float((guesses == corpus.valid.targets).mean())

    return fit(
        model,
        _examples(corpus, text, background),
        valid_accuracy,
        recipe.training,
        listener.on_step,
        listener.on_epoch,
        kept,
    )


def _prepare(
    model: TextClassifier,
    corpus: Corpus,
    recipe: Recipe,
    text: _TextSide,
    background: Background,
    listener: Listener,
) -> None:
    """Give a model, drawn at random so far, vectors and pretrained layers, where there are any."""
    if background.vectors is not None:
        use_vectors(background.vectors, model, text.vocabulary)
    if background.start is not None:
        start_from(background.start, model, text.vocabulary)
    elif background.vectors is None and recipe.pretraining.passes:
        _pretrain(model, corpus, recipe, text, background, listener)


def _pretrain(
    model: TextClassifier,
    corpus: Corpus,
    recipe: Recipe,
    text: _TextSide,
    background: Background,
    listener: Listener,
) -> None:
    """Pretrain on the training texts and the unlabelled ones, unless there are too few tokens."""
    encoded = text.encoder.encode(_all_texts(corpus, background))
    if not enough_tokens(encoded, recipe.pretraining):
        listener.on_note(f"{len(encoded.ids):,} tokens are too few to pretrain on")
        return
    pretrain(model, encoded, recipe.pretraining, listener.on_pretraining)
    facts = {"texts": len(encoded), "tokens": len(encoded.ids), **asdict(recipe.pretraining)}
    listener.on_start(starting_point(model, text.vocabulary, facts))


def _all_texts(corpus: Corpus, background: Background) -> pa.LargeStringArray:
    """Return the training texts, then the unlabelled ones if there are any."""
    more = [] if background.unlabelled is None else [background.unlabelled]
    return pa.concat_arrays([corpus.train.texts, *more])


def _examples(corpus: Corpus, text: _TextSide, background: Background) -> Examples:
    """Return the training rows; with teachers, their word on them and on the unlabelled texts."""
    if not background.teachers:
        return Examples(text.encoder.encode(corpus.train.texts), corpus.train.targets)
    texts = _all_texts(corpus, background)
    targets = _taught(texts, background.teachers)
    labelled = targets[: len(corpus.train)]
    labelled *= 1 - LABEL_WEIGHT
    labelled[np.arange(len(labelled)), corpus.train.targets] += LABEL_WEIGHT
    return Examples(text.encoder.encode(texts), targets)


def _taught(texts: pa.LargeStringArray, teachers: Sequence[Bundle]) -> np.ndarray:
    """Return the teachers' mean probabilities, float32 (texts, classes); 0 without a token."""
    predictors = [Predictor.from_bundle(teacher, workers=0) for teacher in teachers]
    said = [teacher.predict(teacher.encode(texts)).probabilities for teacher in predictors]
    return np.nan_to_num(np.mean(said, axis=0))


def training_key(corpus: Corpus, recipe: Recipe, background: Background) -> str:
    """Return what tells one training from another: a digest of all that shapes its weights."""
    parts = [
        corpus.fingerprint,
        corpus.classes,
        _part_digests(corpus),
        asdict(recipe),
        _background_facts(background),
        _packages(),
    ]
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()


@dataclass(frozen=True)
class _Draft:
    """A model as its bundle will have it: weights rounded to float16, and read as float32."""

    corpus: Corpus
    recipe: Recipe
    text: _TextSide
    fitted: Fitted

    @property
    def weights(self) -> dict[str, torch.Tensor]:
        state = self.fitted.model.state_dict()
        return {name: tensor.half().cpu() for name, tensor in state.items()}

    def predictor(self, temperature: float) -> Predictor:
        model = TextClassifier(self.fitted.model.config)
        model.load_state_dict({name: tensor.float() for name, tensor in self.weights.items()})
        return Predictor(self.text.encoder, model, self.corpus.classes, temperature)

    def fit_temperature(self, listener: Listener) -> float:
        predictor, valid = self.predictor(temperature=1.0), self.corpus.valid
        logits = predictor.logits(predictor.encode(valid.texts))
        if reason := unfit_reason(logits, valid.targets):
            listener.on_note(f"probabilities are not calibrated: {reason}")
        return fit_temperature(logits, valid.targets)

    def bundle(self, facts: Facts, predictor: Predictor, results: "_Results") -> Bundle:
        history = [_history_row(epoch) for epoch in self.fitted.epochs]
        findings = Findings(
            facts,
            history,
            results.valid,
            results.test,
            self.corpus.class_counts(),
            results.baseline,
            results.suspicions,
            self.corpus.notes,
        )
        return Bundle(
            facts=facts,
            weights=self.weights,
            vocabulary=self.text.vocabulary,
            remembered=self.text.remembered,
            golden=golden_rows(predictor),
            history=history,
            report=report_html(findings),
        )

    def facts(
        self, temperature: float, background: Background, metrics: Mapping[str, Any]
    ) -> Facts:
        return Facts(
            classes=self.corpus.classes,
            label_values=dict(self.corpus.label_values),
            text_column=self.corpus.text_column,
            label_column=self.corpus.label_column,
            rules=self.recipe.rules,
            model=self.fitted.model.config,
            temperature=temperature,
            training={
                **_training_facts(self.corpus, self.recipe, self.fitted, background),
                "vocabulary": self.text.facts(self.corpus.valid.texts),
            },
            metrics=metrics,
        )


@dataclass(frozen=True)
class _Results:
    """What the finished model came to, by the path that scores."""

    valid: Evaluation
    test: Evaluation
    baseline: Baseline
    suspicions: tuple[str, ...]

    def metrics(self) -> dict[str, Any]:
        return {
            "valid": self.valid.to_json(),
            "test": self.test.to_json(),
            "majority": self.baseline.majority,
            "tf_idf": self.baseline.linear,
            "suspicions": list(self.suspicions),
        }


def _results(corpus: Corpus, fitted: Fitted, predictor: Predictor) -> _Results:
    valid, test = (_evaluate(predictor, part) for part in (corpus.valid, corpus.test))
    baseline = fit_baseline(corpus.train, corpus.test)
    return _Results(valid, test, baseline, _suspicions(corpus, fitted, test, baseline))


def _evaluate(predictor: Predictor, part: LabelledRows) -> Evaluation:
    prediction = predictor.predict(predictor.encode(part.texts))
    return evaluate(prediction.probabilities, part.targets, predictor.classes)


def _suspicions(
    corpus: Corpus, fitted: Fitted, test: Evaluation, baseline: Baseline
) -> tuple[str, ...]:
    telltale = find_telltale(corpus.train)
    accuracy = fitted.best.train_accuracy
    evidence = Evidence(corpus.classes, accuracy, test, baseline, corpus.leaks, telltale)
    return find_suspicions(evidence)


def _training_facts(
    corpus: Corpus, recipe: Recipe, fitted: Fitted, background: Background
) -> dict[str, Any]:
    return {
        "data_sha256": corpus.fingerprint,
        "rows": {part: len(getattr(corpus, part)) for part in PARTS},
        "parts_sha256": _part_digests(corpus),
        "pretraining": asdict(recipe.pretraining),
        "threads": torch.get_num_threads(),
        "settings": asdict(recipe.training),
        "background": _background_facts(background),
        "best_epoch": fitted.best.epoch,
        "python": platform.python_version(),
        "packages": _packages(),
    }


def _background_facts(background: Background) -> dict[str, Any]:
    """Return what is known of the background; its texts by their number and digest."""
    texts, start = background.unlabelled, background.start
    return {
        "unlabelled_rows": 0 if texts is None else len(texts),
        "unlabelled_sha256": None if texts is None else _digest(texts),
        "start": None if start is None else {"digest": start.digest, **start.facts},
        "vectors": None if background.vectors is None else _file_facts(background.vectors),
        "teachers": [teacher.digest for teacher in background.teachers],
    }


def _part_digests(corpus: Corpus) -> dict[str, str]:
    """Return a digest of the texts and the targets of each part."""
    rows = {part: getattr(corpus, part) for part in PARTS}
    return {
        part: hashlib.sha256(_digest(of.texts).encode() + of.targets.tobytes()).hexdigest()
        for part, of in rows.items()
    }


def _file_facts(path: Path) -> dict[str, str | None]:
    found = fingerprint(path)
    return {"name": path.name, "sha256": found.sha256 if found else None}


def _digest(texts: pa.LargeStringArray) -> str:
    digest = hashlib.sha256()
    for buffer in texts.buffers()[1:]:  # offsets and characters; there are no nulls
        digest.update(buffer)
    return digest.hexdigest()


def _packages() -> dict[str, str]:
    return {name: version(name) for name in PACKAGES}


def _history_row(epoch: Epoch) -> dict[str, float]:
    """Return an epoch without its seconds, which would make each bundle another one."""
    return {
        "epoch": epoch.epoch,
        "loss": epoch.loss,
        "train_accuracy": epoch.train_accuracy,
        "valid_accuracy": epoch.valid_accuracy,
    }
