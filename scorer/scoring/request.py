"""What a run is asked to do: which table is read and how, and where which columns go.

Knows paths, formats and names; nothing is opened here.
"""

from dataclasses import dataclass, field
from pathlib import Path

from scorer.errors import InputError
from scorer.files.byte_streams import STANDARD_STREAM, reason
from scorer.files.publish import real_path
from scorer.files.urls import Location, is_url
from scorer.scoring.columns import AddedColumns
from scorer.scoring.reject_limit import DEFAULT_LIMIT, RejectLimit
from scorer.tables.csv_options import CsvOptions
from scorer.tables.formats import TableFormat

CHUNK_ROWS = 8192


@dataclass(frozen=True)
class Source:
    """What is read: a path, a URL or `-`, how it is read, and which column is the text."""

    path: str
    format: TableFormat
    csv: CsvOptions = field(default_factory=CsvOptions)
    text_column: str | None = None  # the bundle's, or the only one, where it is None
    chunk_rows: int = CHUNK_ROWS
    limit: RejectLimit = DEFAULT_LIMIT
    cache: Path | None = None  # file of scores remembered across runs

    @property
    def file(self) -> Location | None:
        """The absolute path, without links, or the URL; None for standard input."""
        if self.path == STANDARD_STREAM:
            return None
        if is_url(self.path):
            return self.path
        path = Path(self.path)
        try:
            if path.is_fifo() or path.is_char_device():  # /dev/stdin's link leads to no path
                return path.absolute()
        except OSError as error:
            raise InputError(f"cannot read {path}: {reason(error)}") from error
        return real_path(path)


@dataclass(frozen=True)
class Target:
    """What is written: a path, a URL or `-`, as what, and with which columns."""

    path: str
    format: TableFormat
    added: AddedColumns = field(default_factory=AddedColumns)
    overwrite: bool = False
    max_drift: float | None = None  # level of drift from which the run ends with a `GateError`
    hold_on_drift: bool = False  # then nothing is published
    report: Path | None = None  # a page about the run
