"""Which encoding bytes that are not UTF-8 are probably in, for a hint: nothing is read by it.

The guess is charset-normalizer's, among the encodings that tables are usually in. Knows bytes,
nothing of CSV.
"""

COMMON = [
    "utf_8", "cp1252", "cp1250", "cp1251", "cp1253", "cp1254", "cp1255", "cp1256",
    "cp932", "cp949", "gb18030", "big5", "euc_jp", "koi8_r",
]  # fmt: skip
MOST_USUAL = "cp1252"  # where it is as likely as the best
MAX_BYTES = 1 << 16


def guess_encoding(data: bytes) -> str | None:
    """Return the name of a codec that reads the bytes as likely text; None without any."""
    from charset_normalizer import from_bytes

    matches = from_bytes(data[:MAX_BYTES], cp_isolation=COMMON)
    best = matches.best()
    if best is None or best.encoding == "utf_8":
        return None
    likely = [
        match for match in matches if (match.chaos, match.coherence) == (best.chaos, best.coherence)
    ]
    names = {name for match in likely for name in match.could_be_from_charset}
    return MOST_USUAL if MOST_USUAL in names else str(best.encoding)
