"""CSV being read: every cell is the string that `csv` reads.

Rows that are not as wide as the header, or not in the encoding, are rejected. Knows CSV and Arrow,
nothing of what the columns mean.
"""

import io
from collections.abc import Iterator
from dataclasses import replace

import pyarrow as pa

from scorer.files.byte_streams import open_source, source_name
from scorer.files.file_kinds import check_csv
from scorer.tables.csv_encoding import encoding_hint
from scorer.tables.csv_head import read_head
from scorer.tables.csv_lines import as_cell
from scorer.tables.csv_options import CsvOptions
from scorer.tables.csv_readings import ONE_FIELD, width_hint
from scorer.tables.csv_records import OPEN_QUOTE, UNDECODABLE, WIDTH, Records
from scorer.tables.csv_sample import CsvSample
from scorer.tables.csv_types import infer_schema, typed
from scorer.tables.doubts import CUT_OFF, about
from scorer.tables.rejects import RejectSink
from scorer.tables.stray_quotes import QUOTE_HINT
from scorer.tables.table_streams import (
    MAX_CHUNK_BYTES,
    TEXT,
    Chunk,
    CsvDialect,
    Reject,
    TableReader,
)
from scorer.wording import are, counted

MIXED = 0.1  # lines in the encoding for each that is not: fewer may be so by chance


class CsvReader(TableReader):
    """A CSV being read; with inferred types, its schema is final when the first chunk is there."""

    def __init__(
        self,
        path: str,
        compression: str | None = None,
        options: CsvOptions | None = None,
        rejects: RejectSink | None = None,
        expected_delimiter: str | None = None,
        lines: bool | None = False,
    ) -> None:
        """Open a file; `expected_delimiter` is the one that its name stands for.

        lines: whether each line is one text; None: the file itself tells, see `csv_lines`.
        """
        options = options or CsvOptions()
        self.name = source_name(path)
        self._source = open_source(path, compression)
        self._rejects, self._infer_types = rejects, options.infer_types
        try:
            check_csv(self.name, self._source.peek(), compression, lines is True)
            self._head = read_head(self._source, self.name, options, expected_delimiter, lines)
        except BaseException:
            self._source.close()
            raise
        head = self._head
        self.kind = "lines" if head.dialect.is_lines else "csv"
        self._is_whole = head.dialect.is_lines or head.dialect == ONE_FIELD
        self.dialect = CsvDialect() if self._is_whole else head.dialect  # of a copy
        self.schema = pa.schema([pa.field(name, TEXT) for name in head.names])
        self._is_read = False
        has_header = not (head.dialect.is_lines or options.no_header)
        self._records = Records(head.streams, head.dialect, head.names, self._reject, has_header)
        if rejects is not None:
            rejects.describe_input(head.raw, self.dialect)

    @property
    def notes(self) -> list[str]:
        """What a user should know of the file, as far as it is read."""
        notes = [*self._head.notes]
        if self._is_read:  # before, what is usual is not known
            notes += self._records.notes()
        undecodable = self._records.rejected[UNDECODABLE]
        if undecodable:
            rows = f"{counted(undecodable, 'rejected row')} {are(undecodable)}"
            notes.append(f"{rows} not {self._head.encoding.name}. {self._encoding_hint}")
        return [about(self.name, note) for note in notes]

    @property
    def reject_hint(self) -> str:
        """What helps against the most frequent reason of rejected rows."""
        rejected = self._records.rejected
        reason = max(rejected, key=lambda reason: rejected[reason])
        if reason == UNDECODABLE and rejected[reason]:
            return self._encoding_hint
        if self._records.is_cut and rejected[reason] == 1:
            return CUT_OFF
        if reason == WIDTH and rejected[reason]:
            is_most = 2 * rejected[WIDTH] > self.rows_read
            are_last = rejected[WIDTH] == self._records.below
            width = len(self.schema)
            return width_hint(self._misfits, self._head.dialect, width, is_most, are_last)
        quote_hint = f"{CUT_OFF}. {QUOTE_HINT}" if self._records.is_cut else QUOTE_HINT
        return quote_hint if reason == OPEN_QUOTE else ""

    @property
    def _misfits(self) -> CsvSample:
        return CsvSample(list(io.StringIO(self._records.misfits, newline="")), complete=True)

    @property
    def _encoding_hint(self) -> str:
        records = self._records
        mixed = records.multibyte > MIXED * records.rejected[UNDECODABLE]
        return encoding_hint(records.undecodable, self._head.encoding, mixed)

    def share_read(self, size: int | None) -> float | None:
        """Return the share of the file's bytes that is read."""
        return self._records.bytes / size if size else None

    def _reject(self, reject: Reject) -> None:
        self.rows_read += 1
        self.rows_rejected += 1
        if self._rejects is not None:
            quote = self._head.dialect.quote
            plain = self._is_whole and not (quote and reject.raw.startswith(quote))
            self._rejects.add(replace(reject, raw=as_cell(reject.raw)) if plain else reject)

    def chunks(self, max_rows: int, max_bytes: int = MAX_CHUNK_BYTES) -> Iterator[Chunk]:
        """Yield the accepted rows, see `TableReader`; `max_bytes` are bytes of the file.

        Raises `InputError` for a cell that is not of the type inferred from the first chunk.
        """
        first_row = 0
        for rows in self._batches(max_rows, max_bytes):
            columns = [pa.array(cells, TEXT) for cells in zip(*rows, strict=True)]
            table = pa.table(columns, pa.schema([pa.field(n, TEXT) for n in self.schema.names]))
            if self._infer_types:
                if first_row == 0:
                    self.schema = infer_schema(table)
                table = typed(table, self.schema, first_row)
            self.rows_read += len(rows)
            yield Chunk(first_row, table)
            first_row += len(rows)

    def _batches(self, max_rows: int, max_bytes: int) -> Iterator[list[list[str]]]:
        rows: list[list[str]] = []
        start = 0
        for cells in self._records:
            rows.append(cells)
            if len(rows) >= max_rows or self._records.bytes - start >= max_bytes:
                yield rows
                rows, start = [], self._records.bytes
        self._is_read = True
        if rows:
            yield rows

    def count_rows(self) -> int:
        """Return how many accepted rows there are, instead of reading them with `chunks`."""
        return sum(1 for _ in self._records)

    def close(self) -> None:
        """Close the file, and finish the file of rejected rows."""
        self._source.close()
        if self._rejects is not None:
            self._rejects.close()
