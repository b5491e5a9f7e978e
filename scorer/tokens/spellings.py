"""Other spellings: what a word that is not in the vocabulary is looked up by.

    don`t               don't      an apostrophe is one however it was typed
    DON'T               don't      spaCy splits contractions in lower case alone
    SUPERB, Superb      superb     a word in another case
    sooo, goooood       so, good   letters drawn out

Knows pieces and tokens as texts, nothing of ids.
"""

import re

import pyarrow as pa
import pyarrow.compute as pc

APOSTROPHES = "\u2019\u2018\u201b\u02bc\u2032\uff07\u00b4`"
WITHIN_WORD = re.compile(rf"(?<=[\w\u0300-\u036f])[{APOSTROPHES}](?=[^\W\d_])")  # no quotes
CAPITAL_CONTRACTION = re.compile(r"[A-Z]'(?:T|D|M|RE|VE|LL)\b")
DRAWN_OUT = re.compile(r"([^\W\d_])\1{2,}")  # a letter three times or more


def plain_contractions(pieces: pa.LargeStringArray) -> pa.LargeStringArray:
    """Return the pieces, each with plain contractions."""
    concerned = pc.match_substring_regex(pieces, f"['{APOSTROPHES}]")  # few are
    plain = map(plain_contraction, pieces.filter(concerned).to_pylist())
    return pc.replace_with_mask(pieces, concerned, pa.array(plain, pieces.type))


def plain_contraction(piece: str) -> str:
    """Return a piece with `'` for any apostrophe; in lower case if it has one of capitals."""
    plain = WITHIN_WORD.sub("'", piece)
    if not CAPITAL_CONTRACTION.search(plain):
        return plain
    return re.sub(r"\bi'", "I'", plain.lower())


def shorter_spellings(word: str) -> list[str]:
    """Return a word without letters drawn out, the likeliest first; nothing if it has none."""
    if not DRAWN_OUT.search(word):
        return []
    shorter = (DRAWN_OUT.sub(letters, word) for letters in (r"\1\1", r"\1"))
    return [spelling for spelling in shorter if len(spelling) > 1]
