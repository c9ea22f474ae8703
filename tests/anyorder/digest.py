"""Everything that our tables say of a payment, in words that two payments with the same fate share.

Whole rows, so that no column is forgotten: instants become "is there or not", ids and names become what they stand for.
Left out is only what tells how we came to know, not what is true: how often we asked and looked, the exchanges with the
gateway, and the events (which are compared with what was told: see events_of).
"""

import json
from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any

from django.db import connection

from tests.anyorder.payers import Member
from tests.machine.parts import columns_of_time

Digest = dict[str, Any]
Kept = tuple[str, str, bool]  # the word of an event, its state, whether it belongs to a payment

_HOW_WE_CAME_TO_KNOW = {
    "payments": {"checks_made"},
    "attempts": {"link", "instructions", "http_status", "latency_ms", "request", "response"},
    "refunds": {"reference", "http_status", "request", "response", "attempts_made", "asks_made"},
}
_MINE = "WITH mine AS MATERIALIZED (SELECT * FROM payments_payment WHERE id = ANY(%s))"
# What, from which table: each row with the payment's id before it.
_QUERIES = {
    "payments": ("payments_payment", "SELECT mine.id, to_jsonb(mine) FROM mine"),
    "attempts": (
        "payments_paymentattempt",
        "SELECT mine.id, to_jsonb(one) FROM mine JOIN payments_paymentattempt one ON one.payment_id = mine.id",
    ),
    "refunds": (
        "payments_refund",
        "SELECT mine.id, to_jsonb(one) FROM mine JOIN payments_refund one ON one.payment_id = mine.id",
    ),
    "orders": (
        "orders_order",
        "SELECT mine.id, to_jsonb(one) FROM mine JOIN orders_order one ON one.id = mine.order_id",
    ),
    "items": (
        "orders_orderitem",
        "SELECT mine.id, to_jsonb(one) FROM mine JOIN orders_orderitem one ON one.order_id = mine.order_id",
    ),
    "stock": (
        "orders_product",
        """
        SELECT mine.id, to_jsonb(one) FROM mine JOIN orders_orderitem item ON item.order_id = mine.order_id
        JOIN orders_product one ON one.id = item.product_id
        """,
    ),
    "cart": (
        "orders_cartitem",
        """
        SELECT mine.id, to_jsonb(one) || jsonb_build_object('held', one.order_id IS NOT NULL)
        FROM mine JOIN orders_cartitem one ON one.user_id = mine.user_id
        """,
    ),
    "wallet": (
        "wallets_account",
        "SELECT mine.id, to_jsonb(one) FROM mine JOIN wallets_account one ON one.user_id = mine.user_id",
    ),
    "entries": (
        "wallets_entry",
        """
        SELECT subject.payment, to_jsonb(one) || jsonb_build_object('debit', debit.name, 'credit', credit.name)
        FROM (
            SELECT id AS payment, 'payment:' || id AS about FROM mine UNION ALL
            SELECT mine.id, 'attempt:' || one.id FROM mine JOIN payments_paymentattempt one ON one.payment_id = mine.id
            UNION ALL SELECT mine.id, 'refund:' || one.id FROM mine JOIN payments_refund one ON one.payment_id = mine.id
        ) subject
        JOIN wallets_entry one ON split_part(reason, ':', 1) || ':' || split_part(reason, ':', 2) = subject.about
        JOIN wallets_account debit ON debit.id = one.debit_id JOIN wallets_account credit ON credit.id = one.credit_id
        """,
    ),
    "told": (
        "notifications_notification",
        "SELECT mine.id, to_jsonb(one) FROM mine JOIN notifications_notification one ON one.user_id = mine.user_id",
    ),
    "set_aside": (
        "payments_deadletter",
        "SELECT mine.id, to_jsonb(one) FROM mine JOIN payments_deadletter one ON one.payment_id = mine.id",
    ),
}


def digests_of(members: Sequence[Member]) -> list[Digest]:
    """One for each, in one query a table."""
    instants = columns_of_time()
    found: dict[int, Digest] = {member.payment.pk: {name: [] for name in _QUERIES} for member in members}
    names: dict[int, dict[str, str]] = {member.payment.pk: _names_of(member) for member in members}
    for what, (table, query) in _QUERIES.items():
        for payment_id, row in _rows(query, list(found)):
            _name_ids(what, row, names[payment_id])
            found[payment_id][what].append((row, instants.get(table, [])))
    return [
        {what: _plain(what, rows, names[payment_id]) for what, rows in digest.items()}
        for payment_id, digest in found.items()
    ]


def events_of(members: Sequence[Member]) -> list[list[Kept]]:
    """(word, state, belongs to the payment) of each event that is kept of each of them, by transaction or reference."""
    kept: defaultdict[int, list[Kept]] = defaultdict(list)
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT transaction_id, reference, word, state, payment_id IS NOT NULL FROM payments_webhookevent"
        )
        rows = cursor.fetchall()
    whose = {event.transaction_id: member.payment.pk for member in members for event in member.read.values()}
    whose |= {str(member.attempt.reference): member.payment.pk for member in members}
    for transaction_id, reference, *event in rows:
        kept[whose.get(transaction_id) or whose.get(reference, 0)].append((event[0], event[1], event[2]))
    return [sorted(kept[member.payment.pk]) for member in members]


def _rows(query: str, ids: list[int]) -> list[tuple[int, dict[str, Any]]]:
    with connection.cursor() as cursor:
        cursor.execute(" ".join((_MINE, query)), [ids])
        return [(payment_id, json.loads(row) if isinstance(row, str) else row) for payment_id, row in cursor.fetchall()]


def _names_of(member: Member) -> dict[str, str]:
    """What stands for what: ids of ours, and those that the gateway gave to money and refunds."""
    payment = member.payment
    names = {
        f"payment:{payment.pk}": "payment:P",
        f"customer:{payment.user_id}": "customer:C",
        payment.phone: "<phone>",
        member.attempt.transaction_id: "<transaction>",
        str(member.attempt.reference): "<reference>",
        f"CT-{payment.order_id:06d}": "<order>",
        member.shop: "<shop>",
    }
    for name, event in member.read.items():
        for said in (event.status, event.refund):
            if said is not None and said.gateway_payment_id:
                names.setdefault(said.gateway_payment_id, f"<money of {name}>")
        if event.refund is not None:
            names.setdefault(event.refund.gateway_refund_id, f"<refund of {name}>")
            if event.refund.bank_reference:
                names.setdefault(event.refund.bank_reference, "<bank>")
    return names


def _name_ids(what: str, row: dict[str, Any], names: dict[str, str]) -> None:
    """Rows of ours that others speak of: refund:7, attempt:12."""
    if what == "refunds":
        names[f"refund:{row['id']}"] = f"refund:{row['source']} {row['amount_minor']}"
        names[f"refund {row['id']} "] = "refund R "
    elif what == "attempts":
        names[f"attempt:{row['id']}"] = f"attempt:{row['number']}"


def _plain(what: str, rows: list[tuple[dict[str, Any], list[str]]], names: Mapping[str, str]) -> list[Any]:
    left_out = _HOW_WE_CAME_TO_KNOW.get(what, set())
    plain = []
    for row, instants in rows:
        kept = {
            name: (value is not None) if name in instants else value
            for name, value in row.items()
            if name != "id" and name not in left_out and not (name.endswith("_id") and isinstance(value, int))
        }
        if what in {"items", "stock"}:
            kept["name"] = "<dish>"
        text = json.dumps(kept, sort_keys=True)
        for name in sorted(names, key=len, reverse=True):
            text = text.replace(name, names[name])
        plain.append(text)
    return [json.loads(text) for text in sorted(plain)]


def summary_of(digest: Digest) -> dict[str, Any]:
    """What a story says must come of it."""
    return {
        "payment": digest["payments"][0]["state"],
        "order": digest["orders"][0]["state"],
        "tries": [attempt["state"] for attempt in digest["attempts"]],
        "told": sorted(message["kind"] for message in digest["told"]),
        "entries": sorted({_what_for(entry["reason"]) for entry in digest["entries"]}),
        "refunds": [refund["state"] for refund in digest["refunds"]],
        "balance": sum(account["balance_minor"] for account in digest["wallet"]),
        "set_aside": len(digest["set_aside"]),
    }


def _what_for(reason: str) -> str:
    """refund:OUTSIDE 50000:given → refund:given"""
    kind, _, what = reason.split(":")
    return f"{kind}:{what}"
