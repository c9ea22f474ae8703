"""What the Indian dialects share with the others: faults on the call that charges, overrides, luck; and rupees."""

from collections.abc import Callable
from typing import Any

import pytest
import requests

from payments.sandbox.dialects.cashfree_rules import read_paise
from payments.sandbox.dialects.india import as_rupees, national, tax_minor
from tests.payments.sandbox.sandbox_client import CashfreeMerchant, Control, RazorpayMerchant, eventually

PHONE = "9000000001"
NAMES = ("razorpay", "cashfree")


class Payer:
    """Either gateway, to one purpose: make an order for a phone, then charge it."""

    def __init__(self, name: str, razorpay: RazorpayMerchant, cashfree: CashfreeMerchant) -> None:
        self.name = name
        self.base = razorpay.base if name == "razorpay" else cashfree.base
        self._razorpay, self._cashfree = razorpay, cashfree

    def order(self, reference: str = "ours") -> Callable[[], requests.Response]:
        """The call that charges."""
        if self.name == "razorpay":
            order = self._razorpay.order(receipt=reference)
            return lambda: self._razorpay.charge(order, PHONE)
        order = self._cashfree.order(500, PHONE, order_id=reference).json()
        return lambda: self._cashfree.charge(order)

    def amounts(self) -> tuple[object, object]:
        """What the order asks and what its payment says."""
        if self.name == "razorpay":
            payment = self._razorpay.get("payments").json()["items"][0]
            return self._razorpay.get(f"orders/{payment['order_id']}").json()["amount"], payment["amount"]
        [payment] = self._cashfree.payments("ours")
        return read_paise(payment["order_amount"]), read_paise(payment["payment_amount"])


@pytest.fixture(params=NAMES)
def payer(request: pytest.FixtureRequest, razorpay: RazorpayMerchant, cashfree: CashfreeMerchant) -> Payer:
    return Payer(request.param, razorpay, cashfree)


@pytest.mark.parametrize(
    ("knobs", "entries"),
    [
        ({"error_rate": 1}, 0),
        ({"html_error_rate": 1}, 0),
        ({"timeout_rate": 1, "timeout_hold_ms": 1}, 0),
        ({"reset_rate": 1}, 0),
        ({"error_after_capture_rate": 1}, 1),
        ({"timeout_after_capture_rate": 1, "timeout_hold_ms": 1}, 1),
    ],
    ids=str,
)
def test_only_the_call_that_charges_meets_the_overrides_of_its_phone(
    control: Control, payer: Payer, knobs: dict[str, Any], entries: int
) -> None:
    control.override(payer.name, PHONE, times=1, **knobs)
    charge = payer.order()

    try:
        assert charge().status_code >= 500
    except requests.ConnectionError:
        assert "timeout_hold_ms" in knobs or "reset_rate" in knobs

    assert control.knobs(payer.name)["phones"] == {}
    assert len(control.entries(payer.name, reference="ours")) == entries
    if entries:
        assert control.wait_for_state(payer.name, "collected")[0]["phone"] == PHONE


def test_the_wrong_amount_shows_beside_the_right_one(control: Control, payer: Payer) -> None:
    control.override(payer.name, PHONE, wrong_amount_rate=1, wrong_amount_delta_minor=-100)
    payer.order()().raise_for_status()

    [entry] = control.wait_for_state(payer.name, "collected")
    assert (entry["amount_minor"], entry["asked_minor"]) == (49_900, 50_000)
    assert payer.amounts() == (50_000, 49_900)


def test_all_of_upi_can_be_down(control: Control, payer: Payer) -> None:
    control.turn(payer.name, operator_down="upi")
    payer.order()()

    control.wait_for_state(payer.name, "failed")
    assert control.turn(payer.name, operator_down="mtn").status_code == 400


def test_reading_can_fail_for_one_payer(control: Control, payer: Payer) -> None:
    control.override(payer.name, PHONE, status_error_rate=1)
    payer.order()().raise_for_status()

    gateway_id = control.entries(payer.name)[0]["gateway_id"]

    merchant = payer._razorpay if payer.name == "razorpay" else payer._cashfree
    assert merchant.get(f"orders/{gateway_id}").status_code == 500
    assert merchant.get(f"orders/{gateway_id}/payments").status_code == 500


def test_a_webhook_can_arrive_before_the_answer(control: Control, payer: Payer) -> None:
    control.turn(payer.name, webhook_before_answer_rate=1, approval_delay_ms=60_000)

    payer.order()().raise_for_status()

    assert control.entries(payer.name)[0]["state"] == "collected"


@pytest.mark.parametrize("name", NAMES)
def test_overrides_are_for_ten_digits_here(control: Control, name: str) -> None:
    refused = control.override(name, "677000001", refusal_rate=1)

    assert (refused.status_code, refused.json()["field"]) == (400, "phones.677000001")
    assert "ten digits" in refused.json()["message"]
    assert control.override("fapshi", PHONE, refusal_rate=1).status_code == 400


@pytest.mark.parametrize(("name", "path", "code"), [
    ("razorpay", ("error", "code"), ("SERVER_ERROR", "BAD_REQUEST_ERROR")),
    ("cashfree", ("type",), ("api_error", "rate_limit_error")),
])  # fmt: skip
def test_outages_and_limits_speak_the_dialect(
    control: Control, name: str, path: tuple[str, ...], code: tuple[str, str]
) -> None:
    def read(answer: requests.Response) -> tuple[int, object]:
        found: Any = answer.json()
        for part in path:
            found = found[part]
        return answer.status_code, found

    url = f"{control.address}/{name}/{'v1' if name == 'razorpay' else 'pg'}/orders/x"
    control.turn(name, outage=True)
    assert read(requests.get(url, timeout=5)) == (503, code[0])
    control.turn(name, outage=False, rate_limit_per_second=1, retry_after_header=True)
    answers = [requests.get(url, timeout=5) for _ in range(2)]
    assert read(answers[1]) == (429, code[1])
    assert answers[1].headers["Retry-After"] == "1"


def test_the_same_seed_gives_the_same_world(control: Control, payer: Payer) -> None:
    def run(references: list[str]) -> dict[str, object]:
        control.post("reset", seed=5)
        control.turn(payer.name, webhook_url=None, approval_delay_ms=1, refusal_rate=0.5, wrong_amount_rate=0.5)
        for reference in references:
            payer.order(reference)()
        control.advance(5)
        return {
            entry["reference"]: (entry["gateway_id"], entry["state"], entry["amount_minor"])
            for entry in control.entries(payer.name)
        }

    references = [f"order-{number}" for number in range(12)]
    assert run(references) == run(references[::-1])


def test_lost_webhooks_leave_the_truth_at_the_gateway(control: Control, payer: Payer) -> None:
    control.turn(payer.name, webhook_url="http://127.0.0.1:9/", webhook_lost_rate=1)
    payer.order()()

    control.wait_for_state(payer.name, "collected")
    lines = eventually(lambda: control.webhooks(payer.name))
    assert {line["kind"] for line in lines} == {"lost"}


@pytest.mark.parametrize(("text", "phone"), [
    ("9000000000", "9000000000"), ("+919000000000", "9000000000"), ("+91 90000 00000", "9000000000"),
    ("919000000000", "9000000000"), ("5000000000", ""), ("900000000", ""), ("+19000000000", ""), (9000000000, ""),
])  # fmt: skip
def test_reads_indian_numbers(text: object, phone: str) -> None:
    assert national(text) == phone


@pytest.mark.parametrize(("rupees", "paise"), [
    (1, 100), (0.1, 10), (1499.0, 149_900), (19.99, 1999), (0.001, 0), (True, 0), ("5", 0), (-1, 0),
    (float("inf"), 0), (float("nan"), 0), (10**400, 0),
])  # fmt: skip
def test_reads_rupees_without_losing_paise(rupees: object, paise: int) -> None:
    assert read_paise(rupees) == paise


def test_writes_paise_and_tax_as_the_documents_do() -> None:
    assert (as_rupees(149_905), as_rupees(7)) == ("1499.05", "0.07")
    assert tax_minor(3538) == 540
