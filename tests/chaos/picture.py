"""What a fault did to the payments, to look at: settled in each second, with the time of the fault shaded."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from xml.sax.saxutils import escape

WIDTH, ROW, BAND = 1000, 64, 40
LEFT, RIGHT = 250, 20
TICK_SECONDS = 30
TITLE = "Payments settled in each second; the fault in red, the time until all was recovered in yellow"


@dataclass(frozen=True, slots=True)
class Timeline:
    """Seconds from the beginning of the load. `settled[n]`: how many were settled in second n."""

    name: str
    is_good: bool
    fault: tuple[float, float]
    recovered: float
    settled: tuple[int, ...]


def draw(timelines: Sequence[Timeline], file: Path) -> None:
    """One band for each fault, all on the same scale of time."""
    longest = max((len(line.settled) for line in timelines), default=1) or 1
    scale = (WIDTH - LEFT - RIGHT) / longest
    height = ROW * len(timelines) + 50
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" font-family="sans-serif">',
        f'<rect width="{WIDTH}" height="{height}" fill="#fff"/>',
        f'<text x="16" y="24" font-size="15">{TITLE}</text>',
    ]
    for number, line in enumerate(timelines):
        parts += _band(line, 40 + number * ROW, scale)
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text("\n".join([*parts, "</svg>"]), encoding="utf-8")


def _band(line: Timeline, top: float, scale: float) -> list[str]:
    begin, end = (LEFT + second * scale for second in line.fault)
    recovered = LEFT + line.recovered * scale
    most = max(line.settled, default=1) or 1
    bottom = top + BAND
    bars = "".join(
        f"M{LEFT + second * scale:.1f} {bottom}v{-count / most * BAND:.1f}h{scale:.2f}V{bottom}z"
        for second, count in enumerate(line.settled)
        if count
    )
    ticks = [
        f'<text x="{LEFT + second * scale:.0f}" y="{bottom + 13}" font-size="9" fill="#888">{second} s</text>'
        for second in range(0, len(line.settled), TICK_SECONDS)
    ]
    colour, verdict = ("#2a7", "nothing lost or doubled") if line.is_good else ("#c22", "not as it should be")
    said = f"{verdict}; up to {most} a second"
    return [
        f'<text x="16" y="{top + 18}" font-size="13">{escape(line.name)}</text>',
        f'<text x="16" y="{top + 34}" font-size="11" fill="{colour}">{said}</text>',
        f'<rect x="{begin:.1f}" y="{top}" width="{max(2.0, end - begin):.1f}" height="{BAND}" fill="#f6c9c4"/>',
        f'<rect x="{end:.1f}" y="{top}" width="{max(0.0, recovered - end):.1f}" height="{BAND}" fill="#fdf3c8"/>',
        f'<path d="{bars}" fill="#2b6cb0"/>',
        f'<path d="M{LEFT} {bottom}H{WIDTH - RIGHT}" stroke="#bbb"/>',
        *ticks,
    ]
