"""Canaries: one at a time for each worker; silence is what we have seen of it, and nobody's fault but the worker's."""

from collections.abc import Iterator
from datetime import timedelta

import pytest
from django.conf import settings
from django.utils import timezone
from redis import Redis

from choptym.celery import app
from choptym.lib.jobs import redis
from payments import canaries, tasks
from payments.alerts.silence import silence_of
from payments.canaries import ask_workers, canary_queue, forget_workers, note_sighting, sign_off, sign_on
from payments.models import Worker
from tests.factories import fresh
from tests.payments.alerts.figures_world import worker

pytestmark = pytest.mark.django_db
KEY = f"{settings.KEY_PREFIX}{canaries.PREFIX}"


@pytest.fixture(autouse=True)
def _no_canary_waits() -> Iterator[None]:
    yield
    for key in redis().keys(f"{KEY}*"):
        redis().delete(key)


def later(row: Worker, seconds: float) -> None:
    """As if so much time had passed since it was last looked at."""
    row = fresh(row)
    times = {name: getattr(row, name) for name in ("asked_at", "looked_at", "seen_at", "started_at")}
    moved = {name: at - timedelta(seconds=seconds) for name, at in times.items() if at is not None}
    Worker.objects.filter(pk=row.pk).update(**moved)


def known(name: str = "one@here") -> Worker:
    sign_on(name, ["p1.high"])
    return Worker.objects.get(name=name)


def waiting(name: str = "one@here") -> int:
    return int(redis().llen(f"{KEY}{name}"))


def test_a_canary_waits_in_the_workers_own_queue_and_there_is_one() -> None:
    row = known()

    for _ in range(4):
        tasks.watch_workers()
        later(row, 10)

    assert waiting() == 1
    assert "canary.one@here" not in app.amqp.queues, "only its worker may take from it"
    redis().delete(f"{KEY}one@here")


def test_an_unanswered_canary_is_silence_that_grows() -> None:
    row = known()
    grown = []
    for _ in range(5):
        ask_workers()
        grown.append(round(silence_of(fresh(row))))
        redis().rpush(f"{KEY}one@here", "waits")
        later(row, 10)

    assert grown == [0, 10, 20, 30, 40]


def test_an_answer_ends_the_silence() -> None:
    row = known()
    for _ in range(3):
        ask_workers()
        later(row, 10)
    note_sighting("one@here")

    assert silence_of(fresh(row)) == 0
    ask_workers()
    assert silence_of(fresh(row)) == 0
    later(row, 10)
    ask_workers()
    assert round(silence_of(fresh(row))) == 10


def test_while_nobody_sends_canaries_nobody_grows_silent(monkeypatch: pytest.MonkeyPatch) -> None:
    row = known()
    ask_workers()
    later(row, 600)
    assert silence_of(fresh(row)) == 0

    monkeypatch.setattr(canaries, "redis", lambda: Redis.from_url("redis://127.0.0.1:9/0", socket_connect_timeout=0.2))
    assert ask_workers() == []
    assert silence_of(fresh(row)) == 0

    monkeypatch.undo()
    assert ask_workers() == ["one@here"]
    assert silence_of(fresh(row)) == 0, "the gap was ours: it is asked anew"


def test_after_a_wiped_redis_the_canary_is_sent_again() -> None:
    row = known()
    tasks.watch_workers()
    redis().delete(f"{KEY}one@here")
    later(row, 10)

    assert ask_workers() == ["one@here"]


def test_two_clocks_ask_once() -> None:
    known()

    assert [ask_workers(), ask_workers()] == [["one@here"], []]


def test_a_worker_that_begins_again_is_not_silent_any_more() -> None:
    row = worker("one@here", "p1.high", unanswered=300)

    sign_on("one@here", ["p1.high", "p2.medium"])

    again = fresh(row)
    assert (silence_of(again), again.ended_at, again.queues) == (0, None, ["p1.high", "p2.medium"])
    assert timezone.now() - again.started_at < timedelta(seconds=5)


def test_one_that_signed_off_is_not_asked() -> None:
    row = known()
    sign_off("one@here")

    assert ask_workers() == []
    assert fresh(row).ended_at is not None


def test_who_is_silent_or_gone_for_an_hour_is_forgotten_with_its_queue() -> None:
    worker("gone@here", "p1.high", ended_ago=3601)
    worker("silent@here", "p1.high", unanswered=3601)
    for kept in (worker("ended@here", ended_ago=3500), worker("quiet@here", unanswered=3500), known()):
        assert kept.pk
    redis().rpush(f"{KEY}silent@here", "waits")

    assert sorted(forget_workers()) == ["gone@here", "silent@here"]

    assert sorted(Worker.objects.values_list("name", flat=True)) == ["ended@here", "one@here", "quiet@here"]
    assert waiting("silent@here") == 0


def test_a_canarys_queue_comes_before_all_others() -> None:
    name = canary_queue("any@where").name

    assert sorted([*settings.QUEUES, name])[0] == name


def test_the_periods_find_a_silent_worker_within_a_minute() -> None:
    latest = settings.WORKER_SILENT_AFTER_SECONDS + 2 * settings.WORKER_CANARY_SECONDS

    assert latest < 60
    assert settings.WORKER_SILENT_AFTER_SECONDS > 30, "the longest call to a gateway"
