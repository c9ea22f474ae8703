"""The gateway's word about a refund: it ends the row, and a failure is booked back.

The word may come twice, late, or before the answer to our own call: the row under its payment's lock decides.
"""

import uuid
from datetime import datetime, timedelta

import structlog

from choptym.lib import clock
from choptym.lib.failpoints import committing
from choptym.lib.states import move
from notifications.notify import notify
from payments.gateways.base import RefundOutcome, RefundStatus
from payments.letters import set_aside
from payments.locks import lock_payments
from payments.models import Payment, Refund
from payments.refunds.books import post_back
from payments.refunds.came_back import CAME_BACK
from payments.refunds.locks import lock_refund
from payments.refunds.messages import failure_message, refund_message, was_promised
from payments.refunds.outside import book_given_after_all, write_outside_refund
from payments.second_looks import next_look_at
from payments.states import REFUND_ENDS, REFUND_MOVES, WAITING_REFUNDS, RefundState

log = structlog.get_logger(__name__)

# How often a refund that the gateway works on is asked about; the last one repeats. Banks take days.
POLL_SECONDS = (10.0, 60.0, 600.0, 3600.0, 6 * 3600.0)


def take_up_refund(gateway: str, status: RefundStatus, *, may_wait: bool = False) -> Payment | None:
    """Take up what a gateway says about a refund. Returns its payment; None when it is nothing of ours (yet).

    Safe to call again, in any order. A refund that we did not ask for becomes a row (see outside.py). None also while
    the money that it gives back is not known to be collected: come again when it is. And with `may_wait`, while it may
    turn out that it gave back nothing of ours.
    Commits: row, ledger and message together.
    Locks:   payment, wallet account.
    """
    refund = find_refund(gateway, status)
    if refund is None:
        payment = write_outside_refund(gateway, status, may_wait=may_wait)
        # An older word may have become the row meanwhile: then this one has still to be taken up.
        refund = find_refund(gateway, status)
        if refund is None:
            return payment
    with committing("refund.take_up"):
        [payment] = lock_payments([refund.payment_id])
        refund = lock_refund(refund.pk)
        if _names_another(refund, status):
            _ask_instead(refund, status)
        else:
            apply(refund, status)
    return payment


def find_refund(gateway: str, status: RefundStatus) -> Refund | None:
    """The row that the gateway speaks of: by our reference, else by the gateway's own id."""
    rows = Refund.objects.filter(gateway=gateway)
    try:
        named = rows.filter(reference=uuid.UUID(status.reference)).first()
    except ValueError:
        named = None
    if named is not None and named.state != RefundState.FAILED:
        return named
    same = rows.filter(gateway_refund_id=status.gateway_refund_id).exclude(gateway_refund_id="")
    return same.exclude(state=RefundState.FAILED).first() or named or same.first()


def _names_another(refund: Refund, status: RefundStatus) -> bool:
    """Our reference under another id than we know. A signature does not tell who chose the reference."""
    return bool(refund.gateway_refund_id and status.gateway_refund_id) and (
        refund.gateway_refund_id != status.gateway_refund_id
    )


def _ask_instead(refund: Refund, status: RefundStatus) -> None:
    """Not believed; the gateway's answer to our own question is. What was given has nothing left to ask."""
    which = {"known_id": refund.gateway_refund_id, "named_id": status.gateway_refund_id}
    log.error("a refund of ours is named under another id", refund=refund.pk, **which, word=status.word)
    to_ask = Refund.objects.filter(pk=refund.pk, state__in=[*WAITING_REFUNDS, RefundState.FAILED])
    to_ask.update(next_attempt_at=clock.now())


def apply(refund: Refund, status: RefundStatus) -> None:
    """Write down what is true of this refund. In the caller's transaction, after the locks of payment and refund."""
    if refund.state in REFUND_ENDS:
        _compare_with_end(refund, status)
        return
    known = {
        "gateway_refund_id": status.gateway_refund_id or refund.gateway_refund_id,
        "bank_reference": (status.bank_reference or refund.bank_reference)[:100],
        "problem": "",
    }
    if status.outcome is RefundOutcome.DONE:
        if status.money is not None and status.money != refund.amount:
            known["problem"] = f"asked for {refund.amount}, the gateway gave back {status.money}"
            log.error("a refund of another amount", refund=refund.pk, problem=known["problem"])
        finish(refund, **known)
    elif status.outcome is RefundOutcome.FAILED:
        fail(refund, code="refund_refused", **{**known, "problem": status.reason or status.word})
    else:
        if status.outcome is RefundOutcome.UNMAPPED:
            log.error("the gateway used a word we do not know", refund=refund.pk, word=status.word)
            known["problem"] = f"the gateway says {status.word}, which we do not know"[:300]
        _wait(refund, **known)


def finish(refund: Refund, **also: str) -> None:
    """It was given back. In the caller's transaction, after the payment's lock."""
    ended = {"finished_at": clock.now(), "next_attempt_at": None}
    if move(refund, RefundState.REFUNDED, REFUND_MOVES, **ended, **{"problem": "", **also}):
        notify([refund_message(refund)])


def fail(refund: Refund, *, code: str, problem: str, **also: str) -> None:
    """Nothing was given back: what was booked for it is booked back. In the caller's transaction, after the lock.

    A customer who was told that it is on its way is told that it is not, and where it is. If the gateway was ever asked
    to give it, it is asked about again later.
    """
    now = clock.now()
    ended = {"finished_at": now, "next_attempt_at": next_look_at(now) if refund.requested_at else None}
    about = {"failure_code": code[:40], "problem": problem[:300]}
    if move(refund, RefundState.FAILED, REFUND_MOVES, **ended, **about, **also):
        log.error("a refund failed", refund=refund.pk, payment=refund.payment_id, code=code)
        in_wallet = post_back(refund)
        if was_promised(refund):
            notify([failure_message(refund, in_wallet)])


def ask_failed_later(refund: Refund, *, leased_until: datetime) -> None:
    """The gateway has answered for now: this FAILED refund is asked about at its next time, if there is one."""
    again = next_look_at(refund.finished_at) if refund.finished_at else None
    # Only over our own lease: an event that came during the call has made the refund due at once.
    own = Refund.objects.filter(pk=refund.pk, state=RefundState.FAILED, next_attempt_at=leased_until)
    own.update(next_attempt_at=again)


def _wait(refund: Refund, **also: str) -> None:
    again = clock.now() + timedelta(seconds=POLL_SECONDS[min(refund.asks_made, len(POLL_SECONDS) - 1)])
    if not move(refund, RefundState.PENDING, REFUND_MOVES, next_attempt_at=again, **also):
        Refund.objects.filter(pk=refund.pk, state=RefundState.PENDING).update(next_attempt_at=again, **also)


def _compare_with_end(refund: Refund, status: RefundStatus) -> None:
    """The gateway's word wins later too, where money went out; that it came back, a person must see.

    A row that FAILED is booked back already, so money that went out for it after all is booked as a row of its own.
    """
    if refund.state == RefundState.FAILED and status.outcome is RefundOutcome.DONE:
        book_given_after_all(refund, status)
        Refund.objects.filter(pk=refund.pk).update(next_attempt_at=None)
    elif refund.state == RefundState.REFUNDED and status.outcome is RefundOutcome.FAILED:
        problem = f"ended {refund.state}, and then the gateway said {status.word or status.outcome}"
        news = Refund.objects.filter(pk=refund.pk).exclude(failure_code=CAME_BACK)
        if news.update(failure_code=CAME_BACK, problem=problem[:300]):
            set_aside(refund.payment_id, f"refund {refund.pk} {problem}: look there, and end it by hand")
