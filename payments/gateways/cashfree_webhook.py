"""Cashfree's webhooks. The signature covers the time and the whole body, so its word on paid orders may be believed."""

import hashlib
from collections.abc import Mapping, Sequence

from choptym.lib.errors import BadSignature, Rejected
from choptym.lib.signatures import is_hmac_base64, is_recent
from payments.gateways.base import Event, Outcome, RefundStatus, Status
from payments.gateways.cashfree_reads import is_id
from payments.gateways.cashfree_records import read_collected, read_india, read_known, read_refund
from payments.gateways.masking import mask
from payments.gateways.reading import read_header, read_json, read_object, read_text, read_uuid

MAX_KEY = 200  # what Event.key is stored in
FRESH_SECONDS = 24 * 3600.0  # a retry may keep the time of the first try
_STATUSES = ("payment_status", "refund_status", "link_status", "transaction_status", "status", "dispute_status")
_IDS = ("cf_payment_id", "cf_refund_id", "refund_id", "settlement_id", "cf_settlement_id", "dispute_id", "link_id")


def read_event(*, method: str, body: bytes, headers: Mapping[str, str], secrets: Sequence[str]) -> Event:
    timestamp = read_header(headers, "x-webhook-timestamp")
    signed = timestamp.encode("utf-8", "replace") + body
    if not timestamp or not is_hmac_base64(read_header(headers, "x-webhook-signature"), signed, secrets):
        raise BadSignature("x-webhook-signature is not of this time and body")
    if not is_recent(timestamp, FRESH_SECONDS):
        raise BadSignature("x-webhook-timestamp is more than a day off")
    if method != "POST":
        raise Rejected("only POST is a webhook")
    record = _read_record(body)
    kind, data = read_text(record.get("type"), 40), read_object(record.get("data"))
    if not kind or not data:
        raise Rejected("a webhook without type or data")
    transaction_id, reference = _subject(kind, data)
    refund = _refund(kind, data)
    return Event(
        key=_key(kind, data, headers),
        transaction_id=transaction_id,
        reference=reference,
        word=kind,
        status=_status(kind, data, transaction_id, reference),
        refund=refund,
        is_refund=refund is not None,
        payload=mask(record),
    )


def _read_record(body: bytes) -> Mapping[str, object]:
    try:
        record = read_json(body)
    except ValueError as error:
        raise Rejected(f"not a webhook: {error}") from None
    if not isinstance(record, dict):
        raise Rejected("not a webhook: it is no object")
    return record


def _parts(data: Mapping[str, object]) -> list[Mapping[str, object]]:
    """Where ids and statuses may stand: one level down, or in the data itself."""
    names = ("payment", "refund", "auto_refund", "settlement", "dispute", "order")
    return [data, *(read_object(data.get(name)) for name in names)]


def _subject(kind: str, data: Mapping[str, object]) -> tuple[str, str]:
    """Our transaction id and reference: the order's id, or the link's where the order is one of Cashfree's making."""
    if kind == "PAYMENT_LINK_EVENT":
        link_id = read_text(data.get("link_id"), 50)
        return (link_id if is_id(link_id) else ""), read_uuid(link_id)
    order = read_object(data.get("order"))
    given = [read_text(part.get("order_id"), 50) for part in _parts(data)]
    order_id = next((one for one in given if is_id(one)), "")
    tagged = read_uuid(read_object(order.get("order_tags")).get("link_id"))
    return (tagged, tagged) if tagged else (order_id, read_uuid(order_id))


def _key(kind: str, data: Mapping[str, object], headers: Mapping[str, str]) -> str:
    """What it is about, from the signed body, and the sender's key: that one is not signed, so alone it would let a
    replay take another event's place."""
    parts = _parts(data)
    ids = [read_text(part.get(name), 40) for name in _IDS for part in parts]
    statuses = [read_text(part.get(name), 20) for name in _STATUSES for part in parts]
    facts = [kind, *[one for one in ids if one][:2], *[one for one in statuses if one][:1]]
    given = read_text(read_header(headers, "x-idempotency-key"), 64)
    key = ":".join([*([given] if given else []), *facts])
    return key if len(key) <= MAX_KEY else hashlib.sha256(key.encode()).hexdigest()


def _status(kind: str, data: Mapping[str, object], transaction_id: str, reference: str) -> Status | None:
    """Only of a paid order. All else is a hint to ask."""
    order, payment = read_object(data.get("order")), read_object(data.get("payment"))
    is_link = kind == "PAYMENT_LINK_EVENT"
    is_paid = payment.get("payment_status") == "SUCCESS" and kind == "PAYMENT_SUCCESS_WEBHOOK"
    if is_link:
        is_paid = data.get("link_status") == "PAID" and order.get("transaction_status") == "SUCCESS"
    if not is_paid or not transaction_id:
        return None
    asked = {"order_amount": order.get("order_amount"), "order_currency": order.get("order_currency")}
    if is_link:  # it tells what was paid beside the order, and as texts
        asked["order_currency"] = data.get("link_currency")
        payment = {"payment_amount": data.get("link_amount_paid")}
    money, problem = read_collected(asked, payment, data)
    return Status(
        outcome=Outcome.PAID,
        transaction_id=transaction_id,
        reference=reference,
        money=money,
        operator=read_text(payment.get("payment_group"), 20),
        operator_reference=read_known(payment.get("bank_reference")),
        word="PAID" if is_link else "SUCCESS",
        problem=problem,
        occurred_at=read_india(payment.get("payment_time")) or read_india(data.get("event_time")),
        gateway_payment_id=read_text(order.get("transaction_id") if is_link else payment.get("cf_payment_id"), 40),
    )


def _refund(kind: str, data: Mapping[str, object]) -> RefundStatus | None:
    if kind == "REFUND_STATUS_WEBHOOK" and data.get("refund"):
        return read_refund(read_object(data.get("refund")))
    if kind == "AUTO_REFUND_STATUS_WEBHOOK" and data.get("auto_refund"):
        return read_refund(read_object(data.get("auto_refund")), is_automatic=True)
    return None
