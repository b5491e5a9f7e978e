"""What this machine can do at best: matrix products, memory copies, and spaCy called plainly.

Products are those of a recurrent step, one single-threaded thread a core, as the job runs them.
"""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
import spacy
import torch
from measured import Figure, median_seconds, per_second

from scorer.network.inference import batch_rows
from scorer.network.model import ModelConfig
from scorer.network.precision import fast_precisions

CALLS = 60
COPIED = 1 << 28  # bytes


@dataclass(frozen=True)
class Ceilings:
    """Rates: operations a second of all cores by precision, bytes a second, rows a second."""

    products: dict[str, float]
    copying: float
    spacy: float

    def rows(self, precision: str, config: ModelConfig, tokens_a_row: float) -> float:
        """Return the rows a second that the recurrent product alone allows."""
        rate = self.products[self.product_of(precision)]
        return rate / (8 * config.hidden_dim**2 * tokens_a_row)

    def product_of(self, precision: str) -> str:
        """Return the precision whose product is the limit: no library multiplies int16."""
        return precision if precision in self.products else "float32"

    def figures(self) -> list[Figure]:
        """Return the lines to print."""
        products = [
            Figure(f"ceiling: product, {name}", per_second(rate / 1e9, "GFLOP"))
            for name, rate in self.products.items()
        ]
        return [
            *products,
            Figure("ceiling: memory copy", per_second(self.copying / 1e9, "GB")),
            Figure("ceiling: spaCy called plainly, one core", per_second(self.spacy, "rows")),
        ]


def measure(config: ModelConfig, texts: list[str], repeats: int) -> Ceilings:
    """Return the machine's rates; `texts` are normalised."""
    names = dict.fromkeys(("float32", "bfloat16", *fast_precisions(config, "cpu", int16=False)))
    products = {name: _product_rate(name, config.hidden_dim, repeats) for name in names}
    return Ceilings(products, _copy_rate(repeats), _spacy_rate(texts, repeats))


def _product_rate(precision: str, hidden: int, repeats: int) -> float:
    cores = torch.get_num_threads()
    product = _product(precision, hidden)

    def work(_: int) -> None:
        with torch.inference_mode():
            for _ in range(CALLS):
                product()

    with ThreadPoolExecutor(cores, initializer=torch.set_num_threads, initargs=(1,)) as pool:
        list(pool.map(work, range(cores)))  # once to warm up
        elapsed = median_seconds(repeats, lambda: list(pool.map(work, range(cores))))
    return cores * CALLS * 2 * batch_rows(hidden) * hidden * 4 * hidden / elapsed


def _product(precision: str, hidden: int) -> Callable[[], torch.Tensor]:
    """Return states (rows, hidden) times weights (hidden, 4 hidden)."""
    if precision == "int8":
        return _byte_product(hidden)
    dtype = getattr(torch, precision)
    states = torch.randn(batch_rows(hidden), hidden).to(dtype)
    weights = torch.randn(hidden, 4 * hidden).to(dtype)
    return lambda: states @ weights


def _byte_product(hidden: int) -> Callable[[], torch.Tensor]:
    states = torch.randint(0, 256, (batch_rows(hidden), hidden), dtype=torch.uint8)
    weights = torch.randint(-127, 128, (4 * hidden, hidden), dtype=torch.int8)
    packed = torch.ops.onednn.qlinear_prepack(weights, None)
    scales, zeros = torch.ones(4 * hidden), torch.zeros(4 * hidden, dtype=torch.int64)
    arguments = (states, 1.0, 128, packed, scales, zeros, None, 1.0, 0, torch.float32, "none", [])
    return lambda: torch.ops.onednn.qlinear_pointwise(*arguments, "")


def _copy_rate(repeats: int) -> float:
    source = np.ones(COPIED, np.uint8)
    target = np.empty_like(source)
    np.copyto(target, source)
    return COPIED / median_seconds(repeats, lambda: np.copyto(target, source))


def _spacy_rate(texts: list[str], repeats: int) -> float:
    tokenizer = spacy.blank("en").tokenizer
    elapsed = median_seconds(
        repeats, lambda: [[token.text for token in tokenizer(text)] for text in texts]
    )
    return len(texts) / elapsed
