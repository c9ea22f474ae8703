"""The queue's figures for Prometheus, read when it asks: the same from every process, and right after a restart."""

from collections.abc import Iterator

from django.db import Error as DatabaseError
from prometheus_client import CollectorRegistry
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector
from psycopg_pool import PoolTimeout

from choptym.lib.jobs import queue_lengths
from payments.stats import counts, flow
from payments.stuck import stuck


class QueueCollector(Collector):
    """Payments by state, gateway and priority; messages by queue; average times. Nothing when the database is away."""

    def collect(self) -> Iterator[Metric]:
        try:
            yield from _payments()
            yield from _times()
            yield _without_outcome()
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


def _without_outcome() -> Metric:
    help_text = "Captured money that has waited too long to become an order, a wallet credit or a refund"
    places = GaugeMetricFamily("choptym_captured_without_outcome", help_text, labels=["kind"])
    for kind, found in stuck.get().items():
        places.add_metric([kind], found.count)
    return places


# Of its own: other programs that load this project (Flower, say) show the default registry without asking a database.
QUEUE_REGISTRY = CollectorRegistry()
QUEUE_REGISTRY.register(QueueCollector())
