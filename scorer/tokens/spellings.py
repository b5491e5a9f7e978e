"""Other spellings: what a word that is not in the vocabulary is looked up by.

    don`t               don't      an apostrophe is one however it was typed
    DON'T               don't      spaCy splits contractions in lower case alone
    SUPERB, Superb      superb     a word in another case
    sooo, goooood       so, good   letters drawn out

Knows pieces and tokens as texts, nothing of ids.
"""

import re
from collections.abc import Iterator

import pyarrow as pa
import pyarrow.compute as pc

APOSTROPHES = "\u2019\u2018\u201b\u02bc\u2032\uff07\u00b4`"
CAPITAL_CONTRACTION = r"[A-Z]'(T|D|M|RE|VE|LL)\b"
DRAWN_OUT = re.compile(r"([^\W\d_])\1{2,}")  # a letter three times or more


def plain_contractions(pieces: pa.LargeStringArray) -> pa.LargeStringArray:
    """Return the pieces with `'` for any apostrophe, and contractions in capitals in lower case."""
    within_word = rf"([\pL\pM\pN])[{APOSTROPHES}](\pL)"  # so quotes stay as they are
    plain = pieces
    for _ in range(2):  # the letter between two apostrophes belongs to the matches of both
        plain = pc.replace_substring_regex(plain, within_word, r"\1'\2")
    capital = pc.match_substring_regex(plain, CAPITAL_CONTRACTION)
    lower = pc.replace_substring_regex(pc.utf8_lower(plain), r"\bi'", "I'")
    return pc.if_else(capital, lower, plain)


def other_spellings(token: str) -> Iterator[str]:
    """Yield what a token is spelt in lower case, the likeliest first."""
    lower = token.lower()
    yield lower
    if not DRAWN_OUT.search(lower):
        return
    for letters in (r"\1\1", r"\1"):
        shorter = DRAWN_OUT.sub(letters, lower)
        if shorter != lower and len(shorter) > 1:
            yield shorter
