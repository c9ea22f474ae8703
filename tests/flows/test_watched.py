"""Operators hear of workers that take no work, whichever it is, and hear when they take it again."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
import redis
from celery import Celery
from django.conf import settings

from tests.live import Live, eventually

WORKERS = ("charge", "confirm", "high", "maintenance", "notify", "reports")
# Three canaries unanswered, a period to look, and a slow machine. In life a period has ten times the length.
FOUND_SECONDS = 20.0


def node(live: Live, role: str) -> str:
    [name] = live.column("SELECT name FROM payments_worker WHERE name LIKE %s", f"{role}@%")
    return str(name)


def open_alerts(live: Live, place: str) -> list[tuple[Any, ...]]:
    query = "SELECT id, severity FROM payments_alert WHERE rule = 'worker_silent' AND place = %s AND closed_at IS NULL"
    return live.rows(query, place)


def wait_for_alert(live: Live, place: str) -> int:
    def is_open() -> None:
        assert open_alerts(live, place)

    eventually(is_open, seconds=FOUND_SECONDS)
    return int(open_alerts(live, place)[0][0])


def wait_until_over(live: Live, place: str) -> None:
    def is_over() -> None:
        assert not open_alerts(live, place)

    eventually(is_over, seconds=FOUND_SECONDS)


def told_of(live: Live, text: str) -> list[str]:
    return [message["subject"] for message in live.messages("operators") if text in message["subject"]]


@pytest.fixture(autouse=True)
def _all_are_well(live: Live) -> None:
    """Whatever tests before have done to the workers is over."""

    def well() -> None:
        answering = live.column("SELECT id FROM payments_worker WHERE ended_at IS NULL AND seen_at >= asked_at")
        assert len(answering) >= len(WORKERS)
        assert not live.rows("SELECT 1 FROM payments_alert WHERE rule = 'worker_silent' AND closed_at IS NULL")

    eventually(well, seconds=FOUND_SECONDS)


def test_every_worker_is_known_with_its_queues(live: Live) -> None:
    rows = dict(live.rows("SELECT name, queues FROM payments_worker WHERE ended_at IS NULL"))

    assert sorted(name.split("@")[0] for name in rows) == sorted(WORKERS)
    assert sorted(queue for queues in rows.values() for queue in queues) == sorted([*settings.QUEUES, "p1.high"])


@pytest.mark.parametrize("role", ["charge", "confirm", "notify", "maintenance"])
def test_a_worker_that_stands_still_is_reported_and_its_return_too(live: Live, role: str) -> None:
    place = "queue p2.medium" if role == "charge" else node(live, role)
    with live.frozen(f"worker-{role}"):
        wait_for_alert(live, place)
        eventually(lambda: _assert_told(live, f"of {place}:"), seconds=FOUND_SECONDS)

    wait_until_over(live, place)
    eventually(lambda: _assert_told(live, f"of {place}:", "[OVER]"), seconds=FOUND_SECONDS)


def _assert_told(live: Live, text: str, word: str = "") -> None:
    assert [subject for subject in told_of(live, text) if subject.startswith(word)]


def test_a_worker_that_answers_pings_while_its_threads_hang_is_reported(live: Live) -> None:
    name = node(live, "maintenance")
    with slow_bulk(live):  # its sweeper comes every second, and each then takes a thread for so long
        wait_for_alert(live, name)
        assert _pings(live, name)

    wait_until_over(live, name)


@contextmanager
def slow_bulk(live: Live) -> Iterator[None]:
    """Whoever looks at the bulk uploads waits for 14 seconds."""
    live.change("ALTER TABLE payments_bulkupload RENAME TO bulk_kept")
    live.change(
        "CREATE FUNCTION bulk_slow() RETURNS SETOF bulk_kept LANGUAGE plpgsql AS "
        "$$BEGIN PERFORM pg_sleep(14); RETURN QUERY SELECT * FROM bulk_kept; END$$"
    )
    live.change("CREATE VIEW payments_bulkupload AS SELECT * FROM bulk_slow()")
    try:
        yield
    finally:
        live.change("DROP VIEW payments_bulkupload")
        live.change("DROP FUNCTION bulk_slow")
        live.change("ALTER TABLE bulk_kept RENAME TO payments_bulkupload")


def _pings(live: Live, name: str) -> bool:
    probe = Celery(broker=live.stack.redis_url)
    probe.conf.broker_transport_options = {"global_keyprefix": settings.KEY_PREFIX}
    try:
        answers = probe.control.ping(destination=[name], timeout=5)
    finally:
        probe.close()
    return [*answers[0]] == [name] if answers else False


def test_a_killed_worker_that_is_started_again_is_known_under_its_name(live: Live) -> None:
    name = node(live, "confirm")
    [before] = live.column("SELECT started_at FROM payments_worker WHERE name = %s", name)

    live.kill("worker-confirm")

    def is_back() -> None:
        rows = live.rows(
            "SELECT started_at > %s, seen_at >= asked_at FROM payments_worker WHERE name = %s", before, name
        )
        assert rows == [(True, True)]

    eventually(is_back, seconds=FOUND_SECONDS)


def test_a_wiped_redis_makes_nobody_silent(live: Live) -> None:
    [last] = live.column("SELECT max(seen_at) FROM payments_worker")
    with redis.Redis.from_url(live.stack.redis_url) as broker:
        broker.flushdb()

    def have_answered_since() -> None:
        query = "SELECT count(*) FROM payments_worker WHERE ended_at IS NULL AND seen_at > %s + interval '4 seconds'"
        assert live.column(query, last) == [len(WORKERS)]

    eventually(have_answered_since, seconds=FOUND_SECONDS)
    query = "SELECT place FROM payments_alert WHERE rule = 'worker_silent' AND opened_at > %s"
    assert live.column(query, last) == []
