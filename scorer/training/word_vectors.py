"""Word vectors from a text file, such as GloVe's, put into a model's embedding.

Knows the file's format through torchtext, nothing of training.
"""

import io
import tempfile
from contextlib import redirect_stderr
from pathlib import Path

import torch

from scorer.errors import InputError, UsageError
from scorer.network.model import TextClassifier
from scorer.tokens.encoding import Vocabulary


def use_vectors(path: Path, model: TextClassifier, vocabulary: Vocabulary) -> int:
    """Set the embedding of each token the file has, as it is or in lower case; return how many.

    Raises `InputError` for a file that is none of word vectors, `UsageError` for another width.
    """
    vectors = _read(path)
    width = model.config.embedding_dim
    if vectors.dim != width:
        raise UsageError(
            f"{path} has vectors of {vectors.dim}, the embedding is {width} wide",
            f"--embedding-dim {vectors.dim} fits them",
        )
    rows = [(row, _place(vectors.stoi, token)) for row, token in enumerate(vocabulary.tokens)]
    found = [(row, place) for row, place in rows if place is not None]
    if found:
        ours, theirs = (torch.tensor(places) for places in zip(*found, strict=True))
        model.embedding.weight.data[ours] = vectors.vectors[theirs].to(model.embedding.weight)
    return len(found)


def _place(places: dict[str, int], token: str) -> int | None:
    return places.get(token, places.get(token.lower()))


def _read(path: Path) -> "torchtext.vocab.Vectors":  # type: ignore[name-defined]  # noqa: F821
    """Read by torchtext, whose own cache of the file and progress bar are thrown away."""
    from torchtext.vocab import Vectors

    if not path.is_file():
        raise InputError(f"there is no file {path}")
    try:
        with tempfile.TemporaryDirectory() as cache, redirect_stderr(io.StringIO()):
            return Vectors(str(path.absolute()), cache=cache)
    except (RuntimeError, ValueError, UnicodeDecodeError, TypeError) as error:
        reason = str(error).rstrip(".")
        raise InputError(
            f"{path} is not a file of word vectors: {reason}",
            "Each line is a token and its numbers, single spaces between, as in GloVe's files",
        ) from error
