"""Staff give back what was collected of a payment under review."""

import pytest

from payments.models import Refund
from payments.prove import find_breaks
from payments.review import return_payment
from tests.gateways import switched_on
from tests.payments.books import entries_of, told
from tests.payments.reviews import balance, decide, letter_about, order_state, under_review

pytestmark = [pytest.mark.django_db, pytest.mark.invariant("INV-6")]


def test_goes_back_through_a_gateway_that_gives_money_back() -> None:
    with switched_on(FAPSHI_REFUNDS="payout", FAPSHI_PAYOUT_USER="payer", FAPSHI_PAYOUT_KEY="FAK_TEST_out"):
        payment = under_review(2400)
        decide(return_payment, payment)

    refund = Refund.objects.get()
    assert (refund.state, refund.way, refund.amount_minor, refund.payment_id) == ("QUEUED", "GATEWAY", 2400, payment.pk)
    assert (order_state(payment), balance(payment)) == ("CANCELLED", 0)
    # Nobody is told of a wallet that the money has left again.
    assert told(payment) == ["payment_under_review", "payment_returned"]
    letter = letter_about(payment, "payment_returned")
    assert "2 400 FCFA au lieu de 2 500 FCFA" in letter
    assert "qui est annulée" in letter
    assert find_breaks() == {}


def test_stays_in_the_wallet_where_the_gateway_gives_nothing_back() -> None:
    with switched_on():
        payment = under_review(2400)
        decide(return_payment, payment)

    assert not Refund.objects.exists()
    assert sorted(entries_of(payment)) == ["capture"]
    assert (order_state(payment), balance(payment)) == ("CANCELLED", 2400)
    assert told(payment) == ["payment_under_review", "payment_credited"]
    assert find_breaks() == {}
