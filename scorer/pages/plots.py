"""Small plots as inline SVG: lines, dots and histograms on two axes.

Lines and letters take their colours from the page, which knows whether it is dark. Knows numbers
and names, nothing else.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape
from math import ceil, floor, log10

WIDTH, HEIGHT = 460, 300
LEFT, RIGHT, TOP, BOTTOM = 58, 14, 30, 44  # margins in pixels
COLOURS = ("#1f6feb", "#c2410c", "#15803d", "#7e22ce")
TICKS = 6  # about as many on an axis
LEGEND_ROOM = 7  # pixels a letter
MAX_RADIUS = 9.0
MOST_EDGES = 11  # labels below a histogram

Range = tuple[float, float]


@dataclass(frozen=True)
class Series:
    """Points (x, y) in one colour, joined by a line unless they have sizes.

    sizes: the area of each dot against the others, and `labels` what a pointer on it shows.
    dots: whether points that are joined are marked too.
    """

    name: str
    points: Sequence[tuple[float, float]]
    sizes: Sequence[float] = ()
    labels: Sequence[str] = ()
    dots: bool = True


@dataclass(frozen=True)
class _Axes:
    """Where values lie on the picture."""

    x_range: Range
    y_range: Range

    def x(self, value: float) -> float:
        low, high = self.x_range
        return round(LEFT + (value - low) / (high - low) * (WIDTH - LEFT - RIGHT), 1)

    def y(self, value: float) -> float:
        low, high = self.y_range
        return round(HEIGHT - BOTTOM - (value - low) / (high - low) * (HEIGHT - TOP - BOTTOM), 1)


def plot(
    series: Sequence[Series],
    x_name: str,
    y_name: str,
    x_range: Range | None = None,
    y_range: Range | None = None,
    diagonal: bool = False,
    whole: bool = False,
) -> str:
    """Return an SVG element; a range that is None is that of the points.

    `diagonal` adds the line from the lower left to the upper right corner, `whole` labels the
    x axis at whole numbers only.
    """
    xs, ys = zip(*(point for one in series for point in one.points), strict=True)
    axes = _Axes(x_range or _range(xs), y_range or _range(ys))
    ticks = [(value, f"{value:g}") for value in _ticks(*axes.x_range, least=1.0 if whole else 0.0)]
    parts = [*_frame(axes, x_name, y_name, ticks)]
    if diagonal:
        parts.append(_line([*zip(axes.x_range, axes.y_range, strict=True)], axes, "#999", "5 4"))
    for i, one in enumerate(series):
        parts += _marks(one, axes, COLOURS[i % len(COLOURS)])
    parts += _legend([one.name for one in series])
    return _svg(parts, x_name, y_name)


def histogram(
    shares: Mapping[str, Sequence[float]], edges: Sequence[str], x_name: str, y_name: str
) -> str:
    """Return an SVG element: the first shares as bars, any others as a line over the same bins.

    shares: name -> (bins,); edges: what stands below the left edge of each bin, (bins,), with one
    more for the right edge of the last.
    """
    bins = len(next(iter(shares.values())))
    highest = max(max(values) for values in shares.values()) or 1.0
    axes = _Axes((0, bins), (0, highest * 1.08))
    every = -(-len(edges) // MOST_EDGES)
    ticks = [(float(i), edge) for i, edge in enumerate(edges) if i % every == 0]
    parts = [*_frame(axes, x_name, y_name, ticks)]
    for i, values in enumerate(shares.values()):
        colour = COLOURS[i % len(COLOURS)]
        if i == 0:
            parts += [_bar(at, value, axes, colour) for at, value in enumerate(values) if value]
        else:
            steps = [(at + side, value) for at, value in enumerate(values) for side in (0, 1)]
            parts.append(_line(steps, axes, colour))
    parts += _legend(list(shares))
    return _svg(parts, x_name, y_name)


def _svg(parts: Sequence[str], x_name: str, y_name: str) -> str:
    return (
        f'<svg viewBox="0 0 {WIDTH} {HEIGHT}" width="{WIDTH}" height="{HEIGHT}" role="img" '
        f'aria-label="{escape(y_name)} by {escape(x_name)}">{"".join(parts)}</svg>'
    )


def _range(values: Sequence[float]) -> Range:
    """Return the range of the values with some room, so that it is never empty."""
    low, high = min(values), max(values)
    room = (high - low) * 0.08 or 0.5
    return low - room, high + room


def _ticks(low: float, high: float, least: float = 0.0) -> list[float]:
    """Return round numbers in the range: steps of 1, 2 or 5 times a power of ten, from `least`."""
    power = 10.0 ** floor(log10((high - low) / TICKS))
    steps = [power * factor for factor in (1, 2, 5, 10)]
    step = max(least, next(step for step in steps if step * TICKS >= high - low))
    return [round(i * step, 10) for i in range(ceil(low / step), floor(high / step) + 1)]


def _frame(axes: _Axes, x_name: str, y_name: str, ticks: Sequence[tuple[float, str]]) -> list[str]:
    bottom, right = HEIGHT - BOTTOM, WIDTH - RIGHT
    parts = []
    for tick in _ticks(*axes.y_range):
        y = axes.y(tick)
        parts.append(f'<path d="M{LEFT} {y}H{right}" class="grid"/>')
        parts.append(_text(LEFT - 6, y + 4, f"{tick:g}", "end"))
    for place, shown in ticks:
        parts.append(_text(axes.x(place), bottom + 16, shown, "middle"))
    parts.append(f'<path d="M{LEFT} {TOP}V{bottom}H{right}" class="axis"/>')
    parts.append(_text((LEFT + right) / 2, HEIGHT - 8, x_name, "middle"))
    turned = f'transform="rotate(-90 14 {(TOP + bottom) / 2})"'
    parts.append(_text(14, (TOP + bottom) / 2, y_name, "middle", turned))
    return parts


def _marks(series: Series, axes: _Axes, colour: str) -> list[str]:
    sizes = series.sizes or [0.15] * len(series.points)
    largest = 1.0 if not series.sizes else max(sizes)
    parts = [] if series.sizes else [_line(series.points, axes, colour)]
    marked = zip(series.points, sizes, strict=True) if series.dots else ()
    for i, ((x, y), size) in enumerate(marked):
        radius = max(1.5, MAX_RADIUS * (size / largest) ** 0.5)
        title = f"<title>{escape(series.labels[i])}</title>" if series.labels else ""
        parts.append(
            f'<circle cx="{axes.x(x)}" cy="{axes.y(y)}" r="{radius:.1f}" fill="{colour}" '
            f'fill-opacity="0.8">{title}</circle>'
        )
    return parts


def _line(points: Sequence[tuple[float, float]], axes: _Axes, colour: str, dash: str = "") -> str:
    path = "L".join(f"{axes.x(x)} {axes.y(y)}" for x, y in points)
    dashed = f' stroke-dasharray="{dash}"' if dash else ""
    return f'<path d="M{path}" stroke="{colour}" stroke-width="2" fill="none"{dashed}/>'


def _bar(at: int, value: float, axes: _Axes, colour: str) -> str:
    left, top = axes.x(at + 0.08), axes.y(value)
    return (
        f'<rect x="{left:g}" y="{top:g}" width="{axes.x(at + 0.92) - left:.1f}" '
        f'height="{axes.y(0) - top:.1f}" fill="{colour}" fill-opacity="0.75">'
        f"<title>{value:.1%}</title></rect>"
    )


def _legend(names: Sequence[str]) -> list[str]:
    parts, x = [], float(LEFT)
    for i, name in enumerate(names):
        colour = COLOURS[i % len(COLOURS)]
        parts.append(f'<circle cx="{x + 5}" cy="14" r="5" fill="{colour}"/>')
        parts.append(_text(x + 15, 18, name, "start"))
        x += 30 + LEGEND_ROOM * len(name)
    return parts


def _text(x: float, y: float, text: str, anchor: str, more: str = "") -> str:
    return f'<text x="{x:g}" y="{y:g}" text-anchor="{anchor}" {more}>{escape(text)}</text>'
