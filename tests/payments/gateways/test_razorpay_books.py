"""Razorpay: refunds and the history of a day, as recorded (invented)."""

import json
from datetime import date
from uuid import uuid4

import pytest

from choptym.lib.errors import Busy, NotFound, Rejected, Unavailable
from choptym.lib.money import Money
from payments.gateways.base import RefundOutcome, RefundRequest
from tests.payments.gateways.adapters import make_razorpay
from tests.payments.gateways.bodies import ORDER, OURS, PAY
from tests.payments.gateways.bodies import RAZORPAY_PAYMENT as PAID
from tests.payments.gateways.bodies import RAZORPAY_REFUND as REFUND
from tests.payments.gateways.sandbox import canned

NO_ID = (400, {"error": {"code": "BAD_REQUEST_ERROR", "description": "The id provided does not exist"}})


def items(*rows: object) -> tuple[int, object]:
    return 200, {"entity": "collection", "count": len(rows), "items": list(rows)}


def refusal(description: str, **more: object) -> dict[str, object]:
    return {"error": {"code": "BAD_REQUEST_ERROR", "description": description, **more}}


def test_lists_payments_and_refunds_page_by_page() -> None:
    first = [{**PAID, "id": f"pay_{number:014}"} for number in range(100)]
    second = [first[99], {**PAID, "id": "pay_00000000000100", "order_id": None, "status": "failed"}]
    with canned(items(*first), items(*second), items(REFUND)) as server:
        history = make_razorpay(server.url).history(date(2026, 11, 5))

    assert len(history.lines) == 102
    assert history.is_complete
    assert {line.is_collection for line in history.lines[:101]} == {True}
    assert (history.lines[101].is_collection, history.lines[101].status.reference) == (False, OURS)
    assert history.lines[100].status.transaction_id == "pay_00000000000100"
    assert "skip=100" in server.asked[1][1]
    assert "from=1793836800&to=1793923199" in server.asked[0][1]


def test_a_history_that_breaks_off_is_not_complete() -> None:
    full = [{**PAID, "id": f"pay_{number:014}"} for number in range(100)]
    with canned(items(*full), (502, b""), items()) as server:
        history = make_razorpay(server.url).history(date(2026, 11, 5))

    assert (len(history.lines), history.is_complete) == (100, False)


def ask_back(amount_minor: int = 50_000) -> RefundRequest:
    return RefundRequest(OURS, ORDER, Money(amount_minor, "INR"), "one plate")


def test_asks_for_a_refund_under_its_reference() -> None:
    with canned(items(PAID), (200, REFUND)) as server:
        status = make_razorpay(server.url).refund(ask_back())

    _, path, headers, body = server.asked[1]
    assert (path, headers["X-Refund-Idempotency"]) == (f"/payments/{PAY}/refund", OURS)
    assert json.loads(body) == {
        "amount": 50000, "speed": "normal", "receipt": OURS, "notes": {"reference": OURS, "reason": "one plate"},
    }  # fmt: skip
    assert (status.outcome, status.money, status.transaction_id) == (RefundOutcome.PENDING, Money(50_000, "INR"), ORDER)


@pytest.mark.parametrize(
    ("http", "description", "code"),
    [
        (400, "The refund amount provided is greater than amount captured", "refund_amount_refused"),
        (400, "The payment has been fully refunded already", "refund_amount_refused"),
        (409, "Different request with the same idempotency key has already been processed.", "refund_key_reused"),
        (400, "Different request with the same idempotency key has already been processed.", "refund_key_reused"),
        (400, "notes is/are not required and should not be sent", "refund_refused"),
        (400, "The payment is older than 6 months", "refund_refused"),
        (401, "Authentication failed", "gateway_credentials"),
    ],
)
def test_says_why_a_refund_was_refused(http: int, description: str, code: str) -> None:
    with canned(items(PAID), (http, refusal(description)), items()) as server, pytest.raises(Rejected) as caught:
        make_razorpay(server.url).refund(ask_back())

    assert caught.value.code == code
    assert caught.value.exchange is not None


def test_waits_for_another_request_and_for_money() -> None:
    running = refusal("Another request with the same idempotency key is still in progress.")
    with canned(items(PAID), (409, running)) as server, pytest.raises(Busy):
        make_razorpay(server.url).refund(ask_back())
    poor = refusal("Your account does not have enough balance to carry out the refund operation.")
    with canned(items(PAID), (400, poor)) as server, pytest.raises(Busy) as caught:
        make_razorpay(server.url).refund(ask_back())

    assert caught.value.retry_after_seconds == 3600


def test_looks_before_it_refunds_a_second_time() -> None:
    part = {**PAID, "amount_refunded": 50000, "refund_status": "partial"}
    with canned(items(part), items({**REFUND, "status": "processed"})) as server:
        status = make_razorpay(server.url).refund(ask_back())

    assert status.outcome is RefundOutcome.DONE
    assert [method for method, *_ in server.asked] == ["GET", "GET"]
    with canned(items(part), items(REFUND)) as server, pytest.raises(Rejected) as caught:
        make_razorpay(server.url).refund(ask_back(40_000))
    assert caught.value.code == "refund_key_reused"


def test_finds_no_refund_of_another() -> None:
    other = {**REFUND, "receipt": str(uuid4())}
    with canned(items(PAID), items(other, {**REFUND, "receipt": None})) as server, pytest.raises(NotFound):
        make_razorpay(server.url).fetch_refund(OURS, transaction_id=ORDER)
    with canned(NO_ID) as server, pytest.raises(NotFound):
        make_razorpay(server.url).fetch_refund(OURS, transaction_id=ORDER)


def test_reads_what_was_settled() -> None:
    row = {
        "entity_id": PAY, "type": "payment", "amount": 149900, "credit": 146362, "debit": 0, "fee": 3538, "tax": 540,
        "currency": "INR", "settlement_id": "setl_1", "settlement_utr": "utr_1", "settled_at": 1767600000,
        "payment_id": None, "order_id": ORDER, "order_receipt": OURS, "notes": "a plain string",
    }  # fmt: skip
    back = {**row, "entity_id": "rfnd_1", "type": "refund", "amount": 50000, "credit": 0, "debit": 50000, "fee": 0,
            "notes": {"reference": OURS}, "settlement_utr": None}  # fmt: skip
    with canned(items(row, back, {**row})) as server:
        paid, refunded = make_razorpay(server.url).settlements(date(2026, 11, 5))

    assert (paid.kind, paid.gateway_id, paid.transaction_id, paid.reference) == ("payment", PAY, ORDER, OURS)
    assert (paid.money, paid.fee, paid.is_credit) == (Money(149_900, "INR"), Money(3538, "INR"), True)
    assert (paid.settlement_id, paid.bank_reference) == ("setl_1", "utr_1")
    assert (refunded.kind, refunded.reference, refunded.is_credit) == ("refund", OURS, False)
    assert "year=2026&month=11&day=05&count=1000&skip=0" in server.asked[0][1]


def test_settlements_come_whole_or_not_at_all() -> None:
    full = [{"entity_id": f"pay_{number}", "type": "payment"} for number in range(1000)]
    with canned(items(*full), (502, b"")) as server, pytest.raises(Unavailable):
        make_razorpay(server.url).settlements(date(2026, 11, 5))
