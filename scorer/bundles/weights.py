"""Weights as a bundle keeps them: float16, but for the embedding, which has 8 bits a number.

A row of the embedding is int8 times a power of two of its own (block floating point). That halves
a bundle, as nearly all its weights are in the embedding. Knows tensors, nothing of files.
"""

from collections.abc import Mapping

import torch

from scorer.errors import BundleError

EMBEDDING, EXPONENTS = "embedding.weight", "embedding.exponents"
LARGEST = 127
LOWEST_EXPONENT = -24  # of float16's smallest number

Tensors = Mapping[str, torch.Tensor]


def rounded(weights: Tensors) -> dict[str, torch.Tensor]:
    """Return the nearest weights that a bundle can keep, float16 on the CPU."""
    kept = {name: tensor.half().cpu() for name, tensor in weights.items()}
    if EMBEDDING in kept and kept[EMBEDDING].isfinite().all():
        kept[EMBEDDING] = _scaled(*_in_8_bits(kept[EMBEDDING]))
    return kept


def pack(weights: Tensors) -> dict[str, torch.Tensor]:
    """Return what a file keeps of float16 weights: all that `unpack` needs to give them again."""
    packed = {name: tensor.contiguous() for name, tensor in weights.items()}
    if EMBEDDING in packed:
        numbers, exponents = _in_8_bits(packed[EMBEDDING])
        if torch.equal(_scaled(numbers, exponents), packed[EMBEDDING]):  # else not of `rounded`
            packed.update({EMBEDDING: numbers, EXPONENTS: exponents})
    return packed


def unpack(packed: Tensors) -> dict[str, torch.Tensor]:
    """Return the weights as float16, by the model's parameter names.

    Raises `BundleError` for an embedding and exponents that do not fit each other.
    """
    weights = dict(packed)
    if EXPONENTS in weights:
        weights[EMBEDDING] = _scaled(*_checked(weights.get(EMBEDDING), weights.pop(EXPONENTS)))
    return weights


def _checked(
    numbers: torch.Tensor | None, exponents: torch.Tensor
) -> tuple[torch.Tensor, torch.Tensor]:
    fits = numbers is not None and numbers.dim() == 2 and exponents.shape == numbers.shape[:1]
    if numbers is None or not fits or {numbers.dtype, exponents.dtype} != {torch.int8}:
        raise BundleError(f"{EMBEDDING} and {EXPONENTS} do not fit each other")
    return numbers, exponents


def _in_8_bits(rows: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Return int8 (rows, width) and the exponent of each row, int8 (rows,)."""
    largest = rows.float().abs().amax(dim=1)
    mantissas, exponents = torch.frexp(largest / LARGEST)  # mantissas from 0.5 to below 1
    exponents = exponents - (mantissas == 0.5).int()
    exponents = torch.where(largest > 0, exponents, 0).clamp(LOWEST_EXPONENT)
    numbers = torch.ldexp(rows.float(), -exponents[:, None]).round()
    return numbers.nan_to_num().char(), exponents.char()


def _scaled(numbers: torch.Tensor, exponents: torch.Tensor) -> torch.Tensor:
    largest = torch.finfo(torch.float16).max  # to which a number may not be rounded up
    return torch.ldexp(numbers.float(), exponents[:, None].int()).clamp(-largest, largest).half()
