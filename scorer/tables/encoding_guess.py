"""Which encodings bytes that are not UTF-8 are probably in, for a hint: nothing is read by it.

The guess is chardet's, among the encodings that tables are usually in. Knows bytes, nothing of CSV.
"""

import codecs
from contextlib import suppress

COMMON = (
    *("cp1252", "iso-8859-15", "mac-roman", "cp850"),  # Western Europe
    *("cp1250", "iso-8859-2", "cp852", "cp1254", "cp1257"),  # Central Europe, Turkish, Baltic
    *("cp1251", "koi8-r", "koi8-u", "cp866", "iso-8859-5"),
    *("cp1253", "iso-8859-7", "cp1255", "cp1256", "cp874"),  # Greek, Hebrew, Arabic, Thai
    *("shift_jis_2004", "euc_jis_2004", "gb18030", "big5hkscs", "cp949"),  # as chardet names them
)
MOST_USUAL = "cp1252"  # is named too where it is nearly as likely as the best
NEARLY = 0.4  # of the best one's confidence
MAX_BYTES = 1 << 14


def guess_encodings(data: bytes) -> list[str]:
    """Return the likeliest encoding, behind cp1252 where that is nearly as likely; perhaps none."""
    from chardet import detect_all

    lines = [line for line in data.split(b"\n") if not line.isascii()]
    sample = b"\n".join(lines)[:MAX_BYTES]
    confidence: dict[str, float] = {}  # the likeliest first
    for found in detect_all(sample, include_encodings=COMMON):
        with suppress(LookupError):  # "" for none, or not one of Python's
            name = codecs.lookup(found["encoding"] or "").name
            confidence.setdefault(name, found["confidence"])
    best, *others = [*confidence] or [""]
    if not best:
        return []
    usual = MOST_USUAL in others and confidence[MOST_USUAL] > NEARLY * confidence[best]
    return [MOST_USUAL, best] if usual else [best]
