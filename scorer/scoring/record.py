"""The record of one run: what it counts and measures, and the summary made of it.

Knows what was asked for and what was done, nothing of how rows are read, scored or published.
"""

import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime

from scorer.evaluation.drift import Drift, measure_drift
from scorer.files.fingerprint import Fingerprint
from scorer.scoring.certainty import Certainty
from scorer.scoring.chunks import ChunkScorer
from scorer.scoring.ledger import RowLedger
from scorer.scoring.model import Model
from scorer.scoring.peak_memory import peak_memory_mb
from scorer.scoring.pipeline import StageClock
from scorer.scoring.request import Source, Target
from scorer.scoring.summary import InputFacts, Provenance, RowCounts, RunSummary
from scorer.scoring.tally import Tally
from scorer.tables.rejects import RejectSink
from scorer.tables.table_streams import TableReader

STAGES = ("read", "encode", "model", "write")


@dataclass
class RunRecord:
    """Counts, clocks and findings of a run, filled in while it goes on."""

    source: Source
    target: Target
    model: Model
    output: str
    clocks: dict[str, StageClock] = field(
        default_factory=lambda: {stage: StageClock() for stage in STAGES}
    )
    ledger: RowLedger = field(default_factory=RowLedger)
    tally: Tally = field(init=False)
    notes: list[str] = field(default_factory=list)
    text_column: str = ""
    input: Fingerprint | None = None  # None: not hashed yet, or a stream
    written: Fingerprint | None = None  # of the finished output; None: a stream
    reader: TableReader | None = None
    rejects: RejectSink | None = None
    certainty: Certainty | None = None  # of a run that has a report
    scorer: ChunkScorer | None = None

    def __post_init__(self) -> None:
        self.tally = Tally(self.model.predictor.classes)
        self.text_column = self.source.text_column or ""
        if self.target.report is not None:
            self.certainty = Certainty(self.model.predictor.classes)
        self._started, self._clock = datetime.now(UTC), time.monotonic()

    @property
    def rejected(self) -> int:
        """Rows that could not be read, so far."""
        return self.reader.rows_rejected if self.reader else 0

    @property
    def share(self) -> float | None:
        """The share of the input whose rows are written; None where that is not known."""
        reader, known = self.reader, self.input
        if reader is None:
            return None
        size = known.size if known and self.source.format.compression is None else None
        read = reader.share_read(size)
        accepted = max(1, reader.rows_read - reader.rows_rejected)
        written = self.ledger.rows / accepted  # the reader is ahead of the writer
        return None if read is None else min(1.0, read * written)

    def drift(self) -> Drift:
        """Return how far the texts scored so far are from those the bundle was evaluated on."""
        return measure_drift(self.model.profile, self.tally.profile)

    def new_notes(self, lines: Sequence[str]) -> list[str]:
        """Record notes about the files; return those that were not there before."""
        new = [line for line in dict.fromkeys(lines) if line not in self.notes]
        self.notes += new
        return new

    def provenance(self) -> Provenance:
        """Return what the output was made from, as known so far."""
        known = self.input
        return Provenance(
            bundle=self.model.bundle,
            input=InputFacts(
                str(self.source.path),
                self.reader.kind if self.reader else self.source.format.kind,
                known.size if known else None,
                known.sha256 if known else None,
            ),
            text_column=self.text_column,
            rows=RowCounts(
                self.reader.rows_read if self.reader else 0, self.ledger.rows, self.rejected
            ),
            texts=self.tally.by_status,
            score_settings=self.model.predictor.score_settings,
            options={
                **asdict(self.source.csv),
                **asdict(self.target.added),
                "chunk_rows": self.source.chunk_rows,
                "max_rejects": str(self.source.limit),
            },
        )

    def summary(self, error: Exception | None, published: bool = True) -> RunSummary:
        """Return the summary of the run, which ends with `error` if it is not None."""
        tally, scorer, written = self.tally, self.scorer, self.written if published else None
        drift = self.drift()
        return RunSummary(
            published=published,
            exit_code=getattr(error, "exit_code", 1) if error else 0,
            error=f"{error}" if error else None,
            output=self.output,
            output_bytes=written.size if written else None,
            output_sha256=written.sha256 if written else None,
            started=self._started.isoformat(timespec="seconds"),
            seconds=time.monotonic() - self._clock,
            provenance=self.provenance(),
            resumed_rows=scorer.resumed_rows if scorer else 0,
            computed_rows=scorer.computed_rows if scorer else 0,
            cached_texts=scorer.cached_texts if scorer else 0,
            duplicates=tally.duplicates,
            tokens=tally.profile.tokens,
            unknown_tokens=tally.profile.unknown,
            unknown_token_share=tally.unknown_share,
            histogram=tally.histogram,
            drift=drift.measures,
            drift_level=drift.level,
            drift_warnings=drift.warnings,
            drift_unmeasured=drift.unmeasured,
            engine=self.model.predictor.engine,
            stages=self.clocks,
            peak_memory_mb=peak_memory_mb(),
            notes=self.notes,
        )
