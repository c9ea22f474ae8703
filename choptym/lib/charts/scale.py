"""The two axes: round numbers upwards, round times along. A picture is HEIGHT high, and one wide for each point."""

import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import groupby
from typing import TypeVar

from django.utils import timezone

T = TypeVar("T")

HEIGHT = 200
MOST_TIMES = 6
_TENS = (1.0, 2.0, 2.5, 5.0, 10.0)
_MINUTES = (1, 2, 5, 10, 15, 30, 60, 120, 180, 240, 360, 480, 720, 1440)


@dataclass(frozen=True, slots=True)
class Tick:
    """A mark at an axis: `percent` of the way along it, as CSS writes it, and the same in units of the picture."""

    label: str
    percent: str
    place: str


def number(value: float) -> str:
    """As SVG and CSS write it, whatever the language of the page."""
    return f"{value:.1f}".removesuffix(".0")


def percent(share: float) -> str:
    """As CSS writes it, without the sign."""
    return f"{share:.1%}".removesuffix("%").removesuffix(".0")


def top_of(highest: float, *, is_whole: bool, base: float = 10.0) -> tuple[float, float]:
    """The end of the axis and the distance of its marks: one to four of them above zero."""
    wanted = highest / 4
    scale = base ** math.floor(math.log(wanted, base))
    round_numbers = _TENS if base == 10 else [2.0**power for power in range(int(math.log2(base)) + 1)]
    step = next(scale * one for one in round_numbers if scale * one >= wanted * 0.999999)
    if is_whole:
        step = max(1.0, math.ceil(step))
    return step * max(1, math.ceil(round(highest / step, 6))), step


def value_ticks(top: float, step: float, label: Callable[[float], str]) -> tuple[Tick, ...]:
    """Marks from zero to the top."""
    count = round(top / step)
    return tuple(
        Tick(label(step * one), percent(one / count), number(HEIGHT - HEIGHT * one / count)) for one in range(count + 1)
    )


def time_ticks(starts: Sequence[datetime], step_seconds: float) -> tuple[Tick, ...]:
    """Marks at whole minutes, hours or days of the local clock."""
    begins, ends = timezone.localtime(starts[0]), timezone.localtime(starts[-1]) + timedelta(seconds=step_seconds)
    whole = (ends - begins).total_seconds()
    minutes = next((one for one in _MINUTES if whole / 60 / one <= MOST_TIMES), _MINUTES[-1])
    midnight = begins.replace(hour=0, minute=0, second=0, microsecond=0)
    passed = math.ceil((begins - midnight).total_seconds() / 60 / minutes)
    found = []
    for mark in range(passed, passed + MOST_TIMES + 2):
        at = midnight + timedelta(minutes=mark * minutes)
        share = (at - begins).total_seconds() / whole
        if 0.02 <= share <= 0.98:
            is_day = not at.hour and not at.minute
            label = f"{at:%d %b}" if is_day else f"{at:%H:%M}"
            found.append(Tick(label, percent(share), number(len(starts) * share)))
    return tuple(found)


def runs_of(values: Iterable[T]) -> Iterator[tuple[T, int, int]]:
    """(value, first, end) of each run of the same value."""
    first = 0
    for value, run in groupby(values):
        end = first + len(list(run))
        yield value, first, end
        first = end
