"""payments.sandbox.dialects.cashfree, over HTTP: refunds, idempotency keys, limits and webhooks."""

import hashlib
import hmac
import time
from base64 import b64encode
from functools import partial
from typing import Any

import pytest
import requests

from tests.payments.sandbox.sandbox_client import CashfreeMerchant, Control, Receiver, eventually

SECRET = "cfsk_ma_test_sandbox"


def names(receiver: Receiver) -> list[str]:
    return sorted(event["fields"]["type"] for event in receiver.events)


def is_signed(event: dict[str, Any]) -> bool:
    text = event["headers"]["x-webhook-timestamp"].encode() + event["body"]
    wanted = b64encode(hmac.new(SECRET.encode(), text, hashlib.sha256).digest()).decode()
    return bool(event["headers"].get("x-webhook-signature") == wanted)


@pytest.fixture
def paid(control: Control, cashfree: CashfreeMerchant) -> str:
    order_id, _ = cashfree.pay(1000, order_id="paid-order")
    control.wait_for_state("cashfree", "collected")
    return order_id


# Refunds


def test_gives_back_in_parts_up_to_what_was_paid(control: Control, cashfree: CashfreeMerchant, paid: str) -> None:
    first = cashfree.post(f"orders/{paid}/refunds", refund_id="part_1", refund_amount=400.5).json()
    assert (first["refund_status"], first["refund_amount"], first["entity"]) == ("PENDING", 400.5, "refund")

    codes = [
        cashfree.post(f"orders/{paid}/refunds", refund_id=refund_id, refund_amount=amount).json().get("code")
        for refund_id, amount in (("part_1", 1), ("part_2", 599.51), ("x", 1), ("part_2", 0), ("part_2", 599.5))
    ]

    assert codes == ["refund_id_invalid", "refund_post_failed", "refund_id_invalid", "refund_amount_invalid", None]
    eventually(lambda: cashfree.get(f"orders/{paid}/refunds/part_1").json()["refund_status"] == "SUCCESS")
    assert [refund["refund_id"] for refund in cashfree.get(f"orders/{paid}/refunds").json()] == ["part_1", "part_2"]
    entries = control.entries("cashfree", kind="refund")
    assert [(entry["reference"], entry["amount_minor"]) for entry in entries] == [
        ("part_1", 40_050),
        ("part_2", 59_950),
    ]
    assert {entry["of_gateway_id"] for entry in entries} == {paid}
    assert cashfree.status(paid) == "PAID"
    assert cashfree.get(f"orders/{paid}/refunds/none").json()["code"] == "refund_get_not_found"


def test_only_paid_orders_are_given_back(cashfree: CashfreeMerchant) -> None:
    order_id = cashfree.order().json()["order_id"]

    for one, code in ((order_id, "order_id_not_paid"), ("nothing", "order_not_found")):
        answer = cashfree.post(f"orders/{one}/refunds", refund_id="part_1", refund_amount=1)
        assert answer.json()["code"] == code


@pytest.mark.parametrize("word", ["CANCELLED", "FAILED"])
def test_a_refund_may_fail(control: Control, cashfree: CashfreeMerchant, paid: str, word: str) -> None:
    control.override("cashfree", cashfree.phone, payout_failure_rate=1, refund_failed_word=word)
    cashfree.post(f"orders/{paid}/refunds", refund_id="part_1", refund_amount=1000)

    eventually(lambda: cashfree.get(f"orders/{paid}/refunds/part_1").json()["refund_status"] == word)
    assert cashfree.post(f"orders/{paid}/refunds", refund_id="part_2", refund_amount=1000).status_code == 200


# Idempotency keys and limits


def order_with_key(cashfree: CashfreeMerchant, key: str, amount: float = 500) -> requests.Response:
    body = {"order_id": "keyed", "order_amount": amount, "order_currency": "INR",
            "customer_details": {"customer_id": "payer", "customer_phone": "9000000000"}}  # fmt: skip
    return cashfree.http.post(f"{cashfree.base}/orders", json=body, headers={"x-idempotency-key": key}, timeout=5)


def test_the_same_key_tells_the_same_answer(cashfree: CashfreeMerchant) -> None:
    first, second, other = (order_with_key(cashfree, "key-1", amount) for amount in (500, 500, 501))

    assert first.json() == second.json()
    replayed = [answer.headers["x-idempotency-replayed"] for answer in (first, second)]
    assert replayed == ["false", "true"]
    assert (other.status_code, other.json()["type"]) == (422, "idempotency_error")


def test_a_stored_error_is_told_again_until_the_key_changes(control: Control, cashfree: CashfreeMerchant) -> None:
    control.turn("cashfree", error_rate=1)
    assert order_with_key(cashfree, "key-1").status_code == 500
    control.turn("cashfree", error_rate=0)

    assert [order_with_key(cashfree, key).status_code for key in ("key-1", "key-2")] == [500, 200]


def test_a_refund_whose_answer_was_lost_is_told_under_its_key(
    control: Control, cashfree: CashfreeMerchant, paid: str
) -> None:
    control.override("cashfree", cashfree.phone, times=1, timeout_after_capture_rate=1, timeout_hold_ms=1)
    url, headers = f"{cashfree.base}/orders/{paid}/refunds", {"x-idempotency-key": "key-1"}
    body = {"refund_id": "part_1", "refund_amount": 1}

    with pytest.raises(requests.ConnectionError):
        cashfree.http.post(url, json=body, headers=headers, timeout=5)

    assert cashfree.http.post(url, json=body, headers=headers, timeout=5).json()["refund_id"] == "part_1"
    assert len(control.entries("cashfree", kind="refund")) == 1


def test_the_table_of_limits_is_told_and_kept(control: Control, cashfree: CashfreeMerchant) -> None:
    assert cashfree.order().headers["x-ratelimit-limit"] == "200"
    control.turn("cashfree", limit_table="sandbox")

    answers = [cashfree.order() for _ in range(31)]

    assert [answer.status_code for answer in answers] == [200] * 30 + [429]
    assert [answers[index].headers["x-ratelimit-remaining"] for index in (0, 29)] == ["29", "0"]
    assert 1 <= int(answers[30].headers["x-ratelimit-retry"]) <= 59
    assert answers[30].json()["type"] == "rate_limit_error"
    control.advance(61)
    assert cashfree.order().status_code == 200


# Webhooks


def test_tells_a_success_signed_over_the_written_bytes(cashfree: CashfreeMerchant, receiver: Receiver) -> None:
    order_id, payment_id = cashfree.pay(1499)

    [event] = receiver.wait_for(1)
    assert is_signed(event)
    assert b'"order_amount":1499.00,' in event["body"]
    data, headers = event["fields"]["data"], event["headers"]
    assert (event["fields"]["type"], data["order"]["order_id"]) == ("PAYMENT_SUCCESS_WEBHOOK", order_id)
    assert (data["payment"]["cf_payment_id"], data["payment"]["payment_status"]) == (payment_id, "SUCCESS")
    assert (headers["x-webhook-version"], headers["x-webhook-attempt"]) == ("2025-01-01", "1")
    assert abs(int(headers["x-webhook-timestamp"]) / 1000 - time.time()) < 10
    assert headers["x-idempotency-key"]


def test_older_versions_have_no_key_and_may_count_in_seconds(
    control: Control, cashfree: CashfreeMerchant, receiver: Receiver
) -> None:
    control.turn("cashfree", webhook_version="2023-08-01", timestamp_form="seconds", numeric_ids=True)
    _, payment_id = cashfree.pay()

    [event] = receiver.wait_for(1)
    assert is_signed(event)
    assert "x-idempotency-key" not in event["headers"]
    assert len(event["headers"]["x-webhook-timestamp"]) == 10
    assert event["fields"]["data"]["payment"]["cf_payment_id"] == int(payment_id)


def test_tells_failures_beside_the_payment(control: Control, cashfree: CashfreeMerchant, receiver: Receiver) -> None:
    control.turn("cashfree", refusal_rate=1)
    cashfree.pay()
    [event] = receiver.wait_for(1)
    assert event["fields"]["type"] == "PAYMENT_FAILED_WEBHOOK"
    assert event["fields"]["data"]["error_details"]["error_code"] == "TRANSACTION_DECLINED"
    control.turn("cashfree", never_approve_rate=1)

    cashfree.pay()
    control.advance(601)

    assert receiver.wait_for(2)[1]["fields"]["type"] == "PAYMENT_USER_DROPPED_WEBHOOK"


def test_tells_refunds_with_ids_as_numbers(cashfree: CashfreeMerchant, paid: str, receiver: Receiver) -> None:
    made = cashfree.post(f"orders/{paid}/refunds", refund_id="part_1", refund_amount=1).json()

    [event] = receiver.wait_for(1)
    refund = event["fields"]["data"]["refund"]
    assert (event["fields"]["type"], refund["refund_status"]) == ("REFUND_STATUS_WEBHOOK", "SUCCESS")
    assert (refund["cf_refund_id"], refund["cf_payment_id"]) == (int(made["cf_refund_id"]), int(made["cf_payment_id"]))


def test_a_surplus_success_is_followed_by_its_refund(
    control: Control, cashfree: CashfreeMerchant, receiver: Receiver
) -> None:
    control.turn("cashfree", surplus_rate=1, late_success_ms=1)
    order_id, _ = cashfree.pay()

    receiver.wait_for(3)
    assert names(receiver) == ["AUTO_REFUND_STATUS_WEBHOOK", "PAYMENT_SUCCESS_WEBHOOK", "PAYMENT_SUCCESS_WEBHOOK"]
    [refund] = [event["fields"]["data"]["auto_refund"] for event in receiver.events
                if "auto_refund" in event["fields"]["data"]]  # fmt: skip
    assert (refund["order_id"], refund["refund_reason"]) == (order_id, "multiple payments on the same order")


def test_a_link_tells_it_twice_with_amounts_as_texts(
    control: Control, cashfree: CashfreeMerchant, receiver: Receiver
) -> None:
    control.turn("cashfree", links_pay_themselves=True)
    link = cashfree.link(200.12)

    receiver.wait_for(2)
    assert names(receiver) == ["PAYMENT_LINK_EVENT", "PAYMENT_SUCCESS_WEBHOOK"]
    told = next(event["fields"] for event in receiver.events if event["fields"]["type"] == "PAYMENT_LINK_EVENT")
    assert (told["data"]["link_id"], told["data"]["link_amount_paid"]) == (link["link_id"], "200.12")
    assert isinstance(told["data"]["order"]["transaction_id"], int)


@pytest.mark.parametrize("kind", ["wrong_secret", "no_signature", "old_time", "other_body"])
def test_forged_webhooks_claim_success(
    control: Control, cashfree: CashfreeMerchant, receiver: Receiver, kind: str
) -> None:
    control.turn("cashfree", webhook_forged_rate=1, never_approve_rate=1, forged_kind=kind)
    order_id, payment_id = cashfree.pay()

    [event] = receiver.wait_for(1)
    assert event["fields"]["type"] == "PAYMENT_SUCCESS_WEBHOOK"
    assert event["fields"]["data"]["payment"]["cf_payment_id"] == payment_id
    assert is_signed(event) == (kind == "old_time")
    assert cashfree.status(order_id) == "ACTIVE"


def test_a_webhook_may_be_about_an_order_nobody_knows(
    control: Control, cashfree: CashfreeMerchant, receiver: Receiver
) -> None:
    control.turn("cashfree", webhook_unknown_rate=1)
    order_id, _ = cashfree.pay()

    receiver.wait_for(2)
    orders = {event["fields"]["data"]["order"]["order_id"] for event in receiver.events}
    [unknown] = orders - {order_id}
    assert all(is_signed(event) for event in receiver.events)
    assert cashfree.get(f"orders/{unknown}").status_code == 404


def _were_answered(control: Control, wanted: int) -> bool:
    return len([sent for sent in control.webhooks("cashfree") if sent["status"]]) == wanted


def test_each_try_is_counted_and_signed_anew(control: Control, cashfree: CashfreeMerchant, receiver: Receiver) -> None:
    receiver.status = 500
    cashfree.pay()
    for number, seconds in enumerate((121, 601, 1801, 3600), start=1):
        eventually(partial(_were_answered, control, number))
        control.advance(seconds)
        time.sleep(0.02)

    assert [event["headers"]["x-webhook-attempt"] for event in receiver.events] == ["1", "2", "3", "4"]
    assert all(is_signed(event) for event in receiver.events)
    assert len({event["headers"]["x-idempotency-key"] for event in receiver.events}) == 1
    assert len({event["body"] for event in receiver.events}) == 1
