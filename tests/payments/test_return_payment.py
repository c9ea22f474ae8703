"""Staff give back what was collected of a payment under review."""

from collections.abc import Iterator

import pytest

from notifications.deliver import write_letter
from notifications.models import Notification
from payments.gateways.base import RefundOutcome
from payments.models import Payment, Refund
from payments.prove import find_breaks
from payments.refund import resolve_refund
from payments.refunds.take_up import take_up_refund
from payments.review import return_payment
from tests.factories import fresh
from tests.gateways import switched_on
from tests.payments.books import entries_of, told
from tests.payments.refunds.world import kinds_told, says, write
from tests.payments.reviews import balance, decide, letter_about, order_state, under_review
from tests.payments.staff import make_staff

pytestmark = [pytest.mark.django_db, pytest.mark.invariant("INV-6")]


@pytest.fixture
def returned() -> Iterator[Payment]:
    """Its gateway gives money back; nobody has asked it yet."""
    with switched_on(FAPSHI_REFUNDS="payout", FAPSHI_PAYOUT_USER="payer", FAPSHI_PAYOUT_KEY="FAK_TEST_out"):
        payment = under_review(2400)
        decide(return_payment, payment)
        yield payment


def letter_of(refund: Refund, language: str = "fr") -> str:
    row = Notification.objects.get(about=f"refund:{refund.pk}", kind="refund_failed")
    row.language = language
    letter = write_letter(row)
    return f"{letter.subject}\n{letter.text}"


def test_goes_back_through_a_gateway_that_gives_money_back(returned: Payment) -> None:
    refund = Refund.objects.get()
    assert (refund.state, refund.way, refund.amount_minor) == ("QUEUED", "GATEWAY", 2400)
    assert refund.payment_id == returned.pk
    assert (order_state(returned), balance(returned)) == ("CANCELLED", 0)
    # Nobody is told of a wallet that the money has left again.
    assert told(returned) == ["payment_under_review", "payment_returned"]
    letter = letter_about(returned, "payment_returned")
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


def test_who_was_promised_it_and_cannot_have_it_is_told_once_that_it_is_in_the_wallet(returned: Payment) -> None:
    refund = Refund.objects.get()

    for _ in range(3):
        take_up_refund("fapshi", says(refund, RefundOutcome.FAILED))

    assert (fresh(refund).state, balance(returned)) == ("FAILED", 2400)
    assert kinds_told(refund) == ["refund_failed"]
    assert letter_of(refund).startswith("Votre argent est dans votre portefeuille")
    assert "Dans votre portefeuille ChopTym : 2 400 FCFA." in letter_of(refund)
    assert "In your ChopTym wallet: 2,400 FCFA." in letter_of(refund, "en")
    assert "owe" not in letter_of(refund, "en")
    assert find_breaks() == {}


def test_so_is_who_was_promised_what_staff_called_off(returned: Payment) -> None:
    refund = Refund.objects.get()

    resolve_refund(refund.pk, actor_id=make_staff().pk, was_given=False, reason="their number is closed")

    assert (balance(returned), kinds_told(refund)) == (2400, ["refund_failed"])


def test_of_a_second_try_that_nobody_promised_nothing_is_told(returned: Payment) -> None:
    take_up_refund("fapshi", says(Refund.objects.get(), RefundOutcome.FAILED))
    again = write(returned)

    take_up_refund("fapshi", says(again, RefundOutcome.FAILED))

    assert (fresh(again).state, balance(returned), kinds_told(again)) == ("FAILED", 2400, [])


def test_what_was_given_after_all_is_told_after_that(returned: Payment) -> None:
    refund = Refund.objects.get()
    take_up_refund("fapshi", says(refund, RefundOutcome.FAILED))

    take_up_refund("fapshi", says(refund, RefundOutcome.DONE))

    given = Refund.objects.latest("pk")
    assert (balance(returned), kinds_told(refund), kinds_told(given)) == (0, ["refund_failed"], ["payment_refunded"])
    assert find_breaks() == {}
