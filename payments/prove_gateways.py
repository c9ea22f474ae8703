"""Our books against a sandbox's own: what it believes it collected must stand in ours once, and nothing else may."""

from collections import Counter
from dataclasses import dataclass
from typing import Any

import requests
from django.conf import settings
from django.db import connection

TIMEOUT_SECONDS = 30


@dataclass(frozen=True, slots=True)
class GatewayBooks:
    """Both sides of one gateway, in number and in minor units of all currencies together."""

    name: str
    collected: int
    collected_minor: int
    booked: int
    booked_minor: int


@dataclass(frozen=True, slots=True)
class Comparison:
    """`lost`: collected, but in no book of ours. `doubled`: a payment that cost its customer twice."""

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
    amount_minor: int | None
    currency: str | None


def compare_sandbox(address: str) -> Comparison:
    """Compare every gateway that the sandbox speaks for. Only for payments that have come to rest."""
    gateways: list[GatewayBooks] = []
    breaks: dict[str, list[str]] = {}
    lost = doubled = 0
    for name in settings.GATEWAYS:
        theirs = _their_books(address, name)
        ours = _our_books(name)
        found = _compare(theirs, ours)
        lost += len(found["collected_not_booked"])
        doubled += len(found["collected_twice"])
        breaks |= {f"{name}_{kind}": places for kind, places in found.items() if places}
        booked = [row for row in ours.values() if row.amount_minor is not None and row.attempt_state == "PAID"]
        gateways.append(
            GatewayBooks(
                name,
                len(theirs),
                sum(entry["amount_minor"] for entry in theirs),
                len(booked),
                sum(row.amount_minor or 0 for row in booked),
            )
        )
    return Comparison(gateways, breaks, lost, doubled)


def _their_books(address: str, gateway: str) -> list[dict[str, Any]]:
    url = f"{address.rstrip('/')}/control/{gateway}/books"
    response = requests.get(url, params={"state": "collected"}, timeout=TIMEOUT_SECONDS)
    response.raise_for_status()
    return [entry for entry in response.json()["entries"] if entry["kind"] == "collection"]


def _our_books(gateway: str) -> dict[str, Booked]:
    with connection.cursor() as cursor:
        cursor.execute(
            """
            SELECT attempt.reference::text, payment.id, payment.state, attempt.state, entry.amount_minor, entry.currency
            FROM payments_paymentattempt attempt
            JOIN payments_payment payment ON payment.id = attempt.payment_id
            LEFT JOIN wallets_entry entry ON entry.reason = 'payment:' || payment.id || ':capture'
            WHERE attempt.gateway = %s
            """,
            [gateway],
        )
        return {row[0]: Booked(*row[1:]) for row in cursor.fetchall()}


def _compare(theirs: list[dict[str, Any]], ours: dict[str, Booked]) -> dict[str, list[str]]:
    lost = []
    payments: Counter[int] = Counter()
    for entry in theirs:
        row = ours.get(entry["reference"])
        if row is not None:
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


def _not_booked(entry: dict[str, Any], row: Booked | None) -> str:
    """Why this money of the gateway's is not in our books; empty when it is, or when a person is looking at it."""
    if row is None:
        return f"no attempt of ours has its reference {entry['reference']}"
    if row.attempt_state != "PAID" or row.payment_state not in {"SETTLED", "REVIEW"}:
        return f"payment {row.payment_id} is {row.payment_state}"
    money = (entry["amount_minor"], entry["currency"])
    if row.payment_state == "SETTLED" and (row.amount_minor, row.currency) != money:
        return f"payment {row.payment_id} has booked {row.amount_minor} {row.currency}"
    return ""
