"""The figures of the queue, and the snapshot that keeps a crowd from the database."""

import threading
import time
from datetime import timedelta
from itertools import count

import pytest
from django.conf import settings
from django.test import override_settings
from django.utils import timezone

from choptym.lib.snapshot import Snapshot
from payments import stats
from payments.states import PaymentState
from payments.stats import metrics, queue_status, read_flow
from tests.factories import a_while_ago, make_payment, make_pending

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _fresh_figures(monkeypatch: pytest.MonkeyPatch, silent_gateways: None) -> None:
    monkeypatch.setattr(stats, "flow", Snapshot(stats.read_flow))
    monkeypatch.setattr(stats, "counts", Snapshot(stats.read_counts))
    monkeypatch.setattr(stats, "spread", Snapshot(stats.read_spread))


@override_settings(MAX_CONCURRENT_PAYMENTS=7)
def test_counts_what_was_processed_and_what_waits() -> None:
    make_payment(priority=3)
    make_payment(gateway="wallet")
    make_payment(state=PaymentState.REQUESTED)
    make_pending(gateway="campay", attempts_made=2)
    for state in (PaymentState.SETTLED, PaymentState.SETTLED, PaymentState.REVIEW):
        make_payment(state=state)
    for state in (PaymentState.FAILED, PaymentState.EXPIRED, PaymentState.CANCELLED, PaymentState.CANCELLED):
        make_payment(state=state)

    status = queue_status()

    assert {name: status[name] for name in ("totalProcessed", "successful", "inReview", "retried")} == {
        "totalProcessed": 7,
        "successful": 2,
        "inReview": 1,
        "retried": 1,
    }
    # What the customer cancelled, or did not approve in time, is no failure.
    assert (status["failed"], status["cancelled"], status["expired"]) == (1, 2, 1)
    assert (status["queueLength"], status["processing"], status["maxConcurrent"]) == (2, 2, 7)


def test_counts_the_same_per_priority_and_gateway() -> None:
    make_payment(priority=3)
    make_payment(priority=1, gateway="wallet")
    make_pending(gateway="campay", attempts_made=2)

    status = queue_status()

    assert {name: one["queueLength"] for name, one in status["priorities"].items()} == {"3": 1, "2": 0, "1": 1}
    assert {name: one["queueLength"] for name, one in status["gateways"].items()} == {
        "fapshi": 1,
        "campay": 0,
        "razorpay": 0,
        "cashfree": 0,
        "wallet": 1,
    }
    assert (status["gateways"]["campay"]["processing"], status["gateways"]["campay"]["retried"]) == (1, 1)


@override_settings(MAX_CONCURRENT_PAYMENTS=15)
def test_times_and_limits_are_told_per_priority_and_gateway() -> None:
    at = timezone.now() - timedelta(seconds=100)
    for seconds, gateway, priority in ((1, "fapshi", 3), (3, "campay", 3), (5, "campay", 1)):
        payment = make_payment(
            state=PaymentState.SETTLED,
            gateway=gateway,
            priority=priority,
            requested_at=at,
            pending_at=at + timedelta(seconds=seconds),
        )
        type(payment).objects.filter(pk=payment.pk).update(queued_at=at - timedelta(seconds=seconds))

    status = queue_status()

    assert status["averageProcessingTime"] == 3.0
    assert {name: one["averageProcessingTime"] for name, one in status["priorities"].items()} == {
        "3": 2.0,
        "2": 0.0,
        "1": 5.0,
    }
    assert [status["gateways"][name]["averageWaitingTime"] for name in ("fapshi", "campay", "wallet")] == [1, 4, 0]
    # A gateway's own limit, where it is below that of all; the wallet has none.
    limits = [status["gateways"][name]["maxConcurrent"] for name in ("fapshi", "campay", "wallet")]
    assert limits == [min(15, settings.GATEWAYS["fapshi"]["max_concurrent"]), 15, 15]
    assert {one["maxConcurrent"] for one in status["priorities"].values()} == {15}
    whole = {name: value for name, value in status.items() if not isinstance(value, dict)}
    assert all(whole.keys() == one.keys() for part in ("priorities", "gateways") for one in status[part].values())


def test_with_nothing_there_every_figure_is_a_number_and_nothing_looks_broken() -> None:
    assert metrics() == {
        "queueLength": 0,
        "processing": 0,
        "processingRatePerMinute": 0.0,
        "startedPerMinute": 0.0,
        "endedPerMinute": 0.0,
        "started": 0,
        "ended": 0,
        "successRate": 1.0,
        "errorRate": 0.0,
        "retryRate": 0.0,
        "averageProcessingTime": 0.0,
        "averageWaitingTime": 0.0,
        "processingTimePercentiles": {"p50": 0.0, "p95": 0.0, "p99": 0.0},
        "waitingTimePercentiles": {"p50": 0.0, "p95": 0.0, "p99": 0.0},
        "windowSeconds": 300,
    }


def test_rates_and_times_are_those_of_the_last_minutes() -> None:
    at = timezone.now() - timedelta(seconds=100)
    for seconds in (1, 3):
        payment = make_payment(
            state=PaymentState.SETTLED,
            requested_at=at,
            pending_at=at + timedelta(seconds=seconds),
            attempts_made=seconds,
        )
        type(payment).objects.filter(pk=payment.pk).update(queued_at=at - timedelta(seconds=10))
    make_payment(state=PaymentState.FAILED, requested_at=None)
    old = a_while_ago(301)
    make_payment(state=PaymentState.SETTLED, requested_at=old, finished_at=old, settled_at=old)

    shown = metrics()

    assert (shown["successRate"], shown["errorRate"], shown["retryRate"]) == (0.6667, 0.3333, 0.5)
    assert (shown["started"], shown["ended"]) == (2, 3)
    assert (shown["averageProcessingTime"], shown["averageWaitingTime"]) == (2.0, 10.0)
    assert (shown["processingRatePerMinute"], shown["startedPerMinute"], shown["endedPerMinute"]) == (0.4, 0.4, 0.6)
    assert shown["processingTimePercentiles"] == {"p50": 2.0, "p95": 2.9, "p99": 2.98}
    assert shown["waitingTimePercentiles"] == {"p50": 10.0, "p95": 10.0, "p99": 10.0}
    assert read_flow().average_total_seconds == pytest.approx(50, abs=1)


def test_a_snapshot_is_read_once_for_everybody() -> None:
    numbers = count(1)
    snapshot = Snapshot(lambda: next(numbers), seconds=60)

    assert [snapshot.get() for _ in range(5)] == [1, 1, 1, 1, 1]


def test_an_old_snapshot_is_read_again() -> None:
    numbers = count(1)
    snapshot = Snapshot(lambda: next(numbers), seconds=0)

    assert [snapshot.get() for _ in range(3)] == [1, 2, 3]


def test_while_one_reads_the_others_take_the_last_one() -> None:
    begun, go_on, numbers = threading.Event(), threading.Event(), count(1)

    def read() -> int:
        number = next(numbers)
        if number > 1:
            begun.set()
            go_on.wait(5)
        return number

    snapshot = Snapshot(read, seconds=0)
    snapshot.get()
    slow = threading.Thread(target=snapshot.get)
    slow.start()
    begun.wait(5)
    started = time.monotonic()

    seen = snapshot.get()

    assert (seen, time.monotonic() - started < 1) == (1, True)
    go_on.set()
    slow.join()


def test_a_snapshot_that_cannot_be_read_is_tried_again() -> None:
    numbers = count(1)

    def read() -> int:
        number = next(numbers)
        if number == 1:
            raise ConnectionError
        return number

    snapshot = Snapshot(read)

    with pytest.raises(ConnectionError):
        snapshot.get()
    assert snapshot.get() == 2
