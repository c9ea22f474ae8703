"""Calls to a gateway whose answer is lost, or that never arrive: unknown is not failed, and nothing is charged twice.

These wait for deadlines, so all purchases are begun together and each test follows its own.
"""

from itertools import product

import pytest

from tests.flows.ends import (
    Purchase,
    assert_not_paid,
    assert_on_again,
    assert_paid,
    assert_reserved,
    attempts,
    unlucky,
)
from tests.live import METHODS, Live, eventually

AFTER_CAPTURE = ("error_after_capture_rate", "timeout_after_capture_rate")
BEFORE_CAPTURE = ("error_rate", "html_error_rate", "timeout_rate", "reset_rate")

Begun = dict[tuple[object, ...], Purchase]


@pytest.fixture(scope="module")
def begun(live: Live) -> Begun:
    purchases: Begun = {}
    purchases["fapshi", "reset_rate", 2] = unlucky(live, "fapshi", times=2, reset_rate=1)
    purchases["fapshi", "reset_rate", 3] = unlucky(live, "fapshi", reset_rate=1)
    for method, knob, lost in product(METHODS, AFTER_CAPTURE, (0, 1)):
        purchases[method, knob, lost] = unlucky(live, method, times=1, webhook_lost_rate=lost, **{knob: 1})
    for method, knob in product(METHODS, BEFORE_CAPTURE):
        purchases[method, knob] = unlucky(live, method, times=1, **{knob: 1})
    late = {"timeout_after_capture_rate": 1, "webhook_lost_rate": 1, "approval_delay_ms": 6_000}
    for method in METHODS:
        purchase = purchases[method, "late"] = unlucky(live, method, times=1, **late)
        purchase.wait("REQUESTED")
        purchase.move_time("expires_at")
    return purchases


@pytest.mark.invariant("INV-2")
@pytest.mark.invariant("INV-5")
@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("knob", AFTER_CAPTURE)
@pytest.mark.parametrize("lost", [0, 1], ids=["told", "not told"])
def test_an_answer_lost_after_the_charge_is_found_and_settled_once(
    begun: Begun, method: str, knob: str, lost: int
) -> None:
    purchase = begun[method, knob, lost]

    purchase.wait("SETTLED")

    assert_paid(purchase)


@pytest.mark.invariant("INV-5")
@pytest.mark.parametrize("knob", BEFORE_CAPTURE)
def test_campay_cannot_prove_that_it_did_nothing_so_it_is_not_asked_again(live: Live, begun: Begun, knob: str) -> None:
    purchase = begun["campay", knob]
    eventually(lambda: _assert_looked_for(live, purchase))

    body = purchase.customer.get(f"/api/payments/{purchase.payment}/")

    assert body["status"] == "REQUESTED"
    assert body["eta_seconds"] >= 1
    assert body["retry_after_seconds"] >= 1
    assert [(step["name"], step["is_done"]) for step in body["steps"]] == [
        ("accepted", True),
        ("sent_to_gateway", True),
        ("waiting_for_approval", False),
        ("settled", False),
    ]
    assert attempts(live, purchase.payment) == ["UNKNOWN"]
    assert live.books("campay", purchase.customer.phone) == []
    assert_reserved(purchase)

    purchase.move_time("expires_at")
    purchase.wait("EXPIRED")
    assert_not_paid(purchase, "EXPIRED", "expired", tries=["UNKNOWN"])
    watched = "SELECT next_check_at IS NOT NULL FROM payments_payment WHERE id = %s"
    assert live.column(watched, purchase.payment) == [True]


def _assert_looked_for(live: Live, purchase: Purchase) -> None:
    [made] = live.column("SELECT checks_made FROM payments_payment WHERE id = %s", purchase.payment)
    assert made >= 2


@pytest.mark.invariant("INV-2")
@pytest.mark.parametrize("method", ["fapshi", "razorpay", "cashfree"])
@pytest.mark.parametrize("knob", BEFORE_CAPTURE)
def test_a_gateway_proves_that_it_did_nothing_and_is_asked_again(begun: Begun, method: str, knob: str) -> None:
    purchase = begun[method, knob]

    purchase.wait("SETTLED")

    assert_paid(purchase, tries=["ABSENT", "PAID"])


def test_a_connection_that_is_reset_twice_is_paid_at_the_third_try(begun: Begun) -> None:
    purchase = begun["fapshi", "reset_rate", 2]

    purchase.wait("SETTLED", seconds=25)

    assert_paid(purchase, tries=["ABSENT", "ABSENT", "PAID"])


def test_a_connection_that_is_reset_three_times_has_failed(begun: Begun) -> None:
    purchase = begun["fapshi", "reset_rate", 3]

    purchase.wait("FAILED", seconds=25)

    assert_not_paid(purchase, "FAILED", "gateway_unreachable", tries=["ABSENT"] * 3)


@pytest.mark.invariant("INV-6")
@pytest.mark.parametrize("method", METHODS)
def test_a_charge_of_unknown_end_that_expires_and_is_paid_later_has_its_order_on_again(
    begun: Begun, method: str
) -> None:
    purchase = begun[method, "late"]

    purchase.wait("SETTLED", seconds=30)

    assert_on_again(purchase, "payment_expired")
