"""What the two jobs do, for programs: score tables in memory or files, and train.

The same bundles, path and columns as the jobs. Knows how the rooms fit together, nothing of the
command line.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import pyarrow as pa

from scorer.bundles.bundle import Bundle, load_bundle
from scorer.bundles.store import add, current, in_use, promote, resolve_bundle
from scorer.corpus.corpus import read_corpus
from scorer.corpus.labelled_columns import Columns
from scorer.errors import GateError
from scorer.files.publish import locked, writing
from scorer.network.inference import Predictor
from scorer.scoring.columns import AddedColumns
from scorer.scoring.request import Source, Target
from scorer.scoring.scoring import Model, score_table
from scorer.scoring.scoring import score_file as score_between
from scorer.scoring.summary import BundleFacts, RunSummary
from scorer.tables.formats import ReadOptions, format_of
from scorer.tables.text_column import find_text_column
from scorer.training.background import check_background, read_background
from scorer.training.learned import Learned
from scorer.training.learning import learn
from scorer.training.listener import Listener
from scorer.training.presets import recipe
from scorer.training.task import Task

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["Bundle", "Scorer", "score_file", "train"]

Table = TypeVar("Table", "pa.Table", "pd.DataFrame")
SAMPLE_ROWS = 1000  # looked at to find the text column
CHECKPOINT = "training.safetensors"  # in the store, while a training is not finished


def train(
    labelled: Sequence[Path],
    store: Path,
    preset: str = "accurate",
    valid: str = "0.12",
    test: str = "0.2",
    columns: Columns | None = None,
    keep_duplicates: bool = False,
    unlabelled: Sequence[Path] = (),
    start_from: Path | None = None,
    vectors: Path | None = None,
    teachers: Sequence[Path] = (),
    seed: int = 0,
    listener: Listener | None = None,
    options: ReadOptions | None = None,
    **settings: Any,
) -> Bundle:
    """Train on labelled files, write the bundle into the store, put it in use and return it.

    `options` say how the files are read, `settings` are fields of `Recipe` and `TrainConfig`. Run
    again after an interruption, it goes on from the last epoch. Raises a `ScorerError` for what a
    person can put right.
    """
    how = recipe(preset, seed=seed, **settings)
    check_background(unlabelled, start_from, vectors, teachers)
    corpus = read_corpus(
        labelled, valid, test, columns or Columns(), seed, keep_duplicates, options
    )
    background = read_background(
        unlabelled, corpus.text_column, start_from, vectors, teachers, options
    )
    with writing(store):
        store.mkdir(parents=True, exist_ok=True)
    checkpoint = store / CHECKPOINT
    with locked(checkpoint):
        learned = learn(Task(corpus, how, background), listener or Listener(), checkpoint)
        bundle = add(store, learned.bundle)
        checkpoint.unlink(missing_ok=True)
        check_gate(learned, bundle, store)
        promote(store, bundle.version)
    return bundle


def check_gate(learned: Learned, bundle: Bundle, store: Path) -> None:
    """Raise `GateError` for a bundle that is written but should not score tomorrow's rows unseen.

    It guesses worse than always naming one class, or has other classes than the one in use.
    """
    hint = f"`python -m scorer bundles {store} --use {bundle.version}` puts it in use all the same"
    kept = f"bundle {bundle.version} is written but not put in use"
    accuracy, majority = learned.test.accuracy, learned.baseline.majority
    if accuracy < majority:
        lower = f"test accuracy {accuracy:.2%} is below the {majority:.2%} of always guessing"
        raise GateError(f"{kept}: {lower} one class", hint)
    if in_use(store) is None:
        return
    before = load_bundle(current(store)).classes
    if before != bundle.classes:
        raise GateError(f"{kept}: its classes are {bundle.classes}, those in use {before}", hint)


def score_file(
    source: str,
    target: str,
    bundle: str | None = None,
    store: str | None = None,
    text_column: str | None = None,
    overwrite: bool = False,
) -> RunSummary:
    """Score a file into another one as `score_job.py` does, with the bundle that it would take."""
    return Scorer.load(bundle, store).score_file(source, target, text_column, overwrite)


class Scorer:
    """A verified bundle, ready to score."""

    def __init__(self, bundle: Bundle, predictor: Predictor) -> None:
        self.bundle = bundle
        self._predictor = predictor

    @classmethod
    def load(
        cls, bundle: str | None = None, store: str | None = None, precision: str = "auto"
    ) -> "Scorer":
        """Load a bundle folder, else the store's current one, else the one that is shipped.

        Raises `BundleError` for a bundle that is damaged, or whose golden rows come out otherwise.
        """
        loaded = load_bundle(resolve_bundle(bundle, store))
        predictor = Predictor.from_bundle(loaded, precision, workers=0)
        loaded.golden.check(predictor)
        return cls(loaded, predictor)

    @property
    def classes(self) -> tuple[str, ...]:
        """The classes, in the order of the probability columns."""
        return self.bundle.classes

    def score_file(
        self, source: str, target: str, text_column: str | None = None, overwrite: bool = False
    ) -> RunSummary:
        """Score a file into another one as the job does, with all its guarantees.

        Formats follow from the names. Raises a `ScorerError` for what a person can put right.
        """
        given = Source(source, format_of(source), text_column=text_column)
        wanted = Target(target, format_of(target, writing=True), overwrite=overwrite)
        model = Model(self._predictor, BundleFacts.of(self.bundle), self.bundle.text_column)
        return score_between(given, wanted, model)

    def score(
        self,
        table: Table,
        text_column: str | None = None,
        prefix: str = "",
        label: bool = False,
        status: bool = False,
    ) -> Table:
        """Return the table or data frame with `probability_<class>` columns added (float32).

        A null or blank text has null probabilities. Raises `InputError` where there is no such
        column or none is clearly the text, `UsageError` where an added column is there already.
        """
        if not isinstance(table, pa.Table):
            return self._score_frame(table, text_column, prefix, label, status)
        column = find_text_column(table.slice(0, SAMPLE_ROWS), text_column, self.bundle.text_column)
        return score_table(table, self._predictor, column, AddedColumns(prefix, label, status))

    def _score_frame(
        self, frame: "pd.DataFrame", text_column: str | None, prefix: str, label: bool, status: bool
    ) -> "pd.DataFrame":
        """Add the columns to a copy of the frame, whose own columns and index stay as they are."""
        arrays = [_arrow_column(frame.iloc[:, i]) for i in range(frame.shape[1])]
        table = pa.Table.from_arrays(arrays, [str(name) for name in frame.columns])
        scored = self.score(table, text_column, prefix, label, status)
        added = scored.select(range(table.num_columns, scored.num_columns)).to_pandas()
        return frame.assign(**{name: added[name].to_numpy() for name in added.columns})


def _arrow_column(column: "pd.Series") -> pa.Array:
    """Return a frame's column; of one of mixed kinds, which no text is, only its length."""
    try:
        return pa.array(column, from_pandas=True)
    except (pa.ArrowException, OverflowError, TypeError, ValueError):
        return pa.nulls(len(column), pa.binary())
