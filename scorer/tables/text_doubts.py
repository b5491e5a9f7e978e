r"""Whether the texts that were found are written by people, and rightly decoded.

    2026-01-02, A-1029, https://a.b/c     dates, ids, addresses: another column may be the texts
    neg/1021_3.txt                        names of files that hold the texts
    {"title": "Good"}                     JSON
    en, de, en, en                        a category beside a column of texts
    schÃ¶n, donâ€™t                     read in a wrong encoding, here or before
    Great!\nLoved it                    `\n` in place of a line break
    Access denied                       alone in its file: a message in place of a table

What is doubted is scored all the same. Knows cells, nothing of files.
"""

import re
from collections.abc import Sequence

import pyarrow as pa
import pyarrow.compute as pc

from scorer.tables.doubts import Doubt
from scorer.tables.text_column import (
    FEW_CELLS,
    RECORD,
    TextColumn,
    are_prose,
    filled,
    is_category,
    is_text,
    listed,
)
from scorer.wording import counted

CODE = r"^\s*(?:[\d\s.,:/+TZ-]+|[0-9a-fA-F-]{8,}|[A-Za-z_-]*\d[\w-]*)\s*$"  # one word at most
ADDRESS = r"^\s*(?:(?:[a-z][a-z\d+.-]*://|www\.)\S+|[\w.+-]+@[\w-]+\.\S+)\s*$"
FILE = r"(?i)^\s*\S+\.(?:txt|text|md|html?|xml|json|eml|msg|pdf|docx?|rtf|png|jpe?g|wav|mp[34])\s*$"
LOST = r"^(?:[\s.,!-]*\?){3}[\s.,!?-]*$"  # a program's sign for a character it does not have
KINDS = {
    CODE: "dates, numbers or ids",
    ADDRESS: "addresses",
    FILE: "names of files",
    RECORD: "JSON, read as it is written",
    LOST: "question marks, as where characters were lost",
}
DOUBTED_CELLS, DOUBTED_SHARE = 1000, 0.95
NOT_ASCII = r"[^\x00-\x7f]"
LATER_BYTES = bytes(range(0x80, 0xC0))  # of a character in UTF-8, after its first one
LATER = LATER_BYTES.decode("latin-1") + LATER_BYTES.decode("cp1252", "ignore")
MARKS = "\xa0\xab\xae\xb0\xbb\u2013\u2014\u2018\u2019\u201a\u201c\u201d\u201e\u2026\u2122"
ODD = "".join(one for one in LATER if one not in MARKS)  # no text has them after an accent
NO_CAPITAL = "[^A-Z\xc0-\xde\u0100-\u017f]"  # behind one there may be another and a mark
CYRILLIC = f"[\u0420\u0421][{LATER_BYTES.decode('cp1251', 'ignore')}]"
MISREAD = (  # UTF-8 read as latin-1, cp1252, cp1251, cp850 or mac-roman; what no text has
    f"(?:^|{NO_CAPITAL})[\xc2-\xdb][{LATER}]|[\xc2-\xdb][{ODD}]"
    f"|[\xe0-\xef](?:[{ODD}][{LATER}]|[{LATER}][{ODD}])|[\xf0-\xf4][{LATER}]{{3}}"
    f"|(?:{CYRILLIC}){{2}}|[\u221a\u251c][\xa0-\xff\u2202]|[\x80-\x84\x86-\x9f\ufffd]"
)
MISREAD_TEXTS, MISREAD_SHARE = 3, 0.02  # of the texts, at least
MISREAD_OTHERS = 0.8  # of those beyond ASCII: people copy a few such texts from elsewhere
ESCAPED_BREAK = r"[\pL\pP](?:\\r)?(?:\\n)+[\pL\pP]"  # beside words
ESCAPED_TEXTS, ESCAPED_SHARE = 3, 0.1  # of the texts, at least
MAX_VALUES = 20  # of a category that is taken for the texts
SHOWN = 30  # characters of a text in a message


def doubt_text(texts: pa.LargeStringArray, name: str) -> Doubt | None:
    """Return a doubt where the first texts are not written by people, or wrongly decoded."""
    cells = texts.slice(0, DOUBTED_CELLS)
    cells = cells.filter(pc.not_equal(pc.utf8_trim_whitespace(cells), ""))
    if len(cells):
        for pattern, what in KINDS.items():
            enough = len(cells) >= FEW_CELLS // 10 or pattern == RECORD
            if enough and _count(cells, pattern) >= DOUBTED_SHARE * len(cells):
                return Doubt(
                    f"the texts of column {name!r} look like {what}: is it the text column?"
                )
    return _doubt_decoding(cells, name)


def _doubt_decoding(cells: pa.LargeStringArray, name: str) -> Doubt | None:
    """Return a doubt where nearly all cells beyond ASCII have signs of a wrong encoding."""
    found = cells.filter(pc.match_substring_regex(cells, MISREAD))
    least = max(MISREAD_TEXTS, MISREAD_SHARE * len(cells))
    if len(found) < least or len(found) < MISREAD_OTHERS * _count(cells, NOT_ASCII):
        return None
    texts = f"{len(found):,} of the first {counted(len(cells), 'text')} of column {name!r}"
    why = "--encoding is not the right one, or the program that wrote the file misread them"
    return Doubt(f"{texts} look wrongly decoded ({_example(found[0].as_py())!r}): {why}")


def note_escapes(texts: pa.LargeStringArray, name: str) -> str | None:
    """Return a note where line breaks of the first texts are written as two characters."""
    cells = texts.slice(0, DOUBTED_CELLS)
    found = _count(cells, ESCAPED_BREAK)
    if found < max(ESCAPED_TEXTS, ESCAPED_SHARE * len(cells)):
        return None
    return (
        f"{found:,} of the first {counted(len(cells), 'text')} of column {name!r} have `\\n` in "
        "place of a line break, so that the words beside it are not known. Have the file written "
        "as CSV: COPY and `mysql --batch` write tabs and escapes"
    )


def _example(text: str) -> str:
    """Return the word of a text that looks wrongly decoded."""
    return next(word for word in text.split(" ") if re.search(MISREAD, word))[:SHOWN]


def _count(cells: pa.LargeStringArray, pattern: str) -> int:
    return pc.sum(pc.match_substring_regex(cells, pattern)).as_py() or 0


def doubt_header(names: Sequence[str]) -> Doubt:
    """Return the doubt whether a line without rows below it, and without a usual name, is one."""
    return Doubt(
        f"it has no rows, and none of its names, {listed(names)}, is usual for a column of texts: "
        "it may be a message in place of a table. If it is a header, --text-column names the column"
    )


def note_other_texts(sample: pa.Table, column: TextColumn) -> str | None:
    """Return a note where other columns look like text as well as the one that was found.

    It is a `Doubt` where that one is blank, or a category.
    """
    names = _other_texts(sample, column.positions)
    if not names:
        return None
    found = [sample.column(at) for at in column.positions]
    doubtful = all(map(_has_few_values, found))
    what = ", which is blank or a category" if doubtful else ""
    looks_like = "looks" if len(names) == 1 else "look"
    return (Doubt if doubtful else str)(
        f"the texts are in column {column.name!r}{what}; {listed(names)} {looks_like} like text "
        "too. --text-column names another; given for several, it joins their texts"
    )


def _has_few_values(column: pa.ChunkedArray) -> bool:
    """Return whether a column is blank, or a category of few values; short reviews are of more."""
    cells = filled(column)
    return not len(cells) or (is_category(column) and len(cells.unique()) <= MAX_VALUES)


def _other_texts(sample: pa.Table, positions: Sequence[int]) -> list[str]:
    """Return the names of the other columns that look like text and are no categories."""
    kinds = enumerate(sample.schema.types)
    places = [at for at, kind in kinds if at not in positions and is_text(kind)]
    if not places:
        return []
    columns = [sample.column(at) for at in places]
    looks = zip(places, columns, are_prose(columns), strict=True)
    return [
        sample.schema.names[at] for at, cells, prose in looks if prose and not is_category(cells)
    ]
