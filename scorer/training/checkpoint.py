"""The state of a training between epochs, in one file, so that the same command goes on from it.

A safetensors file whose header holds the facts as JSON; replaced atomically. It is bound to its
training by a key and to its content by a digest: of another training, or damaged, it is not taken.
Nothing is ever unpickled.
Knows tensors and facts, nothing of what they mean.
"""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file

from scorer.files.publish import PendingFile, writing


@dataclass(frozen=True)
class State:
    """Named tensors, and facts that JSON can hold."""

    tensors: Mapping[str, torch.Tensor]
    facts: Mapping[str, Any]


@dataclass(frozen=True)
class Checkpoint:
    """Where a training's state is kept; `key` tells one training from another."""

    path: Path
    key: str

    def load(self) -> State | None:
        """Return the state; None where there is none, or it is damaged or of another training."""
        if not self.path.is_file():
            return None
        try:
            with safe_open(self.path, "pt") as file:
                metadata = file.metadata() or {}
                if metadata.get("key") != self.key:
                    return None
                tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
        except SafetensorError:
            return None
        facts = metadata.get("facts", "")
        if metadata.get("sha256") != _digest(tensors, facts):
            return None
        return State(tensors, json.loads(facts))

    def save(self, state: State) -> None:
        """Replace the file. Raises `InputError` where it cannot be written."""
        tensors = {name: tensor.detach().cpu().clone() for name, tensor in state.tensors.items()}
        facts = json.dumps(state.facts)
        metadata = {"key": self.key, "facts": facts, "sha256": _digest(tensors, facts)}
        with PendingFile(self.path) as pending:
            with writing(self.path):
                self.path.parent.mkdir(parents=True, exist_ok=True)
                save_file(tensors, pending.temporary, metadata)
            pending.flush()
            pending.publish()


def strip_prefix(prefix: str, tensors: Mapping[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """Return the tensors named `<prefix>.<name>`, by `<name>`."""
    start = f"{prefix}."
    return {name[len(start) :]: t for name, t in tensors.items() if name.startswith(start)}


def _digest(tensors: Mapping[str, torch.Tensor], facts: str) -> str:
    digest = hashlib.sha256(facts.encode())
    for name in sorted(tensors):
        digest.update(name.encode())
        digest.update(tensors[name].contiguous().numpy().tobytes())
    return digest.hexdigest()
