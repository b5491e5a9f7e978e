"""A self-contained HTML page of sections, by the template `page.html.j2`; all text is escaped.

Light and dark, wide tables scroll, nothing is fetched or run. Knows cells, not what they mean.
"""

import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from scorer.errors import InputError, UsageError
from scorer.files.publish import publish_text, real_path, writing
from scorer.files.urls import local_file

StrPath = str | os.PathLike[str]
ENDINGS = (".html", ".htm")

CUT = 220  # characters of a text that are shown
MARGIN = 4  # of those looked at for each shown: spaces that fold


@dataclass(frozen=True)
class Cell:
    """A cell of a table; numbers stand on the right; `shade`, 0 to 1, is how dark it is.

    prose: a text of a person, which gets room.
    """

    text: str
    number: bool = False
    shade: float = 0.0
    prose: bool = False

    @property
    def css(self) -> str:
        """The CSS classes of its element."""
        kinds = {"n": self.number, "shade": self.shade > 0, "text": self.prose}
        return " ".join(name for name, holds in kinds.items() if holds)


Row = Sequence[Cell]


@dataclass(frozen=True)
class Section:
    """What stands under a heading; `plots` are SVG elements, the only text not escaped.

    code: a command to copy.
    """

    title: str
    header: Sequence[str] = ()
    rows: Sequence[Row] = ()
    remark: str = ""
    lines: Sequence[str] = ()
    plots: Sequence[str] = ()
    code: str = ""


@dataclass(frozen=True)
class Heading:
    """What stands above all sections; `warnings` are reasons to doubt, a line each."""

    title: str
    headline: str
    facts: Mapping[str, str] = field(default_factory=dict)  # name -> value
    warnings: Sequence[str] = ()
    doubt: str = "Doubt these figures"  # above the warnings


def cut(text: str, characters: int = CUT) -> str:
    """Return a text in one line, with its end cut off where it is long."""
    line = " ".join(text[: characters * MARGIN].split())
    return line if len(line) <= characters else f"{line[:characters].rstrip()}…"


def share(value: float) -> Cell:
    """Return a share between 0 and 1 as a percentage."""
    return Cell(f"{value:.2%}", number=True)


def count(value: int) -> Cell:
    """Return a number of things."""
    return Cell(f"{value:,}", number=True)


def number(value: float | None, digits: int = 4) -> Cell:
    """Return a number, `none` for None."""
    return Cell("none" if value is None else f"{value:.{digits}f}", number=True)


def check_page(path: StrPath, option: str, others: Iterable[StrPath | None] = ()) -> None:
    """Refuse a page that must not or cannot be written, before any work.

    Raises `UsageError` for a name that is no page's or one of the `others`, `InputError` where
    there is no folder for it, or none that it can be written into.
    """
    given = local_file(path, option)
    page = real_path(given)
    with writing(page):  # a name that is too long cannot even be looked for
        told = f"{option} {given}{f' (a link to {page})' if given.is_symlink() else ''}"
        if page.suffix.lower() not in ENDINGS:
            raise UsageError(f"{told}: its name has to end in .html")
        if page in [real_path(other) for other in others if other is not None]:
            raise UsageError(f"{told} is another file of this run")
        if page.is_dir():
            raise InputError(f"cannot write {page}: it is a folder")
        if not page.parent.is_dir():
            raise InputError(f"cannot write {page}: there is no folder {page.parent}")
        if not os.access(page.parent, os.W_OK):
            raise InputError(f"cannot write {page}: its folder cannot be written into")


def publish_page(path: StrPath, page: str) -> None:
    """Publish a page, in place of one that is there. Raises `InputError`."""
    publish_text(real_path(path), page)


def render(heading: Heading, sections: Sequence[Section]) -> str:
    """Return the page as HTML; a byte of a file that is no text is an escape."""
    from jinja2 import Environment, PackageLoader, StrictUndefined  # most runs have no report

    environment = Environment(
        loader=PackageLoader("scorer", "pages"),
        autoescape=True,
        undefined=StrictUndefined,
        keep_trailing_newline=True,
    )
    template = environment.get_template("page.html.j2")
    page: str = template.render(heading=heading, sections=sections)
    return page.encode("utf-8", "backslashreplace").decode()
