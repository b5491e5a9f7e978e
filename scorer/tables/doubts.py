"""Notes about a file that a quiet run prints too: rows may have been read otherwise than meant.

Knows nothing of files.
"""


class Doubt(str):
    """A note that somebody should look at in the morning."""

    __slots__ = ()
