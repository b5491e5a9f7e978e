"""The scores that a run need not compute: an interrupted run's journal, and the cache.

Each is bound to all that a score depends on, so that no other score is ever taken for it. Knows
what a run was asked to do and the versions it runs with, nothing of how rows are read or scored.
"""

import json
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from importlib.metadata import version

import numpy as np

from scorer import __version__
from scorer.scoring.chunks import score_dtype
from scorer.scoring.destination import Destination
from scorer.scoring.journal import Journal
from scorer.scoring.record import RunRecord
from scorer.scoring.score_cache import ScoreCache
from scorer.tables.text_column import TextColumn
from scorer.wording import counted, have


@contextmanager
def open_cache(
    record: RunRecord, note: Callable[[Sequence[str]], None]
) -> Iterator[ScoreCache | None]:
    """Open the cache of a run; None where none is asked for. `note` is called with its doubts."""
    if record.source.cache is None:
        yield None
        return
    cache = ScoreCache(record.source.cache, _score_binding(record), _dtype(record))
    try:
        yield cache
    finally:
        cache.close()
        note(cache.doubts)


def open_journal(
    record: RunRecord, column: TextColumn, destination: Destination, note: Callable[[str], None]
) -> Journal | None:
    """Open the journal of a run; None for an input or output that cannot be gone back to.

    `note` is called with a line about one that was set aside, or that has scores.
    """
    known, source = record.input, record.source
    if known is None:
        return None
    binding = {
        "input": f"{known.size} bytes, sha256 {known.sha256}",
        "input format": json.dumps(asdict(source.format) | asdict(source.csv)),
        "text column": f"{list(column.positions)}: {column.name}",
        **_score_binding(record),
    }
    journal = destination.journal(binding, _dtype(record), note)
    if journal is not None and journal.rows:
        note(f"{counted(journal.rows, 'row')} {have(journal.rows)} scores from an earlier run")
    return journal


def _score_binding(record: RunRecord) -> dict[str, str]:
    """Return all that a text's score depends on, and whether an explanation is kept with it."""
    model, words = record.model, record.target.added.explain
    packages = " ".join(f"{name} {version(name)}" for name in ("pyarrow", "torch"))
    binding = {
        "bundle": model.bundle.digest,
        "program": f"scorer {__version__} {packages}",
        **model.predictor.score_settings,
    }
    if model.tokeniser:
        binding["tokeniser"] = model.tokeniser
    if words:
        binding["explained in words"] = str(words)
    return binding


def _dtype(record: RunRecord) -> np.dtype:
    return score_dtype(len(record.model.predictor.classes), record.target.added.explain)
