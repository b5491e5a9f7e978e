"""The weights a training begins with: random, from word vectors, or from a pretrained encoder.

Knows models and vocabularies, nothing of labels or of how pretraining works.
"""

import io
import tempfile
from contextlib import redirect_stderr
from pathlib import Path

import torch

from scorer.bundles.pretrained_encoder import PretrainedEncoder, apply_encoder
from scorer.errors import InputError, UsageError
from scorer.network.model import ModelConfig, TextClassifier
from scorer.tokens.vocabulary import Vocabulary


def random_model(config: ModelConfig, seed: int) -> TextClassifier:
    """Return a network with random weights, on CUDA where there is one."""
    torch.manual_seed(seed)
    return TextClassifier(config).to("cuda" if torch.cuda.is_available() else "cpu")


def set_pretrained_layers(
    model: TextClassifier,
    vocabulary: Vocabulary,
    classes: tuple[str, ...],
    encoder: PretrainedEncoder | None,
    vectors: Path | None,
) -> None:
    """Set the layers that a pretrained encoder or a file of word vectors has, if there is one."""
    if vectors is not None:
        apply_vectors(vectors, model, vocabulary)
    if encoder is not None:
        apply_encoder(encoder, model, vocabulary, classes)


def apply_vectors(path: Path, model: TextClassifier, vocabulary: Vocabulary) -> int:
    """Set the embedding of each token the file has, as it is or in lower case; return how many.

    Raises `InputError` for a file that is none of word vectors, `UsageError` for another width.
    """
    vectors = _read_vectors(path)
    width = model.config.embedding_dim
    if vectors.dim != width:
        raise UsageError(
            f"{path} has vectors of {vectors.dim}, the embedding is {width} wide",
            f"--embedding-dim {vectors.dim} fits them",
        )
    rows = [(row, _position(vectors.stoi, token)) for row, token in enumerate(vocabulary.tokens)]
    found = [(row, position) for row, position in rows if position is not None]
    if found:
        ours, theirs = (torch.tensor(places) for places in zip(*found, strict=True))
        model.embedding.weight.data[ours] = vectors.vectors[theirs].to(model.embedding.weight)
    return len(found)


def _position(positions: dict[str, int], token: str) -> int | None:
    return positions.get(token, positions.get(token.lower()))


def _read_vectors(path: Path) -> "torchtext.vocab.Vectors":  # type: ignore[name-defined]  # noqa: F821
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
