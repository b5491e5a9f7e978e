"""What the two jobs do, for programs: score tables in memory or files, and train.

The same bundles, path and columns as the jobs. Knows how the rooms fit together, nothing of the
command line.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import pyarrow as pa

from scorer.bundles.bundle import Bundle, load_bundle
from scorer.bundles.store import resolve_bundle
from scorer.corpus.labelled_columns import Columns
from scorer.network.inference import Predictor
from scorer.scoring.columns import AddedColumns
from scorer.scoring.request import Source, Target
from scorer.scoring.scoring import Model, score_table
from scorer.scoring.scoring import score_file as score_between
from scorer.scoring.summary import BundleFacts, RunSummary
from scorer.tables.formats import ReadOptions, format_of
from scorer.tables.text_column import find_text_column
from scorer.training.auxiliary import AuxiliaryFiles
from scorer.training.callbacks import Callbacks
from scorer.training.training import TrainingRequest
from scorer.training.training import train as train_bundle

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["Bundle", "Scorer", "score_file", "train"]

Table = TypeVar("Table", "pa.Table", "pd.DataFrame")
SAMPLE_ROWS = 1000  # looked at to find the text column


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
    callbacks: Callbacks | None = None,
    options: ReadOptions | None = None,
    **settings: Any,
) -> Bundle:
    """Train on labelled files, write the bundle into the store, put it in use and return it.

    The options are those of the training job; `options` say how the files are read, `settings` are
    fields of `Recipe` and `TrainConfig`. Raises a `ScorerError` for what a person can put right.
    """
    request = TrainingRequest(
        labelled,
        store,
        preset,
        valid,
        test,
        columns or Columns(),
        keep_duplicates,
        AuxiliaryFiles(unlabelled, start_from, vectors, teachers),
        seed,
        options,
        settings,
    )
    return train_bundle(request, callbacks or Callbacks())


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
