"""What staff and customers see of refunds over HTTP."""

from typing import Any

import pytest
from django.db import connection
from django.http import HttpResponse
from django.test.utils import CaptureQueriesContext

from payments.models import Payment
from payments.refunds.take_up import fail
from tests.api.refund_doors import FIELDS, code_of, path_of
from tests.api.world import World, nothing_changes, read
from tests.factories import make_payment
from tests.payments.refund_rows import make_refund, make_settled

SHOWN_TO_CUSTOMERS = ["amount_minor", "created_at", "currency", "finished_at", "status", "way"]


def test_lists_the_refunds_of_one_payment_newest_first(world: World, payment: Payment, finance: str) -> None:
    first, second = make_refund(payment, 1000), make_refund(payment, 500)
    make_refund(make_settled())

    answer = world.send("GET", path_of(payment), Authorization=finance)
    older = world.send("GET", f"{path_of(payment)}?before={second.pk}", Authorization=finance)

    assert answer.status_code == 200
    assert [(row["id"], row["amount_minor"]) for row in rows(answer)] == [(second.pk, 500), (first.pk, 1000)]
    assert [sorted(row) for row in rows(answer)] == [FIELDS, FIELDS]
    assert [row["id"] for row in rows(older)] == [first.pk]


def rows(answer: HttpResponse) -> list[dict[str, Any]]:
    listed: Any = read(answer)
    return list(listed)


def test_what_is_not_there_is_not_found(world: World, payment: Payment, finance: str) -> None:
    theirs = make_refund(make_settled())

    with nothing_changes():
        answers = [
            world.send("POST", "/api/payments/999999/refunds/", {"reason": "why"}, Authorization=finance),
            world.send("GET", "/api/payments/999999/refunds/", Authorization=finance),
            world.send("GET", f"{path_of(payment)}999999/", Authorization=finance),
            world.send("GET", f"{path_of(payment)}{theirs.pk}/", Authorization=finance),
            # Another address to the idempotency keys, and so a second refund.
            world.send("POST", f"/api/payments/0{payment.pk}/refunds/", {"reason": "why"}, Authorization=finance),
        ]

    assert [code_of(answer) for answer in answers] == [(404, "not_found", [])] * 5


@pytest.mark.parametrize("method", ["PUT", "PATCH", "DELETE"])
def test_a_refund_is_neither_changed_nor_deleted(world: World, payment: Payment, finance: str, method: str) -> None:
    refund = make_refund(payment)

    with nothing_changes():
        for path in (path_of(payment), f"{path_of(payment)}{refund.pk}/"):
            assert world.send(method, path, {"amount_minor": 1}, Authorization=finance).status_code == 405


@pytest.mark.invariant("INV-10")
def test_customers_see_what_became_of_their_money_and_no_more(world: World, payment: Payment) -> None:
    make_refund(payment, 700, to_wallet=True)
    make_refund(payment, 1000)
    fail(make_refund(payment, 300), code="refund_refused", problem="a word for staff")

    body = read(world.send("GET", f"/api/payments/{payment.pk}/"))

    assert body["refunded_minor"] == 700
    assert [(one["status"], one["way"], one["amount_minor"], one["currency"]) for one in body["refunds"]] == [
        ("REFUNDED", "WALLET", 700, "INR"),
        ("QUEUED", "GATEWAY", 1000, "INR"),
        ("FAILED", "GATEWAY", 300, "INR"),
    ]
    assert [sorted(one) for one in body["refunds"]] == [SHOWN_TO_CUSTOMERS] * 3
    assert not {"cold soup", "a word for staff"} & {str(value) for one in body["refunds"] for value in one.values()}


def test_a_payment_without_refunds_says_so(world: World, payment: Payment) -> None:
    waiting = make_payment(user=world.customer)

    for one in (payment, waiting):
        body = read(world.send("GET", f"/api/payments/{one.pk}/"))
        assert (body["refunded_minor"], body["refunds"]) == (0, [])


def test_a_crowd_that_polls_asks_about_refunds_only_once_it_has_paid(world: World, payment: Payment) -> None:
    waiting = make_payment(user=world.customer)

    assert (queries_about_refunds(world, waiting), queries_about_refunds(world, payment)) == (0, 1)


def test_a_list_of_payments_asks_about_refunds_once(world: World) -> None:
    for _ in range(3):
        make_refund(make_settled(user=world.customer))

    with CaptureQueriesContext(connection) as asked:
        listed = rows(world.send("GET", "/api/payments/"))

    assert [len(one["refunds"]) for one in listed] == [1, 1, 1]
    assert len([query for query in asked if "payments_refund" in query["sql"]]) == 1


def queries_about_refunds(world: World, payment: Payment) -> int:
    with CaptureQueriesContext(connection) as asked:
        world.send("GET", f"/api/payments/{payment.pk}/")
    return len([query for query in asked if "payments_refund" in query["sql"]])
