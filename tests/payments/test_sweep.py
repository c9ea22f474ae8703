"""Finding what was forgotten: told again when its queue is empty, patiently when it is not."""

from collections.abc import Iterator
from datetime import timedelta

import pytest
from django.conf import settings
from django.test import override_settings
from django.utils import timezone

from choptym.lib.jobs import redis
from payments.models import Payment
from payments.selectors import gateways_to_ask, gateways_with_events
from payments.states import EventState, PaymentState
from payments.sweep import LEAST_TOLD, forgotten_charges
from payments.tasks import sweep_charges, sweep_events
from payments.throttle.admit import Admission, release
from payments.throttle.store import PREFIX, store
from tests.brokers import without_redis
from tests.factories import a_while_ago, fresh, make_event, make_payment, make_pending
from tests.payments.throttle.limits import ask_admission, limited

pytestmark = pytest.mark.django_db

QUEUE = {priority: settings.KEY_PREFIX + name for priority, name in settings.QUEUE_OF_PRIORITY.items()}


@pytest.fixture(autouse=True)
def _empty_queues() -> Iterator[None]:
    redis().delete(*(settings.KEY_PREFIX + name for name in settings.QUEUES))
    yield
    redis().delete(*(settings.KEY_PREFIX + name for name in settings.QUEUES))


def told_ago(seconds: float, **columns: object) -> Payment:
    return make_payment(published_at=timezone.now() - timedelta(seconds=seconds), **columns)  # type: ignore[arg-type]


def forgotten() -> list[int]:
    return [payment_id for payment_id, _, _ in forgotten_charges()]


@pytest.mark.invariant("INV-1")
def test_a_payment_that_no_message_speaks_of_is_found_and_marked() -> None:
    payment = make_payment(published_at=None)

    assert list(forgotten_charges()) == [(payment.pk, "fapshi", "p3.normal")]
    assert fresh(payment).published_at is not None
    assert forgotten() == []


@pytest.mark.invariant("INV-1")
def test_with_an_empty_queue_a_message_is_lost_after_a_second() -> None:
    lost, young = told_ago(1.2), told_ago(0.2)

    assert forgotten() == [lost.pk]
    assert fresh(young).published_at == young.published_at


def test_with_a_full_queue_it_is_lost_after_a_minute() -> None:
    redis().rpush(QUEUE[1], "a message")
    lost, waiting = told_ago(61), told_ago(50)

    assert forgotten() == [lost.pk]
    assert fresh(waiting).published_at == waiting.published_at


def test_each_queue_is_looked_at_by_itself_and_the_most_urgent_first() -> None:
    redis().rpush(QUEUE[2], "a message")
    normal, medium, high = (told_ago(2, priority=priority) for priority in (1, 2, 3))

    assert list(forgotten_charges()) == [(high.pk, "fapshi", "p1.high"), (normal.pk, "fapshi", "p3.normal")]
    assert fresh(medium).published_at == medium.published_at


def waiting(seconds: float, **columns: object) -> Payment:
    """Queued so long ago, and told of at once."""
    at = a_while_ago(seconds)
    payment = make_payment(published_at=at, **columns)  # type: ignore[arg-type]
    Payment.objects.filter(pk=payment.pk).update(queued_at=at)
    return payment


def test_who_has_waited_long_is_told_of_on_the_highest_queue_though_a_message_lies_in_its_own() -> None:
    for key in QUEUE.values():
        redis().rpush(key, "a message")
    medium, normal = waiting(31, priority=2), waiting(31)
    for priority in (1, 2, 3):
        waiting(29, priority=priority)
    waiting(31, priority=3)  # it is in the highest already

    assert list(forgotten_charges()) == [(medium.pk, "fapshi", "p1.high"), (normal.pk, "fapshi", "p1.high")]
    assert forgotten() == []  # told of since it has waited long: as patiently as all


def test_how_long_is_long_is_a_setting() -> None:
    redis().rpush(QUEUE[1], "a message")
    payment = waiting(6)
    with override_settings(PAYMENT_WAITED_LONG_SECONDS=5):
        assert forgotten() == [payment.pk]


@pytest.mark.invariant("INV-9")
def test_of_a_gateway_that_lets_nothing_through_only_a_few_are_told_of(silent_gateways: None) -> None:
    for _ in range(8):
        make_payment(published_at=None)
    other = [make_payment(published_at=None, gateway="campay") for _ in range(8)]
    with limited(slots=3):
        for _ in range(3):
            ask_admission()
        forget_pace("fapshi")
        told = list(forgotten_charges())

    assert len([gateway for _, gateway, _ in told if gateway == "fapshi"]) == LEAST_TOLD
    assert len([gateway for _, gateway, _ in told if gateway == "campay"]) == 3 + LEAST_TOLD
    assert other[0].pk in {payment_id for payment_id, _, _ in told}


def test_the_more_are_let_through_the_more_are_told_of(silent_gateways: None) -> None:
    for _ in range(40):
        make_payment(published_at=None)
    with limited(slots=4):
        for _ in range(30):
            answer = ask_admission()
            assert isinstance(answer, Admission)
            release(answer)

        assert 25 <= len(forgotten()) <= 4 + LEAST_TOLD + 4 * 30 / 5


def forget_pace(gateway: str) -> None:
    """As if it had let nothing through for long."""
    store().hdel(f"{PREFIX}rate:{gateway}", "pace", "paced_at")


def test_what_is_not_due_or_not_queued_or_too_late_is_not_found() -> None:
    make_payment(published_at=None, next_attempt_at=timezone.now() + timedelta(seconds=30))
    make_payment(published_at=None, expires_at=a_while_ago())
    make_pending(published_at=None)
    make_payment(published_at=None, state=PaymentState.EXPIRED)

    assert forgotten() == []


def test_without_an_answer_of_redis_nothing_is_marked() -> None:
    payment = make_payment(published_at=None)

    with without_redis():
        assert forgotten() == []

    assert fresh(payment).published_at is None


def test_the_sweeper_puts_them_on_the_queue_of_their_priority() -> None:
    make_payment(published_at=None, priority=3)
    make_payment(published_at=None, priority=1, gateway="wallet")

    assert sweep_charges() == 2

    assert [redis().llen(QUEUE[priority]) for priority in (3, 2, 1)] == [1, 0, 1]
    [message] = redis().lrange(QUEUE[1], 0, -1)
    assert b"payments.tasks.pay_from_wallet" in message


def test_tells_which_gateways_are_due(silent_gateways: None) -> None:
    make_pending(gateway="campay")
    make_pending(next_check_at=timezone.now() + timedelta(seconds=30))
    make_pending(gateway="razorpay")
    make_pending(gateway="stripe")  # not switched on

    assert gateways_to_ask() == ["campay", "razorpay"]


def test_tells_of_which_gateways_an_event_waits(silent_gateways: None) -> None:
    make_event(next_look_at=timezone.now() + timedelta(seconds=30))
    make_event(next_look_at=None)
    sweep_events()
    assert gateways_with_events(EventState.NEW) == []
    assert redis().llen(settings.KEY_PREFIX + "webhooks") == 0

    make_event(gateway="campay")
    sweep_events()

    assert gateways_with_events(EventState.NEW) == ["campay"]
    assert gateways_with_events(EventState.PARKED) == []
    assert redis().llen(settings.KEY_PREFIX + "webhooks") == 1
