"""The rules of Cashfree that need no state: fields of its requests, and the codes for wrong ones."""

import re
from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any, NamedTuple

from payments.sandbox.dialects.india import INDIA_TIME, national

VERSIONS = frozenset({"2023-08-01", "2025-01-01", "2026-01-01"})
LOWEST_PAISE, HIGHEST_PAISE = 100, 10**12
ORDER_ID = re.compile(r"[A-Za-z0-9_-]{3,45}")
LINK_ID = re.compile(r"[A-Za-z0-9_-]{1,50}")
REFUND_ID = re.compile(r"[A-Za-z0-9_-]{3,40}")
CUSTOMER_ID = re.compile(r"[A-Za-z0-9_-]{3,50}")
EMAIL = re.compile(r"[^@\s]+@[^@\s]+\.[^@\s]+")
VPA = re.compile(r"[A-Za-z0-9.\-_]{2,}@[A-Za-z0-9]{2,}")
CHANNELS = ("link", "qrcode", "collect")
DEFAULT_DAYS = 30
ALWAYS_PAYS, NEVER_PAYS = "testsuccess@gocash", re.compile(r"test\w+@gocash")


class Problem(NamedTuple):
    message: str
    code: str
    status: int = 400


def read_object(document: Mapping[str, Any], name: str) -> dict[str, Any]:
    value = document.get(name)
    return value if isinstance(value, dict) else {}


def read_paise(value: object) -> int:
    """A number of rupees with at most two decimals, in paise; 0 for anything else."""
    if not isinstance(value, int | float) or isinstance(value, bool):
        return 0
    rupees = Decimal(str(value))
    if not rupees.is_finite() or not 0 < rupees < HIGHEST_PAISE or rupees != rupees.quantize(Decimal("0.01")):
        return 0
    return int(rupees * 100)


def read_time(value: object) -> float | None:
    """Seconds since 1970 of an ISO 8601 text; without an offset it means India."""
    try:
        at = datetime.fromisoformat(value) if isinstance(value, str) else None
        return None if at is None else (at if at.tzinfo else at.replace(tzinfo=INDIA_TIME)).timestamp()
    except (ValueError, OverflowError):
        return None


def fits(pattern: re.Pattern[str], value: object) -> bool:
    return isinstance(value, str) and pattern.fullmatch(value) is not None


def find_order_problem(document: Mapping[str, Any], now: float) -> Problem | None:
    if "order_id" in document and not fits(ORDER_ID, document["order_id"]):
        return Problem("order_id : should be 3 to 45 characters of a-z, 0-9, - and _", "order_id_invalid")
    if read_paise(document.get("order_amount")) < LOWEST_PAISE:
        return Problem("order_amount : should be a number of at least 1 with two decimals", "order_amount_invalid")
    if document.get("order_currency") != "INR":
        return Problem("order_currency : should be INR", "order_currency_invalid")
    customer = read_object(document, "customer_details")
    if not fits(CUSTOMER_ID, customer.get("customer_id")):
        return Problem("customer_details.customer_id : is missing or wrong", "customer_details.customer_id_invalid")
    return _find_customer_problem(customer) or find_expiry_problem(document, "order_expiry_time", now)


def _find_customer_problem(customer: Mapping[str, Any]) -> Problem | None:
    if not national(customer.get("customer_phone")):
        return Problem("customer_details.customer_phone : should be ten digits", "customer_phone_invalid")
    email = customer.get("customer_email")
    if email is not None and not fits(EMAIL, email):
        return Problem("customer_details.customer_email : is not an address", "customer_email_invalid")
    return None


def find_expiry_problem(document: Mapping[str, Any], name: str, now: float) -> Problem | None:
    value = document.get(name)
    at = read_time(value)
    if value is None or (at is not None and at > now):
        return None
    return Problem(f"{name} : should be a time in the future", f"{name}_invalid")


def find_upi_problem(document: Mapping[str, Any]) -> Problem | None:
    """What is wrong with a payment through a session, apart from the session."""
    upi = read_object(read_object(document, "payment_method"), "upi")
    if not upi:
        return Problem("payment_method : not supported", "payment_method_unsupported")
    if upi.get("channel") not in CHANNELS:
        return Problem("payment_method.upi.channel : link, qrcode or collect", "channel_invalid")
    if upi["channel"] == "collect" and not fits(VPA, upi.get("upi_id")):
        return Problem("payment_method.upi.upi_id : is not a UPI id", "upi_id_invalid")
    minutes = upi.get("upi_expiry_minutes", 5)
    if type(minutes) is not int or not 5 <= minutes <= 15:
        return Problem("payment_method.upi.upi_expiry_minutes : 5 to 15", "upi_expiry_minutes_invalid")
    return None


def find_link_problem(document: Mapping[str, Any], now: float) -> Problem | None:
    if not fits(LINK_ID, document.get("link_id")):
        return Problem("link_id : up to 50 characters of a-z, 0-9, - and _", "link_id_invalid")
    if read_paise(document.get("link_amount")) < LOWEST_PAISE:
        return Problem("link_amount : should be a number of at least 1 with two decimals", "link_amount_invalid")
    if document.get("link_currency") != "INR":
        return Problem("link_currency : should be INR", "link_currency_invalid")
    purpose = document.get("link_purpose")
    if not isinstance(purpose, str) or not 1 <= len(purpose) <= 500:
        return Problem("link_purpose : up to 500 characters", "link_purpose_invalid")
    customer = read_object(document, "customer_details")
    return _find_customer_problem(customer) or find_expiry_problem(document, "link_expiry_time", now)


def find_refund_problem(document: Mapping[str, Any], left_minor: int) -> Problem | None:
    if not fits(REFUND_ID, document.get("refund_id")):
        return Problem("refund_id : should be 3 to 40 characters of a-z, 0-9 and _", "refund_id_invalid")
    amount_minor = read_paise(document.get("refund_amount"))
    if not amount_minor:
        return Problem("refund_amount : should be a number with two decimals", "refund_amount_invalid")
    if amount_minor > left_minor:
        return Problem("Total amount of Refunds cannot be greater than the order amount", "refund_post_failed")
    if document.get("refund_speed", "STANDARD") not in ("STANDARD", "INSTANT"):
        return Problem("refund_speed : STANDARD or INSTANT", "refund_speed_invalid")
    return None
