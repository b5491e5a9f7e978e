"""How many rows of a run may be rejected. Knows counts and shares, nothing of rows."""

from dataclasses import dataclass

from scorer.errors import RowsError, UsageError
from scorer.wording import counted, were

LIMIT_HINT = "--max-rejects raises the limit"


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
            counts = f"{rejected:,} of {counted(read, 'row')} {were(rejected)} rejected"
            raise RowsError(
                f"{counts}, more than {self}: {where}",
                f"{hint}; {LIMIT_HINT}" if hint else LIMIT_HINT,
            )

    def __str__(self) -> str:
        return f"{self.share * 100:g}%" if self.share is not None else str(self.count)


DEFAULT_LIMIT = RejectLimit(share=0.01)
