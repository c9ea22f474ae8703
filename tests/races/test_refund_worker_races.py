"""Races of those who send refunds, hear of them, and call them off."""

import time
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import pytest
from django.db import connection

from choptym.audit.models import Act
from choptym.audit.record import record_act
from payments import refund as refund_verb
from payments.gateways.base import RefundOutcome, RefundStatus
from payments.models import Payment, Refund
from payments.refund import resolve_refund
from payments.refunds import take_up
from payments.refunds.locks import claim_refunds
from payments.refunds.outside import write_outside_refund
from payments.refunds.send import send_refunds
from payments.refunds.take_up import take_up_refund
from payments.states import RefundState
from tests.factories import a_while_ago, fresh
from tests.gateways import switched_on
from tests.payments.gateways.sandbox import Sandbox
from tests.payments.refunds.world import (
    asked,
    given_there,
    kinds_told,
    posted,
    says,
    says_outside,
    settled,
    to_its_end,
    write,
)
from tests.payments.staff import make_staff
from tests.races.refunds import PAYOUTS
from tests.races.track import at_once, meeting, slowed

pytestmark = pytest.mark.usefixtures("nobody_elses_are_due")


@pytest.fixture
def paying(gateway_sandbox: Sandbox) -> Iterator[Sandbox]:
    with switched_on(gateway_sandbox.url, **PAYOUTS):
        yield gateway_sandbox


@pytest.fixture
def silent() -> Iterator[None]:
    with switched_on(**PAYOUTS):
        yield


@pytest.mark.invariant("INV-2")
@pytest.mark.parametrize("gateway", ["fapshi", "campay", "razorpay", "cashfree"])
def test_workers_that_send_at_once_send_each_refund_once(paying: Sandbox, gateway: str) -> None:
    refunds = [asked(paying, gateway) for _ in range(3)]

    with slowed("payments_refund", "UPDATE", seconds=0.05):
        results = at_once(*(partial(send_refunds, gateway) for _ in range(4)))

    assert sum(results) == 3
    assert [fresh(refund).attempts_made for refund in refunds] == [1, 1, 1]
    ended = [row if row.finished_at else to_its_end(row) for row in map(fresh, refunds)]
    assert [row.state for row in ended] == ["REFUNDED"] * 3
    assert [len(given_there(paying, refund)) for refund in refunds] == [1, 1, 1]


def test_control_with_a_claim_that_reads_first_they_all_claim_it() -> None:
    meet = meeting(3)
    with switched_on(**PAYOUTS):
        refund = write(settled(), 1000)

    def claim() -> bool:
        is_due = Refund.objects.filter(pk=refund.pk, state=RefundState.QUEUED).exists()
        meet()
        Refund.objects.filter(pk=refund.pk).update(state=RefundState.REQUESTED)
        return is_due

    assert at_once(claim, claim, claim) == [True, True, True]


@pytest.mark.invariant("INV-2")
@pytest.mark.usefixtures("silent")
def test_the_same_words_at_once_end_it_once_and_make_one_row() -> None:
    payment = settled()
    refund = write(payment, 1000)
    words: list[Callable[[], object]] = [
        partial(take_up_refund, "razorpay", says(refund)),
        partial(take_up_refund, "razorpay", says(refund)),
        partial(take_up_refund, "razorpay", says_outside(payment)),
        partial(take_up_refund, "razorpay", says_outside(payment)),
        partial(take_up_refund, "razorpay", says_outside(payment, RefundOutcome.PENDING)),
    ]

    with slowed("payments_refund", "UPDATE", seconds=0.03):
        results = at_once(*words)

    assert {type(result) for result in results} == {Payment}
    assert sorted(Refund.objects.filter(payment=payment).values_list("source", "state")) == [
        ("OUTSIDE", "REFUNDED"),
        ("STAFF", "REFUNDED"),
    ]
    for row in Refund.objects.filter(payment=payment):
        assert (sorted(posted(row)), kinds_told(row)) == (["given", "out"], ["payment_refunded"])


@pytest.mark.invariant("INV-2")
@pytest.mark.usefixtures("silent")
def test_of_two_first_words_at_once_the_end_is_not_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither finds a row, and the older word writes it."""
    payment, meet = settled(), meeting(2)

    def write_the_older_first(gateway: str, status: RefundStatus, **how: bool) -> Payment | None:
        meet()
        if status.outcome is RefundOutcome.DONE:
            time.sleep(0.3)
        return write_outside_refund(gateway, status, **how)

    monkeypatch.setattr(take_up, "write_outside_refund", write_the_older_first)

    results = at_once(
        partial(take_up_refund, "razorpay", says_outside(payment, RefundOutcome.PENDING)),
        partial(take_up_refund, "razorpay", says_outside(payment, RefundOutcome.DONE)),
    )

    assert results == [payment, payment]
    refund = Refund.objects.get(payment=payment)
    assert (refund.state, sorted(posted(refund)), kinds_told(refund)) == (
        "REFUNDED",
        ["given", "out"],
        ["payment_refunded"],
    )


def claim_while_the_payment_is_held(refund: Refund) -> list[object]:
    """Somebody who holds the payment moves the refund, while another claims it."""
    Refund.objects.filter(pk=refund.pk).update(next_attempt_at=a_while_ago())

    def claim() -> object:
        time.sleep(0.05)
        return len(claim_refunds("razorpay", 10, may_send_again=True))

    with slowed("payments_refund", "UPDATE", seconds=0.3):
        return at_once(partial(take_up_refund, "razorpay", says(refund, RefundOutcome.PENDING)), claim)


@pytest.mark.invariant("INV-2")
@pytest.mark.usefixtures("silent")
def test_a_claim_waits_for_no_payment_so_nobody_deadlocks() -> None:
    refund = write(settled(), 1000)

    results = claim_while_the_payment_is_held(refund)

    assert not [result for result in results if isinstance(result, Exception)]
    assert fresh(refund).state in {"PENDING", "REQUESTED"}


@pytest.mark.usefixtures("silent")
def test_a_claim_is_made_while_somebody_holds_the_payment() -> None:
    """A settlement of the same payment may take long; the queue does not wait for it."""
    refund = write(settled(), 1000)
    Refund.objects.filter(pk=refund.pk).update(next_attempt_at=a_while_ago())

    def hold() -> None:
        with connection.cursor() as cursor:
            cursor.execute(
                "BEGIN; SELECT 1 FROM payments_payment WHERE id = %s FOR UPDATE; SELECT pg_sleep(1); COMMIT",
                [refund.payment_id],
            )

    def claim() -> float:
        time.sleep(0.3)
        began = time.monotonic()
        assert len(claim_refunds("razorpay", 10, may_send_again=True)) == 1
        return time.monotonic() - began

    _, seconds = at_once(hold, claim)

    assert isinstance(seconds, float), seconds
    assert seconds < 0.3


def call_off_while_it_is_claimed(monkeypatch: pytest.MonkeyPatch) -> tuple[Refund, object]:
    """A member of staff has seen that it was not sent; before they say so, a worker looks for what is due."""
    refund, staff = write(settled(), 1000), make_staff()
    Refund.objects.filter(pk=refund.pk).update(next_attempt_at=a_while_ago())

    def record_slowly(**act: Any) -> Act:
        time.sleep(0.4)
        return record_act(**act)

    def claim() -> int:
        time.sleep(0.2)
        return len(claim_refunds("razorpay", 10, may_send_again=True))

    monkeypatch.setattr(refund_verb, "record_act", record_slowly)
    call_off = partial(resolve_refund, refund.pk, actor_id=staff.pk, was_given=False, reason="a mistake")
    _, claimed = at_once(call_off, claim)
    return fresh(refund), claimed


@pytest.mark.invariant("INV-2")
@pytest.mark.usefixtures("silent")
def test_what_is_being_called_off_is_not_claimed(monkeypatch: pytest.MonkeyPatch) -> None:
    refund, claimed = call_off_while_it_is_claimed(monkeypatch)

    assert (refund.state, claimed) == ("FAILED", 0)


@pytest.mark.usefixtures("silent")
def test_control_without_the_lock_it_is_booked_back_and_sent(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(refund_verb, "lock_refund", lambda refund_id: Refund.objects.get(pk=refund_id))

    refund, claimed = call_off_while_it_is_claimed(monkeypatch)

    assert (refund.state, claimed) == ("FAILED", 1)
