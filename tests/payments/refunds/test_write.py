"""Writing a refund: what may be given back, by which way, once per reference."""

import uuid

import pytest
from django.contrib.auth.models import User

from choptym.audit.models import Act
from choptym.lib.errors import KeyReused, Rejected
from payments.models import Payment, Refund
from payments.prove import find_breaks
from payments.refund import refund_payment
from payments.refunds.write import Wish, left_to_refund
from payments.settle import pay_from_wallet, settle_batch
from payments.states import AttemptState, PaymentState
from tests.factories import fresh, give_money, make_attempt, make_order, make_payment, make_topup, paid
from tests.payments.refunds.world import PAID_MINOR, PART_MINOR, kinds_told, posted, settled, wallet, write
from tests.payments.staff import acts_about, make_staff
from wallets.models import Entry

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("silent")]


def paid_from_wallet() -> Payment:
    order = make_order()
    give_money(User.objects.get(pk=order.user_id), 3000)
    payment = make_payment(order=order, gateway="wallet")
    pay_from_wallet(payment.pk)
    return fresh(payment)


def refusal(payment: Payment, amount_minor: int | None = None, **wish: object) -> str:
    """The code of the refusal; nothing was written."""
    before = (Refund.objects.count(), Entry.objects.count())
    with pytest.raises(Rejected) as caught:
        write(payment, amount_minor, **wish)
    assert (Refund.objects.count(), Entry.objects.count()) == before
    return caught.value.code


@pytest.mark.invariant("INV-3")
def test_what_bought_an_order_goes_out_and_is_due_to_be_sent() -> None:
    payment = settled()

    refund = write(payment, PART_MINOR)

    assert (refund.way, refund.gateway, refund.state, refund.source) == ("GATEWAY", "razorpay", "QUEUED", "STAFF")
    assert refund.next_attempt_at is not None
    customer = f"customer:{payment.user_id}"
    assert posted(refund) == {
        "given": ("refunds", customer, PART_MINOR),
        "out": (customer, "gateway:razorpay", PART_MINOR),
    }
    assert (wallet(payment), kinds_told(refund)) == (0, [])
    assert payment.order is not None
    assert fresh(payment.order).state == "PAID"
    assert find_breaks() == {}


def test_without_an_amount_it_is_the_whole_rest() -> None:
    payment = settled()
    write(payment, PART_MINOR)

    assert write(payment).amount_minor == PAID_MINOR - PART_MINOR
    assert refusal(payment) == "nothing_left"
    assert refusal(payment, 1) == "nothing_left"


@pytest.mark.parametrize(("amount_minor", "code"), [(0, "amount_invalid"), (-5, "amount_invalid")])
def test_an_amount_is_above_zero(amount_minor: int, code: str) -> None:
    assert refusal(settled(), amount_minor) == code


@pytest.mark.parametrize(("gateway", "least"), [("razorpay", "1.00 INR"), ("cashfree", "1.00 INR")])
def test_less_than_the_gateway_gives_back_is_refused_at_once(gateway: str, least: str) -> None:
    payment = settled(gateway)

    with pytest.raises(Rejected, match=f"{least} or more.*wallet") as caught:
        write(payment, 99)

    assert (caught.value.code, list(caught.value.fields)) == ("refund_too_small", ["amount_minor"])
    assert not Refund.objects.exists()
    assert write(payment, 99, to_wallet=True).state == "REFUNDED"
    assert write(payment, 100).state == "QUEUED"


def test_a_whole_rest_that_is_too_small_goes_into_the_wallet_only() -> None:
    payment = settled()
    write(payment, PAID_MINOR - 50)

    assert refusal(payment) == "refund_too_small"
    assert write(payment, to_wallet=True).amount_minor == 50
    assert find_breaks() == {}


@pytest.mark.invariant("INV-2")
def test_never_more_than_is_left() -> None:
    payment = settled()
    write(payment, PART_MINOR)

    assert refusal(payment, PAID_MINOR - PART_MINOR + 1) == "amount_too_large"
    assert left_to_refund(payment, None).amount_minor == PAID_MINOR - PART_MINOR


@pytest.mark.parametrize("state", [state for state in PaymentState if state != PaymentState.SETTLED])
def test_nothing_is_given_back_of_what_is_not_settled(state: PaymentState) -> None:
    payment = make_payment(state=state, gateway="campay")
    make_attempt(payment, AttemptState.ACCEPTED)

    assert refusal(payment) == "not_settled"


def test_staff_say_why() -> None:
    payment = settled()

    with pytest.raises(Rejected) as caught:
        refund_payment(payment.pk, Wish(reason="  "), actor_id=make_staff().pk)

    assert (caught.value.code, Refund.objects.count(), Act.objects.count()) == ("no_reason", 0, 0)


# One reference, one refund.


@pytest.mark.invariant("INV-2")
def test_the_same_reference_again_is_the_same_refund() -> None:
    payment, staff, wish = settled(), make_staff(), Wish(reason="cold", amount_minor=500, reference=uuid.uuid4())

    refunds = {refund_payment(payment.pk, wish, actor_id=staff.pk).pk for _ in range(3)}

    assert len(refunds) == 1
    assert Refund.objects.count() == 1
    assert acts_about(f"payment:{payment.pk}") == [(staff.username, "refund_payment", "cold")]
    assert Act.objects.get().details == {"refund": refunds.pop(), "amount": "5.00 INR", "way": "GATEWAY"}


def test_the_same_reference_for_another_amount_or_payment_is_refused() -> None:
    payment, reference = settled(), uuid.uuid4()
    write(payment, 500, reference=reference)

    with pytest.raises(KeyReused):
        write(payment, 600, reference=reference)
    with pytest.raises(KeyReused):
        write(settled(), 500, reference=reference)
    assert Refund.objects.count() == 1


# Into the wallet.


@pytest.mark.invariant("INV-3")
def test_what_no_gateway_gives_back_goes_into_the_wallet_at_once(sandbox: object) -> None:
    payment = settled("fapshi")

    refund = write(payment, PART_MINOR)

    assert (refund.way, refund.gateway, refund.state, refund.next_attempt_at) == ("WALLET", "", "REFUNDED", None)
    assert refund.attempt is not None
    assert refund.finished_at is not None
    assert posted(refund) == {"given": ("refunds", f"customer:{payment.user_id}", PART_MINOR)}
    assert (wallet(payment), kinds_told(refund)) == (PART_MINOR, ["wallet_refunded"])
    assert find_breaks() == {}


def test_staff_may_choose_the_wallet_and_the_rest_can_still_go_out() -> None:
    payment = settled()

    into, out = write(payment, PART_MINOR, to_wallet=True), write(payment)

    assert (into.way, out.way) == ("WALLET", "GATEWAY")
    assert out.amount_minor == PAID_MINOR - PART_MINOR
    assert wallet(payment) == PART_MINOR
    assert find_breaks() == {}


def test_an_order_paid_from_the_wallet_goes_back_into_it() -> None:
    payment = paid_from_wallet()

    refund = write(payment)

    assert (refund.way, refund.attempt, refund.state) == ("WALLET", None, "REFUNDED")
    assert wallet(payment) == 3000
    assert refusal(payment) == "nothing_left"
    assert payment.order is not None
    assert fresh(payment.order).state == "PAID"


def test_what_lies_in_the_wallet_is_not_given_into_it_again() -> None:
    payment = make_topup(gateway="fapshi")
    make_attempt(payment)
    settle_batch([paid(payment)])

    assert refusal(payment, to_wallet=True) == "already_in_wallet"
    assert wallet(payment) == 5000
