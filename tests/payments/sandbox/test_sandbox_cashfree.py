"""payments.sandbox.dialects.cashfree, over HTTP: orders, payments, links, settlements."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import requests

from tests.payments.sandbox.sandbox_client import CashfreeMerchant, Control, eventually

JSON = {"Accept": "application/json"}


def soon(seconds: float) -> str:
    return (datetime.now(UTC) + timedelta(seconds=seconds)).isoformat(timespec="seconds")


@pytest.mark.parametrize(
    ("header", "value", "status", "code"),
    [
        ("x-client-id", "TEST_other", 401, "request_failed"),
        ("x-client-secret", "wrong", 401, "request_failed"),
        ("x-api-version", "2020-01-01", 400, "version_invalid"),
    ],
)
def test_wants_its_three_headers(cashfree: CashfreeMerchant, header: str, value: str, status: int, code: str) -> None:
    cashfree.http.headers[header] = value

    answer = cashfree.order()

    assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert set(answer.json()) == {"message", "code", "type"}


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({"order_id": "a"}, "order_id_invalid"),
        ({"order_id": "a b c"}, "order_id_invalid"),
        ({"order_amount": 0.99}, "order_amount_invalid"),
        ({"order_amount": 10.001}, "order_amount_invalid"),
        ({"order_amount": "500"}, "order_amount_invalid"),
        ({"order_currency": "USD"}, "order_currency_invalid"),
        ({"customer_details": {"customer_id": "payer", "customer_phone": "12345"}}, "customer_phone_invalid"),
        ({"order_expiry_time": "2020-01-01T00:00:00+05:30"}, "order_expiry_time_invalid"),
    ],
    ids=str,
)
def test_refuses_a_bad_order(cashfree: CashfreeMerchant, body: dict[str, Any], code: str) -> None:
    order = {"order_id": "order-1", "order_amount": 500, "order_currency": "INR",
             "customer_details": {"customer_id": "payer", "customer_phone": "9000000000"}}  # fmt: skip

    answer = cashfree.post("orders", **{**order, **body})

    assert (answer.status_code, answer.json()["code"]) == (400, code)
    assert cashfree.get("orders/order-1").json()["code"] == "order_not_found"


def test_an_order_is_active_then_paid(control: Control, cashfree: CashfreeMerchant) -> None:
    order = cashfree.order(1499.50, "+919000000000", order_id="ours", order_tags={"tenant": "t"}).json()

    assert (order["order_status"], order["order_amount"], order["order_tags"]) == ("ACTIVE", 1499.5, {"tenant": "t"})
    assert 100 <= len(order["payment_session_id"]) <= 140
    assert order["created_at"].endswith("+05:30")
    assert (cashfree.payments("ours"), control.entries("cashfree")) == ([], [])
    charged = cashfree.charge(order).json()
    assert "am=1499.50" in charged["data"]["payload"]["default"]
    [entry] = control.wait_for_state("cashfree", "collected")
    assert (entry["gateway_id"], entry["reference"], entry["phone"]) == ("ours", "ours", "9000000000")
    assert (entry["amount_minor"], entry["currency"], entry["fee_minor"]) == (149_950, "INR", 2925)
    [payment] = cashfree.payments("ours")
    assert (payment["payment_status"], payment["is_captured"], payment["payment_amount"]) == ("SUCCESS", True, 1499.5)
    assert payment["cf_payment_id"] == charged["cf_payment_id"]
    assert cashfree.get(f"orders/ours/payments/{charged['cf_payment_id']}").json() == payment
    assert cashfree.status("ours") == "PAID"
    assert cashfree.charge(order).json()["code"] == "order_already_paid"


def test_an_order_id_is_taken_once(cashfree: CashfreeMerchant) -> None:
    answers = [cashfree.order(order_id="same") for _ in range(2)]

    assert [answer.status_code for answer in answers] == [200, 409]
    assert answers[1].json()["code"] == "order_already_exists"


@pytest.mark.parametrize(("upi", "code"), [
    ({"channel": "ussd"}, "channel_invalid"), ({"channel": "collect", "upi_id": "x"}, "upi_id_invalid"),
    ({"upi_expiry_minutes": 4}, "upi_expiry_minutes_invalid"),
])  # fmt: skip
def test_refuses_a_bad_payment(control: Control, cashfree: CashfreeMerchant, upi: dict[str, Any], code: str) -> None:
    order = cashfree.order().json()

    assert cashfree.charge(order, **upi).json()["code"] == code
    assert cashfree.charge({"payment_session_id": "x"}).json()["code"] == "payment_session_id_invalid"
    assert control.entries("cashfree") == []


def test_a_session_needs_no_credentials_but_the_feature(control: Control, cashfree: CashfreeMerchant) -> None:
    order = cashfree.order().json()
    body = {"payment_session_id": order["payment_session_id"], "payment_method": {"upi": {"channel": "qrcode"}}}
    headers = {"x-api-version": "2025-01-01"}

    control.turn("cashfree", server_to_server=False)
    refused = requests.post(f"{cashfree.base}/orders/sessions", json=body, headers=headers, timeout=5)
    control.turn("cashfree", server_to_server=True)
    charged = requests.post(f"{cashfree.base}/orders/sessions", json=body, headers=headers, timeout=5)

    assert refused.json()["code"] == "feature_not_enabled"
    assert charged.json()["data"]["payload"]["qrcode"].startswith("data:image/png;base64,")


@pytest.mark.parametrize(("vpa", "word"), [("testsuccess@gocash", "SUCCESS"), ("testfailure@gocash", "FAILED")])
def test_the_documented_test_addresses_decide(cashfree: CashfreeMerchant, vpa: str, word: str) -> None:
    order = cashfree.order().json()

    charged = cashfree.charge(order, channel="collect", upi_id=vpa).json()

    assert charged["data"]["payload"] is None
    eventually(lambda: cashfree.words(order["order_id"]) == [word])


def test_a_failed_payment_may_be_followed_by_another(control: Control, cashfree: CashfreeMerchant) -> None:
    control.override("cashfree", cashfree.phone, times=1, refusal_rate=1)
    order = cashfree.order().json()
    cashfree.charge(order)
    eventually(lambda: cashfree.words(order["order_id"]) == ["FAILED"])
    assert cashfree.status(order["order_id"]) == "ACTIVE"

    cashfree.charge(order)

    eventually(lambda: cashfree.words(order["order_id"]) == ["SUCCESS", "FAILED"])
    assert [entry["state"] for entry in control.entries("cashfree")] == ["collected"]


def test_a_failed_payment_may_succeed_after_all(control: Control, cashfree: CashfreeMerchant) -> None:
    control.turn("cashfree", refusal_rate=1, success_after_failure_rate=1, late_success_ms=60_000)
    order_id, _ = cashfree.pay()
    eventually(lambda: cashfree.words(order_id) == ["FAILED"])

    control.advance(61)

    assert (cashfree.words(order_id), cashfree.status(order_id)) == (["SUCCESS"], "PAID")


def test_a_repeated_charge_asks_again_and_the_surplus_is_returned(control: Control, cashfree: CashfreeMerchant) -> None:
    control.turn("cashfree", approval_delay_ms=60_000)
    order = cashfree.order(order_id="twice").json()
    ids = {cashfree.charge(order).json()["cf_payment_id"] for _ in range(2)}
    assert cashfree.words("twice") == ["NOT_ATTEMPTED", "NOT_ATTEMPTED"]

    control.advance(61)

    assert len(ids) == 2
    assert cashfree.words("twice") == ["SUCCESS", "SUCCESS"]
    assert [entry["state"] for entry in control.entries("cashfree", reference="twice")] == ["collected", "returned"]


def test_a_payer_who_leaves_drops_the_payment(control: Control, cashfree: CashfreeMerchant) -> None:
    control.turn("cashfree", never_approve_rate=1)
    order_id, _ = cashfree.pay()

    control.advance(601)

    assert (cashfree.words(order_id), cashfree.status(order_id)) == (["USER_DROPPED"], "ACTIVE")


@pytest.mark.parametrize(("late_ms", "word", "status", "state"), [
    (60_000, "SUCCESS", "PAID", "collected"), (900_000, "CANCELLED", "EXPIRED", "returned"),
])  # fmt: skip
def test_success_after_expiry_counts_within_the_grace_only(
    control: Control, cashfree: CashfreeMerchant, late_ms: int, word: str, status: str, state: str
) -> None:
    control.turn("cashfree", refusal_rate=1, success_after_expiry_rate=1, late_success_ms=late_ms)
    order_id, _ = cashfree.pay(order_expiry_time=soon(300))
    eventually(lambda: cashfree.words(order_id) == ["FAILED"])

    control.advance(301)
    assert cashfree.status(order_id) == "EXPIRED"
    control.advance(late_ms / 1000 + 1)

    assert (cashfree.words(order_id), cashfree.status(order_id)) == ([word], status)
    assert control.entries("cashfree")[0]["state"] == state


def test_terminating_waits_for_the_payment_under_way(control: Control, cashfree: CashfreeMerchant) -> None:
    control.turn("cashfree", approval_delay_ms=60_000)
    idle, busy = cashfree.order().json()["order_id"], cashfree.pay()[0]

    words = [
        cashfree.http.patch(f"{cashfree.base}/orders/{one}", json={"order_status": "TERMINATED"}, timeout=5).json()
        for one in (idle, busy)
    ]

    assert [word["order_status"] for word in words] == ["TERMINATED", "TERMINATION_REQUESTED"]
    assert cashfree.charge(words[0]).json()["code"] == "order_inactive"
    control.advance(61)
    assert cashfree.status(busy) == "PAID"


def test_the_outcome_can_be_ordered(control: Control, cashfree: CashfreeMerchant) -> None:
    control.turn("cashfree", never_approve_rate=1)
    order_id, payment_id = cashfree.pay()

    for word in ("PENDING", "FAILED", "SUCCESS"):
        answer = cashfree.post(
            "simulate", entity="PAYMENTS", entity_id=payment_id, entity_simulation={"payment_status": word}
        ).json()
        assert cashfree.get(f"simulate/{answer['simulation_id']}").json() == answer
        assert cashfree.words(order_id) == ["NOT_ATTEMPTED" if word == "PENDING" else word]


def test_a_link_is_paid_on_its_page(control: Control, cashfree: CashfreeMerchant) -> None:
    link = cashfree.link(link_id="link-1", link_meta={"return_url": "https://shop.example/{link_id}"})
    assert (link["link_status"], cashfree.get("links/link-1/orders?status=ALL").json()) == ("ACTIVE", [])

    requests.post(link["link_url"], json={"action": "pay"}, headers=JSON, timeout=5).raise_for_status()

    [entry] = control.wait_for_state("cashfree", "collected")
    assert (entry["gateway_id"], entry["reference"], entry["phone"]) == ("link-1", "link-1", "9000000000")
    [order] = cashfree.get("links/link-1/orders").json()
    assert (order["order_id"][:6], order["order_status"]) == ("CFPay_", "PAID")
    assert order["order_tags"]["cf_link_id"] == link["cf_link_id"]
    assert cashfree.words(order["order_id"]) == ["SUCCESS"]
    shown = cashfree.get("links/link-1").json()
    assert (shown["link_status"], shown["link_amount_paid"]) == ("PAID", 500)
    state = requests.get(link["link_url"], headers=JSON, timeout=5).json()
    assert state["return_url"] == "https://shop.example/link-1"


def test_a_link_ends_by_hand_or_by_time(control: Control, cashfree: CashfreeMerchant) -> None:
    cancelled, expired = cashfree.link(), cashfree.link(link_expiry_time=soon(300))

    assert cashfree.post(f"links/{cancelled['link_id']}/cancel").json()["link_status"] == "CANCELLED"
    assert cashfree.post(f"links/{cancelled['link_id']}/cancel").status_code == 400
    assert requests.post(cancelled["link_url"], json={"action": "pay"}, headers=JSON, timeout=5).status_code == 409
    control.advance(301)
    assert cashfree.get(f"links/{expired['link_id']}").json()["link_status"] == "EXPIRED"
    assert cashfree.get("links/nothing").json()["code"] == "link_get_not_found"


def test_links_can_pay_themselves(control: Control, cashfree: CashfreeMerchant) -> None:
    control.turn("cashfree", links_pay_themselves=True)
    link_id = cashfree.link()["link_id"]

    eventually(lambda: cashfree.get(f"links/{link_id}").json()["link_status"] == "PAID")


def test_settlements_add_up_with_the_reports(control: Control, cashfree: CashfreeMerchant) -> None:
    order_id, payment_id = cashfree.pay(1499)
    control.wait_for_state("cashfree", "collected")
    cashfree.post(f"orders/{order_id}/refunds", refund_id="part_1", refund_amount=500.0)
    control.wait_for_state("cashfree", "paid_back")
    span = {"start_date": "2020-01-01T00:00:00+05:30", "end_date": soon(10 * 86_400)}
    body: dict[str, Any] = {"pagination": {"limit": 10, "cursor": None}, "filters": span}
    events = [row["event_type"] for row in cashfree.post("recon", **body).json()["data"]]
    assert (events, cashfree.get(f"orders/{order_id}/settlements").status_code) == (["PAYMENT", "REFUND"], 404)

    control.advance(4 * 86_400)

    [settlement] = cashfree.post("settlements", **body).json()["data"]
    rows = cashfree.post("recon", **body).json()["data"]
    signs = {"CREDIT": 1, "DEBIT": -1}
    net = sum(signs[row["sale_type"]] * row["event_settlement_amount"] for row in rows
              if row["event_type"] != "SETTLEMENT")  # fmt: skip
    assert round(net, 2) == settlement["amount_settled"] == round(1499 - 29.24 - 500, 2)
    assert {row["cf_settlement_id"] for row in rows} == {settlement["cf_settlement_id"]}
    assert cashfree.get(f"orders/{order_id}/settlements").json()["cf_payment_id"] == payment_id
    nested = cashfree.post("settlement/recon", **body).json()["data"]
    assert sorted(row["event_details"]["event_type"] for row in nested) == ["PAYMENT", "REFUND", "SETTLEMENT"]
    assert cashfree.post("recon", pagination={"limit": 9}, filters=span).json()["code"] == "pagination.limit_invalid"


def test_pages_of_a_report_follow_their_cursor(control: Control, cashfree: CashfreeMerchant) -> None:
    for _ in range(12):
        cashfree.pay()
    control.wait_for_state("cashfree", "collected", 12)
    span = {"start_date": soon(-3600), "end_date": soon(3600)}

    first = cashfree.post("recon", pagination={"limit": 10}, filters=span).json()
    rest = cashfree.post("recon", pagination={"limit": 10, "cursor": first["cursor"]}, filters=span).json()

    assert (len(first["data"]), len(rest["data"]), rest["cursor"]) == (10, 2, None)
