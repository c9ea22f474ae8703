"""The queue's figures for Prometheus, read when it asks: the same from every process, and right after a restart."""

from collections.abc import Iterator
from datetime import UTC, datetime, time, timedelta

from django.db import Error as DatabaseError
from django.utils import timezone
from prometheus_client import CollectorRegistry
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector
from psycopg_pool import PoolTimeout

from choptym.lib.jobs import queue_lengths
from payments.overview import reconciliation
from payments.stats import counts, flow


class QueueCollector(Collector):
    """Payments by state, gateway and priority; messages by queue; average times. Nothing when the database is away."""

    def collect(self) -> Iterator[Metric]:
        try:
            yield from _payments()
            yield from _times()
            yield from _reconciliation()
        except (DatabaseError, PoolTimeout):
            yield GaugeMetricFamily("choptym_database_up", "Whether the figures could be read", value=0)
            return
        yield GaugeMetricFamily("choptym_database_up", "Whether the figures could be read", value=1)
        messages = GaugeMetricFamily("choptym_queue_messages", "Messages that wait in Redis", labels=["queue"])
        for queue, length in (queue_lengths() or {}).items():
            messages.add_metric([queue], length)
        yield messages

    def describe(self) -> Iterator[Metric]:
        """Nothing is read at registration."""
        return iter(())


def _payments() -> Iterator[Metric]:
    labels = ["gateway", "priority", "state"]
    payments = GaugeMetricFamily("choptym_payments", "Payments that stand in a state", labels=labels)
    for (gateway, priority, state), count in counts.get().by_state.items():
        payments.add_metric([gateway, str(priority), state], count)
    yield payments


def _times() -> Iterator[Metric]:
    now = flow.get()
    for name, help_text, value in (
        ("choptym_wait_seconds", "Average time from checkout to the gateway", now.average_wait_seconds),
        ("choptym_processing_seconds", "Average time of the gateway call", now.average_processing_seconds),
        ("choptym_total_seconds", "Average time from checkout to settled", now.average_total_seconds),
    ):
        yield GaugeMetricFamily(name, f"{help_text}, over the last minutes", value=value)


def _reconciliation() -> Iterator[Metric]:
    labels = ["gateway", "kind"]
    breaks = GaugeMetricFamily(
        "choptym_reconciliation_open_breaks", "Lines on which a gateway and we do not agree", labels=labels
    )
    now = reconciliation.get()
    for (gateway, kind), count in now.open_breaks.items():
        breaks.add_metric([gateway, kind], count)
    yield breaks
    age = GaugeMetricFamily(
        "choptym_reconciliation_age_seconds",
        "Since the end of the last day that was compared whole",
        labels=["gateway"],
    )
    for gateway, day in now.last_days.items():
        ended_at = datetime.combine(day + timedelta(days=1), time(), UTC)
        age.add_metric([gateway], (timezone.now() - ended_at).total_seconds())
    yield age


# Of its own: other programs that load this project (Flower, say) show the default registry without asking a database.
QUEUE_REGISTRY = CollectorRegistry()
QUEUE_REGISTRY.register(QueueCollector())
