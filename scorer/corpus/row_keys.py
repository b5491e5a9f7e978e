"""Keys of texts, by which a later training knows rows again without keeping the texts."""

import hashlib

import numpy as np
import pyarrow as pa

from scorer.corpus.near_duplicates import folded

KEY_BYTES = 8


def row_keys(texts: pa.LargeStringArray) -> np.ndarray:
    """Return uint64 (rows,): a hash of each text, alike for texts that differ in case or spaces."""
    digests = (
        hashlib.blake2b(text.encode(), digest_size=KEY_BYTES).digest()
        for text in folded(texts).to_pylist()
    )
    return np.frombuffer(b"".join(digests), np.uint64)
