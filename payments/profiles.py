"""Profiles: what one may count on at this time of the day and the week, and in a flash sale. Figures, nothing else.

default      when profiles are switched off: the settings, whose defaults these are
peak_day     weekdays; more at lunch and dinner
weekend      Saturday and Sunday
flash_sale   switched on by a person, or by the control loop when the queue is long (payments/steering/loop.py)
"""

from dataclasses import dataclass, replace
from datetime import datetime
from zoneinfo import ZoneInfo

DOUALA = ZoneInfo("Africa/Douala")
SATURDAY = 5
# From the first hour to the one before the second.
MEALS = ((12, 14), (18, 20))
# A queue that is longer than this gives the flash sale's higher figures, and begins one.
LONG_QUEUE = 500


@dataclass(frozen=True, slots=True)
class Profile:
    """`most_` figures are for a long queue; the control loop goes there step by step."""

    name: str
    concurrent: int
    batch: int
    attempts: int
    queue_alert: int
    cleanup_minutes: float
    most_concurrent: int
    most_batch: int


def _steady(name: str, concurrent: int, batch: int, attempts: int, queue_alert: int, cleanup_minutes: int) -> Profile:
    return Profile(name, concurrent, batch, attempts, queue_alert, cleanup_minutes, concurrent, batch)


DEFAULT = _steady("default", 10, 50, 3, 100, 60)
PEAK_DAY = _steady("peak_day", 20, 50, 3, 100, 60)
PEAK_MEAL = replace(PEAK_DAY, concurrent=30, most_concurrent=30)
WEEKEND = _steady("weekend", 40, 75, 3, 100, 30)
FLASH_SALE = Profile("flash_sale", 50, 100, 5, 500, 60, most_concurrent=100, most_batch=200)

NAMES = (DEFAULT.name, PEAK_DAY.name, WEEKEND.name, FLASH_SALE.name)
# The highest figure of all: who runs workers for every profile gives them threads for so many.
HIGHEST_CONCURRENT = FLASH_SALE.most_concurrent


def profile_at(moment: datetime) -> Profile:
    """By the clock of Douala. `moment` knows its time zone."""
    here = moment.astimezone(DOUALA)
    return WEEKEND if here.weekday() >= SATURDAY else _peak_day(here)


def named(name: str, moment: datetime) -> Profile:
    """The profile of this name; a peak day has its meals at every time of the week."""
    if name == PEAK_DAY.name:
        return _peak_day(moment.astimezone(DOUALA))
    return {profile.name: profile for profile in (DEFAULT, WEEKEND, FLASH_SALE)}[name]


def _peak_day(here: datetime) -> Profile:
    return PEAK_MEAL if any(first <= here.hour < end for first, end in MEALS) else PEAK_DAY
