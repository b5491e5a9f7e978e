"""The training flow, top to bottom: labelled files -> a verified bundle, in use if it earned it.

Only training rows shape the vocabulary and the weights; validation rows choose epoch and
temperature; test rows give the final figures, by the path that scores.
Knows no command line: whoever calls passes callbacks.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import asdict, replace
from functools import partial
from pathlib import Path

from scorer.bundles.bundle import Bundle
from scorer.bundles.bundle_files import load_bundle
from scorer.bundles.pretrained_encoder import extract_encoder
from scorer.bundles.store import (
    CHECKPOINT,
    add,
    add_encoder,
    current,
    in_use,
    keep_report,
    keep_trained_rows,
    promote,
)
from scorer.corpus.corpus import Corpus, read_corpus
from scorer.corpus.labelled_rows import LabelledRows
from scorer.corpus.row_keys import row_keys
from scorer.errors import BundleError, GateError
from scorer.evaluation.report import Release, report_html
from scorer.files.publish import locked, writing
from scorer.files.urls import Location, absolute
from scorer.network.inference import Predictor
from scorer.network.linear import LinearTerm
from scorer.network.model import TextClassifier
from scorer.tokens.vocabulary import Vocabulary
from scorer.training.auxiliary import (
    AuxiliaryInputs,
    check_auxiliary,
    read_auxiliary,
    without_foreign_start,
)
from scorer.training.callbacks import Callbacks
from scorer.training.checkpoint import Checkpoint, State
from scorer.training.examples import check_teachers, encode_examples
from scorer.training.fitting import Examples, Fitted, fit, refit
from scorer.training.gate import check_gate
from scorer.training.initialisation import random_model, set_pretrained_layers
from scorer.training.label_meaning import doubt_labels
from scorer.training.linear import fit_linear
from scorer.training.packaging import TrainingResult, calibrate, package
from scorer.training.preprocessing import Preprocessing
from scorer.training.pretraining import batches_of, pretrain
from scorer.training.previous import with_previous
from scorer.training.probing import probe_logits
from scorer.training.recipe import Recipe, TableSize
from scorer.training.request import TrainingRequest
from scorer.training.stacking import Base, FitLinear, NetworkLogits, fit_base
from scorer.training.task import Task
from scorer.training.validation import Validator
from scorer.wording import are, counted

FITTING = "fitting the linear term"


def train(request: TrainingRequest, callbacks: Callbacks) -> Bundle:
    """Train, write the bundle into the store, put it in use and return it.

    Run again after an interruption, it goes on from the last epoch. Raises a `ScorerError` for
    what a person can put right, `GateError` for a bundle that is written but not put in use.
    """
    check_auxiliary(request.auxiliary, request.recipe())
    request = _with_previous_files(request, callbacks)
    callbacks.on_begin("reading the labelled rows")
    corpus = _named_as_in_use(_read_corpus(request), request)
    callbacks.on_corpus(corpus)
    recipe = request.recipe(TableSize(len(corpus.train), len(corpus.classes)))
    doubt = doubt_labels(corpus, recipe.rules.language)
    warnings = [doubt] if doubt and not in_use(request.store) else []
    for line in warnings:
        callbacks.on_warning(line)
    auxiliary = _read_auxiliary(request, corpus, recipe, doubted=doubt is not None)
    with _checkpoint_of(request.store) as checkpoint:
        result = build(Task(corpus, recipe, auxiliary), callbacks, checkpoint, request.store)
        bundle = add(request.store, result.bundle)
        checkpoint.unlink(missing_ok=True)
        keep_trained_rows(request.store, bundle.version, row_keys(corpus.development.texts))
        _judge(request, result, bundle, corpus.test, warnings, callbacks)
    return bundle


def _with_previous_files(request: TrainingRequest, callbacks: Callbacks) -> TrainingRequest:
    """Return the request with the files of the bundle in use among its own, if it asks for them."""
    if not request.with_previous:
        return request
    *earlier, last = with_previous(request.store, request.source)
    files = [path for source in (*earlier, last) for path in source.paths]
    callbacks.on_note(_added_files(files, request.labelled))
    return replace(
        request, labelled=last.paths, columns=last.columns, options=last.options, earlier=earlier
    )


def _added_files(files: Sequence[Location], given: Sequence[Location]) -> str:
    """Return a note on the files of the bundle in use that were not given."""
    mine = set(map(absolute, given))
    added = ", ".join(str(path) for path in files if path not in mine)
    return f"trained on too, as --with-previous says: {added or 'no other file'}"


def _read_corpus(request: TrainingRequest) -> Corpus:
    return read_corpus(
        request.labelled,
        request.valid,
        request.test,
        request.columns,
        request.seed,
        request.keep_duplicates,
        request.options,
        request.earlier,
    )


def _named_as_in_use(corpus: Corpus, request: TrainingRequest) -> Corpus:
    """Return the corpus with its classes named as those of the bundle in use, if they are the same.

    Columns of nightly outputs have these names: they stay `Positive` or `5.0` though most new rows
    have `positive`, or 5. `--labels` names them anew.
    """
    if request.columns.labels or in_use(request.store) is None:
        return corpus
    with suppress(BundleError):  # which the gate tells
        return corpus.named_as(load_bundle(current(request.store)).classes)
    return corpus


def _read_auxiliary(
    request: TrainingRequest, corpus: Corpus, recipe: Recipe, doubted: bool
) -> AuxiliaryInputs:
    """Return the auxiliary inputs without what would mislead this training.

    doubted: the shipped bundle knows the classes the other way round.
    """
    files = request.auxiliary
    auxiliary = read_auxiliary(files, recipe, corpus.text_column, request.options)
    auxiliary = without_foreign_start(auxiliary, files, corpus.train.texts, recipe.rules)
    if doubted and files.start_from is None:
        return auxiliary.without_output_layer()
    return auxiliary


def _judge(
    request: TrainingRequest,
    result: TrainingResult,
    bundle: Bundle,
    test: LabelledRows,
    warnings: Sequence[str],
    callbacks: Callbacks,
) -> None:
    """Put a new bundle in use if it earned it, and keep its report; else raise `GateError`."""
    callbacks.on_begin("checking whether it may be put in use")
    verdict, refusal = _promote_if_earned(request, result, bundle, test)
    if not refusal:
        callbacks.on_verdict(verdict)
    release = Release(bundle.version, verdict, request.command(), warnings)
    report = report_html(result.findings, release)
    try:
        callbacks.on_report(keep_report(request.store, bundle.version, report))
    finally:  # a disk that is full must not hide what the gate says
        if refusal:
            raise refusal


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
    callbacks.on_begin("counting words")
    preprocessing = Preprocessing.fit(task.learned_rows.texts, recipe, auxiliary.encoder)
    callbacks.on_vocabulary(preprocessing.vocabulary, preprocessing.counts)

    kept = Checkpoint(checkpoint, task.key) if checkpoint else None
    state = _load_state(kept, callbacks)
    model = _initial_model(task, preprocessing)
    examples = encode_examples(corpus.train, auxiliary, preprocessing.encoder)
    base = _fit_base(examples, task, preprocessing, model, callbacks)
    if base is not None:
        examples = replace(examples, base_logits=base.logits)
    if state is None and task.pretrains:  # else the checkpoint has later weights
        _pretrain(model, task, preprocessing, callbacks, store)

    linear = base.term if base else None
    validator = Validator(preprocessing.encoder, corpus.classes, corpus.valid, linear)
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
    temperature = calibrate(fitted.model, validator, callbacks.on_note)
    if task.learns_validation:
        fitted, linear = _learn_validation(task, preprocessing, base, fitted, callbacks)

    callbacks.on_begin("evaluating, and fitting the simple model beside it")
    scale = base.scale if base else 0.0
    result = package(task, preprocessing, fitted, linear, scale, temperature)
    callbacks.on_result(result)
    return result


def _load_state(checkpoint: Checkpoint | None, callbacks: Callbacks) -> State | None:
    """Return the state that an interrupted training of this task has left, if it has."""
    state = checkpoint.load() if checkpoint else None
    if state is not None:
        done = counted(len(state.facts["epochs"]), "epoch")
        callbacks.on_note(f"going on where an interrupted training stood, after {done}")
    return state


def _initial_model(task: Task, preprocessing: Preprocessing) -> TextClassifier:
    """Return the network before any training: random, or from an encoder or word vectors."""
    vocabulary, auxiliary = preprocessing.vocabulary, task.auxiliary
    model = random_model(task.model_config(vocabulary), task.recipe.training.seed)
    set_pretrained_layers(
        model, vocabulary, task.corpus.classes, auxiliary.encoder, auxiliary.vectors
    )
    return model


def _fit_base(
    examples: Examples,
    task: Task,
    preprocessing: Preprocessing,
    model: TextClassifier,
    callbacks: Callbacks,
) -> Base | None:
    """Return the linear term that the network is stacked on, where the recipe has one."""
    if not task.recipe.linear:
        return None
    callbacks.on_begin(FITTING)
    fit_term = _linear_fit(preprocessing.vocabulary, task)
    return fit_base(examples, fit_term, _network_logits(task, preprocessing, model))


def _network_logits(
    task: Task, preprocessing: Preprocessing, model: TextClassifier
) -> NetworkLogits | None:
    """Return what predicts examples by the network before it is trained; None if it is random.

    By its own output layer where that is for these classes, else by a probe of its states.
    """
    if task.auxiliary.encoder is None:
        return None
    if not task.knows_classes:
        return partial(probe_logits, model)
    classes, device = task.corpus.classes, model.output.weight.device.type
    predictor = Predictor(preprocessing.encoder, model, classes, device=device)
    return lambda examples: predictor.logits(examples.encoded)


def _linear_fit(vocabulary: Vocabulary, task: Task) -> FitLinear:
    """Return what fits the linear term of this task to examples."""
    classes, word_vectors = len(task.corpus.classes), task.auxiliary.word_vectors
    return lambda examples: fit_linear(examples, vocabulary, classes, word_vectors)


def _learn_validation(
    task: Task,
    preprocessing: Preprocessing,
    base: Base | None,
    fitted: Fitted,
    callbacks: Callbacks,
) -> tuple[Fitted, LinearTerm | None]:
    """Return network and linear term trained on the validation rows too, once they have chosen."""
    examples = encode_examples(task.learned_rows, task.auxiliary, preprocessing.encoder)
    linear = None
    if base is not None:
        callbacks.on_begin(f"{FITTING}, with the validation rows")
        linear, examples = base.extended(examples, _linear_fit(preprocessing.vocabulary, task))
    if not task.refits_network:
        return fitted, linear
    callbacks.on_note(
        f"training again from the start, the validation rows added, up to epoch {fitted.best.epoch}"
    )
    fresh = _initial_model(task, preprocessing)
    return refit(fresh, examples, fitted, task.recipe.training, callbacks.on_step), linear


def _pretrain(
    model: TextClassifier,
    task: Task,
    preprocessing: Preprocessing,
    callbacks: Callbacks,
    store: Path | None,
) -> None:
    """Pretrain on the training texts and the unlabelled ones, and keep the encoder."""
    config, encoded = task.recipe.pretraining, preprocessing.encoder.encode(task.texts)
    tokens = len(encoded.ids)
    if not batches_of(encoded, config):
        callbacks.on_note(f"{counted(tokens, 'token')} {are(tokens)} too few to pretrain on")
        return
    pretrain(model, encoded, config, callbacks.on_pretraining, task.auxiliary.encoder is None)
    facts = {"texts": len(encoded), "tokens": tokens, **asdict(config)}
    encoder = extract_encoder(model, preprocessing.vocabulary, facts)
    callbacks.on_pretrained(encoder, add_encoder(store, encoder) if store else None)


@contextmanager
def _checkpoint_of(store: Path) -> Iterator[Path]:
    """Hold the lock of the store's checkpoint; yield its path."""
    with writing(store):
        store.mkdir(parents=True, exist_ok=True)
    with locked(store / CHECKPOINT):
        yield store / CHECKPOINT
