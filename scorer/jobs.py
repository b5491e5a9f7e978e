"""The two jobs as functions of their options, which have the names of the command line's.

The one way for commands, the API and engines alike. Knows how the rooms fit together, nothing of
what is printed. Messages name options as the command line spells them; `api` spells them for
programs.
"""

import json
import os
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from scorer.bundles.bundle import Bundle
from scorer.bundles.bundle_files import load_bundle
from scorer.bundles.store import DEFAULT_BUNDLE, load_chosen, resolve_bundle
from scorer.engines.engine import LOCAL, PRECISION, Engine, load_model
from scorer.errors import UsageError
from scorer.evaluation.drift import WARNING_LEVEL
from scorer.files.byte_streams import STANDARD_STREAM
from scorer.files.urls import Location, hide_secrets, local_file, location, with_secrets
from scorer.many_files import many_files
from scorer.many_files.file_pairs import FilePair, find_files
from scorer.many_files.many_files import FilesSummary, Outcome
from scorer.scoring import scoring
from scorer.scoring.callbacks import Callbacks as ScoringCallbacks
from scorer.scoring.columns import AddedColumns
from scorer.scoring.model import Model
from scorer.scoring.reject_limit import DEFAULT_LIMIT, RejectLimit
from scorer.scoring.request import CHUNK_ROWS, Source, Target
from scorer.scoring.summary import RunSummary
from scorer.tables.csv_options import CsvOptions
from scorer.tables.formats import ReadOptions, format_of
from scorer.tables.text_column import JOIN

if TYPE_CHECKING:
    from scorer.training.callbacks import Callbacks as TrainingCallbacks

StrPath = str | os.PathLike[str]
LARGE_BYTES = 1 << 20  # of an input
# options that change no byte of an output, as they are where they are not given
UNSET = {"cache": None, "max_drift": None, "hold_on_drift": False}
EXPLAINED_CHUNK_ROWS = CHUNK_ROWS // 8  # a chunk is finished before a run ends, and takes longer


def score_file(
    source: StrPath,
    target: StrPath,
    bundle: StrPath | None = None,
    store: StrPath | None = None,
    text_column: str | Sequence[str] | None = None,
    overwrite: bool = False,
    *,
    precision: str = PRECISION,
    workers: int | None = None,
    engine: str = LOCAL,
    processes: int | None = None,
    concurrency: int | None = None,
    ray_address: str | None = None,
    callbacks: ScoringCallbacks | None = None,
    check_cancelled: Callable[[], None] = lambda: None,
    **options: Any,
) -> RunSummary:
    """Score a file into another one, with a bundle, a store's bundle in use, or the shipped one.

    `options` are those of `score_job.py`, by the same names. `check_cancelled` is called between
    chunks, what it raises ends the run. Raises a `ScorerError` for what a person can put right.
    """
    with ExitStack() as stack:
        given, wanted = source_and_target(source, target, text_column, overwrite, **options)
        chosen = Engine(engine, processes, concurrency, ray_address)

        def load() -> Model:
            folder = resolve_bundle(bundle, store)
            loaded = load_bundle(folder)
            model = load_model(loaded, precision, workers, _is_large(given), chosen)
            stack.callback(model.predictor.close)
            return replace(model, folder="" if folder == DEFAULT_BUNDLE else str(folder))

        return scoring.score_file(given, wanted, load, callbacks, check_cancelled)


def score_files(
    sources: Sequence[StrPath],
    target: StrPath,
    bundle: StrPath | None = None,
    store: StrPath | None = None,
    *,
    precision: str = PRECISION,
    workers: int | None = None,
    engine: str = LOCAL,
    processes: int | None = None,
    concurrency: int | None = None,
    ray_address: str | None = None,
    overwrite: bool = False,
    output_format: str | None = None,
    callbacks: ScoringCallbacks | None = None,
    check_cancelled: Callable[[], None] = lambda: None,
    on_outcome: Callable[[Outcome], None] = lambda outcome: None,
    **options: Any,
) -> FilesSummary:
    """Score many files (also folders, globs, `@list` files) into a folder that mirrors them.

    Each of them, and the folder, may be behind a URL.

    One model for all; outputs that are up to date are not made again; a file that fails does not
    stop the others: `FilesError` names them in the end. Options are those of `score_file`, but
    for `report`, which is about one file.
    """
    if options.get("report") is not None:
        raise UsageError(
            "--report is about one file, and these are several", "scorer-run.json sums them up"
        )
    source_and_target(STANDARD_STREAM, STANDARD_STREAM, **options)  # else each file says it
    folder = location(hide_secrets(os.fspath(target)))
    try:
        pairs = find_files([os.fspath(source) for source in sources], folder, output_format)
        many_files.check_folder(folder)
        loaded = load_chosen(bundle, store)
        chosen = Engine(engine, processes, concurrency, ray_address)
        model = load_model(loaded, precision, workers, engine=chosen)
    except Exception as error:  # of any kind: the last run's summary would pass for this one's
        many_files.leave_failure(folder, error)
        raise

    def score(pair: FilePair, replaces: bool) -> RunSummary:
        check_cancelled()
        given, wanted = source_and_target(
            with_secrets(str(pair.source)),
            with_secrets(str(pair.target)),
            overwrite=overwrite or replaces,
            output_format=output_format,
            **options,
        )
        return scoring.score_file(given, wanted, lambda: model, callbacks, check_cancelled)

    shaping = {
        **options,
        **{name: unset for name, unset in UNSET.items() if name in options},
        "output_format": output_format,
        **model.predictor.score_settings,
    }
    binding = f"{loaded.digest} {json.dumps(shaping, sort_keys=True, default=str)}"
    try:
        return many_files.score_files(pairs, folder, binding, score, on_outcome)
    finally:
        model.predictor.close()


def _is_large(source: Source) -> bool:
    """Return whether an input is large enough for the fused kernel's import to pay.

    Of a stream that is not known: yes.
    """
    file = source.file
    if not isinstance(file, Path):
        return True
    return not file.is_file() or file.stat().st_size >= LARGE_BYTES


def source_and_target(
    source: StrPath,
    target: StrPath,
    text_column: str | Sequence[str] | None = None,
    overwrite: bool = False,
    *,
    input_format: str | None = None,
    output_format: str | None = None,
    prefix: str = "",
    with_label: bool = False,
    with_status: bool = False,
    explain: int | None = None,
    threshold: float | None = None,
    abstain: float | None = None,
    chunk_rows: int | None = None,
    max_rejects: str | int = str(DEFAULT_LIMIT),
    max_drift: float | None = None,
    hold_on_drift: bool = False,
    cache: StrPath | None = None,
    report: StrPath | None = None,
    **csv: Any,
) -> tuple[Source, Target]:
    """Return what is read and what is written; `csv` are fields of `CsvOptions`."""
    read, write = hide_secrets(os.fspath(source)), hide_secrets(os.fspath(target))
    limit = RejectLimit.parse(str(max_rejects))
    column = one_name(text_column)
    read_format = format_of(read, input_format).with_column(column)
    written_format = format_of(write, output_format, writing=True)
    added = AddedColumns(prefix, with_label, with_status, explain or 0, threshold, abstain)
    if hold_on_drift and max_drift is None:
        max_drift = WARNING_LEVEL
    return (
        Source(
            read,
            read_format,
            csv=CsvOptions(**csv),
            text_column=column,
            chunk_rows=chunk_rows or (EXPLAINED_CHUNK_ROWS if explain else CHUNK_ROWS),
            limit=limit,
            cache=_optional_file(cache, "--cache"),
        ),
        Target(
            write,
            written_format,
            added,
            overwrite=overwrite,
            max_drift=max_drift,
            hold_on_drift=hold_on_drift,
            report=_optional_file(report, "--report"),
        ),
    )


def train(
    labelled: StrPath | Sequence[StrPath],
    store: StrPath,
    preset: str = "accurate",
    valid: StrPath | float = "0.12",
    test: StrPath | float = "0.2",
    *,
    text_column: str | Sequence[str] | None = None,
    label_column: str | None = None,
    group_column: str | None = None,
    labels: str | None = None,
    keep_duplicates: bool = False,
    unlabelled: Sequence[StrPath] = (),
    start_from: StrPath | None = None,
    vectors: StrPath | None = None,
    teachers: Sequence[StrPath] = (),
    seed: int = 0,
    with_previous: bool = False,
    promote: str = "if-not-worse",
    max_loss: float | None = None,
    min_accuracy: float | None = None,
    input_format: str | None = None,
    callbacks: "TrainingCallbacks | None" = None,
    **options: Any,
) -> Bundle:
    """Train on labelled files, write the bundle into the store, put it in use and return it.

    `options` are the other ones of `train_job.py`, by the same names. Raises a `ScorerError` for
    what a person can put right, `GateError` for a bundle that is written but not in use.
    """
    from scorer.corpus.labelled_columns import Columns
    from scorer.training import training  # scoring starts sooner without it
    from scorer.training.auxiliary import AuxiliaryFiles
    from scorer.training.callbacks import Callbacks
    from scorer.training.gate import Promotion
    from scorer.training.request import TrainingRequest

    csv = {name: options.pop(name) for name in CsvOptions.__annotations__ if name in options}
    request = TrainingRequest(
        _locations(labelled),
        local_file(store, "--store"),
        preset=preset,
        valid=_part(valid),
        test=_part(test),
        columns=Columns(one_name(text_column), label_column, group_column, labels),
        keep_duplicates=keep_duplicates,
        auxiliary=AuxiliaryFiles(
            [local_file(path, "--unlabelled") for path in unlabelled],
            _optional_file(start_from, "--start-from"),
            _optional_file(vectors, "--vectors"),
            [local_file(path, "--teacher") for path in teachers],
        ),
        seed=seed,
        options=ReadOptions(input_format, CsvOptions(**csv)),
        settings=options,
        promotion=Promotion(promote, max_loss, min_accuracy),
        with_previous=with_previous,
    )
    return training.train(request, callbacks or Callbacks())


def one_name(text_column: str | Sequence[str] | None) -> str | None:
    """Return the name of a text column, or of several whose texts are joined."""
    if text_column is None or isinstance(text_column, str):
        return text_column
    return JOIN.join(text_column) or None


def _optional_file(path: StrPath | None, option: str) -> Path | None:
    return None if path is None else local_file(path, option)


def _locations(files: StrPath | Sequence[StrPath]) -> list[Location]:
    """Return where one file is, or each of several, without a URL's secrets."""
    paths = [files] if isinstance(files, str | os.PathLike) else files
    return [location(hide_secrets(os.fspath(path))) for path in paths]


def _part(given: StrPath | float) -> str:
    """Return a file, a share or a number of rows as the command line has it."""
    return hide_secrets(os.fspath(given)) if isinstance(given, str | os.PathLike) else str(given)
