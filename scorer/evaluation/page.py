"""A self-contained HTML page: sections, remarks, lists and tables. All text is escaped."""

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

STYLE = """
body { font: 15px/1.5 system-ui, sans-serif; max-width: 62rem; margin: 2rem auto; padding: 0 1rem;
  color: #111827; background: #fff }
h1 { font-size: 1.6rem } h2 { font-size: 1.15rem; margin-top: 2.2rem }
table { border-collapse: collapse; margin: .6rem 0 }
th, td { padding: .25rem .8rem; border-bottom: 1px solid #e5e7eb; text-align: left }
td.n, th.n { text-align: right; font-variant-numeric: tabular-nums }
svg text { font: 12px system-ui, sans-serif; fill: #374151 }
.doubt { border-left: 5px solid #b91c1c; background: #fef2f2; padding: .6rem 1rem }
.plots { display: flex; flex-wrap: wrap; gap: 1rem }
p.remark { color: #4b5563; max-width: 45rem }
"""


@dataclass(frozen=True)
class Number:
    """A cell that stands on the right; `shade`, 0 to 1, is how dark it is."""

    text: str
    shade: float = 0.0


Row = Sequence[str | Number]


def page(title: str, body: str) -> str:
    """Return the whole page; `body` is HTML."""
    return (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        f"<title>{escape(title)}</title>\n<style>{STYLE}</style>\n</head>\n"
        f"<body>\n<h1>{escape(title)}</h1>\n{body}\n</body>\n</html>\n"
    )


def section(title: str, body: str) -> str:
    """Return HTML under a heading."""
    return f"<h2>{escape(title)}</h2>\n{body}"


def remark(text: str) -> str:
    """Return a paragraph that explains."""
    return f'<p class="remark">{escape(text)}</p>\n'


def bullets(lines: Sequence[str]) -> str:
    """Return a list; nothing for no lines."""
    items = "".join(f"<li>{escape(line)}</li>" for line in lines)
    return f"<ul>{items}</ul>" if lines else ""


def table(header: Sequence[str], rows: Sequence[Row]) -> str:
    """Return a table; the first row tells which columns are numbers."""
    kinds = [isinstance(cell, Number) for cell in (rows[0] if rows else header)]
    names = "".join(
        f"<th{' class=n' if number else ''}>{escape(name)}</th>"
        for name, number in zip(header, kinds, strict=True)
    )
    lines = "\n".join(f"<tr>{''.join(map(_cell, row))}</tr>" for row in rows)
    return f"<table>\n<tr>{names}</tr>\n{lines}\n</table>\n"


def _cell(cell: str | Number) -> str:
    if isinstance(cell, str):
        return f"<td>{escape(cell)}</td>"
    shade = f' style="background: rgba(31, 111, 235, {cell.shade:.2f})"' if cell.shade else ""
    return f"<td class=n{shade}>{escape(cell.text)}</td>"
