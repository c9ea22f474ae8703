"""Cashfree: refunds and the reconciliation by date, as recorded (invented)."""

import json
from datetime import UTC, date, datetime
from uuid import UUID

import pytest

from choptym.lib.errors import NotFound, Rejected
from choptym.lib.money import Money
from payments.gateways.base import Outcome, RefundOutcome, RefundRequest
from tests.payments.gateways.adapters import make_cashfree
from tests.payments.gateways.bodies import CASHFREE_ORDER as BARE_ORDER
from tests.payments.gateways.bodies import CASHFREE_REFUND as REFUND
from tests.payments.gateways.bodies import OURS
from tests.payments.gateways.sandbox import canned

PAID_BEHIND = {**BARE_ORDER, "order_id": "CFPay_x1", "order_status": "PAID"}


def refusal(code: str, message: str = "", kind: str = "invalid_request_error") -> dict[str, object]:
    return {"message": message, "code": code, "type": kind}


def row(**changes: object) -> dict[str, object]:
    return {
        "event_type": "PAYMENT", "event_status": "SUCCESS", "event_time": "2026-11-05T12:00:00+05:30",
        "event_amount": 1499, "event_currency": "INR", "sale_type": "CREDIT", "order_id": OURS, "order_amount": 1499,
        "payment_service_charge": 24.775, "payment_service_tax": 4.46, "payment_utr": "null,", "cf_payment_id": 51,
        **changes,
    }  # fmt: skip


def test_reads_the_reconciliation_page_by_page() -> None:
    refund = row(event_type="REFUND", event_amount=500, refund_id=OURS.replace("-", "_"), refund_arn="536")
    late = row(event_time="2026-11-06T06:00:00+05:30", order_id="late")
    pages = [
        (200, {"cursor": "c1", "data": [row(), refund]}),
        (200, {"cursor": "c1", "data": [row(event_type="X"), late]}),
    ]
    with canned(*pages) as server:
        history = make_cashfree(server.url).history(date(2026, 11, 5))

    paid, back = history.lines
    assert (paid.is_collection, paid.status.outcome, paid.status.reference) == (True, Outcome.PAID, OURS)
    assert (paid.status.money, paid.status.fee) == (Money(149_900, "INR"), Money(2924, "INR"))
    assert paid.status.operator_reference == ""
    assert (back.is_collection, back.status.reference, back.status.money) == (False, OURS, Money(50_000, "INR"))
    assert not history.is_complete
    asked = [json.loads(body) for *_, body in server.asked]
    assert [body["pagination"] for body in asked] == [{"limit": 1000, "cursor": None}, {"limit": 1000, "cursor": "c1"}]
    assert asked[0]["filters"]["start_date"] == "2026-11-04T00:00:00+00:00"


def ask_back(amount_minor: int = 50_000, **changes: object) -> RefundRequest:
    return RefundRequest(OURS, OURS, Money(amount_minor, "INR"), "one plate", **changes)  # type: ignore[arg-type]


def test_asks_for_a_refund_under_its_reference() -> None:
    with canned((200, REFUND)) as server:
        status = make_cashfree(server.url).refund(ask_back())

    _, path, headers, body = server.asked[0]
    assert path == f"/orders/{OURS}/refunds"
    assert UUID(headers["x-idempotency-key"]).version == 4
    assert json.loads(body) == {
        "refund_id": OURS.replace("-", "_"), "refund_amount": 500, "refund_note": "Refund one plate",
        "refund_speed": "STANDARD",
    }  # fmt: skip
    assert (status.outcome, status.money, status.reference) == (RefundOutcome.PENDING, Money(50_000, "INR"), OURS)


@pytest.mark.parametrize(
    ("answer", "code"),
    [
        (refusal("order_id_not_paid", "transaction not found"), "refund_refused"),
        (refusal("refund_post_failed", "Total amount of Refunds cannot be greater…"), "refund_amount_refused"),
        (refusal("refund_amount_invalid"), "refund_amount_refused"),
        (refusal("refund_unsupported"), "refund_refused"),
        (refusal("refund_id_invalid", "bad format"), "refund_refused"),
    ],
)
def test_says_why_a_refund_was_refused(answer: dict[str, object], code: str) -> None:
    with canned((400, answer)) as server, pytest.raises(Rejected) as caught:
        make_cashfree(server.url).refund(ask_back())

    assert caught.value.code == code
    assert caught.value.exchange is not None


@pytest.mark.parametrize("status", [400, 409])
def test_a_repeated_refund_is_fetched_and_compared(status: int) -> None:
    known = (status, refusal("refund_id_invalid", "Duplicate Merchant Refund Id"))
    with canned(known, (200, {**REFUND, "refund_status": "SUCCESS"})) as server:
        assert make_cashfree(server.url).refund(ask_back()).outcome is RefundOutcome.DONE
    for answer in [(200, {**REFUND, "refund_amount": 400}), (404, refusal("refund_get_not_found"))]:
        with canned(known, answer) as server, pytest.raises(Rejected) as caught:
            make_cashfree(server.url).refund(ask_back())
        assert caught.value.code == "refund_key_reused"


def test_refunds_the_order_behind_a_link() -> None:
    with canned((200, [PAID_BEHIND]), (200, REFUND)) as server:
        make_cashfree(server.url).refund(ask_back(is_link=True))
    with canned((200, [])) as empty, pytest.raises(Rejected):
        make_cashfree(empty.url).refund(ask_back(is_link=True))

    assert server.asked[1][1] == "/orders/CFPay_x1/refunds"


def test_finds_no_refund() -> None:
    with canned((404, refusal("refund_get_not_found"))) as server, pytest.raises(NotFound):
        make_cashfree(server.url).fetch_refund(OURS, transaction_id=OURS)


def test_reads_what_was_settled() -> None:
    settled = {"cf_settlement_id": "77", "settlement_utr": "utr_1", "settlement_date": "2026-11-06T10:00:00"}
    back = row(event_type="REFUND", sale_type="DEBIT", event_amount=500, refund_id=OURS.replace("-", "_"))
    rows = [row(**settled), row(event_type="SETTLEMENT"), back, row(event_type="OTHER_ADJUSTMENT", event_amount="x")]
    with canned((200, {"cursor": None, "data": rows})) as server:
        paid, refunded, other = make_cashfree(server.url).settlements(date(2026, 11, 5))

    assert (paid.kind, paid.gateway_id, paid.reference, paid.is_credit) == ("payment", "51", OURS, True)
    assert (paid.money, paid.fee) == (Money(149_900, "INR"), Money(2924, "INR"))
    assert (paid.settlement_id, paid.bank_reference) == ("77", "utr_1")
    assert paid.settled_at == datetime(2026, 11, 6, 4, 30, tzinfo=UTC)
    assert (refunded.kind, refunded.reference, refunded.is_credit) == ("refund", OURS, False)
    assert (other.kind, other.money) == ("other_adjustment", None)
