"""Real rows, connections and keys that bring a figure to where a test wants it."""

import os
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from datetime import UTC, date, datetime, timedelta
from typing import Any

import psycopg
from django.db import connection
from django.utils import timezone

from choptym.lib.jobs import redis
from notifications.models import Notification
from payments.models import Payment, QueueControl, Reconciliation, ReconciliationBreak, Worker
from payments.states import PaymentState
from tests.factories import a_while_ago, make_notification, make_topup, make_user


def many(count: int, state: PaymentState = PaymentState.QUEUED, **columns: Any) -> None:
    """So many top-ups of one customer, alike."""
    if not count:
        return
    one = make_topup(state=state, **columns)
    one.pk = None
    copies = [
        Payment(**{field.attname: getattr(one, field.attname) for field in one._meta.fields}) for _ in range(count - 1)
    ]
    Payment.objects.bulk_create(copies)


def ended(settled: int, failed: int) -> None:
    many(settled, PaymentState.SETTLED)
    many(failed, PaymentState.FAILED)


def asked(count: int, *, processing: float = 0.1, wait: float = 0.1) -> None:
    """Payments that gateways took, after so many seconds each."""
    at = a_while_ago()
    many(count, PaymentState.PENDING, requested_at=at, pending_at=at + timedelta(seconds=processing))
    Payment.objects.update(queued_at=at - timedelta(seconds=wait))


def queued_ago(seconds: float, **columns: Any) -> None:
    payment = make_topup(**columns)
    Payment.objects.filter(pk=payment.pk).update(queued_at=a_while_ago(seconds))


@contextmanager
def connections_until(percent: float) -> Iterator[None]:
    """Further connections, until so much of what the server allows is in use."""
    url = os.environ["DATABASE_URL"]
    with ExitStack() as held, psycopg.connect(url, autocommit=True) as server:
        settled = 0
        while settled < 3:  # those that tests before have closed may not be gone yet
            missing = _missing_connections(server, percent)
            settled = settled + 1 if missing == 0 else 0
            for _ in range(missing):
                held.enter_context(psycopg.connect(url))
            time.sleep(0.1)
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT pg_stat_clear_snapshot()"
            )  # a transaction, such as a test's, sees the first for ever
        yield


def _missing_connections(server: "psycopg.Connection[Any]", percent: float) -> int:
    row = server.execute(
        "SELECT ceil(current_setting('max_connections')::int * %s / 100.0) - count(*) FROM pg_stat_activity "
        "WHERE backend_type = 'client backend'",
        [percent],
    ).fetchone()
    assert row is not None
    return max(0, int(row[0]))


@contextmanager
def redis_filled_to(percent: float) -> Iterator[None]:
    """Redis may use so much that what it uses is this share of it."""
    used = redis().info("memory")["used_memory"]
    with redis_set("maxmemory", str(int(used * 100 / percent))):
        yield


@contextmanager
def redis_set(name: str, value: str) -> Iterator[None]:
    before = str(redis().config_get(name)[name])
    redis().config_set(name, value)
    try:
        yield
    finally:
        redis().config_set(name, before)


def worker(
    name: str, *queues: str, unanswered: float = 0, started: float = 3600, ended_ago: float | None = None
) -> Worker:
    """One that has left its canary unanswered for so many seconds; 0: it has just answered."""
    now = timezone.now()
    asked_at = now - timedelta(seconds=unanswered)
    return Worker.objects.create(
        name=name,
        queues=list(queues),
        started_at=now - timedelta(seconds=started),
        asked_at=asked_at,
        looked_at=now,
        seen_at=asked_at - timedelta(seconds=10) if unanswered else now,
        ended_at=None if ended_ago is None else now - timedelta(seconds=ended_ago),
    )


def day_compared(gateway: str, *, hours_ago: float) -> Reconciliation:
    """The last whole day of this gateway ended so long ago, or up to a day longer: days end at midnight UTC."""
    day = (datetime.now(UTC) - timedelta(hours=hours_ago)).date() - timedelta(days=1)
    return Reconciliation.objects.create(gateway=gateway, day=day, state="FINISHED", finished_at=timezone.now())


def break_found(gateway: str, day: date) -> None:
    row = Reconciliation.objects.create(gateway=gateway, day=day, state="FINISHED", finished_at=timezone.now())
    ReconciliationBreak.objects.create(reconciliation=row, kind="AMOUNT", reference="a break")


def control(mode: str, *, since: float, gateway: str = "", **columns: Any) -> None:
    row = QueueControl.objects.create(gateway=gateway, mode=mode, reason="to see", changed_by=make_user(), **columns)
    QueueControl.objects.filter(pk=row.pk).update(mode_since=a_while_ago(since))


def one_goes(**columns: Any) -> Notification:
    """A message that reached its customer."""
    return make_notification(**{"state": "SENT", "sent_at": a_while_ago(1), **columns})


def untold_messages(count: int, **columns: Any) -> Notification:
    """So many messages of one customer that were tried in vain for longer than ten minutes, alike."""
    columns = {"problem": "the provider did not take it", "created_at": a_while_ago(610), "attempts": 1, **columns}
    one = make_notification(**columns)
    values = {field.attname: getattr(one, field.attname) for field in one._meta.fields if not field.primary_key}
    Notification.objects.bulk_create(
        Notification(**{**values, "about": f"{one.about}:{number}"}) for number in range(1, count)
    )
    return one
