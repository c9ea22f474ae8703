"""Refunds of money that lies in the wallet, in whole or in part, and goes out from there."""

import pytest

from choptym.lib.errors import NotAllowed, Rejected
from payments.models import Payment, PaymentAttempt, Refund
from payments.prove import find_breaks
from payments.refunds.write import Wish, check_refund
from payments.settle import pay_from_wallet, settle_batch
from payments.states import AttemptState, PaymentState
from tests.factories import fresh, make_attempt, make_order, make_payment, make_pending, make_topup, paid
from tests.payments.refunds.world import PART_MINOR, posted, settled, wallet, write
from wallets.models import Entry
from wallets.post import Posting, post_entries

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("silent")]


def refusal(payment: Payment, amount_minor: int | None = None, **wish: object) -> str:
    """The code of the refusal; nothing was written."""
    before = (Refund.objects.count(), Entry.objects.count())
    with pytest.raises(Rejected) as caught:
        write(payment, amount_minor, **wish)
    assert (Refund.objects.count(), Entry.objects.count()) == before
    return caught.value.code


def late(amount_minor: int = 5000) -> Payment:
    """A top-up: its money is in the wallet."""
    payment = make_topup(gateway="campay", amount_minor=amount_minor)
    make_attempt(payment)
    settle_batch([paid(payment)])
    return fresh(payment)


@pytest.mark.invariant("INV-3")
def test_money_in_the_wallet_leaves_it_at_once() -> None:
    payment = late()

    refund = write(payment, 2000)

    assert posted(refund) == {"out": (f"customer:{payment.user_id}", "gateway:campay", 2000)}
    assert wallet(payment) == 3000
    assert find_breaks() == {}


@pytest.mark.invariant("INV-3")
def test_money_that_was_spent_from_the_wallet_cannot_go_out_too() -> None:
    payment = late()
    order = make_order(user=payment.user)
    spending = make_payment(order=order, gateway="wallet")
    pay_from_wallet(spending.pk)

    assert refusal(payment) == "insufficient_balance"
    assert write(payment, 2500).amount_minor == 2500
    assert wallet(payment) == 0


@pytest.mark.invariant("INV-3")
def test_money_that_is_on_its_way_out_cannot_be_spent() -> None:
    payment = late()
    write(payment, 4000)
    spending = make_payment(order=make_order(user=payment.user), gateway="wallet")

    pay_from_wallet(spending.pk)

    assert (fresh(spending).state, fresh(spending).failure_code) == ("FAILED", "insufficient_balance")
    assert wallet(payment) == 1000


@pytest.mark.parametrize("state", [PaymentState.SETTLED, PaymentState.FAILED])
def test_a_second_try_that_was_paid_too_can_be_given_back_whatever_became_of_the_payment(state: PaymentState) -> None:
    payment = settled("campay", 2500)
    second = make_attempt(payment, AttemptState.NOT_PAID)
    settle_batch([paid(payment)])
    assert fresh(second).state == "SURPLUS"
    assert wallet(payment) == 2500
    if state == PaymentState.FAILED:
        Payment.objects.filter(pk=payment.pk).update(state=state, settled_at=None)

    refund = write(payment, attempt_id=second.pk)

    assert (refund.attempt, refund.amount_minor, list(posted(refund))) == (second, 2500, ["out"])
    assert wallet(payment) == 0


# Reviews that people decided: the gateway collected something else than the order cost.


def accepted(collected_minor: int, *, price_minor: int = 2500) -> Payment:
    """As an accepted review books it."""
    payment, attempt = make_pending(gateway="campay")
    settle_batch([paid(payment)])
    PaymentAttempt.objects.filter(pk=attempt.pk).update(collected_minor=collected_minor)
    difference = collected_minor - price_minor
    from_to = ("gateway:campay", f"customer:{payment.user_id}") if difference > 0 else None
    _post(payment, abs(difference), from_to)
    return fresh(payment)


def _post(payment: Payment, amount_minor: int, from_to: tuple[str, str] | None) -> None:
    customer, reason = f"customer:{payment.user_id}", f"payment:{payment.pk}"
    money = type(payment.amount)(amount_minor, "XAF")
    if from_to:
        postings = [Posting(*from_to, money, f"{reason}:more")]
    else:
        postings = [
            Posting("sales", customer, money, f"{reason}:allowance"),
            Posting(customer, "gateway:campay", money, f"{reason}:less"),
        ]
    post_entries(postings)


def test_of_a_sale_that_was_let_off_in_part_only_what_was_collected_goes_back() -> None:
    payment = accepted(2400)

    refund = write(payment)

    assert refund.amount_minor == 2400
    assert {name: entry[2] for name, entry in posted(refund).items()} == {"given": 2400, "out": 2400}
    assert "refund_given_wrong" not in find_breaks()


def test_what_was_collected_beyond_the_sale_goes_back_from_the_wallet() -> None:
    payment = accepted(2600)

    refund = write(payment)

    assert {name: entry[2] for name, entry in posted(refund).items()} == {"given": 2500, "out": 2600}
    assert wallet(payment) == 0
    assert "refund_given_wrong" not in find_breaks()


def test_the_whole_rest_into_the_wallet_is_what_was_sold_and_no_more() -> None:
    payment = accepted(2600)

    refund = write(payment, to_wallet=True)

    assert (refund.amount_minor, wallet(payment)) == (2500, 2600)
    assert refusal(payment, to_wallet=True) == "already_in_wallet"


def test_a_forecast_says_what_would_be_done_and_does_nothing() -> None:
    payment = settled()

    plan = check_refund(payment, Wish(reason="", amount_minor=PART_MINOR))

    assert (plan.way, plan.money.amount_minor, plan.given_minor) == ("GATEWAY", PART_MINOR, PART_MINOR)
    assert Refund.objects.count() == 0
    with pytest.raises(NotAllowed):
        check_refund(make_payment(), Wish(reason=""))
