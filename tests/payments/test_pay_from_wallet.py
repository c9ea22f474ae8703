"""An order paid from the wallet: the same settlement, without a gateway."""

import pytest

from choptym.lib.money import Money
from payments.cancel import cancel_payment
from payments.models import Payment
from payments.settle import pay_from_wallet
from payments.states import PaymentState
from tests.factories import fresh, give_money, make_order, make_payment, make_pending, make_user
from tests.payments.books import entries_of, told
from wallets.prove import find_breaks
from wallets.selectors import wallet_balance

pytestmark = pytest.mark.django_db


def a_wallet_payment(balance: int) -> Payment:
    user = make_user()
    if balance:
        give_money(user, balance)
    return make_payment(order=make_order(user=user), gateway="wallet")


@pytest.mark.parametrize("balance", [2500, 2600])
def test_pays_from_what_is_there(balance: int) -> None:
    payment = a_wallet_payment(balance)

    pay_from_wallet(payment.pk)

    assert fresh(payment).state == "SETTLED"
    assert payment.order is not None
    assert fresh(payment.order).state == "PAID"
    assert entries_of(payment) == {"sale": (f"customer:{payment.user_id}", "sales", 2500)}
    assert wallet_balance(payment.user_id, "XAF") == Money(balance - 2500, "XAF")
    assert told(payment) == ["payment_settled"]
    assert find_breaks() == {}


@pytest.mark.invariant("INV-3")
@pytest.mark.parametrize("balance", [0, 2499])
def test_a_wallet_that_does_not_hold_enough_fails_the_payment_and_frees_the_order(balance: int) -> None:
    payment = a_wallet_payment(balance)

    pay_from_wallet(payment.pk)

    row = fresh(payment)
    assert (row.state, row.failure_code) == ("FAILED", "insufficient_balance")
    assert payment.order is not None
    assert fresh(payment.order).state == "CANCELLED"
    assert payment.order.items.get().product.stock_on_hand == 10
    assert wallet_balance(payment.user_id, "XAF") == Money(balance, "XAF")
    assert told(payment) == ["payment_failed"]


@pytest.mark.invariant("INV-2")
def test_pays_once() -> None:
    payment = a_wallet_payment(9000)

    for _ in range(3):
        pay_from_wallet(payment.pk)

    assert wallet_balance(payment.user_id, "XAF") == Money(6500, "XAF")


def test_what_was_cancelled_is_not_paid() -> None:
    payment = a_wallet_payment(9000)
    cancel_payment(payment.pk)

    pay_from_wallet(payment.pk)

    assert fresh(payment).state == "CANCELLED"
    assert wallet_balance(payment.user_id, "XAF") == Money(9000, "XAF")


def test_touches_no_payment_of_a_gateway_and_none_that_is_not_there() -> None:
    queued, (pending, _) = make_payment(), make_pending()

    for payment_id in (queued.pk, pending.pk, 2**62):
        pay_from_wallet(payment_id)

    assert (fresh(queued).state, fresh(pending).state) == (PaymentState.QUEUED, PaymentState.PENDING)
