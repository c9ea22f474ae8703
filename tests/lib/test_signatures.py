"""Signatures: what is believed and what is not. CamPay's and Fapshi's own cases are in tests/payments/gateways."""

import jwt
import pytest

from choptym.lib.errors import BadSignature
from choptym.lib.signatures import any_secret_matches, is_same, read_hs256

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
