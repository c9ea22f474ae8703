"""The picture above the list of reconciliations: per gateway and day, what agreed and what did not."""

from dataclasses import dataclass
from datetime import UTC, date, timedelta

from django.db.models import Count, Q

from choptym.lib import clock
from payments.models import Reconciliation
from payments.states import BreakState

DAYS = 14
HEIGHT = 60
BAR_WIDTH = 18
GAP = 4


@dataclass(frozen=True, slots=True)
class Bar:
    """One day. Heights are in the picture's own units, from the ground up: what agreed, then the open breaks."""

    day: date
    x: int
    matched: int
    breaks: int
    matched_height: int
    breaks_height: int
    is_known: bool

    @property
    def matched_y(self) -> int:
        return HEIGHT - self.matched_height

    @property
    def breaks_y(self) -> int:
        return self.matched_y - self.breaks_height


@dataclass(frozen=True, slots=True)
class Chart:
    gateway: str
    bars: list[Bar]
    width: int = DAYS * (BAR_WIDTH + GAP)
    height: int = HEIGHT
    bar_width: int = BAR_WIDTH


def read_chart() -> list[Chart]:
    """The last DAYS days of every gateway that has any. One query."""
    today = clock.now().astimezone(UTC).date()
    days = [today - timedelta(days=back) for back in range(DAYS - 1, -1, -1)]
    rows = Reconciliation.objects.filter(day__gte=days[0], finished_at__isnull=False)
    counted = rows.annotate(open_breaks=Count("breaks", filter=Q(breaks__state=BreakState.OPEN)))
    found: dict[str, dict[date, tuple[int, int]]] = {}
    for gateway, day, matched, breaks in counted.values_list("gateway", "day", "lines_matched", "open_breaks"):
        found.setdefault(gateway, {})[day] = (matched, breaks)
    return [Chart(gateway, _bars(days, found[gateway])) for gateway in sorted(found)]


def _bars(days: list[date], figures: dict[date, tuple[int, int]]) -> list[Bar]:
    most = max(1, *(matched + breaks for matched, breaks in figures.values()))
    bars = []
    for number, day in enumerate(days):
        matched, breaks = figures.get(day, (0, 0))
        # One break among thousands is still to be seen.
        breaks_height = max(4, HEIGHT * breaks // most) if breaks else 0
        matched_height = min(HEIGHT - breaks_height, max(1 if matched else 0, HEIGHT * matched // most))
        bars.append(
            Bar(day, number * (BAR_WIDTH + GAP), matched, breaks, matched_height, breaks_height, day in figures)
        )
    return bars
