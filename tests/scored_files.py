"""What tests of engines share: whether two scored files are the same."""

from pathlib import Path

import numpy as np
import pyarrow.csv


def assert_same(one: Path, other: Path) -> None:
    """Raise unless two scored CSV files have the same rows in the same order, scores to 1e-6."""
    left, right = (pyarrow.csv.read_csv(path) for path in (one, other))
    assert left.column_names == right.column_names
    assert left["id"].equals(right["id"])
    for name in ("probability_negative", "probability_positive"):
        expected, found = left[name].to_numpy(), right[name].to_numpy()
        np.testing.assert_allclose(found, expected, rtol=0, atol=1e-6)
