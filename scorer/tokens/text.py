"""A column of texts as pieces: markup out, whitespace folded, cut at the spaces.

A piece is a run of characters that are not whitespace. Whitespace is what `str.isspace` says it is,
as it is for spaCy. Everything works on the column's bytes at once, never row by row, except for
the rows that hold an entity.
Knows nothing of tokens, languages or ids; leaves the text inside `<script>` and `<style>` alone.
"""

import html
import re
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from scorer.tokens.ragged_array import ranges
from scorer.tokens.spellings import plain_contractions

SPACE = 0x20
ROW_END = 0xFF  # a byte that UTF-8 never uses
MULTIBYTE_SPACES = tuple(
    "\x85\xa0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a"
    "\u2028\u2029\u202f\u205f\u3000"
)
SPACE_LEADS = {character.encode()[0] for character in MULTIBYTE_SPACES}
OTHER, LEAD = 0, 1  # kinds of bytes beside SPACE; LEAD: with which one of them may begin
# A name must follow `<`, and only attributes the name, one with a `=` among them: so "a<b",
# "a<b or c>d", "<3", "<me@x.org>" stay text. Lengths are bounded: a forgotten `>` swallows little.
MARKUP = re.compile(
    rb"</?[A-Za-z][A-Za-z0-9:-]*(?:\s*/?|\s[^<>=\xff]{0,1000}=[^<>\xff]{0,1000})>"
    rb"|<!--(?:(?!<!--)[^\xff]){0,10000}?-->"
    rb"|<[!?][A-Za-z\[][^<>\xff]{0,1000}>"
)


@dataclass(frozen=True)
class TextRules:
    """How a text becomes tokens; recorded in the bundle.

    language: the spaCy language whose tokeniser's rules are used.
    strip_markup: take HTML tags and entities out; False leaves them, as the lecture does.
    other_spellings: contractions are plain, and an unknown word is looked up by its other
    spellings, too (`spellings`); False in bundles of before version 0.7.0 and as the lecture does.
    """

    language: str = "en"
    strip_markup: bool = True
    other_spellings: bool = True


@dataclass(frozen=True)
class Pieces:
    """The pieces of a column of texts.

    words: every piece with one space after it, row by row.
    offsets: int64 (rows + 1,); row i holds the pieces offsets[i]:offsets[i + 1].
    """

    words: pa.LargeStringArray
    offsets: np.ndarray

    def distinct(self) -> tuple[pa.LargeStringArray, np.ndarray]:
        """Return the distinct words, and for each word its index among them: int32 (pieces,)."""
        encoded = self.words.dictionary_encode()
        return encoded.dictionary, encoded.indices.to_numpy()

    def phrase(self, start: int, end: int) -> str:
        """Return the text of the pieces start:end, single spaces between them."""
        ends = np.frombuffer(self.words.buffers()[1], np.int64)
        return bytes(self.words.buffers()[2][ends[start] : ends[end] - 1]).decode()


@dataclass(frozen=True)
class _Column:
    """Texts in one buffer. data: uint8, every row closed by ROW_END; ends: int64 (rows,)."""

    data: np.ndarray
    ends: np.ndarray


def normalise(texts: pa.LargeStringArray, rules: TextRules) -> pa.LargeStringArray:
    """Return the texts as the tokeniser sees them: no markup, single spaces, trimmed; nulls stay.

    With other spellings, contractions are plain.
    Tags go first and become a space, then entities become their characters. So `&lt;br&gt;` ends
    as the text "<br>": what an entity spells is text, never markup, as in a browser.
    """
    pieces = split(texts, rules)
    words = plain_contractions(pieces.words) if rules.other_spellings else pieces.words
    bounds = np.frombuffer(words.buffers()[1], np.int64)[pieces.offsets]
    rows = _strings(bounds, words.buffers()[2])
    return pc.if_else(texts.is_valid(), pc.ascii_rtrim(rows, " "), pa.scalar(None, rows.type))


def split(texts: pa.LargeStringArray, rules: TextRules) -> Pieces:
    """Return the pieces of the normalised texts; a null or blank text has none."""
    column = _column(texts)
    if rules.strip_markup:
        column = _without_entities(_without_tags(column))
    return _fold(column)


def with_spaces(pieces: pa.LargeStringArray) -> pa.LargeStringArray:
    """Return pieces as `Pieces.words` has them."""
    none, space = (pa.scalar(text, pa.large_string()) for text in ("", " "))
    return pc.binary_join_element_wise(pieces, none, space)


def without_spaces(words: pa.LargeStringArray) -> list[str]:
    """Return words as strings, without the space after each."""
    return bytes_of(words)[0].tobytes().decode().split(" ")[:-1]


def bytes_of(texts: pa.LargeStringArray) -> tuple[np.ndarray, np.ndarray]:
    """Return the texts in one buffer, uint8, and where each starts and the last ends, int64."""
    if not len(texts):
        return np.zeros(0, np.uint8), np.zeros(1, np.int64)
    offsets = np.frombuffer(texts.buffers()[1], np.int64)[texts.offset :][: len(texts) + 1]
    data = np.frombuffer(texts.buffers()[2] or b"", np.uint8)[offsets[0] : offsets[-1]]
    return data, offsets - offsets[0]


def slices(texts: pa.LargeStringArray, most: int) -> Iterator[pa.LargeStringArray]:
    """Return the texts in slices of at most so many bytes, or of one text that has more."""
    offsets, start = bytes_of(texts)[1], 0
    while start < len(texts):
        end = max(int(np.searchsorted(offsets, offsets[start] + most, "right")) - 1, start + 1)
        yield texts.slice(start, end - start)
        start = end


def _column(texts: pa.LargeStringArray) -> _Column:
    closed = pc.binary_join_element_wise(
        texts.cast(pa.large_binary()),
        pa.scalar(b"", pa.large_binary()),
        pa.scalar(bytes([ROW_END]), pa.large_binary()),
        null_handling="replace",
        null_replacement="",
    )
    offsets = np.frombuffer(closed.buffers()[1], np.int64)[: len(texts) + 1]
    data = np.frombuffer(closed.buffers()[2] or b"", np.uint8)[: offsets[-1]]
    return _Column(data, offsets[1:])


def _without_tags(column: _Column) -> _Column:
    data = MARKUP.sub(lambda tag: b" " * len(tag[0]), column.data.tobytes())
    return _Column(np.frombuffer(data, np.uint8), column.ends)


def _without_entities(column: _Column) -> _Column:
    rows = np.unique(np.searchsorted(column.ends, np.flatnonzero(column.data == ord("&")), "right"))
    if not len(rows):
        return column
    texts = _texts(column)
    mask = np.zeros(len(texts), bool)
    mask[rows] = True
    plain = [html.unescape(text) for text in texts.filter(mask).to_pylist()]
    return _column(pc.replace_with_mask(texts, mask, pa.array(plain, pa.large_string())))


def _texts(column: _Column) -> pa.LargeStringArray:
    """Return the column's rows as an array again, ROW_END as a space."""
    data = np.where(column.data == ROW_END, np.uint8(SPACE), column.data)
    return _strings(np.concatenate([[0], column.ends]), pa.py_buffer(data))


def _strings(offsets: np.ndarray, data: pa.Buffer) -> pa.LargeStringArray:
    return pa.LargeStringArray.from_buffers(len(offsets) - 1, pa.py_buffer(offsets), data)


def _fold(column: _Column) -> Pieces:
    """Keep every byte that is not whitespace, and the first byte of whitespace after a piece."""
    space = _is_space(column.data)
    last = space.copy()  # the byte after a piece
    last[:1] = False
    last[1:] &= ~space[:-1]
    data = column.data[~space | last]
    piece_ends = np.flatnonzero(last)
    word_ends = np.flatnonzero(last[~space | last]) + 1
    data[word_ends - 1] = SPACE
    words = _strings(np.concatenate([[0], word_ends]), pa.py_buffer(data))
    return Pieces(words, np.concatenate([[0], np.searchsorted(piece_ends, column.ends)]))


def _kind_of(byte: int) -> int:
    if byte == ROW_END or (byte < 0x80 and chr(byte).isspace()):
        return SPACE
    return LEAD if byte in SPACE_LEADS else OTHER


BYTE_KINDS = bytes(map(_kind_of, range(256)))


def _is_space(data: np.ndarray) -> np.ndarray:
    """Return whether each byte is (part of) whitespace, or the end of a row."""
    kinds = np.frombuffer(data.tobytes().translate(BYTE_KINDS), np.uint8)
    space = np.asarray(kinds == SPACE)
    leads = np.flatnonzero(kinds == LEAD)
    for character in MULTIBYTE_SPACES:
        starts = leads
        for place, byte in enumerate(character.encode()):
            starts = starts[data[starts + place] == byte]
        space[ranges(starts, np.full(len(starts), len(character.encode())))] = True
    return space
