"""Who waits too long: the oldest payment of each priority, and rows that nobody takes up."""

from dataclasses import dataclass
from typing import Any

from django.conf import settings
from django.db import connection

from choptym.lib.snapshot import Snapshot

# One look at an index for each priority: rows are numbered as they are made.
OLDEST = """
    SELECT level.priority, coalesce(extract(epoch FROM clock_timestamp() - oldest.queued_at), 0)
    FROM unnest(%(priorities)s::int[]) AS level(priority) LEFT JOIN LATERAL (
        SELECT queued_at FROM payments_payment payment WHERE state = 'QUEUED' AND payment.priority = level.priority
        ORDER BY id LIMIT 1
    ) oldest ON true
"""
# A due time is a lease: whoever takes a row up moves it ahead. Each through the partial index of what is due.
OVERDUE = """
    SELECT (SELECT count(*) FROM payments_payment
            WHERE next_check_at < now() - make_interval(secs => %(lease)s))
         + (SELECT count(*) FROM payments_refund
            WHERE next_attempt_at < now() - make_interval(secs => %(lease)s))
         + (SELECT count(*) FROM payments_webhookevent
            WHERE next_look_at < now() - make_interval(secs => %(lease)s))
"""


@dataclass(frozen=True, slots=True)
class Waits:
    """Seconds since the oldest waiting payment of a priority was made, 0 when none waits; and rows that are overdue."""

    oldest_seconds: dict[int, float]
    leases_overdue: int


def read_waits() -> Waits:
    """By partial indexes of what is not done: the same cost whatever has ended."""
    values: dict[str, Any] = {"priorities": list(settings.QUEUE_OF_PRIORITY), "lease": settings.PAYMENT_LEASE_SECONDS}
    with connection.cursor() as cursor:
        cursor.execute(OLDEST, values)
        oldest = {priority: float(seconds) for priority, seconds in cursor.fetchall()}
        cursor.execute(OVERDUE, values)
        [overdue] = cursor.fetchone()
    return Waits(oldest, overdue)


waits = Snapshot(read_waits, seconds=2.0)
