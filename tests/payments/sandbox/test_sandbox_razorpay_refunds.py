"""payments.sandbox.dialects.razorpay, over HTTP: refunds and webhooks."""

import hashlib
import hmac
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
import requests

from tests.payments.sandbox.sandbox_client import Control, RazorpayMerchant, Receiver, eventually

SECRET, KEY_SECRET = "sandbox-razorpay-webhook", "sandbox-razorpay-secret"
MANUAL = {"capture": "manual", "capture_options": {"manual_expiry_period": 60, "refund_speed": "normal"}}


def names(receiver: Receiver) -> list[str]:
    return sorted(event["fields"]["event"] for event in receiver.events)


def is_signed(event: dict[str, Any], secret: str = SECRET) -> bool:
    wanted = hmac.new(secret.encode(), event["body"], hashlib.sha256).hexdigest()
    return bool(event["headers"].get("X-Razorpay-Signature") == wanted)


@pytest.fixture
def captured(razorpay: RazorpayMerchant) -> str:
    _, payment_id = razorpay.pay(100_000, receipt="order-1")
    razorpay.wait_for(payment_id, "captured")
    return payment_id


# Refunds


def test_gives_back_in_parts_up_to_what_was_captured(
    control: Control, razorpay: RazorpayMerchant, captured: str
) -> None:
    first = razorpay.refund(captured, amount=40_000, receipt="part-1", notes={"why": "late"}).json()
    assert (first["status"], first["receipt"], first["notes"]) == ("pending", "part-1", {"why": "late"})
    assert razorpay.refund(captured, amount=60_001).status_code == 400
    rest = razorpay.refund(captured).json()

    assert (rest["amount"], "receipt" in rest) == (60_000, False)
    assert "fully refunded already" in razorpay.refund(captured).text
    eventually(lambda: razorpay.get(f"refunds/{rest['id']}").json()["status"] == "processed")
    assert razorpay.payment(captured)["status"] == "refunded"
    assert razorpay.get(f"payments/{captured}/refunds").json()["count"] == 2
    entries = control.entries("razorpay", kind="refund")
    assert [(entry["reference"], entry["amount_minor"]) for entry in entries] == [("part-1", 40_000), ("", 60_000)]
    assert {entry["of_gateway_id"] for entry in entries} == {control.entries("razorpay")[0]["gateway_id"]}


@pytest.mark.parametrize("body", [{"amount": 99}, {"amount": 1.5}, {"speed": "fast"}, {"reason": "x"}], ids=str)
def test_refuses_a_bad_refund(
    control: Control, razorpay: RazorpayMerchant, captured: str, body: dict[str, Any]
) -> None:
    assert razorpay.refund(captured, **body).status_code == 400
    assert razorpay.refund("pay_x").status_code == 400
    assert control.entries("razorpay", kind="refund") == []


def test_the_same_key_tells_the_same_refund(control: Control, razorpay: RazorpayMerchant, captured: str) -> None:
    answers = [razorpay.refund(captured, "key-0000001", amount=100) for _ in range(2)]
    other = razorpay.refund(captured, "key-0000001", amount=200)
    short = razorpay.refund(captured, "short", amount=100)

    assert answers[0].json() == answers[1].json()
    assert (other.status_code, short.status_code) == (409, 400)
    assert "Different request with the same idempotency key" in other.text
    assert len(control.entries("razorpay", kind="refund")) == 1


def test_a_lost_answer_is_told_again_under_the_same_key(
    control: Control, razorpay: RazorpayMerchant, captured: str
) -> None:
    control.override("razorpay", razorpay.phone, times=1, error_after_capture_rate=1)

    lost, told = (razorpay.refund(captured, "key-0000001", amount=100) for _ in range(2))

    assert (lost.status_code, told.status_code) == (500, 200)
    assert [entry["gateway_id"] for entry in control.entries("razorpay", kind="refund")] == [told.json()["id"]]


def test_a_refund_under_way_is_not_begun_twice(control: Control, razorpay: RazorpayMerchant, captured: str) -> None:
    control.turn("razorpay", latency_ms=150)

    def refund(_: int) -> int:
        headers = {**razorpay.http.headers, "X-Refund-Idempotency": "key-0000001"}
        url = f"{razorpay.base}/payments/{captured}/refund"
        return requests.post(url, json={"amount": 100}, headers=headers, timeout=5).status_code

    with ThreadPoolExecutor(2) as threads:
        statuses = sorted(threads.map(refund, range(2)))

    assert statuses == [200, 409]
    assert len(control.entries("razorpay", kind="refund")) == 1


def test_a_refund_may_be_done_at_once_or_fail(control: Control, razorpay: RazorpayMerchant, captured: str) -> None:
    control.turn("razorpay", refund_at_once=True)
    assert razorpay.refund(captured, amount=100).json()["status"] == "processed"

    control.turn("razorpay", payout_failure_rate=1)

    assert razorpay.refund(captured, amount=200).json()["status"] == "failed"
    assert razorpay.payment(captured)["amount_refunded"] == 100


# Webhooks


def test_the_same_money_is_told_as_payment_and_as_order(razorpay: RazorpayMerchant, receiver: Receiver) -> None:
    order_id, payment_id = razorpay.pay()

    receiver.wait_for(2)
    assert names(receiver) == ["order.paid", "payment.captured"]
    assert all(is_signed(event) for event in receiver.events)
    for event in receiver.events:
        payment = event["fields"]["payload"]["payment"]["entity"]
        assert (payment["id"], payment["order_id"], payment["status"]) == (payment_id, order_id, "captured")
    assert len({event["headers"]["x-razorpay-event-id"] for event in receiver.events}) == 2


def test_a_link_tells_it_three_times(control: Control, razorpay: RazorpayMerchant, receiver: Receiver) -> None:
    control.turn("razorpay", links_pay_themselves=True)
    link = razorpay.link()

    receiver.wait_for(3)
    assert names(receiver) == ["order.paid", "payment.captured", "payment_link.paid"]
    payload = next(
        event["fields"]["payload"] for event in receiver.events if "payment_link" in event["fields"]["payload"]
    )
    shown = payload["payment_link"]["entity"]
    assert (shown["id"], shown["status"]) == (link["id"], "paid")
    assert payload["order"]["entity"]["id"] == shown["order_id"].removeprefix("order_")


def test_duplicates_have_the_same_event_id(control: Control, razorpay: RazorpayMerchant, receiver: Receiver) -> None:
    control.turn("razorpay", webhook_duplicate_rate=1)
    razorpay.pay()

    receiver.wait_for(4)
    ids = [event["headers"]["x-razorpay-event-id"] for event in receiver.events]
    assert sorted(ids.count(one) for one in ids) == [2, 2, 2, 2]


def test_bodies_come_in_more_than_one_spelling(razorpay: RazorpayMerchant, receiver: Receiver) -> None:
    for number in range(8):
        razorpay.pay(receipt=f"order-{number}")

    receiver.wait_for(16)
    bodies = [event["body"] for event in receiver.events]
    assert all(is_signed(event) for event in receiver.events)
    assert any(b'": "' in body for body in bodies)
    assert any(b'":"' in body for body in bodies)
    assert any(body.endswith(b"\n") for body in bodies)
    assert len({next(iter(event["fields"])) for event in receiver.events}) > 1


def test_authorised_money_is_told_before_and_after_its_capture(
    control: Control, razorpay: RazorpayMerchant, receiver: Receiver
) -> None:
    _, payment_id = razorpay.pay(payment=MANUAL)
    [event] = receiver.wait_for(1)
    assert event["fields"]["payload"]["payment"]["entity"]["status"] == "authorized"

    control.turn("razorpay", authorized_event_rate=1)
    razorpay.post(f"payments/{payment_id}/capture", amount=50_000).raise_for_status()

    receiver.wait_for(4)
    assert names(receiver) == ["order.paid", "payment.authorized", "payment.authorized", "payment.captured"]
    assert sum(event["fields"]["payload"]["payment"]["entity"]["captured"] for event in receiver.events) == 3


def test_tells_refunds_and_failures(
    control: Control, razorpay: RazorpayMerchant, captured: str, receiver: Receiver
) -> None:
    razorpay.refund(captured, amount=100)
    receiver.wait_for(2)
    assert names(receiver) == ["refund.created", "refund.processed"]
    control.turn("razorpay", refusal_rate=1)

    razorpay.pay()

    assert receiver.wait_for(3)[-1]["fields"]["event"] == "payment.failed"


def test_tells_that_uncaptured_money_went_back(
    control: Control, razorpay: RazorpayMerchant, receiver: Receiver
) -> None:
    razorpay.pay(payment=MANUAL)
    receiver.wait_for(1)

    control.advance(3601)

    receiver.wait_for(3)
    assert names(receiver) == ["payment.authorized", "refund.created", "refund.processed"]
    assert [event["fields"]["payload"]["payment"]["entity"]["captured"] for event in receiver.events] == [False] * 3


@pytest.mark.parametrize("kind", ["wrong_secret", "no_signature", "key_secret", "other_body"])
def test_forged_webhooks_claim_success(
    control: Control, razorpay: RazorpayMerchant, receiver: Receiver, kind: str
) -> None:
    control.turn("razorpay", webhook_forged_rate=1, never_approve_rate=1, forged_kind=kind)
    _, payment_id = razorpay.pay()

    receiver.wait_for(2)
    for event in receiver.events:
        payment = event["fields"]["payload"]["payment"]["entity"]
        assert (payment["id"], payment["status"]) == (payment_id, "captured")
        assert not is_signed(event)
        assert is_signed(event, KEY_SECRET) == (kind == "key_secret")
    assert razorpay.payment(payment_id)["status"] == "created"


def test_a_webhook_may_be_about_a_payment_nobody_knows(
    control: Control, razorpay: RazorpayMerchant, receiver: Receiver
) -> None:
    control.turn("razorpay", webhook_unknown_rate=1)
    order_id, payment_id = razorpay.pay()

    receiver.wait_for(4)
    payments = [event["fields"]["payload"]["payment"]["entity"] for event in receiver.events]
    [unknown] = {payment["id"] for payment in payments} - {payment_id}
    assert all(is_signed(event) for event in receiver.events)
    assert len({payment["order_id"] for payment in payments} - {order_id}) == 1
    assert razorpay.get(f"payments/{unknown}").status_code == 400


def test_what_is_not_heard_is_told_again(control: Control, razorpay: RazorpayMerchant, receiver: Receiver) -> None:
    control.turn("razorpay", webhook_retry_percent=1)
    receiver.status = 500
    razorpay.pay()
    receiver.wait_for(2)
    eventually(lambda: all(line["status"] for line in control.webhooks("razorpay")))
    receiver.status = 200

    control.advance(1)

    receiver.wait_for(4)
    time.sleep(0.05)
    control.advance(3600)
    assert sorted(line["kind"] for line in control.webhooks("razorpay")) == ["genuine", "genuine", "retry", "retry"]
    ids = [event["headers"]["x-razorpay-event-id"] for event in receiver.events]
    assert sorted(ids[:2]) == sorted(ids[2:])


def test_resending_tells_with_the_same_ids(control: Control, razorpay: RazorpayMerchant, receiver: Receiver) -> None:
    order_id, _ = razorpay.pay()
    first = {(event["headers"]["x-razorpay-event-id"], event["body"]) for event in receiver.wait_for(2)}
    receiver.events = []

    control.post("razorpay/webhooks/resend", gateway_id=order_id).raise_for_status()

    assert {(event["headers"]["x-razorpay-event-id"], event["body"]) for event in receiver.wait_for(2)} == first
