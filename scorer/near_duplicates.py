"""Texts that are the same, or nearly."""

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from scorer.text import TextRules, normalise


def text_codes(texts: pa.LargeStringArray) -> np.ndarray:
    """Return int64 (rows,): equal codes for texts that differ in case, spaces or markup alone."""
    return folded(texts).dictionary_encode().indices.to_numpy().astype(np.int64)


def folded(texts: pa.LargeStringArray) -> pa.LargeStringArray:
    """Return the texts without markup, spaces and case."""
    lower = pc.utf8_lower(normalise(texts, TextRules()))
    return pc.replace_substring(lower, " ", "")
