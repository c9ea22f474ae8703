"""What an order does on the way of a payment: nothing leaves that must not, and nothing is a try, or lost."""

from collections.abc import Callable, Iterator
from typing import Any
from unittest.mock import patch

import pytest
from django.conf import settings
from django.utils import timezone

from choptym.lib.errors import Held
from choptym.lib.jobs import redis
from payments.charge import charge_payment
from payments.gateways import get_gateway
from payments.hand_out import in_hand, queues_with_charges
from payments.locks import claim_charge
from payments.models import Payment
from payments.settle import pay_from_wallet
from payments.steering.drain import drain_queue
from payments.steering.resume import resume_queue
from payments.steering.stop import stop_queue
from payments.throttle.breaker import Health
from payments.throttle.figures import read_figures
from tests.factories import a_while_ago, fresh, give_money, make_order, make_payment, make_user
from tests.payments.gateways.sandbox import Sandbox
from tests.payments.staff import make_staff
from tests.payments.throttle.limits import charged as charged_once
from tests.payments.tricks import booked

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("sandbox", "steered")]

HOLDS = [stop_queue, drain_queue]


@pytest.fixture(autouse=True)
def _empty_queues() -> Iterator[None]:
    redis().delete(*(settings.KEY_PREFIX + name for name in settings.QUEUES))
    yield
    redis().delete(*(settings.KEY_PREFIX + name for name in settings.QUEUES))


def order(act: Callable[..., object], gateway: str = "fapshi") -> None:
    act(gateway, actor_id=make_staff("operators").pk, reason="to see")


def calls(sandbox: Sandbox, gateway: str = "fapshi") -> int:
    return int(sandbox.ask("GET", f"/control/{gateway}/books")["calls"])


def a_moment_later(payment: Payment) -> None:
    """In a test's transaction the clock of the database stands still at its start."""
    Payment.objects.filter(pk=payment.pk, next_attempt_at__lte=timezone.now()).update(next_attempt_at=a_while_ago())


def forgotten() -> list[int]:
    """What the sweeper rings for, and a worker then takes in hand."""
    priorities = {queue: priority for priority, queue in settings.QUEUE_OF_PRIORITY.items()}
    return [one.payment_id for queue in queues_with_charges() for one in in_hand(priorities[queue], 100)]


@pytest.mark.parametrize("act", HOLDS)
@pytest.mark.parametrize("name", ["fapshi", ""])
def test_a_charge_waits_and_is_due_at_once_when_it_may_go_on(sandbox: Sandbox, act: Any, name: str) -> None:
    payment = make_payment(published_at=timezone.now())
    before = calls(sandbox)
    order(act, name)

    charge_payment(payment.pk)

    row = fresh(payment)
    assert (row.state, row.attempts_made, row.published_at, row.attempts.count()) == ("QUEUED", 0, None, 0)
    assert row.next_attempt_at <= timezone.now()
    a_moment_later(payment)
    assert calls(sandbox) == before
    assert forgotten() == []  # nobody is told of it while it cannot go

    order(resume_queue, name)
    assert forgotten() == [payment.pk]
    charge_payment(payment.pk)

    assert fresh(payment).state == "PENDING"
    assert len(booked(sandbox, payment)) == 1


def test_others_go_on() -> None:
    order(stop_queue, "campay")
    payment = make_payment()

    charge_payment(payment.pk)

    assert fresh(payment).state == "PENDING"


def test_a_payment_does_not_move_to_a_gateway_that_is_held_back() -> None:
    payment = make_payment()
    for _ in range(settings.PAYMENT_CIRCUIT_LEAST_CALLS):
        charged_once("fapshi", "", Health.BAD)
    order(drain_queue, "campay")

    charge_payment(payment.pk)

    row = fresh(payment)
    assert (row.state, row.gateway, row.attempts.count()) == ("QUEUED", "fapshi", 0)
    assert row.next_attempt_at > timezone.now()  # the circuit's time, not the order's
    assert dict(read_figures().counts)["postponed", "fapshi", "circuit"] == 1


@pytest.mark.parametrize("act", HOLDS)
def test_a_charge_that_was_claimed_before_the_order_is_let_out_unsent(sandbox: Sandbox, act: Any) -> None:
    payment = make_payment()
    before = calls(sandbox)

    def claim_then_order(*arguments: Any) -> object:
        claimed = claim_charge(*arguments)
        order(act)
        return claimed

    with patch("payments.charge.claim_charge", claim_then_order):
        charge_payment(payment.pk)

    row = fresh(payment)
    assert (row.state, row.attempts_made) == ("QUEUED", 0)
    assert [attempt.state for attempt in row.attempts.all()] == ["POSTPONED"]
    assert calls(sandbox) == before
    assert read_figures().in_flight["fapshi", "charge"] == 0
    order(resume_queue)
    Payment.objects.filter(pk=payment.pk).update(next_attempt_at=a_while_ago())
    charge_payment(payment.pk)
    assert [attempt.state for attempt in row.attempts.order_by("number")] == ["POSTPONED", "ACCEPTED"]
    assert len(booked(sandbox, payment)) == 1


def test_an_order_that_comes_while_a_request_waits_in_line_holds_it_too(sandbox: Sandbox) -> None:
    """The line is longer than an order takes to be in force: what is read before it is not enough."""
    before = calls(sandbox)

    def stop_meanwhile(*_: float) -> bool:
        order(stop_queue)
        return True

    with patch("payments.throttle.gate._is_in_time", stop_meanwhile), pytest.raises(Held, match="held back by order"):
        get_gateway("fapshi").find("no such reference", since=timezone.now())

    assert calls(sandbox) == before
    assert read_figures().in_flight["fapshi", "question"] == 0


@pytest.mark.parametrize("act", HOLDS)
def test_an_order_that_comes_just_before_a_charge_leaves_holds_it_too(sandbox: Sandbox, act: Any) -> None:
    """Its place in line is paid for by its admission: nobody asks about limits any more but the gate itself."""
    payment = make_payment()
    before = calls(sandbox)

    def order_meanwhile(*_: float) -> bool:
        order(act)
        return True

    with patch("payments.throttle.gate._is_in_time", order_meanwhile):
        charge_payment(payment.pk)

    assert (fresh(payment).state, fresh(payment).attempts_made, calls(sandbox)) == ("QUEUED", 0, before)


@pytest.mark.parametrize("act", HOLDS)
@pytest.mark.parametrize("name", ["wallet", ""])
def test_the_wallet_waits_too(act: Any, name: str) -> None:
    user = make_user()
    give_money(user, 9000)
    payment = make_payment(order=make_order(user=user), gateway="wallet", published_at=timezone.now())
    order(act, name)

    pay_from_wallet(payment.pk)
    assert (fresh(payment).state, fresh(payment).published_at) == ("QUEUED", None)
    a_moment_later(payment)
    assert forgotten() == []
    order(resume_queue, name)
    assert forgotten() == [payment.pk]
    pay_from_wallet(payment.pk)

    assert fresh(payment).state == "SETTLED"


def test_a_stop_of_one_gateway_is_no_stop_of_the_wallet() -> None:
    order(stop_queue, "fapshi")
    user = make_user()
    give_money(user, 9000)
    payment = make_payment(order=make_order(user=user), gateway="wallet")

    pay_from_wallet(payment.pk)

    assert fresh(payment).state == "SETTLED"


def test_nobody_who_is_held_back_is_taken_in_hand_however_many_wait() -> None:
    held = [make_payment(published_at=None) for _ in range(5)]
    other = make_payment(gateway="campay", published_at=None)
    off = make_payment(gateway="stripe", published_at=None)  # switched off: only an order for all is about it
    order(stop_queue, "fapshi")
    assert set(forgotten()) == {other.pk, off.pk}
    assert {fresh(payment).published_at for payment in held} == {None}

    order(stop_queue, "")
    Payment.objects.filter(pk__in=[other.pk, off.pk]).update(published_at=None)
    assert forgotten() == []
