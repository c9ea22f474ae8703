"""CamPay: callbacks, genuine, forged and senseless."""

import json
import time
from contextlib import suppress
from typing import Any

import jwt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from choptym.lib.errors import BadSignature, Rejected
from payments.gateways.base import Event
from tests.payments.gateways.adapters import make_campay
from tests.payments.gateways.bodies import CAMPAY_ID as REFERENCE
from tests.payments.gateways.bodies import CAMPAY_PAID as PAID
from tests.payments.gateways.bodies import OURS
from tests.payments.gateways.sandbox import CREDENTIALS

KEY = CREDENTIALS["CAMPAY_WEBHOOK_KEY"]


def sign(key: str = KEY, algorithm: str = "HS256", **claims: Any) -> str:
    key = key.ljust(64, "\0")  # the same signature, without PyJWT's warning about short keys
    return jwt.encode(claims, key, algorithm, headers={"app": "Shop"})


def now() -> int:
    return int(time.time())


def read(
    body: object, method: str = "POST", keys: tuple[str, ...] = (KEY,), query: dict[str, str] | None = None
) -> Event:
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    return make_campay(keys=keys).read_webhook(method=method, body=content, query=query or {}, headers={})


@pytest.mark.parametrize(
    "claims",
    [
        {},
        {"source": "CamPay"},
        {"iat": 0, "nbf": 0, "exp": 3600, "source": "CamPay"},
        {"iat": 900, "nbf": 30, "exp": -30},
        {"aud": "someone", "iss": "someone"},
    ],
)
def test_requires_no_claim_and_allows_for_crooked_clocks(claims: dict[str, Any]) -> None:
    """Times are given in seconds from now: the run may be long."""
    at = now()
    claims = {name: value + at if isinstance(value, int) else value for name, value in claims.items()}

    event = read({**PAID, "signature": sign(**claims)}, keys=("new", KEY))

    assert (event.transaction_id, event.reference, event.word, event.status) == (REFERENCE, OURS, "SUCCESSFUL", None)
    assert (event.payload["signature"], event.payload["phone_number"]) == ("•••", "23767•••••00")


@pytest.mark.parametrize(
    "signature",
    [
        pytest.param(sign("other key"), id="another key"),
        pytest.param(sign(algorithm="HS512"), id="another algorithm"),
        pytest.param(jwt.encode({}, "", "none"), id="no algorithm"),
        pytest.param(sign(exp=now() - 3600), id="expired"),
        pytest.param(sign(nbf=now() + 36_000), id="too early"),
        pytest.param(sign(exp="soon"), id="no number"),
        pytest.param(sign(exp=float("inf")), id="no end"),
        pytest.param(sign(exp=float("nan")), id="not a number"),
        pytest.param(sign(source="Someone"), id="another source"),
        pytest.param(sign(source=None), id="no source at all"),
        pytest.param(sign() + "x", id="longer"),
        pytest.param(sign().rpartition(".")[0] + ".", id="cut off"),
        pytest.param(sign() + ".a", id="four parts"),
        pytest.param("a.b.c", id="no token"),
        pytest.param("é.\u0000.c", id="not ASCII"),
        pytest.param("None", id="None"),
        pytest.param("", id="empty"),
        pytest.param(7, id="a number"),
        pytest.param(None, id="null"),
    ],
)
def test_believes_no_other_signature(signature: object) -> None:
    with pytest.raises(BadSignature):
        read({**PAID, "signature": signature})


@pytest.mark.parametrize("keys", [(), ("",)])
def test_believes_nothing_without_a_key(keys: tuple[str, ...]) -> None:
    with pytest.raises(BadSignature):
        read({**PAID, "signature": sign("")}, keys=keys)


@pytest.mark.parametrize(
    "body",
    [
        b"", b"null", b"[]", b"[{}]", b'"x"', b"status=SUCCESSFUL&reference=1", b"\xff\xfe", b'{"a":{"b":1}}',
        b'{"a":[]}',
        b'{"signature":"a","signature":"b"}', b"[" * 60_000, b'{"a":' * 60_000, b'{"a":NaN}',
    ],
)  # fmt: skip
def test_rejects_a_body_that_is_no_callback(body: bytes) -> None:
    with pytest.raises(Rejected) as caught:
        read(body)

    assert type(caught.value) is Rejected


@pytest.mark.parametrize("reference", ["", "None", "../../balance", REFERENCE + "/", "5b0e1c52", None, 12, "{}"])
def test_rejects_a_callback_about_no_transaction(reference: object) -> None:
    with pytest.raises(Rejected) as caught:
        read({**PAID, "reference": reference, "signature": sign()})

    assert type(caught.value) is Rejected


def test_reads_the_query_of_a_get() -> None:
    query = {"signature": sign(), "reference": REFERENCE.upper(), "status": "FAILED", "reason": "None"}

    event = read(b"", method="GET", query=query)

    assert (event.transaction_id, event.word, event.reference) == (REFERENCE, "FAILED", "")


def test_a_replayed_token_cannot_take_the_place_of_the_real_callback() -> None:
    real, replayed = sign(iat=1), sign(iat=2)

    keys = {read({**PAID, "signature": token}).key for token in (real, replayed, real)}

    assert len(keys) == 2


ANY = st.none() | st.booleans() | st.integers() | st.floats() | st.text()


@given(st.binary() | st.dictionaries(st.text(), ANY | st.lists(ANY)).map(lambda value: json.dumps(value).encode()))
def test_no_body_breaks_the_parser(body: bytes) -> None:
    with suppress(Rejected):
        read(body)


@given(st.dictionaries(st.sampled_from([*PAID, "signature", "iat"]), ANY))
def test_no_field_breaks_the_parser(fields: dict[str, object]) -> None:
    try:
        event = read({**PAID, "signature": sign(), **fields})
    except Rejected:
        return
    text = json.dumps(event.payload, ensure_ascii=False)
    assert "\\u0000" not in text
    text.encode()


@given(st.dictionaries(st.sampled_from([*PAID, "signature"]), st.text()), st.text())
def test_no_query_breaks_the_parser(query: dict[str, str], signature: str) -> None:
    with suppress(Rejected):
        read(b"", method="GET", query={"signature": signature, **query})


@given(st.dictionaries(st.sampled_from(["exp", "nbf", "iat", "source", "aud", "sub", "jti"]), ANY))
def test_no_claim_breaks_the_parser(claims: dict[str, object]) -> None:
    header = {"alg": "HS256", "typ": "JWT"}
    signature = jwt.PyJWS().encode(json.dumps(claims).encode(), KEY.ljust(64, "\0"), "HS256", header)
    with suppress(Rejected):
        read({**PAID, "signature": signature})
