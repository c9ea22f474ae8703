"""Our books against a sandbox's own: what it believes it collected must stand in ours once, and nothing else may."""

from collections import Counter
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import requests
from django.conf import settings
from django.db import connection

from payments.gateways import get_gateway
from payments.prove_gateway_refunds import compare_refunds

TIMEOUT_SECONDS = 30


@dataclass(frozen=True, slots=True)
class GatewayBooks:
    """Both sides of one gateway, in number and in minor units of its currency."""

    name: str
    currency: str
    collected: int
    collected_minor: int
    booked: int
    booked_minor: int
    on_the_way: int  # collected, and we are still going to ask


@dataclass(frozen=True, slots=True)
class Comparison:
    """`lost`: collected, or given back, but in no book of ours. `doubled`: a payment that cost its customer twice, or
    a refund that went out twice.
    """

    gateways: list[GatewayBooks]
    breaks: dict[str, list[str]]
    lost: int
    doubled: int


@dataclass(frozen=True, slots=True)
class Booked:
    """An attempt of ours, with what its payment's capture entry says (None: there is none)."""

    payment_id: int
    payment_state: str
    attempt_state: str
    is_watched: bool  # the gateway will be asked about it (again)
    amount_minor: int | None
    currency: str | None


def compare_sandbox(address: str) -> Comparison:
    """Compare every gateway that the sandbox speaks for.

    Money that was collected a moment ago is on its way as long as we are going to ask about it; it is lost when we
    are not.
    """
    gateways: list[GatewayBooks] = []
    breaks: dict[str, list[str]] = {}
    lost = doubled = 0
    for name in _spoken_for(address):
        opened_at, theirs = _their_books(address, name)
        ours = _our_books(name, since=opened_at)
        found, refunds = _compare(theirs, ours), compare_refunds(address, name, since=opened_at)
        lost += len(found["collected_not_booked"]) + refunds.lost
        doubled += len(found["collected_twice"]) + refunds.doubled
        found |= refunds.breaks
        breaks |= {f"{name}_{kind}": places for kind, places in found.items() if places}
        booked = [row for row in ours.values() if row.amount_minor is not None and row.attempt_state == "PAID"]
        gateways.append(
            GatewayBooks(
                name,
                "+".join(sorted({*_currencies(name), *(entry["currency"] for entry in theirs)})),
                len(theirs),
                sum(entry["amount_minor"] for entry in theirs),
                len(booked),
                sum(row.amount_minor or 0 for row in booked),
                sum(_is_on_the_way(ours.get(entry["reference"])) for entry in theirs),
            )
        )
    return Comparison(gateways, breaks, lost, doubled)


def _spoken_for(address: str) -> list[str]:
    """The gateways whose calls go to this sandbox: a stack may be pointed elsewhere for some of them."""
    root = address.rstrip("/") + "/"
    return [name for name, entry in settings.GATEWAYS.items() if entry["options"]["base_url"].startswith(root)]


def _currencies(gateway: str) -> frozenset[str]:
    return get_gateway(gateway).rules.currencies


def _their_books(address: str, gateway: str) -> tuple[datetime, list[dict[str, Any]]]:
    """What it collected, and since when it knows: a sandbox forgets its books when it is started again."""
    url = f"{address.rstrip('/')}/control/{gateway}/books"
    response = requests.get(url, params={"state": "collected"}, timeout=TIMEOUT_SECONDS)
    response.raise_for_status()
    books = response.json()
    entries = [entry for entry in books["entries"] if entry["kind"] == "collection"]
    return datetime.fromisoformat(books["opened_at"]), entries


def _our_books(gateway: str, *, since: datetime) -> dict[str, Booked]:
    with connection.cursor() as cursor:
        cursor.execute(
            """
            SELECT attempt.reference::text, payment.id, payment.state, attempt.state,
                   payment.next_check_at IS NOT NULL, entry.amount_minor, entry.currency
            FROM payments_paymentattempt attempt
            JOIN payments_payment payment ON payment.id = attempt.payment_id
            LEFT JOIN wallets_entry entry ON entry.reason = 'payment:' || payment.id || ':capture'
            WHERE attempt.gateway = %s AND attempt.started_at >= %s
            """,
            [gateway, since],
        )
        return {row[0]: Booked(*row[1:]) for row in cursor.fetchall()}


def _compare(theirs: list[dict[str, Any]], ours: dict[str, Booked]) -> dict[str, list[str]]:
    lost = []
    payments: Counter[int] = Counter()
    for entry in theirs:
        row = ours.get(entry["reference"])
        if row is not None and row.attempt_state != "SURPLUS":  # that one the customer has back
            payments[row.payment_id] += 1
        if problem := _not_booked(entry, row):
            told = f"{entry['gateway_id']} ({entry['amount_minor']} {entry['currency']})"
            lost.append(f"{told}: {problem}")
    collected = {entry["reference"] for entry in theirs}
    return {
        "collected_not_booked": lost,
        "collected_twice": [f"payment {pk} was collected {count} times" for pk, count in payments.items() if count > 1],
        "booked_not_collected": [
            f"payment {row.payment_id}: the gateway did not collect {reference}"
            for reference, row in ours.items()
            if row.attempt_state == "PAID" and reference not in collected
        ],
    }


def _is_on_the_way(row: Booked | None) -> bool:
    return row is not None and row.is_watched and row.attempt_state not in {"PAID", "SURPLUS"}


def _not_booked(entry: dict[str, Any], row: Booked | None) -> str:
    """Why this money of the gateway's is not in our books; empty when it is, or when a person is looking at it."""
    if row is None:
        return f"no attempt of ours has its reference {entry['reference']}"
    if _is_on_the_way(row) or row.attempt_state == "SURPLUS":
        return ""
    if row.attempt_state != "PAID" or row.payment_state not in {"SETTLED", "REVIEW"}:
        return f"payment {row.payment_id} is {row.payment_state}"
    money = (entry["amount_minor"], entry["currency"])
    if row.payment_state == "SETTLED" and (row.amount_minor, row.currency) != money:
        return f"payment {row.payment_id} has booked {row.amount_minor} {row.currency}"
    return ""
