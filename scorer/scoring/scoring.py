"""The scoring flow: a table's chunks in, the same chunks with probability columns out.

    read ─ encode ─ predict ─ write        overlapping, see `pipeline`

Knows which room reads, counts, records and publishes. Knows no bundle folder: it is handed a
function that returns the model. How a chunk is scored is in `chunks`, which columns are added in
`columns`, which scores are known already in `kept_scores`, where files are put in `destination`,
what a run counts in `record`.
"""

import sys
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager, suppress
from dataclasses import replace

import pyarrow as pa

from scorer.errors import GateError, InputError, RowsError, ScorerError
from scorer.files.byte_streams import STANDARD_STREAM
from scorer.files.fingerprint import check_readable, check_unchanged, fingerprint
from scorer.scoring.callbacks import Callbacks
from scorer.scoring.chunks import (
    ChunkScorer,
    EncodedChunk,
    ScoredChunk,
    grouped,
    growing_parts,
)
from scorer.scoring.columns import AddedColumns
from scorer.scoring.destination import Destination, name_of_output, open_output
from scorer.scoring.kept_scores import open_cache, open_journal
from scorer.scoring.model import Model
from scorer.scoring.pipeline import each, overlapped, timed
from scorer.scoring.record import RunRecord
from scorer.scoring.report import check_report, write_failure_report, write_report
from scorer.scoring.request import CHUNK_ROWS, Source, Target
from scorer.scoring.score_cache import ScoreCache
from scorer.scoring.summary import PublishedDriftError, RunSummary, failure_facts
from scorer.tables.doubts import Doubt, about
from scorer.tables.formats import check_table, create_table, open_table
from scorer.tables.json_lines import without_lines
from scorer.tables.nested_columns import text_member_hint
from scorer.tables.rejects import RejectSink
from scorer.tables.table_streams import Chunk, TableReader, TableWriter
from scorer.tables.text_column import USUAL_NAMES, TextColumn, is_numbered, listed, locate_text
from scorer.tables.text_doubts import doubt_header, doubt_text, note_escapes, note_other_texts

CHUNK_BYTES = 32 << 20
NO_ROWS = "it has no rows, as after an export or a transfer that failed; so has the output"
PUBLISHED = "the output is published all the same"
DRIFT_HINT = "Look at the input; if it is right, a bundle trained on such texts scores it better"
SWITCH_SECONDS = 0.0002  # between Python's threads: the model's are many short steps


def score_file(
    source: Source,
    target: Target,
    load_model: Callable[[], Model],
    callbacks: Callbacks | None = None,
    check_cancelled: Callable[[], None] = lambda: None,
) -> RunSummary:
    """Score a file into another one and return what was done.

    The output appears complete or not at all. Run again after an interruption, it goes on from the
    scores that were computed. `load_model` takes seconds, so it is called after all checks that do
    not need the model.

    A run that fails writes its summary beside the output, except where it could not lock the
    output: what is beside it is then another run's. Every failure goes to report and callbacks. A
    report or a cache that cannot be written is only noted.
    `check_cancelled` is called between chunks, in any thread; what it raises ends the run.
    Raises a `ScorerError` for what a person can put right.
    """
    callbacks = callbacks or Callbacks()
    doubts = check_report(source, target)
    for doubt in doubts:
        callbacks.on_note(doubt)
    if doubts:
        target = replace(target, report=None)
    with ExitStack() as stack:
        with _early_failures_told(target, callbacks):
            opened = open_output(target.path, source.file, target.overwrite)
            destination = stack.enter_context(opened)
        with _early_failures_told(target, callbacks, destination):
            check_readable(source.file)
            model = load_model()
        with _settings_of_long_runs():
            record = RunRecord(source, target, model, destination.name, notes=[*doubts])
            return _Run(record, destination, callbacks, check_cancelled).score()


def score_table(table: pa.Table, model: Model, column: TextColumn, added: AddedColumns) -> pa.Table:
    """Return a table with the job's columns added."""
    predictor = model.predictor
    schema = added.added_to(table.schema, predictor.classes)
    scorer = ChunkScorer(predictor, column, explainer=model.explainer(added.explain))
    parts = [pa.Table.from_batches([], schema)]
    for first_row in range(0, table.num_rows, CHUNK_ROWS):
        scored = scorer.score(Chunk(first_row, table.slice(first_row, CHUNK_ROWS)))
        parts.append(scored.with_columns(added, predictor.classes))
    return pa.concat_tables(parts)


@contextmanager
def _early_failures_told(
    target: Target, callbacks: Callbacks, destination: Destination | None = None
) -> Iterator[None]:
    """Tell of a run that fails before there is a model; `_Run` tells of all later failures.

    destination: None before the output is locked: a run that fails there did not begin.
    """
    try:
        yield
    except Exception as error:  # of any kind: the records have to say so
        facts = failure_facts(error, name_of_output(target.path))
        if destination is not None:
            destination.publish_failure(facts, rejects=False)
        for doubt in write_failure_report(target, facts, began=destination is not None):
            callbacks.on_note(doubt)
        callbacks.on_failure(facts)
        raise


@contextmanager
def _settings_of_long_runs() -> Iterator[None]:
    """Let Arrow allocate by `malloc`, as its own pools keep memory, and threads switch often."""
    interval, pool = sys.getswitchinterval(), pa.default_memory_pool()
    sys.setswitchinterval(SWITCH_SECONDS)
    pa.set_memory_pool(pa.system_memory_pool())
    try:
        yield
    finally:
        sys.setswitchinterval(interval)
        pa.set_memory_pool(pool)


class _Run:
    """One run into an output that is held; what it counts goes into the record."""

    def __init__(
        self,
        record: RunRecord,
        destination: Destination,
        callbacks: Callbacks,
        check_cancelled: Callable[[], None],
    ) -> None:
        self._record, self._destination = record, destination
        self._source, self._target, self._model = record.source, record.target, record.model
        self._callbacks, self._check_cancelled = callbacks, check_cancelled

    def score(self) -> RunSummary:
        """Score, prove, publish; whatever fails leaves a summary and publishes nothing."""
        self._callbacks.on_start(self._model.bundle)
        try:
            summary = self._publish()
        except Exception as error:  # of any kind: the summary has to say why there is no output
            self._tell_failure(error)
            raise
        try:
            self._callbacks.on_end(summary)
            self._write_report(summary)
        except ScorerError as error:
            error.published = True
            raise
        drifted = self._drifted(PUBLISHED)
        if drifted is not None:
            raise PublishedDriftError(drifted, summary)
        return summary

    def _publish(self) -> RunSummary:
        self._score_rows()
        self._check_cancelled()
        held = self._drifted("nothing is published") if self._target.hold_on_drift else None
        if held is not None:
            raise held
        summary = self._record.summary(self._drifted(PUBLISHED))
        self._destination.publish(summary.as_dict(), self._record.rejected > 0)
        return summary

    def _tell_failure(self, error: Exception) -> None:
        """Write the summary, the rejected rows if they are the reason, and the report."""
        summary = self._record.summary(error, published=False)
        too_many = isinstance(error, RowsError) and self._record.rejected > 0
        self._destination.publish_failure(summary.as_dict(), too_many)
        for tell in (self._write_report, self._callbacks.on_end):
            with suppress(OSError, ScorerError):  # the run's own error is the one to raise
                tell(summary)

    def _write_report(self, summary: RunSummary) -> None:
        self._note(write_report(self._record, summary))

    def _drifted(self, outcome: str) -> GateError | None:
        """Return the error of texts that have moved further than they may."""
        limit, drift = self._target.max_drift, self._record.drift()
        if limit is None or drift.level is None or drift.level < limit:
            return None
        listed = "; ".join(drift.warnings) or f"level {drift.level:.2f}"
        return GateError(f"drift beyond --max-drift {limit:g}: {listed}; {outcome}", DRIFT_HINT)

    def _score_rows(self) -> None:
        """Read, score and write all rows, and prove that none is missing."""
        file, destination, record = self._source.file, self._destination, self._record
        if file is not None:
            record.input = fingerprint(file, self._check_cancelled)
        rejects = RejectSink(destination.rejects) if destination.rejects else None
        record.rejects = rejects
        path, csv = str(file or self._source.path), self._source.csv  # the file that was hashed
        keep_lines = self._source.format.kind == self._target.format.kind == "jsonl"
        wanted = self._source.text_column
        with open_table(path, self._source.format, csv, rejects, keep_lines, wanted) as reader:
            record.reader = reader
            schema = self._write_rows(reader)
        self._check_rejects(reader)
        if destination.table is not None:
            found = check_table(destination.table, self._target.format, schema, reader.dialect)
            record.ledger.prove_file(found)
            record.written = fingerprint(destination.table, self._check_cancelled)
        if file is not None and record.input is not None:
            check_unchanged(file, record.input)

    def _write_rows(self, reader: TableReader) -> pa.Schema:
        """Score and write the rows of an open table; return the schema that was written."""
        clock = self._record.clocks["read"]
        chunks = timed(reader.chunks(self._source.chunk_rows, CHUNK_BYTES), clock)
        first = next(chunks, None)
        if first is None:  # no row to find the text column by: all are rejects, too many or not
            self._check_rejects(reader)
        self._note(reader.notes)  # now: a question about columns may come of what they say
        sample = first.table if first else pa.Table.from_batches([], reader.schema)
        column = self._locate_text(sample, reader.name)
        schema = self._target.added.added_to(sample.schema, self._model.predictor.classes)
        self._score_chunks(_rejoined(first, chunks), column, schema, reader)
        return schema

    def _score_chunks(
        self,
        chunks: Generator[Chunk, None, None],
        column: TextColumn,
        schema: pa.Schema,
        reader: TableReader,
    ) -> None:
        """Score and write all chunks, and prove that no row of the reader is missing."""
        record, path = self._record, self._destination.table or STANDARD_STREAM
        with (
            open_cache(record, self._note) as cache,
            create_table(path, self._target.format, schema, reader.dialect) as writer,
        ):
            record.scorer = scorer = self._chunk_scorer(column, cache)
            self._note(writer.notes)
            self._run_stages(chunks, scorer, writer)
            self._note((*reader.notes, *record.tally.notes(reader.name)))
            record.ledger.prove(reader.rows_read, reader.rows_rejected, writer.rows_written)
            writer.add_metadata(record.provenance().metadata())

    def _chunk_scorer(self, column: TextColumn, cache: ScoreCache | None) -> ChunkScorer:
        record, model = self._record, self._model
        journal = open_journal(record, column, self._destination, self._callbacks.on_note)
        explainer = model.explainer(self._target.added.explain)
        return ChunkScorer(model.predictor, column, journal, cache, explainer, model.compares_words)

    def _locate_text(self, sample: pa.Table, file: str) -> TextColumn:
        """Return the column of the texts; note where it may be another one."""
        wanted, trained_on = self._source.text_column, self._model.text_column
        sample = without_lines(sample)
        try:
            column = locate_text(sample, wanted, trained_on)
        except InputError as error:
            hint = text_member_hint(sample, self._source.format.kind, wanted)
            raise InputError(error.args[0], hint or error.hint) from error
        column = replace(column, file=file)
        self._check_header(sample.schema.names, column)
        self._record.text_column = column.name
        if sample.num_rows:
            self._note_doubts(sample, column)
        elif self._source.format.kind == "csv" and not self._is_known(column):
            self._note([about(file, doubt_header(sample.schema.names))])
        else:
            self._note([about(file, Doubt(NO_ROWS))])
        return column

    def _is_known(self, column: TextColumn) -> bool:
        """Return whether a name says that a column is the text."""
        is_named = self._source.text_column is not None or column.name == self._model.text_column
        return is_named or column.name.strip().casefold() in USUAL_NAMES

    def _check_header(self, names: Sequence[str], column: TextColumn) -> None:
        """Refuse to take a row for a header where the files the bundle was trained on had none."""
        source, trained_on = self._source, self._model.text_column
        told = source.csv.header or source.csv.no_header or source.text_column is not None
        if told or source.format.kind != "csv" or not is_numbered(trained_on):
            return
        if not self._is_known(column):
            raise InputError(
                f"{column.file}: has it a header? The bundle was trained on {trained_on!r} of a "
                f"file without one, and the first row is {listed(names)}",
                "--no-header reads it as a row, --header says that it is the header",
            )

    def _note_doubts(self, sample: pa.Table, column: TextColumn) -> None:
        """Note other columns that may be the text, and a column that holds no texts."""
        is_known = self._source.text_column is not None or self._is_trained_on(column)
        others = None if is_known else note_other_texts(sample, column)
        if others is not None:
            self._note([about(column.file, others)])
        texts = column.texts(sample)
        doubt = doubt_text(texts, column.name)
        if doubt is not None:
            hint = text_member_hint(sample, self._source.format.kind, self._source.text_column)
            doubt = Doubt(f"{doubt} {hint}") if hint else doubt
        notes = (doubt, note_escapes(texts, column.name))
        self._note([about(column.file, note) for note in notes if note is not None])

    def _is_trained_on(self, column: TextColumn) -> bool:
        """Return whether the bundle was trained on it; the shipped one's `text` says nothing."""
        return column.name == self._model.text_column and self._model.folder != ""

    def _check_rejects(self, reader: TableReader) -> None:
        where, hint = self._destination.rejects_told, reader.reject_hint
        self._source.limit.check(reader.rows_rejected, reader.rows_read, where, hint)

    def _note(self, lines: Sequence[str]) -> None:
        """Pass on what the reader or the writer notes about a file, each line once."""
        for line in self._record.new_notes(lines):
            self._callbacks.on_note(line)

    def _run_stages(
        self, chunks: Generator[Chunk, None, None], scorer: ChunkScorer, writer: TableWriter
    ) -> None:
        """Encode, predict and write all chunks, each stage in its own thread but the last."""

        def encode(chunk: Chunk) -> EncodedChunk:
            self._check_cancelled()
            return scorer.encode(chunk)

        def predict(group: list[EncodedChunk]) -> list[ScoredChunk]:
            self._check_cancelled()
            return scorer.predict(group)

        clocks = self._record.clocks
        read = overlapped(chunks, clocks["read"])
        encoded = overlapped(grouped(each(encode, read, clocks["encode"])), clocks["encode"])
        scored = overlapped(each(predict, encoded, clocks["model"]), clocks["model"])
        for _ in each(lambda group: self._write(group, writer), scored, clocks["write"]):
            self._callbacks.on_share(self._record.share)
            self._callbacks.on_chunk(self._record.ledger.rows)

    def _write(self, group: Sequence[ScoredChunk], writer: TableWriter) -> None:
        for scored in group:
            self._write_chunk(scored, writer)

    def _write_chunk(self, scored: ScoredChunk, writer: TableWriter) -> None:
        """Write a chunk and count its rows."""
        chunk, before, record = scored.chunk, writer.rows_written, self._record
        writer.write(scored.with_columns(self._target.added, self._model.predictor.classes))
        written = writer.rows_written - before
        record.ledger.record(chunk.first_row, chunk.table.num_rows, written)
        record.tally.update(scored.texts, scored.prediction, scored.counted)
        if record.certainty is not None:
            record.certainty.update(chunk.first_row, scored.texts, scored.prediction)


def _rejoined(
    first: Chunk | None, rest: Generator[Chunk, None, None]
) -> Generator[Chunk, None, None]:
    """Yield the chunk that was read to find the text column, in parts, then the rest."""
    with closing(rest):
        if first is not None:
            yield from growing_parts(first)
            yield from rest
