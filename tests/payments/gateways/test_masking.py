"""What may be stored of a conversation with a gateway."""

import json
import time

import pytest

from choptym.lib.masking import mask_phone
from payments.gateways.masking import mask, mask_response, mask_text


@pytest.mark.parametrize(
    ("phone", "shown"),
    [
        ("670000012", "67•••••12"),
        ("237670000012", "23767•••••12"),
        ("+237670000012", "+23767•••••12"),
        ("1", "•••"),
        ("9876543210", "98•••••10"),
        ("+919876543210", "+9198•••••10"),
        ("919876543210", "9198•••••10"),
    ],
)
def test_shows_the_ends_of_a_number(phone: str, shown: str) -> None:
    assert mask_phone(phone) == shown


def test_masks_numbers_and_addresses_inside_a_text() -> None:
    text = "670000012, +237690000034 and payer.one@example.org; not 1670000012, x670000012 or a@b"

    assert mask_text(text) == "67•••••12, +23769•••••34 and pay•••@example.org; not 1670000012, x670000012 or a@b"


def test_masks_indian_numbers_and_leaves_serials_and_times() -> None:
    text = "9876543210 or +919876543210; not 19876543210, pay_9876543210x or 1767000000"

    assert mask_text(text) == "98•••••10 or +9198•••••10; not 19876543210, pay_9876543210x or 1767000000"
    assert mask({
        "rrn": "919876543210", "cf_payment_id": "9876543210", "contact": 9876543210, "vpa": "9876543210@bank",
        "upi_id": "a@b", "payment_session_id": "session_x", "amount": 9876543210, "customer_phone": "9876543210",
    }) == {
        "rrn": "919876543210", "cf_payment_id": "9876543210", "contact": "98•••••10", "vpa": "•••", "upi_id": "•••",
        "payment_session_id": "•••", "amount": 9876543210, "customer_phone": "98•••••10",
    }  # fmt: skip


def test_takes_out_secrets_and_names_and_leaves_serials() -> None:
    kept = mask({
        "Password": "p", "TOKEN": "t", "signature": "s", "payerName": "A. Payer", "name": "", "amount": 2500,
        "fee": None, "phone": 670000012, "from": "237670000012", "financialTransId": "670000012",
        "email": "payer@example.org", "list": [{"apikey": "k", "text": "670000012"}], "is": True,
    })  # fmt: skip

    assert kept == {
        "Password": "•••", "TOKEN": "•••", "signature": "•••", "payerName": "•••", "name": "", "amount": 2500,
        "fee": None, "phone": "67•••••12", "from": "23767•••••12", "financialTransId": "670000012",
        "email": "pay•••@example.org", "list": [{"apikey": "•••", "text": "67•••••12"}], "is": True,
    }  # fmt: skip


def test_cuts_what_is_long_and_deep() -> None:
    deep: dict[str, object] = {}
    for _ in range(50):
        deep = {"in": deep}

    assert "…" in str(mask(deep))
    assert len(json.dumps(mask_response({"text": "x" * 10_000}, b""), ensure_ascii=False)) < 2100
    assert mask_response(None, b"<html>670000012" + b"\xff" * 9000)["text"] == "<html>67•••••12" + "\ufffd" * 1985
    assert mask_response(["670000012"], b"") == {"text": '["67•••••12"]'}
    assert mask_response(None, b"") == {"text": ""}


@pytest.mark.parametrize("text", ["x" * 60_000, "x@" * 30_000, "a." * 30_000, "6" * 60_000, "+237" * 15_000])
def test_no_text_takes_long(text: str) -> None:
    began = time.perf_counter()
    mask({"text": text, text: "text"})

    assert time.perf_counter() - began < 0.1


def test_a_huge_number_does_not_break_the_row() -> None:
    assert mask({"n": 10**30}) == {"n": str(10**30)}
