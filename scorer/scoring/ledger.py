"""How rows are counted: every row that was read is written or rejected, each exactly once.

Knows counts, nothing of what is in a row.
"""

from dataclasses import dataclass

from scorer.errors import RowsError, UsageError

LIMIT_HINT = "--max-rejects raises the limit"


class RowLedger:
    """The rows of a run, entered chunk by chunk as they are written; `prove` closes the books."""

    def __init__(self) -> None:
        self.rows = 0  # written so far; the ordinal of the row that has to come next

    def enter(self, first_row: int, read: int, written: int) -> None:
        """Enter a chunk. Raises `RowsError` for a gap, a repetition or a row more or less."""
        if first_row != self.rows:
            raise RowsError(f"row {first_row} came where row {self.rows} was due")
        if read != written:
            raise RowsError(f"of {read} rows from row {first_row} on, {written} were written")
        self.rows += read

    def prove(self, read: int, rejected: int, written: int) -> None:
        """Raise `RowsError` unless the reader's and the writer's own counts say the same."""
        if written != self.rows or read != written + rejected:
            raise RowsError(
                f"rows are not accounted for: {read} read, {rejected} rejected, {written} written,"
                f" {self.rows} entered; nothing is published"
            )

    def prove_file(self, found: int) -> None:
        """Raise `RowsError` unless the finished file, opened again, has all the rows."""
        if found != self.rows:
            raise RowsError(f"{self.rows} rows were written, {found} are in the file")


@dataclass(frozen=True)
class RejectLimit:
    """How many rows may be rejected: a count, or a share of the rows read."""

    count: int | None = None
    share: float | None = None

    @classmethod
    def parse(cls, text: str) -> "RejectLimit":
        """Read `100` (rows) or `0.5%` (of the rows read). Raises `UsageError`."""
        try:
            limit = cls(share=float(text[:-1]) / 100) if text.endswith("%") else cls(int(text))
        except ValueError:
            raise UsageError(f"--max-rejects {text}: give a count or a share like 1%") from None
        if not 0 <= (limit.share or 0) <= 1 or (limit.count or 0) < 0:
            raise UsageError(f"--max-rejects {text}: out of range")
        return limit

    def check(self, rejected: int, read: int, where: str, hint: str = "") -> None:
        """Raise `RowsError` if too many of the rows read were rejected.

        `where` says where they are, `hint` which option reads them.
        """
        allowed = self.share * read if self.share is not None else (self.count or 0)
        if rejected > allowed:
            counts = f"{rejected:,} of {read:,} rows were rejected, more than {self}"
            raise RowsError(f"{counts}: {where}", f"{hint}; {LIMIT_HINT}" if hint else LIMIT_HINT)

    def __str__(self) -> str:
        return f"{self.share * 100:g}%" if self.share is not None else str(self.count)


DEFAULT_LIMIT = RejectLimit(share=0.01)
