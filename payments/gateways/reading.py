"""Careful readers of what gateways say. Strangers can send webhooks: nothing here raises but ValueError."""

import hashlib
import json
import math
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from decimal import Decimal
from email.utils import parsedate_to_datetime
from uuid import UUID

from choptym.lib import clock
from choptym.lib.money import MINOR_DIGITS, Money

MAX_TEXT = 500
MAX_ADDRESS = 500  # as much as its column takes
_ABSENT = frozenset({"", "none", "null"})  # CamPay sends the word None for what is not there
_AMOUNT = re.compile(r"[0-9]{1,15}(?:\.[0-9]{1,9})?")
_UUID = re.compile(r"[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
_LONGEST_WAIT_SECONDS = 3600.0


def read_json(body: bytes) -> object:
    """Parse strictly. Numbers with a point stay text, so that no digit of an amount is lost. Raises ValueError."""
    try:
        return json.loads(
            body.decode("utf-8"), parse_float=str, parse_constant=_refuse, object_pairs_hook=_refuse_repeats
        )
    except RecursionError:
        raise ValueError("nested too deeply") from None


def _refuse(word: str) -> object:
    raise ValueError(f"{word} is no JSON")


def _refuse_repeats(pairs: list[tuple[str, object]]) -> dict[str, object]:
    result = dict(pairs)
    if len(result) != len(pairs):
        raise ValueError("a key appears twice")
    return result


def clean(text: str) -> str:
    """Without what PostgreSQL refuses in a text: NUL and halves of surrogate pairs."""
    return text.encode("utf-8", "replace").decode("utf-8").replace("\x00", "")


def read_text(value: object, most: int = MAX_TEXT) -> str:
    """A text or a whole number as text; "" for everything that means "absent"."""
    if isinstance(value, int) and not isinstance(value, bool) and abs(value) < 10**15:
        value = str(value)
    if not isinstance(value, str):
        return ""
    value = clean(value).strip()
    return "" if value.lower() in _ABSENT else value[:most]


def read_address(value: object, *schemes: str) -> str:
    """An address with one of these beginnings, whole; "" for any other, as half an address leads nowhere."""
    text = read_text(value, MAX_ADDRESS + 1)
    return text if text.startswith(schemes) and len(text) <= MAX_ADDRESS else ""


def digest_of(text: str) -> str:
    """Sixteen characters that stand for a long text, or for a secret one."""
    return hashlib.sha256(text.encode("utf-8", "replace")).hexdigest()[:16]


def read_uuid(value: object) -> str:
    """A UUID in its usual spelling and lower case, or ""."""
    text = read_text(value)
    return str(UUID(text)) if _UUID.fullmatch(text) else ""


def read_amount(value: object, currency: str) -> Money:
    """An amount in major units: digits, and after a point only what the currency has. Raises ValueError."""
    text = read_text(value)
    if not _AMOUNT.fullmatch(text):
        raise ValueError(f"{text[:40]!r} is not an amount")
    return Money.from_major(text, currency)


def read_minor(value: object, currency: str) -> Money:
    """An amount that is given in minor units: a whole number and nothing else. Raises ValueError."""
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value < 10**15:
        raise ValueError(f"{str(value)[:40]!r} is not a whole number of minor units")
    return Money(value, currency)


def read_rounded_down(value: object, currency: str) -> Money | None:
    """An amount that may carry a fraction of the minor unit (what is left after a fee), or None."""
    text = read_text(value)
    if not _AMOUNT.fullmatch(text):
        return None
    return Money(int(Decimal(text).scaleb(MINOR_DIGITS[currency])), currency)


def read_rounded_up(value: object, currency: str) -> Money | None:
    """A cost that may carry a fraction of the minor unit, or None."""
    text = read_text(value)
    if not _AMOUNT.fullmatch(text):
        return None
    return Money(math.ceil(Decimal(text).scaleb(MINOR_DIGITS[currency])), currency)


def read_fee(gross: Money | None, net: object) -> Money | None:
    """Gross less net, rounded up to a whole unit; None when the net is absent or larger."""
    left = read_rounded_down(net, gross.currency) if gross is not None else None
    if gross is None or left is None or not 0 < left.amount_minor <= gross.amount_minor:
        return None
    return Money(gross.amount_minor - left.amount_minor, gross.currency)


def read_instant(value: object) -> datetime | None:
    """An ISO date or time; without an offset it is UTC."""
    try:
        instant = datetime.fromisoformat(read_text(value))
        return (instant if instant.tzinfo else instant.replace(tzinfo=UTC)).astimezone(UTC)
    except (ValueError, OverflowError):
        return None


def read_unix(value: object) -> datetime | None:
    """Whole seconds since 1970; 0 means that it did not happen."""
    if not isinstance(value, int) or isinstance(value, bool) or value <= 0:
        return None
    try:
        return datetime.fromtimestamp(value, UTC)
    except (ValueError, OverflowError, OSError):
        return None


def read_object(value: object) -> dict[str, object]:
    """A JSON object; anything else, such as the [] that stands for an empty one, is an empty one."""
    return value if isinstance(value, dict) else {}


def read_objects(value: object) -> list[dict[str, object]]:
    """The objects of a list; an empty list when it is none."""
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []


def read_header(headers: Mapping[str, str], name: str) -> str:
    """A header, however its name is spelt; "" when it is absent. `name` in lower case."""
    return next((value for given, value in headers.items() if given.lower() == name), "")


def read_retry_after(headers: Mapping[str, str], name: str = "retry-after") -> float | None:
    """What the gateway asks for, in seconds, when it is sane. Understands both spellings of the header."""
    text = headers.get(name, "").strip()
    try:
        seconds = float(text) if text.isascii() and text.isdigit() else _seconds_until(text)
    except (ValueError, TypeError, OverflowError):
        return None
    return seconds if 0 < seconds <= _LONGEST_WAIT_SECONDS else None


def _seconds_until(text: str) -> float:
    instant = parsedate_to_datetime(text)
    if instant.tzinfo is None:
        instant = instant.replace(tzinfo=UTC)
    return (instant - clock.known()).total_seconds()
