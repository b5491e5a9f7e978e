"""Find the text column of a table, and return its texts as one array.

Knows Arrow tables, nothing of files or of what is done with the texts.
"""

import re
import shlex
from collections.abc import Iterable, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from difflib import get_close_matches
from itertools import islice

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from scorer.errors import InputError, prefix_errors

USUAL_NAMES = frozenset(
    {"text", "texts", "review", "comment", "message", "body", "content", "document", "sentence"}
)
TITLES = frozenset({"title", "subject", "summary", "headline", "heading", "name"})  # above a text
NUMBERED = re.compile(r"column_\d+")  # the names of columns of a CSV without a header
BETWEEN_WORDS = r"[\W_]+|(?<=[a-z])(?=[A-Z])"  # of a name
UNSPACED = r"\p{Han}\p{Hiragana}\p{Katakana}\p{Thai}\p{Lao}\p{Khmer}\p{Myanmar}"  # no spaces
LETTERS = r"\p{L}[\p{L}\p{M}]+"  # at least two, or one with marks: Hindi's vowels
TWO_WORDS = rf"{LETTERS}\s+{LETTERS}|[{UNSPACED}]{{5}}"  # which no number or code has
WORD = r"(?:[\p{Ll}\p{Lo}][\p{L}\p{M}]+|\p{Lu}{2,})"  # none of a name: `New York`, `Mon Apr 06`
PROSE = rf"(?:^|\P{{L}}){WORD}\s+{LETTERS}|{LETTERS}\s+{WORD}|[{UNSPACED}]{{5}}"
MOMENT = r"^[\d\s.,:/-]+[AaPp]\.?[Mm]\.?(?:\s+[A-Z]{2,5}[\s\d:+-]*)?$"  # `3:04:05 PM GMT+1`
RECORD = r"(?s)^\s*(?:\{\s*[\"'].*\}|\[\s*[\[{\"'].*\])\s*$"  # an object or a list, as JSON
JOIN = " + "  # between the names of columns whose texts are joined
MAX_JOINED = 3  # columns that a question proposes to join
FEW_CELLS = 50  # of a column are looked at, at most, unless all of them are blank
CATEGORY_CELLS, CATEGORY_REPEATS = 20, 5  # at least: cells, and how often each comes in the mean
MAX_LISTED, MAX_NAME = 50, 60  # columns in a message, and what is shown of the name of one
OPTION = "--text-column names it"
TYPED = "--text-column names another; without --infer-types each column of a CSV is text"
CONTROLS = r"[\x00-\x08\x0e-\x1f]"
AS_STRINGS = "Have the program that writes the file write the texts as a column of strings"
ENCODED = "Have the program that writes the file write that column in UTF-8"


@dataclass(frozen=True)
class TextColumn:
    """The column that texts are in, or several (a title and a body), joined by a line break.

    name: the column's, or the columns' with ` + ` between them, as a bundle records it.
    file: the table's, for messages.
    """

    name: str
    positions: tuple[int, ...]
    file: str = ""

    def texts(self, table: pa.Table, first_row: int = 0) -> pa.LargeStringArray:
        """Return the texts of a table, (rows,). Raises `InputError` for bytes that are no UTF-8."""
        names = table.schema.names
        with prefix_errors(self.file) if self.file else nullcontext():
            parts = [as_texts(table.column(at), names[at], first_row) for at in self.positions]
            for at, part in zip(self.positions, parts, strict=True):
                _check_bytes(table.schema.field(at), part)
        if len(parts) == 1:
            return parts[0]
        line_break = pa.scalar("\n", pa.large_string())
        filled = [part.fill_null("") for part in parts]  # Arrow's own skipping loses rows of nulls
        return pc.binary_join_element_wise(*filled, line_break)


def locate_text(sample: pa.Table, wanted: str | None, trained_on: str) -> TextColumn:
    """Return where the texts of a table are, see `find_text_column`.

    Names with ` + ` between them are several columns, unless there is one column of that name.
    """
    names = sample.schema.names
    for name in (wanted, trained_on):
        parts = (name or "").split(JOIN)
        if len(parts) > 1 and name not in names and (name == wanted or set(parts) <= set(names)):
            return TextColumn(name or "", tuple(_named(sample.schema, part) for part in parts))
    at = find_text_column(sample, wanted, trained_on)
    return TextColumn(names[at], (at,))


def find_text_column(sample: pa.Table, wanted: str | None, trained_on: str) -> int:
    """Return the position of the text column of a table, of which `sample` has the first rows.

    It is the one named `wanted`, else the one named as the bundle's, else the only one with a usual
    name. Else, of those that look like text (of usual names, if any has one), it is the only one,
    or the only one whose name ends so (`Review Text`), or that is no title (`Subject` beside
    `Description`). Without rows any column will do: no text is read. Raises `InputError` with the
    columns there are.
    """
    if wanted is not None:
        return _named(sample.schema, wanted)
    if trained_on and trained_on in sample.schema.names:
        return _named(sample.schema, trained_on)
    strings = [i for i, column in enumerate(sample.columns) if holds_text(column)]
    named = usual_columns(sample.schema, strings)
    if not named:
        _check_usual_bytes(sample)
    usual = _fitting(sample, named, TWO_WORDS) if len(named) > 1 else named
    prose = usual or _prose_columns(sample, strings)
    words = {i: name_words(sample.schema.names[i]) for i in prose}
    ending = [i for i in prose if USUAL_NAMES & {*words[i][-1:]}]
    ending = [i for i in ending if "reply" not in words[i]] or ending
    bodies = [i for i in prose if not TITLES & {*words[i][-1:]}]
    for choice in (prose, ending, bodies, strings):
        if len(choice) == 1:
            return choice[0]
    if sample.num_rows == 0 and sample.num_columns > 0:
        return next(iter([*named, *strings]), 0)
    if prose:
        raise _which_text(sample, prose)
    names = listed(sample.schema.names)
    problem = f"which column is the text is not clear; the columns are: {names}"
    if strings:
        raise InputError(problem, OPTION)
    problem = f"no column is text; the columns are: {_with_types(sample.schema)}"
    faults = [*filter(None, map(_undecodable, sample.columns, sample.schema.names))]
    raise InputError("; ".join([problem, *faults]), ENCODED if faults else AS_STRINGS)


def _with_types(schema: pa.Schema) -> str:
    """Return the names and types of columns for a message."""
    return listed([f"{field.name}: {field.type}" for field in schema])


def _prose_columns(sample: pa.Table, positions: Sequence[int]) -> list[int]:
    """Return which of several columns look like text; names do where all others are categories."""
    if len(positions) < 2:
        return []
    prose = _fitting(sample, positions, PROSE)
    if all(is_category(sample.column(i)) for i in prose):
        return _fitting(sample, positions, TWO_WORDS)
    return prose


def _fitting(sample: pa.Table, positions: Sequence[int], form: str) -> list[int]:
    """Return which of the columns a form is in at least half of some cells of."""
    fits = _fit([sample.column(i) for i in positions], form)
    return [i for i, fit in zip(positions, fits, strict=True) if fit]


def _which_text(sample: pa.Table, prose: Sequence[int]) -> InputError:
    """Return the question which of several columns that look like text is meant, or all of them."""
    names = sample.schema.names
    named = [i for i in prose if names.count(names[i]) == 1] or prose
    sizes = {i: pc.sum(pc.utf8_length(_some_cells(sample.column(i)))).as_py() for i in named}
    longest = max(named, key=lambda i: sizes[i])
    looking = listed([names[i] for i in prose])
    return InputError(
        f"which column is the text is not clear: {looking} look like text",
        f"{_text_options([names[longest]])} takes the longest of them, "
        f"{_text_options([names[i] for i in named[:MAX_JOINED]])} joins their texts",
    )


def _text_options(names: Sequence[str]) -> str:
    return " ".join(f"--text-column {shlex.quote(name)}" for name in names)


def name_words(name: str) -> list[str]:
    """Return the words of a column's name in lower case: `review`, `text` of `reviewText`."""
    return [word.casefold() for word in re.split(BETWEEN_WORDS, name) if word]


def is_numbered(name: str) -> bool:
    """Return whether a name, or each of those joined, is that of a column without a header."""
    return all(NUMBERED.fullmatch(part) for part in name.split(JOIN))


def usual_columns(schema: pa.Schema, positions: Iterable[int]) -> list[int]:
    """Return those of the positions whose column has a name that text columns usually have.

    A name that repeats is none, as no option can name it: Jira has a `Comment` for each comment.
    """
    names = schema.names
    usual = [i for i in positions if names[i].strip().casefold() in USUAL_NAMES]
    return [i for i in usual if names.count(names[i]) == 1]


def _named(schema: pa.Schema, name: str) -> int:
    position = named_column(schema, name, "--text-column")
    kind = schema.field(position).type
    if not (is_text(kind) or _is_bytes(kind)):
        raise InputError(f"column {name!r} is {kind}, not text", TYPED)
    return position


def named_column(schema: pa.Schema, name: str, option: str) -> int:
    """Return the position of the one column of that name.

    Raises `InputError` with the columns there are and the nearest, and the option that names one.
    """
    positions = schema.get_all_field_indices(name)
    if len(positions) == 1:
        return int(positions[0])
    if positions:
        hint = "--rename-duplicates numbers those of a CSV; rename those of a Parquet file"
        raise InputError(f"{len(positions)} columns are named {name!r}", hint)
    near = get_close_matches(name, schema.names, n=1)
    suggestion = f"; did you mean {near[0]!r}?" if near else "."
    names = f"The columns are: {listed(schema.names)}"
    raise InputError(
        f"there is no column {name!r}{suggestion} {names}", f"{option} names one of them"
    )


def listed(names: Sequence[str]) -> str:
    """Return the names for a message."""
    cut = (name if len(name) <= MAX_NAME else f"{name[:MAX_NAME]}…" for name in names)
    shown = ", ".join(map(repr, islice(cut, MAX_LISTED)))
    return f"{shown} and {len(names) - MAX_LISTED:,} more" if len(names) > MAX_LISTED else shown


def is_text(kind: pa.DataType) -> bool:
    """Return whether a column of this type holds texts."""
    value = kind.value_type if pa.types.is_dictionary(kind) else kind
    return bool(
        pa.types.is_string(value)
        or pa.types.is_large_string(value)
        or pa.types.is_string_view(value)
        or pa.types.is_null(value)
    )


def _is_bytes(kind: pa.DataType) -> bool:
    """Return whether a column is bytes, as some programs write texts into Parquet."""
    value = kind.value_type if pa.types.is_dictionary(kind) else kind
    tests = (pa.types.is_binary, pa.types.is_large_binary, pa.types.is_binary_view)
    return any(test(value) for test in tests)


def holds_text(column: pa.ChunkedArray) -> bool:
    """Return whether a column is text, or bytes that are all UTF-8."""
    return is_text(column.type) or (_is_bytes(column.type) and not _undecodable(column, ""))


def _check_usual_bytes(sample: pa.Table) -> None:
    """Raise `InputError` where a column of bytes is the text by its name and most of its cells."""
    for at in usual_columns(sample.schema, range(sample.num_columns)):
        column = sample.column(at)
        fault = _undecodable(column, sample.schema.names[at])
        if fault and 2 * sum(map(_is_utf_8, column.to_pylist())) > len(column):
            raise InputError(fault, ENCODED)


def _is_utf_8(cell: bytes | None) -> bool:
    try:
        (cell or b"").decode()
    except UnicodeDecodeError:
        return False
    return True


def _undecodable(column: pa.ChunkedArray, name: str) -> str:
    """Return where a column of bytes, named so, is not UTF-8; "" for any other column."""
    if _is_bytes(column.type):
        try:
            as_texts(column, name)
        except InputError as error:
            return str(error.args[0])
    return ""


def _check_bytes(field: pa.Field, texts: pa.LargeStringArray) -> None:
    """Raise `InputError` for a column of bytes that are UTF-8, but rather UTF-16.

    In that, every other byte is 0 or another control character: the high one of a letter.
    """
    if not _is_bytes(field.type):
        return
    controls = pc.sum(pc.count_substring_regex(texts, CONTROLS)).as_py() or 0
    if controls > (pc.sum(pc.binary_length(texts)).as_py() or 0) / 4:
        raise InputError(f"column {field.name!r} is UTF-16, and texts are read as UTF-8", ENCODED)


def are_prose(columns: Sequence[pa.ChunkedArray]) -> list[bool]:
    """Return of each column whether it looks like text."""
    return _fit(columns, PROSE)


def _fit(columns: Sequence[pa.ChunkedArray], form: str) -> list[bool]:
    """Return of each column whether a form is in at least half of some cells.

    Neither in moments nor in JSON.
    """
    cells = [_some_cells(column) for column in columns]
    joined = pa.concat_arrays(cells)
    found = pc.match_substring_regex(joined, form)  # is slow to begin
    others = pc.match_substring_regex(joined.filter(found), f"{MOMENT}|{RECORD}")
    counts = [len(some) for some in cells]
    column_of_cell = np.repeat(np.arange(len(cells)), counts)
    column_of_match = column_of_cell[found.to_numpy(zero_copy_only=False)]
    prose = np.bincount(
        column_of_match[~others.to_numpy(zero_copy_only=False)], minlength=len(cells)
    )
    return [count > 0 and 2 * fits >= count for count, fits in zip(counts, prose, strict=True)]


def is_category(column: pa.ChunkedArray) -> bool:
    """Return whether a column has texts that are the same few again and again."""
    if not is_text(column.type):
        return False
    cells = filled(column)
    return len(cells) >= CATEGORY_CELLS and CATEGORY_REPEATS * len(cells.unique()) <= len(cells)


def _some_cells(column: pa.ChunkedArray) -> pa.LargeStringArray:
    """Return some cells that are not blank, of the whole column: its first rows may be odd."""
    count = min(FEW_CELLS, len(column))
    rows = pa.array([at * len(column) // count for at in range(count)], pa.int64())
    some = filled(_takeable(column).take(rows))
    return some if len(some) else filled(column).slice(0, FEW_CELLS)


def _takeable(column: pa.ChunkedArray) -> pa.ChunkedArray:
    """Return a column that Arrow can take rows of; of views it cannot."""
    kind = column.type
    is_view = pa.types.is_string_view(kind) or pa.types.is_binary_view(kind)
    return pa.chunked_array([as_texts(column, "")]) if is_view else column


def filled(column: pa.ChunkedArray) -> pa.LargeStringArray:
    """Return the cells that are not blank."""
    cells = as_texts(column, "")
    return cells.filter(pc.not_equal(pc.utf8_trim_whitespace(cells), ""))


def as_texts(column: pa.ChunkedArray, name: str, first_row: int = 0) -> pa.LargeStringArray:
    """Return a column of strings, or of bytes that are such, as one array.

    Raises `InputError` for bytes that are not UTF-8, which a Parquet file may hold.
    """
    try:
        texts = pc.cast(column, pa.large_string()).combine_chunks()
        texts.validate(full=True)
    except pa.ArrowInvalid as error:
        row = first_row + _first_misfit(column) + 1
        raise InputError(f"row {row:,}, column {name!r}: it is not UTF-8", ENCODED) from error
    return texts


def _first_misfit(column: pa.ChunkedArray) -> int:
    """Return the first row whose bytes are not UTF-8."""
    kind = column.type
    plain = pc.cast(column, kind.value_type) if pa.types.is_dictionary(kind) else column
    cells = pc.cast(plain, pa.large_binary()).to_pylist()
    return next(row for row, cell in enumerate(cells) if not _is_utf_8(cell))
