"""How the figures went: the samples of some hours, drawn together in the database to at most 200 points."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

from django.db import connection

from choptym.lib import clock
from choptym.lib.snapshot import Snapshot
from payments.samples import PERIOD_SECONDS

# Without Redis a sample says nothing of these; otherwise what it does not name was zero.
_OF_REDIS = ("circuit:", "in_flight:", "line:", "messages:", "memory:")


@dataclass(frozen=True, slots=True)
class Range:
    """So many seconds back, in points of so many seconds each."""

    name: str
    label: str
    seconds: int
    step_seconds: int

    @property
    def worth_seconds(self) -> int:
        """How long a picture of this range is worth looking at before it is drawn again."""
        return max(10, self.step_seconds // 15)


RANGES = {
    one.name: one
    for one in (
        Range("15m", "15 min", 900, 10),
        Range("1h", "1 hour", 3600, 20),
        Range("6h", "6 hours", 6 * 3600, 120),
        Range("24h", "24 hours", 24 * 3600, 480),
        Range("48h", "48 hours", 48 * 3600, 900),
    )
}


@dataclass(frozen=True, slots=True)
class Point:
    """One figure over one point: of several samples their sum, highest and average."""

    total: float
    highest: float
    average: float


@dataclass(frozen=True, slots=True)
class History:
    """`figures` by name and number of the point; `starts` are the times at which the points begin."""

    range: Range
    starts: tuple[datetime, ...]
    figures: dict[str, dict[int, Point]] = field(default_factory=dict)

    @property
    def is_empty(self) -> bool:
        return not self.figures

    @property
    def known(self) -> tuple[bool, ...]:
        """Whether there is a sample of each point."""
        return tuple(at in self.figures.get("seconds", {}) for at in range(len(self.starts)))

    def per_minute(self, *names: str) -> tuple[float | None, ...]:
        """The sum of these counts as a rate; None where no sample was taken."""
        covered = self.figures.get("seconds", {})
        return tuple(
            sum(self._total(name, at) for name in names) * 60 / covered[at].total if at in covered else None
            for at in range(len(self.starts))
        )

    def highest(self, *names: str) -> tuple[float | None, ...]:
        """The sum of the highest values of these figures; None where they are not known."""
        known = [self.figures.get("redis" if name.startswith(_OF_REDIS) else "seconds", {}) for name in names]
        return tuple(
            sum(self._highest(name, at) for name in names) if all(at in one for one in known) else None
            for at in range(len(self.starts))
        )

    def measured(self, name: str) -> tuple[float | None, ...]:
        """A percentile: the highest for a p95, else the average; None where there was nothing to measure."""
        points, is_high = self.figures.get(name, {}), name.endswith(":p95")
        found = {at: point.highest if is_high else point.average for at, point in points.items()}
        return tuple(found.get(at) for at in range(len(self.starts)))

    def names(self, prefix: str) -> Iterable[str]:
        """What there is in this range, in the order of the alphabet."""
        return sorted(name for name in self.figures if name.startswith(prefix))

    def has_any(self, *names: str) -> bool:
        return any(name in self.figures for name in names)

    def _total(self, name: str, at: int) -> float:
        point = self.figures.get(name, {}).get(at)
        return point.total if point else 0

    def _highest(self, name: str, at: int) -> float:
        point = self.figures.get(name, {}).get(at)
        return point.highest if point else 0


def read_history(wanted: Range, now: datetime) -> History:
    """One query, by the index of the samples' times."""
    step = timedelta(seconds=wanted.step_seconds)
    number = int(now.timestamp() - PERIOD_SECONDS) // wanted.step_seconds  # the newest period may be empty yet
    last = datetime.fromtimestamp(number * wanted.step_seconds, UTC)
    count = wanted.seconds // wanted.step_seconds
    starts = tuple(last - step * back for back in reversed(range(count)))
    places = {start: at for at, start in enumerate(starts)}
    figures: dict[str, dict[int, Point]] = {}
    window: dict[str, Any] = {"step": step, "origin": _ORIGIN, "since": starts[0], "until": last + step}
    with connection.cursor() as cursor:
        cursor.execute(_QUERY, window)
        for start, name, *values in cursor.fetchall():
            figures.setdefault(name, {})[places[start]] = Point(*values)
    return History(wanted, starts, figures)


_ORIGIN = datetime(1970, 1, 1, tzinfo=UTC)
# OFFSET 0 keeps the planner from working out the point of each sample, and each value, several times over.
_QUERY = """
    SELECT start, name, sum(value), max(value), avg(value)
    FROM (
        SELECT date_bin(%(step)s, at, %(origin)s) AS start, figures FROM payments_sample
        WHERE at >= %(since)s AND at < %(until)s OFFSET 0
    ) sampled
    CROSS JOIN LATERAL (SELECT key AS name, value::float8 AS value FROM jsonb_each(figures) OFFSET 0) figure
    GROUP BY start, name
"""


def _read_now(wanted: Range) -> History:
    return read_history(wanted, clock.now())


# Many look at the same picture; it is read once.
_histories = {
    name: Snapshot(partial(_read_now, wanted), seconds=wanted.worth_seconds / 2) for name, wanted in RANGES.items()
}


def history_of(name: str) -> History:
    return _histories[name].get()


def forget_histories() -> None:
    """Read again at the next question."""
    for snapshot in _histories.values():
        snapshot.forget()
