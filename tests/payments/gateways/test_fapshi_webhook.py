"""Fapshi: webhooks, genuine, forged and senseless."""

import json
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from choptym.lib.errors import BadSignature, Rejected
from tests.payments.gateways.adapters import make_fapshi
from tests.payments.gateways.bodies import FAPSHI_PAID as PAID
from tests.payments.gateways.sandbox import CREDENTIALS

SECRET = CREDENTIALS["FAPSHI_WEBHOOK_SECRET"]


def hook(body: bytes, secret: str = SECRET, name: str = "x-wh-secret", method: str = "POST") -> dict[str, object]:
    return {"method": method, "body": body, "query": {}, "headers": {name: secret}}


def read(**arguments: object) -> object:
    return make_fapshi().read_webhook(**arguments)  # type: ignore[arg-type]


def test_takes_the_old_secret_while_it_is_replaced() -> None:
    gateway = make_fapshi(secrets=("new", SECRET))

    event = gateway.read_webhook(**hook(json.dumps([PAID]).encode(), name="X-Wh-Secret"))  # type: ignore[arg-type]

    assert (event.key, event.reference, event.status) == ("Qm4tZ81x:SUCCESSFUL", "ours-1", None)
    assert event.payload["payerName"] == "•••"


@pytest.mark.parametrize("secret", ["", "wrong", SECRET + " ", SECRET[:-1], "é", "\udc80"])
def test_believes_no_other_secret(secret: str) -> None:
    with pytest.raises(BadSignature):
        read(**hook(json.dumps(PAID).encode(), secret))


@pytest.mark.parametrize("secrets", [(), ("",)])
def test_believes_nothing_without_a_secret(secrets: tuple[str, ...]) -> None:
    with pytest.raises(BadSignature):
        make_fapshi(secrets=secrets).read_webhook(**hook(b"{}", ""))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "body",
    [
        b"", b"null", b"[]", b"{}", b"[{},{}]", b'"x"', b"a=b", b"\xff", b'{"transId": {"a": 1}}',
        b'{"transId": "../x"}',
        b'{"transId":"Qm4tZ81x","transId":"b"}', b"[" * 60_000, b'{"transId":' + b"1" * 5000 + b"}",
        b'{"transId":Infinity}',
    ],
)  # fmt: skip
def test_rejects_a_body_that_is_no_webhook(body: bytes) -> None:
    with pytest.raises(Rejected) as caught:
        read(**hook(body))

    assert type(caught.value) is Rejected


def test_rejects_a_get() -> None:
    with pytest.raises(Rejected):
        read(**hook(json.dumps(PAID).encode(), method="GET"))


def test_keeps_nothing_in_the_payload_that_a_database_refuses() -> None:
    body = b'{"transId":"Qm4tZ81x","status":"FAILED\\u0000","reason":"a\\u0000b\\ud800c","x":{"\\u0000":"\\u0000"}}'

    event = make_fapshi().read_webhook(**hook(body))  # type: ignore[arg-type]

    assert (event.word, event.payload["reason"], event.payload["x"]) == ("FAILED", "ab?c", {"": ""})


ANY_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=10,
)
FIELDS = st.sampled_from([*PAID, "phone", "from"])


@given(st.binary() | ANY_JSON.map(lambda value: json.dumps(value).encode()))
def test_no_body_breaks_the_parser(body: bytes) -> None:
    with suppress(Rejected):
        read(**hook(body))


@given(st.dictionaries(FIELDS, ANY_JSON))
def test_no_field_breaks_the_parser(fields: dict[str, object]) -> None:
    try:
        event = make_fapshi().read_webhook(**hook(json.dumps({**PAID, **fields}).encode()))  # type: ignore[arg-type]
    except Rejected:
        return
    assert "\x00" not in json.dumps(event.payload, ensure_ascii=False)
    json.dumps(event.payload, ensure_ascii=False).encode()
