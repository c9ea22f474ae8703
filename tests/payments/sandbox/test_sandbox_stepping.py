"""payments.sandbox by hand: the payer decides when told to, and webhooks wait to be fetched."""

import json

import pytest

from tests.payments.sandbox.sandbox_client import (
    CamPayMerchant,
    CashfreeMerchant,
    Control,
    FapshiMerchant,
    RazorpayMerchant,
    Receiver,
)


def stand_still(control: Control, gateway: str = "fapshi") -> None:
    control.turn(gateway, never_approve_rate=1, webhooks_held=True).raise_for_status()


def decide(control: Control, gateway: str, decision: object) -> int:
    """What the payer of the only transaction is told to do; the status of the answer."""
    [entry] = control.entries(gateway)
    return control.post(f"{gateway}/payer", gateway_id=entry["gateway_id"], decides=decision).status_code


def states(control: Control, gateway: str) -> list[str]:
    return [entry["state"] for entry in control.entries(gateway)]


def take(control: Control, gateway: str = "fapshi") -> list[dict[str, object]]:
    webhooks: list[dict[str, object]] = control.post(f"{gateway}/webhooks/take").json()["webhooks"]
    return webhooks


@pytest.mark.parametrize(("decision", "state"), [("pay", "collected"), ("decline", "failed")])
def test_a_payer_decides_when_told_to(control: Control, campay: CamPayMerchant, decision: str, state: str) -> None:
    stand_still(control, "campay")
    campay.collect()
    assert states(control, "campay") == ["pending"]

    assert decide(control, "campay", decision) == 200

    assert states(control, "campay") == [state]


def test_the_orders_of_india_can_be_decided_too(
    control: Control, razorpay: RazorpayMerchant, cashfree: CashfreeMerchant
) -> None:
    for gateway in ("razorpay", "cashfree"):
        stand_still(control, gateway)
    razorpay.pay()
    cashfree.pay()

    assert [decide(control, gateway, "pay") for gateway in ("razorpay", "cashfree")] == [200, 200]

    assert (states(control, "razorpay"), states(control, "cashfree")) == (["collected"], ["collected"])
    assert (take(control, "razorpay"), take(control, "cashfree")) != ([], [])


def test_a_link_that_nobody_opened_is_paid_by_somebody(control: Control, fapshi: FapshiMerchant) -> None:
    stand_still(control)
    fapshi.link()

    assert decide(control, "fapshi", "pay") == 200

    [entry] = control.entries("fapshi")
    assert (entry["state"], entry["phone"], entry["operator"]) == ("collected", "677777777", "mtn")


def test_who_declined_or_let_it_expire_may_still_pay(control: Control, fapshi: FapshiMerchant) -> None:
    stand_still(control)
    link = fapshi.link()
    fapshi.post("expire-pay", transId=link["transId"])
    assert states(control, "fapshi") == ["expired"]

    assert decide(control, "fapshi", "decline") == 409
    assert decide(control, "fapshi", "pay") == 200
    assert decide(control, "fapshi", "pay") == 409

    assert states(control, "fapshi") == ["collected"]
    assert [webhook["word"] for webhook in take(control)] == ["EXPIRED", "SUCCESSFUL"]


def test_a_decision_must_be_one(control: Control, fapshi: FapshiMerchant) -> None:
    stand_still(control)
    fapshi.pay()

    assert decide(control, "fapshi", "steal") == 400
    assert control.post("fapshi/payer", gateway_id="nobody", decides="pay").status_code == 404
    assert states(control, "fapshi") == ["pending"]


def test_held_webhooks_are_handed_over_once_and_whole(
    control: Control, fapshi: FapshiMerchant, receiver: Receiver
) -> None:
    stand_still(control)
    trans_id = fapshi.pay().json()["transId"]
    decide(control, "fapshi", "pay")

    [webhook] = take(control)

    assert take(control) == []
    assert (webhook["gateway_id"], webhook["kind"], webhook["word"]) == (trans_id, "genuine", "SUCCESSFUL")
    assert (webhook["method"], webhook["query"]) == ("POST", {})
    assert webhook["headers"] == {"Content-Type": "application/json", "x-wh-secret": "sandbox-fapshi-secret"}
    assert json.loads(str(webhook["body"]))["status"] == "SUCCESSFUL"
    assert receiver.events == []


def test_what_was_held_is_what_would_have_been_sent(
    control: Control, fapshi: FapshiMerchant, receiver: Receiver
) -> None:
    stand_still(control)
    trans_id = fapshi.pay().json()["transId"]
    decide(control, "fapshi", "pay")
    [held] = take(control)

    control.turn("fapshi", webhooks_held=False)
    control.post("fapshi/webhooks/resend", gateway_id=trans_id)

    [sent] = receiver.wait_for(1)
    assert json.loads(str(held["body"])) == sent["fields"]


def test_a_held_webhook_can_be_made_again_although_nobody_takes_them(control: Control, fapshi: FapshiMerchant) -> None:
    stand_still(control)
    trans_id = fapshi.pay().json()["transId"]

    assert control.post("fapshi/webhooks/resend", gateway_id=trans_id).status_code == 202
    assert [webhook["kind"] for webhook in take(control)] == ["resent"]


def test_a_busy_gateway_does_nothing(control: Control, fapshi: FapshiMerchant) -> None:
    control.turn("fapshi", busy_rate=1)

    assert fapshi.pay().status_code == 429
    assert control.entries("fapshi") == []
