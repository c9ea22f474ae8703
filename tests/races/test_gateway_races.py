"""Races around the gateways' answers and webhooks, against the sandbox."""

import time
from collections.abc import Iterator
from functools import partial

import pytest
from django.utils import timezone

from payments import confirm
from payments.charge import charge_payment
from payments.confirm import confirm_batch
from payments.match import match_batch
from payments.models import DeadLetter, Payment
from payments.settle import settle_batch
from tests.factories import a_while_ago, fresh, make_event, make_payment, paid
from tests.payments.books import entries_of, told
from tests.payments.gateways.sandbox import Sandbox, wait_for
from tests.payments.tricks import booked, turn, turned
from tests.races.track import at_once, slowed


@pytest.fixture(autouse=True)
def _nobody_elses_payments_are_due(sandbox: Sandbox) -> Iterator[None]:
    Payment.objects.update(next_check_at=None)
    yield
    Payment.objects.update(next_check_at=None)


def charged(sandbox: Sandbox, **knobs: object) -> Payment:
    payment = make_payment()
    turn(sandbox, payment, **{"approval_delay_ms": 0, **knobs})
    charge_payment(payment.pk)
    Payment.objects.filter(pk=payment.pk).update(next_check_at=a_while_ago())
    return fresh(payment)


@pytest.mark.invariant("INV-2")
def test_workers_that_charge_one_payment_at_once_ask_the_gateway_once(sandbox: Sandbox) -> None:
    payment = make_payment()

    with slowed("payments_payment", "UPDATE", seconds=0.05):
        at_once(*(partial(charge_payment, payment.pk) for _ in range(6)))

    assert len(booked(sandbox, payment)) == 1
    assert fresh(payment).attempts_made == 1


@pytest.mark.invariant("INV-2")
@pytest.mark.parametrize("number", range(3))
def test_a_poll_a_webhook_and_a_settlement_at_once_book_the_money_once(sandbox: Sandbox, number: int) -> None:
    payment = charged(sandbox)
    wait_for(lambda: booked(sandbox, payment), lambda found: found[0]["state"] == "collected")
    make_event(transaction_id=payment.attempts.get().transaction_id)

    with slowed("wallets_entry", "INSERT", seconds=0.03):
        results = at_once(
            partial(confirm_batch, "fapshi"),
            partial(confirm_batch, "fapshi"),
            partial(match_batch, "fapshi"),
            partial(settle_batch, [paid(payment)]),
        )

    assert not [result for result in results if isinstance(result, Exception)]
    assert fresh(payment).state == "SETTLED"
    assert sorted(entries_of(payment))[0] == "capture"
    assert told(payment) == ["payment_settled"]
    assert not DeadLetter.objects.filter(payment=payment).exists()


@pytest.mark.invariant("INV-8")
def test_two_workers_never_ask_about_the_same_payment(sandbox: Sandbox) -> None:
    payments = [charged(sandbox, never_approve_rate=1) for _ in range(6)]

    with slowed("payments_payment", "UPDATE", seconds=0.05):
        results = at_once(*(partial(confirm_batch, "fapshi") for _ in range(4)))

    assert sum(results) == 6
    assert [fresh(payment).checks_made for payment in payments] == [1] * 6


def ask_while(sandbox: Sandbox, payment: Payment, *, with_webhook: bool) -> float:
    """A poll that finds the payer still thinking, with a webhook during its call. In how many seconds it is asked."""

    def webhook() -> None:
        time.sleep(0.3)
        if with_webhook:
            make_event(transaction_id=payment.attempts.get().transaction_id)
            match_batch("fapshi")

    with turned(sandbox, "fapshi", latency_ms=700):
        assert at_once(partial(confirm_batch, "fapshi"), webhook) == [1, None]
    check_at = fresh(payment).next_check_at
    assert check_at is not None
    return (check_at - timezone.now()).total_seconds()


@pytest.mark.invariant("INV-1")
def test_a_webhook_during_a_poll_is_not_forgotten(sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(confirm, "GOES_ON_SECONDS", 0.0)  # or it is asked about once more at once
    payment = charged(sandbox, never_approve_rate=1)

    assert ask_while(sandbox, payment, with_webhook=True) <= 0


def test_control_without_a_webhook_the_poll_plans_the_next_one(sandbox: Sandbox) -> None:
    payment = charged(sandbox, never_approve_rate=1)

    assert 8 < ask_while(sandbox, payment, with_webhook=False) <= 10


@pytest.mark.invariant("INV-2")
def test_a_webhook_that_comes_before_the_answer_loses_nothing(sandbox: Sandbox) -> None:
    """The gateway tells and we settle while our own call still waits for its answer."""
    payment = make_payment()
    turn(sandbox, payment, approval_delay_ms=0, latency_ms=0)

    def settle_first() -> None:
        found = wait_for(
            lambda: booked(sandbox, payment), lambda entries: bool(entries) and entries[0]["state"] == "collected"
        )
        make_event(transaction_id=found[0]["gateway_id"], reference=found[0]["reference"])
        match_batch("fapshi")
        confirm_batch("fapshi")

    with slowed("payments_paymentattempt", "UPDATE", seconds=0.3):
        assert at_once(partial(charge_payment, payment.pk), settle_first) == [None, None]
    Payment.objects.filter(pk=payment.pk, settled_at__isnull=True).update(next_check_at=a_while_ago())
    confirm_batch("fapshi")

    assert fresh(payment).state == "SETTLED"
    assert told(payment) == ["payment_settled"]
    assert payment.attempts.get().state == "PAID"
