"""The proof that every row that was read is written or rejected, each exactly once.

Knows counts, nothing of what is in a row.
"""

from scorer.errors import RowsError


class RowLedger:
    """The rows of a run, recorded chunk by chunk as they are written, then proved."""

    def __init__(self) -> None:
        self.rows = 0  # written so far; the ordinal of the row that has to come next

    def record(self, first_row: int, read: int, written: int) -> None:
        """Record a chunk. Raises `RowsError` for a gap, a repetition or a row more or less."""
        if first_row != self.rows:
            raise RowsError(f"row {first_row} came where row {self.rows} was due")
        if read != written:
            raise RowsError(f"of {read} rows from row {first_row} on, {written} were written")
        self.rows += read

    def prove(self, read: int, rejected: int, written: int) -> None:
        """Raise `RowsError` unless the reader's and the writer's own counts agree."""
        if written != self.rows or read != written + rejected:
            raise RowsError(
                f"rows are not accounted for: {read} read, {rejected} rejected, {written} written,"
                f" {self.rows} recorded; nothing is published"
            )

    def prove_file(self, found: int) -> None:
        """Raise `RowsError` unless the finished file, opened again, has all the rows."""
        if found != self.rows:
            raise RowsError(f"{self.rows} rows were written, {found} are in the file")
