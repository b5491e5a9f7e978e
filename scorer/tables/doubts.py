"""Notes about a file that a quiet run prints too: rows may have been read otherwise than meant.

Knows nothing of files.
"""


class Doubt(str):
    """A note that rows may be lost or wrong; a string made of it is one only if it says so."""

    __slots__ = ()
