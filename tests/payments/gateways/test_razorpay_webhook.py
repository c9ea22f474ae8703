"""Razorpay: webhooks, genuine, forged and senseless."""

import hashlib
import hmac
import json
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from choptym.lib.errors import BadSignature, Rejected
from choptym.lib.money import Money
from payments.gateways.base import Event, Outcome, RefundOutcome
from tests.payments.gateways.adapters import make_razorpay
from tests.payments.gateways.bodies import ORDER, OURS, PAY, PLINK
from tests.payments.gateways.bodies import RAZORPAY_LINK as LINK
from tests.payments.gateways.bodies import RAZORPAY_ORDER as BARE_ORDER
from tests.payments.gateways.bodies import RAZORPAY_PAYMENT as PAID
from tests.payments.gateways.bodies import RAZORPAY_REFUND as REFUND
from tests.payments.gateways.sandbox import CREDENTIALS

SECRET = CREDENTIALS["RAZORPAY_WEBHOOK_SECRET"]
# The constructed example of the reference page, made with another program.
EXAMPLE = (
    b'{"entity":"event","event":"payment.captured","contains":["payment"],"payload":{"payment":{"entity":'
    b'{"id":"pay_Ab3dEf6hIj9kQq","amount":149900}}},"created_at":1767000125}'
)
EXAMPLE_SIGNATURE = "29e9ef2caa0c1a0feceaa057303849f501e6e548ecd7239c608b3713de77a8b3"


def sign(body: bytes, secret: str = SECRET) -> str:
    return hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()


def about(name: str, **entities: object) -> dict[str, Any]:
    payload = {kind: {"entity": entity} for kind, entity in entities.items()}
    return {"entity": "event", "event": name, "contains": list(payload), "payload": payload, "created_at": 1767000125}


def read(
    record: object, *, signature: str | None = None, secrets: tuple[str, ...] = (SECRET,), event_id: str = "evt_1"
) -> Event:
    body = record if isinstance(record, bytes) else json.dumps(record).encode()
    headers = {"X-Razorpay-Signature": sign(body) if signature is None else signature}
    headers |= {"X-Razorpay-Event-Id": event_id} if event_id else {}
    return make_razorpay(secrets=secrets).read_webhook(method="POST", body=body, query={}, headers=headers)


def test_reads_the_example_of_the_page() -> None:
    assert len(EXAMPLE) == 169
    event = read(EXAMPLE, signature=EXAMPLE_SIGNATURE, secrets=("new", "example-webhook-secret"))

    # It names no order, so it can settle nothing.
    assert (event.word, event.transaction_id, event.status) == ("payment.captured", "", None)


@pytest.mark.parametrize(
    "body",
    [
        json.dumps(json.loads(EXAMPLE)).encode(), EXAMPLE + b"\n", EXAMPLE.replace(b"149900", b"149901"),
        EXAMPLE.replace(b"/", b"\\/") + b" ", b"",
    ],
)  # fmt: skip
def test_believes_no_other_bytes(body: bytes) -> None:
    with pytest.raises(BadSignature):
        read(body, signature=EXAMPLE_SIGNATURE, secrets=("example-webhook-secret",))


@pytest.mark.parametrize("signature", ["", "0" * 64, EXAMPLE_SIGNATURE.upper(), EXAMPLE_SIGNATURE[:-1], "é", "\udc80"])
def test_believes_no_other_signature(signature: str) -> None:
    with pytest.raises(BadSignature):
        read(EXAMPLE, signature=signature, secrets=("example-webhook-secret",))


@pytest.mark.parametrize("secrets", [(), ("",), ("other",), (CREDENTIALS["RAZORPAY_KEY_SECRET"],)])
def test_believes_no_other_secret(secrets: tuple[str, ...]) -> None:
    with pytest.raises(BadSignature):
        read(about("payment.captured", payment=PAID), secrets=secrets)
    with pytest.raises(BadSignature):
        read(b"{}", signature=sign(b"{}", ""), secrets=secrets)


@pytest.mark.parametrize("made_with", ["new", "old"])
def test_takes_both_secrets_while_one_is_replaced(made_with: str) -> None:
    body = json.dumps(about("payment.captured", payment=PAID)).encode()

    assert read(body, signature=sign(body, made_with), secrets=("new", "old")).status is not None


BARE_LINK_ORDER = {**BARE_ORDER, "id": ORDER.removeprefix("order_"), "status": "paid"}


@pytest.mark.parametrize(
    ("record", "transaction_id"),
    [
        (about("payment.captured", payment=PAID), ORDER),
        (about("order.paid", payment=PAID, order={**BARE_ORDER, "status": "paid"}), ORDER),
        (
            about("payment_link.paid", payment_link={**LINK, "status": "paid"}, order=BARE_LINK_ORDER, payment=PAID),
            PLINK,
        ),
        (about("payment.captured", payment={**PAID, "acquirer_data": [], "fee": None}), ORDER),
    ],
    ids=["payment", "order", "link", "odd fields"],
)
def test_every_announcement_of_money_may_settle(record: dict[str, Any], transaction_id: str) -> None:
    event = read(record)

    assert event.status is not None
    assert (event.status.outcome, event.status.money) == (Outcome.PAID, Money(149_900, "INR"))
    assert (event.transaction_id, event.status.transaction_id) == (transaction_id, transaction_id)
    assert (event.reference, event.status.reference, event.status.gateway_payment_id) == (OURS, OURS, PAY)
    assert "9876543210" not in str(event.payload)


@pytest.mark.parametrize(
    "record",
    [
        about("payment.authorized", payment=PAID),  # a snapshot may say captured already: a hint to ask
        about("payment.captured", payment={**PAID, "status": "authorized"}),
        about("payment.captured", payment={**PAID, "status": "refunded"}),
        about("payment.captured", payment={**PAID, "order_id": None}),
        about("payment.failed", payment={**PAID, "status": "failed", "error_reason": "payment_cancelled"}),
        about("payment_link.partially_paid", payment_link=LINK, order=BARE_LINK_ORDER, payment=PAID),
        about("payment_link.cancelled", payment_link={**LINK, "status": "cancelled"}),
        about("settlement.processed", settlement={"id": "setl_Ab3dEf6hIj9kSt"}),
        about("payment.dispute.created", payment=PAID, dispute={"id": "disp_1"}),
        about("payment.downtime.started", **{"payment.downtime": {"id": "down_1"}}),
    ],
)
def test_keeps_all_else_as_a_hint(record: dict[str, Any]) -> None:
    event = read(record)

    assert (event.status, event.refund) == (None, None)
    assert event.word == record["event"]


@pytest.mark.parametrize(
    ("changes", "money", "problem"),
    [
        ({"amount": 149901}, Money(149_901, "INR"), False), ({"amount": "149900"}, None, True),
        ({"amount": 1499.0}, None, True), ({"amount": -1}, None, True), ({"currency": "USD"}, None, True),
        ({"amount": None}, None, True), ({"amount": True}, None, True),
    ],
)  # fmt: skip
def test_an_amount_that_is_odd_is_a_problem(changes: dict[str, object], money: Money | None, problem: bool) -> None:
    status = read(about("payment.captured", payment={**PAID, **changes})).status

    assert status is not None
    assert (status.outcome, status.money, bool(status.problem)) == (Outcome.PAID, money, problem)


@pytest.mark.parametrize(
    ("name", "word", "outcome"),
    [
        ("refund.created", "pending", RefundOutcome.PENDING), ("refund.created", "processed", RefundOutcome.DONE),
        ("refund.processed", "processed", RefundOutcome.DONE), ("refund.failed", "failed", RefundOutcome.FAILED),
        ("refund.speed_changed", "strange", RefundOutcome.UNMAPPED),
    ],
)  # fmt: skip
def test_reads_refunds(name: str, word: str, outcome: RefundOutcome) -> None:
    event = read(about(name, refund={**REFUND, "status": word}, payment=PAID))

    assert event.refund is not None
    assert (event.refund.outcome, event.refund.money) == (outcome, Money(50_000, "INR"))
    assert (event.refund.reference, event.refund.transaction_id, event.refund.gateway_payment_id) == (OURS, ORDER, PAY)
    assert (event.status, event.refund.is_automatic, event.transaction_id) == (None, False, ORDER)


def test_knows_a_refund_of_what_was_never_captured() -> None:
    own = {**REFUND, "receipt": None, "status": "processed"}
    event = read(about("refund.processed", refund=own, payment={**PAID, "captured": False, "status": "refunded"}))

    assert event.refund is not None
    assert (event.refund.is_automatic, event.refund.reference) == (True, "")


def test_the_key_is_the_event_and_what_it_is_about() -> None:
    captured, failed = about("payment.captured", payment=PAID), about("payment.failed", payment=PAID)

    assert read(captured).key == read(json.dumps(captured, indent=1).encode()).key
    # The id is not signed: with another's id a replayed event must not take its place.
    assert len({read(captured).key, read(failed).key, read(captured, event_id="evt_2").key}) == 3
    assert read(EXAMPLE, event_id="").key == hashlib.sha256(EXAMPLE).hexdigest()
    assert len(read(captured, event_id="x" * 500).key) <= 200


@pytest.mark.parametrize(
    "body",
    [
        b"", b"null", b"[]", b"{}", b'"x"', b"\xff", b'{"event":"payment.captured"}',
        b'{"event":"a","event":"b"}', b"[" * 60_000, b'{"event":"x","payload":{"a":NaN}}', b'{"payload":{"a":{}}}',
    ],
)  # fmt: skip
def test_rejects_a_body_that_is_no_webhook(body: bytes) -> None:
    with pytest.raises(Rejected) as caught:
        read(body)

    assert type(caught.value) is Rejected


def test_rejects_a_get() -> None:
    with pytest.raises(Rejected):
        make_razorpay().read_webhook(method="GET", body=b"", query={}, headers={"x-razorpay-signature": sign(b"")})


ANY_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=10,
)
NAMES = st.sampled_from(["payment.captured", "order.paid", "payment_link.paid", "refund.processed", "x"])


@given(st.binary() | ANY_JSON.map(lambda value: json.dumps(value).encode()))
def test_no_body_breaks_the_parser(body: bytes) -> None:
    with suppress(Rejected):
        read(body)


@given(
    NAMES,
    st.dictionaries(st.sampled_from(sorted(PAID)), ANY_JSON),
    st.dictionaries(st.sampled_from(sorted(REFUND)), ANY_JSON),
    st.dictionaries(st.sampled_from(sorted(LINK)), ANY_JSON),
)
def test_no_field_breaks_the_parser(
    name: str, payment: dict[str, object], refund: dict[str, object], link: dict[str, object]
) -> None:
    entities = {"payment": {**PAID, **payment}, "refund": {**REFUND, **refund}, "payment_link": {**LINK, **link}}
    try:
        event = read(about(name, **entities))
    except Rejected:
        return
    assert "\x00" not in json.dumps(event.payload, ensure_ascii=False) + event.key
    json.dumps(event.payload, ensure_ascii=False).encode()


@given(st.dictionaries(st.sampled_from(["payment", "order", "payment_link", "refund", "x"]), ANY_JSON), st.text())
def test_no_payload_breaks_the_parser(payload: dict[str, object], event_id: str) -> None:
    with suppress(Rejected):
        read({"event": "payment.captured", "payload": payload}, event_id=event_id)
