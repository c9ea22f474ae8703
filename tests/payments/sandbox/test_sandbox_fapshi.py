"""payments.sandbox.dialects.fapshi, over HTTP."""

from typing import Any

import pytest
import requests

from tests.payments.sandbox.sandbox_client import Control, FapshiMerchant, Receiver, eventually


@pytest.mark.parametrize("headers", [{}, {"apiuser": "sandbox-user", "apikey": "wrong"}])
def test_refuses_a_caller_without_the_right_keys(fapshi: FapshiMerchant, headers: dict[str, str]) -> None:
    answer = requests.get(f"{fapshi.base}/balance", headers=headers, timeout=5)

    assert (answer.status_code, list(answer.json())) == (403, ["message"])


def test_refuses_a_get_with_a_body(fapshi: FapshiMerchant) -> None:
    assert fapshi.get("balance", data="{}").status_code == 400


@pytest.mark.parametrize(
    "body",
    [
        {"amount": 99}, {"amount": "500"}, {"amount": 500.0}, {"amount": True}, {"amount": None},
        {"phone": "237677000000"}, {"phone": "57700000"}, {"phone": 677000000}, {"phone": ""},
        {"externalId": "with space"}, {"externalId": "x" * 101}, {"userId": ""}, {"userId": 7},
        {"email": "nobody"}, {"medium": "cash"}, {"medium": "fapshi"}, {"medium": []},
    ],
    ids=str,
)  # fmt: skip
def test_refuses_a_malformed_push_and_books_nothing(
    control: Control, fapshi: FapshiMerchant, body: dict[str, Any]
) -> None:
    answer = fapshi.post("direct-pay", **{"amount": 500, "phone": "677000000", **body})

    assert answer.status_code == 400
    assert control.entries("fapshi") == []


def test_refuses_a_body_that_is_no_object(fapshi: FapshiMerchant) -> None:
    for body in ("", "[]", "{", "7"):
        assert fapshi.http.post(f"{fapshi.base}/direct-pay", data=body, timeout=5).status_code == 400


def test_a_push_is_created_then_pending_then_successful(control: Control, fapshi: FapshiMerchant) -> None:
    control.turn("fapshi", approval_delay_ms=300)
    answer = fapshi.pay(amount=2500, userId="u-1", externalId="order-1", name="A. Payer")
    trans_id = answer.json()["transId"]

    assert set(answer.json()) == {"message", "transId", "dateInitiated"}
    assert [fapshi.status(trans_id)["status"] for _ in range(2)] == ["CREATED", "PENDING"]
    control.advance(1)
    shown = fapshi.status(trans_id)
    assert (shown["status"], shown["amount"], shown["revenue"]) == ("SUCCESSFUL", 2500, 2425)
    assert (shown["externalId"], shown["userId"], shown["payerName"]) == ("order-1", "u-1", "A. Payer")
    assert (shown["medium"], shown["transType"]) == ("mobile money", "Collection")


def test_a_repeated_external_id_makes_a_second_transaction(control: Control, fapshi: FapshiMerchant) -> None:
    ids = {fapshi.pay(externalId="same").json()["transId"] for _ in range(2)}

    assert len(ids) == 2
    assert len(control.wait_for_state("fapshi", "collected", 2)) == 2


@pytest.mark.parametrize(("phone", "state"), [("670000000", "collected"), ("656000001", "failed")])
def test_documented_numbers_decide_whatever_the_knobs_say(
    control: Control, fapshi: FapshiMerchant, phone: str, state: str
) -> None:
    control.turn("fapshi", refusal_rate=1 if state == "collected" else 0)

    fapshi.pay(phone)

    control.wait_for_state("fapshi", state)


def test_tells_a_malformed_id_from_an_unknown_one(fapshi: FapshiMerchant) -> None:
    assert fapshi.get("payment-status/ab-cd").status_code == 400
    assert fapshi.get("payment-status/toolongtoolong").status_code == 400
    assert fapshi.get("payment-status/abcd1234").status_code == 404
    assert fapshi.get("nothing-here").status_code == 404
    assert fapshi.get("direct-pay").status_code == 405


def test_allows_six_status_reads_a_minute(control: Control, fapshi: FapshiMerchant) -> None:
    path = f"payment-status/{fapshi.pay().json()['transId']}"

    assert [fapshi.get(path).status_code for _ in range(7)] == [200] * 6 + [429]
    control.advance(61)
    assert fapshi.get(path).status_code == 200


def test_a_link_is_paid_on_its_page_after_a_first_refusal(control: Control, fapshi: FapshiMerchant) -> None:
    created = fapshi.link(redirectUrl="https://shop.example/return?order=7")
    link, trans_id = created["link"], created["transId"]
    as_json = {"Accept": "application/json"}

    assert fapshi.status(trans_id)["status"] == "CREATED"
    assert "Pay" in requests.get(link, timeout=5).text
    requests.post(link, data={"action": "decline"}, timeout=5)
    assert fapshi.status(trans_id)["status"] == "FAILED"
    requests.post(link, json={"action": "pay", "phone": "699000000"}, headers=as_json, timeout=5).raise_for_status()
    control.wait_for_state("fapshi", "collected")
    shown = fapshi.status(trans_id)
    assert (shown["status"], shown["medium"]) == ("SUCCESSFUL", "orange money")
    sent_back = requests.get(link, allow_redirects=False, timeout=5)
    assert sent_back.status_code == 302
    assert sent_back.headers["Location"] == (
        f"https://shop.example/return?transId={trans_id}&order=7&status=SUCCESSFUL"
    )
    again = requests.post(link, json={"action": "pay"}, headers=as_json, timeout=5)
    assert (again.status_code, again.json()) == (409, {"code": "closed"})


def test_a_link_dies_after_a_day(control: Control, fapshi: FapshiMerchant) -> None:
    trans_id = fapshi.link()["transId"]

    control.advance(24 * 3600 - 60)
    assert fapshi.status(trans_id)["status"] == "CREATED"
    control.advance(61)
    assert fapshi.status(trans_id)["status"] == "EXPIRED"
    assert fapshi.post("expire-pay", transId=trans_id).status_code == 400


def test_a_link_can_be_expired_once_and_a_push_never(control: Control, fapshi: FapshiMerchant) -> None:
    trans_id = fapshi.link()["transId"]

    assert fapshi.post("expire-pay", transId=trans_id).json()["status"] == "EXPIRED"
    assert fapshi.post("expire-pay", transId=trans_id).status_code == 400
    assert fapshi.post("expire-pay", transId=fapshi.pay().json()["transId"]).status_code == 400
    assert len(control.entries("fapshi", state="expired")) == 1


def test_money_can_arrive_after_a_link_expired(control: Control, fapshi: FapshiMerchant, receiver: Receiver) -> None:
    control.turn("fapshi", success_after_expiry_rate=1, late_success_ms=30)
    trans_id = fapshi.link()["transId"]

    fapshi.post("expire-pay", transId=trans_id)

    control.wait_for_state("fapshi", "collected")
    assert [event["fields"]["status"] for event in receiver.wait_for(2)] == ["EXPIRED", "SUCCESSFUL"]


def test_lists_the_transactions_of_a_user(fapshi: FapshiMerchant) -> None:
    mine = [fapshi.pay(userId="attempt-1").json()["transId"] for _ in range(2)]
    fapshi.pay(userId="attempt-2")

    assert [row["transId"] for row in fapshi.get("transaction/attempt-1").json()] == mine
    assert fapshi.get("transaction/nobody").json() == []
    assert fapshi.get("transaction/not%20allowed").status_code == 400


def test_searches_newest_first_and_ignores_filters_that_make_no_sense(fapshi: FapshiMerchant) -> None:
    for amount in range(101, 113):
        fapshi.pay(amount=amount)

    def amounts(**query: str) -> list[int]:
        return [row["amount"] for row in fapshi.get("search", params=query).json()]

    assert amounts() == list(range(112, 102, -1))
    assert amounts(sort="asc", limit="2") == [101, 102]
    assert amounts(amt="105") == [105]
    assert amounts(medium="orange money") == []
    assert amounts(status="pending", limit="3") == amounts(limit="3")
    assert amounts(limit="1000") == amounts()
    assert amounts(end="2020-01-01") == []


def test_the_balance_is_random(fapshi: FapshiMerchant) -> None:
    balances = [fapshi.get("balance").json() for _ in range(2)]

    assert balances[0]["currency"] == "XAF"
    assert balances[0]["balance"] != balances[1]["balance"]


def test_a_service_collects_or_pays_out_never_both(
    control: Control, fapshi: FapshiMerchant, fapshi_payouts: FapshiMerchant
) -> None:
    assert fapshi_payouts.pay().status_code == 403
    assert fapshi.post("payout", amount=500, phone="677000000").status_code == 403

    trans_id = fapshi_payouts.post("payout", amount=500, phone="677000000", externalId="back-1").json()["transId"]

    entry = control.wait_for_state("fapshi", "paid_back")[0]
    assert (entry["kind"], entry["amount_minor"], entry["reference"]) == ("payout", 500, "back-1")
    shown = fapshi_payouts.status(trans_id)
    assert (shown["status"], shown["transType"]) == ("SUCCESSFUL", "Payout")
    assert fapshi.get(f"payment-status/{trans_id}").status_code == 404


def test_pays_out_to_an_account_by_its_address(control: Control, fapshi_payouts: FapshiMerchant) -> None:
    fapshi_payouts.post("payout", amount=500, medium="fapshi", email="test.failed@fapshi.com")

    control.wait_for_state("fapshi", "failed")
    assert fapshi_payouts.post("payout", amount=500, medium="fapshi").status_code == 400


@pytest.mark.parametrize("knob", ["direct_pay_disabled", "ip_refused"])
def test_a_switched_off_service_answers_403(control: Control, fapshi: FapshiMerchant, knob: str) -> None:
    control.turn("fapshi", **{knob: True})

    assert fapshi.pay().status_code == 403
    assert fapshi.get("balance").status_code == 200
    assert control.entries("fapshi") == []


def test_answers_can_take_the_odd_shapes_that_were_seen(control: Control, fapshi: FapshiMerchant) -> None:
    control.turn("fapshi", array_status=True, date_only=True, missing_fields=False)
    trans_id = fapshi.pay().json()["transId"]

    [shown] = fapshi.get(f"payment-status/{trans_id}").json()
    assert len(shown["dateInitiated"]) == len("2026-11-05")
    control.turn("fapshi", array_status=False, missing_fields=True)
    assert set(fapshi.status(trans_id)) == {"transId", "status", "amount", "externalId"}


def test_the_webhook_carries_the_status_object_and_the_secret(
    control: Control, fapshi: FapshiMerchant, receiver: Receiver
) -> None:
    trans_id = fapshi.pay().json()["transId"]

    [event] = receiver.wait_for(1)
    assert (event["method"], event["path"]) == ("POST", "/webhooks/fapshi/")
    assert event["headers"]["x-wh-secret"] == "sandbox-fapshi-secret"
    assert event["fields"] == fapshi.status(trans_id)
    eventually(lambda: [line["status"] for line in control.webhooks("fapshi")] == [200])
