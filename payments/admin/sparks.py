"""The little pictures of the first page: the last hour at a glance; they lead to the dashboard."""

from collections.abc import Iterator
from dataclasses import dataclass

from django.conf import settings

from choptym.lib.charts.picture import Series, line_path, row_of
from choptym.lib.charts.scale import HEIGHT
from choptym.lib.charts.units import COUNT, RATE, SECONDS, Unit
from payments.models import WALLET, Priority
from payments.states import PaymentState
from payments.trends import History, history_of


@dataclass(frozen=True, slots=True)
class Spark:
    """One line, with what it says now."""

    title: str
    tone: str
    path: str
    now: str
    highest: str
    width: int
    height: int = HEIGHT


def read_sparks() -> list[Spark]:
    """None before the first sample."""
    history = history_of("1h")
    return [] if history.is_empty else [_spark(one, unit) for one, unit in _lines(history)]


def _lines(history: History) -> Iterator[tuple[Series, Unit]]:
    gateways = (*settings.GATEWAYS, WALLET)
    settled = [f"ended:{name}:{PaymentState.SETTLED}" for name in gateways]
    yield Series("Settled a minute", "good", history.per_minute(*settled)), RATE
    failed = [f"ended:{name}:{PaymentState.FAILED}" for name in gateways]
    yield Series("Failed a minute", "bad", history.per_minute(*failed)), RATE
    queued = [f"queued:{name}:{priority}" for name in gateways for priority in Priority]
    yield Series("Waiting for a turn", "busy", history.highest(*queued)), COUNT
    yield Series("95 % waited less than", "warning", history.measured("wait:p95")), SECONDS


def _spark(series: Series, unit: Unit) -> Spark:
    highest = max((value for value in series.values if value is not None), default=0)
    path = line_path(series.values, max(highest, unit.least) * 1.05)  # the stroke is not cut off at the top
    row = row_of(series, unit)
    return Spark(series.name, series.tone, path, row.now, row.highest, len(series.values))
