"""A sample of the figures: what it counts, once for each period, and for how long it is kept."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
from django.conf import settings
from django.test import override_settings
from django.utils import timezone

from payments import in_force
from payments.models import Payment, QueueControl, QueueMode, Sample
from payments.samples import LATE, PERIOD_SECONDS, forget_old_samples, period_of, take_sample
from payments.states import PaymentState
from payments.throttle.store import PREFIX, store
from tests.brokers import without_redis
from tests.factories import make_payment, make_pending
from tests.payments.staff import make_staff

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("silent_gateways")]


@pytest.fixture(autouse=True)
def _quiet_redis() -> Iterator[None]:
    store().flushdb()
    yield
    store().flushdb()


def taken() -> dict[str, float]:
    """The figures of a sample of now."""
    Sample.objects.all().delete()
    assert take_sample()
    figures: dict[str, float] = Sample.objects.get().figures
    return figures


def ended_ago(seconds: float, state: PaymentState = PaymentState.SETTLED, gateway: str = "fapshi") -> Payment:
    payment = make_payment(state=state, gateway=gateway)
    Payment.objects.filter(pk=payment.pk).update(finished_at=period_of(timezone.now()) - timedelta(seconds=seconds))
    return payment


def test_counts_what_waits_by_gateway_and_priority() -> None:
    make_payment(priority=3)
    make_payment(priority=3)
    make_payment(priority=1, gateway="wallet")
    make_payment(state=PaymentState.REQUESTED, gateway="campay")
    make_pending(gateway="campay")

    figures = taken()

    assert {name: count for name, count in figures.items() if name.startswith(("queued:", "asked:"))} == {
        "queued:fapshi:3": 2,
        "queued:wallet:1": 1,
        "asked:campay": 2,
    }


def test_counts_what_ended_during_the_period_before_and_nothing_twice() -> None:
    for seconds in (LATE.total_seconds() + 0.1, LATE.total_seconds() + PERIOD_SECONDS):
        ended_ago(seconds)
    ended_ago(LATE.total_seconds() + 1, PaymentState.FAILED, "campay")
    ended_ago(LATE.total_seconds())  # the next sample's
    ended_ago(LATE.total_seconds() + PERIOD_SECONDS + 0.1)  # the last one's

    figures = taken()

    assert {name: count for name, count in figures.items() if name.startswith("ended:")} == {
        "ended:fapshi:SETTLED": 2,
        "ended:campay:FAILED": 1,
    }
    assert figures["seconds"] == PERIOD_SECONDS


@pytest.mark.parametrize(("seconds_ago", "covers"), [(20, 20), (30, 30), (40, PERIOD_SECONDS)])
def test_a_sample_begins_where_the_last_one_ended_unless_that_is_long_ago(seconds_ago: int, covers: int) -> None:
    period = period_of(timezone.now())
    Sample.objects.create(at=period - timedelta(seconds=seconds_ago), figures={})
    ended_ago(LATE.total_seconds() + 20)

    assert take_sample()

    figures = Sample.objects.order_by("at").last().figures  # type: ignore[union-attr]
    assert figures["seconds"] == covers
    assert ("ended:fapshi:SETTLED" in figures) == (covers >= 20)


def test_tells_half_and_nearly_all_of_the_waits_and_of_the_calls() -> None:
    sent_at = period_of(timezone.now()) - LATE - timedelta(seconds=5)
    for number in range(1, 21):
        payment, _ = make_pending(gateway="fapshi" if number <= 10 else "campay")
        times = {"queued_at": sent_at - timedelta(seconds=number), "requested_at": sent_at, "asked_at": sent_at}
        times["pending_at"] = sent_at + timedelta(seconds=number / 10)
        Payment.objects.filter(pk=payment.pk).update(**times)

    figures = taken()

    assert (figures["wait:p50"], figures["wait:p95"]) == (10.5, 19.05)
    assert (figures["processing:p50"], figures["processing:p95"]) == (1.05, 1.905)
    assert (figures["processing:fapshi:p50"], figures["processing:campay:p50"]) == (0.55, 1.55)


def test_measures_no_time_when_nothing_was_sent() -> None:
    assert not [name for name in taken() if name.startswith(("wait:", "processing:"))]


@pytest.mark.usefixtures("steered")
def test_tells_the_orders_and_limits_that_hold() -> None:
    QueueControl.objects.create(
        gateway="fapshi", mode=QueueMode.DRAIN, max_concurrent=7, changed_by=make_staff(), reason="their bad day"
    )

    figures = taken()

    assert {name: mode for name, mode in figures.items() if name.startswith("mode:")} == {"mode:fapshi": 0.5}
    assert (figures["limit:fapshi"], figures["limit:campay"]) == (7, settings.GATEWAYS["campay"]["max_concurrent"])
    in_force.orders.forget()


def test_reads_circuits_slots_lines_messages_and_memory_from_redis() -> None:
    now = timezone.now().timestamp() * 1000
    store().hset(f"{PREFIX}circuit:fapshi:mtn", mapping={"open_until": now + 60_000})
    store().hset(f"{PREFIX}circuit:campay", mapping={"open_until": now - 1})
    store().zadd(f"{PREFIX}slots:razorpay:charge", {"a": now + 60_000, "b": now + 60_000, "dead": now - 1})
    store().hset(f"{PREFIX}rate:cashfree", mapping={"free_at": now + 30_000})
    store().rpush(f"{settings.KEY_PREFIX}webhooks", "a", "b", "c")

    figures = taken()

    assert (figures["circuit:fapshi:mtn"], figures["circuit:campay"]) == (1, 0.5)
    assert "circuit:fapshi" not in figures
    assert figures["in_flight:razorpay:charge"] == 2
    assert 25 < figures["line:cashfree"] <= 30
    assert figures["messages:webhooks"] == 3
    assert figures["redis"] == 1
    assert figures["memory:used"] > 100_000
    assert figures["connections:used"] >= 1
    assert figures["connections:max"] > figures["connections:used"]


def test_without_redis_it_tells_what_the_database_knows() -> None:
    make_payment(priority=2)
    with without_redis():
        figures = taken()

    assert figures["queued:fapshi:2"] == 1
    assert not [
        name for name in figures if name.startswith(("redis", "memory:", "messages:", "circuit:", "in_flight:"))
    ]


def test_a_second_clock_finds_the_sample_of_the_period() -> None:
    Sample.objects.create(at=period_of(timezone.now()) + timedelta(seconds=PERIOD_SECONDS), figures={"seconds": 10})

    assert not take_sample()

    assert Sample.objects.count() == 1


@override_settings(SAMPLES_KEPT_FOR_HOURS=2)
def test_forgets_the_oldest_first_a_few_at_a_time() -> None:
    now = timezone.now()
    for minutes in (30, 119, 121, 150, 180):
        Sample.objects.create(at=now - timedelta(minutes=minutes), figures={})

    assert forget_old_samples(limit=2) == 2
    assert Sample.objects.filter(at__lt=now - timedelta(minutes=120)).count() == 1
    assert forget_old_samples(limit=2) == 1
    assert forget_old_samples(limit=2) == 0
    assert Sample.objects.count() == 2


def test_a_period_is_the_time_rounded_down() -> None:
    assert period_of(datetime(2026, 11, 22, 9, 59, 59, 999999, UTC)) == datetime(2026, 11, 22, 9, 59, 50, tzinfo=UTC)
