"""What members of staff do, and what workers do for them, with the ends that it must come to."""

import uuid

import requests

from tests.failpoints.bench import PATIENCE_SECONDS, Bench, Patient
from tests.flows.ends import Purchase
from tests.live import PASSWORD, eventually


def admin_of(bench: Bench) -> Patient:
    body = {"username": "admin", "password": PASSWORD}
    one = Patient(bench.live, 0, "admin", "", "")
    one.token = requests.post(f"{bench.live.stack.web}/api/auth/token/", json=body, timeout=10).json()["token"]
    return one


def gives_back(bench: Bench, began: float, method: str = "razorpay") -> None:
    purchase = bench.buy(method)
    purchase.wait("SETTLED", seconds=PATIENCE_SECONDS)
    wish, key = {"amount_minor": 2000, "reason": "cold soup"}, {"Idempotency-Key": str(uuid.uuid4())}
    answer = admin_of(bench).call("POST", f"/api/payments/{purchase.payment}/refunds/", wish, **key)
    assert answer.status_code == 202, answer.text
    given_once(bench, purchase, began, 2000)


def given_once(bench: Bench, purchase: Purchase, began: float, *amounts: int) -> None:
    """These and no others: in our rows, at the gateway, in the messages."""
    eventually(lambda: _assert_given(bench, purchase, began, amounts), seconds=PATIENCE_SECONDS)


def _assert_given(bench: Bench, purchase: Purchase, began: float, amounts: tuple[int, ...]) -> None:
    live = bench.live
    query = "SELECT amount_minor, state FROM payments_refund WHERE payment_id = %s ORDER BY id"
    assert live.rows(query, purchase.payment) == [(amount, "REFUNDED") for amount in amounts]
    books = live.control("GET", f"{purchase.method}/books")["entries"]
    ours = [entry for entry in books if entry["phone"].endswith(purchase.customer.phone)]
    assert sorted(one["amount_minor"] for one in ours if one["state"] == "paid_back") == sorted(amounts)


LANES: dict[str, dict[str, object]] = {}
