"""Decode a CSV so that every byte is accounted for.

An undecodable byte becomes a lone surrogate (U+DC80 to U+DCFF), which no encoding contains, so
that its row can be recognised and rejected. Knows nothing of CSV.
"""

import codecs
import io
import re
import unicodedata
from dataclasses import dataclass
from functools import cached_property

from scorer.errors import InputError, UsageError
from scorer.tables.encoding_guess import guess_encodings

DEFAULT = "utf-8"
KNOWN = "utf-8, utf-16, latin-1, cp1252, cp1251, shift_jis, gb18030, big5"
EBCDIC = re.compile(  # its letters, digits, spaces, marks and line ends: none of them a letter here
    rb"[\x15\x25\r\x40\x4b-\x50\x5a-\x61\x6b-\x6f\x7a-\x7f\x81-\x89\x91-\x99\xa2-\xa9\xc1-\xc9"
    rb"\xd1-\xd9\xe2-\xe9\xf0-\xf9]{40}"
)
ISO_2022 = {  # escape sequences -> what switches alphabets by them, in 7 bits
    "iso2022_jp": re.compile(rb"\x1b\$[@B]"),
    "iso2022_kr": re.compile(rb"\x1b\$\)C"),
}
REFUSED = re.compile(r"utf.?7|hz|idna|punycode|undefined|unicode.?escape")
UNDECODABLE = re.compile("[\udc80-\udcff]")
ERRORS = "scorer.undecodable"
MARKS = {  # encoding asked for -> byte order marks and the encodings they mean
    "utf-8": (
        (codecs.BOM_UTF8, "utf-8"),
        (codecs.BOM_UTF32_LE, "utf-32-le"),  # begins with the mark of UTF-16
        (codecs.BOM_UTF32_BE, "utf-32-be"),
        (codecs.BOM_UTF16_LE, "utf-16-le"),
        (codecs.BOM_UTF16_BE, "utf-16-be"),
    ),
    "utf-16": ((codecs.BOM_UTF16_LE, "utf-16-le"), (codecs.BOM_UTF16_BE, "utf-16-be")),
    "utf-16-le": ((codecs.BOM_UTF16_LE, "utf-16-le"),),
    "utf-16-be": ((codecs.BOM_UTF16_BE, "utf-16-be"),),
    "utf-32": ((codecs.BOM_UTF32_LE, "utf-32-le"), (codecs.BOM_UTF32_BE, "utf-32-be")),
    "utf-32-le": ((codecs.BOM_UTF32_LE, "utf-32-le"),),
    "utf-32-be": ((codecs.BOM_UTF32_BE, "utf-32-be"),),
}
UNMARKED = {  # encoding asked for -> the first is taken if none is recognised
    "utf-8": ("utf-8", "utf-16-le", "utf-16-be", "utf-32-le", "utf-32-be"),
    "utf-16": ("utf-16-le", "utf-16-be"),
    "utf-32": ("utf-32-le", "utf-32-be"),
}
HEAD_BYTES = 1 << 12  # looked at to recognise an encoding without a mark
CONTROLS = bytes(range(9))  # rare in a text, frequent in UTF-16 and UTF-32
MANY_CONTROLS, MANY_UNDECODABLE, MANY_NULS = 0.2, 0.2, 0.1  # shares of the bytes: no UTF-8
MOST_BREAKS, SOME_BREAKS = 0.4, 0.1  # shares of bytes that are line breaks in ASCII
PLAIN = re.compile(r"[\t\r\n -~]")
NO_TEXT = ("Cn", "Co")  # unassigned, and of private use


def _as_surrogates(error: UnicodeError) -> tuple[str, int]:
    """Replace undecodable bytes by one lone surrogate each."""
    if not isinstance(error, UnicodeDecodeError):
        raise error
    wrong = error.object[error.start : error.end]
    return "".join(chr(0xDC00 | max(byte, 0x80)) for byte in wrong), error.end


codecs.register_error(ERRORS, _as_surrogates)


@dataclass(frozen=True)
class Encoding:
    """An encoding by its codec's name."""

    name: str = DEFAULT

    def measure(self, text: str) -> tuple[int, bool]:
        """Return the size of a decoded text in bytes, and whether all of them were decodable."""
        if text.isascii():
            return len(text) * self._unit, True
        try:
            return len(text.encode(self.name)), True
        except UnicodeEncodeError:
            wrong = len(UNDECODABLE.findall(text))
            return len(text.encode(self.name, "ignore")) + wrong, not wrong

    @cached_property
    def _unit(self) -> int:
        return {"utf-16": 2, "utf-32": 4}.get(self.name[:6], 1)

    def undecodable(self, text: str) -> int | None:
        """Return the first undecodable byte, or None."""
        found = UNDECODABLE.search(text)
        return ord(found.group()) & 0xFF if found else None


def encoding_hint(text: str, encoding: Encoding, mixed: bool = False) -> str:
    """Return the option for a text with undecodable bytes, with the encoding it is probably in.

    mixed: other rows are in the encoding that was read, so that no option fits all of them.
    """
    guesses = []
    if encoding.name == DEFAULT:
        guesses = guess_encodings(text.encode(DEFAULT, "surrogateescape"))
    likely = " or ".join(guesses)
    if mixed:
        rows = f"these, perhaps {likely}," if likely else "these"
        return f"Other rows are, so no --encoding reads them all: convert {rows} to UTF-8"
    return f"--encoding {likely} may be the right one" if likely else "--encoding names another"


def open_text(
    source: io.BufferedReader, wanted: str | None
) -> tuple[io.TextIOWrapper, Encoding, int]:
    """Return a stream's text, line endings untouched, its encoding, and the size of its mark.

    Raises `UsageError` for an unknown encoding.
    """
    asked = _codec(wanted or DEFAULT)
    name, mark = _marked(source.peek(4), asked)
    if not mark and (wanted is None or asked != DEFAULT):
        name = _unmarked(source.peek(HEAD_BYTES)[:HEAD_BYTES], asked)
    source.read(len(mark))
    text = io.TextIOWrapper(source, name, ERRORS, newline="")
    return text, Encoding(name), len(mark)


def _codec(wanted: str) -> str:
    """Return the name of an encoding's codec."""
    try:
        name = codecs.lookup(wanted).name.replace("_", "-").removesuffix("-sig")
        known = not REFUSED.search(name) and "a".encode(name) != b""
    except (LookupError, ValueError):  # an embedded NUL is a ValueError
        known = False
    if not known:
        raise UsageError(f"--encoding {wanted!r} is not known", f"Known are, for example: {KNOWN}")
    return name


def _marked(head: bytes, name: str) -> tuple[str, bytes]:
    """Return the encoding by the byte order mark, or else the one asked for, and the mark."""
    for mark, marked in MARKS.get(name, ()):
        if head.startswith(mark):
            return marked, mark
    return name, b""


def _unmarked(head: bytes, name: str) -> str:
    """Return the encoding asked for, with the byte order that the first bytes have.

    Raises `InputError` for bytes that are no UTF-8, where that was not asked for.
    """
    choices = UNMARKED.get(name, (name,))
    breaks = _least_breaks(head) if name == DEFAULT else SOME_BREAKS
    likely = {choice: _likelihood(head, choice, breaks) for choice in choices[::-1] if breaks}
    best = max(likely, key=lambda choice: likely[choice], default=name)
    if likely.get(best, 0) > 0:
        return best
    if name == DEFAULT:
        _check_utf_8(head)
    return choices[0]


def _check_utf_8(head: bytes) -> None:
    """Raise `InputError` for the first bytes of a file that are clearly in another encoding."""
    if EBCDIC.match(head):
        raise InputError("it is EBCDIC, as mainframes write it", "--encoding cp037 reads it")
    for name, escape in ISO_2022.items():
        if head.isascii() and escape.search(head):
            raise InputError(
                "it is ISO-2022, as mail programs write it", f"--encoding {name} reads it"
            )
    if head.count(0) > MANY_NULS * len(head):
        raise InputError("it is not UTF-8, as it has so many NULs", "--encoding names another")


def _least_breaks(head: bytes) -> float:
    """Return which share of the bytes of line breaks has to be line breaks in UTF-16 or UTF-32.

    0 where the bytes are sensible UTF-8. Bytes of Chinese in UTF-16 are mostly no UTF-8, but its
    characters have many bytes of line breaks; those of Latin or Cyrillic are control characters.
    """
    if b"\0" not in head:
        return 0
    undecodable = len(UNDECODABLE.findall(head.decode(DEFAULT, ERRORS)))
    if undecodable > MANY_UNDECODABLE * len(head):
        return SOME_BREAKS
    controls = len(head) - len(head.translate(None, CONTROLS))
    return MOST_BREAKS if controls > MANY_CONTROLS * len(head) else 0


def _likelihood(head: bytes, name: str, least_breaks: float) -> float:
    """Return the share of plain ASCII in bytes decoded as UTF-16 or UTF-32, 0 for no table."""
    text = None if name == DEFAULT else _decoded(head, name)
    if not text or any(unicodedata.category(character) in NO_TEXT for character in text):
        return 0.0
    breaks = sum(map(text.count, "\r\n"))
    bytes_of_breaks = sum(map(head.count, (b"\r", b"\n")))
    ascii_share = len(PLAIN.findall(text)) / len(text)
    if breaks < least_breaks * bytes_of_breaks or (not breaks and ascii_share < 1):
        return 0.0
    return ascii_share


def _decoded(head: bytes, name: str) -> str | None:
    """Decode bytes whose last character may be cut."""
    try:
        return codecs.getincrementaldecoder(name)().decode(head)
    except UnicodeDecodeError:
        return None
