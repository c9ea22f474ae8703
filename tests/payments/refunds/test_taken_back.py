"""A refund that failed, was put into the wallet instead, and was given by the gateway after all."""

import uuid
from dataclasses import replace

import pytest
from django.contrib.auth.models import User

from choptym.lib.money import Money
from notifications.deliver import write_letter
from notifications.models import Notification
from payments.admin.refund_advice import advice_about
from payments.credit import credit_wallet
from payments.gateways.base import RefundOutcome
from payments.models import DeadLetter, Refund
from payments.prove import find_breaks
from payments.refunds.take_up import take_up_refund
from payments.refunds.write import left_to_refund
from payments.replay import replay_dead_letter
from payments.selectors import refunds_in_need
from payments.settle import pay_from_wallet
from tests.factories import fresh, make_order, make_payment, make_product, make_shop
from tests.payments.refunds.world import PAID_MINOR, PART_MINOR, kinds_told, posted, says, settled, wallet, write
from tests.payments.staff import make_staff

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("silent")]

DONE, FAILED = RefundOutcome.DONE, RefundOutcome.FAILED


def failed(amount_minor: int | None = None) -> Refund:
    """By its gateway's word, after it was sent."""
    refund = write(settled(), amount_minor)
    Refund.objects.filter(pk=refund.pk).update(state="PENDING", requested_at=refund.created_at)
    take_up_refund("razorpay", says(fresh(refund), FAILED))
    return fresh(refund)


def live(refund: Refund) -> list[tuple[str, int]]:
    """By which way how much was given of this payment, in the order in which it was."""
    rows = Refund.objects.filter(payment=refund.payment).exclude(state="FAILED").order_by("pk")
    return list(rows.values_list("way", "amount_minor"))


@pytest.mark.invariant("INV-2")
@pytest.mark.invariant("INV-3")
def test_what_is_in_the_wallet_instead_leaves_it_again() -> None:
    refund = failed()
    instead = write(refund.payment, to_wallet=True)
    assert wallet(refund.payment) == PAID_MINOR

    for _ in range(3):
        take_up_refund("razorpay", says(fresh(refund), DONE))

    assert live(refund) == [("GATEWAY", PAID_MINOR)]
    assert (wallet(refund.payment), left_to_refund(refund.payment, refund.attempt).amount_minor) == (0, 0)
    row = fresh(instead)
    assert (row.state, row.failure_code) == ("FAILED", "given_after_all")
    assert row.problem == f"refund {refund.pk} was given after all"
    assert sorted(posted(row)) == ["given", "given_back"]
    assert kinds_told(row) == ["wallet_refunded", "refund_taken_back"]
    assert not DeadLetter.objects.exists()
    assert find_breaks() == {}


@pytest.mark.invariant("INV-2")
@pytest.mark.parametrize(
    ("before", "after"),
    [
        pytest.param([45_000], [30_000], id="150 of 450 rupees leave it, no more"),
        pytest.param([10_000, 20_000, 20_000], [10_000, 20_000], id="the newest first"),
        pytest.param([25_000], [25_000], id="where there is room nothing is taken"),
    ],
)
def test_so_much_leaves_the_wallet_as_would_be_given_twice(before: list[int], after: list[int]) -> None:
    refund = failed(PART_MINOR)
    for amount_minor in before:
        write(refund.payment, amount_minor, to_wallet=True)

    take_up_refund("razorpay", says(fresh(refund), DONE))

    assert live(refund) == [*(("WALLET", amount_minor) for amount_minor in after), ("GATEWAY", PART_MINOR)]
    assert (wallet(refund.payment), find_breaks()) == (sum(after), {})


@pytest.mark.invariant("INV-3")
def test_what_was_spent_is_for_a_person_who_credits_it_and_replays() -> None:
    refund = failed()
    write(refund.payment, to_wallet=True)
    spend(refund.payment.user)

    take_up_refund("razorpay", says(fresh(refund), DONE))

    assert "does not hold enough" in DeadLetter.objects.get().reason
    assert live(refund) == [("WALLET", PAID_MINOR)]
    money = Money(PAID_MINOR, "INR")
    actor = make_staff("finance").pk
    credit_wallet(user_id=refund.payment.user_id, money=money, actor_id=actor, reason="ours to bear", key=uuid.uuid4())
    replay_dead_letter(DeadLetter.objects.get().pk, actor_id=actor, reason="it can be booked now")
    assert live(refund) == [("GATEWAY", PAID_MINOR)]
    assert (wallet(refund.payment), find_breaks()) == (0, {})


def spend(user: User) -> None:
    """On another order, from the wallet."""
    product = make_product(shop=make_shop(currency="INR"), price_minor=PAID_MINOR)
    other = make_payment(order=make_order(user=user, lines=[(product, 1)]), gateway="wallet")
    pay_from_wallet(other.pk)
    assert fresh(other).state == "SETTLED"


@pytest.mark.invariant("INV-2")
def test_what_would_not_be_enough_is_not_taken() -> None:
    refund = failed()
    write(refund.payment, 10_000, to_wallet=True)
    more = replace(says(fresh(refund), DONE), money=Money(PAID_MINOR + 1, "INR"))

    take_up_refund("razorpay", more)

    assert "refund_within_capture" in DeadLetter.objects.get().reason
    assert live(refund) == [("WALLET", 10_000)]
    assert wallet(refund.payment) == 10_000


def test_staff_read_that_nothing_is_left_to_do() -> None:
    refund = failed()
    instead = write(refund.payment, to_wallet=True)
    take_up_refund("razorpay", says(fresh(refund), DONE))
    given = Refund.objects.get(state="REFUNDED")

    assert advice_about(fresh(refund)) == f"Nothing: the gateway gave it after all, which is refund {given.pk}."
    assert advice_about(fresh(instead)).startswith(f"Nothing: refund {refund.pk} was given after all")
    assert list(refunds_in_need()) == []


@pytest.mark.parametrize(("language", "words"), [("en", "the ₹500.00 that we had put"), ("fr", "500,00")])
def test_the_customer_reads_why(language: str, words: str) -> None:
    refund = failed()
    instead = write(refund.payment, to_wallet=True)
    take_up_refund("razorpay", says(fresh(refund), DONE))

    about = Notification.objects.filter(about=f"refund:{instead.pk}", kind="refund_taken_back")
    about.update(language=language)

    assert words in write_letter(about.get()).text
