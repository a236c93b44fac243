"""Where the charts have their lines, marks and bars, in the units of an SVG view box."""

import attrs

from kong_lts.reports.document import Bars, Level, Mark, Ramp
from kong_lts.reports.words import duration

__all__ = ["BarChart", "Chart", "DrawnBar", "Part", "PlacedMark", "Tick", "bar_chart", "chart"]

WIDTH, HEIGHT = 480, 240
LEFT, RIGHT, TOP, BOTTOM = 44, 466, 18, 200
_MARGIN = 0.05
"""Of the time shown, before the first and after the last moment."""


@attrs.frozen(kw_only=True)
class Tick:
    """A line or a label of an axis."""

    at: float
    label: str


@attrs.frozen(kw_only=True)
class PlacedMark:
    """A mark and where it stands."""

    mark: Mark
    x: float
    y: float


@attrs.frozen(kw_only=True)
class Chart:
    """Everything that the template draws."""

    line: str
    """Path of the share over time."""
    area: str
    """The same, closed below."""
    x_ticks: tuple[Tick, ...]
    y_ticks: tuple[Tick, ...]
    marks: tuple[PlacedMark, ...]
    width: int = WIDTH
    height: int = HEIGHT
    left: int = LEFT
    right: int = RIGHT
    top: int = TOP
    bottom: int = BOTTOM


def _y(percent: float) -> float:
    return round(BOTTOM - (BOTTOM - TOP) * percent / 100, 1)


@attrs.frozen
class _Scale:
    """From seconds since the run began to the view box."""

    first_s: float
    span_s: float

    def x(self, after_s: float) -> float:
        share = _MARGIN + (1 - 2 * _MARGIN) * (after_s - self.first_s) / self.span_s
        return round(LEFT + (RIGHT - LEFT) * share, 1)


def chart(ramp: Ramp) -> Chart:
    """Place a ramp in its view box."""
    moments = ramp.moments
    first_s = moments[0].after_s
    span_s = (moments[-1].after_s - first_s) or 1.0
    scale = _Scale(first_s, span_s)
    line = [f"M{LEFT} {_y(ramp.before_percent)}"]
    for share in ramp.shares:
        line.append(f"H{scale.x(share.after_s)} V{_y(share.percent)}")
    line.append(f"H{RIGHT}")
    ends = (first_s, moments[-1].after_s) if len(moments) > 1 else (first_s,)
    return Chart(
        line=" ".join(line),
        area=" ".join([*line, f"V{BOTTOM} H{LEFT} Z"]),
        x_ticks=tuple(Tick(at=scale.x(s), label=f"+{duration(s)}") for s in ends),
        y_ticks=tuple(Tick(at=_y(p), label=f"{p}%") for p in (0, 25, 50, 75, 100)),
        marks=tuple(
            PlacedMark(mark=mark, x=scale.x(mark.after_s), y=_y(mark.percent))
            for mark in ramp.marks
        ),
    )


_BAR_LEFT, _BAR_STEP, _BAR_WIDTH = 150, 26, 290
_MOST_SIGNS = 24
"""Of a label; its whole text stands in the table beside."""


@attrs.frozen(kw_only=True)
class Part:
    """One kind's piece of a bar."""

    x: float
    width: float
    level: Level


@attrs.frozen(kw_only=True)
class DrawnBar:
    """A bar and where it stands."""

    label: str
    y: int
    parts: tuple[Part, ...]
    end: float
    total: int


@attrs.frozen(kw_only=True)
class BarChart:
    """Everything that the template draws."""

    bars: tuple[DrawnBar, ...]
    height: int
    width: int = WIDTH
    left: int = _BAR_LEFT


def bar_chart(block: Bars) -> BarChart:
    """Place bars in their view box; the longest one takes the whole width."""
    most = max((sum(bar.numbers) for bar in block.bars), default=0) or 1
    drawn = []
    for index, bar in enumerate(block.bars):
        parts, x = [], float(_BAR_LEFT)
        for number, (_, level) in zip(bar.numbers, block.kinds, strict=True):
            width = _BAR_WIDTH * number / most
            parts.append(Part(x=round(x, 1), width=round(width, 1), level=level))
            x += width
        label = bar.label if len(bar.label) <= _MOST_SIGNS else f"{bar.label[:_MOST_SIGNS]}..."
        drawn.append(
            DrawnBar(
                label=label,
                y=index * _BAR_STEP,
                parts=tuple(part for part in parts if part.width),
                end=round(x, 1),
                total=sum(bar.numbers),
            )
        )
    return BarChart(bars=tuple(drawn), height=len(drawn) * _BAR_STEP)
