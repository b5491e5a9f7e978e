"""What kind of file some bytes begin, whatever its name says. Knows first bytes, not tables."""

import codecs
import re
from dataclasses import dataclass

from scorer.errors import InputError

HEAD_BYTES = 1 << 12  # enough for the names in an Office file
MIN_BYTES = 10  # fewer may be the beginning of anything
UNPACK = "Unpack it first"
SAVE = "Save it as CSV or Parquet"
SPREAD = "`jq -c '.[]' IN > OUT` makes JSON Lines of it"
ONE_LINE = "`jq -c . IN > OUT` makes JSON Lines of it, each object in a line of its own"
CONVERT = "`iconv -f utf-16 -t utf-8` converts it"
UNLOAD = "Have the table written as CSV, by `\\copy TABLE TO FILE CSV HEADER` in psql for instance"
AS_ROWS = "Python's `mailbox` reads it: have a row written for each message"
SQL = (
    rb"(?:\s|--[^\n]*\n|/\*[^\n]*\n)*(?:INSERT INTO .*VALUES\s*\(|CREATE TABLE .*\(|DROP TABLE|"
    rb"PRAGMA foreign_keys|COPY [^\n]+ FROM stdin;|(?<=\n)SET \w+ ?= ?[^\n,]*;)"
)
WEB_PAGE = (
    rb"(?:\s|<!--.*?-->)*<(?:!doctype html|html|head|title|meta|link|script|style|body|table|tr)\b"
)
UTF_16 = re.compile(rb"\xff\xfe|\xfe\xff|\{\x00|\x00\{")  # of JSON also without a mark
TEXT = re.compile(rb"[^\x00-\x08\x0e-\x1f\x7f]*")


@dataclass(frozen=True)
class FileKind:
    """A kind of file; `option` is the --input-format that reads it, "" if none does.

    hint: what to do with a file that no option reads.
    """

    name: str
    pattern: re.Pattern[bytes]
    option: str = ""
    compression: str | None = None
    hint: str = SAVE

    @property
    def advice(self) -> str:
        """How the file can be read."""
        return f"--input-format {self.option} reads it" if self.option else self.hint


def _kind(
    name: str, pattern: bytes, option: str = "", compression: str | None = None, hint: str = SAVE
) -> FileKind:
    return FileKind(name, re.compile(pattern, re.DOTALL | re.IGNORECASE), option, compression, hint)


JSON_LINES = _kind("JSON Lines", rb"\s*\{[ \t]*\"[^\n]*\}[ \t\r]*(\n|\Z)", "jsonl")
JSON = _kind("JSON", rb"\s*\{\s*\"[^\"]*\"\s*:", hint=ONE_LINE)
KINDS = (  # the first that fits
    _kind("Parquet", rb"PAR1[\x00-\x1f]", "parquet"),
    _kind("gzip", rb"\x1f\x8b", "csv.gz", "gzip"),
    _kind("zstd", rb"\x28\xb5\x2f\xfd", "csv.zst", "zstd"),
    _kind("bzip2", rb"BZh[1-9](1AY&SY|\x17rE8P\x90)", "csv.bz2", "bz2"),
    _kind("xz", rb"\xfd7zXZ\x00", "csv.xz", "xz"),
    _kind("an Excel workbook", rb"PK\x03\x04.*(\[Content_Types\]\.xml|xl/)"),
    _kind("an OpenDocument file", rb"PK\x03\x04.*mimetypeapplication/vnd\.oasis"),
    _kind("a zip archive", rb"PK(\x03\x04|\x05\x06)", "csv.zip", "zip"),
    _kind("a tar archive", rb".{257}ustar"),
    _kind("a 7z archive", rb"7z\xbc\xaf\x27\x1c"),
    _kind("a RAR archive", rb"Rar!\x1a\x07"),
    _kind("lz4", rb"\x04\x22\x4d\x18"),
    _kind("an Office file of the old kind", rb"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"),
    _kind("Arrow IPC (Feather)", rb"ARROW1\x00\x00"),
    _kind("ORC", rb"ORC[\x00-\x1f]"),
    _kind("an SPSS file", rb"\$FL[23]@\(#\)"),
    _kind("a Stata file", rb"<stata_dta>|[\x6c-\x76][\x01\x02]\x01\x00"),
    _kind("a SAS file", rb"\x00{12}\xc2\xea\x81\x60|HEADER RECORD\*{7}LIBRARY HEADER"),
    _kind("a MATLAB file", rb"MATLAB \d\.\d MAT-file"),
    _kind("HDF5", rb"\x89HDF\r\n\x1a\n"),
    _kind("a NumPy array", rb"\x93NUMPY"),
    _kind("a serialised Python object", rb"\x80[\x02-\x05](\x95|\}|\]|c|\x8c)"),
    _kind("Avro", rb"Obj\x01"),
    _kind("a SQLite database", rb"SQLite format 3\x00"),
    _kind("PDF", rb"%PDF-\d"),
    _kind("a Git LFS pointer", rb"version https://git-lfs", hint="`git lfs pull` fetches the file"),
    _kind("a mailbox", rb"From \S+ [^\n]*\d\d:\d\d:\d\d[^\n]*\d{4}[^\n]*\n[\w-]+: ", hint=AS_ROWS),
    _kind("a web page", WEB_PAGE),
    _kind("SQL", SQL, hint=UNLOAD),
    _kind("XML", rb"\s*<\?xml\s"),
    _kind("a JSON array", rb"\s*\[\s*\{", hint=SPREAD),
    JSON_LINES,
    JSON,
)
MAY_BE_TEXTS = ("SQL", "a JSON array", "JSON Lines", "JSON")


def kind_of(head: bytes) -> FileKind | None:
    """Return what kind of file begins so; None for any other, such as CSV."""
    head = head[:HEAD_BYTES].removeprefix(codecs.BOM_UTF8)
    return next((kind for kind in KINDS if kind.pattern.match(head)), None)


def check_csv(name: str, head: bytes, compression: str | None, lines: bool = False) -> None:
    """Raise `InputError` for bytes, after decompression, that are clearly no CSV.

    lines: a user says that each line is one text. Such a text may look like SQL or JSON.
    """
    kind = kind_of(head)
    if kind is None or (lines and kind.name in MAY_BE_TEXTS):
        return
    if compression is not None:
        hint = UNPACK if kind.option else f"{UNPACK}. {SAVE}"
    else:
        hint = kind.advice
    raise InputError(f"{name} is not CSV: it is {kind.name}", hint)


def check_json_lines(name: str, head: bytes) -> None:
    """Raise `InputError` for bytes that are clearly no JSON Lines in UTF-8."""
    if UTF_16.match(head):
        raise InputError(f"{name} is UTF-16, and JSON Lines are read as UTF-8", CONVERT)
    kind = kind_of(head)
    long_line = kind is JSON and head.lstrip().partition(b"\n")[0].strip() != b"{"
    if kind is None or kind is JSON_LINES or long_line:
        return
    hint = kind.advice
    if kind.option.startswith("csv"):
        option = kind.option.replace("csv", "jsonl")
        hint = f"--input-format {option} reads it, if it holds JSON Lines"
    raise InputError(f"{name} is not JSON Lines: it is {kind.name}", hint)


def check_parquet(name: str, head: bytes) -> None:
    """Raise `InputError` for bytes that begin no Parquet file but clearly another."""
    if head.startswith(b"PARE"):
        raise InputError(f"cannot read {name}: it is encrypted", "Have it written without a key")
    if head.startswith(b"PAR1") or not head:
        return
    kind = kind_of(head)
    if kind is not None:
        hint = f"{kind.advice}, if it holds CSV" if kind.option.startswith("csv") else kind.advice
        raise InputError(f"cannot read {name}: it is not Parquet, it is {kind.name}", hint)
    if TEXT.fullmatch(head[:HEAD_BYTES]):
        raise InputError(
            f"cannot read {name}: it is not Parquet, it is text", "--input-format csv reads CSV"
        )


def check_compressed(name: str, head: bytes, compression: str) -> None:
    """Raise `InputError` for bytes that are clearly not compressed so; not for a part of it."""
    kind = kind_of(head)
    if kind is not None and kind.compression != compression:
        problem = f"cannot read {name}: it is not {compression}, it is {kind.name}"
        raise InputError(problem, kind.advice)
    if kind is None and len(head) >= MIN_BYTES and TEXT.fullmatch(head[:HEAD_BYTES]):
        raise InputError(
            f"cannot read {name}: it is not {compression}, it is text",
            "--input-format csv reads CSV",
        )
