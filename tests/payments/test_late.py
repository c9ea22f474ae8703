"""Money that came late or elsewhere: booked where it is, and what becomes of it."""

from datetime import timedelta

import pytest
from django.utils import timezone

from choptym.lib.money import Money
from notifications.deliver import write_letter
from notifications.models import Language, Notification
from orders.cancel import cancel_orders
from orders.models import CartItem, Order
from payments.cancel import cancel_payment
from payments.models import DeadLetter, Payment
from payments.progress import steps_of
from payments.prove import find_breaks
from payments.settle import settle_batch
from payments.states import AttemptState, PaymentState
from payments.story import read_story
from tests.factories import (
    fresh,
    make_attempt,
    make_order,
    make_payment,
    make_pending,
    make_product,
    paid,
)
from tests.payments.books import entries_of, told
from wallets.models import Entry
from wallets.selectors import statement_entries, wallet_balance

pytestmark = pytest.mark.django_db


def ended(state: PaymentState = PaymentState.EXPIRED) -> Payment:
    """A payment that was given up, with a try that the gateway may still call paid."""
    order = make_order()
    cancel_orders([order.pk])
    payment = make_payment(order=order, state=state, failure_code="expired")
    make_attempt(payment)
    return payment


@pytest.mark.invariant("INV-6")
@pytest.mark.parametrize("state", [PaymentState.EXPIRED, PaymentState.FAILED, PaymentState.CANCELLED])
def test_late_money_has_the_order_on_again_and_the_customer_knows(state: PaymentState) -> None:
    payment = ended(state)

    settle_batch([paid(payment)])

    row = fresh(payment)
    assert (row.state, row.failure_code) == ("SETTLED", "")
    assert row.order is not None
    assert row.order.state == "PAID"
    assert sorted(entries_of(payment)) == ["capture", "sale"]
    assert wallet_balance(payment.user_id, "XAF") == Money(0, "XAF")
    assert list(statement_entries(payment.user_id)) == []
    assert not CartItem.objects.filter(user=payment.user_id).exists()
    assert told(payment) == ["payment_settled_late"]
    assert find_breaks() == {}


@pytest.mark.parametrize("language", [Language.ENGLISH, Language.FRENCH])
def test_what_the_customer_is_told_names_order_shop_and_sum(language: Language) -> None:
    payment = ended()
    settle_batch([paid(payment)])
    Notification.objects.filter(about=f"payment:{payment.pk}").update(language=language)

    text = write_letter(Notification.objects.get(about=f"payment:{payment.pk}")).text

    assert payment.order is not None
    for word in (payment.order.number, payment.order.shop.name, "2,500 FCFA" if language == "en" else "2 500 FCFA"):
        assert word in text


def test_steps_and_story_tell_that_it_was_given_up_and_is_paid() -> None:
    payment = ended()
    settle_batch([paid(payment)])

    assert [step["name"] for step in steps_of(fresh(payment))][-1] == "settled"
    titles = [moment.step.title for moment in read_story(payment.pk).moments]
    given_up = titles.index("The order was cancelled: its stock is free again")
    on_again = titles.index("The order was taken up again: everything for it was still there")
    assert given_up < on_again


@pytest.mark.invariant("INV-6")
def test_the_customer_who_cancels_and_then_approves_has_the_order() -> None:
    payment, _ = make_pending()
    cancel_payment(payment.pk)

    settle_batch([paid(payment)])

    assert payment.order is not None
    assert fresh(payment.order).state == "PAID"


@pytest.mark.invariant("INV-6")
def test_money_that_is_hours_late_is_in_the_wallet() -> None:
    payment = ended()
    assert payment.order is not None
    Order.objects.filter(pk=payment.order.pk).update(cancelled_at=timezone.now() - timedelta(hours=3))

    settle_batch([paid(payment)])

    assert sorted(entries_of(payment)) == ["capture"]
    assert told(payment) == ["wallet_credited"]
    assert find_breaks() == {}


@pytest.mark.invariant("INV-6")
def test_late_money_of_two_payments_of_one_order_buys_it_once() -> None:
    payment = ended()
    other = make_payment(order=payment.order, state=PaymentState.EXPIRED)
    make_attempt(other)

    settle_batch([paid(other), paid(payment)])

    assert (sorted(entries_of(payment)), sorted(entries_of(other))) == (["capture", "sale"], ["capture"])
    assert (told(payment), told(other)) == (["payment_settled_late"], ["wallet_credited"])
    assert find_breaks() == {}


def test_late_and_timely_money_settle_in_one_batch() -> None:
    product = make_product()
    late, timely = ended(), make_pending(order=make_order(lines=[(product, 1)]))[0]

    settle_batch([paid(late), paid(timely)])

    assert (told(late), told(timely)) == (["payment_settled_late"], ["payment_settled"])
    assert find_breaks() == {}


# Where the money is: at the gateway of the try.


@pytest.mark.invariant("INV-3")
def test_money_is_booked_at_the_gateway_of_its_try() -> None:
    payment, attempt = make_pending(gateway="campay")
    Payment.objects.filter(pk=payment.pk).update(gateway="fapshi")

    settle_batch([paid(payment, fee=Money(50, "XAF"))])

    assert attempt.gateway == "campay"
    assert entries_of(payment)["capture"][0] == "gateway:campay"
    assert entries_of(payment)["fee"][:2] == ("fees:campay", "gateway:campay")
    assert find_breaks() == {}


@pytest.mark.invariant("INV-3")
def test_what_an_earlier_try_took_too_many_is_booked_at_its_own_gateway() -> None:
    payment = make_payment(state=PaymentState.PENDING, gateway="fapshi")
    first = make_attempt(payment, AttemptState.ABSENT, gateway="campay")
    make_attempt(payment)
    settle_batch([paid(payment)])

    settle_batch([paid(payment, attempt_id=first.pk)])

    entry = Entry.objects.select_related("debit").get(reason=f"attempt:{first.pk}:surplus")
    assert entry.debit.name == "gateway:campay"
    assert find_breaks() == {}


# Taken twice.


def reviewed_by_its_second_try() -> tuple[Payment, int]:
    payment = make_payment(state=PaymentState.PENDING)
    first = make_attempt(payment, AttemptState.ABSENT)
    make_attempt(payment)
    settle_batch([paid(payment, amount_minor=1)])
    assert fresh(payment).state == "REVIEW"
    return payment, first.pk


@pytest.mark.invariant("INV-6")
def test_a_second_capture_of_what_is_under_review_is_in_the_wallet() -> None:
    payment, first = reviewed_by_its_second_try()

    settle_batch([paid(payment, attempt_id=first)])

    assert fresh(payment).state == "REVIEW"
    assert wallet_balance(payment.user_id, "XAF") == Money(2500, "XAF")
    assert Notification.objects.get(about=f"attempt:{first}").kind == "wallet_credited_twice"


@pytest.mark.invariant("INV-6")
def test_a_second_capture_in_another_currency_is_in_the_wallet_of_that_currency() -> None:
    payment = make_payment(state=PaymentState.PENDING)
    first = make_attempt(payment, AttemptState.ABSENT)
    make_attempt(payment)
    settle_batch([paid(payment)])

    settle_batch([paid(payment, attempt_id=first.pk, amount_minor=30050, currency="INR")])

    assert wallet_balance(payment.user_id, "INR") == Money(30050, "INR")
    assert "300,50 ₹" in write_letter(Notification.objects.get(about=f"attempt:{first.pk}")).text
    assert find_breaks() == {}


@pytest.mark.invariant("INV-6")
def test_each_of_two_second_captures_is_in_the_wallet() -> None:
    payment = make_payment(state=PaymentState.PENDING)
    early = [make_attempt(payment, AttemptState.ABSENT) for _ in range(2)]
    make_attempt(payment)
    settle_batch([paid(payment)])

    settle_batch([paid(payment, attempt_id=attempt.pk) for attempt in early])

    assert [fresh(attempt).state for attempt in early] == ["SURPLUS", "SURPLUS"]
    assert wallet_balance(payment.user_id, "XAF") == Money(5000, "XAF")
    assert find_breaks() == {}


@pytest.mark.invariant("INV-2")
@pytest.mark.parametrize("money", [Money(2500, "XAF"), None])
def test_what_was_credited_once_as_surplus_never_settles_the_payment_too(money: Money | None) -> None:
    payment = make_payment(state=PaymentState.PENDING)
    first, second = make_attempt(payment, AttemptState.ABSENT), make_attempt(payment)
    settle_batch([paid(payment, attempt_id=first.pk)])
    type(second).objects.filter(pk=second.pk).update(state=AttemptState.NOT_PAID)
    Payment.objects.filter(pk=payment.pk).update(state=PaymentState.FAILED, finished_at=timezone.now())

    settle_batch([paid(payment, attempt_id=first.pk, money=money)])

    assert fresh(payment).state == "FAILED"
    assert entries_of(payment) == {}
    assert wallet_balance(payment.user_id, "XAF") == Money(2500, "XAF")
    assert not DeadLetter.objects.exists()
