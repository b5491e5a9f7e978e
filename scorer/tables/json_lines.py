"""JSON Lines: one object a line, its members the columns.

Read, a member of strings is a column of strings, any other has its JSON as text, with each digit of
its numbers; a member that is not there, or null, is null. Many programs leave out what is null, so
a file of more than a chunk is read once more for the names of all members; a stream has those of
its first chunk. Where JSON Lines are written from JSON Lines, each line goes along as it is, in the
column LINE, and the added members are put before its end: all others stay as they were, to the
byte. Knows JSON and Arrow, nothing of scores or publishing.
"""

import json
import re
import shlex
from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import IO, Any

import pyarrow as pa

from scorer.errors import InputError
from scorer.files.byte_sink import ByteSink
from scorer.files.byte_streams import STANDARD_STREAM, open_source, source_name
from scorer.files.file_kinds import check_json_lines
from scorer.tables.csv_cells import as_json_texts
from scorer.tables.doubts import CUT_OFF, about, cut_off
from scorer.tables.encoding_guess import guess_encodings
from scorer.tables.rejects import RejectSink
from scorer.tables.table_streams import (
    MAX_CHUNK_BYTES,
    TEXT,
    Chunk,
    CsvDialect,
    Reject,
    TableReader,
    TableWriter,
)
from scorer.tables.text_column import JOIN, USUAL_NAMES

LINE = "\0line"  # no member of a usual file is called so
NO_ROWS = pa.schema([pa.field("text", TEXT)])  # of a file without any
NEW_MEMBER = "--chunk-rows makes the first chunk, whose members are the columns, larger"
OBJECTS = (
    "Each line has to be a JSON object; --input-format csv reads CSV, --input-format lines each "
    "line as one text"
)
COMMAS = r"A comma stands behind each object, as in an array: `sed 's/,\s*$//'` removes it"
DICTS = "They are Python dicts, not JSON: `json.dumps(row)` writes JSON where `print(row)` does not"
JOINED = "Several objects stand in one line: `jq -c . IN > OUT` puts each in a line of its own"
PLAIN_NAME = re.compile(r"[A-Za-z_][A-Za-z_0-9]*")  # that `jq` takes without quotes
SPACED = re.compile(r"\w\s+\w")  # words of a text
BETWEEN_OBJECTS = re.compile(r"\}\s*\{")
NOT_UTF_8 = "not UTF-8"
AS_UTF_8 = "Have them written in UTF-8"
ROWS = (
    "Of a table that pandas wrote, `pandas.read_json(IN).to_json(OUT, orient='records', "
    "lines=True)` makes JSON Lines"
)
ONE_ROW = "if it is a row itself, --text-column names its text"
encode = json.JSONEncoder(ensure_ascii=False).encode
MANY_BRACKETS = 200  # of a line that may be nested too deeply
WHITESPACE = b" \t\r\n"


class Number(str):
    """A number as it is written, so that no digit is lost."""


class JsonLinesReader(TableReader):
    """JSON Lines being read; its members are final when the first chunk is there.

    keep_lines: whether each line goes along in the column LINE, for a writer of JSON Lines.
    text_column: the name that a user gives: an object that has a text there is a row.
    """

    kind = "jsonl"

    dialect = CsvDialect()

    def __init__(
        self,
        path: str,
        compression: str | None = None,
        rejects: RejectSink | None = None,
        keep_lines: bool = False,
        text_column: str | None = None,
    ) -> None:
        self.name = source_name(path)
        self._path, self._compression = path, compression
        self._source = open_source(path, compression)
        try:
            check_json_lines(self.name, self._source.peek())
        except InputError:
            self._source.close()
            raise
        self._rejects, self._keep_lines = rejects, keep_lines
        self._text_columns = (text_column or "").split(JOIN)
        self.schema = NO_ROWS
        self._place = 0  # of the line under way, in bytes
        self._is_read = False
        self._first_reject: Reject | None = None
        self._cut_at = 0  # the line within which the file ends; 0: it does not
        if rejects is not None:
            rejects.describe_input("line", self.dialect)

    def chunks(self, max_rows: int, max_bytes: int = MAX_CHUNK_BYTES) -> Iterator[Chunk]:
        """Yield the objects in chunks, see `TableReader`.

        Raises `InputError` for a table in one object, and for a member that the first chunk of a
        stream does not have, unless lines are kept.
        """
        first_row = 0
        for lines, objects in self._batches(max_rows, max_bytes):
            if first_row == 0:
                self._check_rows(objects)
                self.schema = self._schema_of(objects)
            self.rows_read += len(objects)
            yield Chunk(first_row, self._table(lines, objects, first_row))
            first_row += len(objects)

    def _batches(
        self, max_rows: int, max_bytes: int
    ) -> Iterator[tuple[list[str], list[dict[str, Any]]]]:
        lines: list[str] = []
        objects: list[dict[str, Any]] = []
        size = 0
        for line, found in self._objects():
            lines.append(line)
            objects.append(found)
            size += len(line)
            if len(lines) >= max_rows or size >= max_bytes:
                yield lines, objects
                lines, objects, size = [], [], 0
        self._is_read = True
        if lines:
            yield lines, objects

    def _objects(self) -> Iterator[tuple[str, dict[str, Any]]]:
        """Yield each line and its object; any other line that is not blank is rejected."""
        for number, data in enumerate(self._source, 1):
            line = data.strip(WHITESPACE).removeprefix(b"\xef\xbb\xbf")  # of files joined, too
            reason = "not an object"
            if line:
                try:
                    text = line.decode()  # `json` would take UTF-16 and half characters too
                    found = _parsed(text)
                except UnicodeDecodeError:
                    found, reason = None, NOT_UTF_8
                except (ValueError, RecursionError) as error:
                    found, reason = None, f"not JSON: {error}"
                if isinstance(found, dict):
                    yield text, found
                else:
                    self._reject(Reject(number, self._place, reason, _raw(line)))
                    is_cut = line.startswith(b"{") and not line.endswith(b"}")
                    self._cut_at = number if is_cut and not data.endswith(b"\n") else 0
            self._place += len(data)

    @property
    def notes(self) -> list[str]:
        """What a user should know of the file, once it is read."""
        return [about(self.name, cut_off(self._cut_at))] if self._cut_at else []

    @property
    def reject_hint(self) -> str:
        """What the rejected lines are, or what a line has to be where no row could be read."""
        if self._first_reject is None:
            return ""
        if self._cut_at and self.rows_rejected == 1:
            return CUT_OFF
        only = OBJECTS if self.rows_rejected == self.rows_read else ""
        return _hint_of(self._first_reject) or only

    def share_read(self, size: int | None) -> float | None:
        """Return the share of the file's bytes that is read."""
        return self._place / size if size else None

    def _reject(self, reject: Reject) -> None:
        self.rows_read += 1
        self.rows_rejected += 1
        self._first_reject = self._first_reject or reject
        if self._rejects is not None:
            self._rejects.add(reject)

    def _check_rows(self, objects: list[dict[str, Any]]) -> None:
        """Refuse a file of one object that holds a whole table."""
        if not self._is_read or len(objects) != 1:
            return
        if any(isinstance(objects[0].get(name), str) for name in self._text_columns):
            return
        cells, path = [*objects[0].values()], _path_of_rows(objects[0])
        if path or (cells and all(isinstance(cell, list | dict) for cell in cells)):
            problem = f"{self.name} is one JSON object; JSON Lines have one for each row"
            rows = f"`jq -c {shlex.quote(path)} IN > OUT` makes JSON Lines of its rows"
            raise InputError(problem, f"{rows}; {ONE_ROW}" if path else ROWS)

    def _schema_of(self, objects: list[dict[str, Any]]) -> pa.Schema:
        found = dict.fromkeys(name for one in objects for name in one)
        if not (self._is_read or self._keep_lines):  # there may be more objects
            found |= self._all_members()
        names = dict.fromkeys(map(_text, found))
        fields = [pa.field(name, TEXT) for name in names]
        return pa.schema([*fields, *([pa.field(LINE, TEXT)] if self._keep_lines else [])])

    def _all_members(self) -> dict[str, None]:
        """Return the names in a file, which is read for them; none of what is read only once."""
        names: dict[str, None] = {}
        if self._path == STANDARD_STREAM or not Path(self._path).is_file():
            return names
        with open_source(self._path, self._compression) as file:
            for line in file:
                with suppress(ValueError, RecursionError):  # it will be rejected
                    found = json.loads(line)
                    names.update(dict.fromkeys(found) if isinstance(found, dict) else {})
        return names

    def _table(self, lines: list[str], objects: list[dict[str, Any]], first_row: int) -> pa.Table:
        names = [name for name in self.schema.names if name != LINE]
        if not self._keep_lines:
            self._check_members(objects, set(names), first_row)
        columns = [pa.array([_text(one.get(name)) for one in objects], TEXT) for name in names]
        kept = [pa.array(lines, TEXT)] if self._keep_lines else []
        return pa.table([*columns, *kept], self.schema)

    def _check_members(
        self, objects: list[dict[str, Any]], known: set[str], first_row: int
    ) -> None:
        for row, one in enumerate(objects, first_row):
            new = [name for name in map(_text, one) if name not in known]
            if new:
                raise InputError(f"{self.name}: row {row} has a new member {new[0]!r}", NEW_MEMBER)

    def count_rows(self) -> int:
        """Return how many objects there are, instead of reading them with `chunks`."""
        return sum(1 for _ in self._objects())

    def close(self) -> None:
        """Close the file, and finish the file of rejected rows."""
        self._source.close()
        if self._rejects is not None:
            self._rejects.close()


def without_lines(table: pa.Table) -> pa.Table:
    """Return a table without the column of its lines, which is the last one."""
    return table.drop_columns([LINE]) if LINE in table.schema.names else table


def _text(value: Any) -> str | None:
    """Return a member as text: a string as it is, any other value as JSON."""
    if value is None:
        return None
    text = value if isinstance(value, str) else _as_json(value)
    if text.isascii():
        return text
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")  # half characters


def _parsed(text: str) -> Any:
    """Return a line's value. Raises `RecursionError` for one too deep to be read or written."""
    found = json.loads(text, parse_int=Number, parse_float=Number)
    if text.count("[") + text.count("{") > MANY_BRACKETS:
        _as_json(found)
    return found


def _as_json(value: Any) -> str:
    """Return a value as JSON."""
    if isinstance(value, dict):
        return f"{{{', '.join(f'{encode(key)}: {_as_json(one)}' for key, one in value.items())}}}"
    if isinstance(value, list):
        return f"[{', '.join(map(_as_json, value))}]"
    return value if isinstance(value, Number) else encode(value)


def _path_of_rows(found: dict[str, Any], path: str = "") -> str:
    """Return where in an object the objects of a table are, for `jq`; "" for an object with texts.

    They are in its only list of several objects, or in that of its only member with one. path: the
    object's own.
    """
    if any(_may_be_text(name, cell) for name, cell in found.items()):
        return ""
    paths = []
    for name, cell in found.items():
        member = jq_member(path, name)
        if isinstance(cell, list) and len(cell) > 1 and all(isinstance(row, dict) for row in cell):
            paths.append(f"{member}[]")
        elif isinstance(cell, dict) and (within := _path_of_rows(cell, member)):
            paths.append(within)
    return paths[0] if len(paths) == 1 else ""


def jq_member(path: str, name: str) -> str:
    """Return the path, for `jq`, of a member of the object at a path; "" is a whole line's."""
    return f"{path}.{name}" if PLAIN_NAME.fullmatch(name) else f"{path or '.'}[{json.dumps(name)}]"


def _may_be_text(name: str, cell: Any) -> bool:
    is_spaced = isinstance(cell, str) and not (cell.isascii() and SPACED.search(cell) is None)
    return is_spaced or (name.casefold() in USUAL_NAMES and not isinstance(cell, list | dict))


def _raw(line: bytes) -> str:
    return line.decode("utf-8", "surrogateescape")


def _hint_of(reject: Reject) -> str:
    """Return what a line that is no object is instead; "" if that is not known."""
    line = reject.raw
    if reject.reason == NOT_UTF_8:
        likely = " or ".join(guess_encodings(line.encode("utf-8", "surrogateescape")))
        return f"They are in another encoding{f', perhaps {likely}' * bool(likely)}. {AS_UTF_8}"
    if line.startswith("{'"):
        return DICTS
    if line.startswith("{") and line.endswith("},"):
        return COMMAS
    return JOINED if line.startswith("{") and BETWEEN_OBJECTS.search(line) else ""


class JsonLinesWriter(TableWriter):
    """JSON Lines being written: the kept line with added members, or an object of all columns."""

    def __init__(
        self, target: str | Path | IO[bytes], compression: str | None, schema: pa.Schema
    ) -> None:
        self._sink = ByteSink(target, compression)
        names = schema.names
        self._line = names.index(LINE) if LINE in names else None
        self._first = 0 if self._line is None else self._line + 1  # of the columns written
        self._keys = [json.dumps(name, ensure_ascii=False) for name in names[self._first :]]

    def write(self, table: pa.Table) -> None:
        """Append rows. Raises `InputError` for a value that has no text, or a full disk."""
        added = table.columns[self._first :]
        columns = [
            as_json_texts(column, key) for column, key in zip(added, self._keys, strict=True)
        ]
        members = [
            ", ".join(f"{key}: {value}" for key, value in zip(self._keys, row, strict=True))
            for row in (zip(*columns, strict=True) if columns else [()] * table.num_rows)
        ]
        if self._line is None:
            lines = [f"{{{member}}}" for member in members]
        else:
            kept = table.column(self._line).to_pylist()
            lines = [_extended(line, more) for line, more in zip(kept, members, strict=True)]
        self._sink.write("".join(f"{line}\n" for line in lines).encode())
        self.rows_written += table.num_rows

    def add_metadata(self, metadata: Mapping[str, str]) -> None:
        """Do nothing: JSON Lines have no metadata."""

    def close(self) -> None:
        """Finish the file. Raises `InputError` if it cannot be written."""
        self._sink.finish()

    def abandon(self) -> None:
        """Close the incomplete file without finishing it."""
        self._sink.abandon()


def _extended(line: str, members: str) -> str:
    """Return an object with more members before its end."""
    start = line[:-1].rstrip()
    comma = "" if start == "{" else ", "
    return f"{start}{comma}{members}}}" if members else line
