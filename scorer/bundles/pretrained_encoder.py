"""A pretrained encoder, the embedding and recurrent layer that a training may start from.

Pretraining leaves one as a folder:

    start.json           format, facts, sha256 of the other files
    weights.safetensors  float16
    vocabulary.txt       a token a line, line number = id

A bundle is one too: then the output layer comes along, for trainings of the same classes.
A training whose vocabulary differs keeps the vectors of the tokens that both have.
Nothing is ever unpickled. Knows layers and vocabularies, nothing of labels.
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

from scorer.bundles.bundle import Bundle
from scorer.bundles.bundle_files import MANIFEST as BUNDLE_MANIFEST
from scorer.bundles.bundle_files import load_bundle
from scorer.errors import BundleError, UsageError
from scorer.files.publish import writing
from scorer.network.model import TextClassifier
from scorer.tokens.vocabulary import Vocabulary

FORMAT_VERSION = 1
MANIFEST, WEIGHTS, VOCABULARY = "start.json", "weights.safetensors", "vocabulary.txt"
LAYERS = ("embedding", "recurrent")
OUTPUT = "output"
CELLS_BY_GATES = {4: "lstm", 3: "gru", 1: "rnn"}
NEW_TOKEN_SCALE = 0.3  # of the standard deviation of the pretrained vectors
REMEDY = "--unlabelled FILE makes a new one"


@dataclass(frozen=True)
class PretrainedEncoder:
    """Pretrained layers and where they came from."""

    weights: Mapping[str, torch.Tensor]  # float16, by the model's parameter names
    vocabulary: Vocabulary
    facts: Mapping[str, Any]  # rows and tokens trained on, settings
    digest: str = ""  # sha256 of start.json, or a bundle's; where it was loaded
    classes: tuple[str, ...] = ()  # of the output layer, where there is one

    @property
    def language(self) -> str:
        """The language of its texts."""
        return str(self.facts.get("language", "en"))

    @property
    def embedding_dim(self) -> int:
        """Width of the embedding."""
        return self.weights["embedding.weight"].shape[1]

    @property
    def hidden_dim(self) -> int:
        """Width of the recurrent layer's state."""
        return self.weights["recurrent.weight_hh_l0"].shape[1]

    @property
    def cell(self) -> str:
        """The recurrent layer's kind, as far as its shape tells."""
        return CELLS_BY_GATES[len(self.weights["recurrent.weight_hh_l0"]) // self.hidden_dim]


def extract_encoder(
    model: TextClassifier, vocabulary: Vocabulary, facts: Mapping[str, Any]
) -> PretrainedEncoder:
    """Return the pretrained layers of a model."""
    weights = {
        name: tensor.detach().half().cpu()
        for name, tensor in model.state_dict().items()
        if name.split(".")[0] in LAYERS
    }
    return PretrainedEncoder(weights, vocabulary, facts)


def apply_encoder(
    encoder: PretrainedEncoder,
    model: TextClassifier,
    vocabulary: Vocabulary,
    classes: tuple[str, ...] = (),
) -> int:
    """Set the model's layers, and return how many tokens of its vocabulary were known.

    A token that is known in another spelling gets that one's vector, the others keep their
    direction at a smaller length. The output layer is set where the classes are the encoder's.
    Raises `UsageError` where the sizes differ.
    """
    state = model.state_dict()
    rows = {token: row for row, token in enumerate(encoder.vocabulary.tokens)}
    sources = [rows.get(encoder.vocabulary.known_spelling(token)) for token in vocabulary.tokens]
    for name, tensor in encoder.weights.items():
        if name.startswith(OUTPUT):
            if classes == encoder.classes and state[name].shape == tensor.shape:
                state[name].copy_(tensor)
            continue
        _check_shape(name, tensor, state)
        if name == "embedding.weight":
            _set_vectors(state[name], tensor, sources)
        else:
            state[name].copy_(tensor)
    return sum(token in rows for token in vocabulary.tokens)


def _set_vectors(
    vectors: torch.Tensor, pretrained: torch.Tensor, sources: list[int | None]
) -> None:
    vectors.mul_(NEW_TOKEN_SCALE * pretrained.float().std())
    known = [row for row, source in enumerate(sources) if source is not None]
    taken = [source for source in sources if source is not None]
    vectors[known] = pretrained[taken].to(vectors)


def _check_shape(name: str, tensor: torch.Tensor, state: Mapping[str, torch.Tensor]) -> None:
    wanted = tuple(state[name].shape) if name in state else None
    found = tuple(tensor.shape)
    if name == "embedding.weight" and wanted:
        wanted, found = wanted[1:], found[1:]
    if wanted != found:
        raise UsageError(
            f"the pretrained encoder's {name} is {found}, the model's {wanted or 'not there'}",
            "--cell, --embedding-dim and --hidden-dim must be those it was made with",
        )


def write_encoder(encoder: PretrainedEncoder, folder: Path) -> None:
    """Write a new folder."""
    contents = {
        WEIGHTS: save_tensors({name: t.contiguous() for name, t in encoder.weights.items()}),
        VOCABULARY: "".join(f"{token}\n" for token in encoder.vocabulary.tokens).encode(),
    }
    digests = {name: hashlib.sha256(data).hexdigest() for name, data in contents.items()}
    manifest = {"format_version": FORMAT_VERSION, "facts": dict(encoder.facts), "files": digests}
    with writing(folder):
        folder.mkdir(parents=True)
        for name, data in contents.items():
            (folder / name).write_bytes(data)
        (folder / MANIFEST).write_text(json.dumps(manifest, indent=1) + "\n", encoding="utf-8")


def load_encoder(folder: Path) -> PretrainedEncoder:
    """Verify a folder, of a pretrained encoder or of a bundle, and load it.

    Raises `BundleError` with what is wrong.
    """
    if (folder / BUNDLE_MANIFEST).is_file():
        return _of_bundle(load_bundle(folder))
    path = folder / MANIFEST
    try:
        manifest = json.loads(path.read_bytes())
        if manifest["format_version"] != FORMAT_VERSION:
            raise BundleError(f"{path}: unknown format version", REMEDY)
        weights = load_tensors(_verified(folder / WEIGHTS, manifest["files"]))
        tokens = _verified(folder / VOCABULARY, manifest["files"]).decode()
        digest = hashlib.sha256(path.read_bytes()).hexdigest()
        vocabulary = Vocabulary(tuple(tokens.removesuffix("\n").split("\n")))
        return PretrainedEncoder(weights, vocabulary, manifest["facts"], digest)
    except OSError as error:
        reason = f"{error.strerror}: {error.filename}"
        raise BundleError(f"{folder} is not a pretrained encoder: {reason}", REMEDY) from error
    except (KeyError, TypeError, ValueError, SafetensorError) as error:
        raise BundleError(f"{path}: {type(error).__name__}: {error}", REMEDY) from error


def _of_bundle(bundle: Bundle) -> PretrainedEncoder:
    """Return the layers of a bundle's network, the output layer among them."""
    facts = {"bundle": bundle.version, "language": bundle.rules.language}
    return PretrainedEncoder(
        bundle.weights, bundle.vocabulary, facts, bundle.digest, bundle.classes
    )


def _verified(path: Path, digests: Mapping[str, str]) -> bytes:
    data = path.read_bytes()
    if hashlib.sha256(data).hexdigest() != digests[path.name]:
        raise BundleError(f"{path} was changed or damaged: its digest differs", REMEDY)
    return data
