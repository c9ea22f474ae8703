"""The months of the history: made ahead, and taken away when they are past their retention.

A month is a table of its own, so that taking it away costs the same whatever is in it. What payments write and read is
never locked: only the history is, for an instant, and whoever does not get that lock soon tries again at the next turn.
"""
# ruff: noqa: S608 - what is put together here are names of our own, no values

import re
from collections.abc import Callable
from datetime import UTC, datetime

import structlog
from django.conf import settings
from django.db import OperationalError, connection, transaction

from choptym.lib import clock
from payments.housekeeping.locks import try_lock_months
from payments.housekeeping.step import LOCK_TIMEOUT_MS

log = structlog.get_logger(__name__)

AHEAD = 3
_HISTORY = "payments_history"
_REST = f"{_HISTORY}_rest"
_NAME = re.compile(rf"^{_HISTORY}_(\d{{4}})_(\d\d)$")


def keep_months(now: datetime | None = None) -> int:
    """Make the months ahead, take away the old ones, and tell of rows that are in none. Returns how many those are.

    Commits: each month by itself.
    """
    make_months(now)
    take_old_months_away(now)
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT count(*) FROM {_REST}")
        count = int(cursor.fetchone()[0])
    if count:
        log.error("rows of the history are in no month", count=count)
    return count


def make_months(now: datetime | None = None) -> list[str]:
    """Make the tables of this month and of the next AHEAD, where they are missing. Returns their names.

    Commits: each by itself, with the rows that had fallen into none because it was missing.
    """
    first = _month_of(now or clock.now())
    wanted = {_name(_later(first, months)): _later(first, months) for months in range(AHEAD + 1)}
    there = _tables()
    return [name for name, month in wanted.items() if name not in there and _do(_make, name, month)]


def take_old_months_away(now: datetime | None = None) -> list[str]:
    """Detach the months that ended HISTORY_KEPT_FOR_MONTHS ago, and drop them unless HISTORY_DROPPED says otherwise.

    Returns the names of those that it detached or dropped.
    Commits: each step by itself; should we die between two, the next run goes on.
    """
    if not settings.HISTORY_KEPT_FOR_MONTHS:
        return []
    oldest = _later(_month_of(now or clock.now()), -settings.HISTORY_KEPT_FOR_MONTHS)
    old = {name: attached for name, attached in _tables().items() if _begin_of(name) < oldest}
    gone = [name for name, attached in old.items() if attached and _do(_detach, name)]
    if settings.HISTORY_DROPPED:
        detached = [name for name, attached in old.items() if not attached or name in gone]
        gone = sorted({*gone, *(name for name in detached if _do(_drop, name))})
    return gone


def _tables() -> dict[str, bool]:
    """Every month that has a table, and whether it is part of the history (or was detached)."""
    with connection.cursor() as cursor:
        cursor.execute(
            """
            SELECT relname, relispartition FROM pg_class
            WHERE relkind = 'r' AND relnamespace = (SELECT relnamespace FROM pg_class WHERE oid = %s::regclass)
            """,
            [_HISTORY],
        )
        return {name: attached for name, attached in cursor.fetchall() if _NAME.match(name)}


def _do(act: Callable[..., list[str]], name: str, *also: datetime) -> bool:
    """In a short transaction. False: somebody else is at it or has just done it, or the history is in use."""
    try:
        with transaction.atomic(durable=True), connection.cursor() as cursor:
            if not try_lock_months() or not _is_due(act, name):
                return False
            cursor.execute(f"SET LOCAL lock_timeout = {LOCK_TIMEOUT_MS}")
            for statement in act(name, *also):
                cursor.execute(statement)
    except OperationalError as error:
        log.warning("a month of the history has to wait", table=name, error=str(error))
        return False
    log.info("a month of the history", table=name, act=act.__name__.strip("_"))
    return True


def _is_due(act: Callable[..., list[str]], name: str) -> bool:
    """Asked under the lock: what the caller saw may have been done since."""
    is_attached = _tables().get(name)  # None: there is no such table
    return is_attached is {_make: None, _detach: True, _drop: False}[act]


def _make(name: str, month: datetime) -> list[str]:
    """A table apart first, then made part of the history: that locks the least."""
    begin, end = f"'{month.isoformat()}'", f"'{_later(month, 1).isoformat()}'"
    return [
        f"CREATE TABLE {name} (LIKE {_HISTORY} INCLUDING DEFAULTS INCLUDING CONSTRAINTS INCLUDING INDEXES)",
        f"""WITH gone AS (DELETE FROM {_REST} WHERE archived_at >= {begin} AND archived_at < {end} RETURNING *)
            INSERT INTO {name} SELECT * FROM gone""",
        f"ALTER TABLE {_HISTORY} ATTACH PARTITION {name} FOR VALUES FROM ({begin}) TO ({end})",
    ]


def _detach(name: str) -> list[str]:
    # Not CONCURRENTLY: PostgreSQL refuses that while there is a table for the rest. It takes an instant either way.
    return [f"ALTER TABLE {_HISTORY} DETACH PARTITION {name}"]


def _drop(name: str) -> list[str]:
    return [f"DROP TABLE {name}"]


def _month_of(moment: datetime) -> datetime:
    return moment.astimezone(UTC).replace(day=1, hour=0, minute=0, second=0, microsecond=0)


def _later(month: datetime, months: int) -> datetime:
    count = month.year * 12 + month.month - 1 + months
    return month.replace(year=count // 12, month=count % 12 + 1)


def _name(month: datetime) -> str:
    return f"{_HISTORY}_{month:%Y_%m}"


def _begin_of(name: str) -> datetime:
    found = _NAME.match(name)
    assert found is not None  # noqa: S101 - _tables() returns no other
    return datetime(int(found[1]), int(found[2]), 1, tzinfo=UTC)
