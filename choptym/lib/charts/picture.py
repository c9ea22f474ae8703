"""A picture of several series over time: lines, or areas on top of each other."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from choptym.lib.charts.scale import HEIGHT, Tick, number, percent, runs_of, time_ticks, top_of, value_ticks
from choptym.lib.charts.units import Unit

Values = tuple[float | None, ...]
NOT_KNOWN = "–"


@dataclass(frozen=True, slots=True)
class Series:
    """`tone` is its colour, the name of a class of the style sheet. A limit is drawn as a dashed line."""

    name: str
    tone: str
    values: Values
    is_limit: bool = False


@dataclass(frozen=True, slots=True)
class Shape:
    """A path of the picture: an area, a line or a limit."""

    kind: str
    tone: str
    path: str


@dataclass(frozen=True, slots=True)
class Row:
    """A series in words, beside its colour."""

    name: str
    kind: str
    tone: str
    now: str
    highest: str


@dataclass(frozen=True, slots=True)
class Gap:
    """Where nothing is known, in percent of the width."""

    x: str
    width: str


@dataclass(frozen=True, slots=True)
class Axis:
    """The times of the points, of every picture of a page, and whether anything is known of each."""

    starts: tuple[datetime, ...]
    step_seconds: float
    known: tuple[bool, ...]

    @property
    def ticks(self) -> tuple[Tick, ...]:
        return time_ticks(self.starts, self.step_seconds)


@dataclass(frozen=True, slots=True)
class Picture:
    """What a template needs. `hover` are the words for each point, for the script that shows them at the pointer."""

    title: str
    note: str
    shapes: tuple[Shape, ...]
    rows: tuple[Row, ...]
    values: tuple[Tick, ...]
    times: tuple[Tick, ...]
    gaps: tuple[Gap, ...]
    hover: list[dict[str, Any]]
    width: int
    is_wide: bool = False
    height: int = HEIGHT

    @property
    def description(self) -> str:
        return "; ".join(f"{row.name}: now {row.now}, highest {row.highest}" for row in self.rows)


def draw_lines(
    title: str,
    axis: Axis,
    series: Sequence[Series],
    unit: Unit,
    *,
    note: str = "",
    top: float = 0,
    is_wide: bool = False,
) -> Picture:
    """Each from the ground up. `top`: the value that the axis reaches at least."""
    end, step = top_of(
        max(top, unit.least, *(_highest(one.values) for one in series)), is_whole=unit.is_whole, base=unit.base
    )
    shapes = [Shape(_kind(one, "line"), one.tone, line_path(one.values, end)) for one in series]
    return _picture(title, note, axis, series, shapes, unit, (end, step), is_wide=is_wide)


def draw_stack(
    title: str,
    axis: Axis,
    series: Sequence[Series],
    unit: Unit,
    *,
    note: str = "",
    top: float = 0,
    is_wide: bool = False,
) -> Picture:
    """On top of each other, the first at the ground. A limit is drawn over them."""
    stacked = [one for one in series if not one.is_limit]
    heights = stack(tuple(one.values for one in stacked))
    highest = max(top, unit.least, *(_highest(one) for one in heights), *(_highest(one.values) for one in series))
    end, step = top_of(highest, is_whole=unit.is_whole, base=unit.base)
    grounds = [tuple(0.0 for _ in axis.starts), *heights]
    shapes = [
        Shape("area", one.tone, area_path(lower, upper, end))
        for one, lower, upper in zip(stacked, grounds, heights, strict=False)
    ]
    shapes += [Shape("limit", one.tone, line_path(one.values, end)) for one in series if one.is_limit]
    return _picture(title, note, axis, series, shapes, unit, (end, step), is_wide=is_wide)


def stack(series: Sequence[Values]) -> list[Values]:
    """The upper edge of each when they stand on top of each other; not known where any of them is not."""
    edges: list[Values] = []
    below: Values = tuple(0.0 for _ in series[0]) if series else ()
    for values in series:
        below = tuple(
            None if value is None or ground is None else ground + value
            for value, ground in zip(values, below, strict=True)
        )
        edges.append(below)
    return edges


def line_path(values: Values, top: float) -> str:
    """Broken where a value is not known. A single value between two gaps is a dot: a line without length."""
    parts = []
    for is_known, first, end in runs_of(value is not None for value in values):
        if is_known:
            points = [f"{number(at + 0.5)} {_y(values[at], top)}" for at in range(first, end)]
            parts.append("M" + ("L".join(points) if len(points) > 1 else f"{points[0]}h0"))
    return "".join(parts)


def area_path(lower: Values, upper: Values, top: float) -> str:
    """Between the two edges, one step for each point, so that a single one is seen too."""
    parts = []
    for is_drawn, first, end in runs_of(_is_area(low, high) for low, high in zip(lower, upper, strict=True)):
        if is_drawn:
            over = _steps([_y(value, top) for value in upper[first:end]], "h")
            under = _steps([_y(value, top) for value in reversed(lower[first:end])], "h-")
            parts.append(f"M{first} {_y(lower[first], top)}{over}{under}Z")
    return "".join(parts)


def gaps_of(known: Sequence[bool]) -> tuple[Gap, ...]:
    count = len(known)
    runs = runs_of(known)
    return tuple(
        Gap(percent(first / count), percent((end - first) / count)) for is_known, first, end in runs if not is_known
    )


def _picture(
    title: str,
    note: str,
    axis: Axis,
    series: Sequence[Series],
    shapes: Sequence[Shape],
    unit: Unit,
    scale: tuple[float, float],
    *,
    is_wide: bool,
) -> Picture:
    rows = tuple(row_of(one, unit) for one in series)
    hover: list[dict[str, Any]] = [
        {"name": one.name, "tone": one.tone, "values": [_write(value, unit) for value in one.values]} for one in series
    ]
    ticks = value_ticks(*scale, unit.write)
    return Picture(
        title, note, tuple(shapes), rows, ticks, axis.ticks, gaps_of(axis.known), hover, len(axis.starts), is_wide
    )


def row_of(series: Series, unit: Unit) -> Row:
    """A series in words: its last value that is known, and the highest."""
    last = next((value for value in reversed(series.values) if value is not None), None)
    kind = _kind(series, "series")
    highest = max((value for value in series.values if value is not None), default=None)
    return Row(series.name, kind, series.tone, _write(last, unit), _write(highest, unit))


def _write(value: float | None, unit: Unit) -> str:
    return NOT_KNOWN if value is None else unit.write(value)


def _kind(series: Series, otherwise: str) -> str:
    return "limit" if series.is_limit else otherwise


def _is_area(low: float | None, high: float | None) -> bool:
    return low is not None and high is not None and high > low


def _highest(values: Values) -> float:
    return max((value for value in values if value is not None), default=0.0)


def _steps(heights: Sequence[str], along: str) -> str:
    return "".join(f"V{height}{along}{end - first}" for height, first, end in runs_of(heights))


def _y(value: float | None, top: float) -> str:
    return number(HEIGHT - HEIGHT * (value or 0) / top)
