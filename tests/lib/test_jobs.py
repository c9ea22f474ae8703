"""Handing rows to the queue: on the real Redis, and without any."""

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import pytest
from django.conf import settings
from pytest_django import DjangoCaptureOnCommitCallbacks

from choptym.lib import jobs
from choptym.lib.jobs import (
    PUBLISH_FAILURES,
    after_commit,
    answer,
    publish,
    queue_lengths,
    redis,
    ring,
    ring_after_commit,
)
from notifications.tasks import deliver_notifications
from payments.tasks import charge_payment, confirm_payments
from tests.brokers import without_redis
from tests.constraints import undo
from tests.lib.peers import free_port

BELL = f"choptym:bell:{deliver_notifications.name}"


@pytest.fixture(autouse=True)
def _silence(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """No message and no bell of another test."""
    names = [settings.KEY_PREFIX + name for name in settings.QUEUES]
    bells = [BELL, *(f"choptym:bell:{confirm_payments.name}:{gateway}" for gateway in ("fapshi", "campay"))]
    monkeypatch.setattr(jobs, "_broker_rests_until", 0.0)
    redis().delete(*names, *bells)
    yield
    redis().delete(*names, *bells)


def waiting(queue: str) -> int:
    return int(redis().llen(settings.KEY_PREFIX + queue))


def failures(task: str) -> float:
    return float(PUBLISH_FAILURES.labels(task)._value.get())


@pytest.mark.django_db
def test_a_row_is_told_of_when_its_transaction_has_committed(
    django_capture_on_commit_callbacks: DjangoCaptureOnCommitCallbacks,
) -> None:
    with django_capture_on_commit_callbacks(execute=True):
        after_commit(charge_payment, 7, queue="p1.high")
        before = waiting("p1.high")

    assert (before, waiting("p1.high")) == (0, 1)
    [message] = redis().lrange(settings.KEY_PREFIX + "p1.high", 0, -1)
    assert b"payments.tasks.charge_payment" in message


def tell() -> None:
    after_commit(charge_payment, 7)
    ring_after_commit(deliver_notifications)


@pytest.mark.django_db
def test_a_row_that_was_rolled_back_is_not_told_of(
    django_capture_on_commit_callbacks: DjangoCaptureOnCommitCallbacks,
) -> None:
    with django_capture_on_commit_callbacks(execute=True) as callbacks:
        undo(tell)

    assert callbacks == []


def test_a_bell_that_nobody_has_answered_rings_once() -> None:
    assert [ring(deliver_notifications) for _ in range(5)] == [True] * 5

    assert waiting("notifications") == 1


def test_after_its_answer_it_rings_again() -> None:
    ring(deliver_notifications)
    answer(deliver_notifications)

    ring(deliver_notifications)

    assert waiting("notifications") == 2


def test_every_gateway_has_a_bell_of_its_own() -> None:
    for gateway in ("fapshi", "campay", "fapshi"):
        ring(confirm_payments, gateway)

    assert waiting("webhooks") == 2


@pytest.mark.invariant("INV-1")
def test_a_bell_whose_message_was_lost_is_forgotten() -> None:
    ring(deliver_notifications)

    assert 0 < redis().ttl(BELL) <= jobs.BELL_SECONDS <= 5


def test_tells_how_many_messages_wait() -> None:
    publish(charge_payment, 1, queue="p1.high")
    publish(charge_payment, 2, queue="p1.high")

    assert queue_lengths() == {**dict.fromkeys(settings.QUEUES, 0), "p1.high": 2}


@pytest.mark.invariant("INV-1")
def test_without_redis_nothing_is_raised_and_little_time_is_lost() -> None:
    nobody = {**os.environ, "REDIS_URL": f"redis://127.0.0.1:{free_port()}/0", "PROCESS_ROLE": "web"}

    run = subprocess.run(
        [sys.executable, "-m", "tests.lib.without_redis"], env=nobody, capture_output=True, text=True, check=True
    )

    told, lengths, seconds = run.stdout.split()
    assert (told, lengths) == ("False", "None")
    assert float(seconds) < 2


def test_what_the_broker_did_not_take_is_counted() -> None:
    counted = failures(deliver_notifications.name)

    with without_redis(f"redis://127.0.0.1:{free_port()}/0"):
        told = [ring(deliver_notifications) for _ in range(3)]

    assert told == [False, False, False]
    assert 0 < jobs._broker_rests_until - time.monotonic() <= jobs.BROKER_REST_SECONDS  # a crowd does not queue up
    assert failures(deliver_notifications.name) == counted + 3


def test_after_a_failure_the_broker_is_left_in_peace_for_a_moment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(jobs, "_broker_rests_until", time.monotonic() + 0.05)

    assert ring(deliver_notifications) is False
    time.sleep(0.06)
    assert ring(deliver_notifications) is True


def test_a_connection_that_is_gone_in_the_middle_of_a_message_costs_a_counter_and_no_request() -> None:
    """kombu asks a connection that has just been closed for its client: an AttributeError, not one of its own."""
    before = failures("gone")

    assert jobs._told("gone", lambda: getattr(None, "client")) is False  # noqa: B009 - what kombu does

    assert failures("gone") == before + 1
    assert jobs._broker_rests_until > time.monotonic()


def test_however_many_threads_are_the_first_to_ask_redis_there_is_one_client() -> None:
    """Of two, one is collected at once, and closes the connections of whoever is still talking."""
    many, interval = 16, sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        with ThreadPoolExecutor(many) as threads:
            for _ in range(20):
                jobs._redis.cache_clear()
                together = Barrier(many)
                clients = list(threads.map(lambda _, wait=together.wait: (wait(), jobs.redis())[1], range(many)))
                assert len({id(client) for client in clients}) == 1
    finally:
        sys.setswitchinterval(interval)
