"""The rules of CamPay that need no state: fields and their error codes, words for states, shapes of amounts."""

import re
import uuid
from collections.abc import Mapping
from typing import Any, NamedTuple

from payments.sandbox.books import State
from payments.sandbox.phones import find_operator, is_national

DEMO_ORANGE_MINIMUM = 10
PHONE = re.compile(r"237([0-9]{9})")
DIGITS = re.compile(r"[0-9]{1,15}")
DATE = re.compile(r"\d{4}-\d\d-\d\d")
TAG = re.compile(r"<\s*/?\s*[A-Za-z!]")
USSD_CODES = {"mtn": "*126#", "orange": "#150*50#"}
WORDS = {
    State.PENDING: "PENDING",
    State.COLLECTED: "SUCCESSFUL",
    State.PAID_BACK: "SUCCESSFUL",
    State.FAILED: "FAILED",
    State.EXPIRED: "FAILED",
}
ECHOED = (
    "external_user", "description", "redirect_url", "failure_redirect_url", "first_name", "last_name", "email",
)  # fmt: skip
CALLBACK_EXTRAS = {
    "extra_first_name": "first_name",
    "extra_last_name": "last_name",
    "extra_email": "email",
    "redirect_url": "redirect_url",
    "failure_redirect_url": "failure_redirect_url",
}
HISTORY_FIELDS = ("code", "operator", "phone_number", "description", "external_user", "amount", "status")


class Problem(NamedTuple):
    message: str
    code: str = ""


def is_phone(value: object) -> bool:
    match = PHONE.fullmatch(value) if isinstance(value, str) else None
    return match is not None and is_national(match[1])


def is_date(text: str) -> bool:
    return DATE.fullmatch(text) is not None


def is_uuid4(text: str) -> bool:
    try:
        return uuid.UUID(text).version == 4
    except ValueError:
        return False


def read_amount(document: Mapping[str, Any] | None) -> int:
    """Whole francs, as a number or as digits; 0 for anything else."""
    amount = (document or {}).get("amount")
    if type(amount) is int:
        return amount if 0 < amount < 10**15 else 0
    return int(amount) if isinstance(amount, str) and DIGITS.fullmatch(amount) else 0


def find_problem(document: Mapping[str, Any], phone_field: str, demo_cap: int | None) -> Problem | None:
    """What is wrong with a request to collect, link or withdraw; a link names no phone field."""
    if any(isinstance(value, str) and TAG.search(value) for value in document.values()):
        return Problem("The request was refused", "malicious_payload_rejected")
    if document.get("currency", "XAF") != "XAF":
        return Problem("currency must be XAF")
    phone = document.get(phone_field, "") if phone_field else ""
    return (_find_phone_problem(phone) if phone_field else None) or _find_amount_problem(document, phone, demo_cap)


def _find_phone_problem(phone: object) -> Problem | None:
    if not isinstance(phone, str) or not is_phone(phone):
        return Problem("Invalid phone number. Ensure it starts with the country code", "ER101")
    if not find_operator(phone[3:]):
        return Problem("Unsupported phone number carrier. Only MTN and Orange are accepted", "ER102")
    return None


def _find_amount_problem(document: Mapping[str, Any], phone: str, demo_cap: int | None) -> Problem | None:
    amount = read_amount(document)
    if not amount:
        return Problem("Invalid amount. Decimals are not allowed", "ER201")
    if demo_cap is None:
        return None
    if amount > demo_cap:
        return Problem(f"Maximum amount is {demo_cap} XAF", "ER201")
    if amount < DEMO_ORANGE_MINIMUM and find_operator(phone[3:]) == "orange":
        return Problem(f"Minimum amount for Orange is {DEMO_ORANGE_MINIMUM} XAF", "ER201")
    return None


def show_amount(amount_minor: int, form: str | None) -> int | str:
    if form == "number":
        return amount_minor
    return f"{amount_minor}.00" if form == "dotted" else str(amount_minor)


def find_ussd_code(operator: str, *, as_sentence: bool) -> str:
    if as_sentence:
        return "Dial *126# for MTN or #150*50# for Orange to approve the payment"
    return USSD_CODES.get(operator, "")


def as_query(fields: Mapping[str, Any]) -> dict[str, str]:
    return {name: "None" if value is None else str(value) for name, value in fields.items()}
