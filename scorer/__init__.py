"""Batch scoring of text columns. The public API; importing it loads neither torch nor spaCy.

from scorer import Scorer
table = Scorer.load().score(table, text_column="review")
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from scorer.api import Bundle, Scorer, score_file, score_files, train

__version__ = "0.11.0"
__all__ = ["Bundle", "Scorer", "score_file", "score_files", "train"]


def __getattr__(name: str) -> Any:
    """Import what is public when it is first asked for (PEP 562)."""
    if name in __all__:
        from scorer import api

        return getattr(api, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
