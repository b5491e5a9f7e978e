"""All that shapes a model, and the digests that tell one training from another.

Knows what there is to learn from and how, not how it is done.
"""

import hashlib
import json
import platform
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import torch

from scorer import __version__
from scorer.corpus.corpus import PARTS, Corpus
from scorer.corpus.labelled_rows import LabelledRows
from scorer.files.fingerprint import fingerprint
from scorer.network.model import ModelConfig
from scorer.tokens.vocabulary import Vocabulary
from scorer.training.auxiliary import AuxiliaryInputs
from scorer.training.recipe import Recipe

MOST_REFIT_ROWS = 20_000
PACKAGES = ("torch", "torchtext", "spacy", "pyarrow", "numpy")


@dataclass(frozen=True)
class Task:
    """Rows, recipe and auxiliary inputs of one training."""

    corpus: Corpus
    recipe: Recipe
    auxiliary: AuxiliaryInputs = field(default_factory=AuxiliaryInputs)

    @property
    def texts(self) -> pa.LargeStringArray:
        """The training texts, then the unlabelled ones if there are any."""
        return self.auxiliary.with_unlabelled(self.corpus.train.texts)

    @property
    def pretrains(self) -> bool:
        """Whether a language model is trained before the labels are used.

        A pretrained encoder is trained further only on unlabelled texts, and not where these were
        given for a teacher to label.
        """
        auxiliary = self.auxiliary
        if not self.recipe.pretraining.passes or auxiliary.vectors is not None:
            return False
        if auxiliary.encoder is None:
            return True
        return auxiliary.unlabelled is not None and not auxiliary.teachers

    @property
    def knows_classes(self) -> bool:
        """Whether the network starts with an output layer for these classes."""
        encoder = self.auxiliary.encoder
        return encoder is not None and encoder.classes == self.corpus.classes

    @property
    def learns_validation(self) -> bool:
        """Whether the validation rows are trained on in the end.

        Where rows are few they are worth more in training, and a second training costs little.
        """
        few = len(self.corpus.train) <= MOST_REFIT_ROWS
        wanted = self.recipe.refit and not self.auxiliary.teachers
        return wanted and self.corpus.valid_is_share and few

    @property
    def refits_network(self) -> bool:
        """Whether the network learns them too: not where it would have to be pretrained again."""
        return self.learns_validation and not self.pretrains

    @property
    def learned_rows(self) -> LabelledRows:
        """The rows that are trained on in the end."""
        return self.corpus.development if self.learns_validation else self.corpus.train

    def model_config(self, vocabulary: Vocabulary) -> ModelConfig:
        """Return the network's configuration for a vocabulary."""
        return self.recipe.model_config(vocabulary, len(self.corpus.classes))

    @property
    def key(self) -> str:
        """A digest of all that shapes the weights, so that trainings of one key are the same."""
        parts = [
            __version__,
            self.corpus.fingerprint,
            self.corpus.classes,
            _part_digests(self.corpus),
            asdict(self.recipe),
            _auxiliary_facts(self.auxiliary),
            _packages(),
        ]
        return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()

    def facts(self) -> Mapping[str, Any]:
        """Return what a bundle records of its training."""
        return {
            "data_sha256": self.corpus.fingerprint,
            "files": _labelled_files(self.corpus),
            "preset": self.recipe.preset,
            "rows": {part: len(getattr(self.corpus, part)) for part in PARTS},
            "parts_sha256": _part_digests(self.corpus),
            "pretraining": asdict(self.recipe.pretraining),
            "threads": torch.get_num_threads(),
            "settings": asdict(self.recipe.training),
            "background": _auxiliary_facts(self.auxiliary),
            "program": __version__,
            "python": platform.python_version(),
            "packages": _packages(),
        }


def _labelled_files(corpus: Corpus) -> list[dict[str, Any]]:
    """Return the path and digest of each labelled file, and the options that it was read by."""
    told = corpus.told
    return [
        {"path": path, "sha256": sha256, "options": dict(told.get(path, {}))}
        for path, sha256 in corpus.files.items()
    ]


def _auxiliary_facts(auxiliary: AuxiliaryInputs) -> dict[str, Any]:
    """Return what is known of the auxiliary inputs; texts by their number and digest."""
    texts, start = auxiliary.unlabelled, auxiliary.encoder
    return {
        "unlabelled_rows": 0 if texts is None else len(texts),
        "unlabelled_sha256": None if texts is None else _digest(texts),
        "start": None if start is None else {"digest": start.digest, **start.facts},
        "start_knows": [] if start is None else list(start.classes),
        "word_vectors": auxiliary.word_vectors and auxiliary.word_vectors.digest,
        "vectors": None if auxiliary.vectors is None else _file_facts(auxiliary.vectors),
        "teachers": [teacher.digest for teacher in auxiliary.teachers],
    }


def _part_digests(corpus: Corpus) -> dict[str, str]:
    """Return a digest of the texts and the targets of each part."""
    rows = {part: getattr(corpus, part) for part in PARTS}
    return {
        part: hashlib.sha256(
            _digest(of.texts).encode() + of.targets.tobytes() + _bytes_of(of.probabilities)
        ).hexdigest()
        for part, of in rows.items()
    }


def _bytes_of(probabilities: np.ndarray | None) -> bytes:
    return b"" if probabilities is None else probabilities.tobytes()


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
