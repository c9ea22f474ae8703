"""Quiet, then the proof: nothing waits that should not, and what the world knows is in our books once."""

import json
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.chaos.load import Tally
from tests.chaos.world import World

# All that is compared of a phone number.
NATIONAL_DIGITS = 9
NAMED = 5
# Rows for which somebody of ours should have done something by now. Each query counts what of it is left.
WAITING = {
    "payments that have not ended": """
        SELECT count(*) FROM payments_payment WHERE state IN ('QUEUED', 'REQUESTED', 'PENDING')
    """,
    "events that nobody looked at": "SELECT count(*) FROM payments_webhookevent WHERE state = 'NEW'",
    "messages that were not sent": "SELECT count(*) FROM notifications_notification WHERE state = 'WAITING'",
    "refunds that have not ended": "SELECT count(*) FROM payments_refund WHERE next_attempt_at IS NOT NULL",
    "questions that are overdue": """
        SELECT count(*) FROM payments_payment WHERE next_check_at < now() - interval '10 seconds'
    """,
}
# What no run may leave behind.
NEVER = {
    "messages that were given up": "SELECT count(*) FROM notifications_notification WHERE state = 'GIVEN_UP'",
    "payments set aside": "SELECT count(*) FROM payments_deadletter WHERE replayed_at IS NULL",
    "payments under review": "SELECT count(*) FROM payments_payment WHERE state = 'REVIEW'",
}
# Nobody is asked twice for the same, whatever is broken: what came twice is in the wallet, and should not have come.
PAID_TWICE = """
    SELECT format('payment %%s was collected twice: one of it is surplus', payment_id)
    FROM payments_paymentattempt WHERE state = 'SURPLUS' AND payment_id > %s ORDER BY payment_id
"""
# Who was told that money goes back has it back, all of it.
REFUNDS_AMISS = """
    SELECT format('refund %%s of payment %%s is %%s', promised.id, payment.id, coalesce(refund.state, 'not there'))
    FROM unnest(%s::bigint[], %s::bigint[]) AS promised(payment_id, id)
    JOIN payments_payment payment ON payment.id = promised.payment_id
    LEFT JOIN payments_refund refund ON refund.id = promised.id AND refund.payment_id = payment.id
    WHERE refund.state IS DISTINCT FROM 'REFUNDED' OR refund.amount_minor <> payment.amount_minor
    ORDER BY promised.id
"""
# By gateway, of those begun after everything had recovered: how many were paid, and how many ended in another way.
PAID_SINCE = """
    SELECT gateway, count(*) FILTER (WHERE state = 'SETTLED'), count(*) FILTER (WHERE state <> 'SETTLED')
    FROM payments_payment WHERE id > %s AND state <> 'CANCELLED' GROUP BY gateway
"""
# Who declines, and what the weather spoils: two in a hundred.
UNPAID_SHARE, UNPAID_LEAST = 0.1, 3
# One message of each kind that a payment's end asks for, by each channel; late money after another end has one more.
MESSAGES_AMISS = """
    SELECT format('payment %%s (%%s) told %%s by %%s %%s times', payment.id, payment.state, kinds.kind, wish.channel,
                  count(message.id))
    FROM payments_payment payment
    JOIN LATERAL (SELECT unnest(CASE
        WHEN payment.state = 'FAILED' THEN '{payment_failed}'::text[]
        WHEN payment.state = 'EXPIRED' THEN '{payment_expired}'::text[]
        WHEN payment.state = 'SETTLED' AND payment.order_id IS NULL THEN '{wallet_topped_up}'::text[]
        WHEN payment.state = 'SETTLED' THEN '{payment_settled}'::text[]
        ELSE '{}'::text[] END) AS kind) kinds ON true
    JOIN auth_user customer ON customer.id = payment.user_id
    LEFT JOIN notifications_preference preference ON preference.user_id = customer.id
    CROSS JOIN LATERAL (
        SELECT 'sms' AS channel UNION ALL SELECT 'email' WHERE coalesce(preference.by_email, false)) wish
    LEFT JOIN notifications_notification message
           ON message.about = 'payment:' || payment.id AND message.channel = wish.channel AND message.state = 'SENT'
          AND (message.kind = kinds.kind
               OR (kinds.kind = 'payment_settled' AND message.kind IN ('payment_settled_late', 'wallet_credited')))
    WHERE payment.id > %s
    GROUP BY payment.id, payment.state, kinds.kind, wish.channel HAVING count(message.id) <> 1
    ORDER BY payment.id LIMIT 20
"""


@dataclass(slots=True)
class Verdict:
    """`breaks` says in words what is wrong; empty: nothing is."""

    lost: int = 0
    doubled: int = 0
    told_twice: int = 0
    ends: dict[str, int] = field(default_factory=dict)
    breaks: list[str] = field(default_factory=list)


def is_quiet(world: World) -> bool:
    """Whether nothing of ours waits any more."""
    return not left(world)


def left(world: World) -> dict[str, int]:
    """What still waits, by name."""
    counts = {name: world.number(query) for name, query in WAITING.items()}
    return {name: count for name, count in counts.items() if count}


def prove(world: World, tally: Tally, *, after: int) -> Verdict:
    """Hold our books against the sandbox's, against each other, and against what was promised.

    `after`: the highest payment of before this run. The books are proved as a whole.
    """
    verdict = Verdict()
    verdict.breaks += [f"{count} {name}" for name, count in left(world).items()]
    verdict.breaks += [f"{count} {name}" for name, query in NEVER.items() if (count := world.number(query))]
    _prove_books(world, verdict)
    _prove_promises(world, tally, verdict, after=after)
    _prove_once(world, verdict, after=after)
    _prove_refunds(world, tally, verdict)
    verdict.breaks += [row[0] for row in world.rows(MESSAGES_AMISS, after)]
    _prove_sent(world, verdict)
    ends = world.rows("SELECT state, count(*) FROM payments_payment WHERE id > %s GROUP BY state", after)
    verdict.ends = {state.lower(): count for state, count in ends}
    return verdict


def _prove_books(world: World, verdict: Verdict) -> None:
    said = world.stack.manage("prove_money", "--json", "--sandbox", world.stack.sandbox)
    lines = [line for line in said.stdout.splitlines() if line.startswith("{")]
    if not lines:
        verdict.breaks.append(f"prove_money said nothing: {said.stdout[-300:]}")
        return
    result: dict[str, Any] = json.loads(lines[-1])
    verdict.lost += result["lost"]
    verdict.doubled += result["doubled"]
    verdict.breaks += [f"{found['kind']}: {found['places'][:NAMED]}" for found in result["breaks"]]


def _prove_promises(world: World, tally: Tally, verdict: Verdict, *, after: int) -> None:
    """Each 202 named a payment, and there is one for each key: no more, unless an answer was lost for good."""
    promised = list(tally.promised.values())
    missing = world.rows(
        "SELECT id FROM unnest(%s::bigint[]) AS promised(id) WHERE id NOT IN (SELECT id FROM payments_payment)",
        promised,
    )
    verdict.lost += len(missing)
    verdict.breaks += [f"payment {row[0]} was promised, and is not there" for row in missing[:NAMED]]
    made = world.number("SELECT count(*) FROM payments_payment WHERE id > %s", after)
    nobodys = made - len(set(promised)) - len(tally.unanswered)
    if nobodys > 0:
        verdict.doubled += nobodys
        verdict.breaks.append(f"{nobodys} payments more than customers asked for")
    verdict.doubled += len(tally.contradicted)
    verdict.breaks += tally.contradicted[:NAMED]


def _prove_once(world: World, verdict: Verdict, *, after: int) -> None:
    surplus = world.rows(PAID_TWICE, after)
    verdict.doubled += len(surplus)
    verdict.breaks += [row[0] for row in surplus[:NAMED]]


def _prove_refunds(world: World, tally: Tally, verdict: Verdict) -> None:
    amiss = world.rows(REFUNDS_AMISS, list(tally.refunds), list(tally.refunds.values()))
    verdict.lost += sum("not there" in row[0] for row in amiss)
    verdict.breaks += [row[0] for row in amiss[:NAMED]]


def unpaid_since(world: World, recovered: int) -> list[str]:
    """What is wrong with the payments after this one, begun when everything had recovered: they should be paid."""
    rows = world.rows(PAID_SINCE, recovered)
    paid, unpaid = sum(row[1] for row in rows), sum(row[2] for row in rows)
    problems = [f"nothing was paid by {gateway} after the recovery" for gateway, some, _ in rows if not some]
    if not rows:
        problems.append("nobody came to pay after the recovery")
    if unpaid > max(UNPAID_LEAST, UNPAID_SHARE * (paid + unpaid)):
        problems.append(f"{unpaid} of {paid + unpaid} payments after the recovery were not paid")
    return problems


def _prove_sent(world: World, verdict: Verdict) -> None:
    """Everything that is called SENT has really arrived; some of it twice, where a sender died in between."""
    arrived = Counter(_arrivals(world.stack.root / "sink.jsonl"))
    missing = []
    rows = world.rows(
        "SELECT channel, address, count(*) FROM notifications_notification WHERE state = 'SENT' GROUP BY 1, 2"
    )
    for channel, address, count in rows:
        came = arrived[channel, _as_known(channel, address)]
        if came < count:
            missing.append(f"{count} messages to {address} by {channel}, {came} arrived")
        verdict.told_twice += max(0, came - count)
    verdict.breaks += missing[:NAMED]


def _arrivals(file: Path) -> list[tuple[str, str]]:
    with file.open(encoding="utf-8") as lines:
        messages = [json.loads(line) for line in lines]
    return [(message["channel"], _as_known(message["channel"], message["to"])) for message in messages]


def _as_known(channel: str, address: str) -> str:
    """A number without what its country begins with."""
    return address[-NATIONAL_DIGITS:] if channel == "sms" else address
