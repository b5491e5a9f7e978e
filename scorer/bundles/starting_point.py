"""What pretraining leaves for later trainings, a folder: embedding and recurrent layer.

    start.json           format, facts, sha256 of the other files
    weights.safetensors  float16
    vocabulary.txt       a token a line, line number = id

A training whose vocabulary differs takes over the tokens both have. Nothing is ever unpickled.
Knows embeddings and recurrent layers, nothing of labels.
"""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load as load_tensors
from safetensors.torch import save as save_tensors

from scorer.errors import BundleError, UsageError
from scorer.files.publish import writing
from scorer.network.model import TextClassifier
from scorer.tokens.encoding import Vocabulary

FORMAT_VERSION = 1
MANIFEST, WEIGHTS, VOCABULARY = "start.json", "weights.safetensors", "vocabulary.txt"
LAYERS = ("embedding", "recurrent")
REMEDY = "--unlabelled FILE makes a new one"


@dataclass(frozen=True)
class StartingPoint:
    """Pretrained layers and where they came from."""

    weights: Mapping[str, torch.Tensor]  # float16, by the model's parameter names
    vocabulary: Vocabulary
    facts: Mapping[str, Any]  # rows and tokens trained on, settings
    digest: str = ""  # sha256 of start.json, where it was loaded


def starting_point(
    model: TextClassifier, vocabulary: Vocabulary, facts: Mapping[str, Any]
) -> StartingPoint:
    """Return the pretrained layers of a model."""
    weights = {
        name: tensor.detach().half().cpu()
        for name, tensor in model.state_dict().items()
        if name.split(".")[0] in LAYERS
    }
    return StartingPoint(weights, vocabulary, facts)


def start_from(point: StartingPoint, model: TextClassifier, vocabulary: Vocabulary) -> int:
    """Set the model's layers, and return how many tokens of its vocabulary were known.

    The others keep the weights they have. Raises `UsageError` where the sizes differ.
    """
    state = model.state_dict()
    known = {token: row for row, token in enumerate(point.vocabulary.tokens)}
    pairs = [(row, known[t]) for row, t in enumerate(vocabulary.tokens) if t in known]
    for name, tensor in point.weights.items():
        _check_shape(name, tensor, state)
        if name == "embedding.weight":
            ours, theirs = (torch.tensor(rows) for rows in zip(*pairs, strict=True))
            state[name][ours] = tensor[theirs].to(state[name])
        else:
            state[name].copy_(tensor)
    return len(pairs)


def _check_shape(name: str, tensor: torch.Tensor, state: Mapping[str, torch.Tensor]) -> None:
    wanted = tuple(state[name].shape) if name in state else None
    found = tuple(tensor.shape)
    if name == "embedding.weight" and wanted:
        wanted, found = wanted[1:], found[1:]
    if wanted != found:
        raise UsageError(
            f"the starting point's {name} is {found}, the model's {wanted or 'not there'}",
            "--cell, --embedding-dim and --hidden-dim must be those it was made with",
        )


def write_starting_point(point: StartingPoint, folder: Path) -> None:
    """Write a new folder."""
    contents = {
        WEIGHTS: save_tensors({name: t.contiguous() for name, t in point.weights.items()}),
        VOCABULARY: "".join(f"{token}\n" for token in point.vocabulary.tokens).encode(),
    }
    digests = {name: hashlib.sha256(data).hexdigest() for name, data in contents.items()}
    manifest = {"format_version": FORMAT_VERSION, "facts": dict(point.facts), "files": digests}
    with writing(folder):
        folder.mkdir(parents=True)
        for name, data in contents.items():
            (folder / name).write_bytes(data)
        (folder / MANIFEST).write_text(json.dumps(manifest, indent=1) + "\n", encoding="utf-8")


def load_starting_point(folder: Path) -> StartingPoint:
    """Verify a folder and load it. Raises `BundleError` with what is wrong."""
    path = folder / MANIFEST
    try:
        manifest = json.loads(path.read_bytes())
        if manifest["format_version"] != FORMAT_VERSION:
            raise BundleError(f"{path}: unknown format version", REMEDY)
        weights = load_tensors(_verified(folder / WEIGHTS, manifest["files"]))
        tokens = _verified(folder / VOCABULARY, manifest["files"]).decode()
        digest = hashlib.sha256(path.read_bytes()).hexdigest()
        vocabulary = Vocabulary(tuple(tokens.removesuffix("\n").split("\n")))
        return StartingPoint(weights, vocabulary, manifest["facts"], digest)
    except OSError as error:
        reason = f"{error.strerror}: {error.filename}"
        raise BundleError(f"{folder} is not a starting point: {reason}", REMEDY) from error
    except (KeyError, TypeError, ValueError, SafetensorError) as error:
        raise BundleError(f"{path}: {type(error).__name__}: {error}", REMEDY) from error


def _verified(path: Path, digests: Mapping[str, str]) -> bytes:
    data = path.read_bytes()
    if hashlib.sha256(data).hexdigest() != digests[path.name]:
        raise BundleError(f"{path} was changed or damaged: its digest differs", REMEDY)
    return data
