"""What came for a payment, and where it went, as its customer sees it."""

from collections.abc import Callable

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from rest_framework.authtoken.models import Token

from payments.close import close_unpaid
from payments.landing import landings_of
from payments.models import Payment
from payments.review import accept_payment, credit_payment, fail_payment
from payments.serializers import show_payment
from payments.settle import pay_from_wallet, settle_batch
from payments.states import WAITING_STATES, PaymentState
from tests.factories import (
    fresh,
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
from tests.payments.reviews import decide, under_review, unreadable

pytestmark = pytest.mark.django_db

Came = tuple[int | None, str, str]


def came(payment: Payment) -> Came:
    body = show_payment(fresh(payment))
    return body["collected_minor"], body["collected_currency"], body["landed"]


def topped_up() -> Payment:
    payment = make_topup(state=PaymentState.PENDING)
    make_attempt(payment)
    settle_batch([paid(payment)])
    return payment


def from_wallet() -> Payment:
    user = make_user()
    give_money(user, 2500)
    payment = make_payment(order=make_order(user=user), gateway="wallet")
    pay_from_wallet(payment.pk)
    return payment


def too_late() -> Payment:
    """Its order was paid by another payment in the meantime."""
    payment, _ = make_pending()
    close_unpaid(payment, PaymentState.EXPIRED, code="expired")
    again, _ = make_pending(order=payment.order)
    settle_batch([paid(again)])
    settle_batch([paid(payment)])
    return payment


CASES: dict[str, tuple[Callable[[], Payment], Came]] = {
    "an order": (lambda: make_settled("fapshi"), (2500, "XAF", "order")),
    "a top-up": (topped_up, (5000, "XAF", "wallet")),
    "from the wallet": (from_wallet, (2500, "XAF", "order")),
    "too late": (too_late, (2500, "XAF", "wallet")),
    "under review": (lambda: under_review(2400), (2400, "XAF", "")),
    "under review, unreadable": (unreadable, (None, "", "")),
    "too little, accepted": (lambda: decide(accept_payment, under_review(2400)), (2400, "XAF", "order")),
    "too much, credited": (lambda: decide(credit_payment, under_review(2700)), (2700, "XAF", "wallet")),
    "another currency, credited": (
        lambda: decide(credit_payment, under_review(30050, "INR")),
        (30050, "INR", "wallet"),
    ),
    "nothing collected after all": (lambda: decide(fail_payment, under_review(2400)), (None, "", "")),
}


@pytest.mark.parametrize("name", CASES)
def test_tells_what_came_and_where_it_went(name: str) -> None:
    make, expected = CASES[name]

    assert came(make()) == expected


def test_a_refund_does_not_change_where_it_went() -> None:
    payment = make_settled("razorpay")
    make_refund(payment, 1000, to_wallet=True)

    assert came(payment) == (2500, "INR", "order")


@pytest.mark.parametrize("state", [*WAITING_STATES, PaymentState.FAILED, PaymentState.EXPIRED, PaymentState.CANCELLED])
def test_what_has_no_money_costs_no_query(state: PaymentState) -> None:
    payment = make_payment(state=state)

    with CaptureQueriesContext(connection) as asked:
        assert landings_of([payment]) == {}

    assert len(asked) == 0
    assert came(payment) == (None, "", "")


def test_a_page_of_payments_costs_one_query_for_all(silent_gateways: None) -> None:
    user = make_user()
    counts = []
    for _ in range(3):
        make_settled("fapshi", user=user)
        counts.append(_queries_of_a_page(user))

    assert len(set(counts)) == 1


def _queries_of_a_page(user: User) -> int:
    token, _ = Token.objects.get_or_create(user=user)
    with CaptureQueriesContext(connection) as asked:
        answer = Client().get("/api/payments/", headers={"Authorization": f"Token {token.key}"})
    assert {row["landed"] for row in answer.json()} == {"order"}
    return len(asked)
