"""payments.sandbox.webhooks: what can go wrong on their way."""

import time
from typing import Any

import pytest

from tests.payments.sandbox.sandbox_client import CamPayMerchant, Control, FapshiMerchant, Receiver, eventually


def kinds(control: Control, gateway: str = "fapshi") -> list[str]:
    return [line["kind"] for line in control.webhooks(gateway)]


def test_a_lost_webhook_is_not_sent_and_the_log_says_so(
    control: Control, fapshi: FapshiMerchant, receiver: Receiver
) -> None:
    control.turn("fapshi", webhook_lost_rate=1)
    fapshi.pay()

    control.wait_for_state("fapshi", "collected")
    time.sleep(0.05)
    assert receiver.events == []
    assert [(line["kind"], line["status"]) for line in control.webhooks("fapshi")] == [("lost", None)]


def test_a_webhook_can_come_twice(control: Control, fapshi: FapshiMerchant, receiver: Receiver) -> None:
    control.turn("fapshi", webhook_duplicate_rate=1)
    fapshi.pay()

    first, second = receiver.wait_for(2)
    assert first["fields"] == second["fields"]
    assert kinds(control) == ["genuine", "duplicate"]


def test_a_late_webhook_tells_what_was_true_when_it_was_made(
    control: Control, fapshi: FapshiMerchant, receiver: Receiver
) -> None:
    control.turn(
        "fapshi", refusal_rate=1, success_after_failure_rate=1, late_success_ms=1, webhook_late_rate=1,
        webhook_late_ms=60_000,
    )  # fmt: skip
    fapshi.pay()
    control.wait_for_state("fapshi", "collected")

    assert receiver.events == []
    control.advance(61)
    assert {event["fields"]["status"] for event in receiver.wait_for(2)} == {"FAILED", "SUCCESSFUL"}


def test_a_webhook_can_be_overtaken_by_the_next(control: Control, fapshi: FapshiMerchant, receiver: Receiver) -> None:
    control.override("fapshi", "677000001", webhook_reorder_rate=1)
    fapshi.pay("677000001", externalId="first")
    control.wait_for_state("fapshi", "collected")
    fapshi.pay(externalId="second")

    receiver.wait_for(2)
    assert kinds(control) == ["genuine", "reordered"]
    assert [line["gateway_id"] for line in control.webhooks("fapshi")] == [
        entry["gateway_id"] for entry in reversed(control.entries("fapshi"))
    ]


def test_a_webhook_nobody_overtakes_still_goes(control: Control, fapshi: FapshiMerchant, receiver: Receiver) -> None:
    control.turn("fapshi", webhook_reorder_rate=1)
    fapshi.pay()
    control.wait_for_state("fapshi", "collected")

    control.advance(2)

    receiver.wait_for(1)


def test_a_webhook_can_arrive_before_the_answer(control: Control, fapshi: FapshiMerchant, receiver: Receiver) -> None:
    control.turn("fapshi", webhook_before_answer_rate=1, approval_delay_ms=60_000)

    trans_id = fapshi.pay().json()["transId"]

    assert [event["fields"]["transId"] for event in receiver.events] == [trans_id]
    assert control.entries("fapshi")[0]["state"] == "collected"


@pytest.mark.parametrize(("kind", "secret"), [("wrong_secret", "guessed-"), ("no_secret", None)])
def test_a_forged_webhook_claims_success_without_the_secret(
    control: Control, fapshi: FapshiMerchant, receiver: Receiver, kind: str, secret: str | None
) -> None:
    control.turn("fapshi", webhook_forged_rate=1, never_approve_rate=1, forged_kind=kind)
    fapshi.pay()

    [event] = receiver.wait_for(1)
    sent: Any = event["headers"].get("x-wh-secret")
    assert event["fields"]["status"] == "SUCCESSFUL"
    assert sent is None if secret is None else sent.startswith(secret)
    assert control.entries("fapshi")[0]["state"] == "pending"


def test_a_webhook_can_be_about_a_transaction_nobody_knows(
    control: Control, campay: CamPayMerchant, receiver: Receiver
) -> None:
    control.turn("campay", webhook_unknown_rate=1, refusal_rate=1)
    reference = campay.collect().json()["reference"]

    receiver.wait_for(2)
    by_reference = {event["fields"]["reference"]: event["fields"] for event in receiver.events}
    genuine = by_reference.pop(reference)
    [(unknown_reference, unknown)] = by_reference.items()
    assert (genuine["status"], unknown["status"]) == ("FAILED", "SUCCESSFUL")
    assert campay.get(f"transaction/{unknown_reference}/").status_code == 404
    assert len(control.entries("campay")) == 1


def test_webhooks_can_be_switched_off_for_one_phone(
    control: Control, fapshi: FapshiMerchant, receiver: Receiver
) -> None:
    control.override("fapshi", "677000001", webhooks_enabled=False)
    fapshi.pay("677000001", externalId="quiet")
    control.wait_for_state("fapshi", "collected")
    fapshi.pay(externalId="loud")

    assert [event["fields"]["externalId"] for event in receiver.wait_for(1)] == ["loud"]


def test_the_log_holds_the_receivers_answer_and_nothing_is_sent_again(
    control: Control, fapshi: FapshiMerchant, receiver: Receiver
) -> None:
    receiver.status = 500
    fapshi.pay()
    receiver.wait_for(1)

    line = eventually(lambda: [line for line in control.webhooks("fapshi") if line["status"]])[0]
    assert (line["status"], line["word"], line["kind"]) == (500, "SUCCESSFUL", "genuine")
    control.advance(3600)
    time.sleep(0.05)
    assert len(receiver.events) == 1


def test_a_receiver_that_is_down_shows_in_the_log(control: Control, fapshi: FapshiMerchant) -> None:
    control.turn("fapshi", webhook_url="http://127.0.0.1:9/")
    fapshi.pay()

    line = eventually(lambda: [line for line in control.webhooks("fapshi") if line["error"]])[0]
    assert (line["status"], line["error"]) == (None, "ClientConnectorError")


def test_a_webhook_can_be_sent_again_by_hand(control: Control, fapshi: FapshiMerchant, receiver: Receiver) -> None:
    trans_id = fapshi.pay().json()["transId"]
    receiver.wait_for(1)

    assert control.post("fapshi/webhooks/resend", gateway_id=trans_id).status_code == 202

    receiver.wait_for(2)
    assert kinds(control) == ["genuine", "resent"]
    assert control.post("fapshi/webhooks/resend", gateway_id="unknown").status_code == 404
    assert control.webhooks("fapshi", gateway_id="unknown") == []
