"""What a value is of, and how it is written beside the picture."""

from collections.abc import Callable
from dataclasses import dataclass

_BYTES = ("B", "KB", "MB", "GB", "TB")


@dataclass(frozen=True, slots=True)
class Unit:
    """`write` puts a value into words. An axis reaches `least` at least; its marks are whole, or powers of `base`."""

    write: Callable[[float], str]
    least: float
    is_whole: bool = False
    base: float = 10.0


def _write_count(value: float) -> str:
    if abs(value) >= 10_000:
        return f"{value / 1000:,.4g}k" if abs(value) < 1_000_000 else f"{value / 1_000_000:,.4g}M"
    return f"{value:,.0f}" if value == round(value) or value >= 100 else f"{value:,.1f}"


def _write_seconds(value: float) -> str:
    if value >= 3600:
        return f"{_short(value / 3600)} h"
    if value >= 120:
        return f"{_short(value / 60)} min"
    if value >= 1 or value == 0:
        return f"{value:.3g} s"
    return f"{value * 1000:.3g} ms"


def _short(value: float) -> str:
    return f"{value:.1f}".removesuffix(".0")


def _write_bytes(value: float) -> str:
    power = 0
    while value >= 1024 and power < len(_BYTES) - 1:
        value /= 1024
        power += 1
    return f"{value:.3g} {_BYTES[power]}" if value < 1000 else f"{value:.0f} {_BYTES[power]}"


COUNT = Unit(_write_count, 4, is_whole=True)
RATE = Unit(_write_count, 1)
SECONDS = Unit(_write_seconds, 0.1)
BYTES = Unit(_write_bytes, 1024, base=1024.0)
