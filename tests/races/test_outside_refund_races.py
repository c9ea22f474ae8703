"""A refund that began at the gateway, heard of by two roads at once."""

import uuid
from functools import partial

import pytest

from choptym.lib.money import Money
from payments.gateways.base import RefundOutcome, RefundStatus
from payments.models import DeadLetter, Payment, PaymentAttempt, Refund
from payments.refunds.take_up import take_up_refund
from payments.settle import settle_batch
from tests.factories import make_pending, paid
from tests.races.track import at_once, slowed, wallet_is_true
from wallets.models import Entry


def settled() -> tuple[Payment, PaymentAttempt]:
    payment, attempt = make_pending()
    settle_batch([paid(payment, gateway_payment_id=f"money-{attempt.pk}")])
    return payment, attempt


def word_about(attempt: PaymentAttempt, refund_id: str, outcome: RefundOutcome = RefundOutcome.DONE) -> RefundStatus:
    return RefundStatus(
        outcome,
        refund_id,
        "",
        Money(500, "XAF"),
        transaction_id=attempt.transaction_id,
        gateway_payment_id=f"money-{attempt.pk}",
    )


@pytest.mark.invariant("INV-2")
def test_of_two_roads_at_once_one_writes_the_row() -> None:
    payment, attempt = settled()
    refund_id = uuid.uuid4().hex
    words = [word_about(attempt, refund_id), word_about(attempt, refund_id, RefundOutcome.PENDING)] * 3

    with slowed("payments_refund", "INSERT", seconds=0.05):
        results = at_once(*(partial(take_up_refund, "fapshi", word) for word in words))

    assert results == [payment] * 6
    [refund] = Refund.objects.filter(payment=payment)
    assert list(Entry.objects.filter(reason=f"refund:{refund.pk}:out").values_list("amount_minor", flat=True)) == [500]
    assert not DeadLetter.objects.filter(payment=payment).exists()
    assert wallet_is_true(payment.user_id)


@pytest.mark.invariant("INV-2")
def test_what_only_the_database_can_tell_apart_is_one_row_and_no_dead_letter() -> None:
    """Under two payments: no lock is shared, and the unique id decides."""
    first, second = settled(), settled()
    refund_id = uuid.uuid4().hex
    words = [word_about(attempt, refund_id) for _, attempt in (first, second)]

    with slowed("payments_refund", "INSERT"):
        results = at_once(*(partial(take_up_refund, "fapshi", word) for word in words))

    assert set(results) <= {first[0], second[0]}
    refunds = Refund.objects.filter(payment__in=[first[0], second[0]])
    assert refunds.count() == 1
    assert Entry.objects.filter(reason=f"refund:{refunds.get().pk}:out").count() == 1
    assert not DeadLetter.objects.filter(payment__in=[first[0], second[0]]).exists()
