"""What may be stored of a conversation with a gateway: no secrets, and no more of a person than staff need."""

import json
from collections.abc import Mapping
from itertools import islice

from choptym.lib.masking import mask_people
from payments.gateways.reading import clean

MAX_RESPONSE_CHARACTERS = 2000

_SECRET = frozenset({
    "apikey", "apiuser", "authorization", "password", "payment_session_id", "secret", "signature", "token", "username",
    "webhook",
})  # fmt: skip
_PERSON = frozenset({
    "customer_name", "extra_first_name", "extra_last_name", "first_name", "last_name", "name", "payername", "upi_id",
    "vpa",  # a UPI address: often the telephone number itself
})  # fmt: skip
# Nine or ten digits in these are a serial, not a telephone.
_SERIAL = frozenset({
    "arn", "bank_reference", "cf_link_id", "cf_order_id", "cf_payment_id", "cf_refund_id", "cf_settlement_id", "code",
    "external_reference", "external_user", "externalid", "financialtransid", "operator_reference", "operator_tx_code",
    "reference", "reference_uuid", "refund_arn", "rrn", "settlement_utr", "transid", "upi_transaction_id", "userid",
    "utr",
})  # fmt: skip
_NUMBERS = frozenset({"contact", "customer_phone", "from", "phone", "phone_number", "to"})
_MAX_DEPTH = 6
_MAX_ITEMS = 40
_MAX_NAME = 100


def mask_text(text: str) -> str:
    """Telephone numbers and e-mail addresses inside a text, and characters that no database column takes."""
    return mask_people(clean(text[:MAX_RESPONSE_CHARACTERS]))


def mask(value: Mapping[str, object]) -> dict[str, object]:
    """A request or an event, fit to be stored."""
    items = islice(value.items(), _MAX_ITEMS)
    return {clean(name[:_MAX_NAME]): _mask_value(name, item, 1) for name, item in items}


def mask_response(document: object, body: bytes) -> dict[str, object]:
    """An answer, fit to be stored: the masked JSON object, or the beginning of its text when it is long or none."""
    masked = _mask_value("", document, 0)
    text = json.dumps(masked, ensure_ascii=False, default=str) if document is not None else ""
    if isinstance(masked, dict) and len(text) <= MAX_RESPONSE_CHARACTERS:
        return masked
    text = text or mask_text(body[: 2 * MAX_RESPONSE_CHARACTERS].decode("utf-8", "replace"))
    return {"text": text[:MAX_RESPONSE_CHARACTERS]}


def _mask_value(name: str, value: object, depth: int) -> object:
    name = name.lower()
    if value is None or isinstance(value, bool):
        return value
    if name in _SECRET or name in _PERSON:
        return "•••" if value != "" else ""
    if isinstance(value, dict | list):
        return _mask_inside(value, depth)
    if isinstance(value, int | float) and abs(value) < 10**15 and name not in _NUMBERS:
        return value
    return clean(str(value)[:MAX_RESPONSE_CHARACTERS]) if name in _SERIAL else mask_text(str(value))


def _mask_inside(value: dict[str, object] | list[object], depth: int) -> object:
    if depth >= _MAX_DEPTH:
        return "…"
    if isinstance(value, dict):
        items = islice(value.items(), _MAX_ITEMS)
        return {clean(name[:_MAX_NAME]): _mask_value(name, item, depth + 1) for name, item in items}
    return [_mask_value("", item, depth + 1) for item in value[:_MAX_ITEMS]]
