"""The precisions a model can score in, and which of them this machine is fast at.

Knows PyTorch and the machine; nothing of bundles, texts or how near a precision comes.
"""

import torch

from scorer.errors import UsageError
from scorer.network.fused_lstm import has_kernel
from scorer.network.model import ModelConfig
from scorer.network.products import ByteProduct

PRECISIONS = ("float32", "bfloat16", "float16", "int16", "int8")
CHOICES = ("auto", *PRECISIONS)
CPU_FEATURES = {"bfloat16": ("avx512_bf16", "amx_tile"), "float16": ("amx_fp16",)}


def check_precision(precision: str, choices: tuple[str, ...] = PRECISIONS) -> None:
    """Raise `UsageError` for a name that is not among the choices."""
    if precision not in choices:
        raise UsageError(f"no precision {precision!r}; choose one of: {', '.join(choices)}")


def to_try(precision: str, model: ModelConfig, device: str, fused: bool = True) -> tuple[str, ...]:
    """Return what may serve a choice on this machine, fastest first; the last one always serves.

    A precision that the machine lacks or is slow at is served by float32. fused: whether `auto`
    may import the fused kernel's library.
    """
    check_precision(precision, CHOICES)
    int16 = precision == "int16" or (precision == "auto" and fused)
    fast = (*fast_precisions(model, device, int16), "float32")
    if precision == "auto":
        return fast
    return (precision,) if precision in fast else ("float32",)


def fast_precisions(model: ModelConfig, device: str, int16: bool = True) -> tuple[str, ...]:
    """Return the precisions that are faster than float32 here, fastest first.

    int16: whether to look for its kernel, which imports a library.
    """
    if device == "cuda":
        return ("float16", "bfloat16") if torch.cuda.is_bf16_supported() else ("float16",)
    if device != "cpu" or model.cell != "lstm":
        return ()
    halves = [name for name, features in CPU_FEATURES.items() if any(map(_cpu_has, features))]
    whole = ["int8"] if multiplies_bytes() else []
    if int16 and has_kernel("int16", model.hidden_dim):
        whole.append("int16")
    return (*whole, *halves)


def multiplies_bytes() -> bool:
    """Return whether bytes are multiplied in hardware and summed exactly.

    Tried, as older instructions saturate: 64 of the largest bytes times the largest weights.
    """
    if not _cpu_has("vnni"):
        return False
    hidden = 64
    try:
        product = ByteProduct(torch.zeros(1, 4 * hidden), torch.ones(hidden, 4 * hidden))
        gates, scratch = torch.empty(2, 4 * hidden), product.scratch(2)
        product.take(torch.full((2, hidden), 0.5), scratch)
        product.add(torch.zeros(2, dtype=torch.int64), scratch, gates)
    except (AttributeError, RuntimeError):  # this PyTorch has no such product
        return False
    return torch.allclose(gates, torch.tensor(hidden / 2))


def _cpu_has(feature: str) -> bool:
    """Return whether PyTorch, where it is new enough to ask, says the CPU has a feature."""
    return getattr(torch.cpu, f"_is_{feature}_supported", bool)()
