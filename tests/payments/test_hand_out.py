"""Which payments are taken in hand: due ones that nobody has, no more than their gateways take soon, in turn."""

import random
import time
from collections.abc import Iterator
from datetime import timedelta

import pytest
from django.conf import settings
from django.utils import timezone

from choptym.lib.jobs import redis
from payments.hand_out import (
    LEAST_AT_ONCE,
    NEXT_LOOK_SECONDS,
    REST_SECONDS,
    count_free,
    doorway,
    in_hand,
    queues_with_charges,
    take_forward,
)
from payments.models import Payment, Priority
from payments.states import PaymentState
from payments.tasks import sweep_charges
from payments.throttle.admit import Admission, release
from payments.throttle.rate import slow_down
from payments.throttle.store import PREFIX, store
from tests.brokers import without_redis
from tests.factories import a_while_ago, fresh, make_payment, make_pending
from tests.payments.throttle.limits import ask_admission, limited

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("silent_gateways")]

HIGH, MEDIUM, NORMAL = Priority.HIGH, Priority.MEDIUM, Priority.NORMAL
QUEUE = {priority: settings.KEY_PREFIX + name for priority, name in settings.QUEUE_OF_PRIORITY.items()}


@pytest.fixture(autouse=True)
def _empty_queues() -> Iterator[None]:
    redis().flushdb()
    time.sleep(REST_SECONDS if doorway.room("fapshi", NORMAL, 1) == 0 else 0)
    yield
    redis().flushdb()


def taken(priority: int = NORMAL, most: int = 100) -> list[int]:
    return [one.payment_id for one in in_hand(priority, most)]


def in_hand_since(seconds: float, **columns: object) -> Payment:
    return make_payment(published_at=timezone.now() - timedelta(seconds=seconds), **columns)  # type: ignore[arg-type]


@pytest.mark.invariant("INV-1")
def test_a_payment_that_is_due_is_rung_for_until_it_is_in_hand() -> None:
    payment = make_payment()
    assert queues_with_charges() == ["p3.normal"]

    assert [(one.payment_id, one.gateway) for one in in_hand(NORMAL, 100)] == [(payment.pk, "fapshi")]

    assert fresh(payment).published_at is not None
    assert (queues_with_charges(), taken()) == ([], [])


@pytest.mark.invariant("INV-1")
def test_what_was_in_hand_of_a_dead_worker_is_due_again_after_five_seconds() -> None:
    lost, young = in_hand_since(5.5), in_hand_since(4)
    assert queues_with_charges() == ["p3.normal"]

    assert taken() == [lost.pk]
    assert fresh(young).published_at == young.published_at


def test_each_priority_has_its_own_queue() -> None:
    payments = {priority: make_payment(priority=priority) for priority in (NORMAL, HIGH)}
    assert queues_with_charges() == ["p1.high", "p3.normal"]

    assert (taken(HIGH), taken(MEDIUM)) == ([payments[HIGH].pk], [])
    assert queues_with_charges() == ["p3.normal"]


def test_what_is_not_due_or_not_queued_or_too_late_is_left_alone() -> None:
    make_payment(next_attempt_at=timezone.now() + timedelta(seconds=30))
    make_payment(expires_at=a_while_ago())
    make_pending(published_at=None)
    make_payment(state=PaymentState.EXPIRED)

    assert (queues_with_charges(), taken()) == ([], [])


@pytest.mark.invariant("INV-9")
def test_of_a_crowd_as_many_as_the_gateway_takes_within_a_second_the_oldest_first() -> None:
    crowd = [make_payment(priority=random.choice([NORMAL, HIGH])) for _ in range(30)]
    others = [make_payment(gateway="campay"), make_payment(gateway="wallet"), make_payment(gateway="stripe")]
    normal = [payment.pk for payment in crowd if payment.priority == NORMAL]
    with limited(rate=4):
        assert sorted(taken()) == [*normal[:4], *(payment.pk for payment in others)]


@pytest.mark.invariant("INV-9")
def test_when_few_threads_are_free_the_gateways_come_in_turn() -> None:
    crowd = [make_payment() for _ in range(5)]
    other = make_payment(gateway="campay")

    assert sorted(taken(most=3)) == [crowd[0].pk, crowd[1].pk, other.pk]
    assert taken(most=0) == []


@pytest.mark.invariant("INV-9")
def test_of_a_gateway_that_lets_nothing_through_only_a_few_are_taken() -> None:
    for _ in range(8):
        make_payment()
        make_payment(gateway="campay")
    with limited(slots=3):
        for _ in range(3):
            ask_admission()
        forget_pace("fapshi")
        gateways = [one.gateway for one in in_hand(NORMAL, 100)]

    assert (gateways.count("fapshi"), gateways.count("campay")) == (LEAST_AT_ONCE, 3 + LEAST_AT_ONCE)


@pytest.mark.invariant("INV-9")
def test_when_all_slots_together_are_in_use_only_a_few_of_each_gateway_are_taken() -> None:
    for _ in range(8):
        make_payment()
    with limited(all_slots=10):
        for number in range(9):
            ask_admission("campay" if number % 2 else "razorpay")

        assert len(taken()) == 1 + LEAST_AT_ONCE


def test_the_more_are_let_through_the_more_are_taken() -> None:
    for _ in range(40):
        make_payment()
    with limited(slots=4):
        for _ in range(30):
            answer = ask_admission()
            assert isinstance(answer, Admission)
            release(answer)

        assert 8 <= len(taken()) <= 4 + LEAST_AT_ONCE + NEXT_LOOK_SECONDS * 30 / 5


def forget_pace(gateway: str) -> None:
    """As if it had let nothing through for long."""
    store().hdel(f"{PREFIX}rate:{gateway}", "pace", "paced_at")


def test_who_waits_for_a_gateways_leave_counts_as_one_who_came() -> None:
    for _ in range(5):
        make_payment()
    with limited(rate=4), doorway.waiting("fapshi"), doorway.waiting("fapshi"):
        assert len(taken()) == 2


@pytest.mark.invariant("INV-9")
def test_a_gateway_that_turned_one_away_is_left_alone_for_a_moment_by_that_priority() -> None:
    first, second, high = make_payment(), make_payment(), make_payment(priority=HIGH)
    with limited(PAYMENT_FAILOVER=False):
        slow_down("fapshi", 10)
        [in_turn] = in_hand(NORMAL, 1)
        take_forward(in_turn)
        assert fresh(first).state == "QUEUED"

        assert (taken(), taken(HIGH)) == ([], [high.pk])
        time.sleep(REST_SECONDS)
        assert taken() == [second.pk]


def test_without_redis_what_is_due_is_taken_in_hand_and_put_off() -> None:
    payment = make_payment()

    with without_redis():
        [in_turn] = in_hand(NORMAL, 100)
        take_forward(in_turn)

    assert (fresh(payment).state, fresh(payment).published_at) == ("QUEUED", None)


def test_the_sweeper_rings_on_the_queue_of_each_priority() -> None:
    make_payment(priority=HIGH)
    make_payment(gateway="wallet")

    sweep_charges()

    assert [redis().llen(QUEUE[priority]) for priority in (HIGH, MEDIUM, NORMAL)] == [1, 0, 1]
    [message] = redis().lrange(QUEUE[NORMAL], 0, -1)
    assert b"payments.tasks.charge_due" in message


def test_a_quarter_of_the_threads_is_kept_for_the_high_ones() -> None:
    assert count_free(HIGH) == settings.CHARGE_THREADS
    assert count_free(NORMAL) == settings.CHARGE_THREADS - settings.CHARGE_THREADS // 4
