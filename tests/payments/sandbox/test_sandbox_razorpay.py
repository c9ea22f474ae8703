"""payments.sandbox.dialects.razorpay, over HTTP: orders, payments, links, settlements."""

import re
import time
from typing import Any

import pytest
import requests

from tests.payments.sandbox.sandbox_client import Control, RazorpayMerchant, eventually

JSON = {"Accept": "application/json"}
WEEK = 7 * 86_400
MANUAL = {"capture": "manual", "capture_options": {"manual_expiry_period": 60, "refund_speed": "normal"}}


def test_wants_its_credentials(razorpay: RazorpayMerchant) -> None:
    for auth in (("rzp_test_sandbox", "wrong"), ("wrong", "sandbox-razorpay-secret")):
        answer = requests.get(f"{razorpay.base}/orders", auth=auth, timeout=5)

        assert (answer.status_code, answer.json()["error"]["description"]) == (401, "Authentication failed")


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"amount": 99}, "amount"),
        ({"amount": 500.0}, "amount"),
        ({"amount": "50000"}, "amount"),
        ({"currency": "EUR"}, "currency"),
        ({"receipt": "x" * 41}, "receipt"),
        ({"notes": {str(number): "x" for number in range(16)}}, "notes"),
        ({"payment": {"capture": "automatic"}}, "automatic_expiry_period"),
    ],
    ids=str,
)
def test_refuses_a_bad_order(control: Control, razorpay: RazorpayMerchant, body: dict[str, Any], field: str) -> None:
    answer = razorpay.post("orders", **{"amount": 50_000, "currency": "INR", **body})

    assert answer.status_code == 400
    assert (answer.json()["error"]["code"], answer.json()["error"]["field"]) == ("BAD_REQUEST_ERROR", field)
    assert razorpay.get("orders").json()["count"] == 0


def test_an_order_is_created_attempted_then_paid(control: Control, razorpay: RazorpayMerchant) -> None:
    control.turn("razorpay", approval_delay_ms=60_000)
    order = razorpay.order(149_900, receipt="ours")

    assert re.fullmatch(r"order_[A-Za-z0-9]{14}", order["id"])
    assert (order["status"], order["notes"], order["amount_due"], order["attempts"]) == ("created", [], 149_900, 0)
    assert control.entries("razorpay") == []
    answer = razorpay.charge(order, "+91 9000000000").json()
    assert [step["action"] for step in answer["next"]] == ["intent", "poll"]
    assert "am=1499.00" in answer["next"][0]["url"]
    assert razorpay.get(f"orders/{order['id']}").json()["status"] == "attempted"
    assert razorpay.payment(answer["razorpay_payment_id"])["status"] == "created"
    control.advance(61)
    payment = razorpay.wait_for(answer["razorpay_payment_id"], "captured")
    assert (payment["fee"], payment["tax"], payment["captured"]) == (3538, 540, True)
    assert (payment["contact"], payment["notes"], payment["order_id"]) == ("+919000000000", [], order["id"])
    shown = razorpay.get(f"orders/{order['id']}").json()
    assert (shown["status"], shown["amount_paid"], shown["amount_due"]) == ("paid", 149_900, 0)
    [entry] = control.entries("razorpay", reference="ours")
    assert (entry["gateway_id"], entry["state"], entry["phone"]) == (order["id"], "collected", "9000000000")
    assert (entry["amount_minor"], entry["currency"], entry["fee_minor"]) == (149_900, "INR", 3538)


def test_receipts_may_repeat_and_are_found(razorpay: RazorpayMerchant) -> None:
    ids = [razorpay.order(receipt="same")["id"] for _ in range(2)]
    razorpay.order(receipt="other")

    found = razorpay.get("orders", params={"receipt": "same", "from": int(time.time()) - 60}).json()

    assert (found["entity"], found["count"]) == ("collection", 2)
    assert {order["id"] for order in found["items"]} == set(ids)
    assert razorpay.get("orders", params={"count": 0}).status_code == 400
    assert razorpay.get("orders", params={"count": 2, "skip": 2}).json()["count"] == 1


@pytest.mark.parametrize("path", ["orders/order_x", "payments/pay_x", "refunds/rfnd_x", "payment_links/plink_x"])
def test_an_unknown_id_is_a_400_and_an_unknown_path_a_404(razorpay: RazorpayMerchant, path: str) -> None:
    answer = razorpay.get(path)

    assert (answer.status_code, answer.json()["error"]["description"]) == (400, "The id provided does not exist")
    assert razorpay.get("nothing").status_code == 404


@pytest.mark.parametrize(
    "body",
    [{"amount": 1}, {"method": "card"}, {"contact": "12"}, {"order_id": "order_x"}, {"upi": {"flow": "collect"}}],
    ids=str,
)
def test_refuses_a_bad_charge_and_asks_nobody(
    control: Control, razorpay: RazorpayMerchant, body: dict[str, Any]
) -> None:
    assert razorpay.charge(razorpay.order(), **body).status_code == 400
    assert control.entries("razorpay") == []


def test_charging_wants_the_feature_and_perhaps_an_address(control: Control, razorpay: RazorpayMerchant) -> None:
    control.override("razorpay", "9000000001", server_to_server=False)
    control.override("razorpay", "9000000002", email_required=True)

    assert razorpay.charge(razorpay.order(), "9000000001").status_code == 404
    assert razorpay.charge(razorpay.order(), "9000000002").status_code == 400
    assert razorpay.charge(razorpay.order(), "9000000002", email="a@b.co").status_code == 200


@pytest.mark.parametrize(("vpa", "status"), [("success@razorpay", "captured"), ("failure@razorpay", "failed")])
def test_the_documented_test_addresses_decide(
    control: Control, razorpay: RazorpayMerchant, vpa: str, status: str
) -> None:
    control.turn("razorpay", refusal_rate=1 if status == "captured" else 0)

    answer = razorpay.charge(razorpay.order(), upi={"flow": "collect", "vpa": vpa}).json()

    assert [step["action"] for step in answer["next"]] == ["poll"]
    razorpay.wait_for(answer["razorpay_payment_id"], status)


def test_takes_a_form_at_the_other_upi_address(razorpay: RazorpayMerchant) -> None:
    order = razorpay.order()
    form = {"amount": 50_000, "currency": "INR", "order_id": order["id"], "contact": "9000000000", "method": "upi",
            "upi[flow]": "intent"}  # fmt: skip

    answer = razorpay.http.post(f"{razorpay.base}/payments/create/upi", data=form, timeout=5).json()

    assert answer["link"].startswith("upi://pay?")
    razorpay.wait_for(answer["razorpay_payment_id"], "captured")


def test_a_failed_payment_may_be_followed_by_another(control: Control, razorpay: RazorpayMerchant) -> None:
    control.override("razorpay", razorpay.phone, times=1, refusal_rate=1)
    order = razorpay.order()
    first = razorpay.charge(order).json()["razorpay_payment_id"]
    failed = razorpay.wait_for(first, "failed")

    second = razorpay.charge(order, "9000000001").json()["razorpay_payment_id"]

    razorpay.wait_for(second, "captured")
    assert (failed["error_code"], failed["error_reason"]) == ("BAD_REQUEST_ERROR", "payment_cancelled")
    assert razorpay.payment(first)["error_description"] == failed["error_description"]
    payments = razorpay.get(f"orders/{order['id']}/payments").json()
    assert [payment["status"] for payment in payments["items"]] == ["captured", "failed"]
    assert razorpay.charge(order).status_code == 400
    assert [entry["state"] for entry in control.entries("razorpay")] == ["collected"]


def test_the_second_of_two_successes_is_returned(control: Control, razorpay: RazorpayMerchant) -> None:
    control.turn("razorpay", approval_delay_ms=60_000)
    order = razorpay.order(receipt="twice")
    first, second = (razorpay.charge(order).json()["razorpay_payment_id"] for _ in range(2))

    control.advance(61)

    assert (razorpay.payment(first)["status"], razorpay.payment(second)["status"]) == ("captured", "refunded")
    assert (razorpay.payment(second)["captured"], razorpay.payment(second)["refund_status"]) == (False, "full")
    assert [entry["state"] for entry in control.entries("razorpay", reference="twice")] == ["collected", "returned"]
    assert razorpay.get(f"payments/{second}/refunds").json()["count"] == 1


def test_a_payer_may_pay_twice_by_himself(control: Control, razorpay: RazorpayMerchant) -> None:
    control.turn("razorpay", surplus_rate=1, late_success_ms=1)
    order_id, _ = razorpay.pay()

    control.wait_for_state("razorpay", "returned")
    payments = razorpay.get(f"orders/{order_id}/payments").json()["items"]
    assert sorted(payment["status"] for payment in payments) == ["captured", "refunded"]


def test_a_bank_that_is_silent_for_ten_minutes_fails_the_payment(control: Control, razorpay: RazorpayMerchant) -> None:
    control.turn("razorpay", never_approve_rate=1)
    _, payment_id = razorpay.pay()

    control.advance(590)
    assert razorpay.payment(payment_id)["status"] == "created"
    control.advance(20)
    assert razorpay.payment(payment_id)["error_reason"] == "payment_timed_out"


def test_a_late_authorisation_waits_to_be_captured(control: Control, razorpay: RazorpayMerchant) -> None:
    options = {"automatic_expiry_period": 12, "manual_expiry_period": 7200, "refund_speed": "normal"}
    control.turn("razorpay", refusal_rate=1, success_after_failure_rate=1, late_success_ms=780_000)
    order_id, payment_id = razorpay.pay(payment={"capture": "automatic", "capture_options": options})
    razorpay.wait_for(payment_id, "failed")

    control.advance(800)

    assert razorpay.payment(payment_id)["status"] == "authorized"
    assert control.entries("razorpay")[0]["state"] == "pending"
    assert razorpay.get(f"orders/{order_id}").json()["status"] == "attempted"
    assert razorpay.post(f"payments/{payment_id}/capture", amount=50_000, currency="INR").json()["captured"] is True
    assert control.entries("razorpay")[0]["state"] == "collected"


def test_captures_the_authorised_amount_once(control: Control, razorpay: RazorpayMerchant) -> None:
    _, payment_id = razorpay.pay(payment=MANUAL)
    razorpay.wait_for(payment_id, "authorized")

    answers = [razorpay.post(f"payments/{payment_id}/capture", amount=amount) for amount in (49_900, 50_000, 50_000)]

    assert [answer.status_code for answer in answers] == [400, 200, 400]
    assert "equal to the amount authorized" in answers[0].json()["error"]["description"]
    assert "already been captured" in answers[2].json()["error"]["description"]


def test_what_nobody_captures_goes_back(control: Control, razorpay: RazorpayMerchant) -> None:
    control.turn("razorpay", capture="manual")
    _, payment_id = razorpay.pay()
    razorpay.wait_for(payment_id, "authorized")

    control.advance(WEEK)

    assert (razorpay.payment(payment_id)["status"], razorpay.payment(payment_id)["captured"]) == ("refunded", False)
    assert [entry["state"] for entry in control.entries("razorpay")] == ["returned"]
    assert razorpay.post(f"payments/{payment_id}/capture", amount=50_000).status_code == 400


def test_a_link_is_paid_on_its_page(control: Control, razorpay: RazorpayMerchant) -> None:
    link = razorpay.link(reference_id="link-1", callback_url="https://shop.example/back", callback_method="get",
                         customer={"contact": "+919000000001"})  # fmt: skip
    assert re.fullmatch(r"plink_[A-Za-z0-9]{14}", link["id"])
    assert (link["status"], link["payments"], link["expired_at"], "order_id" in link) == ("created", None, 0, False)
    assert "500.00 INR" in requests.get(link["short_url"], timeout=5).text

    requests.post(link["short_url"], json={"action": "decline"}, headers=JSON, timeout=5).raise_for_status()
    requests.post(link["short_url"], json={"action": "pay"}, headers=JSON, timeout=5).raise_for_status()

    [entry] = control.wait_for_state("razorpay", "collected")
    assert (entry["gateway_id"], entry["reference"], entry["phone"]) == (link["id"], "link-1", "9000000001")
    [shown] = razorpay.get("payment_links", params={"reference_id": "link-1"}).json()["payment_links"]
    payments = razorpay.get(f"orders/{shown['order_id']}/payments").json()["items"]
    assert [payment["status"] for payment in payments] == ["captured", "failed"]
    assert (shown["status"], shown["payments"][0]["payment_id"]) == ("paid", payments[0]["id"])
    back = requests.get(link["short_url"], headers=JSON, timeout=5).json()["return_url"]
    assert "razorpay_payment_link_status=paid&razorpay_signature=" in back


def test_a_link_is_unique_by_reference_and_may_be_cancelled_once(control: Control, razorpay: RazorpayMerchant) -> None:
    link = razorpay.link(reference_id="once")

    assert "already attempted" in str(razorpay.link(reference_id="once"))
    assert razorpay.post(f"payment_links/{link['id']}/cancel").json()["status"] == "cancelled"
    assert razorpay.post(f"payment_links/{link['id']}/cancel").status_code == 400
    assert requests.post(link["short_url"], json={"action": "pay"}, headers=JSON, timeout=5).status_code == 409
    assert control.entries("razorpay")[0]["state"] == "expired"


def test_a_link_expires_and_may_be_paid_after_all(control: Control, razorpay: RazorpayMerchant) -> None:
    control.turn("razorpay", success_after_expiry_rate=1, late_success_ms=60_000)
    link = razorpay.link(expire_by=int(time.time()) + 1000)

    control.advance(1001)
    assert razorpay.get(f"payment_links/{link['id']}").json()["status"] == "expired"
    control.advance(61)
    assert control.entries("razorpay")[0]["state"] == "collected"
    assert razorpay.get(f"payment_links/{link['id']}").json()["status"] == "paid"


def test_links_can_pay_themselves(control: Control, razorpay: RazorpayMerchant) -> None:
    control.turn("razorpay", links_pay_themselves=True)
    link = razorpay.link()

    eventually(lambda: razorpay.get(f"payment_links/{link['id']}").json()["status"] == "paid")
    assert control.entries("razorpay")[0]["phone"] == "9777777777"


def test_settlements_add_up_with_the_report(control: Control, razorpay: RazorpayMerchant) -> None:
    _, payment_id = razorpay.pay(149_900)
    razorpay.wait_for(payment_id, "captured")
    refund_id = razorpay.refund(payment_id, amount=50_000).json()["id"]
    control.wait_for_state("razorpay", "paid_back")
    assert razorpay.get("settlements").json()["count"] == 0
    now = time.gmtime()
    assert razorpay.get("settlements/recon/combined", params={"year": now.tm_year, "month": 13}).status_code == 400

    control.advance(4 * 86_400)

    [settlement] = razorpay.get("settlements").json()["items"]
    report = [
        row
        for month in {now.tm_mon, now.tm_mon % 12 + 1}
        for row in razorpay.get(f"settlements/recon/combined?year={now.tm_year}&month={month}").json()["items"]
    ]
    assert [(row["entity_id"], row["type"], row["settled"]) for row in report] == [
        (payment_id, "payment", True), (refund_id, "refund", True),
    ]  # fmt: skip
    assert sum(row["credit"] - row["debit"] for row in report) == settlement["amount"] == 149_900 - 3538 - 50_000
    assert {row["settlement_id"] for row in report} == {settlement["id"]}
    assert razorpay.get(f"settlements/{settlement['id']}").json() == settlement
