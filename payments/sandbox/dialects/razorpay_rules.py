"""The rules of Razorpay that need no state: fields of its requests, and what it says about wrong ones."""

import re
from collections.abc import Mapping
from typing import Any, NamedTuple
from urllib.parse import parse_qsl

from payments.sandbox.calls import Call
from payments.sandbox.dialects.india import national

MINIMUM_PAISE = 100
HIGHEST_PAISE = 10**13
REFUND_KEY = re.compile(r"[A-Za-z0-9_-]{10,}")
REFUND_FIELDS = frozenset({"amount", "speed", "notes", "receipt", "payment_id"})
VPA = re.compile(r"[A-Za-z0-9.\-_]{2,}@[A-Za-z0-9]{2,}")
NESTED = re.compile(r"(\w+)\[(\w+)\]")
UNKNOWN_ID = "The id provided does not exist"
NO_SUCH_PATH = "The requested URL was not found on the server."
KEY_REUSED = "Different request with the same idempotency key has already been processed."
KEY_BUSY = "Another request with the same idempotency key is still in progress."
ALWAYS_PAYS, NEVER_PAYS = "success@razorpay", "failure@razorpay"


class Problem(NamedTuple):
    message: str
    field: str = ""


def read_body(call: Call) -> dict[str, Any]:
    """The body, as JSON or as a form with names such as upi[flow]; {} for anything else."""
    if call.document is not None:
        return call.document
    if not call.headers.get("Content-Type", "").startswith("application/x-www-form-urlencoded"):
        return {}
    fields: dict[str, Any] = {}
    for name, value in parse_qsl(call.body.decode(errors="replace")):
        nested = NESTED.fullmatch(name)
        if nested and isinstance(fields.setdefault(nested[1], {}), dict):
            fields[nested[1]][nested[2]] = value
        else:
            fields[name] = int(value) if name == "amount" and value.isdecimal() else value
    return fields


def read_object(document: Mapping[str, Any], name: str) -> dict[str, Any]:
    value = document.get(name)
    return value if isinstance(value, dict) else {}


def find_amount_problem(document: Mapping[str, Any], name: str = "amount") -> Problem | None:
    amount = document.get(name)
    if amount is None:
        return Problem(f"The {name} field is required.", name)
    if type(amount) is not int:
        return Problem("The amount must be an integer.", name)
    if amount < MINIMUM_PAISE:
        return Problem("The amount must be at least INR 1.00", name)
    return Problem("Amount exceeds maximum amount allowed.", name) if amount > HIGHEST_PAISE else None


def find_order_problem(document: Mapping[str, Any]) -> Problem | None:
    problem = find_amount_problem(document)
    if problem is not None:
        return problem
    if document.get("currency") != "INR":
        return Problem("Currency is not supported" if document.get("currency") else "The currency field is required.",
                       "currency")  # fmt: skip
    return find_text_problem(document, "receipt") or find_notes_problem(document) or _find_capture_problem(document)


def find_text_problem(document: Mapping[str, Any], name: str) -> Problem | None:
    value = document.get(name)
    if value is None or (isinstance(value, str) and len(value) <= 40):
        return None
    return Problem(f"The {name.replace('_', ' ')} may not be greater than 40 characters.", name)


def find_notes_problem(document: Mapping[str, Any]) -> Problem | None:
    notes = document.get("notes")
    if not notes:
        return None
    if not isinstance(notes, dict):
        return Problem("notes must be an array", "notes")
    if len(notes) > 15:
        return Problem("Number of fields in notes should be less than or equal to 15", "notes")
    is_long = any(len(str(value)) > 256 for value in notes.values())
    return Problem("The value of a note may not be greater than 256 characters.", "notes") if is_long else None


def _find_capture_problem(document: Mapping[str, Any]) -> Problem | None:
    if "payment" not in document:
        return None
    payment = read_object(document, "payment")
    if payment.get("capture") not in ("automatic", "manual"):
        return Problem("The selected capture is invalid.", "capture")
    options = read_object(payment, "capture_options")
    automatic, manual = options.get("automatic_expiry_period"), options.get("manual_expiry_period", 7200)
    if payment["capture"] == "automatic" and (type(automatic) is not int or automatic < 12):
        return Problem("The automatic expiry period must be at least 12.", "automatic_expiry_period")
    if type(manual) is not int or not (automatic or 12) <= manual <= 7200:
        return Problem("The manual expiry period is invalid.", "manual_expiry_period")
    if options.get("refund_speed") not in ("normal", "optimum"):
        return Problem("The refund speed field is required.", "refund_speed")
    return None


def find_upi_problem(document: Mapping[str, Any], asked_minor: int, *, email_required: bool) -> Problem | None:
    """What is wrong with a server-to-server payment for an order of this amount."""
    if document.get("amount") != asked_minor or document.get("currency") != "INR":
        return Problem("Your payment amount is different from your order amount. To pay successfully, please try using"
                       " right amount.", "amount")  # fmt: skip
    if document.get("method") != "upi":
        return Problem("The selected method is invalid.", "method")
    if not national(document.get("contact")):
        return Problem("Contact number should be at least 8 digits, including country code", "contact")
    if email_required and not document.get("email"):
        return Problem("The email field is required.", "email")
    return _find_flow_problem(document)


def _find_flow_problem(document: Mapping[str, Any]) -> Problem | None:
    upi = read_object(document, "upi")
    if upi.get("flow", "collect") not in ("intent", "collect"):
        return Problem("The selected flow is invalid.", "flow")
    if upi.get("flow", "collect") == "collect" and not is_vpa(upi.get("vpa") or document.get("vpa")):
        return Problem("Invalid VPA. Please enter a valid Virtual Payment Address", "vpa")
    return None


def is_vpa(value: object) -> bool:
    return isinstance(value, str) and VPA.fullmatch(value) is not None


def find_link_problem(document: Mapping[str, Any], now: float) -> Problem | None:
    problem = find_amount_problem(document)
    if problem is not None:
        return problem
    if document.get("currency", "INR") != "INR":
        return Problem("currency should be a valid currency", "currency")
    expire_by = document.get("expire_by")
    if expire_by is not None and (type(expire_by) is not int or not now + 900 <= expire_by <= now + 184 * 86400):
        return Problem("expire_by should be at least 15 minutes in future", "expire_by")
    if bool(document.get("callback_url")) != bool(document.get("callback_method")):
        return Problem("callback_url and callback_method must be given together", "callback_url")
    if document.get("upi_link"):
        return Problem("UPI Payment Links is not supported in Test Mode", "upi_link")
    return find_text_problem(document, "reference_id") or find_notes_problem(document)


def find_refund_problem(document: Mapping[str, Any], key: str | None, left_minor: int) -> Problem | None:
    strange = sorted(set(document) - REFUND_FIELDS)
    if strange:
        return Problem(f"{', '.join(strange)} is/are not required and should not be sent")
    if key is not None and REFUND_KEY.fullmatch(key) is None:
        return Problem("The idempotency key must be at least 10 characters of letters, digits, - and _")
    if left_minor <= 0:
        return Problem("The payment has been fully refunded already")
    problem = find_amount_problem(document) if "amount" in document else None
    if problem is None and document.get("amount", left_minor) > left_minor:
        return Problem("The refund amount provided is greater than amount captured", "amount")
    return problem or _find_refund_field_problem(document)


def _find_refund_field_problem(document: Mapping[str, Any]) -> Problem | None:
    if document.get("speed", "normal") not in ("normal", "optimum"):
        return Problem("The selected speed is invalid.", "speed")
    return find_text_problem(document, "receipt") or find_notes_problem(document)
