"""A self-contained HTML page of sections, by the template `page.html.j2`; all text is escaped.

Light and dark, wide tables scroll, nothing is fetched or run. Knows cells, not what they mean.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from jinja2 import Environment, PackageLoader, StrictUndefined


@dataclass(frozen=True)
class Cell:
    """A cell of a table; numbers stand on the right; `shade`, 0 to 1, is how dark it is."""

    text: str
    number: bool = False
    shade: float = 0.0


Row = Sequence[Cell]


@dataclass(frozen=True)
class Section:
    """What stands under a heading; `plots` are SVG elements, the only text not escaped."""

    title: str
    header: Sequence[str] = ()
    rows: Sequence[Row] = ()
    remark: str = ""
    lines: Sequence[str] = ()
    plots: Sequence[str] = ()


def render(title: str, headline: str, sections: Sequence[Section], warnings: Sequence[str]) -> str:
    """Return the page as HTML."""
    environment = Environment(
        loader=PackageLoader("scorer", "evaluation"),
        autoescape=True,
        undefined=StrictUndefined,
        keep_trailing_newline=True,
    )
    template = environment.get_template("page.html.j2")
    return template.render(title=title, headline=headline, sections=sections, warnings=warnings)
