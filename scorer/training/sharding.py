"""A batch dealt out to threads, one a core, and their gradients summed.

The small steps of a recurrent layer share badly between cores; batches of a few texts less do not.
Gradients are summed in a fixed order, so the same number of threads gives the same weights.
Knows tensors, nothing of models or losses.
"""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

import torch

Shard = TypeVar("Shard")
Result = TypeVar("Result")


class Threads:
    """As many threads as PyTorch may use on a CPU, each computing alone; one for a CUDA device."""

    def __init__(self, device: torch.device) -> None:
        self.count = torch.get_num_threads() if device.type == "cpu" else 1
        self._pool = ThreadPoolExecutor(self.count, "shard", torch.set_num_threads, (1,))

    def map(self, work: Callable[[Shard], Result], shards: Sequence[Shard]) -> list[Result]:
        """Return the result of each shard, in their order."""
        if self.count == 1:
            return [work(shard) for shard in shards]
        return list(self._pool.map(work, shards))


def set_gradients(
    parameters: Sequence[torch.nn.Parameter], shards: Sequence[Sequence[torch.Tensor]]
) -> None:
    """Set each parameter's gradient to the sum of the shards' gradients."""
    for parameter, first, *others in zip(parameters, *shards, strict=True):
        for gradient in others:
            first += gradient
        parameter.grad = first


def has_fast_bfloat16(device: torch.device) -> bool:
    """Return whether the device multiplies bfloat16 faster than float32."""
    if device.type == "cuda":
        return torch.cuda.is_bf16_supported()
    return torch.ops.mkldnn._is_mkldnn_bf16_supported()
