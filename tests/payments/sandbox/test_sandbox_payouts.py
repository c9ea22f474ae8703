"""Payouts in the sandbox's dialects of Fapshi and CamPay, over HTTP: what its books say of money that went out."""

import uuid

import pytest
import requests

from tests.payments.sandbox.sandbox_client import (
    CamPayMerchant,
    Control,
    FapshiMerchant,
    Merchant,
    Receiver,
    eventually,
)

PHONE = "677000000"


def send(
    merchant: Merchant, reference: str = "back-1", amount: int = 500, timeout: float = 5, **more: str
) -> requests.Response:
    """Pay out by the dialect of this merchant."""
    if isinstance(merchant, FapshiMerchant):
        ids = {"externalId": reference, "userId": reference}
        return merchant.post("payout", timeout=timeout, amount=amount, phone=PHONE, **ids, **more)
    ids = {"external_reference": reference, "external_user": reference}
    return merchant.post("withdraw/", timeout=timeout, amount=str(amount), to=f"237{PHONE}", **ids, **more)


@pytest.fixture(params=["fapshi", "campay"])
def merchant(request: pytest.FixtureRequest) -> Merchant:
    """The caller that may pay out."""
    name = "fapshi_payouts" if request.param == "fapshi" else request.param
    made: Merchant = request.getfixturevalue(name)
    return made


def gateway_of(merchant: Merchant) -> str:
    return "fapshi" if isinstance(merchant, FapshiMerchant) else "campay"


def test_books_money_that_went_out_beside_what_came_in(control: Control, merchant: Merchant) -> None:
    assert send(merchant, "back-7", 1500).status_code == 200

    (entry,) = control.wait_for_state(gateway_of(merchant), "paid_back")
    assert (entry["kind"], entry["reference"], entry["phone"], entry["operator"]) == ("payout", "back-7", PHONE, "mtn")
    assert (entry["amount_minor"], entry["asked_minor"], entry["fee_minor"]) == (1500, 1500, 15)
    assert entry["closed_at"] is not None
    assert control.books(gateway_of(merchant))["totals"] == {"payout.paid_back": {"entries": 1, "amount_minor": 1500}}
    assert control.entries(gateway_of(merchant), reference="back-7", kind="collection") == []


def test_a_caller_who_asks_twice_pays_twice(control: Control, merchant: Merchant) -> None:
    """Neither has an idempotency key."""
    for _ in range(2):
        assert send(merchant).status_code == 200

    assert len(control.wait_for_state(gateway_of(merchant), "paid_back", 2)) == 2


@pytest.mark.parametrize("knob", ["timeout_after_capture_rate", "error_after_capture_rate"])
def test_pays_out_although_the_answer_is_lost(control: Control, merchant: Merchant, knob: str) -> None:
    control.override(gateway_of(merchant), PHONE, times=1, timeout_hold_ms=3000, **{knob: 1})

    try:
        assert send(merchant, timeout=0.3).status_code == 500
    except requests.Timeout:
        assert knob == "timeout_after_capture_rate"

    (entry,) = control.wait_for_state(gateway_of(merchant), "paid_back")
    assert entry["reference"] == "back-1"


@pytest.mark.parametrize("knob", ["timeout_rate", "error_rate", "html_error_rate", "reset_rate"])
def test_pays_nothing_out_when_the_call_went_wrong_before(control: Control, merchant: Merchant, knob: str) -> None:
    control.override(gateway_of(merchant), PHONE, times=1, timeout_hold_ms=3000, **{knob: 1})

    try:
        assert send(merchant, timeout=0.3).status_code >= 500
    except requests.RequestException:
        assert knob in {"timeout_rate", "reset_rate"}

    assert control.entries(gateway_of(merchant)) == []


def test_refuses_while_the_float_is_short(control: Control, merchant: Merchant) -> None:
    gateway = gateway_of(merchant)
    control.turn(gateway, float_short=True)

    answer = send(merchant)

    assert answer.status_code == 400
    assert control.entries(gateway) == []
    if gateway == "fapshi":
        assert merchant.get("balance").json()["balance"] == 0
    else:
        assert answer.json()["error_code"] == "ER301"
    control.turn(gateway, float_short=False)
    assert send(merchant).status_code == 200


def test_a_failed_payout_is_told_and_moves_nothing(control: Control, merchant: Merchant, receiver: Receiver) -> None:
    gateway = gateway_of(merchant)
    control.turn(gateway, payout_failure_rate=1)

    send(merchant)

    (event,) = receiver.wait_for(1)
    assert (event["fields"]["status"], bool(event["fields"]["reason"])) == ("FAILED", True)
    assert [entry["state"] for entry in control.entries(gateway)] == ["failed"]


def test_tells_of_a_payout_as_one(control: Control, merchant: Merchant, receiver: Receiver) -> None:
    reference = str(uuid.uuid4())
    send(merchant, reference)

    (event,) = receiver.wait_for(1)
    fields = event["fields"]
    assert fields["status"] == "SUCCESSFUL"
    if isinstance(merchant, FapshiMerchant):
        assert (fields["transType"], fields["externalId"], fields["userId"]) == ("Payout", reference, reference)
        assert event["headers"]["x-wh-secret"] == "sandbox-fapshi-secret"
    else:
        assert (fields["endpoint"], fields["external_reference"]) == ("withdraw", reference)
        assert fields["signature"]
    eventually(lambda: [line["status"] for line in control.webhooks(gateway_of(merchant))] == [200])


def test_fapshi_lists_a_payout_at_once_to_the_service_that_made_it(
    control: Control, fapshi: FapshiMerchant, fapshi_payouts: FapshiMerchant
) -> None:
    control.override("fapshi", PHONE, never_approve_rate=1)
    trans_id = send(fapshi_payouts).json()["transId"]

    (row,) = fapshi_payouts.get("transaction/back-1").json()
    assert (row["transId"], row["status"], row["transType"], row["amount"]) == (trans_id, "CREATED", "Payout", 500)
    assert fapshi_payouts.status(trans_id)["externalId"] == "back-1"
    assert [row["transId"] for row in fapshi_payouts.get("search").json()] == [trans_id]
    assert fapshi.get("transaction/back-1").json() == fapshi.get("search").json() == []


def test_fapshi_pays_nothing_out_while_that_is_switched_off(control: Control, fapshi_payouts: FapshiMerchant) -> None:
    for knob in ("payouts_disabled", "ip_refused"):
        control.turn("fapshi", **{knob: True})
        assert send(fapshi_payouts).status_code == 403
        control.turn("fapshi", **{knob: False})

    assert send(fapshi_payouts, amount=99).status_code == 400
    assert control.entries("fapshi") == []


def test_campay_shows_a_withdrawal_under_way_by_its_id_only(control: Control, campay: CamPayMerchant) -> None:
    control.override("campay", PHONE, never_approve_rate=1)
    reference = send(campay).json()["reference"]
    today = control.http.get(f"{control.address}/control", timeout=5).json()["now"][:10]

    assert campay.status(reference)["status"] == "PENDING"
    assert campay.post("history/", start_date=today, end_date=today).json() == []


def test_campay_shows_a_final_withdrawal_as_money_out(control: Control, campay: CamPayMerchant) -> None:
    reference = send(campay).json()["reference"]
    control.wait_for_state("campay", "paid_back")
    today = control.http.get(f"{control.address}/control", timeout=5).json()["now"][:10]

    (row,) = campay.post("history/", start_date=today, end_date=today).json()
    assert (row["reference_uuid"], row["external_user"], row["debit"]) == (reference, "back-1", 500)
    shown = campay.status(reference)
    assert (shown["endpoint"], shown["external_reference"], shown["amount"]) == ("withdraw", "back-1", "500.00")
