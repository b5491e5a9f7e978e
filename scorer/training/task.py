"""All that shapes a model, and the digests that tell one training from another."""

import hashlib
import json
import platform
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pyarrow as pa
import torch

from scorer.corpus.corpus import PARTS, Corpus
from scorer.files.fingerprint import fingerprint
from scorer.training.background import Background
from scorer.training.recipe import Recipe

PACKAGES = ("torch", "torchtext", "spacy", "pyarrow", "numpy")


@dataclass(frozen=True)
class Task:
    """What to make a model of, and how."""

    corpus: Corpus
    recipe: Recipe
    background: Background = field(default_factory=Background)

    @property
    def texts(self) -> pa.LargeStringArray:
        """The training texts, then the unlabelled ones if there are any."""
        unlabelled = self.background.unlabelled
        more = [] if unlabelled is None else [unlabelled]
        return pa.concat_arrays([self.corpus.train.texts, *more])

    @property
    def key(self) -> str:
        """A digest of all that shapes the weights: another one for another training."""
        parts = [
            self.corpus.fingerprint,
            self.corpus.classes,
            _part_digests(self.corpus),
            asdict(self.recipe),
            _background_facts(self.background),
            _packages(),
        ]
        return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()

    def facts(self) -> Mapping[str, Any]:
        """Return what a bundle says of its making."""
        return {
            "data_sha256": self.corpus.fingerprint,
            "rows": {part: len(getattr(self.corpus, part)) for part in PARTS},
            "parts_sha256": _part_digests(self.corpus),
            "pretraining": asdict(self.recipe.pretraining),
            "threads": torch.get_num_threads(),
            "settings": asdict(self.recipe.training),
            "background": _background_facts(self.background),
            "python": platform.python_version(),
            "packages": _packages(),
        }


def _background_facts(background: Background) -> dict[str, Any]:
    """Return what is known of the background; its texts by their number and digest."""
    texts, start = background.unlabelled, background.start
    return {
        "unlabelled_rows": 0 if texts is None else len(texts),
        "unlabelled_sha256": None if texts is None else _digest(texts),
        "start": None if start is None else {"digest": start.digest, **start.facts},
        "vectors": None if background.vectors is None else _file_facts(background.vectors),
        "teachers": [teacher.digest for teacher in background.teachers],
    }


def _part_digests(corpus: Corpus) -> dict[str, str]:
    """Return a digest of the texts and the targets of each part."""
    rows = {part: getattr(corpus, part) for part in PARTS}
    return {
        part: hashlib.sha256(_digest(of.texts).encode() + of.targets.tobytes()).hexdigest()
        for part, of in rows.items()
    }


def _file_facts(path: Path) -> dict[str, str | None]:
    found = fingerprint(path)
    return {"name": path.name, "sha256": found.sha256 if found else None}


def _digest(texts: pa.LargeStringArray) -> str:
    digest = hashlib.sha256()
    for buffer in texts.buffers()[1:]:  # offsets and characters; there are no nulls
        digest.update(buffer)
    return digest.hexdigest()


def _packages() -> dict[str, str]:
    return {name: version(name) for name in PACKAGES}
