"""payments.sandbox.page: the hosted page behind a link."""

import pytest
import requests

from tests.payments.sandbox.sandbox_client import Control, FapshiMerchant

JSON = {"Accept": "application/json"}


def test_shows_its_state_as_json_and_pays_through_json(control: Control, fapshi: FapshiMerchant) -> None:
    created = fapshi.link(amount=700)

    state = requests.get(created["link"], headers=JSON, timeout=5).json()
    paid = requests.post(created["link"], headers=JSON, json={"action": "pay"}, timeout=5).json()

    assert state == {
        "gateway_id": created["transId"], "state": "pending", "is_open": True, "amount_minor": 700, "currency": "XAF",
        "return_url": "",
    }  # fmt: skip
    assert (paid["state"], paid["is_open"]) == ("pending", False)
    control.wait_for_state("fapshi", "collected")


def test_the_page_waits_by_itself_while_the_payer_approves(control: Control, fapshi: FapshiMerchant) -> None:
    control.turn("fapshi", approval_delay_ms=60_000)
    created = fapshi.link()

    waiting = requests.post(created["link"], data={"action": "pay", "phone": "699000000"}, timeout=5)

    assert 'http-equiv="refresh"' in waiting.text
    assert "<form" not in waiting.text
    assert fapshi.status(created["transId"])["status"] == "PENDING"


@pytest.mark.parametrize(
    ("form", "code"),
    [({}, "bad_action"), ({"action": "steal"}, "bad_action"), ({"action": "pay", "phone": "1"}, "bad_phone")],
)
def test_refuses_what_a_browser_would_not_send(
    control: Control, fapshi: FapshiMerchant, form: dict[str, str], code: str
) -> None:
    answer = requests.post(fapshi.link()["link"], headers=JSON, json=form, timeout=5)

    assert (answer.status_code, answer.json()) == (400, {"code": code})
    assert control.entries("fapshi")[0]["state"] == "pending"


def test_an_unknown_link_is_404(fapshi: FapshiMerchant) -> None:
    assert requests.get(f"{fapshi.base}/payment/{'0' * 24}", timeout=5).status_code == 404


def test_an_override_applies_when_its_phone_opens_a_link(control: Control, fapshi: FapshiMerchant) -> None:
    control.override("fapshi", "677000001", times=1, refusal_rate=1)
    link = fapshi.link()["link"]

    requests.post(link, json={"action": "pay", "phone": "677000001"}, headers=JSON, timeout=5).raise_for_status()

    control.wait_for_state("fapshi", "failed")
    assert control.knobs("fapshi")["phones"] == {}


def test_visits_are_no_calls_of_the_merchant(control: Control, fapshi: FapshiMerchant) -> None:
    link = fapshi.link()["link"]
    control.turn("fapshi", outage=True)

    assert requests.get(link, timeout=5).status_code == 200
    assert control.books("fapshi")["calls"] == 1
