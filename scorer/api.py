"""The public API: a bundle ready to score tables and files, and training.

Knows the kinds of tables that programs hold, and how errors name parameters. What scores and
trains is in `jobs`, shared with the command line.
"""

import re
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from functools import wraps
from itertools import chain
from typing import TYPE_CHECKING, Any, ParamSpec, TypeVar

import pyarrow as pa

from scorer import jobs
from scorer.bundles.bundle import Bundle
from scorer.bundles.store import load_chosen
from scorer.engines.engine import PRECISION, load_model
from scorer.errors import ScorerError, UsageError
from scorer.jobs import StrPath, one_name
from scorer.scoring import scoring
from scorer.scoring.callbacks import Callbacks
from scorer.scoring.columns import AddedColumns
from scorer.scoring.summary import RunSummary
from scorer.tables.text_column import locate_text

if TYPE_CHECKING:
    import pandas as pd
    import polars as pl

__all__ = ["Bundle", "Scorer", "score_file", "score_files", "train"]

Parameters = ParamSpec("Parameters")
Result = TypeVar("Result")

SAMPLE_ROWS = 1000  # looked at to find the text column
OPTION = re.compile(r"--([a-z]+(?:-[a-z]+)*)")
TAKEN = (
    "a list of strings, a pandas or polars Series or frame, a pyarrow Table, RecordBatch or "
    "RecordBatchReader, or an iterator of RecordBatches"
)


@contextmanager
def _parameter_names() -> Iterator[None]:
    """Have the messages of errors name parameters, not options of the command line."""
    try:
        yield
    except ScorerError as error:
        message, hint = (_as_parameters(text) for text in (error.args[0], error.hint))
        error.args, error.hint = (message,), hint
        raise


def _as_parameters(text: str) -> str:
    """Return a message with parameters for options, but in the commands it quotes."""
    plain_and_commands = text.split("`")
    for i in range(0, len(plain_and_commands), 2):
        plain = plain_and_commands[i]
        plain_and_commands[i] = OPTION.sub(lambda option: option[1].replace("-", "_"), plain)
    return "`".join(plain_and_commands)


def _named_as_parameters(job: Callable[Parameters, Result]) -> Callable[Parameters, Result]:
    @wraps(job)
    def run(*args: Parameters.args, **kwargs: Parameters.kwargs) -> Result:
        with _parameter_names():
            return job(*args, **kwargs)

    return run


score_file = _named_as_parameters(jobs.score_file)
score_files = _named_as_parameters(jobs.score_files)
train = _named_as_parameters(jobs.train)


class Scorer:
    """A verified bundle, ready to score; may be sent to other processes, and used from threads."""

    def __init__(self, bundle: Bundle, precision: str = PRECISION) -> None:
        self.bundle = bundle
        self._model = load_model(bundle, precision, workers=0)
        self._lock = threading.Lock()  # an encoder serves one thread at a time

    @classmethod
    def load(
        cls,
        bundle: StrPath | None = None,
        store: StrPath | None = None,
        precision: str = PRECISION,
    ) -> "Scorer":
        """Load a bundle folder, else the store's current one, else the one that is shipped.

        Raises `BundleError` for a bundle that is damaged, or whose golden rows come out otherwise.
        """
        with _parameter_names():
            return cls(load_chosen(bundle, store), precision)

    def __reduce__(self) -> tuple[type["Scorer"], tuple[Bundle, str]]:
        """Send the bundle and the precision that was chosen: numbers stay the same."""
        return Scorer, (self.bundle, self._model.predictor.score_settings["precision"])

    @property
    def classes(self) -> tuple[str, ...]:
        """The classes, in the order of the probability columns."""
        return self.bundle.classes

    def score_file(
        self,
        source: StrPath,
        target: StrPath,
        text_column: str | Sequence[str] | None = None,
        overwrite: bool = False,
        *,
        callbacks: Callbacks | None = None,
        check_cancelled: Callable[[], None] = lambda: None,
        **options: Any,
    ) -> RunSummary:
        """Score a file into another one as the job does, with all its guarantees and options.

        Formats follow from the names. Raises a `ScorerError` for what a person can put right.
        """
        with _parameter_names(), self._lock:
            given, wanted = jobs.source_and_target(
                source, target, text_column, overwrite, **options
            )
            return scoring.score_file(
                given, wanted, lambda: self._model, callbacks, check_cancelled
            )

    def score(
        self,
        table: Any,
        text_column: str | Sequence[str] | None = None,
        prefix: str = "",
        label: bool = False,
        status: bool = False,
        explain: int = 0,
    ) -> Any:
        """Return the table with `probability_<class>` columns added (float32), as it was given.

        table: a list of strings (returned as a pyarrow Table), a pandas or polars Series (returned
        as a frame) or frame, a pyarrow Table or RecordBatch, a RecordBatchReader or an iterator of
        RecordBatches (returned as a RecordBatchReader, scored as it is read).
        text_column: its name, or several, whose texts are joined as in training.
        explain: words of the column `explanation`, those that moved the score most; 0: none.
        A null or blank text has null probabilities. Raises `InputError` where there is no such
        column or none is clearly the text, `UsageError` where an added column is there already,
        or for anything else than these kinds of tables.
        """
        with _parameter_names():
            added = AddedColumns(prefix, label, status, explain)
            return self._score(table, one_name(text_column), added)

    def _score(self, table: Any, text_column: str | None, added: AddedColumns) -> Any:
        if isinstance(table, pa.Table):
            return self._score_table(table, text_column, added)
        if isinstance(table, pa.RecordBatch):
            scored = self._score_table(pa.table(table), text_column, added)
            return scored.combine_chunks().to_batches()[0] if len(table) else _no_rows(scored)
        if isinstance(table, list | tuple):
            return self._score_table(_texts(table, self.bundle.text_column), None, added)
        library = type(table).__module__.partition(".")[0]
        if library == "pandas":
            return self._score_pandas(table, text_column, added)
        if library == "polars":
            return self._score_polars(table, text_column, added)
        if isinstance(table, Iterable) and not isinstance(table, str | bytes | dict):
            return self._score_batches(table, text_column, added)
        raise UsageError(f"score takes {TAKEN}, not {type(table).__name__}")

    def _score_table(
        self, table: pa.Table, text_column: str | None, added: AddedColumns
    ) -> pa.Table:
        sample = table.slice(0, SAMPLE_ROWS)
        column = locate_text(sample, text_column, self.bundle.text_column)
        with self._lock:
            return scoring.score_table(table, self._model, column, added)

    def _score_batches(
        self, batches: Iterable[pa.RecordBatch], text_column: str | None, added: AddedColumns
    ) -> pa.RecordBatchReader:
        """Return a reader that scores each batch when it is asked for."""
        given = iter(batches)
        first = next(given, None)
        if first is None and isinstance(batches, pa.RecordBatchReader):
            first = _no_rows(batches.schema.empty_table())
        if not isinstance(first, pa.RecordBatch):
            raise UsageError(f"score takes {TAKEN}, not an iterator of {type(first).__name__}")
        sample = pa.table(first).slice(0, SAMPLE_ROWS)
        column = locate_text(sample, text_column, self.bundle.text_column)
        schema = added.added_to(first.schema, self.classes)

        def scored() -> Iterator[pa.RecordBatch]:
            for batch in chain([first], given):
                with _parameter_names():
                    yield from self._score_table(pa.table(batch), column.name, added).to_batches()

        return pa.RecordBatchReader.from_batches(schema, scored())

    def _score_pandas(
        self, table: "pd.DataFrame | pd.Series", text_column: str | None, added: AddedColumns
    ) -> "pd.DataFrame":
        """Add the columns to a copy, whose own columns and index stay as they are."""
        frame = table
        if table.ndim == 1:
            frame = table.to_frame(self.bundle.text_column if table.name is None else table.name)
            text_column = str(frame.columns[0])
        arrays = [_arrow_column(frame.iloc[:, i]) for i in range(frame.shape[1])]
        given = pa.Table.from_arrays(arrays, [str(name) for name in frame.columns])
        scored = self._score_table(given, text_column, added)
        new = scored.select(range(given.num_columns, scored.num_columns)).to_pandas()
        return frame.assign(**{name: new[name].to_numpy() for name in new.columns})

    def _score_polars(
        self, table: "pl.DataFrame | pl.Series", text_column: str | None, added: AddedColumns
    ) -> "pl.DataFrame":
        import polars as pl

        if isinstance(table, pl.LazyFrame):
            raise UsageError(f"score takes {TAKEN}, not a LazyFrame", "collect() it first")
        if isinstance(table, pl.Series):
            table = table.to_frame(table.name or self.bundle.text_column)
            text_column = table.columns[0]
        scored = self._score_table(table.to_arrow(), text_column, added)
        new = pl.DataFrame(scored.select(range(table.width, scored.num_columns)))
        return pl.concat([table, new], how="horizontal")


def _texts(texts: Iterable[Any], name: str) -> pa.Table:
    """Return a list of strings as a table of one column."""
    try:
        return pa.table({name: pa.array(texts, pa.large_string())})
    except (pa.ArrowException, TypeError) as error:
        raise UsageError(f"score takes {TAKEN}; of a list: {error}") from error


def _no_rows(table: pa.Table) -> pa.RecordBatch:
    arrays = [pa.array([], kind) for kind in table.schema.types]
    return pa.RecordBatch.from_arrays(arrays, schema=table.schema)


def _arrow_column(column: "pd.Series") -> pa.Array:
    """Return a frame's column; of one of mixed kinds, which no text is, only its length."""
    try:
        return pa.array(column, from_pandas=True)
    except (pa.ArrowException, OverflowError, TypeError, ValueError):
        return pa.nulls(len(column), pa.struct([]))
