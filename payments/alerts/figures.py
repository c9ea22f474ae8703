"""Reads what the rules measure: each question once, through partial indexes of what is open, or Redis's own figures.

A reading for every place that there is, well or not. Whatever is raised means: this figure cannot be read now.
"""

from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import Any

from django.conf import settings
from django.db import connection
from django.db.models import Q

from choptym.lib import clock
from choptym.lib.connections import read_connections
from choptym.lib.jobs import redis
from notifications.untold import untold
from payments import in_force, stats
from payments.alerts.books import read_books, read_reconciliation
from payments.alerts.rules import Reading
from payments.alerts.silence import read_silence
from payments.models import Payment, QueueControl, QueueMode
from payments.states import PaymentState
from payments.stuck import stuck
from payments.throttle.figures import CLOSED, OPEN, read_figures

# Rates of fewer payments than this say nothing; averages need fewer.
LEAST_ENDED = 20
LEAST_STARTED = 5
# Sweepers come by every second: what nobody has taken up for so long has been forgotten, or is beyond our strength.
OVERDUE_SECONDS = 120
# A few mail servers that let us wait are no outage.
# Somebody mistypes their number every day. Where no message goes at all, few are enough.
LEAST_UNTOLD = {"given_up": 20, "tried_in_vain": 100, "nothing_goes": 3}
# Money of others that share the account of a gateway ends there too.
PERHAPS_NOT_OURS = "unclaimed"
_HUNDRED = 100


def queue_length() -> list[Reading]:
    """Critical at 1,000, or at twice the warning where that is set higher."""
    waiting = Payment.objects.filter(state=PaymentState.QUEUED).count()
    warning = in_force.current().queue_alert
    return [Reading("", waiting, warning=warning, critical=max(1000, 2 * warning))]


def error_rate() -> list[Reading]:
    return [_share("failed")]


def success_rate() -> list[Reading]:
    return [_share("settled")]


def _share(what: str) -> Reading:
    """In percent of those that ended. Too few to tell are as good as none."""
    flow = stats.flow.get()
    ended = flow.settled + flow.failed
    if ended < LEAST_ENDED:
        return Reading("", 100 if what == "settled" else 0, said=f"only {ended} payments ended: too few to tell")
    return Reading("", _percent(getattr(flow, what), ended))


def processing_time() -> list[Reading]:
    return [_average("average_processing_seconds")]


def wait_time() -> list[Reading]:
    return [_average("average_wait_seconds")]


def _average(name: str) -> Reading:
    flow = stats.flow.get()
    if flow.started < LEAST_STARTED:
        return Reading("", 0, said=f"only {flow.started} payments reached a gateway: too few to tell")
    return Reading("", getattr(flow, name))


def database_connections() -> list[Reading]:
    """Of the nearest limit, as /health/db judges it.

    Fewer than 50 idle ones of 1,000 are 95 % in use: what is asked for of large pools is part of this.
    """
    now = read_connections()
    said = f"{now.used} of {now.most} connections are in use ({now.limit})"
    return [Reading("", _percent(now.used, now.most), said=said)]


def oldest_waiting() -> list[Reading]:
    """Of each priority that somebody waits in; a payment that waits for its whole time expires unpaid."""
    rows = _fetch(
        "SELECT priority, extract(epoch FROM statement_timestamp() - min(queued_at)) FROM payments_payment "
        "WHERE state = %(queued)s GROUP BY priority",
        queued=PaymentState.QUEUED,
    )
    third = settings.PAYMENT_EXPIRES_AFTER_SECONDS / 3
    queues = settings.QUEUE_OF_PRIORITY
    return [
        Reading(queues.get(priority, str(priority)), float(age), warning=third, critical=2 * third)
        for priority, age in rows
    ]


_OVERDUE = """
    SELECT 'payments', count(*) FROM payments_payment WHERE gateway = ANY(%(asked)s) AND next_check_at < %(late)s
    UNION ALL SELECT 'webhook events', count(*) FROM payments_webhookevent
        WHERE next_look_at < %(late)s AND gateway = ANY(%(asked)s)
    UNION ALL SELECT 'refunds', count(*) FROM payments_refund
        WHERE next_attempt_at < %(late)s AND (gateway = '' OR gateway = ANY(%(asked)s))
    UNION ALL SELECT 'notifications', count(*) FROM notifications_notification
        WHERE state = 'WAITING' AND next_attempt_at < %(late)s
    UNION ALL SELECT 'reconciliations', count(*) FROM payments_reconciliation WHERE next_attempt_at < %(late)s
    UNION ALL SELECT 'bulk uploads', count(*) FROM payments_bulkupload WHERE next_attempt_at < %(late)s
"""


def lease_overdue() -> list[Reading]:
    """Without the rows of gateways that a person has forbidden to ask: those are meant to wait."""
    late = clock.now() - timedelta(seconds=OVERDUE_SECONDS)
    asked = [name for name in settings.GATEWAYS if in_force.mode_of(name) != QueueMode.STOP]
    return [Reading(place, count) for place, count in _fetch(_OVERDUE, asked=asked, late=late)]


def circuit_open() -> list[Reading]:
    """One that is on trial has not proved to be well. A whole gateway's is critical, an operator's a warning."""
    return [
        Reading(
            f"{gateway}/{operator}" if operator else gateway,
            0 if state == CLOSED else 1,
            said={OPEN: "open", CLOSED: "closed"}.get(state, "on trial"),
            warning=1 if operator else None,
            critical=None if operator else 1,
        )
        for (gateway, operator), state in read_figures().circuits.items()
    ]


def redis_memory() -> list[Reading]:
    """Of `maxmemory`; where none is set, of what the machine has. And whether it may throw keys away."""
    memory = redis().info("memory")
    used, most = memory["used_memory"], memory["maxmemory"] or memory["total_system_memory"]
    policy = memory["maxmemory_policy"]
    kept = policy == "noeviction"
    return [
        Reading("", _percent(used, most), said=f"{_percent(used, most):.1f} % of {most / 2**20:,.0f} MiB"),
        Reading("maxmemory-policy", 0 if kept else 100, said=f"{policy}{'' if kept else ': keys may be thrown away'}"),
    ]


def captured_without_outcome() -> list[Reading]:
    return [
        Reading(
            kind,
            found.count,
            warning=1 if kind == PERHAPS_NOT_OURS else None,
            critical=None if kind == PERHAPS_NOT_OURS else 1,
        )
        for kind, found in stuck.get().items()
        if kind != "refund_waiting"
    ]


def refund_overdue() -> list[Reading]:
    return [Reading("", stuck.get()["refund_waiting"].count)]


def messages_untold() -> list[Reading]:
    return [Reading(kind, count, warning=LEAST_UNTOLD[kind]) for kind, count in untold.get().items()]


def queue_stopped() -> list[Reading]:
    now = clock.now()
    stopped = QueueControl.objects.exclude(mode=QueueMode.RUN).filter(Q(until__isnull=True) | Q(until__gt=now))
    return [
        Reading(control.gateway or "all", (now - (control.mode_since or control.changed_at)).total_seconds())
        for control in stopped.order_by("gateway")
    ]


def _percent(part: float, whole: float) -> float:
    return part / whole * _HUNDRED


def _fetch(query: str, **values: Any) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(query, values)
        return list(cursor.fetchall())


FIGURES: Mapping[str, Callable[[], list[Reading]]] = {
    "queue_length": queue_length,
    "error_rate": error_rate,
    "success_rate": success_rate,
    "processing_time": processing_time,
    "wait_time": wait_time,
    "database_connections": database_connections,
    "oldest_waiting": oldest_waiting,
    "lease_overdue": lease_overdue,
    "circuit_open": circuit_open,
    "worker_silent": read_silence,
    "books": read_books,
    "reconciliation": read_reconciliation,
    "redis_memory": redis_memory,
    "captured_without_outcome": captured_without_outcome,
    "refund_overdue": refund_overdue,
    "messages_untold": messages_untold,
    "queue_stopped": queue_stopped,
}
