"""Razorpay's webhooks. The signature covers the whole body, so what it says of captured money may be believed.

The same money is announced up to three times (payment.captured, order.paid, payment_link.paid), in any order; all of
them name the same transaction and the same gateway_payment_id.
"""

import hashlib
from collections.abc import Mapping, Sequence

from choptym.lib.errors import BadSignature, Rejected
from choptym.lib.signatures import is_hmac_hex
from payments.gateways.base import Event, RefundStatus, Status
from payments.gateways.masking import mask
from payments.gateways.razorpay_reads import is_id
from payments.gateways.razorpay_records import read_payment, read_refund, reference_of
from payments.gateways.reading import read_header, read_json, read_object, read_text

PAID_EVENTS = frozenset({"payment.captured", "order.paid", "payment_link.paid"})


def read_event(*, method: str, body: bytes, headers: Mapping[str, str], secrets: Sequence[str]) -> Event:
    if not is_hmac_hex(read_header(headers, "x-razorpay-signature"), body, secrets):
        raise BadSignature("x-razorpay-signature is not of this body")
    if method != "POST":
        raise Rejected("only POST is a webhook")
    record = _read_record(body)
    name = read_text(record.get("event"), 40)
    payload = read_object(record.get("payload"))
    if not name or not payload:
        raise Rejected("a webhook without event or payload")
    payment, order, link, refund = (_entity(payload, kind) for kind in ("payment", "order", "payment_link", "refund"))
    transaction_id = _transaction_id(payment, order, link)
    reference = reference_of(link) or reference_of(payment) or reference_of(order)
    told = _refund(name, refund, payment)
    return Event(
        key=_key(record, headers, body),
        transaction_id=transaction_id,
        reference=reference,
        word=name,
        status=_status(name, payment, transaction_id, reference),
        refund=told,
        is_refund=told is not None,
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


def _entity(payload: Mapping[str, object], kind: str) -> dict[str, object]:
    return read_object(read_object(payload.get(kind)).get("entity"))


def _transaction_id(payment: Mapping[str, object], order: Mapping[str, object], link: Mapping[str, object]) -> str:
    """The link, else the order. Where a link is told, its order stands there without the order_ in its id."""
    given = (link.get("id"), payment.get("order_id"), order.get("id"))
    return next((text for value in given if is_id(text := read_text(value))), "")


def _key(record: Mapping[str, object], headers: Mapping[str, str], body: bytes) -> str:
    """The event's id, and what it is about: the id is not signed, so a replay must not take another event's place."""
    event_id = read_text(read_header(headers, "x-razorpay-event-id"), 64)
    if not event_id:
        return hashlib.sha256(body).hexdigest()
    payload = read_object(record.get("payload"))
    ids = [read_text(_entity(payload, kind).get("id"), 30) for kind in ("refund", "payment")]
    return ":".join([event_id, read_text(record.get("event"), 40), *(one for one in ids if one)])


def _status(name: str, payment: Mapping[str, object], transaction_id: str, reference: str) -> Status | None:
    """Only captured money of a transaction. All else is a hint to ask."""
    if name not in PAID_EVENTS or payment.get("status") != "captured" or not transaction_id:
        return None
    return read_payment(payment, transaction_id, reference)


def _refund(name: str, refund: Mapping[str, object], payment: Mapping[str, object]) -> RefundStatus | None:
    if not name.startswith("refund.") or not read_text(refund.get("id")):
        return None
    return read_refund(refund, payment or None)
