"""The statement over HTTP: what changed the balance, each line with its payment and order."""

from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import transaction
from django.test import Client
from django.utils import timezone
from rest_framework.authtoken.models import Token

from orders.cancel import cancel_orders
from orders.models import CartItem
from payments.models import Payment, Refund
from payments.refunds.books import post_refund
from payments.refunds.take_up import fail
from payments.settle import pay_from_wallet, settle_batch
from payments.states import AttemptState, PaymentState
from tests.factories import (
    give_money,
    make_attempt,
    make_order,
    make_payment,
    make_pending,
    make_topup,
    make_user,
    paid,
)
from tests.payments.refund_rows import make_refund, make_settled
from wallets.selectors import wallet_balance

pytestmark = pytest.mark.django_db

ADDRESS = "/api/wallet/transactions/"


def statement_of(user: User, query: str = "") -> list[dict[str, Any]]:
    token, _ = Token.objects.get_or_create(user=user)
    answer = Client().get(f"{ADDRESS}{query}", headers={"Authorization": f"Token {token.key}"})
    assert answer.status_code == 200
    lines: list[dict[str, Any]] = answer.json()
    return lines


def top_up(user: User, amount_minor: int, **columns: Any) -> Payment:
    payment = make_topup(user=user, amount_minor=amount_minor, state=PaymentState.PENDING, **columns)
    make_attempt(payment)
    settle_batch([paid(payment)])
    return payment


def pay_direct(user: User) -> Payment:
    payment, _ = make_pending(order=make_order(user=user))
    settle_batch([paid(payment)])
    return payment


def shown(user: User) -> list[tuple[str, int, int | None, int | None]]:
    return [(line["kind"], line["amount_minor"], line["payment"], line["order"]) for line in statement_of(user)]


def assert_adds_up(user: User, currency: str = "XAF") -> None:
    total = sum(line["amount_minor"] for line in statement_of(user))
    assert total == wallet_balance(user.pk, currency).amount_minor


def test_who_pays_at_the_gateway_has_an_empty_statement() -> None:
    user = make_user()

    for _ in range(3):
        pay_direct(user)

    assert statement_of(user) == []


@pytest.mark.invariant("INV-3")
def test_each_line_says_what_it_is_about_and_they_add_up() -> None:
    user = make_user()
    topup = top_up(user, 9_000)
    pay_direct(user)
    bought = make_payment(order=make_order(user=user), gateway="wallet")
    pay_from_wallet(bought.pk)
    late = make_payment(order=make_order(user=user), state=PaymentState.CANCELLED)
    assert late.order is not None
    cancel_orders([late.order.pk])
    CartItem.objects.filter(user=user).delete()
    make_attempt(late)
    settle_batch([paid(late)])

    assert shown(user) == [
        ("credit", 2_500, late.pk, late.order_id),
        ("purchase", -2_500, bought.pk, bought.order_id),
        ("topup", 9_000, topup.pk, None),
    ]
    assert_adds_up(user)


@pytest.mark.invariant("INV-6")
def test_money_that_was_taken_twice_is_a_credit_of_its_payment() -> None:
    user = make_user()
    payment = make_payment(order=make_order(user=user), state=PaymentState.PENDING)
    first = make_attempt(payment, state=AttemptState.ABSENT)
    make_attempt(payment)
    settle_batch([paid(payment)])
    settle_batch([paid(payment, attempt_id=first.pk)])

    assert shown(user) == [("credit", 2_500, payment.pk, payment.order_id)]
    assert_adds_up(user)


def test_a_line_that_no_payment_is_behind() -> None:
    user = make_user()
    give_money(user, 700)

    assert shown(user) == [("credit", 700, None, None)]


@pytest.mark.invariant("INV-3")
def test_an_order_given_back_into_the_wallet_is_a_refund() -> None:
    user = make_user()
    payment = pay_direct(user)
    make_refund(payment, 1_000, to_wallet=True)

    assert shown(user) == [("refund", 1_000, payment.pk, payment.order_id)]
    assert_adds_up(user)


def test_an_order_given_back_through_its_gateway_never_was_in_the_wallet(silent_gateways: None) -> None:
    user = make_user()
    payment = make_settled(user=user)
    make_refund(payment, 1_000)
    fail(make_refund(payment, 500), code="refund_refused", problem="no")

    assert statement_of(user) == []
    assert wallet_balance(user.pk, "INR").amount_minor == 0


@pytest.mark.invariant("INV-3")
def test_money_of_the_wallet_that_goes_back_through_the_gateway_is_money_out(silent_gateways: None) -> None:
    user = make_user()
    topup = top_up(user, 5_000, gateway="razorpay", currency="INR")
    fail(make_refund(topup, 2_000), code="refund_refused", problem="no")
    make_refund(topup, 3_000)

    assert shown(user) == [
        ("refund_sent", -3_000, topup.pk, None),
        ("refund_undone", 2_000, topup.pk, None),
        ("refund_sent", -2_000, topup.pk, None),
        ("topup", 5_000, topup.pk, None),
    ]
    assert_adds_up(user, "INR")


@pytest.mark.invariant("INV-3")
def test_what_was_given_only_in_part_shows_both_sides(silent_gateways: None) -> None:
    user = make_user()
    payment = make_settled(user=user)
    make_refund(payment, 2_000, to_wallet=True)
    give_money(user, 100, "INR")
    part = mixed_refund(payment)

    assert shown(user)[:2] == [
        ("refund_sent", -500, payment.pk, payment.order_id),
        ("refund", 400, payment.pk, payment.order_id),
    ]
    fail(part, code="refund_refused", problem="no")
    assert [kind for kind, *_ in shown(user)[:2]] == ["refund_undone", "refund_undone"]
    assert_adds_up(user, "INR")


def mixed_refund(payment: Payment) -> Refund:
    """500 through the gateway, of which only 400 had gone to sales."""
    row = Refund.objects.create(
        payment=payment, attempt=payment.attempts.get(), way="GATEWAY", source="STAFF", gateway=payment.gateway,
        amount_minor=500, currency=payment.currency, reason="a part", next_attempt_at=timezone.now(),
    )  # fmt: skip
    with transaction.atomic():
        post_refund(row, given_minor=400)
    return row


def test_pages_by_id_skip_what_is_hidden() -> None:
    user = make_user()
    payments = []
    for _ in range(3):
        payments.append(top_up(user, 1_000).pk)
        pay_direct(user)
    newest, middle, oldest = statement_of(user)

    older = statement_of(user, f"?before={newest['id']}")

    assert [line["payment"] for line in (newest, middle, oldest)] == payments[::-1]
    assert older == [middle, oldest]
