"""What an order does on the way of a payment: nothing leaves that must not, and nothing is a try, or lost."""

from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any
from unittest.mock import patch

import pytest
from django.conf import settings
from django.db import OperationalError
from django.utils import timezone

from choptym.lib.errors import Held
from choptym.lib.jobs import redis
from payments import in_force
from payments.charge import charge_payment
from payments.confirm import confirm_batch
from payments.gateways import get_gateway
from payments.locks import claim_charge, claim_checks
from payments.match import match_batch
from payments.models import Payment, QueueControl, Reconciliation, WebhookEvent
from payments.selectors import gateways_to_ask, gateways_with_events, reconciliations_due
from payments.settle import pay_from_wallet
from payments.states import EventState
from payments.steering.drain import drain_queue
from payments.steering.resume import resume_queue
from payments.steering.stop import stop_queue
from payments.strangers import look_up_strangers
from payments.sweep import forgotten_charges
from payments.throttle.breaker import Health
from payments.throttle.figures import read_figures
from tests.factories import a_while_ago, fresh, give_money, make_event, make_order, make_payment, make_user
from tests.payments.gateways.sandbox import Sandbox
from tests.payments.signed import INDIANS, make_asked, tell
from tests.payments.staff import make_staff
from tests.payments.throttle.limits import charged as charged_once
from tests.payments.tricks import booked, charged, due

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
    return [payment_id for payment_id, _, _ in forgotten_charges()]


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

    def stop_meanwhile(_: float) -> bool:
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

    def order_meanwhile(_: float) -> bool:
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


@pytest.mark.parametrize("mode", ["STOP", "DRAIN", "RUN"])
def test_a_gateway_is_asked_about_what_it_has_unless_it_is_stopped(sandbox: Sandbox, mode: str) -> None:
    payment = charged(sandbox)
    before = calls(sandbox)
    if mode != "RUN":
        order(stop_queue if mode == "STOP" else drain_queue)

    asked = confirm_batch("fapshi")

    row = fresh(payment)
    if mode == "STOP":
        assert (asked, gateways_to_ask(), calls(sandbox)) == (0, [], before)
        assert (row.next_check_at, row.checks_made) == (payment.next_check_at, payment.checks_made)
        order(resume_queue)
        assert gateways_to_ask() == ["fapshi"]
    else:
        assert (asked, calls(sandbox)) == (1, before + 1)
        assert row.state == "SETTLED"


def test_a_question_that_was_claimed_before_the_stop_is_asked_after_it(sandbox: Sandbox) -> None:
    payment = charged(sandbox)
    before = calls(sandbox)

    def claim_then_order(*arguments: Any) -> object:
        claimed = claim_checks(*arguments)
        order(stop_queue)
        return claimed

    with patch("payments.confirm.claim_checks", claim_then_order):
        assert confirm_batch("fapshi") == 1

    assert calls(sandbox) == before
    wait = fresh(payment).next_check_at
    assert wait is not None
    assert wait - timezone.now() < timedelta(seconds=1.5)
    order(resume_queue)
    due(payment)
    confirm_batch("fapshi")
    assert fresh(payment).state == "SETTLED"


def test_a_stopped_gateway_is_not_asked_about_strangers_and_no_look_is_counted(sandbox: Sandbox) -> None:
    event = make_event(transaction_id="somebody-elses", state="PARKED", looks=1)
    before = calls(sandbox)
    order(stop_queue)

    assert gateways_with_events(EventState.PARKED) == []
    assert look_up_strangers("fapshi") == 0

    row = WebhookEvent.objects.get(pk=event.pk)
    assert (row.looks, row.next_look_at, calls(sandbox)) == (1, event.next_look_at, before)
    order(resume_queue)
    assert gateways_with_events(EventState.PARKED) == ["fapshi"]
    assert look_up_strangers("fapshi") == 1


def test_new_events_are_looked_at_while_their_gateway_is_stopped() -> None:
    make_event()
    order(stop_queue)

    assert gateways_with_events(EventState.NEW) == ["fapshi"]


@pytest.mark.parametrize("gateway", INDIANS)
def test_a_signed_event_is_booked_while_all_are_stopped(sandbox: Sandbox, gateway: str) -> None:
    payment, attempt = make_asked(gateway)
    tell(attempt)
    before = calls(sandbox, gateway)
    order(stop_queue, "")

    assert match_batch(gateway) == 1

    assert (fresh(payment).state, calls(sandbox, gateway)) == ("SETTLED", before)


def test_a_hint_is_matched_while_its_gateway_is_stopped_and_asked_about_afterwards(sandbox: Sandbox) -> None:
    payment = charged(sandbox)
    Payment.objects.filter(pk=payment.pk).update(next_check_at=None)
    attempt = payment.attempts.get()
    event = make_event(transaction_id=attempt.transaction_id)
    before = calls(sandbox)
    order(stop_queue)

    assert match_batch("fapshi") == 1

    assert (WebhookEvent.objects.get(pk=event.pk).state, calls(sandbox)) == ("MATCHED", before)
    assert fresh(payment).next_check_at is not None


def test_the_sweeper_tells_of_nobody_who_is_held_back_however_many_wait() -> None:
    held = [make_payment(published_at=None) for _ in range(5)]
    other = make_payment(gateway="campay", published_at=None)
    off = make_payment(gateway="stripe", published_at=None)  # switched off: only an order for all is about it
    order(stop_queue, "fapshi")
    assert set(forgotten()) == {other.pk, off.pk}
    assert {fresh(payment).published_at for payment in held} == {None}

    order(stop_queue, "")
    Payment.objects.filter(pk__in=[other.pk, off.pk]).update(published_at=None)
    assert forgotten() == []


def test_days_of_a_stopped_gateway_are_not_reconciled_and_no_try_is_counted() -> None:
    now = timezone.now()
    stopped, other = (
        Reconciliation.objects.create(gateway=name, day="2026-11-05", next_attempt_at=now)
        for name in ("fapshi", "campay")
    )
    order(stop_queue)
    assert reconciliations_due(20) == [other.pk]

    order(drain_queue)
    assert set(reconciliations_due(20)) == {stopped.pk, other.pk}


def test_when_the_database_is_away_what_was_read_last_holds(monkeypatch: pytest.MonkeyPatch) -> None:
    order(stop_queue)
    assert in_force.mode_of("fapshi") == "STOP"

    def fail() -> None:
        raise OperationalError

    monkeypatch.setattr(in_force.orders, "_read", fail)
    monkeypatch.setattr(in_force.orders, "_read_at", float("-inf"))

    assert in_force.mode_of("fapshi") == "STOP"
    assert QueueControl.objects.get().mode == "STOP"
