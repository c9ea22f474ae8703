"""What may be stored of a conversation with a gateway: no secrets, and no more of a person than staff need."""

import json
import re
from collections.abc import Mapping
from itertools import islice

from payments.gateways.reading import clean

MAX_RESPONSE_CHARACTERS = 2000

_SECRET = frozenset({
    "apikey", "apiuser", "authorization", "password", "secret", "signature", "token", "username", "webhook",
})  # fmt: skip
_PERSON = frozenset({"extra_first_name", "extra_last_name", "first_name", "last_name", "name", "payername"})
# Nine digits in these are a serial, not a telephone.
_SERIAL = frozenset({
    "code", "external_reference", "external_user", "externalid", "financialtransid", "operator_reference",
    "operator_tx_code", "reference", "reference_uuid", "transid", "userid",
})  # fmt: skip
_PHONE = re.compile(r"(?<![0-9A-Za-z-])(?:\+?237)?6[0-9]{8}(?![0-9A-Za-z-])")
# Bounded, and a name begins where a word does: strangers choose the text, and an open pattern takes quadratic time.
_EMAIL = re.compile(r"(?<![\w.+-])([\w.+-]{1,3})[\w.+-]{0,64}@([\w-]{1,63}\.[\w.-]{1,190})")
_MAX_DEPTH = 6
_MAX_ITEMS = 40
_MAX_NAME = 100


def mask_phone(phone: str) -> str:
    """670000012 → 67•••••12, with the country code kept in front when it is there."""
    plus = phone[: max(0, len(phone) - 9)]
    national = phone[len(plus) :]
    return f"{plus}{national[:2]}•••••{national[-2:]}" if len(national) == 9 else "•••"


def mask_text(text: str) -> str:
    """Telephone numbers and e-mail addresses inside a text, and characters that no database column takes."""
    text = _PHONE.sub(lambda match: mask_phone(match[0]), clean(text[:MAX_RESPONSE_CHARACTERS]))
    return _EMAIL.sub(r"\1•••@\2", text)


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
    if isinstance(value, int | float) and abs(value) < 10**15 and name not in {"phone", "phone_number", "from", "to"}:
        return value
    return clean(str(value)[:MAX_RESPONSE_CHARACTERS]) if name in _SERIAL else mask_text(str(value))


def _mask_inside(value: dict[str, object] | list[object], depth: int) -> object:
    if depth >= _MAX_DEPTH:
        return "…"
    if isinstance(value, dict):
        items = islice(value.items(), _MAX_ITEMS)
        return {clean(name[:_MAX_NAME]): _mask_value(name, item, depth + 1) for name, item in items}
    return [_mask_value("", item, depth + 1) for item in value[:_MAX_ITEMS]]
