"""The training flow, top to bottom: labelled files -> a verified bundle, in use if it earned it.

Only training rows shape the vocabulary and the weights; validation rows choose epoch, temperature
and the share of the linear term; test rows give the final figures, by the path that scores.
Knows no command line: whoever calls passes callbacks.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from scorer.bundles.bundle import Bundle
from scorer.bundles.pretrained_encoder import extract_encoder
from scorer.bundles.store import (
    CHECKPOINT,
    add,
    add_encoder,
    in_use,
    keep_report,
    keep_trained_rows,
    promote,
)
from scorer.corpus.corpus import read_corpus
from scorer.corpus.labelled import LabelledRows
from scorer.corpus.labelled_columns import Columns
from scorer.corpus.row_keys import row_keys
from scorer.errors import GateError
from scorer.evaluation.command_line import command_line
from scorer.evaluation.report import Issue, report_html
from scorer.files.publish import locked, writing
from scorer.files.urls import Location, absolute
from scorer.network.linear import LinearTerm
from scorer.network.model import TextClassifier
from scorer.tables.formats import ReadOptions
from scorer.tables.text_column import JOIN
from scorer.tokens.vocabulary import Vocabulary
from scorer.training.auxiliary import (
    AuxiliaryFiles,
    check_auxiliary,
    read_auxiliary,
    without_foreign_start,
)
from scorer.training.callbacks import Callbacks
from scorer.training.checkpoint import Checkpoint
from scorer.training.examples import check_teachers, encode_examples
from scorer.training.fitting import Examples, fit, refit
from scorer.training.gate import Promotion, check_gate
from scorer.training.initialisation import init_model, initialise
from scorer.training.label_meaning import doubt_labels
from scorer.training.linear import fit_linear
from scorer.training.packaging import TrainingResult, calibrate, package
from scorer.training.preprocessing import Preprocessing
from scorer.training.pretraining import enough_tokens, pretrain
from scorer.training.previous import with_previous
from scorer.training.recipe import Recipe, TableSize, make_recipe
from scorer.training.task import Task
from scorer.training.validation import Validator
from scorer.wording import are, counted


@dataclass(frozen=True)
class TrainingRequest:
    """What to train on and how; the names are those of the command line's options.

    `settings` are fields of `Recipe` and `TrainConfig`; None is the preset's.
    """

    labelled: Sequence[Location]
    store: Path
    preset: str = "accurate"
    valid: str = "0.12"
    test: str = "0.2"
    columns: Columns = field(default_factory=Columns)
    keep_duplicates: bool = False
    auxiliary: AuxiliaryFiles = field(default_factory=AuxiliaryFiles)
    seed: int = 0
    options: ReadOptions | None = None
    settings: Mapping[str, Any] = field(default_factory=dict)
    promotion: Promotion = field(default_factory=Promotion)
    with_previous: bool = False  # the files of the bundle in use are trained on too

    def recipe(self, size: TableSize | None = None) -> Recipe:
        """Return the recipe for a table of a size."""
        return make_recipe(self.preset, size, seed=self.seed, **self.settings)

    def command(self, labelled: Sequence[Location]) -> str:
        """Return the command that trains so on these files."""
        columns, auxiliary = self.columns, self.auxiliary
        options = {
            "store": self.store,
            "preset": self.preset,
            "seed": self.seed,
            "valid": self.valid,
            "test": self.test,
            "text_column": columns.text.split(JOIN) if columns.text else None,
            "label_column": columns.label,
            "group_column": columns.group,
            "labels": columns.labels,
            "keep_duplicates": self.keep_duplicates,
            "unlabelled": list(auxiliary.unlabelled),
            "start_from": auxiliary.start_from,
            "vectors": auxiliary.vectors,
            "teacher": list(auxiliary.teachers),
            **(self.options.given() if self.options else {}),
            **self.settings,
            **{"promote": self.promotion.policy, "max_loss": self.promotion.max_loss},
            "min_accuracy": self.promotion.min_accuracy,
        }
        return command_line(["scorer", "train", *labelled], options)


def train(request: TrainingRequest, callbacks: Callbacks) -> Bundle:
    """Train, write the bundle into the store, put it in use and return it.

    Run again after an interruption, it goes on from the last epoch. Raises a `ScorerError` for
    what a person can put right, `GateError` for a bundle that is written but not put in use.
    """
    check_auxiliary(request.auxiliary, request.recipe())
    labelled = request.labelled
    if request.with_previous:
        labelled = with_previous(request.store, labelled)
        callbacks.on_note(_added_files(labelled, request.labelled))
    corpus = read_corpus(
        labelled,
        request.valid,
        request.test,
        request.columns,
        request.seed,
        request.keep_duplicates,
        request.options,
    )
    callbacks.on_corpus(corpus)
    recipe = request.recipe(TableSize(len(corpus.train), len(corpus.classes)))
    doubt = doubt_labels(corpus, recipe.rules.language)
    warnings = [doubt] if doubt and not in_use(request.store) else []
    for line in warnings:
        callbacks.on_warning(line)
    files = request.auxiliary
    auxiliary = read_auxiliary(files, recipe, corpus.text_column, request.options)
    auxiliary = without_foreign_start(auxiliary, files, corpus.train.texts, recipe.rules)
    if doubt and files.start_from is None:  # what the shipped bundle knows of them is wrong here
        auxiliary = auxiliary.without_output_layer()
    with _checkpoint_of(request.store) as checkpoint:
        result = build(Task(corpus, recipe, auxiliary), callbacks, checkpoint, request.store)
        bundle = add(request.store, result.bundle)
        checkpoint.unlink(missing_ok=True)
        keep_trained_rows(request.store, bundle.version, row_keys(corpus.development.texts))
        verdict, refusal = _promote_if_earned(request, result, bundle, corpus.test)
        if not refusal:
            callbacks.on_verdict(verdict)
        issue = Issue(bundle.version, verdict, request.command(labelled), warnings)
        report = report_html(result.findings, issue)
        try:
            callbacks.on_report(keep_report(request.store, bundle.version, report))
        finally:  # a disk that is full must not hide what the gate says
            if refusal:
                raise refusal
    return bundle


def _added_files(files: Sequence[Location], given: Sequence[Location]) -> str:
    """Return a note on the files of the bundle in use that were not given."""
    mine = set(map(absolute, given))
    added = ", ".join(str(path) for path in files if path not in mine)
    return f"trained on too, as --with-previous says: {added or 'no other file'}"


def _promote_if_earned(
    request: TrainingRequest, result: TrainingResult, bundle: Bundle, test: LabelledRows
) -> tuple[str, GateError | None]:
    """Put a new bundle in use if it may be; return the verdict, and the error where it may not."""
    try:
        verdict = check_gate(result, bundle, test, request.store, request.promotion)
    except GateError as error:
        return error.args[0], error
    if request.promotion.policy == "never":
        return f"written, not put in use (--promote never); {verdict}", None
    promote(request.store, bundle.version, by="training")
    return f"in use; {verdict}", None


def build(
    task: Task, callbacks: Callbacks, checkpoint: Path | None = None, store: Path | None = None
) -> TrainingResult:
    """Return the bundle that the task makes, not yet written, with its figures.

    With the path of a checkpoint an interrupted training goes on where it stood; with a store,
    what was pretrained is kept there. Raises `UsageError` for a teacher of other classes.
    """
    corpus, recipe, auxiliary = task.corpus, task.recipe, task.auxiliary
    check_teachers(auxiliary.teachers, corpus.classes)
    for note in auxiliary.notes:
        callbacks.on_note(note)
    text = Preprocessing.fit(task.learned_rows.texts, recipe, auxiliary.encoder)
    callbacks.on_vocabulary(text.vocabulary, text.counts)

    kept = Checkpoint(checkpoint, task.key) if checkpoint else None
    state = kept.load() if kept else None
    model = _initial_model(task, text)
    if state is None and task.pretrains:  # else the checkpoint has later weights
        _pretrain(model, task, text, callbacks, store)

    examples = encode_examples(corpus.train, auxiliary, text.encoder)
    validator = Validator(text.encoder, corpus.classes, corpus.valid)
    fitted = fit(
        model,
        examples,
        validator,
        recipe.training,
        callbacks.on_step,
        callbacks.on_epoch,
        kept,
        state,
    )
    linear = _fit_linear(examples, text.vocabulary, task)
    calibration = calibrate(
        fitted.model, linear, validator, auxiliary.encoder is not None, callbacks.on_note
    )
    if task.learns_validation:
        examples = encode_examples(task.learned_rows, auxiliary, text.encoder)
        linear = _fit_linear(examples, text.vocabulary, task)
    if task.refits_network:
        callbacks.on_note(
            "training again from the start, the validation rows added, up to epoch "
            f"{fitted.best.epoch}"
        )
        fresh = _initial_model(task, text)
        fitted = refit(fresh, examples, fitted, recipe.training, callbacks.on_step)

    result = package(task, text, fitted, linear, calibration)
    callbacks.on_result(result)
    return result


def _initial_model(task: Task, text: Preprocessing) -> TextClassifier:
    """Return the network as it is before any training: random, or from an encoder or vectors."""
    model = init_model(task.model_config(text.vocabulary), task.recipe.training.seed)
    auxiliary, classes = task.auxiliary, task.corpus.classes
    initialise(model, text.vocabulary, classes, auxiliary.encoder, auxiliary.vectors)
    return model


def _fit_linear(examples: Examples, vocabulary: Vocabulary, task: Task) -> LinearTerm | None:
    """Return the linear term of the examples, where the recipe has one."""
    if not task.recipe.linear:
        return None
    classes, word_vectors = len(task.corpus.classes), task.auxiliary.word_vectors
    return fit_linear(examples, vocabulary, classes, word_vectors)


def _pretrain(
    model: TextClassifier,
    task: Task,
    text: Preprocessing,
    callbacks: Callbacks,
    store: Path | None,
) -> None:
    """Pretrain on the training texts and the unlabelled ones, and keep the encoder."""
    config, encoded = task.recipe.pretraining, text.encoder.encode(task.texts)
    tokens = len(encoded.ids)
    if not enough_tokens(encoded, config):
        callbacks.on_note(f"{counted(tokens, 'token')} {are(tokens)} too few to pretrain on")
        return
    pretrain(model, encoded, config, callbacks.on_pretraining, task.auxiliary.encoder is None)
    facts = {"texts": len(encoded), "tokens": tokens, **asdict(config)}
    encoder = extract_encoder(model, text.vocabulary, facts)
    callbacks.on_pretrained(encoder, add_encoder(store, encoder) if store else None)


@contextmanager
def _checkpoint_of(store: Path) -> Iterator[Path]:
    """Hold the lock of the store's checkpoint; yield its path."""
    with writing(store):
        store.mkdir(parents=True, exist_ok=True)
    with locked(store / CHECKPOINT):
        yield store / CHECKPOINT
