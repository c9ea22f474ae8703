"""Writing down how a try at a gateway went: in the caller's transaction, after the payment's lock."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import structlog

from choptym.lib import clock
from choptym.lib.errors import Exchange
from choptym.lib.states import sources_of
from payments.facts import Paid
from payments.history import call_tries_back
from payments.models import PaymentAttempt
from payments.states import ATTEMPT_MOVES, AttemptState

log = structlog.get_logger(__name__)

_PROBLEM_LENGTH = 300


def record_attempt(attempt_id: int, to: AttemptState, exchange: Exchange | None, **also: Any) -> bool:
    """Move the try to `to` with what was said, masked. False: it had moved on already (a webhook was faster)."""
    if exchange is not None:
        also |= {
            "http_status": exchange.http_status,
            "latency_ms": exchange.latency_ms,
            "request": dict(exchange.request),
            "response": dict(exchange.response),
        }
    if "problem" in also:
        also["problem"] = str(also["problem"])[:_PROBLEM_LENGTH]
    attempts = PaymentAttempt.objects.filter(pk=attempt_id, state__in=sources_of(to, ATTEMPT_MOVES))
    return attempts.update(state=to, ended_at=clock.now(), **also) == 1


def with_gateways(batch: Sequence[Paid]) -> list[Paid]:
    """These facts, each with the gateway of its own try: money is booked where it is. One query, if any.

    A try that was archived meanwhile is called back. Runs in the caller's transaction, after the payments' locks.
    """
    unnamed = [paid.attempt_id for paid in batch if paid.attempt_id and not paid.gateway]
    if not unnamed:
        return list(batch)
    tries = PaymentAttempt.objects.filter(pk__in=unnamed)
    names = dict(tries.values_list("pk", "gateway"))
    if len(names) < len(unnamed) and call_tries_back(payments=[paid.payment_id for paid in batch]):
        names = dict(tries.all().values_list("pk", "gateway"))
    return [replace(paid, gateway=paid.gateway or names.get(paid.attempt_id, "")) for paid in batch]


def learn_transaction(attempt_id: int, transaction_id: str) -> None:
    """Keep the gateway's id of this try, when it was not known before. An id that another try has is left alone.

    One money may have several ids: the events of a payment link name the order behind it. The first one stays.
    """
    if not transaction_id:
        return
    [attempt] = PaymentAttempt.objects.filter(pk=attempt_id)
    if attempt.transaction_id:
        return
    if PaymentAttempt.objects.filter(gateway=attempt.gateway, transaction_id=transaction_id).exists():
        log.error("the gateway gave an id that another try has", attempt=attempt_id, transaction=transaction_id)
        return
    PaymentAttempt.objects.filter(pk=attempt_id, transaction_id="").update(transaction_id=transaction_id)


def learn_link(attempt_id: int, link: str) -> None:
    """Keep the page of a try whose own answer was lost: without it nobody could pay there."""
    if link:
        PaymentAttempt.objects.filter(pk=attempt_id, link="").update(link=link)


def keep_answer(attempt_id: int, exchange: Exchange | None, *, link: str, instructions: str) -> None:
    """Keep what the gateway answered to a try that a webhook had already moved on."""
    also: dict[str, Any] = {"link": link, "instructions": instructions, "ended_at": clock.now()}
    if exchange is not None:
        also |= {"http_status": exchange.http_status, "latency_ms": exchange.latency_ms}
    PaymentAttempt.objects.filter(pk=attempt_id).update(**also)
