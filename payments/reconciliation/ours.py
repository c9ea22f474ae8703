"""Our side: the tries and refunds that a gateway's lists name, and those of the day that they do not."""

from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime, time, timedelta
from typing import Any
from uuid import UUID

from django.db import connection

from choptym.lib.money import Money
from payments.history import call_tries_back
from payments.models import RefundWay
from payments.reconciliation.facts import Back, Ours, Reading, Try
from payments.states import AttemptState, RefundState

# So many at a time, that no statement grows without bounds.
CHUNK = 1000
# A payment's first try and its last are never further apart than this.
TRIES_WITHIN = timedelta(days=1)

_FEES = """SELECT sum(CASE WHEN debit.name LIKE 'fees:%%' THEN entry.amount_minor ELSE -entry.amount_minor END)
               AS amount_minor
        FROM wallets_entry entry JOIN wallets_account debit ON debit.id = entry.debit_id"""
# Only parts of this file are put together here, no value.
_TRIES = f"""
    SELECT attempt.id, payment.id, attempt.reference::text, attempt.transaction_id, attempt.state, payment.state,
           payment.by_link, attempt.started_at, coalesce(payment.settled_at, attempt.ended_at),
           payment.amount_minor, payment.currency, booked.amount_minor, booked.currency,
           coalesce(fee.amount_minor, CASE attempt.state WHEN 'PAID' THEN payment.fee_minor END),
           coalesce(refunded.amount_minor, 0), attempt.gateway_payment_id,
           EXISTS (SELECT 1 FROM payments_deadletter letter
                   WHERE letter.payment_id = payment.id AND letter.replayed_at IS NULL)
    FROM payments_paymentattempt attempt
    JOIN payments_payment payment ON payment.id = attempt.payment_id
    LEFT JOIN wallets_entry booked ON booked.reason =
         CASE attempt.state WHEN 'PAID' THEN 'payment:' || payment.id || ':capture'
                            WHEN 'SURPLUS' THEN 'attempt:' || attempt.id || ':surplus' END
    LEFT JOIN LATERAL (
        {_FEES}
        WHERE entry.reason IN (
            SELECT CASE attempt.state WHEN 'SURPLUS' THEN 'attempt:' || attempt.id ELSE 'payment:' || payment.id END
                   || part
            FROM unnest(%(fee_parts)s::text[]) AS part)
    ) fee ON attempt.state IN ('PAID', 'SURPLUS')
    LEFT JOIN LATERAL (
        SELECT sum(refund.amount_minor) AS amount_minor FROM payments_refund refund
        WHERE refund.payment_id = payment.id AND refund.attempt_id = attempt.id AND refund.state <> 'FAILED'
          AND refund.way = 'GATEWAY'
    ) refunded ON true
    WHERE attempt.gateway = %(gateway)s AND """  # noqa: S608
_NAMED_TRIES = """attempt.id IN (
    SELECT id FROM payments_paymentattempt WHERE reference = ANY(%(references)s::uuid[])
    UNION SELECT id FROM payments_paymentattempt
          WHERE gateway = %(gateway)s AND transaction_id = ANY(%(ids)s) AND transaction_id <> ''
    UNION SELECT id FROM payments_paymentattempt
          WHERE gateway = %(gateway)s AND gateway_payment_id = ANY(%(ids)s) AND gateway_payment_id <> '')"""
# By the payment's own index: tries have none by time.
_TRIES_OF_DAY = """payment.requested_at >= %(begin)s - %(slack)s AND payment.requested_at < %(end)s
    AND attempt.started_at >= %(begin)s AND attempt.started_at < %(end)s AND attempt.state = ANY(%(took)s)"""

_REFUNDS = f"""
    SELECT refund.id, refund.payment_id, refund.attempt_id, refund.reference::text, refund.gateway_refund_id,
           refund.state, refund.amount_minor, refund.currency, refund.requested_at, refund.finished_at,
           fee.amount_minor
    FROM payments_refund refund
    LEFT JOIN LATERAL (
        {_FEES}
        WHERE entry.reason IN (SELECT 'refund:' || refund.id || part FROM unnest(%(fee_parts)s::text[]) AS part)
    ) fee ON true
    WHERE refund.gateway = %(gateway)s AND refund.way = %(way)s AND """  # noqa: S608
_NAMED_REFUNDS = """(refund.reference = ANY(%(references)s::uuid[])
    OR refund.gateway_refund_id = ANY(%(ids)s) AND refund.gateway_refund_id <> '')"""
_REFUNDS_OF_DAY = """refund.state = ANY(%(done)s) AND refund.requested_at >= %(begin)s
    AND refund.requested_at < %(end)s"""

# A fee is booked once; how often a person may correct it is bounded, so that the sum is a look into an index.
MOST_CORRECTIONS = 5
FEE_PARTS = [":fee", *(f":fee_correction:{number}" for number in range(1, MOST_CORRECTIONS + 1))]

# What a row of these queries begins with.
_TRY = (
    "attempt_id", "payment_id", "reference", "transaction_id", "state", "payment_state", "by_link", "started_at",
    "ended_at",
)  # fmt: skip
_BACK = ("refund_id", "payment_id", "attempt_id", "reference", "gateway_refund_id", "state")


def find_ours(gateway: str, reading: Reading) -> Ours:
    """All of ours that these lists could be about. A few queries, however long the lists are.

    Commits: archived tries that are named, called back.
    """
    references, ids = _names(reading)
    for start in range(0, max(len(references), len(ids)), CHUNK):
        part = slice(start, start + CHUNK)
        call_tries_back(references=references[part], transactions=ids[part])
    begin = datetime.combine(reading.day, time(), UTC)
    common = {"gateway": gateway, "fee_parts": FEE_PARTS, "begin": begin, "end": begin + timedelta(days=1)}
    of_day = {"slack": TRIES_WITHIN, "took": [AttemptState.PAID, AttemptState.SURPLUS]}
    tries = {row[0]: row for row in _named(_TRIES + _NAMED_TRIES, references, ids, common)}
    tries |= {row[0]: row for row in _fetch(_TRIES + _TRIES_OF_DAY, {**common, **of_day})}
    backward = {**common, "way": RefundWay.GATEWAY, "done": [RefundState.REFUNDED]}
    refunds = {row[0]: row for row in _named(_REFUNDS + _NAMED_REFUNDS, references, ids, backward)}
    refunds |= {row[0]: row for row in _fetch(_REFUNDS + _REFUNDS_OF_DAY, backward)}
    return Ours([_as_try(row) for row in tries.values()], [_as_back(row) for row in refunds.values()])


def _names(reading: Reading) -> tuple[list[str], list[str]]:
    """Every reference that can be ours, and every id, in these lists."""
    statuses = [line.status for line in reading.everything]
    references = {*(status.reference for status in statuses), *(line.reference for line in reading.settled)}
    references |= {*reading.references.values()}
    ids = {name for status in statuses for name in (status.transaction_id, status.gateway_payment_id)}
    for line in reading.settled:
        ids |= {line.transaction_id, line.gateway_id}
    return sorted(filter(is_uuid, references)), sorted(ids - {""})


def is_uuid(text: str) -> bool:
    try:
        return str(UUID(text)) == text.lower()
    except ValueError:
        return False


def _named(
    query: str, references: Sequence[str], ids: Sequence[str], common: dict[str, Any]
) -> Iterator[tuple[Any, ...]]:
    for start in range(0, max(len(references), len(ids)), CHUNK):
        part = slice(start, start + CHUNK)
        yield from _fetch(query, {**common, "references": list(references[part]), "ids": list(ids[part])})


def _fetch(query: str, values: dict[str, Any]) -> Iterable[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(query, values)
        return list(cursor.fetchall())


def _as_try(row: tuple[Any, ...]) -> Try:
    first: list[Any] = list(row[:9])
    asked, asked_currency, booked, booked_currency, fee, refunded, gateway_payment_id, is_set_aside = row[9:]
    return Try(
        **dict(zip(_TRY, first, strict=True)),
        asked=Money(asked, asked_currency),
        booked=None if booked is None else Money(booked, booked_currency),
        fee_minor=None if fee is None else int(fee),
        refunded_minor=int(refunded),
        gateway_payment_id=gateway_payment_id,
        is_set_aside=is_set_aside,
    )


def _as_back(row: tuple[Any, ...]) -> Back:
    first: list[Any] = list(row[:6])
    amount, currency, requested_at, ended_at, fee = row[6:]
    return Back(
        **dict(zip(_BACK, first, strict=True)),
        money=Money(amount, currency),
        requested_at=requested_at,
        ended_at=ended_at,
        fee_minor=None if fee is None else int(fee),
    )
