"""The fused kernel against the exact path; skipped where the CPU or numba cannot run it."""

import hashlib
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

from scorer.network import fused_lstm as room
from scorer.network.cpu import cpu_flags
from scorer.network.folded_lstm import FoldedLstm, FoldedWeights
from scorer.network.fused_lstm import FusedLstm, fused_lstms
from scorer.network.kernel_layout import (
    AMX_BYTES,
    AVX2_WORDS,
    LAYOUTS,
    VNNI_BYTES,
    VNNI_WORDS,
    KernelLayout,
)
from scorer.network.model import ModelConfig, TextClassifier
from scorer.network.packing import packed
from scorer.tokens.encoding import Encoded

ROOT = Path(__file__).parents[1]
NETWORK = ROOT / "scorer" / "network"
PRECISIONS = ("int8", "int16")
ABLE = [layout for layout in LAYOUTS if layout.cpu_flags <= cpu_flags()]
able = pytest.mark.skipif(not ABLE, reason="neither AVX2 nor AVX-512 VNNI in this CPU")
each = pytest.mark.parametrize("layout", ABLE, ids=lambda layout: layout.arrays.__name__)
LARGEST_ERROR = {"int8": 0.06, "int16": 0.002}  # of a pooled state


def fused_lstm(weights: FoldedWeights, layout: KernelLayout) -> FusedLstm:
    if not layout.fits(len(weights.weight)):
        pytest.skip("another layout serves this size")
    kernel = room.load_kernel()
    assert kernel is not None
    return FusedLstm(weights, room.halved_table(weights.table, layout.lanes), layout, kernel)


def weights_of(hidden: int, pooling: str = "concat", seed: int = 0) -> FoldedWeights:
    torch.manual_seed(seed)
    model = TextClassifier(ModelConfig(60, 2, 12, hidden, pooling=pooling))
    with torch.inference_mode():
        for parameter in model.parameters():
            parameter.mul_(2)
        return FoldedWeights.of(model)


def batch_of(lengths: list[int], seed: int = 0):
    rng = np.random.default_rng(seed)
    offsets = np.concatenate([[0], np.cumsum(lengths)])
    ids = rng.integers(0, 60, offsets[-1]).astype(np.int32)
    return packed(Encoded(ids, offsets), np.arange(len(lengths)))


@able
@each
@pytest.mark.parametrize("pooling", ["concat", "last"])
@pytest.mark.parametrize("hidden", [16, 48, 64, 256])
@pytest.mark.parametrize("lengths", [[1], [5, 3, 1], [40, 40, 39, 30, 9, 9, 2], [7] * 13])
def test_states_are_those_of_the_exact_path_within_a_rounding(layout, hidden, pooling, lengths):
    weights = weights_of(hidden, pooling)
    kernel, batch = fused_lstm(weights, layout), batch_of(lengths)
    with torch.inference_mode():
        exact, rounded = FoldedLstm(weights).pooled(batch), kernel.pooled(batch)
    assert rounded.shape == exact.shape
    assert (rounded - exact).abs().max() < LARGEST_ERROR[layout.precision]


@pytest.mark.skipif(VNNI_BYTES not in ABLE, reason="no AVX-512 VNNI in this CPU")
@pytest.mark.parametrize("hidden", [16, 256])
def test_bytes_are_as_exact_as_by_the_folded_path(hidden):
    weights, batch = weights_of(hidden), batch_of([40, 40, 39, 30, 9, 9, 2])
    with torch.inference_mode():
        exact, other = FoldedLstm(weights).pooled(batch), FoldedLstm(weights, "int8").pooled(batch)
        rounded = fused_lstm(weights, VNNI_BYTES).pooled(batch)
    assert (rounded - exact).abs().mean() < 2 * (other - exact).abs().mean() + 0.003


@pytest.mark.skipif(AMX_BYTES not in ABLE, reason="no AMX in this CPU")
@pytest.mark.parametrize("lengths", [[1], [40, 40, 39, 30, 9, 9, 2], [7] * 37])
def test_bytes_come_out_the_same_by_amx_and_by_vnni(lengths):
    weights, batch = weights_of(128), batch_of(lengths)
    by_amx, by_vnni = (fused_lstm(weights, layout) for layout in (AMX_BYTES, VNNI_BYTES))
    assert torch.equal(by_amx.pooled(batch), by_vnni.pooled(batch))


@able
@each
def test_a_text_gets_the_same_states_alone_and_among_others(layout):
    kernel = fused_lstm(weights_of(64), layout)
    alone, among = batch_of([9]), batch_of([9, 9, 8, 5, 5, 5, 5, 1])
    first = kernel.pooled(alone)[0]
    batch = batch_of([9])
    assert torch.equal(kernel.pooled(batch)[0], first)
    ids = among.ids.clone()
    starts = np.concatenate([[0], np.cumsum(among.sizes)[:-1]])
    ids[starts] = alone.ids  # the first text of every step
    mixed = type(among)(among.rows, ids, among.sizes, among.lengths)
    assert torch.equal(kernel.pooled(mixed)[0], first)


@able
@each
def test_large_gates_stay_finite(layout):
    weights = weights_of(64)
    steep = FoldedWeights(weights.table * 200, weights.weight * 20, True)
    pooled = fused_lstm(steep, layout).pooled(batch_of([30, 20, 10]))
    assert torch.isfinite(pooled).all()
    assert pooled.abs().max() <= 1.001


@able
@each
def test_sums_of_the_largest_states_and_weights_do_not_overflow(layout):
    """All weights alike and states near 1: each product has the same sign, and is the largest."""
    weights = weights_of(256)
    alike = FoldedWeights(weights.table * 0 + 5, torch.full_like(weights.weight, 0.04), True)
    with torch.inference_mode():
        exact = FoldedLstm(alike).pooled(batch_of([40]))
    assert (fused_lstm(alike, layout).pooled(batch_of([40])) - exact).abs().max() < 0.02


@pytest.mark.parametrize("precision", PRECISIONS)
def test_other_sizes_and_other_machines_have_no_kernel(monkeypatch, precision):
    assert fused_lstms(weights_of(20), [precision]) == {}
    assert fused_lstms(weights_of(16), ["float32"]) == {}
    monkeypatch.setattr(room, "cpu_flags", lambda: {"sse4_2"})
    assert fused_lstms(weights_of(16), [precision]) == {}


@pytest.mark.parametrize(
    ("flags", "hidden", "layouts"),
    [
        (AMX_BYTES.cpu_flags, 64, [AMX_BYTES, VNNI_WORDS]),
        (AMX_BYTES.cpu_flags, 48, [VNNI_BYTES, VNNI_WORDS]),
        (VNNI_BYTES.cpu_flags, 64, [VNNI_BYTES, VNNI_WORDS]),
        (AVX2_WORDS.cpu_flags, 64, [None, AVX2_WORDS]),
        (AMX_BYTES.cpu_flags | AVX2_WORDS.cpu_flags, 24, [None, AVX2_WORDS]),
    ],
)
def test_the_fastest_layout_that_cpu_and_size_allow_is_taken(monkeypatch, flags, hidden, layouts):
    monkeypatch.setattr(room, "cpu_flags", lambda: flags)
    assert [room.layout_for(precision, hidden) for precision in PRECISIONS] == layouts


def test_compiled_code_is_made_anew_where_what_it_is_made_of_was_changed():
    """numba looks at the kernel's own file: its line `CODE` stands for what it imports."""
    sources = [*sorted(NETWORK.glob("*_code.py")), NETWORK / "kernel_layout.py"]
    digest = hashlib.sha256(b"".join(source.read_bytes() for source in sources)).hexdigest()[:16]
    assert f'CODE = "{digest}"' in (NETWORK / "fused_kernel.py").read_text(encoding="utf-8")


@able
@pytest.mark.parametrize("missing", ["numba", "cache"])
def test_without_numba_or_a_folder_for_its_code_there_is_no_kernel(missing):
    """In a process of its own, as what was imported stays so."""
    program = """
import sys
if sys.argv[1] == "numba":
    sys.modules["numba"] = None
else:
    from numba.core import caching
    caching.CacheImpl._locator_classes = []
sys.path.insert(0, "tests")
from test_fused_lstm import weights_of, fused_lstms
print(fused_lstms(weights_of(16), [sys.argv[2]]))
"""
    command = [sys.executable, "-c", program, missing, ABLE[0].precision]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    found = subprocess.run(
        command, capture_output=True, text=True, check=True, cwd=ROOT, env=environment
    )
    assert found.stdout == "{}\n"


@able
@each
def test_a_forked_process_scores_the_same(layout):
    kernel, batch = fused_lstm(weights_of(64), layout), batch_of([5, 3])
    expected = kernel.pooled(batch)
    child = os.fork()
    if child == 0:
        os._exit(0 if torch.equal(kernel.pooled(batch), expected) else 1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
