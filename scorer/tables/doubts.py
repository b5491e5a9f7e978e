"""Notes that a quiet run prints too: rows may have been read otherwise than meant, or the run has
gone on without a file that it was to use.

Knows nothing of files.
"""


class Doubt(str):
    """A note that rows may be lost or wrong; a string made of it is one only if it says so."""

    __slots__ = ()


CUT_OFF = "If the file was cut off, have it written or sent again"  # the hint


def cut_off(line: int) -> Doubt:
    """Return the doubt about a file that ends in the middle of a row, on a line."""
    ends = f"it ends in the middle of a row, at line {line:,}"
    return Doubt(f"{ends}: it was probably cut off, and rows are missing")


def about(name: str, note: str) -> str:
    """Return a note with the name of what it is about before it; a doubt stays one."""
    return type(note)(f"{name}: {note}")


def without_file(option: str, why: object) -> Doubt:
    """Return the doubt about a file beside the output: no score depends on it, so a run goes on."""
    return Doubt(f"{option}: {why}; the run goes on without it")
