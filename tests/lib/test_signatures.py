"""Signatures: what is believed and what is not. CamPay's and Fapshi's own cases are in tests/payments/gateways."""

import hmac
from base64 import b64encode
from datetime import UTC, datetime

import jwt
import pytest

from choptym.lib import clock
from choptym.lib.errors import BadSignature
from choptym.lib.signatures import any_secret_matches, is_hmac_base64, is_hmac_hex, is_recent, is_same, read_hs256

KEY = "k" * 64


@pytest.mark.parametrize(
    ("given", "expected", "same"),
    [("a", "a", True), ("a", b"a", True), ("é", "é", True), ("a", "b", False), ("", "a", False), ("a", "aa", False)],
)
def test_compares_texts_and_bytes(given: str, expected: str | bytes, same: bool) -> None:
    assert is_same(given, expected) is same


@pytest.mark.parametrize(
    ("given", "secrets", "matches"),
    [
        ("new", ["new", "old"], True),
        ("old", ["new", "old"], True),
        ("other", ["new", "old"], False),
        ("", ["new", ""], False),
        ("new", [], False),
    ],
)
def test_any_secret_will_do_but_an_empty_one(given: str, secrets: list[str], matches: bool) -> None:
    assert any_secret_matches(given, secrets) is matches


def test_reads_the_claims_with_whichever_key_fits() -> None:
    token = jwt.encode({"source": "x"}, KEY, "HS256")

    assert read_hs256(token, ["", "other", KEY]) == {"source": "x"}


@pytest.mark.parametrize("keys", [[], [""], ["other"]])
def test_raises_when_no_key_fits(keys: list[str]) -> None:
    with pytest.raises(BadSignature):
        read_hs256(jwt.encode({}, KEY, "HS256"), keys)


def test_a_short_key_gives_the_signature_that_others_make_with_it() -> None:
    # Made with: printf '%s' "$head.$body" | openssl dgst -sha256 -hmac short -binary | basenc --base64url
    token = "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.e30.ux_6rQzWEJ4FFDcPWUQSi2k8KWUSdB--qNA-3IFRy-o"

    assert read_hs256(token, ["short"]) == {}


# Constructed examples of the gateways' reference pages.
CHECKOUT = b"order_Ab3dEf6hIj9kLm|pay_Ab3dEf6hIj9kQq"
CHECKOUT_SIGNATURE = "4d8bbd4071bfeed67f3f66a3e19003eaa87d44370af96fd54ae56305ae06312e"


@pytest.mark.parametrize(
    ("given", "message", "secrets", "matches"),
    [
        (CHECKOUT_SIGNATURE, CHECKOUT, ["new", "example-key-secret"], True),
        (CHECKOUT_SIGNATURE.upper(), CHECKOUT, ["example-key-secret"], False),
        (CHECKOUT_SIGNATURE, CHECKOUT + b"\n", ["example-key-secret"], False),
        (CHECKOUT_SIGNATURE, CHECKOUT, ["other", ""], False),
        (CHECKOUT_SIGNATURE, CHECKOUT, [], False),
        ("", CHECKOUT, ["example-key-secret", ""], False),
    ],
)
def test_checks_an_hmac_in_hexadecimal(given: str, message: bytes, secrets: list[str], matches: bool) -> None:
    assert is_hmac_hex(given, message, secrets) is matches


def test_an_empty_secret_signs_nothing() -> None:
    assert not is_hmac_hex(hmac.new(b"", b"x", "sha256").hexdigest(), b"x", [""])
    assert not is_hmac_base64(b64encode(hmac.digest(b"", b"x", "sha256")).decode(), b"x", [""])


@pytest.mark.parametrize(
    ("given", "matches"),
    [
        ("s9T5VcxSodfpMfhBOd9gbqfhUEmKPwcwDwoF/x+aALE=", True),
        ("s9T5VcxSodfpMfhBOd9gbqfhUEmKPwcwDwoF/x+aALE", False),
        ("s9T5VcxSodfpMfhBOd9gbqfhUEmKPwcwDwoF_x-aALE=", False),
    ],
)
def test_checks_an_hmac_in_base64(given: str, matches: bool) -> None:
    body = (
        b'1767000125456{"data":{"order":{"order_id":"inv-2041-a1","order_amount":1499.00,"order_currency":"INR"},'
        b'"payment":{"cf_payment_id":"5114910634577","payment_status":"SUCCESS","payment_amount":1499.00}},'
        b'"event_time":"2025-12-29T14:52:05+05:30","type":"PAYMENT_SUCCESS_WEBHOOK"}'
    )

    assert is_hmac_base64(given, body, ["other", "cfsk_ma_test_example_secret"]) is matches


@pytest.mark.parametrize(
    ("timestamp", "recent"),
    [
        ("1767000125", True), ("1767000125456", True), ("1767000000", False), ("1767000250999", False), ("", False),
        ("soon", False), ("-1767000125", False), ("1767000125.5", False), ("١٧٦٧٠٠٠١٢٥", False), ("9" * 4000, False),
    ],
)  # fmt: skip
def test_knows_what_is_recent(monkeypatch: pytest.MonkeyPatch, timestamp: str, recent: bool) -> None:
    monkeypatch.setattr(clock, "known", lambda: datetime.fromtimestamp(1767000130, UTC))

    assert is_recent(timestamp, 100) is recent
