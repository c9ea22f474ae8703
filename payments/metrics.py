"""The queue's figures for Prometheus, read when it asks: the same from every process, and right after a restart."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, time, timedelta

from django.db import Error as DatabaseError
from prometheus_client import CollectorRegistry
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector
from psycopg_pool import PoolTimeout
from redis import RedisError

from choptym.lib import clock
from choptym.lib.connections import read_connections
from choptym.lib.jobs import queue_lengths, redis_memory
from notifications.untold import untold
from payments.alerts.metrics import alert_metrics
from payments.overview import reconciliation
from payments.states import WAITING_STATES
from payments.stats import counts, flow
from payments.steering.figures import limits
from payments.steering.metric import queue_modes
from payments.stuck import stuck
from payments.throttle.figures import CLOSED, HALF_OPEN, OPEN, read_figures
from payments.waits import waits

CIRCUIT_VALUES = {CLOSED: 0.0, HALF_OPEN: 0.5, OPEN: 1.0}


class QueueCollector(Collector):
    """Everything in COLLECTORS. When the database is away, only what Redis says."""

    def collect(self) -> Iterator[Metric]:
        is_up = 1
        try:
            for collect in COLLECTORS:
                yield from collect()
        except (DatabaseError, PoolTimeout):
            is_up = 0
        yield GaugeMetricFamily("choptym_database_up", "Whether the figures could be read", value=is_up)
        for collect in REDIS_COLLECTORS:
            yield from collect()

    def describe(self) -> Iterator[Metric]:
        """Nothing is read at registration."""
        return iter(())


def _payments() -> Iterator[Metric]:
    labels = ["gateway", "priority", "state"]
    payments = GaugeMetricFamily("choptym_payments", "Payments that wait in a state", labels=labels)
    ended = CounterMetricFamily("choptym_payments_ended", "How often payments came to a final state", labels=labels)
    now = counts.get()
    for (gateway, priority, state), count in now.by_state.items():
        if state in WAITING_STATES:
            payments.add_metric([gateway, str(priority), state], count)
    for (gateway, priority, state), count in now.entered.items():
        ended.add_metric([gateway, str(priority), state], count)
    yield from (payments, ended)


def _waiting() -> Iterator[Metric]:
    now = waits.get()
    help_text = "Since the oldest payment that waits for its turn was made; 0 when none waits"
    oldest = GaugeMetricFamily("choptym_queue_oldest_seconds", help_text, labels=["priority"])
    for priority, seconds in now.oldest_seconds.items():
        oldest.add_metric([str(priority)], seconds)
    yield oldest
    help_text = "Rows whose lease or due time passed a lease ago, and that nobody has taken up"
    yield GaugeMetricFamily("choptym_leases_overdue", help_text, value=now.leases_overdue)


def _connections() -> Iterator[Metric]:
    now = read_connections()
    help_text = "Connections of the database's tightest limit (server, database or role)"
    connections = GaugeMetricFamily("choptym_database_connections", help_text, labels=["kind"])
    connections.add_metric(["used"], now.used)
    connections.add_metric(["max"], now.most)
    yield connections


def _messages() -> Iterator[Metric]:
    messages = GaugeMetricFamily("choptym_queue_messages", "Messages that wait in Redis", labels=["queue"])
    for queue, length in (queue_lengths() or {}).items():
        messages.add_metric([queue], length)
    yield messages


def _redis_memory() -> Iterator[Metric]:
    """No `max` where Redis has no limit. Nothing when it is away."""
    figures = redis_memory()
    if figures is None:
        return
    memory = GaugeMetricFamily("choptym_redis_memory_bytes", "Memory of Redis", labels=["kind"])
    for kind, size in zip(("used", "max"), figures, strict=True):
        if size:
            memory.add_metric([kind], size)
    yield memory


def _times() -> Iterator[Metric]:
    now = flow.get()
    for name, help_text, value in (
        ("choptym_wait_seconds", "Average time from checkout to the gateway", now.average_wait_seconds),
        ("choptym_processing_seconds", "Average time of the gateway call", now.average_processing_seconds),
        ("choptym_total_seconds", "Average time from checkout to settled", now.average_total_seconds),
    ):
        yield GaugeMetricFamily(name, f"{help_text}, over the last minutes", value=value)


def _without_outcome() -> Iterator[Metric]:
    help_text = "Captured money that has waited too long to become an order, a wallet credit or a refund"
    places = GaugeMetricFamily("choptym_captured_without_outcome", help_text, labels=["kind"])
    for kind, found in stuck.get().items():
        places.add_metric([kind], found.count)
    yield places


def _untold() -> Iterator[Metric]:
    messages = GaugeMetricFamily("choptym_messages_untold", "Messages that did not reach customers", labels=["kind"])
    for kind, count in untold.get().items():
        messages.add_metric([kind], count)
    yield messages


def _throttle() -> Iterator[Metric]:
    """What is held back. Nothing when Redis is away."""
    try:
        figures = read_figures()
    except RedisError:
        return
    circuits = GaugeMetricFamily(
        "choptym_circuit_open", "1: left alone; 0.5: on trial; 0: in use", labels=["gateway", "operator"]
    )
    for (gateway, operator), state in figures.circuits.items():
        circuits.add_metric([gateway, operator], CIRCUIT_VALUES[state])
    in_flight = GaugeMetricFamily("choptym_calls_in_flight", "Slots that are held", labels=["gateway", "side"])
    for (gateway, side), number in figures.in_flight.items():
        in_flight.add_metric([gateway, side], number)
    lines = GaugeMetricFamily("choptym_rate_line_seconds", "How far ahead the rate is booked", labels=["gateway"])
    for gateway, seconds in figures.line_seconds.items():
        lines.add_metric([gateway], seconds)
    yield from (circuits, in_flight, lines)
    for what, help_text, labels in _COUNTS:
        counter = CounterMetricFamily(f"choptym_{what}", help_text, labels=labels)
        for (name, *values), number in figures.counts.items():
            if name == what:
                counter.add_metric(values, number)
        yield counter


_COUNTS = (
    ("admitted", "Charges that were let through", ["gateway"]),
    ("postponed", "Charges that were held back", ["gateway", "reason"]),
    ("requests", "Requests beside the first of a charge", ["gateway", "side"]),
    ("slowed", "Times that a gateway asked us to slow down", ["gateway"]),
    ("failover", "Payments that were moved to another gateway", ["gateway", "to"]),
)


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
        age.add_metric([gateway], (clock.now() - ended_at).total_seconds())
    yield age


# One function for each part that has figures, first those that ask the database; the first that cannot ends them all.
COLLECTORS: tuple[Callable[[], Iterator[Metric]], ...] = (
    _payments,
    _times,
    _waiting,
    _connections,
    _without_outcome,
    _untold,
    _reconciliation,
    queue_modes,
    limits,
    alert_metrics,
)
# Those that survive without a database, and yield nothing where Redis is away too.
REDIS_COLLECTORS: tuple[Callable[[], Iterator[Metric]], ...] = (
    _messages,
    _redis_memory,
    _throttle,
)

# Of its own: other programs that load this project (Flower, say) show the default registry without asking a database.
QUEUE_REGISTRY = CollectorRegistry()
QUEUE_REGISTRY.register(QueueCollector())
