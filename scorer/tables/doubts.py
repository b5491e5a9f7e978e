"""Notes that a quiet run prints too: rows may have been read otherwise than meant, or the run has
gone on without a file that it was to use.

Knows nothing of files.
"""


class Doubt(str):
    """A note that rows may be lost or wrong; a string made of it is one only if it says so."""

    __slots__ = ()


def without_file(option: str, why: object) -> Doubt:
    """Return the doubt about a file beside the output: no score depends on it, so a run goes on."""
    return Doubt(f"{option}: {why}; the run goes on without it")
