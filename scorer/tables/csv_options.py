"""How a user wants a CSV to be read. Knows options, nothing of files."""

from dataclasses import dataclass, fields
from typing import Any

from scorer.errors import UsageError

DELIMITER_NAMES = {"tab": "\t", "comma": ",", "semicolon": ";", "pipe": "|", "space": " "}
ESCAPE_NAMES = {"backslash": "\\"}
NONE = "none"
OF_TABLE = ("delimiter", "quote", "escape", "header")  # options that lines of text do not have


@dataclass(frozen=True)
class CsvOptions:
    """Options as given; None is detected from the first lines of the file."""

    delimiter: str | None = None
    quote: str | None = None
    encoding: str | None = None  # UTF-8, UTF-16 or UTF-32 if not given
    infer_types: bool = False
    escape: str | None = None
    header: bool = False  # the first row is the header, whatever it looks like
    no_header: bool = False  # columns are column_1, column_2, …
    skip_rows: int = 0  # lines before the header
    rename_duplicates: bool = False  # of two columns `id` the second is `id.1`

    def __post_init__(self) -> None:
        if self.header and self.no_header:
            raise UsageError("--header and --no-header exclude each other")

    def given(self) -> dict[str, Any]:
        """Return the options that are not as usual, by the command line's names."""
        usual = CsvOptions()
        values = {entry.name: getattr(self, entry.name) for entry in fields(self)}
        return {name: value for name, value in values.items() if value != getattr(usual, name)}

    def check_lines(self) -> None:
        """Raise `UsageError` where an option is of no use for lines of text."""
        for name in self._of_table:
            raise UsageError(
                f"--{name} has no meaning for lines of text (--input-format lines)",
                "--input-format csv reads a table",
            )

    @property
    def say_table(self) -> bool:
        """Whether they are about a table, not about lines of text."""
        return self.no_header or bool(self._of_table)

    @property
    def _of_table(self) -> list[str]:
        """Names of the options given that only a table has."""
        return [name for name in OF_TABLE if name in self.given()]

    @property
    def delimiter_character(self) -> str | None:
        """The delimiter, None if it is to be detected. Raises `UsageError`."""
        if self.delimiter is None:
            return None
        return _character("--delimiter", self.delimiter, DELIMITER_NAMES)

    @property
    def quote_character(self) -> str | None:
        """The quote, "" for none, None if it is to be detected. Raises `UsageError`."""
        if self.quote is None:
            return None
        return "" if self.quote in ("", NONE) else _character("--quote", self.quote, {NONE: ""})

    @property
    def escape_character(self) -> str | None:
        """The escape, "" for none, None if it is to be detected. Raises `UsageError`."""
        if self.escape is None:
            return None
        names = {**ESCAPE_NAMES, NONE: ""}
        return "" if self.escape in ("", NONE) else _character("--escape", self.escape, names)


def _character(option: str, given: str, names: dict[str, str]) -> str:
    character = names.get(given, _unescaped(given))
    if len(character) != 1 or character in "\0\r\n":
        listed = ("one of: " * (len(names) > 1)) + ", ".join(names)
        raise UsageError(f"{option} {given!r}: give one character, or {listed}")
    return character


def _unescaped(given: str) -> str:
    r"""Return the character that `\t`, `\x01` or `\u001f` stands for."""
    if not given.startswith("\\") or len(given) == 1:
        return given
    try:
        return given.encode("ascii").decode("unicode_escape")
    except ValueError:
        return given


def shown(character: str) -> str:
    r"""Return a delimiter as `_character` takes it back, quoted for a shell: `tab`, `'\x01'`."""
    for name, known in DELIMITER_NAMES.items():
        if character == known and not character.isprintable():
            return name
    plain = character.isprintable() and not character.isspace()
    text = character if plain else character.encode("unicode_escape").decode()
    return f'"{text}"' if text == "'" else f"'{text}'"
