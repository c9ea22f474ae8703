"""Cashfree: webhooks, genuine, forged, stale and senseless."""

import base64
import hashlib
import hmac
import json
import time
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from choptym.lib import clock
from choptym.lib.errors import BadSignature, Rejected
from choptym.lib.money import Money
from payments.gateways.base import Event, Outcome, RefundOutcome
from tests.payments.gateways.adapters import make_cashfree
from tests.payments.gateways.bodies import CASHFREE_LINK as LINK
from tests.payments.gateways.bodies import CASHFREE_PAYMENT as PAYMENT
from tests.payments.gateways.bodies import CASHFREE_REFUND as REFUND
from tests.payments.gateways.bodies import OURS
from tests.payments.gateways.sandbox import CREDENTIALS

SECRET = CREDENTIALS["CASHFREE_CLIENT_SECRET"]
# The constructed example of the reference page, made with another program.
EXAMPLE = (
    b'{"data":{"order":{"order_id":"inv-2041-a1","order_amount":1499.00,"order_currency":"INR"},"payment":'
    b'{"cf_payment_id":"5114910634577","payment_status":"SUCCESS","payment_amount":1499.00}},'
    b'"event_time":"2025-12-29T14:52:05+05:30","type":"PAYMENT_SUCCESS_WEBHOOK"}'
)
EXAMPLE_SECRET, EXAMPLE_TIME = "cfsk_ma_test_example_secret", "1767000125456"
EXAMPLE_SIGNATURE = "s9T5VcxSodfpMfhBOd9gbqfhUEmKPwcwDwoF/x+aALE="


def sign(body: bytes, timestamp: str, secret: str = SECRET) -> str:
    return base64.b64encode(hmac.new(secret.encode(), timestamp.encode() + body, hashlib.sha256).digest()).decode()


def now(ago_seconds: float = 0) -> str:
    return str(int((time.time() - ago_seconds) * 1000))


def read(
    record: object,
    *,
    timestamp: str | None = None,
    signature: str | None = None,
    secrets: tuple[str, ...] = (SECRET,),
    key: str = "",
) -> Event:
    body = record if isinstance(record, bytes) else json.dumps(record).encode()
    timestamp = now() if timestamp is None else timestamp
    headers = {
        "X-Webhook-Timestamp": timestamp,
        "X-Webhook-Signature": sign(body, timestamp) if signature is None else signature,
        **({"X-Idempotency-Key": key} if key else {}),
    }
    return make_cashfree(secrets=secrets).read_webhook(method="POST", body=body, query={}, headers=headers)


def about(kind: str, **data: object) -> dict[str, Any]:
    return {"data": data, "event_time": "2025-12-29T14:52:05+05:30", "type": kind}


def paid(**changes: object) -> dict[str, Any]:
    order = {"order_id": OURS, "order_amount": "1499.00", "order_currency": "INR", "order_tags": None}
    return about("PAYMENT_SUCCESS_WEBHOOK", order=order, payment={**PAYMENT, **changes})


@pytest.fixture
def at_the_example(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(clock, "known", lambda: datetime.fromtimestamp(int(EXAMPLE_TIME) / 1000 + 60, UTC))


@pytest.mark.usefixtures("at_the_example")
def test_reads_the_example_of_the_page() -> None:
    assert len(EXAMPLE) == 261
    event = read(EXAMPLE, timestamp=EXAMPLE_TIME, signature=EXAMPLE_SIGNATURE, secrets=("new", EXAMPLE_SECRET))

    assert event.status is not None
    assert (event.status.outcome, event.status.money) == (Outcome.PAID, Money(149_900, "INR"))
    assert (event.transaction_id, event.status.gateway_payment_id) == ("inv-2041-a1", "5114910634577")


@pytest.mark.usefixtures("at_the_example")
@pytest.mark.parametrize(
    ("body", "timestamp"),
    [
        (json.dumps(json.loads(EXAMPLE), separators=(",", ":")).encode(), EXAMPLE_TIME),  # 1499.00 became 1499.0
        (EXAMPLE + b"\n", EXAMPLE_TIME), (EXAMPLE.replace(b"1499.00", b"1.00"), EXAMPLE_TIME),
        (EXAMPLE, "1767000125457"), (EXAMPLE, ""), (EXAMPLE, "1767000125"),
    ],
)  # fmt: skip
def test_believes_no_other_bytes_or_time(body: bytes, timestamp: str) -> None:
    with pytest.raises(BadSignature):
        read(body, timestamp=timestamp, signature=EXAMPLE_SIGNATURE, secrets=(EXAMPLE_SECRET,))


@pytest.mark.parametrize("signature", ["", "x", EXAMPLE_SIGNATURE[:-1], "é", "\udc80"])
def test_believes_no_other_signature(signature: str) -> None:
    with pytest.raises(BadSignature):
        read(paid(), signature=signature)


@pytest.mark.parametrize("secrets", [("",), ("other",)])
def test_believes_no_other_secret(secrets: tuple[str, ...]) -> None:
    timestamp = now()
    with pytest.raises(BadSignature):
        read(paid(), secrets=secrets)
    with pytest.raises(BadSignature):
        read(b"{}", timestamp=timestamp, signature=sign(b"{}", timestamp, ""), secrets=secrets)


@pytest.mark.parametrize("made_with", ["new", "old"])
def test_takes_both_secrets_while_one_is_replaced(made_with: str) -> None:
    body, timestamp = json.dumps(paid()).encode(), now()

    event = read(body, timestamp=timestamp, signature=sign(body, timestamp, made_with), secrets=("new", "old"))

    assert event.status is not None


@pytest.mark.parametrize("ago_seconds", [0, 23 * 3600, -23 * 3600])
@pytest.mark.parametrize("digits", [10, 13])
def test_takes_seconds_and_milliseconds_of_the_last_day(ago_seconds: float, digits: int) -> None:
    assert read(paid(), timestamp=now(ago_seconds)[:digits]).status is not None


@pytest.mark.parametrize(
    "timestamp",
    [now(25 * 3600), now(-25 * 3600), now(25 * 3600)[:10], "0", "soon", "١٢٣", "-1"],
    ids=["old", "ahead", "old-seconds", "zero", "no-number", "other-digits", "negative"],
)
def test_does_not_believe_what_is_stale(timestamp: str) -> None:
    with pytest.raises(BadSignature):
        read(paid(), timestamp=timestamp)


@pytest.mark.parametrize("payment_id", ["5114910634577", 5114910634577])
def test_believes_that_an_order_is_paid(payment_id: object) -> None:
    event = read(paid(cf_payment_id=payment_id, bank_reference="NA", payment_method={"app": None}))

    assert event.status is not None
    assert (event.status.outcome, event.status.money, event.status.problem) == (Outcome.PAID, Money(149_900, "INR"), "")
    assert (event.transaction_id, event.reference, event.status.reference) == (OURS, OURS, OURS)
    assert (event.status.gateway_payment_id, event.status.operator_reference) == ("5114910634577", "")
    assert "9876543210" not in str(event.payload)


def test_believes_that_a_link_is_paid() -> None:
    link = {**LINK, "link_status": "PAID", "link_amount": "1499.00", "link_amount_paid": "1499.00"}
    order = {"order_id": "CFPay_x1", "order_amount": "1499.00", "transaction_id": 5114910634577}
    event = read(about("PAYMENT_LINK_EVENT", **link, order={**order, "transaction_status": "SUCCESS"}))
    failed = read(about("PAYMENT_LINK_EVENT", **link, order={**order, "transaction_status": "FAILED"}))

    assert event.status is not None
    assert (event.status.money, event.status.problem) == (Money(149_900, "INR"), "")
    assert (event.transaction_id, event.reference, event.status.gateway_payment_id) == (OURS, OURS, "5114910634577")
    assert failed.status is None


def test_knows_the_link_of_an_order_that_tells_it() -> None:
    order = {"order_id": "CFPay_x1", "order_amount": 1499, "order_currency": "INR", "order_tags": {"link_id": OURS}}
    event = read(about("PAYMENT_SUCCESS_WEBHOOK", order=order, payment=PAYMENT))

    assert (event.transaction_id, event.reference) == (OURS, OURS)


@pytest.mark.parametrize(
    ("changes", "money"),
    [
        ({"payment_amount": "1400.00"}, 140_000), ({"payment_amount": "1400.00", "payment_offers": [{}]}, 149_900),
        ({"payment_amount": "1510.5", "payment_surcharge": {"payment_surcharge_service_charge": 11}}, 149_900),
        ({"payment_amount": "1499.001"}, None), ({"payment_amount": "1e3"}, None),
        ({"payment_currency": "USD"}, None),
    ],
)  # fmt: skip
def test_doubts_a_difference_that_nothing_explains(changes: dict[str, object], money: int | None) -> None:
    status = read(paid(**changes)).status

    assert status is not None
    assert status.money == (None if money is None else Money(money, "INR"))
    assert bool(status.problem) is (money is None)


@pytest.mark.parametrize(
    "record",
    [
        paid(payment_status="PENDING"),
        {**paid(payment_status="FAILED"), "type": "PAYMENT_FAILED_WEBHOOK"},
        {**paid(), "type": "PAYMENT_CHARGES_WEBHOOK"},
        about("SETTLEMENT_SUCCESS", settlement={"settlement_id": 123, "utr": 1234567890123456, "status": "SUCCESS"}),
        about("DISPUTE_CREATED", dispute={"dispute_id": "1"}),
        about("WEBHOOK", test_object={"test_key": "test_value"}),
    ],
)
def test_keeps_all_else_as_a_hint(record: dict[str, Any]) -> None:
    event = read(record)

    assert (event.status, event.refund, event.word) == (None, None, record["type"])


@pytest.mark.parametrize(
    ("word", "outcome"),
    [
        ("PENDING", RefundOutcome.PENDING), ("ONHOLD", RefundOutcome.PENDING), ("SUCCESS", RefundOutcome.DONE),
        ("CANCELLED", RefundOutcome.FAILED), ("FAILED", RefundOutcome.FAILED), ("STRANGE", RefundOutcome.UNMAPPED),
    ],
)  # fmt: skip
def test_reads_refunds(word: str, outcome: RefundOutcome) -> None:
    refund = {**REFUND, "refund_status": word, "cf_refund_id": 1319000001, "cf_payment_id": 5114910634577}
    event = read(about("REFUND_STATUS_WEBHOOK", refund=refund))

    assert event.refund is not None
    assert (event.refund.outcome, event.refund.money) == (outcome, Money(50_000, "INR"))
    assert (event.refund.reference, event.refund.transaction_id) == (OURS, OURS)
    assert (event.refund.gateway_refund_id, event.refund.is_automatic) == (REFUND["refund_id"], False)
    assert (event.transaction_id, event.status) == (OURS, None)


def test_knows_a_refund_that_cashfree_began_by_itself() -> None:
    own = {**REFUND, "refund_status": "SUCCESS", "refund_reason": "multiple payments on the same order"}
    event = read(about("AUTO_REFUND_STATUS_WEBHOOK", auto_refund={k: v for k, v in own.items() if k != "refund_id"}))

    assert event.refund is not None
    assert (event.refund.is_automatic, event.refund.reference) == (True, "")
    assert event.refund.reason.startswith("multiple payments")


def test_the_key_is_what_it_is_about_and_the_senders_own() -> None:
    first, other = paid(), paid(cf_payment_id="77")

    assert read(first).key == read(json.dumps(first, indent=1).encode()).key
    assert read(first).key == "PAYMENT_SUCCESS_WEBHOOK:5114910634577:SUCCESS"
    # The sender's key is not signed: with another's key a replayed event must not take its place.
    assert len({read(first, key="k").key, read(other, key="k").key, read(first, key="l").key}) == 3
    assert len(read(first, key="x" * 500).key) <= 200


@pytest.mark.parametrize(
    "body",
    [
        b"", b"null", b"[]", b"{}", b'"x"', b"\xff", b'{"type":"PAYMENT_SUCCESS_WEBHOOK"}', b'{"data":{"a":1}}',
        b'{"type":"a","type":"b"}', b"[" * 60_000, b'{"type":"x","data":{"a":Infinity}}', b'{"type":"x","data":[]}',
    ],
)  # fmt: skip
def test_rejects_a_body_that_is_no_webhook(body: bytes) -> None:
    with pytest.raises(Rejected) as caught:
        read(body)

    assert type(caught.value) is Rejected


ANY_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=10,
)
KINDS = st.sampled_from([
    "PAYMENT_SUCCESS_WEBHOOK", "PAYMENT_LINK_EVENT", "REFUND_STATUS_WEBHOOK", "AUTO_REFUND_STATUS_WEBHOOK", "x",
])  # fmt: skip


@given(st.binary() | ANY_JSON.map(lambda value: json.dumps(value).encode()))
def test_no_body_breaks_the_parser(body: bytes) -> None:
    with suppress(Rejected):
        read(body)


@given(
    KINDS,
    st.dictionaries(st.sampled_from(sorted(PAYMENT)), ANY_JSON),
    st.dictionaries(st.sampled_from(sorted(REFUND)), ANY_JSON),
    st.dictionaries(st.sampled_from(["order", "order_id", "link_id", "link_status", "link_amount_paid"]), ANY_JSON),
)
def test_no_field_breaks_the_parser(
    kind: str, payment: dict[str, object], refund: dict[str, object], rest: dict[str, object]
) -> None:
    data = {**paid()["data"], "payment": {**PAYMENT, **payment}, "refund": {**REFUND, **refund}, **rest}
    try:
        event = read(about(kind, **data, auto_refund={**REFUND, **refund}))
    except Rejected:
        return
    assert "\x00" not in json.dumps(event.payload, ensure_ascii=False) + event.key
    json.dumps(event.payload, ensure_ascii=False).encode()


@given(st.text(), st.text(), st.text())
def test_no_header_breaks_the_parser(timestamp: str, signature: str, key: str) -> None:
    with suppress(Rejected):
        read(paid(), timestamp=timestamp.encode("utf-8", "replace").decode(), signature=signature, key=key)
