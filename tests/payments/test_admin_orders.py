"""Orders in the admin: what was given back of them is said where they are listed, and on their page."""

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from payments.models import Payment
from tests.payments.refund_pages import shown
from tests.payments.refund_rows import make_refund, make_settled, make_twice_paid
from tests.payments.staff import make_staff, page_of, signed_in

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("silent_gateways")]

LIST = "/admin/orders/order/"


@pytest.fixture
def support() -> Client:
    return signed_in(make_staff("support"))


def refunded_in(page: str) -> bool:
    return "REFUNDED" in page


def of_order(client: Client, payment: Payment) -> str:
    assert payment.order is not None
    return shown(client, page_of(payment.order))


def test_what_went_back_is_told_of_the_order_in_part_and_in_full(support: Client) -> None:
    payment = make_settled("fapshi", price_minor=2500)
    before = of_order(support, payment), shown(support, LIST)

    make_refund(payment, 1000, to_wallet=True)
    in_part = of_order(support, payment), shown(support, LIST)
    make_refund(payment, None, to_wallet=True)
    in_full = of_order(support, payment), shown(support, LIST)

    assert not any(map(refunded_in, before))
    assert all(refunded_in(page) and "1,000 XAF of 2,500 XAF" in page for page in in_part)
    assert all(refunded_in(page) and "2,500 XAF of 2,500 XAF" in page for page in in_full)


def test_what_is_only_on_its_way_back_or_was_taken_too_many_is_not_of_the_order(support: Client) -> None:
    on_its_way = make_settled("razorpay")
    make_refund(on_its_way, 1000)
    twice, surplus = make_twice_paid()
    refund = make_refund(twice, 1000, attempt_id=surplus.pk)
    type(refund).objects.filter(pk=refund.pk).update(
        state="REFUNDED", next_attempt_at=None, finished_at=refund.created_at
    )

    assert not refunded_in(shown(support, LIST))
    assert not refunded_in(of_order(support, on_its_way))
    assert not refunded_in(of_order(support, twice))


def test_the_list_asks_no_question_per_order(support: Client) -> None:
    for _ in range(4):
        make_refund(make_settled("fapshi"), 1000, to_wallet=True)

    with CaptureQueriesContext(connection) as asked:
        page = shown(support, LIST)

    assert page.count("1,000 XAF of 2,500 XAF") == 4
    sums = [one["sql"] for one in asked.captured_queries if "SUM(" in one["sql"] and "payments_refund" in one["sql"]]
    assert 1 <= len(sums) <= 2  # the page, and whether there is a next one
