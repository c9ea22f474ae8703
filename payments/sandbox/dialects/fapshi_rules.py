"""The rules of Fapshi that need no state: fields, test numbers, words for states, search filters."""

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from payments.sandbox.books import Entry, State
from payments.sandbox.clock import as_date

MINIMUM_AMOUNT = 100
OUR_ID = re.compile(r"[A-Za-z0-9_-]{1,100}")
TRANSACTION_ID = re.compile(r"[A-Za-z0-9]{8,10}")
EMAIL = re.compile(r"[^@\s]+@[^@\s]+\.[^@\s]+")
OPERATORS = {"mobile money": "mtn", "orange money": "orange", "fapshi": "fapshi"}
ALWAYS_PAY = frozenset({"670000000", "670000002", "650000000", "690000000", "690000002", "656000000"})
NEVER_PAY = frozenset({"670000001", "670000003", "650000001", "690000001", "690000003", "656000001"})
ALWAYS_PAYABLE = frozenset({"test.success@fapshi.com", "messi.champion@fapshi.com"})
NEVER_PAYABLE = frozenset({"test.failed@fapshi.com", "penaldo.test@fapshi.com"})
WORDS = {
    State.COLLECTED: "SUCCESSFUL",
    State.PAID_BACK: "SUCCESSFUL",
    State.FAILED: "FAILED",
    State.EXPIRED: "EXPIRED",
}


def fixed_outcome(entry: Entry) -> bool | None:
    """The sandbox's table of numbers and addresses; None for all others."""
    email = entry.details.get("email") if entry.operator == "fapshi" else None
    if entry.phone in ALWAYS_PAY or email in ALWAYS_PAYABLE:
        return True
    return False if entry.phone in NEVER_PAY or email in NEVER_PAYABLE else None


def find_word(entry: Entry) -> str:
    if entry.state is not State.PENDING:
        return WORDS[entry.state]
    is_started = entry.tries > 0 and (entry.link_id or entry.details.get("was_read"))
    return "PENDING" if is_started else "CREATED"


def find_problem(document: Mapping[str, Any]) -> str:
    """What is wrong with the fields that all creating calls share; "" when nothing is."""
    amount = document.get("amount")
    if type(amount) is not int or not MINIMUM_AMOUNT <= amount < 10**15:
        return f"amount: a whole number of at least {MINIMUM_AMOUNT}"
    for name in ("externalId", "userId"):
        if name in document and not matches(OUR_ID, document[name]):
            return f"{name}: 1 to 100 letters, digits, - or _"
    if "email" in document and not matches(EMAIL, document["email"]):
        return "email: not an address"
    if "medium" in document and document["medium"] not in tuple(OPERATORS):
        return "medium: mobile money or orange money"
    return ""


def matches(pattern: re.Pattern[str], value: object) -> bool:
    return isinstance(value, str) and pattern.fullmatch(value) is not None


def read_filters(query: Mapping[str, str]) -> Iterator[Callable[[Entry], bool]]:
    """The filters of a search. One that makes no sense is ignored without a word, as the real gateway does."""
    status, medium, amount = query.get("status", ""), query.get("medium", ""), query.get("amt", "")
    start, end = query.get("start", ""), query.get("end", "")
    if status in ("created", "successful", "failed", "expired"):
        yield lambda entry: find_word(entry).lower() == status
    if medium in ("mobile money", "orange money"):
        yield lambda entry: entry.operator == OPERATORS[medium]
    if amount.isdecimal():
        yield lambda entry: entry.amount_minor == int(amount)
    if re.fullmatch(r"\d{4}-\d\d-\d\d", start):
        yield lambda entry: as_date(entry.created_at) >= start
    if re.fullmatch(r"\d{4}-\d\d-\d\d", end):
        yield lambda entry: as_date(entry.created_at) <= end
