"""The curves as SVG, in .local/bench."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from xml.sax.saxutils import escape

from tests.bench.ours import FOLDER

WIDTH, HEIGHT = 720, 400
LEFT, RIGHT, TOP, BOTTOM = 60, 150, 50, 40
COLOURS = ("#2b6cb0", "#c05621", "#2f855a", "#805ad5", "#718096")


@dataclass(frozen=True, slots=True)
class Curve:
    name: str
    values: Sequence[float]


def draw_curves(file: str, title: str, places: Sequence[float], curves: Sequence[Curve]) -> None:
    """One line for each curve over `places`, both axes from zero, each point marked."""
    across, up = _top(max(places)), _top(max(max(curve.values) for curve in curves))
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" font-family="sans-serif">',
        f'<rect width="{WIDTH}" height="{HEIGHT}" fill="#fff"/>',
        f'<text x="16" y="26" font-size="15">{escape(title)}</text>',
        *_axes(across, up),
    ]
    for number, curve in enumerate(curves):
        parts += _line(curve, places, (across, up), number)
    FOLDER.mkdir(parents=True, exist_ok=True)
    (FOLDER / file).write_text("\n".join([*parts, "</svg>\n"]), encoding="utf-8")


def _line(curve: Curve, places: Sequence[float], tops: tuple[float, float], number: int) -> list[str]:
    colour = COLOURS[number % len(COLOURS)]
    points = [(_x(place, tops[0]), _y(value, tops[1])) for place, value in zip(places, curve.values, strict=True)]
    path = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
    beside, down = WIDTH - RIGHT + 14, TOP + 16 + 20 * number
    return [
        f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="2"/>',
        *(f'<circle cx="{x:.1f}" cy="{y:.1f}" r="3" fill="{colour}"/>' for x, y in points),
        f'<text x="{beside}" y="{down}" font-size="13" fill="{colour}">{escape(curve.name)}</text>',
    ]


def _axes(across: float, up: float) -> list[str]:
    parts = []
    for step in range(5):
        along, height = across * step / 4, up * step / 4
        x, y = _x(along, across), _y(height, up)
        style = 'font-size="11" fill="#555"'
        parts += [
            f'<path d="M{LEFT} {y:.1f}H{WIDTH - RIGHT}" stroke="#e2e8f0"/>',
            f'<text x="{LEFT - 8}" y="{y + 4:.1f}" {style} text-anchor="end">{height:g}</text>',
            f'<text x="{x:.1f}" y="{HEIGHT - BOTTOM + 18}" {style} text-anchor="middle">{along:g}</text>',
        ]
    return parts


def _top(highest: float) -> float:
    """A round number that is no less: four steps of 1, 2 or 5 times a power of ten."""
    scale = 10.0 ** math.floor(math.log10(highest / 4)) if highest > 0 else 1.0
    return 4 * scale * next(step for step in (1, 2, 2.5, 5, 10) if 4 * scale * step >= highest * 0.999)


def _x(place: float, across: float) -> float:
    return LEFT + (WIDTH - LEFT - RIGHT) * place / across


def _y(value: float, up: float) -> float:
    return HEIGHT - BOTTOM - (HEIGHT - TOP - BOTTOM) * value / up
