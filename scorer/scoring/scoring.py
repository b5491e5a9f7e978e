"""The job: a table's chunks in, the same chunks with probability columns out, and what was done.

    read ─ encode ─ predict ─ write        overlapping, see `pipeline`

Knows which room reads, counts, remembers and publishes. Knows no bundle folder: it is handed a
predictor and the facts of its bundle. How a chunk is scored is in `chunks`, which columns are
added in `columns`, where things are put in `destination`.
"""

import json
import time
from collections.abc import Generator, Sequence
from contextlib import closing, suppress
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from importlib.metadata import version

import pyarrow as pa

from scorer import __version__
from scorer.errors import RowsError, ScorerError
from scorer.files.byte_streams import STANDARD_STREAM
from scorer.files.fingerprint import Fingerprint, check_unchanged, fingerprint
from scorer.network.inference import Predictor
from scorer.scoring.chunks import (
    ChunkScorer,
    EncodedChunk,
    ScoredChunk,
    count_distinct,
    journal_row,
)
from scorer.scoring.columns import AddedColumns, statuses
from scorer.scoring.destination import Destination, reserved
from scorer.scoring.journal import Journal
from scorer.scoring.ledger import RowLedger
from scorer.scoring.pipeline import StageClock, each, overlapped, timed
from scorer.scoring.request import CHUNK_ROWS, Source, Target
from scorer.scoring.summary import (
    BundleFacts,
    InputFacts,
    Provenance,
    RowCounts,
    RunSummary,
    Tally,
    peak_memory_mb,
)
from scorer.scoring.watcher import Watcher
from scorer.tables.formats import RejectSink, check_table, create_table, open_table
from scorer.tables.table_streams import Chunk, TableReader, TableWriter
from scorer.tables.text_column import find_text_column

CHUNK_BYTES = 32 << 20
STAGES = ("read", "encode", "model", "write")


@dataclass(frozen=True)
class Model:
    """What scores, and which bundle it is."""

    predictor: Predictor
    bundle: BundleFacts
    text_column: str  # that it was trained on


def score_file(
    source: Source, target: Target, model: Model, watcher: Watcher | None = None
) -> RunSummary:
    """Score a file into another one and return what was done.

    The output appears complete or not at all; run again after an interruption, it goes on from
    the scores that were computed. Raises a `ScorerError` for whatever DESIGN calls expected.
    """
    with reserved(target.path, source.file, target.overwrite) as destination:
        return Run(source, target, destination, model, watcher or Watcher()).score()


def score_table(
    table: pa.Table, predictor: Predictor, column: int, added: AddedColumns
) -> pa.Table:
    """Return a table with the job's columns added; `column` is the position of the text."""
    schema = added.added_to(table.schema, predictor.classes)
    scorer = ChunkScorer(predictor, column)
    parts = [pa.Table.from_batches([], schema)]
    for first_row in range(0, table.num_rows, CHUNK_ROWS):
        scored = scorer.score(Chunk(first_row, table.slice(first_row, CHUNK_ROWS)))
        parts.append(scored.with_columns(added, predictor.classes))
    return pa.concat_tables(parts)


class Run:
    """One run of the job into a reserved destination; counts what it does."""

    def __init__(
        self,
        source: Source,
        target: Target,
        destination: Destination,
        model: Model,
        watcher: Watcher,
    ) -> None:
        self._source, self._target, self._destination = source, target, destination
        self._model, self._watcher = model, watcher
        self._started, self._clock = datetime.now(UTC), time.monotonic()
        self._clocks = {stage: StageClock() for stage in STAGES}
        self._ledger, self._tally = RowLedger(), Tally()
        self._notes: list[str] = []  # about the files
        self._fingerprint: Fingerprint | None = None
        self._reader: TableReader | None = None
        self._scorer: ChunkScorer | None = None
        self._text_column = source.text_column or ""

    def score(self) -> RunSummary:
        """Score, prove, publish; whatever fails leaves word of itself and publishes nothing."""
        self._watcher.started(self._model.bundle)
        try:
            self._score_rows()
            self._watcher.check()
            summary = self._summary()
            self._destination.publish(summary.as_dict(), self._rejected > 0)
        except Exception as error:  # of any kind: a person will ask what became of the run
            summary = self._summary(error)
            too_many = isinstance(error, RowsError) and self._rejected > 0
            self._destination.failed(summary.as_dict(), too_many)
            with suppress(OSError, ScorerError):  # the run's own error is the one to tell
                self._watcher.ended(summary)
            raise
        self._watcher.ended(summary)
        return summary

    @property
    def _rejected(self) -> int:
        return self._reader.rows_rejected if self._reader else 0

    def _score_rows(self) -> None:
        """Read, score and write all rows, and prove that none is missing."""
        file, destination = self._source.file, self._destination
        if file is not None:
            self._fingerprint = fingerprint(file, self._watcher.check)
        rejects = RejectSink(destination.rejects) if destination.rejects else None
        path, csv = str(file or self._source.path), self._source.csv  # the file that was hashed
        with open_table(path, self._source.format, csv, rejects) as self._reader:
            schema = self._write_rows(self._reader)
        self._check_rejects(self._reader)
        if destination.table is not None:
            dialect = self._reader.dialect
            found = check_table(destination.table, self._target.format, schema, dialect)
            self._ledger.prove_file(found)
        if file is not None and self._fingerprint is not None:
            check_unchanged(file, self._fingerprint)

    def _write_rows(self, reader: TableReader) -> pa.Schema:
        """Score and write the rows of an open table; return the schema that was written."""
        chunks = timed(reader.chunks(self._source.chunk_rows, CHUNK_BYTES), self._clocks["read"])
        first = next(chunks, None)
        if first is None:  # no row to find the text column by: all are rejects, too many or not
            self._check_rejects(reader)
        sample = first.table if first else pa.Table.from_batches([], reader.schema)
        column = find_text_column(sample, self._source.text_column, self._model.text_column)
        self._text_column = sample.schema.field(column).name
        schema = self._target.added.added_to(sample.schema, self._model.predictor.classes)
        journal = self._open_journal(column)
        self._scorer = ChunkScorer(self._model.predictor, column, journal)
        path = self._destination.table or STANDARD_STREAM
        with create_table(path, self._target.format, schema, reader.dialect) as writer:
            self._note((*reader.notes, *writer.notes))
            self._pump(_rejoined(first, chunks), self._scorer, writer)
            self._note(reader.notes)
            self._ledger.prove(reader.rows_read, reader.rows_rejected, writer.rows_written)
            writer.add_metadata(self._provenance().metadata())
        return schema

    def _check_rejects(self, reader: TableReader) -> None:
        where, hint = self._destination.rejects_told, reader.reject_hint
        self._source.limit.check(reader.rows_rejected, reader.rows_read, where, hint)

    def _note(self, lines: Sequence[str]) -> None:
        """Pass on what the reader or the writer notes about a file, each line once."""
        for line in lines:
            if line not in self._notes:
                self._notes.append(line)
                self._watcher.note(line)

    def _pump(
        self, chunks: Generator[Chunk, None, None], scorer: ChunkScorer, writer: TableWriter
    ) -> None:
        """Take all chunks through the stages; the last one runs in this thread."""

        def encode(chunk: Chunk) -> EncodedChunk:
            self._watcher.check()
            return scorer.encode(chunk)

        def predict(part: EncodedChunk) -> ScoredChunk:
            self._watcher.check()
            return scorer.predict(part)

        clocks = self._clocks
        read = overlapped(chunks, clocks["read"])
        encoded = overlapped(each(encode, read, clocks["encode"]), clocks["encode"])
        scored = overlapped(each(predict, encoded, clocks["model"]), clocks["model"])
        for _ in each(lambda part: self._write(part, writer), scored, clocks["write"]):
            self._watcher.advance(self._ledger.rows)

    def _write(self, scored: ScoredChunk, writer: TableWriter) -> None:
        """Write a chunk and enter it in the books."""
        chunk, before = scored.chunk, writer.rows_written
        writer.write(scored.with_columns(self._target.added, self._model.predictor.classes))
        written = writer.rows_written - before
        self._ledger.enter(chunk.first_row, chunk.table.num_rows, written)
        kinds = statuses(scored.texts, scored.prediction)
        self._tally.add(kinds, count_distinct(scored.texts), scored.prediction)

    def _open_journal(self, column: int) -> Journal | None:
        """Open the journal, bound to all that a score depends on; None for what is read once."""
        if self._fingerprint is None:
            return None
        binding = {
            "input": f"{self._fingerprint.size} bytes, sha256 {self._fingerprint.sha256}",
            "input format": json.dumps(asdict(self._source.format) | asdict(self._source.csv)),
            "text column": f"{column}: {self._text_column}",
            "bundle": self._model.bundle.digest,
            "program": _program(),
            **self._model.predictor.score_settings,
        }
        row = journal_row(len(self._model.predictor.classes))
        journal = self._destination.journal(binding, row, self._watcher.note)
        if journal is not None and journal.rows:
            self._watcher.note(f"{journal.rows:,} rows have scores from an earlier run")
        return journal

    def _provenance(self) -> Provenance:
        known, reader = self._fingerprint, self._reader
        size, sha256 = (known.size, known.sha256) if known else (None, None)
        read = reader.rows_read if reader else 0
        return Provenance(
            bundle=self._model.bundle,
            input=InputFacts(self._source.path, self._source.format.kind, size, sha256),
            text_column=self._text_column,
            rows=RowCounts(read, self._ledger.rows, self._rejected),
            texts=self._tally.by_status,
            score_settings=self._model.predictor.score_settings,
            options={
                **asdict(self._source.csv),
                **asdict(self._target.added),
                "chunk_rows": self._source.chunk_rows,
                "max_rejects": str(self._source.limit),
            },
        )

    def _summary(self, error: Exception | None = None) -> RunSummary:
        tally, scorer = self._tally, self._scorer
        return RunSummary(
            published=error is None,
            exit_code=getattr(error, "exit_code", 1) if error else 0,
            error=f"{error}" if error else None,
            output=self._destination.name,
            started=self._started.isoformat(timespec="seconds"),
            seconds=time.monotonic() - self._clock,
            provenance=self._provenance(),
            resumed_rows=scorer.resumed_rows if scorer else 0,
            computed_rows=scorer.computed_rows if scorer else 0,
            duplicates=tally.duplicates,
            tokens=tally.tokens,
            unknown_tokens=tally.unknown,
            unknown_token_share=tally.unknown_share,
            histogram=tally.histogram.tolist(),
            engine=self._model.predictor.engine,
            stages=self._clocks,
            peak_memory_mb=peak_memory_mb(),
            notes=self._notes,
        )


def _program() -> str:
    """Return the versions that what is read, and the tokens of it, depend on."""
    packages = " ".join(f"{name} {version(name)}" for name in ("spacy", "pyarrow", "torch"))
    return f"scorer {__version__} {packages}"


def _rejoined(
    first: Chunk | None, rest: Generator[Chunk, None, None]
) -> Generator[Chunk, None, None]:
    with closing(rest):
        if first is not None:
            yield first
            yield from rest
